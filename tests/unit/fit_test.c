// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The fit of a rig to its record against the plant of the simulated rig, step
 * by step, which shares nothing with the fit's model: what was put in must come
 * out, with the sensor's counts, noise and errors in between.
 */
#include <stdlib.h>

#include "fit.h"
#include "sim/plant.h"
#include "test.h"

#define UL_MIN		(1e-9 / 60)	/* m3/s */
#define MOST		40000
#define FULL_UL_MIN	2000.0		/* of the sensor, as are these two */
#define COUNT_UL_MIN	0.1
#define NOISE_UL_MIN	(FULL_UL_MIN / 4000)
#define NOISE_PA	20

struct bench {
	struct sim_plant_params params;
	struct sim_plant plant;
	double gain, zero_ul_min;
	double noise;			/* 1: the data sheet's */
	unsigned long long now_ns, period_ns, seed;
	double step_m3, phase;
	size_t count;
	struct control_sample samples[MOST];
};

static struct bench *bench;

static double uniform(void)
{
	bench->seed = bench->seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return ((bench->seed >> 11) + 0.5) / 9007199254740992.0;
}

static double gauss(void)
{
	double radius = sqrt(-2 * log(uniform()));

	return radius * cos(2 * M_PI * uniform());
}

/* A bench at rest with one record of it; @tau_s by its compliance. */
static void begin(double tau_s, unsigned int resistance)
{
	double d;

	free(bench);
	bench = calloc(1, sizeof(*bench));
	if (!bench)
		exit(1);
	bench->params = (struct sim_plant_params){
		.syringe_diameter_um = 4699, .lead_pitch_nm = 1000000, .microsteps_per_rev = 3200,
		.compliance_fl_per_pa = lround(tau_s * 1e9 / resistance),
		.resistance_pa_s_per_ul = resistance,
		.dead_volume_nl = 20000, .sensor_tau_us = 20000,
	};
	bench->gain = bench->noise = 1;
	bench->period_ns = 20000000;
	bench->seed = 7;
	d = bench->params.syringe_diameter_um * 1e-6;
	bench->step_m3 = M_PI / 4 * d * d * 1e-3 / 3200;
}

static void start(void)
{
	sim_plant_init(&bench->plant, &bench->params, 0);
	sim_plant_sensor_begin(&bench->plant, 0);
}

static void record(void)
{
	double flow, pressure;

	sim_plant_advance(&bench->plant, bench->now_ns);
	flow = sim_plant_sensor_read(&bench->plant, bench->now_ns) / 1e6 * bench->gain;
	flow += bench->zero_ul_min + bench->noise * NOISE_UL_MIN * gauss();
	pressure = sim_plant_pressure_pa(&bench->plant) + round(bench->noise * NOISE_PA * gauss());
	if (bench->count == MOST)
		exit(1);
	bench->samples[bench->count++] = (struct control_sample){
		.time_s = bench->now_ns / 1e9,
		.stepped_m3 = bench->plant.steps * bench->step_m3,
		.flow_m3_s = round(flow / COUNT_UL_MIN) * COUNT_UL_MIN * UL_MIN,
		.pressure_pa = pressure,
	};
}

/* Whole records at a rate, which is there at once. */
static void dose(double ul_min, double seconds)
{
	double per_ns = fabs(ul_min) * UL_MIN / bench->step_m3 / 1e9;
	int records = lround(seconds * 1e9 / bench->period_ns);

	for (int i = 0; i < records; i++) {
		unsigned long long end_ns = bench->now_ns + bench->period_ns;
		double at_ns = bench->now_ns + (1 - bench->phase) / per_ns;

		bench->phase += bench->period_ns * per_ns;
		for (; bench->phase >= 1; bench->phase -= 1, at_ns += 1 / per_ns)
			sim_plant_step(&bench->plant, at_ns, ul_min < 0 ? -1 : 1, true);
		bench->now_ns = end_ns;
		record();
	}
}

/* Steps up, up, down and to rest, each with time to be seen. */
static void protocol(double ul_min, double tau_s)
{
	double each_s = fmax(5, 3 * tau_s);

	start();
	dose(0, 1);
	dose(ul_min, each_s);
	dose(2 * ul_min, each_s);
	dose(ul_min / 2, each_s);
	dose(0, each_s);
}

static struct fit fitted(void)
{
	struct fit fit;

	fit_rig(bench->samples, bench->count, NULL, &fit);
	return fit;
}

static void drop_pressure(void)
{
	for (size_t i = 0; i < bench->count; i++)
		bench->samples[i].pressure_pa = NAN;
}

static void drop_flow(void)
{
	for (size_t i = 0; i < bench->count; i++)
		bench->samples[i].flow_m3_s = NAN;
}

static const double taus_s[] = { 0.05, 0.2, 0.613, 1.2, 5, 11.5, 60 };
#define TAUS (sizeof(taus_s) / sizeof(taus_s[0]))

TEST(finds_what_the_plant_was_made_of)
{
	static const double gains[] = { 0.9, 1, 1.05 };

	for (size_t i = 0; i < TAUS; i++) {
		for (size_t g = 0; g < 3; g++) {
			struct fit fit;

			begin(taus_s[i], 12210);
			bench->gain = gains[g];
			bench->zero_ul_min = 3;
			protocol(300, taus_s[i]);
			fit = fitted();
			printf("# tau %.3f s: %.4f s +- %.2g, gain %.4f, R %.4g, lag %.4f s, misfit %.2g\n",
			       taus_s[i], fit.tau_s, fit.tau_error, fit.gain, fit.resistance_pa_s_m3 * 1e-9,
			       fit.lag_s, fit.misfit);
			CHECK_NEAR(fit.tau_s / taus_s[i], 1, 0.02);
			CHECK(fit.tau_error < 0.02);
			CHECK_NEAR(fit.resistance_pa_s_m3 * 1e-9 / 12210, 1, 0.01);
			CHECK_NEAR(fit.compliance_m3_pa * 1e18 / bench->params.compliance_fl_per_pa, 1, 0.02);
			CHECK_NEAR(fit.rest_pa, 0, 5);
			CHECK_NEAR(fit.gain, gains[g], 0.005);
			CHECK_NEAR(fit.zero_m3_s / UL_MIN, 3, 1);
			CHECK(isnan(fit.lag_s) || fabs(fit.lag_s - 0.02) < 0.005);
			CHECK_NEAR(fit.residual_m3_s / (NOISE_UL_MIN * UL_MIN), 1, 1);
			CHECK(fit.misfit < 0.02);
		}
	}
}

TEST(flow_alone_tells_the_time_constant_but_neither_part_of_it)
{
	for (size_t i = 0; i < TAUS; i++) {
		struct fit fit;

		begin(taus_s[i], 28000);
		bench->gain = 1.03;
		protocol(300, taus_s[i]);
		drop_pressure();
		fit = fitted();
		printf("# tau %.3f s: %.4f s +- %.2g, lag %.4f s\n", taus_s[i], fit.tau_s, fit.tau_error,
		       fit.lag_s);
		CHECK_NEAR(fit.tau_s / taus_s[i], 1, 0.05);
		CHECK_NEAR(fit.gain, 1.03, 0.01);
		CHECK(isnan(fit.resistance_pa_s_m3) && isnan(fit.compliance_m3_pa) && isnan(fit.rest_pa));
	}
}

TEST(pressure_alone_tells_all_but_the_flow_sensor)
{
	for (size_t i = 0; i < TAUS; i++) {
		struct fit fit;

		begin(taus_s[i], 12210);
		protocol(300, taus_s[i]);
		drop_flow();
		fit = fitted();
		CHECK_NEAR(fit.tau_s / taus_s[i], 1, 0.02);
		CHECK_NEAR(fit.resistance_pa_s_m3 * 1e-9 / 12210, 1, 0.01);
		CHECK(isnan(fit.gain) && isnan(fit.zero_m3_s) && isnan(fit.lag_s));
	}
}

TEST(back_pressure_is_the_pressure_at_rest)
{
	struct fit fit;

	begin(1.2, 12210);
	bench->params.back_pressure_pa = 20000;
	protocol(300, 1.2);
	fit = fitted();
	CHECK_NEAR(fit.rest_pa, 20000, 20);
	CHECK_NEAR(fit.tau_s, 1.2, 0.03);
}

TEST(a_lag_that_is_not_the_usual_one_is_found)
{
	static const unsigned int lags_us[] = { 5000, 60000, 200000 };

	for (size_t i = 0; i < 3; i++) {
		struct fit fit;

		begin(0.613, 2430);
		bench->params.sensor_tau_us = lags_us[i];
		bench->period_ns = 5000000;
		protocol(300, 0.613);
		fit = fitted();
		printf("# lag %.3f s: %.4f s, tau %.4f s\n", lags_us[i] * 1e-6, fit.lag_s, fit.tau_s);
		CHECK_NEAR(fit.lag_s, lags_us[i] * 1e-6, 0.005);
		CHECK_NEAR(fit.tau_s, 0.613, 0.015);
		drop_pressure();
		fit = fitted();
		printf("# without pressure: %.4f s, tau %.4f s\n", fit.lag_s, fit.tau_s);
		CHECK_NEAR(fit.lag_s, lags_us[i] * 1e-6, 0.02);
		CHECK_NEAR(fit.tau_s, 0.613, 0.03);
	}
}

TEST(a_lag_within_a_record_of_the_usual_one_is_that_one)
{
	struct fit fit;

	begin(0.613, 2430);
	bench->params.sensor_tau_us = 30000;
	protocol(300, 0.613);
	fit = fitted();
	CHECK(isnan(fit.lag_s));
	CHECK_NEAR(fit.tau_s, 0.613, 0.015);
}

TEST(a_slow_dose_in_the_noise_of_the_sensor)
{
	struct fit fit;

	/* 10 uL/min of 2000: 31 steps a second, a signal of twenty times the noise */
	begin(1.2, 12210);
	protocol(10, 4);
	fit = fitted();
	CHECK_NEAR(fit.tau_s, 1.2, 0.12);
	CHECK_NEAR(fit.gain, 1, 0.02);
	CHECK(fit.misfit < 0.1);
}

TEST(withdrawing_is_motion_as_well)
{
	struct fit fit;

	begin(0.613, 2430);
	start();
	dose(300, 10);
	dose(-200, 10);
	dose(0, 5);
	fit = fitted();
	CHECK_NEAR(fit.tau_s, 0.613, 0.02);
	CHECK_NEAR(fit.moved_m3, (50 + 33.33) * 1e-9, 1e-10);
}

TEST(ten_times_the_noise_and_a_twentieth_of_the_readings)
{
	struct fit fit;

	begin(5, 12210);
	bench->noise = 10;
	protocol(300, 5);
	for (size_t i = 0; i < bench->count; i++)
		if (i % 20)
			bench->samples[i].flow_m3_s = bench->samples[i].pressure_pa = NAN;
	fit = fitted();
	CHECK_NEAR(fit.tau_s, 5, 0.5);
	CHECK(fit.tau_error > 0.001 && fit.tau_error < 0.1);
}

TEST(records_that_are_lost_move_nothing)
{
	struct fit fit;

	begin(1.2, 12210);
	protocol(300, 1.2);
	/* a gap of half a second in the steady flow of the first dose */
	memmove(&bench->samples[250], &bench->samples[275],
		(bench->count - 275) * sizeof(bench->samples[0]));
	bench->count -= 25;
	fit = fitted();
	CHECK_NEAR(fit.tau_s, 1.2, 0.03);
}

TEST(a_rig_much_faster_than_its_records_is_told_to_be_fast)
{
	struct fit fit;

	begin(0.002, 500);
	bench->params.sensor_tau_us = 5000;
	bench->period_ns = 100000000;
	protocol(300, 1);
	fit = fitted();
	CHECK(fit.tau_s < 0.03);
	CHECK_NEAR(fit.gain, 1, 0.005);
}

TEST(too_little_motion_is_told)
{
	struct fit fit;

	begin(1.2, 12210);
	start();
	dose(0, 60);
	fit = fitted();
	CHECK(isnan(fit.tau_s) && isnan(fit.gain) && isnan(fit.resistance_pa_s_m3));
	CHECK(fit.moved_m3 == 0);

	/* a single step, within the noise */
	begin(1.2, 12210);
	start();
	dose(0.35, 1);
	dose(0, 30);
	fit = fitted();
	printf("# %.3g m3: tau %.3g s +- %.2g\n", fit.moved_m3, fit.tau_s, fit.tau_error);
	CHECK_NEAR(fit.moved_m3 / bench->step_m3, 1, 1e-6);
	CHECK(isnan(fit.tau_s) && isnan(fit.gain) && isnan(fit.compliance_m3_pa));

	fit_rig(bench->samples, 1, NULL, &fit);
	CHECK(isnan(fit.tau_s) && fit.moved_m3 == 0);
	fit_rig(NULL, 0, NULL, &fit);
	CHECK(isnan(fit.tau_s) && fit.moved_m3 == 0);
	begin(1.2, 12210);
	protocol(300, 1.2);
	drop_flow();
	drop_pressure();
	fit = fitted();
	CHECK(isnan(fit.tau_s) && fit.moved_m3 > 0);
}

TEST(what_is_no_such_rig_shows_as_misfit)
{
	struct fit fit;

	/* the line clogs for a while, then lets go */
	begin(1.2, 12210);
	start();
	dose(300, 10);
	sim_plant_set_occluded(&bench->plant, bench->now_ns, true);
	dose(300, 10);
	sim_plant_set_occluded(&bench->plant, bench->now_ns, false);
	dose(300, 10);
	dose(0, 10);
	fit = fitted();
	printf("# misfit %.3g\n", fit.misfit);
	CHECK(isnan(fit.tau_s) || fit.misfit > 0.2);
}

int main(void)
{
	RUN(finds_what_the_plant_was_made_of);
	RUN(flow_alone_tells_the_time_constant_but_neither_part_of_it);
	RUN(pressure_alone_tells_all_but_the_flow_sensor);
	RUN(back_pressure_is_the_pressure_at_rest);
	RUN(a_lag_that_is_not_the_usual_one_is_found);
	RUN(a_lag_within_a_record_of_the_usual_one_is_that_one);
	RUN(a_slow_dose_in_the_noise_of_the_sensor);
	RUN(withdrawing_is_motion_as_well);
	RUN(ten_times_the_noise_and_a_twentieth_of_the_readings);
	RUN(records_that_are_lost_move_nothing);
	RUN(a_rig_much_faster_than_its_records_is_told_to_be_fast);
	RUN(too_little_motion_is_told);
	RUN(what_is_no_such_rig_shows_as_misfit);
	free(bench);
	return test_end();
}
