// SPDX-License-Identifier: GPL-2.0-or-later
/* The summary's figures, from flows whose figures are known beforehand. */
#include "metrics.h"
#include "test.h"

#define PERIOD_S 0.02

TEST(a_first_order_rise_settles_after_three_time_constants)
{
	struct metrics m;
	double settle_s;

	metrics_init(&m);
	metrics_begin(&m, 100, 2e-9);
	for (int i = 1; i < 1000; i++) {
		double t = i * PERIOD_S, flow = 2e-9 * (1 - exp(-t / 1.5));

		metrics_sample(&m, 100 + t, flow, flow, 1000 + i);
	}
	metrics_end(&m);
	/* 1 - exp(-t / 1.5) = 0.95 */
	settle_s = 1.5 * log(20);
	CHECK(metrics_settle_s(&m) >= settle_s && metrics_settle_s(&m) <= settle_s + PERIOD_S);
	CHECK_NEAR(metrics_overshoot_pct(&m), 0, 1e-12);
	CHECK_NEAR(metrics_max_pressure_kpa(&m), 1.999, 1e-9);
}

TEST(overshoot_and_leaving_the_band_count)
{
	struct metrics m;

	metrics_init(&m);
	metrics_begin(&m, 0, -1e-9);
	for (int i = 1; i <= 100; i++)
		metrics_sample(&m, i, -1e-9, i == 50 ? -1.12e-9 : -1e-9, NAN);
	CHECK_NEAR(metrics_settle_s(&m), 51, 1e-9);
	CHECK_NEAR(metrics_overshoot_pct(&m), 12, 1e-6);
	CHECK(isnan(metrics_max_pressure_kpa(&m)));
}

TEST(variation_is_that_of_the_readings)
{
	struct metrics m;

	metrics_init(&m);
	metrics_begin(&m, 0, 1e-9);
	/* Two values, 3 % either side of the mean: deviation 3 %, n over n - 1. */
	for (int i = 1; i <= 1000; i++)
		metrics_sample(&m, i, (i % 2 ? 1.03 : 0.97) * 1e-9, 1e-9, NAN);
	CHECK_NEAR(metrics_flow_cv_pct(&m), 3 * sqrt(1000. / 999), 1e-6);
}

TEST(a_missing_reading_is_not_a_zero)
{
	struct metrics m;

	metrics_init(&m);
	metrics_begin(&m, 0, 1e-9);
	for (int i = 1; i <= 100; i++)
		metrics_sample(&m, i, i % 3 ? 1e-9 : NAN, 1e-9, NAN);
	CHECK_NEAR(metrics_flow_cv_pct(&m), 0, 1e-9);
	CHECK_NEAR(metrics_settle_s(&m), 1, 1e-9);
}

TEST(what_comes_after_the_end_does_not_count)
{
	struct metrics m;

	metrics_init(&m);
	metrics_begin(&m, 0, 1e-9);
	for (int i = 1; i <= 10; i++)
		metrics_sample(&m, i, 1e-9, 1e-9, 2000);
	metrics_end(&m);
	metrics_begin(&m, 11, 5e-9);
	for (int i = 11; i <= 20; i++)
		metrics_sample(&m, i, 0, 0, 3000);
	CHECK_NEAR(metrics_settle_s(&m), 1, 1e-9);
	CHECK_NEAR(metrics_overshoot_pct(&m), 0, 1e-9);
	/* pressure is of the whole run */
	CHECK_NEAR(metrics_max_pressure_kpa(&m), 3, 1e-9);
}

TEST(nothing_moved_nothing_known)
{
	struct metrics m;

	metrics_init(&m);
	metrics_sample(&m, 1, 0, 0, NAN);
	CHECK(isnan(metrics_settle_s(&m)));
	CHECK(isnan(metrics_overshoot_pct(&m)));
	CHECK(isnan(metrics_flow_cv_pct(&m)));
}

int main(void)
{
	RUN(a_first_order_rise_settles_after_three_time_constants);
	RUN(overshoot_and_leaving_the_band_count);
	RUN(variation_is_that_of_the_readings);
	RUN(a_missing_reading_is_not_a_zero);
	RUN(what_comes_after_the_end_does_not_count);
	RUN(nothing_moved_nothing_known);
	return test_end();
}
