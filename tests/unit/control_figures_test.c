// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The short form of the closed loop's figures: few rigs of the same draw, the
 * same plant, bounds between what is reached and what is asked for.
 */
#include <stdlib.h>

#include "control_judge.h"
#include "identify.h"
#include "test.h"

#define RIGS	40
#define SEED	1
#define MAX_TAU_S 30	/* the slow ones are left to the figures, for the time they take */

#define FAULT_RIGS	8
#define MIX_LOOKS	1200
#define MIN_FAULT_TAU_S	0.3
#define MAX_FAULT_TAU_S	6.0
#define LEAST_BAR_S	0.6	/* a fifth of less is no more than a few records */

struct row {
	double settle[RIGS], overshoot[RIGS], dose[RIGS], cv[RIGS];
	unsigned int count, bad;
};

static void measure(enum judge_loop loop, struct row *row)
{
	*row = (struct row){ .count = 0 };
	for (unsigned int n = 0; row->count < RIGS; n++) {
		struct judge_rig rig;
		struct judge_flow flow;
		struct judge_dose dose;

		judge_draw(&rig, SEED, n);
		if (rig.tau_s > MAX_TAU_S)
			continue;
		if (loop == JUDGE_OURS_CALIBRATED)
			judge_calibrate(&rig);
		judge_flow(&rig, loop, &flow);
		judge_dose(&rig, loop, &dose);
		row->settle[row->count] = fmax(1, flow.settle_s / judge_bound_s(&rig));
		row->overshoot[row->count] = flow.overshoot;
		row->dose[row->count] = dose.error;
		row->cv[row->count] = flow.cv;
		row->bad += flow.oscillates || flow.diverges || flow.reverses;
		row->count++;
	}
}

static void check(enum judge_loop loop, double settle_median, double settle_p95, double overshoot,
		  double dose, double cv)
{
	struct row row;
	double median, p95, over, error, spread;

	measure(loop, &row);
	median = judge_percentile(row.settle, RIGS, 0.5);
	p95 = judge_percentile(row.settle, RIGS, 0.95);
	over = judge_percentile(row.overshoot, RIGS, 0.95);
	error = judge_percentile(row.dose, RIGS, 0.95);
	spread = judge_percentile(row.cv, RIGS, 0.95);
	printf("# %s: settling ratio %.2f, 95th percentile %.2f; overshoot %.1f %%, dose error %.3f %%, flow CV %.2f %%\n",
	       judge_loop_names[loop], median, p95, 100 * over, 100 * error, 100 * spread);
	CHECK(median < settle_median);
	CHECK(p95 < settle_p95);
	CHECK(over < overshoot);
	CHECK(error < dose);
	CHECK(spread < cv);
	CHECK_INT(row.bad, 0);
}

TEST(a_rig_used_for_the_first_time_settles_near_the_bound_and_doses_right)
{
	check(JUDGE_OURS, 2, 6, 0.10, 0.005, 0.005);
}

TEST(a_calibrated_rig_settles_at_the_bound_and_doses_right)
{
	check(JUDGE_OURS_CALIBRATED, 1.25, 2, 0.03, 0.001, 0.005);
}

/* By the truth of the rig: as far off as the errors that are told, three of them. */
TEST(calibration_finds_what_a_rig_is_and_tells_how_well)
{
	unsigned int told = 0, lags = 0, backlashes = 0;

	for (unsigned int n = 0; n < RIGS; n++) {
		const struct control_model *model;
		struct judge_rig rig;
		double gain;

		judge_draw(&rig, SEED, n);
		judge_calibrate(&rig);
		model = &rig.model;
		if (!model->tau_s)
			continue;
		told++;
		gain = 1 + rig.sensor_gain_ppm * 1e-6;
		CHECK_NEAR(log(model->tau_s / rig.tau_s), 0, 4 * model->tau_error);
		CHECK_NEAR(model->gain, gain, 4 * model->gain_error);
		CHECK(model->tau_error < 0.1 || rig.tau_s < 0.3);
		if (model->lag_s > 0) {
			lags++;
			CHECK_NEAR(log(model->lag_s / (rig.params.sensor_tau_us * 1e-6)), 0, 4 * model->lag_error);
		}
		if (!isnan(model->backlash_m3)) {
			backlashes++;
			/* it is told where a quarter of the most would be seen; what is stepped in a record is not */
			CHECK_NEAR(model->backlash_m3 / rig.step_m3, rig.params.backlash_steps,
				   fmax(IDENTIFY_BACKLASH_STEPS / 4,
					rig.set_point_m3_s / rig.step_m3 * JUDGE_PERIOD_NS / 1e9));
		}
		if (!rig.has_pressure) {
			CHECK(model->compliance_m3_pa == 0);
			continue;
		}
		CHECK_NEAR(model->compliance_m3_pa * 1e18 / rig.params.compliance_fl_per_pa, 1, 0.05);
	}
	printf("# of %d rigs: time constant told of %u, lag of %u, backlash of %u\n", RIGS, told, lags, backlashes);
	CHECK(told > RIGS * 0.9);
	CHECK(backlashes > RIGS * 0.6);
}

/* By the fault that was made. One that says that another would look the same is right, too. */
static void check_faults(enum judge_loop loop)
{
	static const enum diagnosis_trouble right[JUDGE_FAULTS] = {
		[JUDGE_CLOSED] = DIAGNOSIS_OCCLUSION, [JUDGE_STALLED] = DIAGNOSIS_EMPTY,
		[JUDGE_LEAKS] = DIAGNOSIS_LEAK, [JUDGE_FREE] = DIAGNOSIS_FREE_FLOW,
		[JUDGE_SAME] = DIAGNOSIS_STUCK, [JUDGE_WELL] = DIAGNOSIS_NONE,
	};
	double late = 0, released = 0;
	unsigned int count = 0, judged = 0;

	for (unsigned int n = 0; count < FAULT_RIGS; n++) {
		struct judge_rig rig;

		judge_draw(&rig, SEED, n);
		if (rig.tau_s > MAX_FAULT_TAU_S || rig.tau_s < MIN_FAULT_TAU_S)
			continue;
		count++;
		if (loop == JUDGE_OURS_CALIBRATED)
			judge_calibrate(&rig);
		for (enum judge_fault fault = JUDGE_WELL; fault < JUDGE_FAULTS; fault++) {
			struct judge_trouble trouble;

			if (!judge_trouble(&rig, loop, fault, &trouble)) {
				/* what is beyond the sensor's range the driver stops for */
				CHECK_INT(fault, JUDGE_FREE);
				continue;
			}
			judged++;
			if (trouble.named != right[fault] && (trouble.sure || !trouble.named || fault == JUDGE_WELL)) {
				printf("# %s, %s: named %s\n", rig.name, judge_fault_names[fault],
				       diagnosis_name(trouble.named));
				CHECK_INT(trouble.named, right[fault]);
			}
			if (fault != JUDGE_CLOSED)
				continue;
			late = fmax(late, trouble.named_s / fmax(trouble.bar_s, LEAST_BAR_S));
			released = fmax(released, rig.has_pressure ? trouble.released : 0);
		}
	}
	printf("# %s: a closed outlet is named within %.1f %% of the time to 1 bar; what bursts out: %.2f %%\n",
	       judge_loop_names[loop], 100 * late, 100 * released);
	CHECK(late < 0.2);
	CHECK(released < 0.05);
	CHECK(judged > (JUDGE_FAULTS - 1) * FAULT_RIGS);
}

TEST(what_is_wrong_is_named_on_a_rig_used_for_the_first_time)
{
	check_faults(JUDGE_OURS);
}

TEST(and_on_a_calibrated_one)
{
	check_faults(JUDGE_OURS_CALIBRATED);
}

/* By number of the draw: a bar in 0.2 s, with and without a pressure sensor; noise of a fifth to a third of the flow. */
TEST(a_clog_of_a_stiff_rig_and_of_a_noisy_one_is_named_in_time)
{
	static const unsigned int numbers[] = { 7, 12, 161, 120, 153 };

	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
		struct judge_trouble trouble;
		struct judge_rig rig;

		judge_draw(&rig, SEED, numbers[i]);
		judge_calibrate(&rig);
		CHECK(judge_trouble(&rig, JUDGE_OURS_CALIBRATED, JUDGE_CLOSED, &trouble));
		CHECK_INT(trouble.named, DIAGNOSIS_OCCLUSION);
		CHECK(trouble.named_s < 0.2 * trouble.bar_s);
	}
}

/* Error of the ratio that 95 % of the time lies below, over pairs of all drawn rigs. */
static double mix_error(enum judge_loop loop)
{
	static double errors[RIGS / 2 * MIX_LOOKS], stepped[RIGS / 2 * MIX_LOOKS];
	unsigned int count = 0;

	for (unsigned int n = 0; n < RIGS; n += 2) {
		struct judge_rig pair[2];

		for (int i = 0; i < 2; i++) {
			judge_draw(&pair[i], SEED, n + i);
			if (loop == JUDGE_OURS_CALIBRATED)
				judge_calibrate(&pair[i]);
		}
		count += judge_mix(pair, loop, errors + count, stepped + count, RIGS / 2 * MIX_LOOKS - count);
	}
	return judge_percentile(errors, count, 0.95);
}

TEST(the_slower_rig_of_a_mix_is_waited_for)
{
	double calibrated = mix_error(JUDGE_OURS_CALIBRATED), first_use = mix_error(JUDGE_OURS);
	double open = mix_error(JUDGE_OPEN);

	printf("# error of a mix's ratio, 95 %% of 10 s: calibrated %.2f %%, first use %.0f %%, open loop %.0f %%\n",
	       100 * calibrated, 100 * first_use, 100 * open);
	CHECK(calibrated < 0.02);
	CHECK(first_use < open / 10);
}

TEST(no_rig_settles_sooner_than_the_bound)
{
	for (unsigned int n = 0; n < RIGS; n++) {
		struct judge_rig rig;
		struct judge_flow flow;

		judge_draw(&rig, SEED, n);
		if (rig.tau_s > MAX_TAU_S)
			continue;
		judge_flow(&rig, JUDGE_OURS_CALIBRATED, &flow);
		/* the outlet is looked at each 10 ms, its ripple is 1 % at most */
		CHECK(flow.settle_s > 0.9 * judge_bound_s(&rig) - 0.02);
	}
}

TEST(open_loop_settles_as_theory_says)
{
	for (unsigned int n = 0; n < RIGS; n++) {
		struct judge_rig rig;
		struct judge_flow flow;
		double theory_s, play_s;

		judge_draw(&rig, SEED, n);
		if (rig.tau_s > MAX_TAU_S || rig.tau_s < 0.2)
			continue;
		judge_flow(&rig, JUDGE_OPEN, &flow);
		/* play, half of the ramp, then three time constants to 5 % */
		play_s = rig.slack_steps * rig.step_m3 / rig.set_point_m3_s;
		theory_s = play_s + 0.05 + rig.tau_s * log(20);
		CHECK_NEAR(flow.settle_s, theory_s, 0.06 + 0.03 * rig.tau_s + play_s);
	}
}

int main(void)
{
	RUN(a_rig_used_for_the_first_time_settles_near_the_bound_and_doses_right);
	RUN(a_calibrated_rig_settles_at_the_bound_and_doses_right);
	RUN(calibration_finds_what_a_rig_is_and_tells_how_well);
	RUN(what_is_wrong_is_named_on_a_rig_used_for_the_first_time);
	RUN(and_on_a_calibrated_one);
	RUN(a_clog_of_a_stiff_rig_and_of_a_noisy_one_is_named_in_time);
	RUN(the_slower_rig_of_a_mix_is_waited_for);
	RUN(no_rig_settles_sooner_than_the_bound);
	RUN(open_loop_settles_as_theory_says);
	return test_end();
}
