// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The model is that of model.md:
 *
 *	q' = (u - q) / tau	q: flow at the outlet, m3/s; u: put in by the steps, m3/s
 *	s' = (q - s) / lag	s: flow as the sensor has it, m3/s; tau, lag: s
 *
 *	reading of flow     = gain * (mean of s since the reading before) + zero
 *	reading of pressure = R q + rest,  C = tau / R	R: Pa s/m3, C: m3/Pa
 *
 * u is constant from one record to the next, so both equations are advanced by
 * their closed form, whatever the time between records.
 *
 * Gain and zero, R and rest are linear: for given tau and lag they are the
 * straight line through readings over model, by least squares. What is left to
 * search are tau and lag. Both sums of squares are to be least; as the noise of
 * either sensor is not known it counts as what is left, which for normal noise
 * is the likelihood:
 *
 *	J = n_flow ln(sum of squares of flow) + n_pressure ln(that of pressure)
 *
 * J falls by one where the likelihood grows by sqrt(e), so its curvature over ln
 * tau is 2 / variance of ln tau. Readings whose errors resemble those of their
 * neighbours tell less than their number says; the variance is widened for it.
 *
 * Where it is asked for, the play of the screw and how much of it is to go at the
 * first motion are searched for, too, and J has (gain - 1)^2 / variance added:
 * of a rig that is too slow to settle the readings tell no more than gain / tau.
 *
 * In the readings of flow tau and lag can change places and nothing differs;
 * without a pressure the longer one is taken to be tau.
 */
#include <math.h>

#include "fit.h"
#include "play.h"

#define TAU_LOW_S	1e-3
#define TAU_HIGH_S	2000.0
#define LAG_LOW_S	1e-3
#define LAG_HIGH_S	1.0
#define SCAN_POINTS	40
#define ROUNDS		4
#define ROUNDS_MOST	10
#define STILL		1.0	/* a change of J: none */
#define GOLDEN_STEPS	22
#define READINGS_LEAST	20
/* Readings that are averaged to see past the noise. */
#define BLOCK		25
/* A lag that the readings like no better than by this much of J is not told by them. */
#define LAG_TOLD	25.0
/* A slope of pressure over flow is to be so many standard deviations. */
#define PRESSURE_TOLD	20.0
/* Neither is a tau whose standard deviation is more of it than this. */
#define ERROR_MOST	0.1
/* Nothing is measured better than to this share of itself; keeps ln away from 0. */
#define FINEST		1e-5

/* ---- a straight line by least squares --------------------------------------------- */

struct line {
	double n, x, y, xx, xy, yy;	/* sums */
	double slope, offset, left;	/* left: sum of squares about the line */
};

static void line_add(struct line *line, double x, double y)
{
	line->n++;
	line->x += x;
	line->y += y;
	line->xx += x * x;
	line->xy += x * y;
	line->yy += y * y;
}

static void line_solve(struct line *line)
{
	double xx = line->xx - line->x * line->x / line->n;
	double xy = line->xy - line->x * line->y / line->n;
	double yy = line->yy - line->y * line->y / line->n;

	line->slope = xx > 0 ? xy / xx : 0;
	line->offset = (line->y - line->slope * line->x) / line->n;
	line->left = fmax(yy - line->slope * xy, FINEST * FINEST * line->yy);
}

/* Its part of J. */
static double line_cost(const struct line *line)
{
	return line->n >= READINGS_LEAST && line->left > 0 ? line->n * log(line->left / line->n) : 0;
}

/* ---- the model -------------------------------------------------------------------- */

struct guess {
	double tau_s, lag_s;
	double backlash_m3, togo;	/* togo: share of the play to take up at first */
};

struct model {
	struct guess rig;
	double play_m3;			/* taken up, plus side */
	double q, s;
	/* of records this far apart, which most are */
	double dt_s, tau_kept, lag_kept, cross;
};

static void model_begin(struct model *model, const struct guess *rig)
{
	*model = (struct model){ .rig = *rig, .play_m3 = (1 - rig->togo) * rig->backlash_m3 };
	/* The closed form divides by their distance. */
	if (fabs(rig->tau_s - rig->lag_s) < 1e-4 * rig->tau_s)
		model->rig.lag_s *= 1 + 2e-4;
}

/*
 * From one record to the next; false if no time passed.
 * @mean: of s over that time
 */
static bool model_advance(struct model *model, const struct control_sample *before,
			  const struct control_sample *now, double *mean)
{
	double dt_s = now->time_s - before->time_s, q = model->q, s = model->s, stepped, taken, u;
	double tau_s = model->rig.tau_s, lag_s = model->rig.lag_s;

	if (!(dt_s > 0))
		return false;
	stepped = now->stepped_m3 - before->stepped_m3;
	taken = play_taken_m3(model->rig.backlash_m3, model->play_m3, stepped);
	model->play_m3 += taken;
	u = (stepped - taken) / dt_s;
	if (dt_s != model->dt_s) {
		model->dt_s = dt_s;
		model->tau_kept = exp(-dt_s / tau_s);
		model->lag_kept = exp(-dt_s / lag_s);
		model->cross = tau_s / (tau_s - lag_s) * (model->tau_kept - model->lag_kept);
	}
	model->q = u + model->tau_kept * (q - u);
	model->s = u + model->lag_kept * (s - u) + model->cross * (q - u);
	/* By conservation of volume: what went in and is not held back went by. */
	*mean = u - (tau_s * (model->q - q) + lag_s * (model->s - s)) / dt_s;
	return true;
}

struct run {
	const struct control_sample *samples;
	size_t count;
	size_t flows, pressures;	/* readings of each */
	double period_s;		/* from one record to the next, mean */
	struct fit_prior prior;
};

struct lines {
	struct line flow, pressure;
};

static double cost(const struct run *run, const struct guess *rig, struct lines *lines)
{
	struct lines sums = { 0 };
	struct model model;
	double off = 0;

	model_begin(&model, rig);
	for (size_t i = 1; i < run->count; i++) {
		const struct control_sample *now = &run->samples[i];
		double mean;

		if (!model_advance(&model, now - 1, now, &mean))
			continue;
		if (isfinite(now->flow_m3_s))
			line_add(&sums.flow, mean, now->flow_m3_s);
		if (run->pressures && isfinite(now->pressure_pa))
			line_add(&sums.pressure, model.q, now->pressure_pa);
	}
	line_solve(&sums.flow);
	line_solve(&sums.pressure);
	if (lines)
		*lines = sums;
	if (run->prior.gain_error > 0 && run->flows)
		off = (sums.flow.slope - 1) / run->prior.gain_error;
	return line_cost(&sums.flow) + line_cost(&sums.pressure) + off * off;
}

/* ---- search ----------------------------------------------------------------------- */

struct search {
	const struct run *run;
	struct guess rig;		/* the best so far; what is not looked for is held */
	double total_s;			/* tau + lag; 0: tau is held while the lag is looked for */
};

static double cost_of_tau(const struct search *search, double ln_tau)
{
	struct guess rig = search->rig;

	rig.tau_s = exp(ln_tau);
	return cost(search->run, &rig, NULL);
}

/*
 * The pressure tells tau by itself. Without one a step's answer comes later by
 * tau + lag: at a given tau another lag would be no answer at all, so that it is
 * the sum that is held.
 */
static double cost_of_lag(const struct search *search, double ln_lag)
{
	struct guess rig = search->rig;

	rig.lag_s = exp(ln_lag);
	if (search->total_s > 0)
		rig.tau_s = search->total_s - rig.lag_s;
	return cost(search->run, &rig, NULL);
}

static double cost_of_backlash(const struct search *search, double backlash_m3)
{
	struct guess rig = search->rig;

	/* What is to go at first has an answer of its own. */
	rig.togo = backlash_m3 > 0 ? fmin(1, rig.togo * rig.backlash_m3 / backlash_m3) : 0;
	rig.backlash_m3 = backlash_m3;
	return cost(search->run, &rig, NULL);
}

static double cost_of_togo(const struct search *search, double togo)
{
	struct guess rig = search->rig;

	rig.togo = togo;
	return cost(search->run, &rig, NULL);
}

/* Golden section; returns where it is least. */
static double golden(double (*of)(const struct search *, double), const struct search *search,
		     double low, double high)
{
	const double part = 0.6180339887498949;
	double left = high - part * (high - low), right = low + part * (high - low);
	double at_left = of(search, left), at_right = of(search, right);

	for (int i = 0; i < GOLDEN_STEPS; i++) {
		if (at_left < at_right) {
			high = right;
			right = left;
			at_right = at_left;
			left = high - part * (high - low);
			at_left = of(search, left);
		} else {
			low = left;
			left = right;
			at_left = at_right;
			right = low + part * (high - low);
			at_right = of(search, right);
		}
	}
	return (low + high) / 2;
}

/* Over all of the range first, as there may be more than one valley. */
static double best_of(double (*of)(const struct search *, double), const struct search *search,
		      double low, double high)
{
	double span = (high - low) / (SCAN_POINTS - 1), best = INFINITY;
	int at = 0;

	for (int i = 0; i < SCAN_POINTS; i++) {
		double here = of(search, low + i * span);

		if (here < best) {
			best = here;
			at = i;
		}
	}
	return golden(of, search, low + fmax(at - 1, 0) * span, low + fmin(at + 1, SCAN_POINTS - 1) * span);
}

/* Tau and lag in turn; false: there is no room for a lag. */
static bool descend(struct search *search)
{
	const struct run *run = search->run;
	struct guess *rig = &search->rig;
	double most;

	for (int i = 0; i < ROUNDS; i++) {
		search->total_s = run->pressures ? 0 : rig->tau_s + rig->lag_s;
		most = run->pressures ? LAG_HIGH_S : fmin(LAG_HIGH_S, search->total_s / 2);
		if (most <= LAG_LOW_S)
			return false;
		rig->lag_s = exp(golden(cost_of_lag, search, log(LAG_LOW_S), log(most)));
		if (!run->pressures)
			rig->tau_s = search->total_s - rig->lag_s;
		rig->tau_s = exp(golden(cost_of_tau, search, log(rig->tau_s / 2), log(rig->tau_s * 2)));
	}
	return true;
}

/* Play of the screw, and what of it was to go at the first motion. */
static void find_play(struct search *search)
{
	const double most = search->run->prior.backlash_m3;
	struct guess *rig = &search->rig;
	double backlash;

	if (!(most > 0))
		return;
	backlash = best_of(cost_of_backlash, search, 0, most);
	rig->togo = backlash > 0 ? fmin(1, rig->togo * rig->backlash_m3 / backlash) : 0;
	rig->backlash_m3 = backlash;
	rig->togo = best_of(cost_of_togo, search, 0, 1);
	rig->tau_s = exp(golden(cost_of_tau, search, log(rig->tau_s / 2), log(rig->tau_s * 2)));
}

/* Play, and tau and lag: what is taken for the one is missing at the other, so until nothing changes. */
static bool settle(struct search *search)
{
	double before, now = INFINITY;
	bool told = true;
	int i = 0;

	do {
		before = now;
		find_play(search);
		told = search->run->flows && descend(search);
		now = cost(search->run, &search->rig, NULL);
	} while (told && before - now > STILL && ++i < ROUNDS_MOST);
	return told;
}

static double cost_by_pressure(const struct search *search)
{
	struct lines lines;

	cost(search->run, &search->rig, &lines);
	return line_cost(&lines.pressure);
}

/* There is a valley for either order of tau and lag; which it is the pressure alone can tell. */
static void settle_swapped(struct search *search)
{
	struct search other = *search;

	other.rig.tau_s = search->rig.lag_s;
	other.rig.lag_s = search->rig.tau_s;
	if (settle(&other) && cost_by_pressure(&other) < cost_by_pressure(search))
		search->rig = other.rig;
}

/* The same with the usual lag. */
static struct search with_usual_lag(const struct search *search)
{
	struct search usual = *search;

	usual.rig.lag_s = FIT_LAG_S;
	if (!search->run->pressures)
		usual.rig.tau_s = fmax(search->rig.tau_s + search->rig.lag_s - FIT_LAG_S, TAU_LOW_S);
	usual.rig.tau_s = exp(golden(cost_of_tau, &usual, log(usual.rig.tau_s / 2), log(usual.rig.tau_s * 2)));
	return usual;
}

/*
 * Keeps the usual lag if another is not told. When in a record of a run its steps
 * were made is not known, so that a lag that differs from the usual one by less
 * than a record may well be that one; a calibration has pushes enough.
 */
static void refine(struct search *search)
{
	const struct run *run = search->run;
	/* The lag is the flow sensor's; pressure knows nothing of it. */
	bool told = settle(search);
	struct search usual;

	if (told && run->pressures)
		settle_swapped(search);
	usual = with_usual_lag(search);
	if (told && !(run->prior.gain_error > 0))
		told = fabs(search->rig.lag_s - FIT_LAG_S) >= run->period_s;
	if (!told || cost(run, &usual.rig, NULL) - cost(run, &search->rig, NULL) < LAG_TOLD)
		search->rig = usual.rig;
}

/* ---- what is left ----------------------------------------------------------------- */

struct rest {
	double sum, product, before;	/* squares, products with the one before */
	double block, blocks, in_block;
};

static void rest_add(struct rest *rest, double value)
{
	rest->sum += value * value;
	rest->product += value * rest->before;
	rest->before = value;
	rest->block += value;
	rest->in_block++;
	if (rest->in_block < BLOCK)
		return;
	rest->blocks += rest->block * rest->block / BLOCK;
	rest->block = rest->in_block = 0;
}

/* Readings for one that is independent. */
static double likeness(const struct rest *rest)
{
	double part = rest->sum > 0 ? fmin(fmax(rest->product / rest->sum, 0), 0.98) : 0;

	return (1 + part) / (1 - part);
}

/* What is left when readings are averaged, over what the model says of them. */
static double misfit_of(const struct rest *rest, const struct line *line)
{
	double told = line->slope * line->slope * line->xx;

	return told > 0 ? sqrt(rest->blocks / told) : NAN;
}

/* Returns by how much the variance of tau is to be widened. */
static double look_back(const struct run *run, const struct lines *lines, const struct guess *rig,
			struct fit *fit)
{
	struct rest flow = { 0 }, pressure = { 0 };
	double widen = 1;
	struct model model;

	model_begin(&model, rig);
	for (size_t i = 1; i < run->count; i++) {
		const struct control_sample *now = &run->samples[i];
		double mean;

		if (!model_advance(&model, now - 1, now, &mean))
			continue;
		if (isfinite(now->flow_m3_s))
			rest_add(&flow, now->flow_m3_s - lines->flow.slope * mean - lines->flow.offset);
		if (isfinite(now->pressure_pa))
			rest_add(&pressure, now->pressure_pa - lines->pressure.slope * model.q -
				 lines->pressure.offset);
	}
	if (run->flows) {
		fit->residual_m3_s = sqrt(flow.sum / lines->flow.n);
		fit->misfit = misfit_of(&flow, &lines->flow);
		widen = likeness(&flow);
	}
	if (run->pressures) {
		fit->residual_pa = sqrt(pressure.sum / lines->pressure.n);
		fit->misfit = fmax(fit->misfit, misfit_of(&pressure, &lines->pressure));
		widen = fmax(widen, likeness(&pressure));
	}
	return widen;
}

/* Standard deviation of ln tau, by the curvature of J. */
static double error_of_tau(const struct search *search, double widen)
{
	const double h = 0.05;
	double at = log(search->rig.tau_s);
	double curvature = (cost_of_tau(search, at + h) - 2 * cost_of_tau(search, at) +
			    cost_of_tau(search, at - h)) / (h * h);

	return curvature > 0 ? sqrt(2 * widen / curvature) : INFINITY;
}

/*
 * A tau far below the time between two records leaves no trace in them, however
 * long the run is; that it is not as long as that time they do say.
 */
static bool too_short_to_tell(const struct search *search, double widen)
{
	double tau_s = search->rig.tau_s, period_s = search->run->period_s;

	return tau_s < period_s &&
	       cost_of_tau(search, log(2 * period_s)) - cost_of_tau(search, log(tau_s)) > 9 * widen;
}

/* Of the gain, by what is left of the readings about their line. */
static double error_of_gain(const struct line *line, double widen, double prior_error)
{
	double xx = line->xx - line->x * line->x / line->n;
	double error = sqrt(line->left / line->n * widen / xx) / fabs(line->slope);

	return prior_error > 0 ? 1 / hypot(1 / error, 1 / prior_error) : error;
}

/* Whether the readings like another play less, by a quarter of the most that it may be. */
static bool backlash_told(const struct search *search, double widen)
{
	double most = search->run->prior.backlash_m3, at = search->rig.backlash_m3;
	double best = cost_of_backlash(search, at), other = INFINITY;

	if (at > most / 4)
		other = cost_of_backlash(search, at - most / 4);
	return fmin(other, cost_of_backlash(search, at + most / 4)) - best > 9 * widen;
}

/* A sensor that hardly shows the pressure must not tell tau from lag. */
static bool pressure_told(const struct run *run, const struct guess *rig)
{
	struct lines lines;
	double xx;

	cost(run, rig, &lines);
	xx = lines.pressure.xx - lines.pressure.x * lines.pressure.x / lines.pressure.n;
	return lines.pressure.slope > PRESSURE_TOLD * sqrt(lines.pressure.left / lines.pressure.n / xx);
}

static struct run look_at(const struct control_sample *samples, size_t count, struct fit *fit)
{
	struct run run = { .samples = samples, .count = count };

	for (size_t i = 1; i < count; i++) {
		fit->moved_m3 += fabs(samples[i].stepped_m3 - samples[i - 1].stepped_m3);
		run.flows += isfinite(samples[i].flow_m3_s);
		run.pressures += isfinite(samples[i].pressure_pa);
	}
	if (run.flows < READINGS_LEAST)
		run.flows = 0;
	if (run.pressures < READINGS_LEAST)
		run.pressures = 0;
	if (count > 1)
		run.period_s = (samples[count - 1].time_s - samples[0].time_s) / (double)(count - 1);
	return run;
}

void fit_rig(const struct control_sample *samples, size_t count, const struct fit_prior *prior,
	     struct fit *fit)
{
	struct search search = { .rig.lag_s = FIT_LAG_S };
	struct lines lines;
	struct run run;
	double widen;

	*fit = (struct fit){
		.tau_s = NAN, .tau_error = NAN, .compliance_m3_pa = NAN, .resistance_pa_s_m3 = NAN,
		.rest_pa = NAN, .gain = NAN, .zero_m3_s = NAN, .lag_s = NAN, .residual_m3_s = NAN,
		.residual_pa = NAN, .misfit = NAN, .backlash_m3 = NAN, .gain_error = NAN,
	};
	run = look_at(samples, count, fit);
	if (!(fit->moved_m3 > 0) || (!run.flows && !run.pressures))
		return;
	if (prior)
		run.prior = *prior;
	search.run = &run;
	search.rig.tau_s = exp(best_of(cost_of_tau, &search, log(TAU_LOW_S), log(TAU_HIGH_S)));
	if (run.flows && run.pressures && !pressure_told(&run, &search.rig))
		run.pressures = 0;
	for (int i = 0; i < ROUNDS; i++)
		find_play(&search);
	refine(&search);
	fit->tau_s = search.rig.tau_s;
	if (search.rig.lag_s != FIT_LAG_S)
		fit->lag_s = search.rig.lag_s;
	cost(&run, &search.rig, &lines);
	widen = look_back(&run, &lines, &search.rig, fit);
	if (run.prior.backlash_m3 > 0 && backlash_told(&search, widen))
		fit->backlash_m3 = search.rig.backlash_m3;
	fit->tau_error = error_of_tau(&search, widen);
	if (!(fit->tau_error < ERROR_MOST) && !too_short_to_tell(&search, widen)) {
		fit->tau_s = fit->lag_s = NAN;
		return;
	}
	if (run.flows) {
		fit->gain = lines.flow.slope;
		fit->gain_error = error_of_gain(&lines.flow, widen, run.prior.gain_error);
		fit->zero_m3_s = lines.flow.offset;
	}
	if (run.pressures && lines.pressure.slope > 0) {
		fit->resistance_pa_s_m3 = lines.pressure.slope;
		fit->compliance_m3_pa = fit->tau_s / lines.pressure.slope;
		fit->rest_pa = lines.pressure.offset;
	}
}
