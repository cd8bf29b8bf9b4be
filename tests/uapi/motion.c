// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Motion as a caller sees it: exact ends, changes of rate, start times, and
 * that position, records and the rig's count agree.
 *
 * vm: --rig rig0
 */
#include "uapi.h"

static void goes_to(int fd, long long rate_nhz, long long end)
{
	struct nanodose_record record;
	long long steps = rig_truth("steps"), from = pump_status(fd).position;
	bool came;

	pump_drain(fd);
	if (pump_run_to(fd, rate_nhz, 5 * NSEC_PER_SEC, end))
		bail("run: %s", strerror(errno));
	came = pump_await_state(fd, NANODOSE_CAUSE_END, &record);
	test(came && record.state.position == end && record.state.state == NANODOSE_STATE_REST &&
	     !record.state.rate_nhz, "from %lld to %lld at %lld steps/s: END is recorded there",
	     from, end, rate_nhz / NSEC_PER_SEC);
	test(rig_truth("steps") - steps == end - from, "and the rig counts %lld steps", end - from);
}

static void ends_are_exact(int fd)
{
	static const long long rates[] = { 10, 999, 2000, 40000 };
	size_t i;

	for (i = 0; i < COUNT(rates); i++) {
		long long here = pump_status(fd).position;
		long long way = rates[i] / 4 > 2 ? rates[i] / 4 : 2;

		goes_to(fd, rates[i] * NSEC_PER_SEC, here + way);
		goes_to(fd, -rates[i] * NSEC_PER_SEC, here - 1);
	}
	goes_to(fd, RATE_NHZ, pump_status(fd).position + 1);
}

static void end_where_it_stands(int fd)
{
	struct nanodose_record record;
	long long here = pump_status(fd).position, steps = rig_truth("steps");

	pump_drain(fd);
	test(!pump_run_to(fd, RATE_NHZ, HOLD_NS, here) &&
	     pump_await_state(fd, NANODOSE_CAUSE_END, &record) && rig_truth("steps") == steps,
	     "RUN to where it stands ends without a step");
}

static bool lies_between(long long value, long long a, long long b)
{
	return a < b ? a <= value && value <= b : b <= value && value <= a;
}

static void rate_changes_on_the_way(int fd)
{
	static const long long rates[] = { 500, 4000, 1000, -1000, 250, 0 };
	struct nanodose_record record;
	struct nanodose_status status;
	long long before;
	size_t i;

	pump_drain(fd);
	for (i = 0; i < COUNT(rates); i++) {
		if (pump_run(fd, rates[i] * NSEC_PER_SEC, HOLD_NS))
			bail("run: %s", strerror(errno));
		sleep_ms(300);
		before = rig_truth("steps");
		status = pump_status(fd);
		test(status.rate_nhz == rates[i] * NSEC_PER_SEC &&
		     status.target_rate_nhz == rates[i] * NSEC_PER_SEC,
		     "%lld steps/s: reached within 300 ms", rates[i]);
		/* Where time passes between two calls, a step may too. */
		test(lies_between(status.position, before, rig_truth("steps")),
		     "%lld steps/s: position agrees with the rig", rates[i]);
	}
	test(pump_await_state(fd, NANODOSE_CAUSE_RUN, &record) && record.state.pid == getpid(),
	     "the begin of motion was recorded with the process");
	test(status.state == NANODOSE_STATE_REST && !status.hold_until_ns,
	     "RUN at rate 0 brings it to rest, and nothing is held");
}

static void starts_at_a_given_time(int fd)
{
	struct nanodose_run run = {
		.rate_nhz = RATE_NHZ,
		.accel_nhz_s = ACCEL_NHZ_S,
		.hold_ns = HOLD_NS,
		.end_position = pump_status(fd).position + 200,
		.start_ns = now_ns() + 2 * NSEC_PER_SEC,
		.flags = NANODOSE_RUN_END_POSITION | NANODOSE_RUN_START_AT,
	};
	struct nanodose_record record;
	long long steps = rig_truth("steps");

	pump_drain(fd);
	if (ioctl(fd, NANODOSE_IOC_RUN, &run))
		bail("run: %s", strerror(errno));
	test(pump_status(fd).state == NANODOSE_STATE_ARMED, "with a start time the pump is armed");
	sleep_ms(1900);
	test(rig_truth("steps") == steps, "no step comes before the start time");
	test(pump_await_state(fd, NANODOSE_CAUSE_END, &record) &&
	     record.time_ns > run.start_ns && record.time_ns < run.start_ns + HOLD_NS &&
	     rig_truth("steps") == steps + 200, "from then on it moves to its end");

	run.end_position += 200;
	run.start_ns = now_ns() + 2 * NSEC_PER_SEC;
	if (ioctl(fd, NANODOSE_IOC_RUN, &run))
		bail("run: %s", strerror(errno));
	pump_stop(fd, NANODOSE_STOP_RAMP);
	sleep_ms(3000);
	test(rig_truth("steps") == steps + 200 && pump_status(fd).state == NANODOSE_STATE_REST,
	     "STOP before the start time: it never starts");
}

static void motor_has_power_while_owned(int fd)
{
	test(pump_status(fd).flags & NANODOSE_STATUS_ENABLED,
	     "after a motion the motor keeps its power");
	if (ioctl(fd, NANODOSE_IOC_RELEASE))
		bail("release: %s", strerror(errno));
	test(!(pump_status(fd).flags & NANODOSE_STATUS_ENABLED), "without owner it has none");
}

int main(void)
{
	int fd = pump_open(O_RDWR);

	pump_claim(fd);
	ends_are_exact(fd);
	end_where_it_stands(fd);
	rate_changes_on_the_way(fd);
	starts_at_a_given_time(fd);
	motor_has_power_while_owned(fd);
	close(fd);
	return test_end();
}
