// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Records: the first one, their order, whole ones only, what a descriptor asks
 * for, and what it is told when its ring was too small.
 *
 * vm: --rig rig0
 */
#include <signal.h>
#include <sys/time.h>

#include "uapi.h"

#define TYPE(name)	(1U << NANODOSE_RECORD_##name)
#define EVERYTHING	(TYPE(STATE) | TYPE(FLOW) | TYPE(FAULT) | TYPE(DROPPED))

static void subscribe(int fd, unsigned int mask, unsigned int ring, unsigned int decimation)
{
	struct nanodose_subscribe wish = {
		.mask = mask,
		.ring_records = ring,
		.flow_decimation = decimation,
	};

	if (ioctl(fd, NANODOSE_IOC_SUBSCRIBE, &wish))
		bail("subscribe: %s", strerror(errno));
}

/* Writes as many STATE records as that. */
static void make_records(int owner, int count)
{
	struct nanodose_set_position set = {};

	while (count--) {
		set.position = count;
		if (ioctl(owner, NANODOSE_IOC_SET_POSITION, &set))
			bail("set position: %s", strerror(errno));
	}
}

static void first_record_is_the_state(void)
{
	int early = pump_open(O_RDWR | O_NONBLOCK), late;
	struct nanodose_record record, more;
	uint64_t last;

	test(read(early, &record, sizeof(record)) == sizeof(record) &&
	     record.type == NANODOSE_RECORD_STATE && record.state.cause == NANODOSE_CAUSE_OPEN &&
	     record.state.pid == getpid() && record.state.state == NANODOSE_STATE_REST,
	     "the first record of an opener is a STATE record that says so");
	test(read(early, &more, sizeof(more)) == -1 && errno == EAGAIN,
	     "read of an empty ring is refused with EAGAIN");

	pump_claim(early);
	make_records(early, 3);
	late = pump_open(O_RDONLY | O_NONBLOCK);
	last = pump_status(late).sequence - 1;
	test(read(late, &record, sizeof(record)) == sizeof(record) &&
	     record.state.cause == NANODOSE_CAUSE_OPEN &&
	     record.state.flags & NANODOSE_STATUS_OWNED && record.sequence == last,
	     "a late opener gets the state of now, numbered as the last record of all");
	test(read(late, &more, sizeof(more)) == -1 && errno == EAGAIN,
	     "a late opener gets nothing of before");
	make_records(early, 1);
	test(pump_next(late, &more, PATIENCE_MS) && more.sequence == record.sequence + 1,
	     "its next record carries the next number");
	close(late);
	close(early);
}

static void only_whole_records_are_read(void)
{
	int fd = pump_open(O_RDWR | O_NONBLOCK);
	void *volatile nowhere = (void *)16;
	unsigned char bytes[200];

	test(read(fd, bytes, 63) == -1 && errno == EINVAL, "read of 63 bytes is refused with EINVAL");
	test(read(fd, bytes, 0) == -1 && errno == EINVAL, "read of 0 bytes is refused with EINVAL");
	test(read(fd, nowhere, 64) == -1 && errno == EFAULT,
	     "read to nowhere is refused with EFAULT");
	pump_claim(fd);
	make_records(fd, 3);
	test(read(fd, bytes, 191) == 128, "read of 191 bytes gives two whole records");
	test(read(fd, bytes, 192) == 192, "read of 192 bytes gives three records");
	test(write(fd, bytes, 64) == -1 && errno == EINVAL, "write is refused with EINVAL");
	test(lseek(fd, 0, SEEK_SET) == -1 && errno == ESPIPE, "lseek is refused with ESPIPE");
	close(fd);
}

static void nothing(int number)
{
	(void)number;
}

static void blocked_read_can_be_interrupted(void)
{
	int fd = pump_open(O_RDONLY);
	struct sigaction action = { .sa_handler = nothing };
	struct itimerval soon = { .it_value.tv_usec = 100000 };
	struct nanodose_record record;
	ssize_t got;

	pump_drain(fd);
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &soon, NULL);
	got = read(fd, &record, sizeof(record));
	test(got == -1 && errno == EINTR, "a blocked read is interrupted by a signal");
	close(fd);
}

static short polled(int fd)
{
	struct pollfd wanted = { .fd = fd, .events = POLLIN | POLLPRI };

	return poll(&wanted, 1, 0) == 1 ? wanted.revents : 0;
}

static void poll_tells_what_is_there(void)
{
	int owner = pump_open(O_RDWR), fd = pump_open(O_RDONLY);
	struct nanodose_record record;

	test(polled(fd) == POLLIN, "poll says IN for the first record");
	pump_drain(fd);
	test(!polled(fd), "poll says nothing when the ring is empty");
	pump_claim(owner);
	test(polled(fd) == POLLIN, "poll says IN when a record came");

	rig_fault("estop", 1);
	test(pump_await_fault(fd, NANODOSE_FAULT_ESTOP, &record), "the emergency stop is recorded");
	pump_drain(fd);
	test(polled(fd) == POLLPRI, "poll says PRI while a fault is latched, without IN when drained");
	rig_fault("estop", 0);
	if (pump_clear(owner, NANODOSE_FAULT_ESTOP))
		bail("clear: %s", strerror(errno));
	pump_drain(fd);
	test(!polled(fd), "poll says nothing once the fault is cleared");
	close(fd);
	close(owner);
}

static void numbers_have_no_gap(void)
{
	int owner = pump_open(O_RDWR), fd = pump_open(O_RDONLY);
	struct nanodose_record record;
	uint64_t last, time_ns;
	int records = 0, wrong = 0;

	pump_claim(owner);
	pump_drain(fd);
	last = pump_status(fd).sequence - 1;
	time_ns = 0;
	if (pump_sensor(owner, NANODOSE_SENSOR_START, NANODOSE_MEDIUM_WATER, 5 * NSEC_PER_MSEC) ||
	    pump_run_to(owner, RATE_NHZ, HOLD_NS, pump_status(fd).position + 400))
		bail("start: %s", strerror(errno));
	while (records < 200 && pump_next(fd, &record, PATIENCE_MS)) {
		wrong += record.sequence != ++last || !record.time_ns || record.reserved;
		if (record.type == NANODOSE_RECORD_FLOW) {
			wrong += record.time_ns <= time_ns;
			time_ns = record.time_ns;
		}
		records++;
	}
	test(records == 200 && !wrong,
	     "who reads all gets every number once and in order, flow records in order of time");
	test(pump_await_rest(fd), "the pump came to its end meanwhile");
	close(fd);
	close(owner);
}

/* Counts by type what comes until the sensor is stopped. */
static void count_types(int fd, int counts[5])
{
	struct nanodose_record record;

	memset(counts, 0, 5 * sizeof(*counts));
	while (pump_next(fd, &record, 0))
		counts[record.type < 5 ? record.type : 0]++;
}

static void mask_and_decimation_are_kept(void)
{
	static const struct {
		const char *name;
		unsigned int mask, decimation, every;
	} wishes[] = {
		{ "all types", EVERYTHING, 0, 1 },
		{ "all types, decimation 1", EVERYTHING, 1, 1 },
		{ "every seventh flow record", EVERYTHING, 7, 7 },
		{ "flow only", TYPE(FLOW), 0, 1 },
		{ "state only", TYPE(STATE), 0, 0 },
		{ "nothing at all", 0, 0, 0 },
	};
	int owner = pump_open(O_RDWR), fds[COUNT(wishes)], counts[COUNT(wishes)][5];
	struct nanodose_record record;
	size_t i;
	int all;

	pump_claim(owner);
	for (i = 0; i < COUNT(wishes); i++) {
		fds[i] = pump_open(O_RDONLY);
		pump_drain(fds[i]);
		subscribe(fds[i], wishes[i].mask, 0, wishes[i].decimation);
	}
	if (pump_sensor(owner, NANODOSE_SENSOR_START, NANODOSE_MEDIUM_WATER, 10 * NSEC_PER_MSEC))
		bail("sensor: %s", strerror(errno));
	rig_fault("estop", 1);
	sleep_ms(1000);
	pump_sensor(owner, NANODOSE_SENSOR_STOP, 0, 0);
	for (i = 0; i < COUNT(wishes); i++)
		count_types(fds[i], counts[i]);

	all = counts[0][NANODOSE_RECORD_FLOW];
	test(all >= 98 && all <= 101, "a second at 100 records/s gives some 100 flow records");
	for (i = 0; i < COUNT(wishes); i++) {
		int expected = wishes[i].every ? (all + wishes[i].every - 1) / wishes[i].every : 0;

		test(counts[i][NANODOSE_RECORD_FLOW] == expected, "%s: %d of %d flow records",
		     wishes[i].name, expected, all);
		test(!!counts[i][NANODOSE_RECORD_STATE] == !!(wishes[i].mask & TYPE(STATE)),
		     "%s: state records %s", wishes[i].name,
		     wishes[i].mask & TYPE(STATE) ? "come" : "do not come");
		test(counts[i][NANODOSE_RECORD_FAULT] == 1, "%s: the fault is delivered",
		     wishes[i].name);
		test(!counts[i][NANODOSE_RECORD_DROPPED], "%s: nothing was lost", wishes[i].name);
		close(fds[i]);
	}
	rig_fault("estop", 0);
	pump_clear(owner, NANODOSE_FAULT_ESTOP);
	pump_drain(owner);
	pump_next(owner, &record, 0);
	close(owner);
}

static void overflow_is_told_exactly(void)
{
	enum { RING = 64, LOST = 37 };
	int owner = pump_open(O_RDWR), fd = pump_open(O_RDONLY | O_NONBLOCK);
	struct nanodose_record records[2 * RING];
	uint64_t first;
	int i, wrong = 0;

	pump_claim(owner);
	subscribe(fd, EVERYTHING, RING, 0);
	test(pump_next(fd, records, 0) && records[0].state.cause == NANODOSE_CAUSE_OPEN,
	     "a new ring begins with a STATE record");
	test(read(fd, records, sizeof(records)) == -1 && errno == EAGAIN,
	     "a new ring is empty but for that");

	first = pump_status(fd).sequence;
	make_records(owner, RING);
	test(read(fd, records, sizeof(records)) == (ssize_t)(RING * sizeof(*records)),
	     "a ring of 64 keeps 64 records");
	test(read(fd, records, sizeof(records)) == -1 && errno == EAGAIN, "and tells of no loss");

	first = pump_status(fd).sequence;
	make_records(owner, RING + LOST);
	test(polled(fd) == POLLIN, "poll says IN on a ring that overflowed");
	test(read(fd, records, sizeof(records)) == (ssize_t)((RING + 1) * sizeof(*records)),
	     "a ring that overflowed gives 64 records and one more");
	for (i = 0; i < RING; i++)
		wrong += records[i].type != NANODOSE_RECORD_STATE || records[i].sequence != first + i;
	test(!wrong, "the 64 are the oldest, in order");
	test(records[RING].type == NANODOSE_RECORD_DROPPED &&
	     records[RING].dropped.count == LOST &&
	     records[RING].dropped.first_sequence == first + RING &&
	     records[RING].sequence == first + RING + LOST,
	     "the last is a DROPPED record: 37, from the 65th on");
	make_records(owner, 1);
	test(pump_next(fd, records, 0) && records[0].type == NANODOSE_RECORD_STATE &&
	     records[0].sequence == first + RING + LOST,
	     "the record after the gap has the number that DROPPED said");

	/* The loss ends in the middle: room for one is given to the news first. */
	first = pump_status(fd).sequence;
	make_records(owner, RING + LOST);
	for (i = 0; i < 3; i++)
		pump_next(fd, records + i, 0);
	make_records(owner, 1);
	test(read(fd, records, sizeof(records)) == (ssize_t)((RING - 1) * sizeof(*records)) &&
	     records[RING - 3].type == NANODOSE_RECORD_DROPPED &&
	     records[RING - 3].dropped.count == LOST &&
	     records[RING - 3].dropped.first_sequence == first + RING &&
	     records[RING - 2].type == NANODOSE_RECORD_STATE &&
	     records[RING - 2].sequence == first + RING + LOST,
	     "a reader that catches up finds DROPPED where the gap is");

	/* A fault finds a way into a full ring; what was lost before comes first. */
	first = pump_status(fd).sequence;
	make_records(owner, RING + LOST);
	rig_fault("estop", 1);
	rig_fault("estop", 0);
	test(read(fd, records, sizeof(records)) >= (ssize_t)((RING + 2) * sizeof(*records)) &&
	     records[RING].type == NANODOSE_RECORD_DROPPED &&
	     records[RING].dropped.count == LOST &&
	     records[RING + 1].type == NANODOSE_RECORD_FAULT &&
	     records[RING + 1].sequence == first + RING + LOST,
	     "a fault is delivered although the ring is full");
	pump_clear(owner, NANODOSE_FAULT_ESTOP);
	close(fd);
	close(owner);
}

static void slow_reader_harms_nobody(void)
{
	int owner = pump_open(O_RDWR), slow = pump_open(O_RDONLY), fast = pump_open(O_RDONLY);
	struct nanodose_record record;
	int i, got = 0, dropped = 0;

	pump_claim(owner);
	subscribe(slow, EVERYTHING, 64, 0);
	pump_drain(fast);
	for (i = 0; i < 20; i++) {
		make_records(owner, 100);
		while (pump_next(fast, &record, 0)) {
			got += record.type == NANODOSE_RECORD_STATE;
			dropped += record.type == NANODOSE_RECORD_DROPPED;
		}
	}
	test(got == 2000 && !dropped,
	     "who keeps up loses nothing while another's ring overflows");
	close(fast);
	close(slow);
	close(owner);
}

int main(void)
{
	first_record_is_the_state();
	only_whole_records_are_read();
	blocked_read_can_be_interrupted();
	poll_tells_what_is_there();
	numbers_have_no_gap();
	mask_and_decimation_are_kept();
	overflow_is_told_exactly();
	slow_reader_harms_nobody();
	return test_end();
}
