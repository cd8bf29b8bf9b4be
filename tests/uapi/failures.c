// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What probe needs fails in turn: each call of the lines, the bus and the
 * pressure channel, by the rig; each allocation, where the kernel can inject
 * that, also in the calls that allocate. Each time it ends with a plain error,
 * and all is well at the next attempt. The kernel of --debug looks for leaks
 * afterwards. Not when a rig goes live: the core of 6.12 drops one reference too
 * many of a software node whose link in sysfs could not be made.
 *
 * vm: --rig rig0
 */
#include <dirent.h>
#include <limits.h>
#include <sys/stat.h>

#include "uapi.h"

#define ATTEMPTS_MAX	5000

#define PUMP_DRIVER	"/sys/bus/platform/drivers/nanodose/"
#define SENSOR_DRIVER	"/sys/bus/i2c/drivers/nanodose-sf06/"
#define RIGS		"/sys/kernel/config/nanodose-sim/"
#define FAIL_NTH	"/proc/thread-self/fail-nth"

static char pump[NAME_MAX + 1], sensor[NAME_MAX + 1], node[PATH_MAX];
static int kernel_log;
static int user = -1;		/* of the calls that allocate */

/* ---- the kernel's log --------------------------------------------------------------------- */

static bool next_line(char *line, size_t size)
{
	ssize_t length;

	do
		length = read(kernel_log, line, size - 1);
	while (length < 0 && errno == EPIPE);
	if (length <= 0)
		return false;
	line[length] = '\0';
	return true;
}

/* A line of the driver's own, which says what failed and why, since the last look. */
static bool log_explains(void)
{
	char line[2048];
	bool found = false;

	while (next_line(line, sizeof(line))) {
		const char *text = strstr(line, ": error -");

		found |= strstr(line, ";nanodose") && text && strchr(text + 2, ':');
	}
	return found;
}

/* ---- what is attempted, and undone --------------------------------------------------------- */

static bool bind_sensor(void)
{
	return write_text(SENSOR_DRIVER "bind", sensor);
}

static void unbind_sensor(void)
{
	if (!write_text(SENSOR_DRIVER "unbind", sensor))
		bail("unbind %s: %s", sensor, strerror(errno));
}

static bool bind_pump(void)
{
	return write_text(PUMP_DRIVER "bind", pump);
}

static void unbind_pump(void)
{
	if (!write_text(PUMP_DRIVER "unbind", pump))
		bail("unbind %s: %s", pump, strerror(errno));
}

static bool make_rig(void)
{
	return !mkdir(RIGS "other", 0755);
}

static void remove_rig(void)
{
	if (rmdir(RIGS "other"))
		bail("rmdir: %s", strerror(errno));
}

static bool open_node(void)
{
	user = open(node, O_RDWR | O_CLOEXEC);
	return user >= 0;
}

static void close_node(void)
{
	close(user);
	user = -1;
}

static bool change_ring(void)
{
	struct nanodose_subscribe subscribe = { .mask = 0x1e, .ring_records = 128 };

	return !ioctl(user, NANODOSE_IOC_SUBSCRIBE, &subscribe);
}

static void nothing(void)
{
}

static bool start_sensor(void)
{
	return !pump_sensor(user, NANODOSE_SENSOR_START, NANODOSE_MEDIUM_WATER, 20 * NSEC_PER_MSEC);
}

static void stop_sensor(void)
{
	pump_sensor(user, NANODOSE_SENSOR_STOP, 0, 0);
}

static bool queue_steps(void)
{
	struct nanodose_segment segments[64];
	struct nanodose_queue queue = {
		.segments = (uintptr_t)segments,
		.hold_ns = HOLD_NS,
		.accel_nhz_s = ACCEL_NHZ_S,
		.count = COUNT(segments),
	};
	size_t i;

	for (i = 0; i < COUNT(segments); i++)
		segments[i] = (struct nanodose_segment){ 1, NSEC_PER_SEC, NSEC_PER_SEC };
	return !ioctl(user, NANODOSE_IOC_QUEUE, &queue);
}

static void stop_steps(void)
{
	pump_stop(user, NANODOSE_STOP_NOW);
	pump_await_rest(user);
}

static void must(bool good, const char *what)
{
	if (!good)
		bail("%s: %s", what, strerror(errno));
}

static void prepare_pump(void)
{
	unbind_pump();
}

static void finish_pump(void)
{
	must(bind_pump(), "bind");
}

static void prepare_sensor(void)
{
	unbind_pump();
	unbind_sensor();
}

static void finish_sensor(void)
{
	must(bind_sensor(), "bind");
	finish_pump();
}

static void prepare_use(void)
{
	must(open_node(), "open");
	pump_claim(user);
}

static const struct attempt {
	const char *name;
	void (*prepare)(void);
	bool (*work)(void);
	void (*undo)(void);
	void (*finish)(void);
	bool probes;		/* a driver of ours: it says in the log what failed */
} attempts[] = {
	{ "probe of the sensor", prepare_sensor, bind_sensor, unbind_sensor, finish_sensor, true },
	{ "probe of the pump", prepare_pump, bind_pump, unbind_pump, finish_pump, true },
	{ "making a rig", nothing, make_rig, remove_rig, nothing, false },
	{ "open", nothing, open_node, close_node, nothing, false },
	{ "SUBSCRIBE with another ring", prepare_use, change_ring, nothing, close_node, false },
	{ "SENSOR", prepare_use, start_sensor, stop_sensor, close_node, false },
	{ "QUEUE", prepare_use, queue_steps, stop_steps, close_node, false },
};

/* ---- one failure after the other ------------------------------------------------------------ */

struct outcome {
	int failures;		/* that came about */
	int survived;		/* of them: what was attempted succeeded all the same */
	int silent;		/* failed, and the log does not say why */
	int odd;		/* failed with an error that makes no sense */
	bool works;		/* when nothing fails */
};

static void count_failure(const struct attempt *attempt, struct outcome *outcome, bool good, int error)
{
	bool explained = log_explains();

	outcome->failures++;
	if (good) {
		outcome->survived++;
		return;
	}
	outcome->odd += error <= 0 || error >= 134;
	/* the kernel itself tells of memory that it has not */
	if (attempt->probes && !explained && error != ENOMEM) {
		outcome->silent++;
		note("%s failed with %s, and nothing in the log says why", attempt->name,
		     strerrorname_np(error));
	}
}

/*
 * @fail: lets the nth fail; @left: whether it has not come, and no longer will.
 */
static struct outcome fail_in_turn(const struct attempt *attempt, void (*fail)(int nth), bool (*left)(void))
{
	struct outcome outcome = {};
	bool good, over = false;
	int nth, error;

	attempt->prepare();
	for (nth = 1; !over && nth < ATTEMPTS_MAX; nth++) {
		log_explains();
		fail(nth);
		good = attempt->work();
		error = errno;
		over = left();
		if (over)
			outcome.works = good;
		else
			count_failure(attempt, &outcome, good, error);
		if (good)
			attempt->undo();
	}
	attempt->finish();
	return outcome;
}

static void report(const struct attempt *attempt, const struct outcome *outcome, const char *what)
{
	if (!test(outcome->works && outcome->failures && !outcome->silent && !outcome->odd,
		  "%s: each %s fails in turn, and the next attempt is as good as ever", attempt->name, what))
		note("works at the end: %d, without a word in the log: %d, with an odd error: %d", outcome->works,
		     outcome->silent, outcome->odd);
	note("%d failures, in spite of %d of them it succeeded", outcome->failures, outcome->survived);
}

static void refuse_call(int nth)
{
	rig_fault("refuse_call", nth);
}

static bool call_left(void)
{
	char path[] = "/sys/kernel/debug/nanodose-sim/" RIG "/fault/refuse_call", text[16] = "";
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || read(fd, text, sizeof(text) - 1) < 0)
		bail("%s: %s", path, strerror(errno));
	close(fd);
	rig_fault("refuse_call", 0);
	return strtol(text, NULL, 10) > 0;
}

static int fail_nth;

static void write_nth(int nth)
{
	char text[16];
	int length = snprintf(text, sizeof(text), "%d", nth);

	if (pwrite(fail_nth, text, length, 0) != length)
		bail("%s: %s", FAIL_NTH, strerror(errno));
}

static bool allocation_left(void)
{
	char text[16] = "";

	if (pread(fail_nth, text, sizeof(text) - 1, 0) < 0)
		bail("%s: %s", FAIL_NTH, strerror(errno));
	write_nth(0);
	return strtol(text, NULL, 10) > 0;
}

/* Those that may wait too: it is they that drivers make. */
static bool inject_into_allocations(void)
{
	static const char * const kinds[] = { "failslab", "fail_page_alloc" };
	char path[PATH_MAX];
	size_t i;

	fail_nth = open(FAIL_NTH, O_RDWR | O_CLOEXEC);
	for (i = 0; fail_nth >= 0 && i < COUNT(kinds); i++) {
		snprintf(path, sizeof(path), "/sys/kernel/debug/%s/ignore-gfp-wait", kinds[i]);
		must(write_text(path, "N"), path);
		snprintf(path, sizeof(path), "/sys/kernel/debug/%s/verbose", kinds[i]);
		must(write_text(path, "0"), path);
	}
	return fail_nth >= 0;
}

/* Of the client on the rig's bus. */
static void find_sensor(void)
{
	DIR *dir = opendir(SENSOR_DRIVER);
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		if (entry->d_type == DT_LNK && strcmp(entry->d_name, "module"))
			snprintf(sensor, sizeof(sensor), "%s", entry->d_name);
	}
	if (!*sensor)
		bail("no sensor is bound: %s", strerror(errno));
	closedir(dir);
}

static void a_line_that_cannot_be_read_is_active(void)
{
	int fd = pump_open(O_RDWR);
	long long steps = rig_truth("steps");

	pump_claim(fd);
	rig_fault("refuse_call", 1);
	test(pump_run(fd, RATE_NHZ, HOLD_NS) && errno == EPIPE,
	     "RUN is refused while a line of safety cannot be read");
	rig_fault("refuse_call", 1);
	test(pump_status(fd).flags & NANODOSE_STATUS_ESTOP, "its status is shown as active");
	sleep_ms(50);
	test(rig_truth("steps") == steps, "nothing has moved");
	close(fd);
}

int main(void)
{
	struct outcome outcome;
	size_t i;

	snprintf(pump, sizeof(pump), "%s", rig_device());
	snprintf(node, sizeof(node), "%s", pump_path());
	find_sensor();
	kernel_log = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	must(kernel_log >= 0, "/dev/kmsg");

	for (i = 0; i < COUNT(attempts); i++) {
		if (!attempts[i].probes)
			continue;
		outcome = fail_in_turn(&attempts[i], refuse_call, call_left);
		report(&attempts[i], &outcome, "call of the rig");
	}
	a_line_that_cannot_be_read_is_active();

	if (!inject_into_allocations()) {
		test(true, "allocations fail in turn # SKIP this kernel cannot inject that");
		return test_end();
	}
	for (i = 0; i < COUNT(attempts); i++) {
		outcome = fail_in_turn(&attempts[i], write_nth, allocation_left);
		report(&attempts[i], &outcome, "allocation");
	}
	return test_end();
}
