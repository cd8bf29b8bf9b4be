// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * QUEUE: what it refuses, and that what it accepts is stepped as written, by
 * the rig's edges.
 *
 * vm: --rig rig0
 */
#include <sys/wait.h>

#include "uapi.h"

#define HZ		NSEC_PER_SEC
/* 0 to 2000 steps/s in 100 steps is 20000 steps/s^2 */
#define QUEUE_ACCEL	(20000 * HZ)
/* The virtual machine's clock, which stamps the edges, ticks in this. */
#define CLOCK_GRAIN_NS	512
/* From the timer to the edge, where a processor is emulated. */
#define EMULATED_LATE_NS	50000

static const struct nanodose_segment move[] = {
	{ 100, 0, 2000 * HZ },
	{ 1000, 2000 * HZ, 2000 * HZ },
	{ 100, 2000 * HZ, 0 },
};

static struct nanodose_queue list_of(const struct nanodose_segment *segments, unsigned int count)
{
	return (struct nanodose_queue){
		.segments = (uintptr_t)segments,
		.count = count,
		.accel_nhz_s = QUEUE_ACCEL,
		.hold_ns = 10 * NSEC_PER_SEC,
	};
}

static int queue(int fd, const struct nanodose_segment *segments, unsigned int count,
		 unsigned int flags)
{
	struct nanodose_queue request = list_of(segments, count);

	request.flags = flags;
	return ioctl(fd, NANODOSE_IOC_QUEUE, &request);
}

static void zero(int fd)
{
	struct nanodose_set_position position = {};

	if (ioctl(fd, NANODOSE_IOC_SET_POSITION, &position))
		bail("SET_POSITION: %s", strerror(errno));
	pump_drain(fd);
}

static void rest(int fd)
{
	pump_stop(fd, NANODOSE_STOP_NOW);
	if (!pump_await_rest(fd) || pump_clear(fd, pump_status(fd).faults))
		bail("the pump does not come to rest");
}

static void malformed_is_refused(int fd)
{
	const struct nanodose_queue good = list_of(move, COUNT(move));
	struct nanodose_queue bad = good;
	unsigned int bit, taken = 0;

	bad.flags = NANODOSE_QUEUE_TRY;
	accepted(fd, NANODOSE_IOC_QUEUE, &bad, "QUEUE with TRY");
	test(bad.room == pump_info(fd).queue_segments, "TRY returns the room there is");
	for (bit = 4; bit < 32; bit++) {
		bad = good;
		bad.flags = 1U << bit;
		taken += ioctl(fd, NANODOSE_IOC_QUEUE, &bad) != -1 || errno != EINVAL;
	}
	for (bit = 0; bit < 8 * sizeof(bad.reserved); bit++) {
		bad = good;
		bad.reserved[bit / 32] = 1U << bit % 32;
		taken += ioctl(fd, NANODOSE_IOC_QUEUE, &bad) != -1 || errno != EINVAL;
	}
	test(!taken, "QUEUE: each unknown flag and reserved bit alone is refused with EINVAL");
	bad = good;
	bad.hold_ns = 0;
	refused(fd, NANODOSE_IOC_QUEUE, &bad, EINVAL, "QUEUE without hold");
	bad = good;
	bad.accel_nhz_s = 0;
	refused(fd, NANODOSE_IOC_QUEUE, &bad, EINVAL, "QUEUE without acceleration");
	bad = good;
	bad.count = pump_info(fd).queue_segments + 1;
	refused(fd, NANODOSE_IOC_QUEUE, &bad, EINVAL, "QUEUE of more segments than there are");
	bad = good;
	bad.count = 0;
	refused(fd, NANODOSE_IOC_QUEUE, &bad, EINVAL, "QUEUE of nothing at rest");
	bad.flags = NANODOSE_QUEUE_REPLACE;
	refused(fd, NANODOSE_IOC_QUEUE, &bad, EINVAL, "QUEUE that replaces by nothing");
	bad.flags = NANODOSE_QUEUE_MORE;
	refused(fd, NANODOSE_IOC_QUEUE, &bad, EINVAL, "QUEUE of nothing with more to follow");
	bad = good;
	bad.segments = 16;
	refused(fd, NANODOSE_IOC_QUEUE, &bad, EFAULT, "QUEUE of segments from nowhere");

	bad = good;
	bad.hold_ns = pump_info(fd).max_hold_ns + 1;
	refused(fd, NANODOSE_IOC_QUEUE, &bad, EDOM, "QUEUE with too long a hold");
	test(bad.bad_index == COUNT(move), "and bad_index names no segment");
	bad = good;
	bad.accel_nhz_s = pump_info(fd).max_accel_nhz_s + 1;
	refused(fd, NANODOSE_IOC_QUEUE, &bad, EDOM, "QUEUE above the highest acceleration");
	bad = good;
	bad.flags = NANODOSE_QUEUE_START_AT;
	bad.start_ns = now_ns() - 1000;
	refused(fd, NANODOSE_IOC_QUEUE, &bad, EDOM, "QUEUE with a start in the past");
	bad.start_ns = now_ns() + 3601 * NSEC_PER_SEC;
	refused(fd, NANODOSE_IOC_QUEUE, &bad, EDOM, "QUEUE with a start more than an hour ahead");
}

static void wrong_segments_are_refused(int fd)
{
	static const struct {
		const char *name;
		unsigned int index;
		struct nanodose_segment segment;
	} wrong[] = {
		{ "a segment of no steps", 1, { 0, 2000 * HZ, 2000 * HZ } },
		{ "a segment of too many steps", 1, { INT64_MIN, 2000 * HZ, 2000 * HZ } },
		{ "a cruise at rate 0", 0, { 100, 0, 0 } },
		{ "a start above the highest rate", 1, { 1000, 40001 * HZ, 2000 * HZ } },
		{ "an end above the highest rate", 1, { 1 << 30, 2000 * HZ, 40001 * HZ } },
		{ "a ramp that is too steep", 0, { 99, 0, 2000 * HZ } },
		{ "a ramp that takes more than a day", 0, { 2000000000, 0, 200 * HZ } },
		{ "a start that is no standstill", 0, { 100, 1000 * HZ, 2000 * HZ } },
		{ "rates that do not join", 1, { 1000, 2000 * HZ - 1, 2000 * HZ } },
		{ "a turn at full rate", 1, { -1000, 2000 * HZ, 2000 * HZ } },
		{ "an end in motion", 2, { 100, 2000 * HZ, 1000 * HZ } },
		{ "an end above the window", 1, { 5000, 2000 * HZ, 2000 * HZ } },
	};
	struct nanodose_limits limits = pump_limits(fd);
	struct nanodose_segment list[COUNT(move)];
	long long steps = rig_truth("steps");
	struct nanodose_queue bad;
	char name[96];
	size_t i;

	zero(fd);
	limits.position_max = 4000;
	pump_set_limits(fd, &limits);
	for (i = 0; i < COUNT(wrong); i++) {
		memcpy(list, move, sizeof(list));
		list[wrong[i].index] = wrong[i].segment;
		bad = list_of(list, COUNT(list));
		snprintf(name, sizeof(name), "QUEUE with %s", wrong[i].name);
		refused(fd, NANODOSE_IOC_QUEUE, &bad, EDOM, name);
		test(bad.bad_index == wrong[i].index, "and bad_index names it");
	}
	sleep_ms(100);
	test(rig_truth("steps") == steps && pump_status(fd).state == NANODOSE_STATE_REST &&
	     !pump_status(fd).queued, "nothing of what was refused was stepped");
	limits.position_max = NANODOSE_POSITION_MAX;
	pump_set_limits(fd, &limits);
}

/* The rises since the last call of this: how many, first to last. */
static uint64_t span_ns(int edges, unsigned int *count, uint64_t *first_ns)
{
	struct {
		uint64_t time_ns;
		uint8_t line;
		uint8_t level;
		uint16_t zero;
		uint32_t sequence;
	} batch[256];
	uint64_t last_ns = 0;
	ssize_t length, i;

	*count = 0;
	while ((length = read(edges, batch, sizeof(batch))) > 0) {
		for (i = 0; i < length / (ssize_t)sizeof(batch[0]); i++) {
			if (batch[i].line || !batch[i].level)
				continue;
			last_ns = batch[i].time_ns;
			if (!(*count)++)
				*first_ns = last_ns;
		}
	}
	return *count ? last_ns - *first_ns : 0;
}

static long long late_ns(void)
{
	return emulated() ? EMULATED_LATE_NS : 2 * CLOCK_GRAIN_NS;
}

static void a_list_is_stepped_as_written(int fd, int edges)
{
	struct nanodose_queue request = list_of(move, COUNT(move));
	struct nanodose_record record;
	uint64_t first_ns, got_ns;
	unsigned int count;

	zero(fd);
	span_ns(edges, &count, &first_ns);
	request.flags = NANODOSE_QUEUE_START_AT;
	request.start_ns = now_ns() + 200 * NSEC_PER_MSEC;
	accepted(fd, NANODOSE_IOC_QUEUE, &request, "QUEUE of a ramp, a cruise and a ramp");
	test(pump_status(fd).state == NANODOSE_STATE_ARMED, "it waits for its start time");
	test(pump_await_state(fd, NANODOSE_CAUSE_END, &record) && record.state.position == 1200 &&
	     !record.state.faults, "it ends where it leads, without a fault");
	got_ns = span_ns(edges, &count, &first_ns);
	test(count == 1200, "the rig saw exactly its steps");
	/* v^2 = 2 a n: the first step after sqrt(2 / a) */
	test(first_ns - request.start_ns >= 10 * NSEC_PER_MSEC - 1 &&
	     first_ns - request.start_ns <= 10 * NSEC_PER_MSEC + (uint64_t)late_ns(),
	     "the first one 10 ms after the start time");
	test(llabs((long long)got_ns - 690 * NSEC_PER_MSEC) <= late_ns(),
	     "the last one 690 ms later");
	if (got_ns != 690 * NSEC_PER_MSEC)
		note("%llu ns, first after %llu", (unsigned long long)got_ns,
		     (unsigned long long)(first_ns - request.start_ns));
}

static void lists_turn(int fd, int edges)
{
	static const struct nanodose_segment there_and_back[] = {
		{ 100, 0, 2000 * HZ }, { 100, 2000 * HZ, 0 },
		{ -100, 0, 2000 * HZ }, { -150, 2000 * HZ, 2000 * HZ }, { -100, 2000 * HZ, 0 },
		{ 3, HZ, HZ },
	};
	struct nanodose_record record;
	uint64_t first_ns;
	unsigned int count;
	long long steps;

	zero(fd);
	steps = rig_truth("steps");
	test(!queue(fd, there_and_back, COUNT(there_and_back), 0) &&
	     pump_await_state(fd, NANODOSE_CAUSE_END, &record) && record.state.position == -147,
	     "a list may turn, and end at a rate that needs no ramp");
	span_ns(edges, &count, &first_ns);
	test(count == 553 && rig_truth("steps") - steps == -147, "with each of its steps");
}

static void a_full_queue_says_so(int fd, int edges)
{
	const unsigned int size = pump_info(fd).queue_segments;
	struct nanodose_segment chain[2 * size];
	struct pollfd room = { .fd = fd, .events = POLLOUT };
	struct nanodose_queue request;
	struct nanodose_record record;
	uint64_t first_ns;
	unsigned int i, count;

	for (i = 0; i < 2 * size; i++)
		chain[i] = (struct nanodose_segment){ 4, i % 2 ? 400 * HZ : 0, i % 2 ? 0 : 400 * HZ };
	zero(fd);
	test(poll(&room, 1, 0) == 1 && room.revents == POLLOUT, "poll says OUT of an empty queue");
	test(!queue(fd, chain, size, 0) && pump_status(fd).queued == size - 1,
	     "a chain as long as the queue is accepted, and its first segment begun");
	request = list_of(chain, 2);
	refused(fd, NANODOSE_IOC_QUEUE, &request, EAGAIN, "QUEUE of two where one has room");
	test(request.room == 1, "and the room is told");
	test(!queue(fd, (struct nanodose_segment[]){ { 2, HZ, HZ } }, 1, 0), "one still has room");
	test(poll(&room, 1, 0) == 0, "poll does not say OUT of a full queue");
	test(poll(&room, 1, PATIENCE_MS) == 1 && room.revents == POLLOUT &&
	     pump_status(fd).queued < size, "it does as soon as there is room");
	while (pump_status(fd).queued > size / 2)
		sleep_ms(20);
	test(!queue(fd, chain, size / 2, 0), "more is accepted behind what is queued");
	test(pump_await_state(fd, NANODOSE_CAUSE_END, &record) &&
	     record.state.position == 4 * size + 2 + 2 * size, "all of it is stepped");
	span_ns(edges, &count, &first_ns);
	test(count == 6 * size + 2, "by the edges as well");
}

static void replacing_joins_what_is_under_way(int fd)
{
	static const struct nanodose_segment tail[] = {
		{ 50, 2000 * HZ, 2000 * HZ }, { 100, 2000 * HZ, 0 },
	};
	struct nanodose_queue request = list_of(tail, COUNT(tail));
	struct nanodose_record record;

	zero(fd);
	queue(fd, move, COUNT(move), 0);
	sleep_ms(300);
	request.accel_nhz_s++;
	request.flags = NANODOSE_QUEUE_REPLACE;
	refused(fd, NANODOSE_IOC_QUEUE, &request, EINVAL,
		"QUEUE with another acceleration while one is under way");
	request = list_of(move, COUNT(move));
	request.flags = NANODOSE_QUEUE_START_AT;
	request.start_ns = now_ns() + NSEC_PER_SEC;
	refused(fd, NANODOSE_IOC_QUEUE, &request, EINVAL,
		"QUEUE with a start time while one is under way");
	request = list_of(move, COUNT(move));
	request.flags = NANODOSE_QUEUE_REPLACE;
	refused(fd, NANODOSE_IOC_QUEUE, &request, EDOM,
		"QUEUE that replaces and does not join the segment under way");
	test(!request.bad_index, "and bad_index names the first");
	test(!queue(fd, tail, COUNT(tail), NANODOSE_QUEUE_REPLACE | NANODOSE_QUEUE_TRY) &&
	     pump_status(fd).queued == 1, "TRY changes nothing");
	test(!queue(fd, tail, COUNT(tail), NANODOSE_QUEUE_REPLACE) &&
	     pump_await_state(fd, NANODOSE_CAUSE_END, &record) && record.state.position == 1250,
	     "REPLACE changes what follows on the segment under way");
}

static void others_end_it(int fd, int edges)
{
	const struct nanodose_segment forever[] = {
		{ 100, 0, 2000 * HZ }, { 1000000, 2000 * HZ, 2000 * HZ }, { 100, 2000 * HZ, 0 },
	};
	struct nanodose_queue request = list_of(forever, COUNT(forever));
	struct nanodose_record record;
	long long last_ns, least_ns;
	int i;

	refused(pump_open(O_RDWR), NANODOSE_IOC_QUEUE, &request, EPERM, "QUEUE of another opener");
	refused(pump_open(O_RDONLY), NANODOSE_IOC_QUEUE, &request, EBADF, "QUEUE of a reader");

	zero(fd);
	request.hold_ns = 200 * NSEC_PER_MSEC;
	ioctl(fd, NANODOSE_IOC_QUEUE, &request);
	request.count = 0;
	for (i = 0; i < 10; i++) {
		sleep_ms(100);
		ioctl(fd, NANODOSE_IOC_QUEUE, &request);
	}
	test(!pump_status(fd).faults, "QUEUE of nothing renews the hold");
	test(pump_await_fault(fd, NANODOSE_FAULT_OWNER_SILENT, &record) && pump_await_rest(fd) &&
	     record.fault.value == 200 * NSEC_PER_MSEC, "a silent owner ends a queue");
	rig_edges_gaps(edges, &last_ns, &least_ns);
	test(last_ns > 2000000, "by a ramp");
	request = list_of(move, COUNT(move));
	refused(fd, NANODOSE_IOC_QUEUE, &request, EPIPE, "QUEUE with a fault latched");
	rest(fd);

	queue(fd, forever, COUNT(forever), 0);
	sleep_ms(300);
	pump_stop(fd, NANODOSE_STOP_RAMP);
	refused(fd, NANODOSE_IOC_QUEUE, &request, EBUSY, "QUEUE during a stop");
	test(pump_await_rest(fd) && !pump_status(fd).queued && !pump_status(fd).faults,
	     "STOP ends a queue, and nothing of it is left");
	rig_edges_gaps(edges, &last_ns, &least_ns);
	test(last_ns > 2000000, "STOP of a queue is by a ramp");

	if (pump_run(fd, RATE_NHZ, 5 * NSEC_PER_SEC))
		bail("run: %s", strerror(errno));
	sleep_ms(100);
	refused(fd, NANODOSE_IOC_QUEUE, &request, EBUSY, "QUEUE while a RUN is under way");
	rest(fd);
	zero(fd);
	queue(fd, forever, COUNT(forever), 0);
	sleep_ms(300);
	test(!pump_run_to(fd, -RATE_NHZ, 5 * NSEC_PER_SEC, -500) &&
	     pump_await_state(fd, NANODOSE_CAUSE_END, &record) && record.state.position == -500 &&
	     !pump_status(fd).queued, "RUN takes over from a queue");
}

static void running_empty_is_a_fault_where_more_was_to_follow(int fd)
{
	static const struct nanodose_segment again[] = { { -5, 100 * HZ, 100 * HZ } };
	struct nanodose_record record;
	long long steps = rig_truth("steps");

	zero(fd);
	queue(fd, move, COUNT(move), NANODOSE_QUEUE_MORE);
	test(pump_await_fault(fd, NANODOSE_FAULT_UNDERRUN, &record),
	     "MORE: a queue that is not continued latches UNDERRUN");
	test(record.fault.position == 1200 && record.fault.value == COUNT(move) &&
	     !record.fault.rate_nhz, "it tells where, at rest, and after how many segments");
	test(pump_await_state(fd, NANODOSE_CAUSE_REST, &record) && record.state.position == 1200 &&
	     rig_truth("steps") - steps == 1200, "and all that was queued is stepped, exactly");
	test(queue(fd, move, COUNT(move), 0) < 0 && errno == EPIPE,
	     "QUEUE is refused until it is cleared");
	rest(fd);

	zero(fd);
	queue(fd, move, COUNT(move), NANODOSE_QUEUE_MORE);
	sleep_ms(100);
	queue(fd, again, 1, NANODOSE_QUEUE_MORE);
	sleep_ms(100);
	test(!queue(fd, again, 1, 0) && pump_await_state(fd, NANODOSE_CAUSE_END, &record) &&
	     record.state.position == 1190 && !record.state.faults,
	     "MORE: the last of the lists, without it, ends without a fault");

	zero(fd);
	queue(fd, move, COUNT(move), NANODOSE_QUEUE_MORE);
	sleep_ms(100);
	queue(fd, NULL, 0, 0);
	test(pump_await_fault(fd, NANODOSE_FAULT_UNDERRUN, &record),
	     "MORE: a sign of life is not what was to follow");
	rest(fd);

	zero(fd);
	queue(fd, move, COUNT(move), NANODOSE_QUEUE_MORE);
	sleep_ms(300);
	pump_stop(fd, NANODOSE_STOP_RAMP);
	test(pump_await_rest(fd) && !pump_status(fd).faults,
	     "MORE: STOP ends it without a fault");
}

static void replacing_makes_room(int fd)
{
	unsigned int size = pump_info(fd).queue_segments, i;
	struct nanodose_segment list[size + 1];
	struct pollfd room = { .fd = fd, .events = POLLOUT };
	uint64_t begin_ns;
	pid_t waiting;
	int status;

	/* one that lasts longer than anybody waits, then as many as there is room for */
	list[0] = (struct nanodose_segment){ 1000000, 100 * HZ, 100 * HZ };
	for (i = 1; i <= size; i++)
		list[i] = (struct nanodose_segment){ 1, 100 * HZ, 100 * HZ };
	zero(fd);
	test(!queue(fd, list, 1, 0) && !queue(fd, list + 1, size, 0) && !poll(&room, 1, 0),
	     "a queue is full behind a long segment");
	begin_ns = now_ns();
	waiting = fork();
	if (!waiting)
		_exit(poll(&room, 1, PATIENCE_MS) != 1 || room.revents != POLLOUT ||
		      now_ns() - begin_ns > NSEC_PER_SEC);
	sleep_ms(100);
	queue(fd, list + 1, 5, NANODOSE_QUEUE_REPLACE);
	test(waitpid(waiting, &status, 0) == waiting && !status && pump_status(fd).queued == 5,
	     "REPLACE by fewer wakes who waits for room");
	rest(fd);
}

int main(void)
{
	int edges = rig_edges_open();
	int fd = pump_open(O_RDWR);

	pump_claim(fd);
	malformed_is_refused(fd);
	wrong_segments_are_refused(fd);
	a_list_is_stepped_as_written(fd, edges);
	lists_turn(fd, edges);
	a_full_queue_says_so(fd, edges);
	replacing_joins_what_is_under_way(fd);
	others_end_it(fd, edges);
	replacing_makes_room(fd);
	running_empty_is_a_fault_where_more_was_to_follow(fd);
	close(fd);
	return test_end();
}
