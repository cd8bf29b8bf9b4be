// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Interlocks of the sensors and of the motor driver: each is triggered by a
 * fault of the rig, and what the pump did is judged by the rig's edges.
 *
 * vm: --rig rig0
 */
#include "uapi.h"

#define PERIOD_NS	(20 * NSEC_PER_MSEC)
/* pi/4 (4.699 mm)^2 x 1 mm / 3200 */
#define STEP_FL		5419363ULL
/* Any period of the cruise, in ns, at RATE_NHZ, with some room for the clock. */
#define CRUISE_GAP_NS	510000
#define STRETCH_NS	(200 * NSEC_PER_MSEC)

static void sample(int fd, unsigned long long period_ns)
{
	if (pump_sensor(fd, NANODOSE_SENSOR_START, NANODOSE_MEDIUM_WATER, period_ns))
		bail("sensor: %s", strerror(errno));
}

static void run(int fd, long long rate_nhz, int ms)
{
	if (pump_run(fd, rate_nhz, 5 * NSEC_PER_SEC))
		bail("run: %s", strerror(errno));
	sleep_ms(ms);
	pump_drain(fd);
}

static void rest(int fd)
{
	pump_stop(fd, NANODOSE_STOP_NOW);
	if (!pump_await_rest(fd) || pump_clear(fd, pump_status(fd).faults))
		bail("the pump does not come to rest");
}

/* The rig sees no step for a second, and tells how the last one came. */
static bool stands_still(int edges, long long *last_ns, long long *least_ns)
{
	long long steps = rig_truth("steps");

	sleep_ms(1000);
	rig_edges_gaps(edges, last_ns, least_ns);
	return rig_truth("steps") == steps;
}

/* The fault is latched, once, and brings the pump to rest by a ramp. */
static void stops_by_ramp(int fd, int edges, unsigned int fault, struct nanodose_record *record,
			  const char *name)
{
	long long last_ns, least_ns;

	test(pump_await_fault(fd, fault, record) && record->fault.faults == fault &&
	     record->fault.rate_nhz, "%s: the fault is latched in motion", name);
	test(pump_await_rest(fd) && stands_still(edges, &last_ns, &least_ns),
	     "%s: the pump comes to rest and stays there", name);
	test(last_ns > 2 * CRUISE_GAP_NS, "%s: by a ramp", name);
	test(pump_run(fd, RATE_NHZ, HOLD_NS) == -1 && errno == EPIPE,
	     "%s: RUN is refused with EPIPE until it is cleared", name);
}

static void driver_fault_line_stops_at_once(int fd, int edges)
{
	long long last_ns, least_ns, steps;
	struct nanodose_record record;

	test(pump_info(fd).features & NANODOSE_FEATURE_DRIVER_FAULT,
	     "driver fault: GET_INFO tells that the line is there");
	run(fd, RATE_NHZ, 100);
	rig_fault("driver", 1);
	steps = rig_truth("steps");
	test(pump_await_fault(fd, NANODOSE_FAULT_DRIVER, &record) && record.fault.value == 1,
	     "driver fault: the fault is latched");
	test(stands_still(edges, &last_ns, &least_ns) && rig_truth("steps") == steps &&
	     last_ns < CRUISE_GAP_NS, "driver fault: no further step");
	test(pump_status(fd).flags & NANODOSE_STATUS_DRIVER_FAULT,
	     "driver fault: GET_STATUS shows the line");
	test(pump_clear(fd, NANODOSE_FAULT_DRIVER) == -1 && errno == EPIPE,
	     "driver fault: CLEAR_FAULTS is refused with EPIPE while the line is active");
	rig_fault("driver", 0);
	test(pump_run(fd, RATE_NHZ, HOLD_NS) == -1 && errno == EPIPE,
	     "driver fault: RUN is refused with EPIPE until it is cleared");
	test(!pump_clear(fd, NANODOSE_FAULT_DRIVER), "driver fault: then it can be cleared");
}

static void over_pressure(int fd, int edges)
{
	struct nanodose_limits limits = pump_limits(fd);
	struct nanodose_record record;
	long long steps;

	/* 10.8 uL/s through 28 kPa s/uL make 303 kPa */
	limits.over_pressure_pa = 400000;
	pump_set_limits(fd, &limits);
	sample(fd, PERIOD_NS);
	run(fd, RATE_NHZ, 1500);
	test(!pump_status(fd).faults, "over-pressure: 303 kPa are no fault at a limit of 400 kPa");
	rig_fault("occlusion", 1);
	stops_by_ramp(fd, edges, NANODOSE_FAULT_OVER_PRESSURE, &record, "over-pressure");
	test(record.fault.value > 400000 && record.fault.value < 480000,
	     "over-pressure: the fault tells the pressure, found at once");
	pump_clear(fd, NANODOSE_FAULT_OVER_PRESSURE);
	steps = rig_truth("steps");
	run(fd, -RATE_NHZ, 150);
	test(!pump_status(fd).faults && rig_truth("steps") < steps - 100,
	     "over-pressure: withdrawing is allowed, it is what relieves");
	rest(fd);
	rig_fault("occlusion", 0);
	sleep_ms(3000);
}

static void high_flow_by_flag(int fd, int edges)
{
	struct nanodose_record record;

	sample(fd, PERIOD_NS);
	run(fd, RATE_NHZ, 300);
	rig_fault("high_flow", 1);
	stops_by_ramp(fd, edges, NANODOSE_FAULT_HIGH_FLOW, &record, "high flow by the sensor's flag");
	rig_fault("high_flow", 0);
	rest(fd);
	sleep_ms(3000);
}

static void high_flow_by_threshold_at_once(int fd, int edges)
{
	struct nanodose_limits limits = pump_limits(fd);
	long long last_ns, least_ns;
	struct nanodose_record record;

	/* 650 uL/min are made */
	limits.high_flow_pl_min = 700000000;
	limits.now_faults = NANODOSE_FAULT_HIGH_FLOW;
	pump_set_limits(fd, &limits);
	run(fd, RATE_NHZ, 2000);
	test(!pump_status(fd).faults, "high flow: 650 uL/min are no fault at a limit of 700");
	rig_fault("free_flow", 200000000);
	test(pump_await_fault(fd, NANODOSE_FAULT_HIGH_FLOW, &record) &&
	     record.fault.value > 700000000, "high flow: 850 uL/min are latched with the flow");
	test(stands_still(edges, &last_ns, &least_ns) && last_ns < CRUISE_GAP_NS,
	     "high flow: set to stop at once, there is no ramp");
	rig_fault("free_flow", 0);
	rest(fd);
	sleep_ms(3000);
}

static void no_flow(int fd, int edges)
{
	struct nanodose_limits limits = pump_limits(fd);
	struct nanodose_record record;

	limits.high_flow_pl_min = 0;
	limits.now_faults = 0;
	limits.over_pressure_pa = 100000000;
	limits.step_volume_fl = STEP_FL;
	limits.no_flow_time_ns = STRETCH_NS;
	pump_set_limits(fd, &limits);
	run(fd, RATE_NHZ, 3000);
	test(!pump_status(fd).faults, "no flow: a start through a compliant line is no fault");
	rig_fault("occlusion", 1);
	stops_by_ramp(fd, edges, NANODOSE_FAULT_NO_FLOW, &record, "no flow");
	test(record.fault.value < 65000000, "no flow: with the mean flow, below a tenth of 650 uL/min");
	rest(fd);
	limits.step_volume_fl = 0;
	pump_set_limits(fd, &limits);
	run(fd, RATE_NHZ / 10, 2000);
	test(!pump_status(fd).faults,
	     "no flow: not judged where the volume of a step is not known");
	rest(fd);
	rig_fault("occlusion", 0);
	sleep_ms(15000);
}

static void flow_at_rest(int fd)
{
	struct nanodose_limits limits = pump_limits(fd);
	struct nanodose_record record;
	uint64_t begin_ns;

	limits.over_pressure_pa = 1000000;
	limits.rest_flow_time_ns = STRETCH_NS;
	pump_set_limits(fd, &limits);
	run(fd, RATE_NHZ, 1500);
	rest(fd);
	sleep_ms(3000);
	test(!pump_status(fd).faults, "flow at rest: a line that relaxes is no fault");
	rig_fault("free_flow", 10000000);
	sleep_ms(3000);
	test(!pump_status(fd).faults, "flow at rest: half of the threshold is no fault");
	pump_drain(fd);
	begin_ns = now_ns();
	rig_fault("free_flow", -100000000);
	test(pump_await_fault(fd, NANODOSE_FAULT_FLOW_AT_REST, &record) &&
	     record.time_ns - begin_ns < 4 * STRETCH_NS,
	     "flow at rest: a siphon of 100 uL/min is latched, within four stretches");
	test(record.fault.value < -90000000 && record.fault.value > -110000000,
	     "flow at rest: the fault tells the flow and its direction");
	test(pump_run(fd, RATE_NHZ, HOLD_NS) == -1 && errno == EPIPE,
	     "flow at rest: RUN is refused with EPIPE");
	rig_fault("free_flow", 0);
	sleep_ms(2000);
	pump_clear(fd, NANODOSE_FAULT_FLOW_AT_REST);
}

static void sensor_lost_between_slow_samples(int fd, int edges)
{
	struct nanodose_limits limits = pump_limits(fd);
	struct nanodose_record record;
	uint64_t pulled_ns;

	limits.bad_frames = 1000;
	limits.sensor_timeout_ns = 300 * NSEC_PER_MSEC;
	pump_set_limits(fd, &limits);
	sample(fd, NSEC_PER_SEC);
	run(fd, RATE_NHZ, 2500);
	test(!pump_status(fd).faults, "sensor lost: a slow sample period is no fault");
	pulled_ns = now_ns();
	rig_fault("unplug", 1);
	stops_by_ramp(fd, edges, NANODOSE_FAULT_SENSOR_LOST, &record, "sensor lost by time");
	test(record.time_ns - pulled_ns < 1310 * NSEC_PER_MSEC,
	     "sensor lost: within one sample period and the time-out, whatever the count");
	rig_fault("unplug", 0);
	sleep_ms(1000);
	sample(fd, PERIOD_NS);
	rest(fd);
}

static void warnings_let_it_move(int fd)
{
	struct nanodose_limits limits = pump_limits(fd);
	struct nanodose_record record;
	long long steps;

	limits.warn_faults = NANODOSE_WARN_FAULTS;
	test(!(pump_status(fd).flags & NANODOSE_STATUS_WARN_ONLY), "before: nothing warns only");
	pump_drain(fd);
	pump_set_limits(fd, &limits);
	test(pump_await_state(fd, NANODOSE_CAUSE_LIMITS, &record) &&
	     record.state.flags & NANODOSE_STATUS_WARN_ONLY,
	     "warn only: STATE says that there are faults like that");
	run(fd, RATE_NHZ, 300);
	rig_fault("air", 1);
	test(pump_await_state(fd, NANODOSE_CAUSE_WARNING, &record) &&
	     record.state.warnings == NANODOSE_FAULT_AIR_IN_LINE && !record.state.faults,
	     "warn only: air is told in a STATE record");
	rig_fault("air", 0);
	rig_fault("high_flow", 1);
	test(pump_await_state(fd, NANODOSE_CAUSE_WARNING, &record) &&
	     record.state.warnings == (NANODOSE_FAULT_AIR_IN_LINE | NANODOSE_FAULT_HIGH_FLOW),
	     "warn only: a second warning is told with the first");
	rig_fault("high_flow", 0);
	steps = rig_truth("steps");
	sleep_ms(500);
	test(rig_truth("steps") - steps > 990 && pump_status(fd).state == NANODOSE_STATE_CRUISE &&
	     !pump_status(fd).faults, "warn only: the pump goes on at its rate");
	test(pump_status(fd).warnings == (NANODOSE_FAULT_AIR_IN_LINE | NANODOSE_FAULT_HIGH_FLOW),
	     "warn only: GET_STATUS keeps the warnings");
	rig_fault("estop", 1);
	test(pump_await_fault(fd, NANODOSE_FAULT_ESTOP, &record),
	     "warn only: lines are faults all the same");
	rig_fault("estop", 0);
	test(!pump_clear(fd, 0x1fff) && !pump_status(fd).warnings && !pump_status(fd).faults,
	     "warn only: CLEAR_FAULTS clears warnings as well");
}

int main(void)
{
	int edges = rig_edges_open();
	int fd = pump_open(O_RDWR);

	pump_claim(fd);
	driver_fault_line_stops_at_once(fd, edges);
	over_pressure(fd, edges);
	high_flow_by_flag(fd, edges);
	high_flow_by_threshold_at_once(fd, edges);
	no_flow(fd, edges);
	flow_at_rest(fd);
	sensor_lost_between_slow_samples(fd, edges);
	warnings_let_it_move(fd);
	close(fd);
	return test_end();
}
