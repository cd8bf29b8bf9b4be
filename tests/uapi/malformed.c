// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Each thing that a call must refuse, alone, with data that is good otherwise;
 * the good data first, so that it is known to be good.
 *
 * vm: --rig rig0
 */
#include "uapi.h"

union argument {
	struct nanodose_subscribe subscribe;
	struct nanodose_claim claim;
	struct nanodose_run run;
	struct nanodose_stop stop;
	struct nanodose_clear_faults clear;
	struct nanodose_set_position position;
	struct nanodose_sensor sensor;
	struct nanodose_limits limits;
	unsigned char bytes[144];
};

/* Sets each of the bits alone; all must be refused. */
static void refuse_bits(int fd, unsigned long request, const union argument *good, size_t offset,
			size_t first, size_t end, const char *name)
{
	size_t bit, taken = 0;

	for (bit = first; bit < end; bit++) {
		union argument bad = *good;

		bad.bytes[offset + bit / 8] |= 1 << bit % 8;
		if (ioctl(fd, request, &bad) == -1 && errno == EINVAL)
			continue;
		note("bit %zu: %s", bit, strerrorname_np(errno));
		taken++;
	}
	test(!taken, "%s: each bit alone is refused with EINVAL, %zu of them", name, end - first);
}

static void subscribe_refuses(int fd)
{
	static const unsigned int rings[] = { 1, 32, 63, 65, 96, 65535, 65537, 131072, 0x80000000 };
	const struct nanodose_subscribe good = { .mask = 0x1e };
	struct nanodose_subscribe bad = good;
	char name[64];
	size_t i;

	accepted(fd, NANODOSE_IOC_SUBSCRIBE, &bad, "SUBSCRIBE to all types");
	refuse_bits(fd, NANODOSE_IOC_SUBSCRIBE, &(union argument){ .subscribe = good },
		    offsetof(struct nanodose_subscribe, flags), 0, 32, "SUBSCRIBE flags");
	refuse_bits(fd, NANODOSE_IOC_SUBSCRIBE, &(union argument){ .subscribe = good },
		    offsetof(struct nanodose_subscribe, mask), 0, 1, "SUBSCRIBE type 0");
	refuse_bits(fd, NANODOSE_IOC_SUBSCRIBE, &(union argument){ .subscribe = good },
		    offsetof(struct nanodose_subscribe, mask), 5, 32, "SUBSCRIBE unknown types");
	for (i = 0; i < COUNT(rings); i++) {
		bad.ring_records = rings[i];
		snprintf(name, sizeof(name), "SUBSCRIBE with a ring of %u records", rings[i]);
		refused(fd, NANODOSE_IOC_SUBSCRIBE, &bad, EINVAL, name);
	}
	bad.ring_records = 64;
	accepted(fd, NANODOSE_IOC_SUBSCRIBE, &bad, "SUBSCRIBE with the smallest ring");
	bad.ring_records = 65536;
	accepted(fd, NANODOSE_IOC_SUBSCRIBE, &bad, "SUBSCRIBE with the largest ring");
}

static void claim_refuses(int fd)
{
	const struct nanodose_claim good = { .label = "test" };
	struct nanodose_claim bad = good;

	refuse_bits(fd, NANODOSE_IOC_CLAIM, &(union argument){ .claim = good },
		    offsetof(struct nanodose_claim, flags), 0, 32, "CLAIM flags");
	refuse_bits(fd, NANODOSE_IOC_CLAIM, &(union argument){ .claim = good },
		    offsetof(struct nanodose_claim, reserved), 0, 32, "CLAIM reserved");
	memset(bad.label, 'x', sizeof(bad.label));
	refused(fd, NANODOSE_IOC_CLAIM, &bad, EINVAL, "CLAIM with a label that does not end");
	bad.label[sizeof(bad.label) - 1] = '\0';
	accepted(fd, NANODOSE_IOC_CLAIM, &bad, "CLAIM with the longest label");
	test(!strcmp(pump_status(fd).owner_label, bad.label), "the longest label is kept whole");
}

static void run_refuses(int fd)
{
	const struct nanodose_run good = { .accel_nhz_s = ACCEL_NHZ_S, .hold_ns = HOLD_NS };
	struct nanodose_info info = pump_info(fd);
	struct nanodose_run bad = good;

	accepted(fd, NANODOSE_IOC_RUN, &bad, "RUN at rate 0");
	refuse_bits(fd, NANODOSE_IOC_RUN, &(union argument){ .run = good },
		    offsetof(struct nanodose_run, flags), 2, 32, "RUN unknown flags");
	refuse_bits(fd, NANODOSE_IOC_RUN, &(union argument){ .run = good },
		    offsetof(struct nanodose_run, reserved), 0, 160, "RUN reserved");

	bad = good;
	bad.rate_nhz = info.max_rate_nhz + 1;
	refused(fd, NANODOSE_IOC_RUN, &bad, EDOM, "RUN above the highest rate");
	bad.rate_nhz = -(long long)info.max_rate_nhz - 1;
	refused(fd, NANODOSE_IOC_RUN, &bad, EDOM, "RUN above the highest rate, backwards");
	bad.rate_nhz = INT64_MIN;
	refused(fd, NANODOSE_IOC_RUN, &bad, EDOM, "RUN at the lowest number there is");
	bad = good;
	bad.accel_nhz_s = info.max_accel_nhz_s + 1;
	refused(fd, NANODOSE_IOC_RUN, &bad, EDOM, "RUN above the highest acceleration");
	bad.accel_nhz_s = UINT64_MAX;
	refused(fd, NANODOSE_IOC_RUN, &bad, EDOM, "RUN at the largest acceleration there is");
	bad.accel_nhz_s = 0;
	refused(fd, NANODOSE_IOC_RUN, &bad, EINVAL, "RUN without acceleration");
	bad = good;
	bad.hold_ns = info.max_hold_ns + 1;
	refused(fd, NANODOSE_IOC_RUN, &bad, EDOM, "RUN with too long a hold");
	bad.hold_ns = UINT64_MAX;
	refused(fd, NANODOSE_IOC_RUN, &bad, EDOM, "RUN with the longest hold there is");
	bad.hold_ns = 0;
	refused(fd, NANODOSE_IOC_RUN, &bad, EINVAL, "RUN without hold");

	bad = good;
	bad.rate_nhz = RATE_NHZ;
	bad.flags = NANODOSE_RUN_END_POSITION;
	bad.end_position = pump_status(fd).position - 1;
	refused(fd, NANODOSE_IOC_RUN, &bad, EINVAL, "RUN to an end behind, dispensing");
	bad.rate_nhz = -RATE_NHZ;
	bad.end_position = pump_status(fd).position + 1;
	refused(fd, NANODOSE_IOC_RUN, &bad, EINVAL, "RUN to an end behind, withdrawing");

	bad = good;
	bad.rate_nhz = RATE_NHZ;
	bad.flags = NANODOSE_RUN_START_AT;
	bad.start_ns = now_ns() - 1000;
	refused(fd, NANODOSE_IOC_RUN, &bad, EDOM, "RUN with a start in the past");
	bad.start_ns = now_ns() + 3601 * NSEC_PER_SEC;
	refused(fd, NANODOSE_IOC_RUN, &bad, EDOM, "RUN with a start more than an hour ahead");
	test(pump_status(fd).state == NANODOSE_STATE_REST && !pump_status(fd).position,
	     "none of the refused RUNs moved the pump");
}

static void run_refuses_while_moving(int fd)
{
	struct nanodose_run bad = {
		.rate_nhz = RATE_NHZ,
		.accel_nhz_s = ACCEL_NHZ_S,
		.hold_ns = HOLD_NS,
		.start_ns = now_ns() + NSEC_PER_SEC,
		.flags = NANODOSE_RUN_START_AT,
	};
	struct nanodose_set_position position = {};
	struct nanodose_clear_faults clear = {};

	if (pump_run(fd, RATE_NHZ, HOLD_NS))
		bail("run: %s", strerror(errno));
	sleep_ms(100);
	refused(fd, NANODOSE_IOC_RUN, &bad, EINVAL, "RUN with a start time while moving");
	bad.flags = NANODOSE_RUN_END_POSITION;
	bad.end_position = pump_status(fd).position + 20;
	refused(fd, NANODOSE_IOC_RUN, &bad, EDOM, "RUN to an end that is too close to stop");
	refused(fd, NANODOSE_IOC_SET_POSITION, &position, EBUSY, "SET_POSITION while moving");
	refused(fd, NANODOSE_IOC_CLEAR_FAULTS, &clear, EBUSY, "CLEAR_FAULTS while moving");
	test(pump_status(fd).target_rate_nhz == RATE_NHZ, "the motion under way is as it was");
	pump_stop(fd, NANODOSE_STOP_NOW);
	if (!pump_await_rest(fd))
		bail("the pump does not stop");
}

static void others_refuse(int fd)
{
	const struct nanodose_stop stop = { .mode = NANODOSE_STOP_RAMP };
	const struct nanodose_clear_faults clear = {};
	const struct nanodose_set_position position = {};
	struct nanodose_stop bad_stop = stop;
	struct nanodose_clear_faults good_clear = { .faults = 0x1fff };
	struct nanodose_set_position good_position = { .position = -5000000000LL };

	accepted(fd, NANODOSE_IOC_STOP, &bad_stop, "STOP at rest");
	refuse_bits(fd, NANODOSE_IOC_STOP, &(union argument){ .stop = stop },
		    offsetof(struct nanodose_stop, mode), 1, 32, "STOP unknown modes");
	refuse_bits(fd, NANODOSE_IOC_STOP, &(union argument){ .stop = stop },
		    offsetof(struct nanodose_stop, reserved), 0, 96, "STOP reserved");

	accepted(fd, NANODOSE_IOC_CLEAR_FAULTS, &good_clear, "CLEAR_FAULTS of faults not latched");
	refuse_bits(fd, NANODOSE_IOC_CLEAR_FAULTS, &(union argument){ .clear = clear },
		    offsetof(struct nanodose_clear_faults, faults), 16, 32,
		    "CLEAR_FAULTS unknown faults");
	refuse_bits(fd, NANODOSE_IOC_CLEAR_FAULTS, &(union argument){ .clear = clear },
		    offsetof(struct nanodose_clear_faults, reserved), 0, 96,
		    "CLEAR_FAULTS reserved");

	refuse_bits(fd, NANODOSE_IOC_SET_POSITION, &(union argument){ .position = position },
		    offsetof(struct nanodose_set_position, reserved), 0, 64,
		    "SET_POSITION reserved");
	accepted(fd, NANODOSE_IOC_SET_POSITION, &good_position, "SET_POSITION far below zero");
	test(pump_status(fd).position == good_position.position, "the position has its new name");
}

static void sensor_refuses(int fd)
{
	const struct nanodose_info info = pump_info(fd);
	const struct nanodose_sensor good = {
		.op = NANODOSE_SENSOR_START,
		.medium = NANODOSE_MEDIUM_WATER,
		.period_ns = 20 * NSEC_PER_MSEC,
	};
	struct nanodose_sensor bad = good;

	refuse_bits(fd, NANODOSE_IOC_SENSOR, &(union argument){ .sensor = good },
		    offsetof(struct nanodose_sensor, op), 1, 32, "SENSOR unknown operations");
	refuse_bits(fd, NANODOSE_IOC_SENSOR, &(union argument){ .sensor = good },
		    offsetof(struct nanodose_sensor, medium), 1, 32, "SENSOR unknown media");
	refuse_bits(fd, NANODOSE_IOC_SENSOR, &(union argument){ .sensor = good },
		    offsetof(struct nanodose_sensor, flags), 0, 32, "SENSOR flags");
	refuse_bits(fd, NANODOSE_IOC_SENSOR, &(union argument){ .sensor = good },
		    offsetof(struct nanodose_sensor, reserved), 0, 96, "SENSOR reserved");
	bad.period_ns = 0;
	refused(fd, NANODOSE_IOC_SENSOR, &bad, EDOM, "SENSOR start without period");
	bad.period_ns = info.sensor_min_period_ns - 1;
	refused(fd, NANODOSE_IOC_SENSOR, &bad, EDOM, "SENSOR start with too short a period");
	bad.period_ns = 10 * NSEC_PER_SEC + 1;
	refused(fd, NANODOSE_IOC_SENSOR, &bad, EDOM, "SENSOR start with too long a period");
	test(!(pump_status(fd).flags & NANODOSE_STATUS_SAMPLING),
	     "none of the refused calls started the sensor");
}

static void limits_refuse_unknown_bits(int fd)
{
	union argument good = {};

	if (ioctl(fd, NANODOSE_IOC_GET_LIMITS, &good.limits))
		bail("limits: %s", strerror(errno));
	accepted(fd, NANODOSE_IOC_SET_LIMITS, &good.limits, "SET_LIMITS of what GET_LIMITS gave");
	refuse_bits(fd, NANODOSE_IOC_SET_LIMITS, &good,
		    offsetof(struct nanodose_limits, reserved), 0,
		    8 * sizeof(good.limits.reserved), "SET_LIMITS reserved");
	refuse_bits(fd, NANODOSE_IOC_SET_LIMITS, &good,
		    offsetof(struct nanodose_limits, warn_faults), 13, 32,
		    "SET_LIMITS to only warn of an underrun, of sleep, of unknown faults");
	refuse_bits(fd, NANODOSE_IOC_SET_LIMITS, &good,
		    offsetof(struct nanodose_limits, warn_faults), 3, 9,
		    "SET_LIMITS to only warn of lines, lateness and the window");
	refuse_bits(fd, NANODOSE_IOC_SET_LIMITS, &good,
		    offsetof(struct nanodose_limits, warn_faults), 0, 1,
		    "SET_LIMITS to only warn of a silent owner");
	refuse_bits(fd, NANODOSE_IOC_SET_LIMITS, &good,
		    offsetof(struct nanodose_limits, now_faults), 16, 32,
		    "SET_LIMITS to stop at once on unknown faults");
	refuse_bits(fd, NANODOSE_IOC_SET_LIMITS, &good,
		    offsetof(struct nanodose_limits, now_faults), 3, 6,
		    "SET_LIMITS to stop at once on lines, which do so anyway");
	refuse_bits(fd, NANODOSE_IOC_SET_LIMITS, &good,
		    offsetof(struct nanodose_limits, now_faults), 13, 14,
		    "SET_LIMITS to stop at once on an underrun, which is at rest");
	refuse_bits(fd, NANODOSE_IOC_SET_LIMITS, &good,
		    offsetof(struct nanodose_limits, now_faults), 15, 16,
		    "SET_LIMITS to stop at once as the device goes, which it does anyway");
}

static void unknown_commands_are_refused(int fd)
{
	static const struct {
		const char *name;
		unsigned long request;
	} unknown[] = {
		{ "QUEUE of another direction", _IOW(NANODOSE_IOC_MAGIC, 0x07, struct nanodose_queue) },
		{ "command 0xff", _IO(NANODOSE_IOC_MAGIC, 0xff) },
		{ "RUN of another size", _IOW(NANODOSE_IOC_MAGIC, 0x06, struct nanodose_stop) },
		{ "RUN of another direction", _IOR(NANODOSE_IOC_MAGIC, 0x06, struct nanodose_run) },
		{ "STOP of another kind of device", _IOW('T', 0x08, struct nanodose_stop) },
		{ "a terminal's command", 0x5401 },
	};
	unsigned char room[256] = {};
	size_t i;

	for (i = 0; i < COUNT(unknown); i++)
		refused(fd, unknown[i].request, room, ENOTTY, unknown[i].name);
}

static void bad_addresses_are_refused(int fd)
{
	static const struct {
		const char *name;
		unsigned long request;
	} calls[] = {
		{ "GET_INFO to nowhere", NANODOSE_IOC_GET_INFO },
		{ "GET_STATUS to nowhere", NANODOSE_IOC_GET_STATUS },
		{ "SUBSCRIBE from nowhere", NANODOSE_IOC_SUBSCRIBE },
		{ "CLAIM from nowhere", NANODOSE_IOC_CLAIM },
		{ "GET_LIMITS to nowhere", NANODOSE_IOC_GET_LIMITS },
		{ "SET_LIMITS from nowhere", NANODOSE_IOC_SET_LIMITS },
		{ "RUN from nowhere", NANODOSE_IOC_RUN },
		{ "QUEUE from nowhere", NANODOSE_IOC_QUEUE },
		{ "STOP from nowhere", NANODOSE_IOC_STOP },
		{ "CLEAR_FAULTS from nowhere", NANODOSE_IOC_CLEAR_FAULTS },
		{ "SET_POSITION from nowhere", NANODOSE_IOC_SET_POSITION },
		{ "SENSOR from nowhere", NANODOSE_IOC_SENSOR },
	};
	size_t i;

	for (i = 0; i < COUNT(calls); i++)
		refused(fd, calls[i].request, (void *)16, EFAULT, calls[i].name);
}

static void what_is_returned_is_zero_where_reserved(int fd)
{
	struct nanodose_status status;
	struct nanodose_info info;
	size_t i, set = 0;

	memset(&info, 0xff, sizeof(info));
	memset(&status, 0xff, sizeof(status));
	ioctl(fd, NANODOSE_IOC_GET_INFO, &info);
	ioctl(fd, NANODOSE_IOC_GET_STATUS, &status);
	for (i = 0; i < COUNT(info.reserved); i++)
		set += !!info.reserved[i];
	for (i = 0; i < COUNT(status.reserved); i++)
		set += !!status.reserved[i];
	test(!set, "reserved fields of info and status are zero");
	test(!info.name[sizeof(info.name) - 1] && !strcmp(info.name, strrchr(pump_path(), '/') + 1),
	     "the name in GET_INFO is that of the node");
}

int main(void)
{
	int fd = pump_open(O_RDWR);

	subscribe_refuses(fd);
	claim_refuses(fd);
	run_refuses(fd);
	run_refuses_while_moving(fd);
	others_refuse(fd);
	sensor_refuses(fd);
	limits_refuse_unknown_bits(fd);
	unknown_commands_are_refused(fd);
	bad_addresses_are_refused(fd);
	what_is_returned_is_zero_where_reserved(fd);
	close(fd);
	return test_end();
}
