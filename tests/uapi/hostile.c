// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Calls of all kinds at the node, good, nearly good and random: no failed one
 * may move the pump, by the rig's own count of steps, and none may write where
 * it has no business. 100 000 calls, or ND_CALLS, from the seed ND_SEED.
 *
 * vm: --rig rig0
 */
#include <sys/mman.h>

#include "hostile_data.h"

#define CALLS		100000
#define CALLS_PER_LOOK	16	/* between two looks at the rig */
#define FILES		4
#define CANARY		0xa5
#define SEGMENTS	8
#define PAGE		4096
#define SIZED(request)	{ request, #request }

static const struct {
	unsigned long number;
	const char *name;
} requests[] = {
	SIZED(NANODOSE_IOC_GET_INFO),
	SIZED(NANODOSE_IOC_GET_STATUS),
	SIZED(NANODOSE_IOC_SUBSCRIBE),
	SIZED(NANODOSE_IOC_CLAIM),
	SIZED(NANODOSE_IOC_RELEASE),
	SIZED(NANODOSE_IOC_SET_LIMITS),
	SIZED(NANODOSE_IOC_RUN),
	SIZED(NANODOSE_IOC_QUEUE),
	SIZED(NANODOSE_IOC_STOP),
	SIZED(NANODOSE_IOC_CLEAR_FAULTS),
	SIZED(NANODOSE_IOC_SET_POSITION),
	SIZED(NANODOSE_IOC_SENSOR),
	SIZED(NANODOSE_IOC_GET_LIMITS),
};

union argument {
	struct nanodose_info info;
	struct nanodose_status status;
	struct nanodose_subscribe subscribe;
	struct nanodose_claim claim;
	struct nanodose_limits limits;
	struct nanodose_run run;
	struct nanodose_queue queue;
	struct nanodose_stop stop;
	struct nanodose_clear_faults clear;
	struct nanodose_set_position position;
	struct nanodose_sensor sensor;
	struct nanodose_record records[4];
	unsigned char bytes[512];
};

static struct {
	unsigned long accepted, refused;
	unsigned long written;		/* beyond what the call may write */
	unsigned long undefined;	/* not zero where it must be */
	unsigned long torn;		/* reads that are not whole records */
	unsigned long moved;		/* by calls that failed */
} seen;

static int files[FILES];		/* two that may write, one that reads, one that only writes */
static unsigned char *page;		/* the one behind it is not there */
static unsigned char *constant;		/* may not be written */
static struct nanodose_segment segments[SEGMENTS];
static struct nanodose_limits usual;

/* ---- data ------------------------------------------------------------------------------- */

/* Up to the fastest, three steps, and down again. */
static void good_segments(void)
{
	memset(segments, 0, sizeof(segments));
	segments[0] = (struct nanodose_segment){ .steps = 10, .end_rate_nhz = RATE_NHZ / 4 };
	segments[1] = (struct nanodose_segment){ 3, RATE_NHZ / 4, RATE_NHZ / 4 };
	segments[2] = (struct nanodose_segment){ .steps = 10, .start_rate_nhz = RATE_NHZ / 4 };
}

static void good_argument(union argument *argument, unsigned long request)
{
	switch (request) {
	case NANODOSE_IOC_SUBSCRIBE:
		argument->subscribe = (struct nanodose_subscribe){ .mask = 0x1e };
		break;
	case NANODOSE_IOC_CLAIM:
		argument->claim = (struct nanodose_claim){ .label = "hostile" };
		break;
	case NANODOSE_IOC_SET_LIMITS:
		argument->limits = usual;
		break;
	case NANODOSE_IOC_RUN:
		argument->run = (struct nanodose_run){
			.rate_nhz = hostile_below(2) ? RATE_NHZ : -RATE_NHZ,
			.accel_nhz_s = ACCEL_NHZ_S,
			.hold_ns = HOLD_NS,
		};
		break;
	case NANODOSE_IOC_QUEUE:
		good_segments();
		argument->queue = (struct nanodose_queue){
			.segments = (uintptr_t)segments,
			.hold_ns = HOLD_NS,
			.accel_nhz_s = ACCEL_NHZ_S,
			.count = 3,
		};
		break;
	case NANODOSE_IOC_SENSOR:
		argument->sensor = (struct nanodose_sensor){
			.op = NANODOSE_SENSOR_START,
			.period_ns = 2 * NSEC_PER_MSEC,
		};
		break;
	default:
		memset(argument, 0, sizeof(*argument));
	}
}

/* A command of this driver with another direction or size, or of nobody. */
static unsigned long another_request(void)
{
	unsigned long good = requests[hostile_below(COUNT(requests))].number;

	switch (hostile_below(3)) {
	case 0:
		return good ^ (1UL << (16 + hostile_below(16)));
	case 1:
		return _IOC(hostile_below(4), NANODOSE_IOC_MAGIC, hostile_below(256), hostile_below(256));
	default:
		return (unsigned int)hostile_random();
	}
}

/* Where a pointer may lead that is none to the data. */
static void *another_place(union argument *argument)
{
	void * const places[] = {
		NULL, (void *)1, (void *)-1L, (void *)(uintptr_t)hostile_random(),
		page + PAGE - hostile_below(64) - 1, page + PAGE, constant, argument->bytes + 1,
	};

	return places[hostile_below(COUNT(places))];
}

/* ---- calls ------------------------------------------------------------------------------ */

static bool zero(const void *data, size_t size)
{
	const unsigned char *bytes = data;

	while (size && !*bytes) {
		bytes++;
		size--;
	}
	return !size;
}

#define ZERO(field)	zero(&(field), sizeof(field))

/* Names and labels end, and nothing is behind their end. */
static bool clean_name(const char *name)
{
	size_t length = strnlen(name, NANODOSE_NAME_LEN);

	return length < NANODOSE_NAME_LEN && zero(name + length, NANODOSE_NAME_LEN - length);
}

static bool answer_is_clean(const union argument *argument, unsigned long request)
{
	switch (request) {
	case NANODOSE_IOC_GET_INFO:
		return ZERO(argument->info.reserved) && clean_name(argument->info.name) &&
		       clean_name(argument->info.label);
	case NANODOSE_IOC_GET_STATUS:
		return ZERO(argument->status.reserved) && clean_name(argument->status.owner_label);
	case NANODOSE_IOC_GET_LIMITS:
		return ZERO(argument->limits.reserved);
	case NANODOSE_IOC_QUEUE:
		return ZERO(argument->queue.reserved);
	default:
		return true;
	}
}

static bool record_is_clean(const struct nanodose_record *record)
{
	switch (record->type) {
	case NANODOSE_RECORD_FLOW:
		return !record->reserved && !record->flow.reserved;
	case NANODOSE_RECORD_STATE:
		return !record->reserved;
	case NANODOSE_RECORD_FAULT:
		return !record->reserved && !record->fault.reserved;
	case NANODOSE_RECORD_DROPPED:
		return !record->reserved && ZERO(record->dropped.reserved);
	default:
		return false;
	}
}

/* How much of its argument a call that this driver knows may write. */
static size_t may_write(unsigned long request)
{
	size_t i;

	for (i = 0; i < COUNT(requests); i++) {
		if (requests[i].number == request && _IOC_DIR(request) & _IOC_READ)
			return _IOC_SIZE(request);
	}
	return 0;
}

/* True: the pump may move now. */
static bool any_ioctl(int fd)
{
	unsigned long request = requests[hostile_below(COUNT(requests))].number;
	union argument argument, before;
	void *place = &argument;
	size_t size, n;
	int ret;

	memset(&argument, CANARY, sizeof(argument));
	if (!hostile_below(8))
		request = another_request();
	else if (hostile_below(8))
		good_argument(&argument, request);
	size = _IOC_SIZE(request) < sizeof(argument) ? _IOC_SIZE(request) : sizeof(argument);
	switch (hostile_below(4)) {
	case 0:
		break;
	case 1:
		hostile_bytes(argument.bytes, size);
		break;
	default:
		for (n = size ? 1 + hostile_below(3) : 0; n; n--)
			hostile_spoil(argument.bytes, size);
	}
	if (request == NANODOSE_IOC_QUEUE && hostile_below(2))
		hostile_spoil((unsigned char *)segments, sizeof(segments));
	if (request == NANODOSE_IOC_QUEUE && !hostile_below(8))
		argument.queue.segments = (uintptr_t)another_place(&argument);
	if (!hostile_below(8))
		place = another_place(&argument);

	before = argument;
	ret = ioctl(fd, request, place);
	if (ret > 0)
		seen.undefined++;
	n = may_write(request);
	if (place == &argument)
		seen.written += !!memcmp(argument.bytes + n, before.bytes + n, sizeof(argument) - n);
	if (ret) {
		seen.refused++;
		return false;
	}
	seen.accepted++;
	if (place == &argument)
		seen.undefined += !answer_is_clean(&argument, request);
	return request == NANODOSE_IOC_RUN || request == NANODOSE_IOC_QUEUE;
}

static void any_read(int fd)
{
	static const size_t sizes[] = { 0, 1, 63, 64, 65, 128, 255, 256 };
	union argument argument;
	size_t size = sizes[hostile_below(COUNT(sizes))];
	void *place = hostile_below(8) ? &argument : another_place(&argument);
	ssize_t length, i;

	memset(&argument, CANARY, sizeof(argument));
	length = read(fd, place, size);
	if (length < 0) {
		seen.refused++;
		length = 0;
	}
	if (length % sizeof(struct nanodose_record))
		seen.torn++;
	if (place != &argument)
		return;
	for (i = 0; i < length / (ssize_t)sizeof(struct nanodose_record); i++)
		seen.undefined += !record_is_clean(&argument.records[i]);
	for (i = length; i < (ssize_t)sizeof(argument); i++) {
		if (argument.bytes[i] != CANARY) {
			seen.written++;
			break;
		}
	}
}

/* What a character device of records has no use for. */
static void any_other(int fd)
{
	struct pollfd wanted = { .fd = fd, .events = hostile_random() };
	void *place;

	switch (hostile_below(5)) {
	case 0:
		seen.written += write(fd, segments, hostile_below(sizeof(segments))) > 0;
		break;
	case 1:
		seen.torn += lseek(fd, hostile_random(), hostile_below(3)) > 0;
		break;
	case 2:
		place = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0);
		seen.undefined += place != MAP_FAILED;
		break;
	case 3:
		seen.torn += ftruncate(fd, 0) == 0;
		break;
	default:
		poll(&wanted, 1, 0);
	}
}

/* ---- the pump --------------------------------------------------------------------------- */

static void open_files(void)
{
	static const int modes[FILES] = { O_RDWR, O_RDWR, O_RDONLY, O_WRONLY };
	int i;

	for (i = 0; i < FILES; i++)
		files[i] = pump_open(modes[i] | O_NONBLOCK);
}

static void close_files(void)
{
	int i;

	for (i = 0; i < FILES; i++)
		close(files[i]);
}

/* To rest, with an owner, and nothing latched: what comes next is then let in. */
static void settle(void)
{
	struct nanodose_claim claim = { .label = "hostile" };

	if (pump_stop(files[0], NANODOSE_STOP_NOW))
		bail("stop: %s", strerror(errno));
	while (pump_status(files[0]).state != NANODOSE_STATE_REST)
		sleep_ms(1);
	ioctl(files[0], NANODOSE_IOC_RELEASE);
	ioctl(files[1], NANODOSE_IOC_RELEASE);
	ioctl(files[3], NANODOSE_IOC_RELEASE);
	if (ioctl(files[0], NANODOSE_IOC_CLAIM, &claim))
		bail("claim: %s", strerror(errno));
	pump_clear(files[0], pump_status(files[0]).faults);
}

/* All at rest; a call that was let in may move the pump, one that failed not. */
static void look(bool may_move, long long *steps)
{
	if (!may_move)
		seen.moved += pump_status(files[0]).state != NANODOSE_STATE_REST;
	sleep_ms(may_move ? 20 : 10);
	if (!may_move)
		seen.moved += rig_truth("steps") != *steps;
	settle();
	*steps = rig_truth("steps");
}

static void be_hostile(unsigned long calls)
{
	long long steps = rig_truth("steps");
	unsigned long n;
	bool may_move = false;

	for (n = 1; n <= calls; n++) {
		int fd = files[hostile_below(2) ? 0 : hostile_below(FILES)];
		unsigned int kind = hostile_below(16);

		if (kind == 0)
			any_other(fd);
		else if (kind < 4)
			any_read(fd);
		else
			may_move |= any_ioctl(fd);
		if (may_move || n % CALLS_PER_LOOK == 0) {
			look(may_move, &steps);
			may_move = false;
		}
	}
}

/* A dose as ever, counted by the rig. */
static void the_pump_is_as_before(void)
{
	struct nanodose_record record;
	int fd = pump_open(O_RDWR);
	long long steps = rig_truth("steps");

	pump_claim(fd);
	pump_clear(fd, pump_status(fd).faults);
	pump_drain(fd);
	if (pump_run_to(fd, RATE_NHZ, HOLD_NS, pump_status(fd).position + 300))
		note("run: %s", strerror(errno));
	test(pump_await_state(fd, NANODOSE_CAUSE_END, &record) && rig_truth("steps") - steps == 300,
	     "after all that the pump steps 300 steps and ends there");
	close(fd);
}

int main(void)
{
	unsigned long calls = hostile_begin(CALLS);

	page = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	constant = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (page == MAP_FAILED || constant == MAP_FAILED || munmap(page + PAGE, PAGE))
		bail("memory: %s", strerror(errno));
	open_files();
	settle();
	usual = pump_limits(files[0]);
	be_hostile(calls);

	note("%lu calls were let in, %lu refused", seen.accepted, seen.refused);
	test(seen.accepted > calls / 50 && seen.refused > calls / 10, "calls of both kinds came");
	test(!seen.moved, "no call that failed moved the pump");
	test(!seen.written, "no call wrote beyond its answer");
	test(!seen.undefined, "what is reserved is zero in every answer and record");
	test(!seen.torn, "reads are whole records");
	close_files();
	the_pump_is_as_before();
	return test_end();
}
