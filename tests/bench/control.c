// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Figures of the closed loop: control RIGS SEED, control faults RIGS SEED and
 * control alarms HOURS SEED print one JSON object a line, as tests/bench/run
 * wants them; notes on rigs go to stderr with ND_BENCH_VERBOSE, values of each
 * rig to the file ND_BENCH_VALUES.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "control_judge.h"

#define MIX_LOOKS	4000

enum { SETTLE, OVERSHOOT, DOSE, CV, FIGURES };

struct result {
	double *values[FIGURES];	/* one a rig */
	double *mix, *mix_stepped;
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
		r->mix_count += judge_mix(&rigs[i], loop, r->mix + r->mix_count, r->mix_stepped + r->mix_count,
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
	      bound_of(loop, 4, 2), "10 s mixes, over time, of pairs of rigs, microstep ripple taken off");
	print("mix_error_median", loop, 100 * judge_percentile(r->mix, r->mix_count, 0.5), "%", INFINITY,
	      "10 s mixes, over time, of pairs of rigs, microstep ripple taken off");
	print("mix_error_stepped_p95", loop, 100 * judge_percentile(r->mix_stepped, r->mix_count, 0.95), "%", INFINITY,
	      "10 s mixes, over time, of pairs of rigs, by whole microsteps");
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

/* ---- rigs that go wrong ------------------------------------------------------------- */

#define SLOW_BAR_S	0.5	/* a fifth of it are five records */
#define ALARM_RIGS	500

static const enum diagnosis_trouble right[JUDGE_FAULTS] = {
	[JUDGE_CLOSED] = DIAGNOSIS_OCCLUSION, [JUDGE_STALLED] = DIAGNOSIS_EMPTY, [JUDGE_LEAKS] = DIAGNOSIS_LEAK,
	[JUDGE_FREE] = DIAGNOSIS_FREE_FLOW, [JUDGE_SAME] = DIAGNOSIS_STUCK,
};

/* Every fault on every rig. */
static void measure_faults(enum judge_loop loop)
{
	double *times = calloc(rig_count, sizeof(double)), *records = calloc(rig_count, sizeof(double));
	double *released = calloc(rig_count, sizeof(double));
	unsigned int timed = 0, within = 0, slow = 0, slow_within = 0, taken = 0, missed = 0;

	for (enum judge_fault fault = JUDGE_CLOSED; fault < JUDGE_FAULTS; fault++) {
		for (unsigned int i = 0; i < rig_count; i++) {
			struct judge_trouble trouble;

			if (!judge_trouble(&rigs[i], loop, fault, &trouble))
				continue;
			if (verbose)
				fprintf(stderr, "%s %s %s tau %.3g p %d named %s%s after %.3g s, bar %.3g s, released %.3g %%\n",
					rigs[i].name, judge_loop_names[loop], judge_fault_names[fault], rigs[i].tau_s,
					rigs[i].has_pressure, diagnosis_name(trouble.named), trouble.sure ? "" : "?",
					trouble.named_s, trouble.bar_s, 100 * trouble.released);
			missed += trouble.named != right[fault] && (trouble.sure || !trouble.named);
			if (fault != JUDGE_CLOSED)
				continue;
			records[timed] = trouble.records;
			times[timed] = 100 * trouble.named_s / trouble.bar_s;
			within += times[timed] <= 20;
			slow += trouble.bar_s >= SLOW_BAR_S;
			slow_within += trouble.bar_s >= SLOW_BAR_S && times[timed] <= 20;
			timed++;
			if (!isnan(trouble.released))
				released[taken++] = 100 * trouble.released;
		}
	}
	print("occlusion_named_p95", loop, judge_percentile(times, timed, 0.95), "%", bound_of(loop, 20, 20),
	      "of the time for the pressure to rise to 1 bar");
	print("occlusion_late", loop, 100.0 * (timed - within) / timed, "% of rigs", INFINITY,
	      "named after a fifth of the time for the pressure to rise to 1 bar");
	print("occlusion_late_not_stiff", loop, 100.0 * (slow - slow_within) / slow, "% of rigs", INFINITY,
	      "likewise, of those where that time is half a second or more");
	print("occlusion_named_records_median", loop, judge_percentile(records, timed, 0.5), "records", INFINITY,
	      "from the closing of the outlet, at 50 records/s, stiff rigs 200");
	print("misnamed", loop, missed, "1", bound_of(loop, 0, 0),
	      "of closed outlets, stalls, leaks of a third, siphons and stuck sensors, one of each on each rig");
	print("released_median", loop, judge_percentile(released, taken, 0.5), "%", bound_of(loop, 2, 2),
	      "of what a clog held, when it goes after it was taken back");
	print("released_p95", loop, judge_percentile(released, taken, 0.95), "%", bound_of(loop, 2, 2),
	      "of what a clog held, when it goes after it was taken back");
	free(times);
	free(records);
	free(released);
}

/* Half of the rigs each in a process of its own; returns what the other has found. */
static unsigned int alarms_of(unsigned int half, double hours_each)
{
	unsigned int alarms = 0;

	for (unsigned int i = half; i < rig_count; i += 2) {
		enum judge_loop loop = i / 2 % 2 ? JUDGE_OURS : JUDGE_OURS_CALIBRATED;
		unsigned int some;

		if (loop == JUDGE_OURS_CALIBRATED)
			judge_calibrate(&rigs[i]);
		some = judge_false_alarms(&rigs[i], loop, hours_each, verbose);
		if (some && verbose)
			fprintf(stderr, "%s tau %.3g p %d %s: %u\n", rigs[i].name, rigs[i].tau_s, rigs[i].has_pressure,
				judge_loop_names[loop], some);
		alarms += some;
	}
	return alarms;
}

static int measure_alarms(double hours)
{
	unsigned int alarms = 0, other = 0;
	int ends[2];
	pid_t child;

	if (pipe(ends))
		return 1;
	child = fork();
	if (child < 0)
		return 1;
	alarms = alarms_of(!child, hours / rig_count);
	if (!child)
		return write(ends[1], &alarms, sizeof(alarms)) != sizeof(alarms);
	if (read(ends[0], &other, sizeof(other)) != sizeof(other))
		return 1;
	waitpid(child, NULL, 0);
	printf("{\"name\": \"control/false_alarms\", \"value\": %.4g, \"unit\": \"1/1000 h\", \"bound\": 1, \"better\": \"lower\", \"how\": \"of %u rigs that are well, %g h in all, set points from a third to all and rests\"}\n",
	       (alarms + other) * 1000 / hours, rig_count, hours);
	return 0;
}

static void prepare(unsigned int drawn, uint64_t seed)
{
	rig_count = drawn + JUDGE_NAMED_RIGS;
	rigs = calloc(rig_count, sizeof(*rigs));
	bounds_s = calloc(rig_count, sizeof(*bounds_s));
	for (unsigned int i = 0; i < rig_count; i++) {
		if (i < drawn)
			judge_draw(&rigs[i], seed, i);
		else
			judge_named(&rigs[i], i - drawn);
	}
}

/* All values, for the plots: a line each, figure, loop, value. */
static void tell_values(FILE *file, enum judge_loop loop, const struct result *r)
{
	for (unsigned int i = 0; i < rig_count; i++) {
		fprintf(file, "settling %s %.6g\n", judge_loop_names[loop], r->values[SETTLE][i]);
		fprintf(file, "dose_error %s %.6g\n", judge_loop_names[loop], r->values[DOSE][i]);
	}
}

static void measure_all_faults(const char *only)
{
	for (unsigned int i = 0; i < rig_count; i++)
		judge_calibrate(&rigs[i]);
	for (int loop = JUDGE_OURS; loop < JUDGE_LOOPS; loop++)
		if (!only || !strcmp(only, judge_loop_names[loop]))
			measure_faults(loop);
}

static void measure_loops(const char *only)
{
	const char *path = getenv("ND_BENCH_VALUES");
	FILE *values = path ? fopen(path, "w") : NULL;

	for (unsigned int i = 0; i < rig_count; i++) {
		bounds_s[i] = judge_bound_s(&rigs[i]);
		judge_calibrate(&rigs[i]);
		if (verbose)
			tell_model(&rigs[i]);
	}
	for (int loop = 0; loop < JUDGE_LOOPS; loop++) {
		struct result r = {
			.mix = calloc(rig_count * MIX_LOOKS / 2, sizeof(double)),
			.mix_stepped = calloc(rig_count * MIX_LOOKS / 2, sizeof(double)),
		};

		if (only && strcmp(only, judge_loop_names[loop]))
			continue;
		for (int i = 0; i < FIGURES; i++)
			r.values[i] = calloc(rig_count, sizeof(double));
		measure(loop, &r);
		if (values)
			tell_values(values, loop, &r);
		report(loop, &r);
		fflush(stdout);
		for (int i = 0; i < FIGURES; i++)
			free(r.values[i]);
		free(r.mix);
		free(r.mix_stepped);
	}
	if (values)
		fclose(values);
}

int main(int argc, char **argv)
{
	const char *only = getenv("ND_BENCH_LOOP"), *what = argc > 3 ? argv[1] : "loops";
	bool alarms = !strcmp(what, "alarms");
	int status = 0;

	verbose = getenv("ND_BENCH_VERBOSE");
	if (argc < 3) {
		fputs("control [faults] RIGS SEED, or control alarms HOURS SEED\n", stderr);
		return 2;
	}
	prepare(alarms ? ALARM_RIGS - JUDGE_NAMED_RIGS : atoi(argv[argc - 2]), strtoull(argv[argc - 1], NULL, 0));
	if (alarms)
		status = measure_alarms(atof(argv[2]));
	else if (!strcmp(what, "faults"))
		measure_all_faults(only);
	else
		measure_loops(only);
	free(bounds_s);
	free(rigs);
	return status;
}
