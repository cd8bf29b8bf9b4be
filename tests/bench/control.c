// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Figures of the closed loop: control RIGS SEED prints one JSON object a line,
 * as tests/bench/run wants them; notes on rigs go to stderr.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control_judge.h"

#define MIX_LOOKS	4000

enum { SETTLE, OVERSHOOT, DOSE, CV, FIGURES };

struct result {
	double *values[FIGURES];	/* one a rig */
	double *mix;
	unsigned int mix_count;
	unsigned int bad;		/* rigs that diverge, oscillate or reverse */
	double cpu_s;
	unsigned long long records;
};

static unsigned int rig_count;
static struct judge_rig *rigs;
static double *bounds_s;
static bool verbose;

/* Bounds of the issue, by loop; INFINITY: nothing to hold it against. */
static double bound_of(enum judge_loop loop, double uncalibrated, double calibrated)
{
	return loop == JUDGE_OURS ? uncalibrated :
	       loop == JUDGE_OURS_CALIBRATED ? calibrated : INFINITY;
}

static void print(const char *figure, enum judge_loop loop, double value, const char *unit,
		  double bound, const char *how)
{
	const char *name = judge_loop_names[loop];
	char bound_text[32] = "null", full[96];

	/* A peer's name comes last, ours are figures of their own. */
	if (loop < JUDGE_OURS)
		snprintf(full, sizeof(full), "%s/%s", figure, name);
	else
		snprintf(full, sizeof(full), "%s/%s", name, figure);
	if (isfinite(bound))
		snprintf(bound_text, sizeof(bound_text), "%g", bound);
	printf("{\"name\": \"control/%s\", \"value\": %.5g, \"unit\": \"%s\", \"bound\": %s, \"better\": \"lower\", \"how\": \"%s\"}\n",
	       full, value, unit, bound_text, how);
}

static void measure(enum judge_loop loop, struct result *r)
{
	for (unsigned int i = 0; i < rig_count; i++) {
		struct judge_flow flow;
		struct judge_dose dose;

		judge_flow(&rigs[i], loop, &flow);
		judge_dose(&rigs[i], loop, &dose);
		r->values[SETTLE][i] = fmax(1, flow.settle_s / bounds_s[i]);
		r->values[OVERSHOOT][i] = 100 * flow.overshoot;
		r->values[DOSE][i] = 100 * dose.error;
		r->values[CV][i] = 100 * flow.cv;
		r->bad += flow.oscillates || flow.diverges || flow.reverses;
		r->cpu_s += flow.cpu_s;
		r->records += flow.records;
		if (verbose)
			fprintf(stderr, "%s %s tau %.3g lag %.3g slack %.3g head %.3g p %d noise %.2g bound %.3g ratio %.3g over %.3g dose %.3g wait %.3g cv %.3g%s%s%s\n",
				rigs[i].name, judge_loop_names[loop], rigs[i].tau_s,
				rigs[i].params.sensor_tau_us * 1e-6,
				rigs[i].slack_steps * rigs[i].step_m3 / rigs[i].set_point_m3_s,
				rigs[i].max_rate_m3_s / rigs[i].set_point_m3_s,
				rigs[i].has_pressure,
				rigs[i].full_scale_m3_s / 4000 / rigs[i].set_point_m3_s,
				bounds_s[i], r->values[SETTLE][i], r->values[OVERSHOOT][i],
				r->values[DOSE][i], dose.wait_s, r->values[CV][i],
				flow.oscillates ? " OSCILLATES" : "",
				flow.diverges ? " DIVERGES" : "", flow.reverses ? " REVERSES" : "");
	}
	for (unsigned int i = 0; i + 1 < rig_count; i += 2)
		r->mix_count += judge_mix(&rigs[i], loop, r->mix + r->mix_count,
					  rig_count * MIX_LOOKS / 2 - r->mix_count);
}

static void report(enum judge_loop loop, struct result *r)
{
	const char *rigs_text = "drawn rigs and the field's named cases, by the plant's outlet";

	print("settle_ratio_median", loop, judge_percentile(r->values[SETTLE], rig_count, 0.5), "1",
	      bound_of(loop, 3, 1.25), "time to 5 % over the time-optimal bound");
	print("settle_ratio_p95", loop, judge_percentile(r->values[SETTLE], rig_count, 0.95), "1",
	      bound_of(loop, 8, 2), "time to 5 % over the time-optimal bound");
	print("overshoot_p95", loop, judge_percentile(r->values[OVERSHOOT], rig_count, 0.95), "%",
	      bound_of(loop, 10, 3), rigs_text);
	print("dose_error_median", loop, judge_percentile(r->values[DOSE], rig_count, 0.5), "%",
	      INFINITY, "100 s dose, beyond the screw's own error");
	print("dose_error_p95", loop, judge_percentile(r->values[DOSE], rig_count, 0.95), "%",
	      bound_of(loop, 0.5, 0.1), "100 s dose, beyond the screw's own error");
	print("flow_cv_p95", loop, judge_percentile(r->values[CV], rig_count, 0.95), "%",
	      bound_of(loop, 0.5, 0.5), "last quarter, microstep ripple taken off");
	print("mix_error_p95", loop, 100 * judge_percentile(r->mix, r->mix_count, 0.95), "%",
	      bound_of(loop, 4, 2), "10 s mixes, over time, of pairs of rigs");
	print("unstable_rigs", loop, r->bad, "1", bound_of(loop, 0, 0),
	      "diverge, oscillate or reverse");
	if (r->records)
		print("cpu_per_record", loop, 1e6 * r->cpu_s / r->records, "us", 20,
		      "time in control_sample(), clock reading included");
}

static void tell_model(const struct judge_rig *rig)
{
	const struct control_model *model = &rig->model;

	fprintf(stderr, "%s found tau %.3g of %.3g +- %.3g lag %.3g of %.3g gain %.3f of %.3f +- %.3g compliance %.3g of %.3g backlash %.3g of %u\n",
		rig->name, model->tau_s, rig->tau_s, model->tau_error, model->lag_s,
		rig->params.sensor_tau_us * 1e-6, model->gain, 1 + rig->sensor_gain_ppm * 1e-6, model->gain_error,
		model->compliance_m3_pa * 1e18, (double)rig->params.compliance_fl_per_pa,
		model->backlash_m3 / rig->step_m3, rig->params.backlash_steps);
}

/* Each fault on each rig: how many are named rightly, and how soon. */
static void measure_faults(enum judge_loop loop)
{
	double *times = calloc(rig_count, sizeof(double)), *released = calloc(rig_count, sizeof(double));

	for (enum judge_fault fault = JUDGE_CLOSED; fault < JUDGE_FAULTS; fault++) {
		static const enum diagnosis_trouble right[] = {
			[JUDGE_CLOSED] = DIAGNOSIS_OCCLUSION, [JUDGE_STALLED] = DIAGNOSIS_EMPTY,
			[JUDGE_LEAKS] = DIAGNOSIS_LEAK, [JUDGE_FREE] = DIAGNOSIS_FREE_FLOW,
			[JUDGE_SAME] = DIAGNOSIS_STUCK,
		};
		unsigned int judged = 0, named = 0, taken = 0;
		char name[64];

		for (unsigned int i = 0; i < rig_count; i++) {
			struct judge_trouble trouble;

			if (!judge_trouble(&rigs[i], loop, fault, &trouble))
				continue;
			if (verbose)
				fprintf(stderr, "%s %s %s tau %.3g p %d named %s%s after %.3g s, bar %.3g s, released %.3g %%\n",
					rigs[i].name, judge_loop_names[loop], judge_fault_names[fault], rigs[i].tau_s,
					rigs[i].has_pressure, diagnosis_name(trouble.named), trouble.sure ? "" : "?",
					trouble.named_s, trouble.bar_s, 100 * trouble.released);
			times[judged++] = trouble.named_s / trouble.bar_s;
			named += trouble.named == right[fault] || !trouble.sure;
			if (!isnan(trouble.released))
				released[taken++] = 100 * trouble.released;
		}
		fprintf(stderr, "%s %s: %u of %u\n", judge_loop_names[loop], judge_fault_names[fault], named, judged);
		(void)name;
		if (fault == JUDGE_CLOSED)
			fprintf(stderr, "time/bar median %g p95 %g released median %g p95 %g %%\n", judge_percentile(times, judged, 0.5),
				judge_percentile(times, judged, 0.95), judge_percentile(released, taken, 0.5), judge_percentile(released, taken, 0.95));
	}
	free(times);
	free(released);
}

int main(int argc, char **argv)
{
	unsigned int drawn = argc > 1 ? atoi(argv[1]) : 500;
	uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 0) : 1;
	const char *only = getenv("ND_BENCH_LOOP");

	verbose = getenv("ND_BENCH_VERBOSE");
	rig_count = drawn + JUDGE_NAMED_RIGS;
	rigs = calloc(rig_count, sizeof(*rigs));
	bounds_s = calloc(rig_count, sizeof(*bounds_s));
	for (unsigned int i = 0; i < rig_count; i++) {
		if (i < drawn)
			judge_draw(&rigs[i], seed, i);
		else
			judge_named(&rigs[i], i - drawn);
		bounds_s[i] = judge_bound_s(&rigs[i]);
		judge_calibrate(&rigs[i]);
		if (verbose)
			tell_model(&rigs[i]);
	}
	if (getenv("ND_BENCH_ALARMS")) {
		double hours = atof(getenv("ND_BENCH_ALARMS")), sum = 0;
		unsigned int alarms = 0;

		for (unsigned int i = 0; i < rig_count; i++) {
			unsigned int n = judge_false_alarms(&rigs[i], i / 2 % 2 ? JUDGE_OURS : JUDGE_OURS_CALIBRATED, hours);

			if (n)
				fprintf(stderr, "%s tau %g p %d: %u alarms\n", rigs[i].name, rigs[i].tau_s, rigs[i].has_pressure, n);
			alarms += n;
			sum += hours;
		}
		fprintf(stderr, "%u alarms in %g h\n", alarms, sum);
		return 0;
	}
	if (getenv("ND_BENCH_MIX")) {
		for (int loop = JUDGE_OURS; loop < JUDGE_LOOPS; loop++) {
			double *all = calloc(rig_count * MIX_LOOKS / 2, sizeof(double));
			unsigned int count = 0;

			for (unsigned int i = 0; i + 1 < rig_count; i += 2) {
				unsigned int n = judge_mix(&rigs[i], loop, all + count, MIX_LOOKS);
				double *copy = malloc(n * sizeof(double));

				memcpy(copy, all + count, n * sizeof(double));
				fprintf(stderr, "%s %s tau %.3g %.3g lag %.3g %.3g p %d %d head %.3g %.3g: median %.3g p95 %.3g\n", judge_loop_names[loop], rigs[i].name, rigs[i].tau_s, rigs[i + 1].tau_s,
				rigs[i].params.sensor_tau_us * 1e-6, rigs[i + 1].params.sensor_tau_us * 1e-6, rigs[i].has_pressure, rigs[i + 1].has_pressure, rigs[i].max_rate_m3_s / rigs[i].set_point_m3_s, rigs[i + 1].max_rate_m3_s / rigs[i + 1].set_point_m3_s, judge_percentile(copy, n, 0.5), judge_percentile(copy, n, 0.95));
				count += n;
			}
			fprintf(stderr, "%s mix median %g p90 %g p95 %g\n", judge_loop_names[loop], judge_percentile(all, count, .5), judge_percentile(all, count, .9), judge_percentile(all, count, .95));
		}
		return 0;
	}
	if (getenv("ND_BENCH_FAULTS")) {
		for (int loop = JUDGE_OURS; loop < JUDGE_LOOPS; loop++)
			measure_faults(loop);
		return 0;
	}
	for (int loop = 0; loop < JUDGE_LOOPS; loop++) {
		struct result r = { .mix = calloc(rig_count * MIX_LOOKS / 2, sizeof(double)) };

		if (only && strcmp(only, judge_loop_names[loop]))
			continue;
		for (int i = 0; i < FIGURES; i++)
			r.values[i] = calloc(rig_count, sizeof(double));
		measure(loop, &r);
		report(loop, &r);
		fflush(stdout);
		for (int i = 0; i < FIGURES; i++)
			free(r.values[i]);
		free(r.mix);
	}
	free(bounds_s);
	free(rigs);
	return 0;
}
