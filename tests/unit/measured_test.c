// SPDX-License-Identifier: GPL-2.0-or-later
/* What the sensor saw of a motion, on flows whose volume is known by hand. */
#include <math.h>

#include "measured.h"
#include "test.h"

#define PERIOD_S 0.02
#define UL 1e-9			/* m3 */

/* 25 readings at rest, then @seconds at @rate; beyond and missing: every so manyth reading. */
static struct measured motion(double zero_m3_s, double rate_m3_s, double seconds, int beyond,
			      int missing)
{
	struct measured m = { .readings = 0 };
	int rest = 25, count = lround(seconds / PERIOD_S);

	for (int i = 0; i < rest; i++)
		measured_sample(&m, i * PERIOD_S, zero_m3_s, false, false);
	measured_mark(&m);
	for (int i = 0; i <= count; i++)
		measured_sample(&m, (rest + i) * PERIOD_S,
				missing && i % missing == 1 ? NAN : rate_m3_s + zero_m3_s,
				beyond && i % beyond == 0, true);
	return m;
}

TEST(volume_is_the_integral_of_flow_without_the_zero_of_before)
{
	struct measured m = motion(0.1 * UL, 10 * UL, 20, 0, 0);

	CHECK_NEAR(m.volume_m3, 200 * UL, 1e-6 * UL);
	CHECK_INT(measured_judge(&m, 200 * UL), MEASURED_AGREES);
}

TEST(a_withdrawal_counts_backwards)
{
	struct measured m = motion(0, -10 * UL, 20, 0, 0);

	CHECK_INT(measured_judge(&m, -200 * UL), MEASURED_AGREES);
	CHECK_INT(measured_judge(&m, 200 * UL), MEASURED_DIFFERS);
}

TEST(a_sensor_at_the_edge_of_its_accuracy_agrees_and_a_clog_differs)
{
	struct measured good = motion(0, 11 * UL, 20, 0, 0), low = motion(0, 9 * UL, 20, 0, 0);
	struct measured clog = motion(0, 2.5 * UL, 20, 0, 0), none = motion(0, 0, 20, 0, 0);

	CHECK_INT(measured_judge(&good, 200 * UL), MEASURED_AGREES);
	CHECK_INT(measured_judge(&low, 200 * UL), MEASURED_AGREES);
	CHECK_INT(measured_judge(&clog, 200 * UL), MEASURED_DIFFERS);
	CHECK_INT(measured_judge(&none, 200 * UL), MEASURED_DIFFERS);
}

TEST(what_the_sensor_could_not_measure_is_not_judged)
{
	struct measured beyond = motion(0, 2 * UL, 20, 2, 0), gaps = motion(0, 2 * UL, 20, 0, 4);
	struct measured brief = motion(0, 0, 0.3, 0, 0);

	CHECK_INT(measured_judge(&beyond, 200 * UL), MEASURED_BEYOND);
	CHECK_INT(measured_judge(&gaps, 200 * UL), MEASURED_UNKNOWN);
	CHECK_INT(measured_judge(&brief, 3 * UL), MEASURED_UNKNOWN);
}

TEST(a_reading_missed_now_and_then_is_bridged)
{
	struct measured m = motion(0, 10 * UL, 20, 0, 40);

	CHECK_NEAR(m.volume_m3, 200 * UL, 1e-6 * UL);
	CHECK_INT(measured_judge(&m, 200 * UL), MEASURED_AGREES);
}

TEST(each_motion_is_judged_by_itself)
{
	struct measured m = motion(0, 0, 20, 0, 0);

	measured_mark(&m);
	for (int i = 0; i <= 1000; i++)
		measured_sample(&m, 100 + i * PERIOD_S, 10 * UL, false, true);
	CHECK_INT(measured_judge(&m, 200 * UL), MEASURED_AGREES);
}

int main(void)
{
	RUN(volume_is_the_integral_of_flow_without_the_zero_of_before);
	RUN(a_withdrawal_counts_backwards);
	RUN(a_sensor_at_the_edge_of_its_accuracy_agrees_and_a_clog_differs);
	RUN(what_the_sensor_could_not_measure_is_not_judged);
	RUN(a_reading_missed_now_and_then_is_bridged);
	RUN(each_motion_is_judged_by_itself);
	return test_end();
}
