// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * SET_LIMITS: what it refuses, what it makes RUN and SET_POSITION refuse, and
 * the position window, judged by the rig's steps.
 *
 * vm: --rig rig0
 */
#include "uapi.h"

#define FIELD(field, bad, name) \
	{ offsetof(struct nanodose_limits, field), sizeof(((struct nanodose_limits *)0)->field), \
	  bad, name }

static void defaults_protect(int fd)
{
	const struct nanodose_limits limits = pump_limits(fd);
	const struct nanodose_info info = pump_info(fd);
	size_t i, left = 0;

	test(limits.max_rate_nhz == info.max_rate_nhz &&
	     limits.max_accel_nhz_s == info.max_accel_nhz_s,
	     "by default rate and acceleration are limited by the hardware");
	test(limits.position_max == NANODOSE_POSITION_MAX &&
	     limits.position_min == -NANODOSE_POSITION_MAX, "by default there is no window");
	test(!limits.warn_faults && !limits.now_faults,
	     "by default every sensor fault stops by a ramp");
	test(limits.bad_frames == 3 && limits.sensor_timeout_ns == 1000000000 &&
	     limits.over_pressure_pa == 1000000 && limits.no_flow_time_ns == 300000000000 &&
	     limits.rest_flow_time_ns == 60000000000 && limits.no_flow_ppm == 100000 &&
	     limits.no_flow_least_pl_min == info.sensor_full_scale_pl_min / 100 &&
	     limits.rest_flow_pl_min == info.sensor_full_scale_pl_min / 100,
	     "the other defaults are those that the header tells");
	for (i = 0; i < COUNT(limits.reserved); i++)
		left += !!limits.reserved[i];
	test(!left, "GET_LIMITS returns zero in its reserved fields");
}

static void out_of_range_is_refused(int fd)
{
	const struct nanodose_info info = pump_info(fd);
	const struct nanodose_limits good = pump_limits(fd);
	const struct {
		size_t offset, size;
		uint64_t bad;
		const char *name;
	} fields[] = {
		FIELD(max_rate_nhz, 0, "a highest rate of 0"),
		FIELD(max_rate_nhz, info.max_rate_nhz + 1, "a rate above the hardware's"),
		FIELD(max_accel_nhz_s, 0, "a highest acceleration of 0"),
		FIELD(max_accel_nhz_s, info.max_accel_nhz_s + 1,
		      "an acceleration above the hardware's"),
		FIELD(position_min, -NANODOSE_POSITION_MAX - 1, "a window below all positions"),
		FIELD(position_max, NANODOSE_POSITION_MAX + 1, "a window above all positions"),
		FIELD(position_min, 1, "a window above the present position"),
		FIELD(position_max, -1, "a window below the present position"),
		FIELD(step_volume_fl, 1000000001, "a microstep of more than 1 uL"),
		FIELD(sensor_timeout_ns, 999999, "a sensor time-out below 1 ms"),
		FIELD(sensor_timeout_ns, 60000000001, "a sensor time-out above 60 s"),
		FIELD(high_flow_pl_min, -1, "a negative high flow"),
		FIELD(no_flow_least_pl_min, -1, "a negative least flow"),
		FIELD(no_flow_time_ns, 99999999, "no flow after less than 100 ms"),
		FIELD(no_flow_time_ns, 3600000000001, "no flow after more than 1 h"),
		FIELD(no_flow_ppm, 1000001, "no flow at more than all of it"),
		FIELD(rest_flow_pl_min, -1, "a negative flow at rest"),
		FIELD(rest_flow_time_ns, 99999999, "flow at rest after less than 100 ms"),
		FIELD(rest_flow_time_ns, 3600000000001, "flow at rest after more than 1 h"),
		FIELD(over_pressure_pa, 0, "a highest pressure of 0"),
		FIELD(over_pressure_pa, -1, "a negative highest pressure"),
		FIELD(bad_frames, 0, "no bad frame at all"),
		FIELD(bad_frames, 1001, "more than 1000 bad frames"),
	};
	struct nanodose_limits bad;
	char name[96];
	size_t i;

	for (i = 0; i < COUNT(fields); i++) {
		bad = good;
		memcpy((char *)&bad + fields[i].offset, &fields[i].bad, fields[i].size);
		snprintf(name, sizeof(name), "SET_LIMITS with %s", fields[i].name);
		refused(fd, NANODOSE_IOC_SET_LIMITS, &bad, EDOM, name);
	}

	bad = good;
	bad.position_min = 10;
	bad.position_max = -10;
	refused(fd, NANODOSE_IOC_SET_LIMITS, &bad, EINVAL,
		"SET_LIMITS with a window that ends before it begins");
	bad = good;
	bad.warn_faults = NANODOSE_FAULT_HIGH_FLOW;
	bad.now_faults = NANODOSE_FAULT_HIGH_FLOW;
	refused(fd, NANODOSE_IOC_SET_LIMITS, &bad, EINVAL,
		"SET_LIMITS with a fault that warns only and stops at once");
	bad = pump_limits(fd);
	test(!memcmp(&bad, &good, sizeof(good)), "what was refused has changed nothing");
}

static void only_the_owner_at_rest_may_set(int fd)
{
	struct nanodose_limits limits = pump_limits(fd);
	int other = pump_open(O_RDWR), reader = pump_open(O_RDONLY);
	struct nanodose_limits seen;
	struct nanodose_record record;

	refused(other, NANODOSE_IOC_SET_LIMITS, &limits, EPERM, "SET_LIMITS of another opener");
	refused(reader, NANODOSE_IOC_SET_LIMITS, &limits, EBADF, "SET_LIMITS of a reader");
	if (pump_run(fd, RATE_NHZ, HOLD_NS))
		bail("run: %s", strerror(errno));
	sleep_ms(50);
	refused(fd, NANODOSE_IOC_SET_LIMITS, &limits, EBUSY, "SET_LIMITS while moving");
	pump_stop(fd, NANODOSE_STOP_NOW);
	pump_await_rest(fd);

	limits.bad_frames = 7;
	limits.max_rate_nhz = 12345;
	pump_drain(fd);
	accepted(fd, NANODOSE_IOC_SET_LIMITS, &limits, "SET_LIMITS of the owner at rest");
	test(pump_await_state(fd, NANODOSE_CAUSE_LIMITS, &record) && record.state.pid == getpid(),
	     "SET_LIMITS gives a STATE record");
	seen = pump_limits(reader);
	test(!memcmp(&seen, &limits, sizeof(seen)), "a reader sees them by GET_LIMITS");
	ioctl(fd, NANODOSE_IOC_RELEASE);
	pump_claim(fd);
	seen = pump_limits(fd);
	test(seen.bad_frames == 3 && seen.max_rate_nhz == pump_info(fd).max_rate_nhz,
	     "who claims next gets the defaults");
	close(other);
	close(reader);
}

static void rate_and_acceleration_hold(int fd)
{
	struct nanodose_limits limits = pump_limits(fd);
	struct nanodose_run run = {
		.rate_nhz = RATE_NHZ,
		.accel_nhz_s = ACCEL_NHZ_S,
		.hold_ns = HOLD_NS,
	};
	long long steps = rig_truth("steps");

	limits.max_rate_nhz = RATE_NHZ - 1;
	pump_set_limits(fd, &limits);
	refused(fd, NANODOSE_IOC_RUN, &run, EDOM, "RUN above the rate that was set");
	run.rate_nhz = -RATE_NHZ;
	refused(fd, NANODOSE_IOC_RUN, &run, EDOM, "RUN backwards above the rate that was set");
	limits.max_rate_nhz = RATE_NHZ;
	limits.max_accel_nhz_s = ACCEL_NHZ_S - 1;
	pump_set_limits(fd, &limits);
	refused(fd, NANODOSE_IOC_RUN, &run, EDOM, "RUN above the acceleration that was set");
	sleep_ms(100);
	test(rig_truth("steps") == steps, "none of them made a step");
	limits.max_accel_nhz_s = ACCEL_NHZ_S;
	pump_set_limits(fd, &limits);
	accepted(fd, NANODOSE_IOC_RUN, &run, "RUN at the rate and acceleration that were set");
	pump_stop(fd, NANODOSE_STOP_NOW);
	pump_await_rest(fd);
}

/* A motion without end, towards one side; the rig tells where it ended. */
static void window_ends_motion(int fd, int sign, const char *way)
{
	const long long begin = rig_truth("steps");
	struct nanodose_limits limits = pump_limits(fd);
	struct nanodose_record record;
	struct nanodose_run run = {
		.rate_nhz = sign * RATE_NHZ,
		.accel_nhz_s = ACCEL_NHZ_S,
		.hold_ns = NSEC_PER_SEC,
	};
	struct nanodose_set_position zero = {};
	long long steps;

	if (ioctl(fd, NANODOSE_IOC_SET_POSITION, &zero))
		bail("SET_POSITION: %s", strerror(errno));
	limits.position_min = -700;
	limits.position_max = 600;
	pump_set_limits(fd, &limits);
	steps = sign > 0 ? 600 : -700;

	zero.position = steps + sign;
	refused(fd, NANODOSE_IOC_SET_POSITION, &zero, EDOM, "SET_POSITION outside of the window");
	run.flags = NANODOSE_RUN_END_POSITION;
	run.end_position = steps + sign;
	refused(fd, NANODOSE_IOC_RUN, &run, EDOM, "RUN to an end outside of the window");
	run.flags = 0;
	pump_drain(fd);
	accepted(fd, NANODOSE_IOC_RUN, &run, "RUN towards the end of the window");
	test(pump_status(fd).end_position == NANODOSE_NO_VALUE_S64,
	     "%s: the window is not shown as an end of the motion", way);
	sleep_ms(150);
	run.accel_nhz_s = 4 * NSEC_PER_SEC;
	run.rate_nhz = 0;
	refused(fd, NANODOSE_IOC_RUN, &run, EDOM,
		"RUN to rest too gently to stop within the window");
	run.rate_nhz = -sign * RATE_NHZ;
	refused(fd, NANODOSE_IOC_RUN, &run, EDOM,
		"RUN back too gently to turn within the window");
	test(pump_await_fault(fd, NANODOSE_FAULT_POSITION, &record) &&
	     record.fault.value == steps && record.fault.position == steps && pump_await_rest(fd),
	     "%s: at the end of the window POSITION is latched", way);
	sleep_ms(500);
	test(rig_truth("steps") - begin == steps, "%s: the rig made exactly the steps up to it",
	     way);
	run.rate_nhz = sign * RATE_NHZ;
	run.accel_nhz_s = ACCEL_NHZ_S;
	refused(fd, NANODOSE_IOC_RUN, &run, EPIPE, "RUN with POSITION latched");
	pump_clear(fd, NANODOSE_FAULT_POSITION);
	refused(fd, NANODOSE_IOC_RUN, &run, EDOM, "RUN further at the end of the window");
	test(!pump_run_to(fd, -sign * RATE_NHZ, NSEC_PER_SEC, 0) &&
	     pump_await_state(fd, NANODOSE_CAUSE_END, &record) && record.state.position == 0 &&
	     rig_truth("steps") == begin, "%s: and back from there to where it began", way);
	run.flags = NANODOSE_RUN_END_POSITION;
	run.end_position = steps;
	accepted(fd, NANODOSE_IOC_RUN, &run, "RUN to exactly the end of the window");
	test(pump_await_state(fd, NANODOSE_CAUSE_END, &record) && !record.state.faults,
	     "%s: an asked-for end there is no fault", way);
	pump_run_to(fd, -sign * RATE_NHZ, NSEC_PER_SEC, 0);
	pump_await_state(fd, NANODOSE_CAUSE_END, &record);
}

int main(void)
{
	int fd = pump_open(O_RDWR);

	pump_claim(fd);
	defaults_protect(fd);
	out_of_range_is_refused(fd);
	only_the_owner_at_rest_may_set(fd);
	rate_and_acceleration_hold(fd);
	window_ends_motion(fd, 1, "window, dispensing");
	window_ends_motion(fd, -1, "window, withdrawing");
	close(fd);
	return test_end();
}
