// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * An LD20: another scale, and no calibration for isopropanol.
 *
 * vm: --rig rig0:sensor_model=ld20-2600b,sensor_noise_pl_min=0,resistance_pa_s_per_ul=2000
 */
#include "uapi.h"

int main(void)
{
	const long long period_ns = 20 * NSEC_PER_MSEC;
	/* BD Plastipak 1 mL, 4.699 mm bore; 1 mm a turn of 3200 microsteps */
	const double pl_per_step = 3.14159265358979 / 4 * 4.699 * 4.699 / 3200 * 1e6;
	const double expected_pl_min = 20000 * 60 * pl_per_step;
	int fd = pump_open(O_RDWR);
	struct nanodose_info info = pump_info(fd);
	struct nanodose_record record;
	double flow = 0;
	int i;

	test(info.sensor_model == NANODOSE_SENSOR_LD20_2600B, "GET_INFO has an LD20-2600B");
	test(info.features & NANODOSE_FEATURE_FLOW &&
	     !(info.features & NANODOSE_FEATURE_MEDIUM_IPA), "without isopropanol calibration");
	test(info.sensor_full_scale_pl_min == 16666666667LL, "with a full scale of 1000 mL/h");
	pump_claim(fd);
	test(pump_sensor(fd, NANODOSE_SENSOR_START, NANODOSE_MEDIUM_IPA, period_ns) == -1 &&
	     errno == EOPNOTSUPP, "SENSOR with isopropanol is refused with EOPNOTSUPP");
	test(!pump_sensor(fd, NANODOSE_SENSOR_START, NANODOSE_MEDIUM_WATER, period_ns),
	     "SENSOR with water is accepted");
	for (i = 0; i < 250; i++) {
		if (i % 10 == 0 && pump_run(fd, 20000 * NSEC_PER_SEC, HOLD_NS))
			bail("run: %s", strerror(errno));
		if (!pump_await_type(fd, NANODOSE_RECORD_FLOW, &record))
			bail("no flow record");
		if (i >= 150)
			flow += record.flow.flow_pl_min / 100.0;
	}
	note("%.0f pL/min of %.0f", flow, expected_pl_min);
	test(flow > 0.99 * expected_pl_min && flow < 1.01 * expected_pl_min,
	     "the flow at 20000 steps/s is that of bore and screw within 1 %%");
	pump_stop(fd, NANODOSE_STOP_NOW);
	close(fd);
	return test_end();
}
