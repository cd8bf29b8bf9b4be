// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Interlocks of the motion: emergency stop, end of travel, an owner that falls
 * silent, steps that come too late; and how they are cleared.
 *
 * vm: --rig rig0
 */
#include "uapi.h"

static void run(int fd, long long rate_nhz)
{
	if (pump_run(fd, rate_nhz, HOLD_NS))
		bail("run: %s", strerror(errno));
	sleep_ms(100);
	pump_drain(fd);
}

/* The rig sees no step for a second. */
static bool stands_still(void)
{
	long long steps = rig_truth("steps");

	sleep_ms(1000);
	return rig_truth("steps") == steps;
}

static void emergency_stop_acts_at_once(int fd)
{
	struct nanodose_record record;
	long long steps;

	run(fd, RATE_NHZ);
	rig_fault("estop", 1);
	steps = rig_truth("steps");
	test(pump_await_fault(fd, NANODOSE_FAULT_ESTOP, &record) && record.fault.value == 1 &&
	     record.fault.faults == NANODOSE_FAULT_ESTOP && record.fault.position == steps,
	     "emergency stop: the fault is recorded with the position");
	test(stands_still() && rig_truth("steps") == steps, "emergency stop: no further step");
	test(pump_status(fd).flags & NANODOSE_STATUS_ESTOP &&
	     pump_status(fd).state == NANODOSE_STATE_REST,
	     "emergency stop: GET_STATUS shows the line and standstill");
	test(pump_run(fd, RATE_NHZ, HOLD_NS) == -1 && errno == EPIPE,
	     "emergency stop: RUN is refused with EPIPE");
	test(pump_clear(fd, NANODOSE_FAULT_ESTOP) == -1 && errno == EPIPE,
	     "emergency stop: CLEAR_FAULTS is refused with EPIPE while the line is active");
	rig_fault("estop", 0);
	test(pump_run(fd, RATE_NHZ, HOLD_NS) == -1 && errno == EPIPE,
	     "emergency stop: RUN is refused with EPIPE until it is cleared");
	test(!pump_clear(fd, NANODOSE_FAULT_ESTOP), "emergency stop: then it can be cleared");
	test(pump_await_state(fd, NANODOSE_CAUSE_CLEAR, &record) && !record.state.faults,
	     "emergency stop: clearing gives a STATE record");
	run(fd, RATE_NHZ);
	test(rig_truth("steps") > steps, "emergency stop: and then the pump moves");
	pump_stop(fd, NANODOSE_STOP_NOW);
	pump_await_rest(fd);
}

static void emergency_stop_at_rest_is_latched(int fd)
{
	struct nanodose_record record;

	pump_drain(fd);
	rig_fault("estop", 1);
	test(pump_await_fault(fd, NANODOSE_FAULT_ESTOP, &record),
	     "emergency stop at rest is latched too");
	rig_fault("estop", 0);
	pump_clear(fd, NANODOSE_FAULT_ESTOP);
}

static void end_of_travel(int fd, int line, long long sign, unsigned int fault, unsigned int flag,
			  const char *name)
{
	struct nanodose_record record;
	long long steps;

	run(fd, sign * RATE_NHZ);
	rig_fault("limit", line);
	test(pump_await_fault(fd, fault, &record), "%s: the fault is latched", name);
	test(pump_await_rest(fd), "%s: the pump comes to rest", name);
	test(stands_still(), "%s: and stays there", name);
	test(pump_status(fd).flags & flag, "%s: GET_STATUS shows the line", name);
	test(pump_run(fd, -sign * RATE_NHZ, HOLD_NS) == -1 && errno == EPIPE,
	     "%s: RUN is refused with EPIPE while it is latched", name);
	test(!pump_clear(fd, fault),
	     "%s: it can be cleared with the line active, for the way back", name);
	test(pump_run(fd, sign * RATE_NHZ, HOLD_NS) == -1 && errno == EPIPE,
	     "%s: RUN further into it is refused with EPIPE", name);
	pump_clear(fd, fault);
	steps = rig_truth("steps");
	test(!pump_run(fd, -sign * RATE_NHZ, HOLD_NS), "%s: RUN away from it is accepted", name);
	sleep_ms(100);
	test((rig_truth("steps") - steps) * sign < -100, "%s: and moves the pump", name);
	rig_fault("limit", 0);
	pump_stop(fd, NANODOSE_STOP_NOW);
	pump_await_rest(fd);
	test(!pump_status(fd).faults, "%s: leaving it is no fault", name);
}

static void silent_owner_stops(int fd)
{
	struct nanodose_record record;
	struct nanodose_status status;
	long long left;
	uint64_t due_ns;
	int i;

	run(fd, RATE_NHZ);
	for (i = 0; i < 10; i++) {
		sleep_ms(200);
		if (pump_run(fd, RATE_NHZ, HOLD_NS))
			bail("run: %s", strerror(errno));
	}
	test(!pump_status(fd).faults && pump_status(fd).state == NANODOSE_STATE_CRUISE,
	     "an owner that goes on speaking keeps the pump going");
	status = pump_status(fd);
	left = status.hold_until_ns - status.time_ns;
	test(left > 350 * NSEC_PER_MSEC && left <= HOLD_NS,
	     "GET_STATUS says when the owner counts as silent");
	due_ns = status.hold_until_ns;
	test(pump_await_fault(fd, NANODOSE_FAULT_OWNER_SILENT, &record) &&
	     record.fault.value == HOLD_NS, "a silent owner is latched with the hold time");
	test(pump_await_rest(fd) && now_ns() <= due_ns + 100 * NSEC_PER_MSEC,
	     "the pump is at rest then or a ramp later");
	test(stands_still(), "and stays there");
	test(pump_status(fd).flags & NANODOSE_STATUS_OWNED, "the silent owner is still the owner");
	test(pump_run(fd, RATE_NHZ, HOLD_NS) == -1 && errno == EPIPE,
	     "RUN of the silent owner is refused with EPIPE until it clears the fault");
	test(!pump_clear(fd, NANODOSE_FAULT_OWNER_SILENT), "it may clear it");
}

static void late_steps_stop(int fd)
{
	const struct nanodose_info info = pump_info(fd);
	const long long lag_us = info.max_lag_ns / 1000;
	struct nanodose_record record;
	struct nanodose_status status;

	run(fd, RATE_NHZ);
	rig_fault("latency_us", 2 * lag_us + 1000);
	test(pump_await_fault(fd, NANODOSE_FAULT_LATE, &record) &&
	     record.fault.value > (long long)info.max_lag_ns,
	     "a processor busy for too long: LATE is latched with the lateness");
	test(pump_await_rest(fd), "LATE: the pump comes to rest");
	status = pump_status(fd);
	test(status.late_max_ns > info.max_lag_ns, "LATE: GET_STATUS has the largest lateness");
	test(status.position == rig_truth("steps"), "LATE: no step was lost or made twice");
	test(pump_run(fd, RATE_NHZ, HOLD_NS) == -1 && errno == EPIPE,
	     "LATE: RUN is refused with EPIPE");
	test(!pump_clear(fd, NANODOSE_FAULT_LATE), "LATE: it can be cleared");
}

static void only_what_is_named_is_cleared(int fd)
{
	struct nanodose_record record;

	run(fd, RATE_NHZ);
	pump_await_fault(fd, NANODOSE_FAULT_OWNER_SILENT, &record);
	pump_await_rest(fd);
	rig_fault("estop", 1);
	pump_await_fault(fd, NANODOSE_FAULT_ESTOP, &record);
	rig_fault("estop", 0);
	test(record.fault.faults == (NANODOSE_FAULT_ESTOP | NANODOSE_FAULT_OWNER_SILENT),
	     "a second fault is recorded with the first");
	test(!pump_clear(fd, NANODOSE_FAULT_ESTOP) &&
	     pump_status(fd).faults == NANODOSE_FAULT_OWNER_SILENT,
	     "clearing one fault leaves the other");
	test(pump_run(fd, RATE_NHZ, HOLD_NS) == -1 && errno == EPIPE, "and RUN refused with EPIPE");
	pump_clear(fd, NANODOSE_FAULT_OWNER_SILENT);
	test(!pump_status(fd).faults, "then none is left");
}

int main(void)
{
	int fd = pump_open(O_RDWR);

	pump_claim(fd);
	emergency_stop_acts_at_once(fd);
	emergency_stop_at_rest_is_latched(fd);
	end_of_travel(fd, 1, 1, NANODOSE_FAULT_LIMIT_PLUS, NANODOSE_STATUS_LIMIT_PLUS,
		      "end of travel, dispensing");
	end_of_travel(fd, 2, -1, NANODOSE_FAULT_LIMIT_MINUS, NANODOSE_STATUS_LIMIT_MINUS,
		      "end of travel, withdrawing");
	silent_owner_stops(fd);
	late_steps_stop(fd);
	only_what_is_named_is_cleared(fd);
	close(fd);
	return test_end();
}
