// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The flow sensor: start, stop, the raster of samples, what they hold, and what
 * a sensor that fails, says air, or vanishes does to the pump.
 *
 * vm: --rig rig0:sensor_noise_pl_min=0,seed=5
 */
#include <limits.h>

#include "uapi.h"

#define PERIOD_NS	(20 * NSEC_PER_MSEC)
#define I2C_DRIVER	"/sys/bus/i2c/drivers/nanodose-sf06"

static void start(int fd, long long period_ns)
{
	if (pump_sensor(fd, NANODOSE_SENSOR_START, NANODOSE_MEDIUM_WATER, period_ns))
		bail("sensor: %s", strerror(errno));
}

static void stop(int fd)
{
	if (pump_sensor(fd, NANODOSE_SENSOR_STOP, 0, 0))
		bail("sensor: %s", strerror(errno));
	pump_drain(fd);
}

static void info_describes_the_sensor(int fd)
{
	struct nanodose_info info = pump_info(fd);

	test(info.features & NANODOSE_FEATURE_FLOW && info.features & NANODOSE_FEATURE_MEDIUM_IPA,
	     "GET_INFO has a flow sensor with an isopropanol calibration");
	test(info.sensor_model == NANODOSE_SENSOR_SLF3S_0600F && info.sensor_serial,
	     "it is an SLF3S-0600F with a serial number");
	test(info.sensor_full_scale_pl_min == 2000000000LL, "its full scale is 2 mL/min");
	test(info.features & NANODOSE_FEATURE_PRESSURE, "GET_INFO has a pressure channel");
}

/*
 * How many are more than 1 ms off the raster that they were to lie on: against
 * the one that was least late, as none comes too soon.
 */
static int off_the_raster(const uint64_t times_ns[], int count, long long period_ns)
{
	long long phase_ns = INT64_MAX;
	int i, off = 0;

	for (i = 0; i < count; i++) {
		if ((long long)times_ns[i] - i * period_ns < phase_ns)
			phase_ns = times_ns[i] - i * period_ns;
	}
	for (i = 0; i < count; i++)
		off += (long long)times_ns[i] - i * period_ns - phase_ns > NSEC_PER_MSEC;
	return off;
}

static void samples_come_on_a_raster(int fd)
{
	uint64_t times_ns[500];
	struct nanodose_record record;
	struct nanodose_status status;
	uint64_t started_ns;
	int i, bad = 0;

	status = pump_status(fd);
	test(!status.sample_period_ns && !status.flow_time_ns &&
	     status.flow_pl_min == NANODOSE_NO_VALUE_S64,
	     "before the start there is no reading, not a zero");
	started_ns = now_ns();
	start(fd, PERIOD_NS);
	test(pump_await_state(fd, NANODOSE_CAUSE_SENSOR, &record) &&
	     record.state.flags & NANODOSE_STATUS_SAMPLING, "the start gives a STATE record");
	for (i = 0; i < 500; i++) {
		if (!pump_await_type(fd, NANODOSE_RECORD_FLOW, &record))
			break;
		times_ns[i] = record.time_ns;
		bad += record.flow.valid != (NANODOSE_VALID_FLOW | NANODOSE_VALID_PRESSURE);
	}
	/* An emulated processor is late at times; a drift would leave hardly any right. */
	test(i == 500 && off_the_raster(times_ns, i, PERIOD_NS) <= (emulated() ? 5 : 0), "500 samples of 20 ms lie on one raster, without drift");
	test(!bad, "each has flow and pressure, the first too");
	test(times_ns[0] - started_ns >= 12 * NSEC_PER_MSEC,
	     "the first comes no sooner than 12 ms after the start");
	status = pump_status(fd);
	test(status.sample_period_ns == PERIOD_NS && status.flow_time_ns >= times_ns[499],
	     "GET_STATUS has the period and the time of the last sample");
	test(status.temperature_mdegc > 10000 && status.temperature_mdegc < 40000 &&
	     status.pressure_pa > -5000 && status.pressure_pa < 5000,
	     "temperature and pressure at rest are those of a room");

	stop(fd);
	status = pump_status(fd);
	test(!status.sample_period_ns && !(status.flags & NANODOSE_STATUS_SAMPLING) &&
	     status.flow_pl_min == NANODOSE_NO_VALUE_S64 &&
	     status.temperature_mdegc == NANODOSE_NO_VALUE_S32 &&
	     status.pressure_pa == NANODOSE_NO_VALUE_S32,
	     "after the stop there is no reading, not an old one");
	sleep_ms(500);
	test(!pump_next(fd, &record, 0), "after the stop no record comes");
	test(!pump_sensor(fd, NANODOSE_SENSOR_STOP, 0, 0), "stopping twice is accepted");
	pump_drain(fd);
}

static void start_again_changes_the_period(int fd)
{
	struct nanodose_record record;
	uint64_t times_ns[100];
	int i;

	start(fd, PERIOD_NS);
	sleep_ms(100);
	start(fd, 5 * NSEC_PER_MSEC);
	pump_drain(fd);
	pump_await_type(fd, NANODOSE_RECORD_FLOW, &record);
	for (i = 0; i < 100; i++) {
		pump_await_type(fd, NANODOSE_RECORD_FLOW, &record);
		times_ns[i] = record.time_ns;
	}
	test(off_the_raster(times_ns, i, 5 * NSEC_PER_MSEC) <= emulated() && pump_status(fd).sample_period_ns == 5 * NSEC_PER_MSEC,
	     "a start while sampling goes on with the new period");
	test(!pump_sensor(fd, NANODOSE_SENSOR_START, NANODOSE_MEDIUM_IPA, PERIOD_NS),
	     "a start with isopropanol is accepted");
	stop(fd);
}

static void flow_and_position_belong_together(int fd)
{
	/* BD Plastipak 1 mL, 4.699 mm bore; 1 mm a turn of 3200 microsteps */
	const double pl_per_step = 3.14159265358979 / 4 * 4.699 * 4.699 / 3200 * 1e6;
	const double expected_pl_min = 2000 * 60 * pl_per_step;
	struct nanodose_record record, first = {};
	double rate, flow = 0;
	int i;

	start(fd, PERIOD_NS);
	for (i = 0; i < 250; i++) {
		if (i % 10 == 0 && pump_run(fd, RATE_NHZ, HOLD_NS))
			bail("run: %s", strerror(errno));
		pump_await_type(fd, NANODOSE_RECORD_FLOW, &record);
		if (i == 150)
			first = record;
		if (i > 150)
			flow += record.flow.flow_pl_min / 99.0;
	}
	rate = (record.flow.position - first.flow.position) /
	       ((record.time_ns - first.time_ns) * 1e-9);
	test(rate > 1999 && rate < 2001, "positions and times of samples give the step rate");
	note("%.2f steps/s, %.0f pL/min of %.0f", rate, flow, expected_pl_min);
	test(flow > 0.99 * expected_pl_min && flow < 1.01 * expected_pl_min,
	     "the flow at 2000 steps/s is that of bore and screw within 1 %%");
	pump_stop(fd, NANODOSE_STOP_NOW);
	pump_await_rest(fd);
	test(pump_status(fd).position == rig_truth("steps"), "the position is the rig's step count");
	stop(fd);
}

/* What three bad frames in a row do, whatever made them bad. */
static void bad_frames_stop_the_pump(int fd, const char *what)
{
	unsigned int errors = pump_status(fd).bus_errors;
	struct nanodose_record record, fault;
	uint64_t broken_ns;
	int bad = 0, values = 0;
	long long steps;

	start(fd, PERIOD_NS);
	if (pump_run(fd, RATE_NHZ, HOLD_NS))
		bail("run: %s", strerror(errno));
	pump_await_type(fd, NANODOSE_RECORD_FLOW, &record);
	pump_drain(fd);
	broken_ns = now_ns();
	rig_fault(what, 1);
	for (;;) {
		if (!pump_next(fd, &fault, PATIENCE_MS))
			bail("%s: no fault", what);
		if (fault.type == NANODOSE_RECORD_FAULT)
			break;
		if (fault.type != NANODOSE_RECORD_FLOW)
			continue;
		bad += !(fault.flow.valid & NANODOSE_VALID_FLOW);
		values += !(fault.flow.valid & NANODOSE_VALID_FLOW) &&
			  (fault.flow.flow_pl_min != NANODOSE_NO_VALUE_S64 ||
			   fault.flow.temperature_mdegc != NANODOSE_NO_VALUE_S32 ||
			   fault.flow.sensor_flags);
	}
	test(bad == 3 && !values, "%s: three records without a reading come first", what);
	test(fault.fault.fault == NANODOSE_FAULT_SENSOR_LOST && fault.fault.value == 3,
	     "%s: then SENSOR_LOST is latched, for three frames", what);
	test(fault.time_ns - broken_ns < 100 * NSEC_PER_MSEC, "%s: within 100 ms", what);
	test(pump_await_rest(fd), "%s: the pump comes to rest", what);
	test(pump_status(fd).bus_errors >= errors + 3, "%s: the bus errors are counted", what);
	test(pump_run(fd, RATE_NHZ, HOLD_NS) == -1 && errno == EPIPE,
	     "%s: RUN is refused with EPIPE", what);
	steps = rig_truth("steps");
	sleep_ms(500);
	test(rig_truth("steps") == steps, "%s: the rig sees no further step", what);

	rig_fault(what, 0);
	stop(fd);
	test(!pump_clear(fd, NANODOSE_FAULT_SENSOR_LOST), "%s: the fault can be cleared", what);
	start(fd, PERIOD_NS);
	pump_drain(fd);
	test(pump_await_type(fd, NANODOSE_RECORD_FLOW, &record) &&
	     record.flow.valid & NANODOSE_VALID_FLOW, "%s: and then samples are good again", what);
	stop(fd);
}

static void two_bad_frames_are_borne(int fd)
{
	struct nanodose_record record;

	start(fd, PERIOD_NS);
	pump_await_type(fd, NANODOSE_RECORD_FLOW, &record);
	rig_fault("crc", 1);
	pump_await_type(fd, NANODOSE_RECORD_FLOW, &record);
	pump_await_type(fd, NANODOSE_RECORD_FLOW, &record);
	rig_fault("crc", 0);
	test(!(record.flow.valid & NANODOSE_VALID_FLOW) && record.flow.valid & NANODOSE_VALID_PRESSURE,
	     "a frame with a wrong check sum gives no flow, but pressure");
	test(pump_status(fd).flow_pl_min == NANODOSE_NO_VALUE_S64,
	     "GET_STATUS shows no flow then, not the last one");
	pump_await_type(fd, NANODOSE_RECORD_FLOW, &record);
	test(record.flow.valid & NANODOSE_VALID_FLOW && !pump_status(fd).faults,
	     "two bad frames in a row are borne");
	stop(fd);
}

static void air_stops_the_pump(int fd)
{
	struct nanodose_record record;

	start(fd, PERIOD_NS);
	if (pump_run(fd, RATE_NHZ, HOLD_NS))
		bail("run: %s", strerror(errno));
	sleep_ms(100);
	pump_drain(fd);
	rig_fault("air", 1);
	test(pump_await_type(fd, NANODOSE_RECORD_FLOW, &record) &&
	     record.flow.sensor_flags & NANODOSE_SENSOR_FLAG_AIR,
	     "air in line: the sensor's flag is in the flow record");
	test(pump_await_fault(fd, NANODOSE_FAULT_AIR_IN_LINE, &record) &&
	     record.fault.value & NANODOSE_SENSOR_FLAG_AIR,
	     "air in line: AIR_IN_LINE is latched with the sensor's flags");
	test(pump_await_rest(fd), "air in line: the pump comes to rest");
	test(pump_run(fd, RATE_NHZ, HOLD_NS) == -1 && errno == EPIPE,
	     "air in line: RUN is refused with EPIPE");
	rig_fault("air", 0);
	pump_drain(fd);
	do {	/* the sensor tells of air once more: there was some since it was read */
		if (!pump_await_type(fd, NANODOSE_RECORD_FLOW, &record))
			bail("no sample");
	} while (record.flow.sensor_flags & NANODOSE_SENSOR_FLAG_AIR);
	stop(fd);
	test(!pump_clear(fd, NANODOSE_FAULT_AIR_IN_LINE), "air in line: the fault can be cleared");
}

static void start_that_fails_ends_sampling(int fd)
{
	struct nanodose_record record;

	start(fd, PERIOD_NS);
	pump_await_type(fd, NANODOSE_RECORD_FLOW, &record);
	pump_drain(fd);
	rig_fault("unplug", 1);
	test(pump_sensor(fd, NANODOSE_SENSOR_START, 0, PERIOD_NS) == -1 && errno == EIO,
	     "a start without an answer from the sensor is refused with EIO");
	test(pump_await_state(fd, NANODOSE_CAUSE_SENSOR, &record) &&
	     !(record.state.flags & NANODOSE_STATUS_SAMPLING) &&
	     !pump_status(fd).sample_period_ns, "that ends the sampling of before, and says so");
	rig_fault("unplug", 0);
	start(fd, PERIOD_NS);
	test(pump_await_type(fd, NANODOSE_RECORD_FLOW, &record) &&
	     record.flow.valid & NANODOSE_VALID_FLOW,
	     "a start of a sensor plugged in just now is accepted, and gives a reading");
	stop(fd);
}

/* The name of the sensor's I2C client. */
static bool sensor_client(char *name, size_t size)
{
	FILE *list = popen("ls " I2C_DRIVER, "re");
	bool found = false;

	while (list && !found && fgets(name, size, list)) {
		name[strcspn(name, "\n")] = '\0';
		found = strspn(name, "0123456789-") == strlen(name) && strchr(name, '-');
	}
	if (list)
		pclose(list);
	return found;
}

static void sensor_driver_unbound_while_sampling(int fd)
{
	char name[NAME_MAX + 1];
	struct nanodose_record record;

	if (!sensor_client(name, sizeof(name)))
		bail("no sensor is bound");
	start(fd, PERIOD_NS);
	if (pump_run(fd, RATE_NHZ, 5 * NSEC_PER_SEC))
		bail("run: %s", strerror(errno));
	sleep_ms(100);
	test(write_text(I2C_DRIVER "/unbind", name), "the sensor's driver is unbound while sampling");
	test(pump_await_fault(fd, NANODOSE_FAULT_SENSOR_LOST, &record),
	     "an unbound sensor is a lost sensor");
	test(pump_await_rest(fd), "without its sensor the pump comes to rest");
	stop(fd);
	test(pump_sensor(fd, NANODOSE_SENSOR_START, 0, PERIOD_NS) == -1 && errno == ENODEV,
	     "a start of the sensor is refused with ENODEV");
	test(pump_info(fd).sensor_model == NANODOSE_SENSOR_SLF3S_0600F,
	     "GET_INFO is constant all the same");
	pump_clear(fd, NANODOSE_FAULT_SENSOR_LOST);

	test(write_text(I2C_DRIVER "/bind", name), "the sensor's driver is bound again");
	test(write_text("/sys/bus/platform/drivers/nanodose/unbind", rig_device()),
	     "the pump is unbound");
}

int main(void)
{
	int fd = pump_open(O_RDWR);

	info_describes_the_sensor(fd);
	pump_claim(fd);
	pump_drain(fd);
	samples_come_on_a_raster(fd);
	start_again_changes_the_period(fd);
	flow_and_position_belong_together(fd);
	two_bad_frames_are_borne(fd);
	bad_frames_stop_the_pump(fd, "nack");
	bad_frames_stop_the_pump(fd, "crc");
	bad_frames_stop_the_pump(fd, "unplug");
	air_stops_the_pump(fd);
	start_that_fails_ends_sampling(fd);
	sensor_driver_unbound_while_sampling(fd);
	close(fd);
	return test_end();
}
