// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The system goes to sleep: a motion is a fault, and what wakes is a pump at
 * rest. The kernel's own test mode suspends all devices and wakes them again.
 *
 * vm: --rig rig0
 */
#include <sys/wait.h>

#include "uapi.h"

#define ASLEEP_S	1

static struct nanodose_record fault, asleep, awake;

/* Down and up again, with the records it made; false if one is missing. */
static bool sleep_and_wake(int fd, bool moving)
{
	pump_drain(fd);
	if (!write_text("/sys/power/state", "freeze"))
		bail("suspend: %s", strerror(errno));
	return (!moving || pump_await_fault(fd, NANODOSE_FAULT_SUSPEND, &fault)) &&
	       pump_await_state(fd, NANODOSE_CAUSE_SUSPEND, &asleep) &&
	       pump_await_state(fd, NANODOSE_CAUSE_RESUME, &awake);
}

static void cruise(int fd, long long rate_nhz, long long accel_nhz_s)
{
	struct nanodose_run run = {
		.rate_nhz = rate_nhz, .accel_nhz_s = accel_nhz_s, .hold_ns = 10 * NSEC_PER_SEC,
	};

	if (ioctl(fd, NANODOSE_IOC_RUN, &run))
		bail("run: %s", strerror(errno));
	while (pump_status(fd).state == NANODOSE_STATE_RAMP)
		sleep_ms(10);
}

static void at_rest(int fd)
{
	long long steps = rig_truth("steps");

	cruise(fd, RATE_NHZ, ACCEL_NHZ_S);
	pump_stop(fd, NANODOSE_STOP_RAMP);
	pump_await_rest(fd);
	steps = rig_truth("steps");
	if (pump_sensor(fd, NANODOSE_SENSOR_START, NANODOSE_MEDIUM_WATER, 10 * NSEC_PER_MSEC))
		bail("sensor: %s", strerror(errno));
	sleep_ms(100);
	test(pump_status(fd).flags & NANODOSE_STATUS_ENABLED &&
	     pump_status(fd).flags & NANODOSE_STATUS_SAMPLING,
	     "before: the motor has power, the sensor is sampled");
	test(sleep_and_wake(fd, false), "at rest: going to sleep and waking are recorded");
	test(!pump_status(fd).faults, "at rest: it is no fault");
	test(asleep.state.flags == NANODOSE_STATUS_OWNED && awake.state.flags == asleep.state.flags,
	     "at rest: the motor has no power, and nothing is sampled");
	test(awake.time_ns - asleep.time_ns >= ASLEEP_S * NSEC_PER_SEC && rig_truth("steps") == steps,
	     "at rest: it was asleep, and no step was made");
	test(!pump_sensor(fd, NANODOSE_SENSOR_START, NANODOSE_MEDIUM_WATER, 10 * NSEC_PER_MSEC) &&
	     pump_await_type(fd, NANODOSE_RECORD_FLOW, &fault) &&
	     fault.flow.valid & NANODOSE_VALID_FLOW, "awake: the sensor can be sampled again");
	pump_sensor(fd, NANODOSE_SENSOR_STOP, 0, 0);
}

static void moving(int fd, int edges)
{
	long long before = rig_truth("steps") - pump_status(fd).position, last_ns, least_ns;

	cruise(fd, RATE_NHZ, ACCEL_NHZ_S);
	rig_edges_gaps(edges, &last_ns, &least_ns);
	test(sleep_and_wake(fd, true), "moving: the fault SUSPEND is recorded");
	rig_edges_gaps(edges, &last_ns, &least_ns);
	test(fault.fault.rate_nhz == RATE_NHZ && fault.fault.value == 1 &&
	     fault.fault.faults == NANODOSE_FAULT_SUSPEND,
	     "moving: the record tells the rate");
	test(last_ns > 2000000, "moving: it stops by a ramp");
	test(asleep.state.state == NANODOSE_STATE_REST && !asleep.state.rate_nhz &&
	     asleep.state.position - fault.fault.position >= 49 &&
	     asleep.state.position - fault.fault.position <= 51,
	     "moving: it has come to rest when it sleeps, 50 steps later");
	test(awake.state.position == asleep.state.position &&
	     pump_status(fd).position == asleep.state.position &&
	     rig_truth("steps") == before + asleep.state.position,
	     "moving: awake it stands where it was, by the rig's count too");
	test(awake.state.faults == NANODOSE_FAULT_SUSPEND && awake.state.state == NANODOSE_STATE_REST,
	     "moving: awake it is at rest, with the fault latched");
	test(pump_run(fd, RATE_NHZ, HOLD_NS) < 0 && errno == EPIPE, "moving: RUN is refused then");
	test(!pump_clear(fd, NANODOSE_FAULT_SUSPEND) && !pump_run(fd, -RATE_NHZ, HOLD_NS),
	     "moving: with the fault cleared it moves again");
	pump_stop(fd, NANODOSE_STOP_NOW);
}

static void moving_at_once(int fd, int edges)
{
	struct nanodose_limits limits = pump_limits(fd);
	long long last_ns, least_ns;

	limits.now_faults = NANODOSE_FAULT_SUSPEND;
	pump_set_limits(fd, &limits);
	cruise(fd, RATE_NHZ, ACCEL_NHZ_S);
	rig_edges_gaps(edges, &last_ns, &least_ns);
	test(sleep_and_wake(fd, true), "at once: the fault is recorded");
	rig_edges_gaps(edges, &last_ns, &least_ns);
	test(last_ns < 600000 && asleep.state.position == fault.fault.position,
	     "at once: not a step more");
	pump_clear(fd, NANODOSE_FAULT_SUSPEND);
	limits.now_faults = 0;
	pump_set_limits(fd, &limits);
}

/* 2000 steps/s at 200 steps/s^2 would take ten seconds. */
static void moving_with_a_long_ramp(int fd)
{
	cruise(fd, RATE_NHZ, ACCEL_NHZ_S);
	cruise(fd, RATE_NHZ, 200 * NSEC_PER_SEC);
	test(sleep_and_wake(fd, true), "long ramp: the fault is recorded");
	test(asleep.time_ns - fault.time_ns < 1100 * NSEC_PER_MSEC &&
	     asleep.time_ns - fault.time_ns > 900 * NSEC_PER_MSEC,
	     "long ramp: sleep is not held up for longer than a second");
	test(asleep.state.state == NANODOSE_STATE_REST &&
	     asleep.state.position - fault.fault.position > 1800 &&
	     rig_truth("steps") == pump_status(fd).position,
	     "long ramp: it braked until then, and no step is lost");
	pump_clear(fd, NANODOSE_FAULT_SUSPEND);
}

static void armed(int fd)
{
	struct nanodose_run run = {
		.rate_nhz = RATE_NHZ, .accel_nhz_s = ACCEL_NHZ_S, .hold_ns = HOLD_NS,
		.start_ns = now_ns() + ASLEEP_S * NSEC_PER_SEC / 2, .flags = NANODOSE_RUN_START_AT,
	};
	long long steps = rig_truth("steps");

	if (ioctl(fd, NANODOSE_IOC_RUN, &run))
		bail("run: %s", strerror(errno));
	test(sleep_and_wake(fd, true), "armed: a start time that comes while it sleeps is a fault");
	sleep_ms(1000);
	test(rig_truth("steps") == steps && pump_status(fd).state == NANODOSE_STATE_REST,
	     "armed: it does not start once awake");
	pump_clear(fd, NANODOSE_FAULT_SUSPEND);
}

static void blocked_reader(int fd)
{
	struct nanodose_record record;
	pid_t reader = fork();
	int other, status;

	if (!reader) {
		other = pump_open(O_RDONLY);
		while (read(other, &record, sizeof(record)) == sizeof(record)) {
			if (record.type == NANODOSE_RECORD_STATE &&
			    record.state.cause == NANODOSE_CAUSE_RESUME)
				_exit(0);
		}
		_exit(1);
	}
	sleep_ms(100);
	sleep_and_wake(fd, false);
	test(waitpid(reader, &status, 0) == reader && !status,
	     "a reader that was blocked reads on once awake");
}

int main(void)
{
	int edges = rig_edges_open();
	int fd = pump_open(O_RDWR);

	if (!write_text("/sys/module/suspend/parameters/pm_test_delay", "1") ||
	    !write_text("/sys/power/pm_test", "devices"))
		bail("this kernel cannot test suspend");
	pump_claim(fd);
	at_rest(fd);
	moving(fd, edges);
	moving_at_once(fd, edges);
	moving_with_a_long_ramp(fd);
	armed(fd);
	blocked_reader(fd);
	close(fd);
	return test_end();
}
