// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What the tests of the character device share, see uapi.h.
 */
#include <glob.h>
#include <limits.h>
#include <stdarg.h>
#include <time.h>

#include "uapi.h"

#define CLASS	"/sys/class/nanodose"
#define DEBUGFS	"/sys/kernel/debug/nanodose-sim/" RIG

static int test_count, test_failed;

bool test(bool good, const char *format, ...)
{
	va_list arguments;

	printf("%sok %d - ", good ? "" : "not ", ++test_count);
	va_start(arguments, format);
	vprintf(format, arguments);
	va_end(arguments);
	printf("\n");
	fflush(stdout);
	test_failed += !good;
	return good;
}

void note(const char *format, ...)
{
	va_list arguments;

	printf("# ");
	va_start(arguments, format);
	vprintf(format, arguments);
	va_end(arguments);
	printf("\n");
	fflush(stdout);
}

int test_end(void)
{
	printf("1..%d\n", test_count);
	return test_failed ? 1 : 0;
}

void bail(const char *format, ...)
{
	va_list arguments;

	printf("Bail out! ");
	va_start(arguments, format);
	vprintf(format, arguments);
	va_end(arguments);
	printf("\n");
	exit(1);
}

bool refused(int fd, unsigned long request, void *argument, int error, const char *name)
{
	int ret = ioctl(fd, request, argument);
	int got = ret < 0 ? errno : 0;

	if (!test(ret < 0 && got == error, "%s is refused with %s", name, strerrorname_np(error))) {
		note("got %s", got ? strerrorname_np(got) : "success");
		return false;
	}
	return true;
}

bool accepted(int fd, unsigned long request, void *argument, const char *name)
{
	int ret = ioctl(fd, request, argument);

	if (!test(!ret, "%s is accepted", name)) {
		note("got %s", ret < 0 ? strerrorname_np(errno) : "a positive number");
		return false;
	}
	return true;
}

static bool read_text(const char *path, char *text, size_t size)
{
	FILE *file = fopen(path, "re");
	bool good = file && fgets(text, size, file);

	if (file)
		fclose(file);
	if (good)
		text[strcspn(text, "\n")] = '\0';
	return good;
}

/* Opened and written as a whole, as files of sysfs and debugfs want it. */
bool write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t length = strlen(text);
	ssize_t written;
	int error;

	if (fd < 0)
		return false;
	written = write(fd, text, length);
	error = errno;
	close(fd);
	errno = error;
	return written == length;
}

/* The first pump of all: a rig's label is for its user to choose. */
static const char *class_device(void)
{
	static char path[PATH_MAX];
	glob_t found;

	if (glob(CLASS "/nanodose*", 0, NULL, &found) || found.gl_pathc != 1)
		bail("%zu pumps are there, one is wanted", found.gl_pathc);
	snprintf(path, sizeof(path), "%s", found.gl_pathv[0]);
	globfree(&found);
	return path;
}

const char *pump_path(void)
{
	static char path[PATH_MAX];

	snprintf(path, sizeof(path), "/dev/%s", strrchr(class_device(), '/') + 1);
	return path;
}

const char *rig_device(void)
{
	static char name[PATH_MAX];
	char link[PATH_MAX + 16], target[PATH_MAX];
	ssize_t length;

	snprintf(link, sizeof(link), "%s/device", class_device());
	length = readlink(link, target, sizeof(target) - 1);
	if (length < 0)
		bail("%s: %s", link, strerror(errno));
	target[length] = '\0';
	snprintf(name, sizeof(name), "%s", strrchr(target, '/') + 1);
	return name;
}

int pump_open(int flags)
{
	int fd = open(pump_path(), flags | O_CLOEXEC);

	if (fd < 0)
		bail("%s: %s", pump_path(), strerror(errno));
	return fd;
}

void pump_claim(int fd)
{
	struct nanodose_claim claim = { .label = "test" };

	if (ioctl(fd, NANODOSE_IOC_CLAIM, &claim))
		bail("claim: %s", strerror(errno));
}

int pump_run(int fd, long long rate_nhz, long long hold_ns)
{
	struct nanodose_run run = {
		.rate_nhz = rate_nhz,
		.accel_nhz_s = ACCEL_NHZ_S,
		.hold_ns = hold_ns,
	};

	return ioctl(fd, NANODOSE_IOC_RUN, &run);
}

int pump_run_to(int fd, long long rate_nhz, long long hold_ns, long long end)
{
	struct nanodose_run run = {
		.rate_nhz = rate_nhz,
		.accel_nhz_s = ACCEL_NHZ_S,
		.hold_ns = hold_ns,
		.end_position = end,
		.flags = NANODOSE_RUN_END_POSITION,
	};

	return ioctl(fd, NANODOSE_IOC_RUN, &run);
}

int pump_stop(int fd, unsigned int mode)
{
	struct nanodose_stop stop = { .mode = mode };

	return ioctl(fd, NANODOSE_IOC_STOP, &stop);
}

int pump_clear(int fd, unsigned int faults)
{
	struct nanodose_clear_faults clear = { .faults = faults };

	return ioctl(fd, NANODOSE_IOC_CLEAR_FAULTS, &clear);
}

int pump_sensor(int fd, unsigned int op, unsigned int medium, unsigned long long period_ns)
{
	struct nanodose_sensor sensor = { .op = op, .medium = medium, .period_ns = period_ns };

	return ioctl(fd, NANODOSE_IOC_SENSOR, &sensor);
}

struct nanodose_status pump_status(int fd)
{
	struct nanodose_status status;

	if (ioctl(fd, NANODOSE_IOC_GET_STATUS, &status))
		bail("status: %s", strerror(errno));
	return status;
}

struct nanodose_info pump_info(int fd)
{
	struct nanodose_info info;

	if (ioctl(fd, NANODOSE_IOC_GET_INFO, &info))
		bail("info: %s", strerror(errno));
	return info;
}

struct nanodose_limits pump_limits(int fd)
{
	struct nanodose_limits limits;

	memset(&limits, 0xff, sizeof(limits));
	if (ioctl(fd, NANODOSE_IOC_GET_LIMITS, &limits))
		bail("limits: %s", strerror(errno));
	return limits;
}

void pump_set_limits(int fd, const struct nanodose_limits *limits)
{
	struct nanodose_limits copy = *limits;

	if (ioctl(fd, NANODOSE_IOC_SET_LIMITS, &copy))
		bail("SET_LIMITS: %s", strerror(errno));
}

bool pump_next(int fd, struct nanodose_record *record, int timeout_ms)
{
	struct pollfd wanted = { .fd = fd, .events = POLLIN };

	if (poll(&wanted, 1, timeout_ms) != 1 || !(wanted.revents & POLLIN))
		return false;
	return read(fd, record, sizeof(*record)) == sizeof(*record);
}

/* Other records do not renew the patience. */
static bool await(int fd, struct nanodose_record *record, unsigned int type,
		  bool (*matches)(const struct nanodose_record *record, unsigned int wanted),
		  unsigned int wanted)
{
	uint64_t end_ns = now_ns() + PATIENCE_MS * NSEC_PER_MSEC;

	while (now_ns() < end_ns && pump_next(fd, record, PATIENCE_MS)) {
		if (record->type == type && (!matches || matches(record, wanted)))
			return true;
	}
	return false;
}

static bool has_cause(const struct nanodose_record *record, unsigned int cause)
{
	return record->state.cause == cause;
}

static bool has_fault(const struct nanodose_record *record, unsigned int fault)
{
	return record->fault.fault == fault;
}

bool pump_await_type(int fd, unsigned int type, struct nanodose_record *record)
{
	return await(fd, record, type, NULL, 0);
}

bool pump_await_state(int fd, unsigned int cause, struct nanodose_record *record)
{
	return await(fd, record, NANODOSE_RECORD_STATE, has_cause, cause);
}

bool pump_await_fault(int fd, unsigned int fault, struct nanodose_record *record)
{
	return await(fd, record, NANODOSE_RECORD_FAULT, has_fault, fault);
}

bool pump_await_rest(int fd)
{
	struct nanodose_record record;

	while (pump_status(fd).state != NANODOSE_STATE_REST) {
		if (!pump_await_type(fd, NANODOSE_RECORD_STATE, &record))
			return false;
	}
	return true;
}

void pump_drain(int fd)
{
	struct nanodose_record record;

	while (pump_next(fd, &record, 0))
		continue;
}

bool emulated(void)
{
	return getenv("ND_EMULATED");
}

uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * NSEC_PER_SEC + now.tv_nsec;
}

void sleep_ms(int ms)
{
	struct timespec time = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * NSEC_PER_MSEC };

	while (nanosleep(&time, &time) && errno == EINTR)
		continue;
}

long long rig_truth(const char *name)
{
	char path[PATH_MAX], text[64];

	snprintf(path, sizeof(path), DEBUGFS "/%s", name);
	if (!read_text(path, text, sizeof(text)))
		bail("%s: %s", path, strerror(errno));
	return strtoll(text, NULL, 10);
}

int rig_edges_open(void)
{
	int fd = open(DEBUGFS "/edges", O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0)
		bail("edges: %s", strerror(errno));
	return fd;
}

void rig_edges_gaps(int edges, long long *last_ns, long long *least_ns)
{
	struct {
		uint64_t time_ns;
		uint8_t line;
		uint8_t level;
		uint16_t zero;
		uint32_t sequence;
	} batch[256];
	uint64_t before_ns = 0;
	ssize_t length, i;

	*last_ns = 0;
	*least_ns = INT64_MAX;
	while ((length = read(edges, batch, sizeof(batch))) > 0) {
		for (i = 0; i < length / (ssize_t)sizeof(batch[0]); i++) {
			if (batch[i].line || !batch[i].level)
				continue;
			if (before_ns) {
				*last_ns = batch[i].time_ns - before_ns;
				if (*last_ns < *least_ns)
					*least_ns = *last_ns;
			}
			before_ns = batch[i].time_ns;
		}
	}
}

void rig_fault(const char *name, long long value)
{
	char path[PATH_MAX], text[32];

	snprintf(path, sizeof(path), DEBUGFS "/fault/%s", name);
	snprintf(text, sizeof(text), "%lld\n", value);
	if (!write_text(path, text))
		bail("%s: %s", path, strerror(errno));
}
