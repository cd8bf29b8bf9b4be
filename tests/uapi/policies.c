// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Each fault that may stop by a ramp, at once or, where the sensors are the
 * judges, only warn: all of these, by the rig's count of steps.
 *
 * vm: --rig rig0
 */
#include "uapi.h"

/* 2000 steps/s at 40000 steps/s^2 take 50 steps to rest. */
#define BRAKE_STEPS	50
#define SAMPLE_NS	(10 * NSEC_PER_MSEC)
/* of a 4699 um bore at 1 mm in 3200 microsteps */
#define STEP_FL		5419459
#define LONG_NS		(10 * NSEC_PER_SEC)

struct cause {
	const char *name;
	unsigned int fault;
	const char *line;		/* of the rig; NULL: nothing is done */
	long long value;
};

static const struct cause causes[] = {
	{ "air in line", NANODOSE_FAULT_AIR_IN_LINE, "air", 1 },
	{ "sensor lost", NANODOSE_FAULT_SENSOR_LOST, "crc", 1 },
	{ "over-pressure", NANODOSE_FAULT_OVER_PRESSURE, "occlusion", 1 },
	{ "high flow", NANODOSE_FAULT_HIGH_FLOW, "high_flow", 1 },
	{ "no flow", NANODOSE_FAULT_NO_FLOW, "occlusion", 1 },
	{ "owner silent", NANODOSE_FAULT_OWNER_SILENT, NULL, 0 },
	{ "late", NANODOSE_FAULT_LATE, "latency_us", 30000 },
};

static struct nanodose_limits limits_for(int fd, const struct cause *cause)
{
	struct nanodose_limits limits = pump_limits(fd);

	limits.now_faults = 0;
	limits.warn_faults = 0;
	limits.step_volume_fl = 0;
	limits.over_pressure_pa = 1000000;
	limits.no_flow_time_ns = 300 * NSEC_PER_SEC;
	if (cause->fault == NANODOSE_FAULT_NO_FLOW) {
		limits.step_volume_fl = STEP_FL;
		limits.over_pressure_pa = 100000000;
		limits.no_flow_time_ns = NSEC_PER_SEC;
	}
	return limits;
}

/* In motion at full rate, with the cause about to act. */
static void begin(int fd, const struct cause *cause)
{
	if (pump_sensor(fd, NANODOSE_SENSOR_START, NANODOSE_MEDIUM_WATER, SAMPLE_NS) ||
	    pump_run(fd, RATE_NHZ, cause->line ? LONG_NS : HOLD_NS))
		bail("start: %s", strerror(errno));
	sleep_ms(200);
	if (pump_status(fd).state != NANODOSE_STATE_CRUISE || pump_status(fd).faults)
		bail("%s: no cruise before it, but state %u with faults 0x%x", cause->name,
		     pump_status(fd).state, pump_status(fd).faults);
	pump_drain(fd);
	if (cause->line)
		rig_fault(cause->line, cause->value);
}

/* All as before, with the pressure out of the line. */
static void end(int fd, const struct cause *cause)
{
	if (cause->line)
		rig_fault(cause->line, 0);
	pump_stop(fd, NANODOSE_STOP_NOW);
	/* the sensor keeps the air it has seen for the frame after */
	sleep_ms(100);
	pump_sensor(fd, NANODOSE_SENSOR_STOP, 0, 0);
	if (!pump_await_rest(fd) || pump_clear(fd, 0xffff))
		bail("%s: the fault cannot be cleared", cause->name);
	sleep_ms(20000);
}

static void stops(int fd, const struct cause *cause, bool now)
{
	struct nanodose_limits limits = limits_for(fd, cause);
	long long offset = rig_truth("steps") - pump_status(fd).position, way;
	struct nanodose_record fault = {}, rest = {};
	bool came;

	limits.now_faults = now ? cause->fault : 0;
	pump_set_limits(fd, &limits);
	begin(fd, cause);
	came = pump_await_fault(fd, cause->fault, &fault) &&
	       pump_await_state(fd, NANODOSE_CAUSE_REST, &rest);
	way = rest.state.position - fault.fault.position;
	test(came && (now ? !way : way >= BRAKE_STEPS - 1 && way <= BRAKE_STEPS + 1),
	     "%s: stops %s", cause->name, now ? "at once, without a step more" : "by a ramp");
	test(rig_truth("steps") == offset + rest.state.position && rest.state.faults == cause->fault,
	     "%s: where the rig says, with this fault alone", cause->name);
	end(fd, cause);
}

static void warns(int fd, const struct cause *cause)
{
	struct nanodose_limits limits = limits_for(fd, cause);
	struct nanodose_record record;
	long long steps;

	limits.warn_faults = cause->fault;
	pump_set_limits(fd, &limits);
	begin(fd, cause);
	test(pump_await_state(fd, NANODOSE_CAUSE_WARNING, &record) &&
	     record.state.warnings == cause->fault && !record.state.faults &&
	     record.state.flags & NANODOSE_STATUS_WARN_ONLY,
	     "%s: only warns, in a STATE record", cause->name);
	steps = rig_truth("steps");
	sleep_ms(1000);
	test(rig_truth("steps") - steps >= 1990 && pump_status(fd).state == NANODOSE_STATE_CRUISE &&
	     pump_status(fd).warnings == cause->fault, "%s: and the pump goes on", cause->name);
	end(fd, cause);
}

int main(void)
{
	int fd = pump_open(O_RDWR);
	size_t i;

	pump_claim(fd);
	for (i = 0; i < COUNT(causes); i++) {
		stops(fd, &causes[i], false);
		stops(fd, &causes[i], true);
		if (causes[i].fault & NANODOSE_WARN_FAULTS)
			warns(fd, &causes[i]);
	}
	close(fd);
	return test_end();
}
