// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Residuals: what the sensor reads, against what a well rig would let it read
 * after the same steps. A cumulative sum (Page 1954) of the part that no error
 * of the model or noise explains says that something is wrong, and since when.
 * What it is, the shape since then says; see model.md.
 */
#include "diagnosis.h"

#include <math.h>

#include "play.h"

#define MARGIN		0.25	/* share of the flow that may be off before it is suspicious, */
#define LEAST_MARGIN	0.10	/* or less, where the rig has shown how evenly it flows: */
#define UNEVEN		2.0	/* so many times as far */
#define LATELY_S	0.5	/* what is newer than this may be the trouble itself */
#define CREEP_S		5.0	/* and slower than this it is none of the pump's */
#define SUSPICIOUS	0.5	/* records of suspicion: nothing is learned */
#define EARLY_MARGIN	0.05	/* by which its beginning is dated */
#define UNIT		0.15	/* and by which more it counts as a whole record */
#define MOST		1.5	/* that one record may count */
#define ALARM		2.5	/* records of it */
#define NOISE_MARGIN	2.0	/* standard deviations that are noise */
#define NOISE_UNIT	4.0
#define EARLY_NOISE	0.6
#define EARLY_GAIN	0.6	/* of its standard deviation */
#define SEEN		4.5	/* standard deviations: the flow is worth judging */
#define INFLOW_SMOOTH	0.15	/* of a record */
#define STEADY		0.1	/* the model is this near to where it goes */
#define ALL		0.15	/* share of the flow that is left: none comes */
#define PRESSURE_OFF	0.03
#define PRESSURE_SEEN	6.0	/* standard deviations */
#define PRESSURE_SMOOTH	0.15	/* of a record */
#define PRESSED		0.3	/* share of the pressure that is more than any error */
#define PRESSED_RECORDS	3
#define STEADY_PRESSED	0.08	/* likewise, of one that has been steady */
#define STEADY_PRESSED_RECORDS 2
#define PRESSURE_SPAN_S	2.0
#define PRESSED_AHEAD	2.0	/* records */
#define SETTLE_TAUS	4.0
#define TELL_TAUS	5.0	/* after so long a shape has shown itself */
#define TELL_RECORDS	10
#define UNTOLD_RECORDS	5	/* where nothing can tell it */
#define BEFORE_RECORDS	4	/* of a shape, before it is dated */
#define SLOW_SHARE	0.08	/* of the flow, that is lost for good: a leak */
#define SLOW_TAUS	3.0
#define ZERO_MARGIN	3.5	/* standard deviations */
#define ZERO_COARSE	0.07	/* of the flow */
#define PRESSURE_LOW	0.15
#define SLOW_LEAST_S	10.0
#define GAIN_LEARNED	0.01	/* standard deviation of the gain, then */
#define GAIN_LEAST_S	2.0
#define GAIN_DEVIATIONS	3.5
#define QUIET		2.0	/* standard deviations: no flow */
#define SAME_RECORDS	25
#define SAME_MOVED	5	/* records, once the flow must have changed */
#define EMPTY_LEAST_S	0.5
#define STEADY_LEAST_S	0.3
#define LAG_APART	2.0	/* time constants that can be told from each other, */
#define RECORDS_APART	3.0	/* and from a record */

const char *diagnosis_name(enum diagnosis_trouble trouble)
{
	static const char *const names[DIAGNOSIS_TROUBLES] = {
		"none", "occlusion", "empty syringe", "leak", "free flow", "bubble", "stuck sensor",
	};

	return names[trouble];
}

void diagnosis_begin(struct diagnosis *d, const struct diagnosis_model *model, double flow_m3_s)
{
	double now_s = d->now_s, direction = flow_m3_s < 0 ? -1 : 1;
	/* where it flows the play is taken up */
	double to_go_m3 = flow_m3_s != 0 ? 0 : model->backlash_most_m3;

	*d = (struct diagnosis){
		.model = *model, .on = true, .q = flow_m3_s, .s = flow_m3_s, .inflow_m3_s = flow_m3_s,
		 .slow_ratio = 1, .now_s = now_s,
		.direction = direction, .to_go_m3 = to_go_m3, .last_m3_s = NAN, .least_change_m3_s = INFINITY,
		.smooth_m3_s = NAN, .uneven = NAN,
	};
	d->play_m3 = direction < 0 ? 0 : model->backlash_m3;
	d->calm_s = now_s + 5 * model->lag_s;
}

void diagnosis_again(struct diagnosis *d)
{
	struct diagnosis_model model = d->model;
	bool gain_known = d->gain_known;

	diagnosis_begin(d, &model, 0);
	d->play_m3 = 0;
	d->gain_known = gain_known;
}

/* Returns the mean of s over the time: what went in and is not held back went by. */
static double relax(const struct diagnosis_model *m, double in, double dt, double *q, double *s)
{
	double tau_s = m->tau_s, lag_s = m->lag_s, held_m3, a, b;

	/* The closed form divides by their difference. */
	if (fabs(tau_s - lag_s) < 0.01 * lag_s)
		lag_s = 0.99 * tau_s;
	a = exp(-dt / tau_s);
	b = exp(-dt / lag_s);
	held_m3 = tau_s * *q + lag_s * *s;
	*s = in + b * (*s - in) + tau_s / (tau_s - lag_s) * (a - b) * (*q - in);
	*q = in + a * (*q - in);
	return in - (tau_s * *q + lag_s * *s - held_m3) / dt;
}

/* Play after a turn, and whatever else the model cannot follow, has to pass first. */
static void follow(struct diagnosis *d, const struct diagnosis_record *r)
{
	double way = r->volume_m3 > 0 ? 1 : -1;
	double taken = play_taken_m3(d->model.backlash_m3, d->play_m3, r->volume_m3);

	d->now_s += r->dt_s;
	d->play_m3 += taken;
	d->inflow_m3_s += (r->volume_m3 / r->dt_s - d->inflow_m3_s) * INFLOW_SMOOTH;
	d->mean_s = relax(&d->model, (r->volume_m3 - taken) / r->dt_s, r->dt_s, &d->q, &d->s);
	relax(&d->model, 0, r->dt_s, &d->low.empty_q, &d->low.empty_s);
	if (r->volume_m3 == 0)
		return;
	if (way != d->direction) {
		if (d->direction != 0)
			d->to_go_m3 = d->model.backlash_most_m3;
		d->direction = way;
	}
	if (d->to_go_m3 <= 0)
		return;
	d->to_go_m3 -= fabs(r->volume_m3);
	d->calm_s = d->now_s + SETTLE_TAUS * d->model.tau_s + 5 * d->model.lag_s;
}

/* Of the readings since a clog: one in the noise of the zero is none, or its errors would add up. */
static double passing(const struct diagnosis *d, const struct diagnosis_record *r, double reading_m3_s)
{
	return fabs(d->smooth_m3_s) < QUIET * r->flow_sd || isnan(reading_m3_s) ? 0 : reading_m3_s / d->model.gain;
}

/*
 * What a well rig would hold, and what has not come since: the readings are late by
 * the sensor's lag, and what they have still to lose has not come either. The
 * pressure says it at once.
 */
static void reckon_stored(struct diagnosis *d, const struct diagnosis_record *r)
{
	double late_m3 = d->model.lag_s * d->way * (d->s - passing(d, r, d->smooth_m3_s));

	d->evidence.stored_m3 = d->model.tau_s * d->way * d->q + d->evidence.missing_m3 + late_m3;
	if (isnan(r->pressure_pa) || !(d->model.stiffness_pa_m3 > 0))
		return;
	/* what does not change is known better than by one reading */
	if (isnan(d->pressure_pa) || r->volume_m3 != 0)
		d->pressure_pa = r->pressure_pa;
	d->pressure_pa += PRESSURE_SMOOTH * (r->pressure_pa - d->pressure_pa);
	d->evidence.stored_m3 = d->way * d->pressure_pa / d->model.stiffness_pa_m3;
}

static enum diagnosis_trouble tell(struct diagnosis *d, const struct diagnosis_record *r,
				   enum diagnosis_trouble trouble, bool sure, double since_s, double volume_m3)
{
	const struct diagnosis_model *m = &d->model;
	d->trouble = trouble;
	d->way = d->direction < 0 ? -1 : 1;
	d->pressure_pa = NAN;
	d->evidence = (struct diagnosis_evidence){
		.expected_m3_s = d->s, .seen_m3_s = d->smooth_m3_s / m->gain,
		.expected_pa = m->stiffness_pa_m3 > 0 ? m->stiffness_pa_m3 * m->tau_s * d->q : NAN,
		.seen_pa = m->stiffness_pa_m3 > 0 ? r->pressure_pa : NAN,
		.for_s = d->now_s - since_s, .missing_m3 = volume_m3, .sure = sure,
	};
	reckon_stored(d, r);
	return trouble;
}

/* ---- a sensor that says the same ---------------------------------------------------- */

static bool stuck(struct diagnosis *d, const struct diagnosis_record *r)
{
	double step = fabs(r->flow_m3_s - d->last_m3_s), expected = d->model.gain * d->s, band;

	if (step != 0) {
		if (step > 0)
			d->least_change_m3_s = fmin(d->least_change_m3_s, step);
		d->last_m3_s = r->flow_m3_s;
		d->expected_then_m3_s = expected;
		d->same = 0;
		return false;
	}
	d->same++;
	/* Noise of more than a count does not give the same again and again. */
	if (d->same >= SAME_RECORDS && r->flow_noise > d->least_change_m3_s)
		return true;
	/* One without noise is so when the flow has become another and it has not. */
	band = MARGIN * fabs(expected) + 2 * NOISE_UNIT * r->flow_sd + 3 * d->least_change_m3_s;
	return d->same >= SAME_MOVED && isfinite(d->least_change_m3_s) && d->now_s >= d->calm_s &&
	       fabs(d->inflow_m3_s - d->q) <= STEADY * fabs(d->inflow_m3_s) &&
	       fabs(expected - d->expected_then_m3_s) > band && fabs(expected - r->flow_m3_s) > band;
}

/* ---- too little ------------------------------------------------------------------------ */

static enum diagnosis_trouble judge_low(struct diagnosis *d, const struct diagnosis_record *r, double seen)
{
	const struct diagnosis_model *m = &d->model;
	double for_s = d->now_s - d->low.since_s, expected = fabs(d->s), empty = fabs(d->low.empty_s);
	double noise = r->flow_sd / m->gain, wait_s = fmax(TELL_TAUS * m->tau_s, TELL_RECORDS * r->dt_s);
	bool apart = m->tau_s > fmax(LAG_APART * m->lag_high_s, RECORDS_APART * r->dt_s);
	double way = d->s < 0 ? -1 : 1, smooth = way * d->smooth_m3_s / m->gain;
	unsigned int records = BEFORE_RECORDS + lround(for_s / r->dt_s);
	enum shape_kind shape = SHAPE_OPEN;

	/* One that comes up is only slow: a bubble, or a clog that has let go. */
	if (d->low.lowest_m3_s < smooth - 4 * noise - 0.1 * expected && smooth > ALL * expected)
		return tell(d, r, DIAGNOSIS_BUBBLE, true, d->low.since_s, d->low.volume_m3);
	if (!isnan(r->pressure_pa) && m->stiffness_pa_m3 > 0) {
		double normal = m->stiffness_pa_m3 * m->tau_s * d->q * way, off = r->pressure_pa * way - normal;
		double band = fmax(PRESSURE_SEEN * r->pressure_sd, PRESSURE_OFF * fabs(normal));

		if (off > band)
			return tell(d, r, DIAGNOSIS_OCCLUSION, true, d->low.since_s, d->low.volume_m3);
		if (off > -band && for_s < wait_s)
			return DIAGNOSIS_NONE;
	} else {
		if (records <= SHAPE_RECORDS)
			shape = shape_tell(&d->shape, records, &(struct shape_rig){
				r->dt_s, m->tau_s, m->lag_low_s, m->lag_high_s }, noise / expected);
		/* faster than the chamber could run empty; in a long fall single readings say nothing */
		d->low.starved |= shape == SHAPE_STARVED;
		if (shape == SHAPE_CLOSED ||
		    (!d->low.starved && apart && smooth < empty - fmax(5 * noise, MARGIN * expected)))
			return tell(d, r, DIAGNOSIS_OCCLUSION, true, d->low.since_s, d->low.volume_m3);
		if (!d->low.starved && !apart && for_s >= UNTOLD_RECORDS * r->dt_s && seen < ALL * expected)
			return tell(d, r, DIAGNOSIS_OCCLUSION, false, d->low.since_s, d->low.volume_m3);
	}
	if (seen < ALL * expected && seen < empty + fmax(5 * noise, MARGIN * empty) &&
	    for_s > fmax(m->tau_s, EMPTY_LEAST_S))
		return tell(d, r, DIAGNOSIS_EMPTY, apart || d->low.starved, d->low.since_s, d->low.volume_m3);
	if (for_s < fmax(wait_s, EMPTY_LEAST_S))
		return DIAGNOSIS_NONE;
	if (seen < ALL * expected)
		return tell(d, r, DIAGNOSIS_EMPTY, apart || d->low.starved || !isnan(r->pressure_pa), d->low.since_s,
			    d->low.volume_m3);
	return tell(d, r, DIAGNOSIS_LEAK, true, d->low.since_s, d->low.volume_m3);
}

/* Well below what a well rig would let it read. */
static bool is_less(const struct diagnosis *d, const struct diagnosis_record *r, double seen, double share)
{
	double expected = fabs(d->s), noise = r->flow_sd / d->model.gain;
	double smooth = (d->s < 0 ? -1 : 1) * d->smooth_m3_s / d->model.gain;

	return seen < expected - fmax(share * expected, 5 * noise) ||
	       smooth < expected - fmax(share * expected, 2.5 * noise);
}

/* In steady flow the pressure stays what it was: sooner told than by what the model makes of it. */
static bool pressed_steadily(const struct diagnosis *d, const struct diagnosis_record *r, double seen)
{
	const struct diagnosis_model *m = &d->model;
	double normal = d->pressure_share * m->stiffness_pa_m3 * m->tau_s * fabs(d->q);
	double band = fmax(PRESSURE_SEEN * r->pressure_sd, STEADY_PRESSED * normal);

	return normal > 0 && d->steady_s >= STEADY_LEAST_S && d->direction * r->pressure_pa - normal > band &&
	       is_less(d, r, seen, LEAST_MARGIN);
}

/* Play, or whatever the model does not know yet, only makes less pressure, never more. */
static bool pressed(struct diagnosis *d, const struct diagnosis_record *r, double seen)
{
	const struct diagnosis_model *m = &d->model;
	double way = d->direction < 0 ? -1 : 1;
	double in = fmax(fabs(d->inflow_m3_s), fabs(r->volume_m3 / r->dt_s));
	/* as soon as a rig may be there that is quicker than the model, and records that are late */
	double kept = exp(-PRESSED_AHEAD * r->dt_s / (m->tau_s * fmax(1 - 3 * m->tau_error, 0.1)));
	double normal = m->stiffness_pa_m3 * m->tau_s * fmax(fabs(d->q), in + kept * (fabs(d->q) - in));
	double band = fmax(PRESSURE_SEEN * r->pressure_sd, PRESSED * normal);
	bool told = !isnan(r->pressure_pa) && m->stiffness_pa_m3 > 0;
	bool high = told && r->pressure_pa * way - normal > band && seen < fabs(d->s) / 2;
	/* what only dies away after a stop is no clog */
	bool pushed = way * d->inflow_m3_s > fabs(d->s) / 2;

	d->pressed = high && pushed ? d->pressed + 1 : 0;
	d->pressed_steadily = told && pushed && pressed_steadily(d, r, seen) ? d->pressed_steadily + 1 : 0;
	return d->pressed >= PRESSED_RECORDS || d->pressed_steadily >= STEADY_PRESSED_RECORDS;
}

/* How far a flow is off the model's, beyond what may be, in whole records. */
static double suspicion(double off, double expected, double margin, double noise)
{
	double unit = fmax(UNIT * expected, NOISE_UNIT * noise);

	return fmin(fmax((off - margin) / unit, -1), MOST);
}

static enum diagnosis_trouble look_low(struct diagnosis *d, const struct diagnosis_record *r, double seen,
				       double margin)
{
	double expected = fabs(d->s), noise = r->flow_sd / d->model.gain;
	double early = fmin((EARLY_MARGIN + EARLY_GAIN * d->model.gain_error) * expected + EARLY_NOISE * noise, margin);

	if (d->low.sum <= 0 && d->low.early_sum <= 0) {
		d->low.since_s = d->now_s - r->dt_s;
		d->low.volume_m3 = 0;
		d->low.q = d->low.empty_q = d->q;
		d->low.s = d->low.empty_s = d->s;
		d->low.lowest_m3_s = INFINITY;
		d->low.starved = false;
	}
	d->low.early_sum += suspicion(expected - seen, expected, early, noise);
	d->low.early_sum = fmin(fmax(0, d->low.early_sum), 2 * ALARM);
	d->low.sum = fmax(0, d->low.sum + suspicion(expected - seen, expected, margin, noise));
	d->low.sum = fmin(d->low.sum, 2 * ALARM);
	d->low.volume_m3 += (expected - seen) * r->dt_s;
	d->low.lowest_m3_s = fmin(d->low.lowest_m3_s, (d->s < 0 ? -1 : 1) * d->smooth_m3_s / d->model.gain);
	return d->low.sum >= ALARM ? judge_low(d, r, seen) : DIAGNOSIS_NONE;
}

/* ---- too much -------------------------------------------------------------------------- */

static enum diagnosis_trouble look_high(struct diagnosis *d, const struct diagnosis_record *r, double seen,
					double margin)
{
	double expected = fabs(d->s), noise = r->flow_sd / d->model.gain;
	/* what the chamber held, and gives when a clog lets go, is no siphon */
	double stored = d->model.tau_s * fmax(fabs(d->q), fabs(d->high.q)), least = noise * r->dt_s * 100;

	if (d->high.sum <= 0) {
		d->high.since_s = d->now_s - r->dt_s;
		d->high.volume_m3 = 0;
		d->high.q = d->q;
	}
	d->high.sum = fmax(0, d->high.sum + suspicion(seen - expected, expected, margin, noise));
	d->high.sum = fmin(d->high.sum, 2 * ALARM);
	d->high.volume_m3 += (seen - expected) * r->dt_s;
	if (d->high.sum < ALARM || d->high.volume_m3 < 2 * stored + least)
		return DIAGNOSIS_NONE;
	return tell(d, r, DIAGNOSIS_FREE_FLOW, true, d->high.since_s, -d->high.volume_m3);
}

/* ---- how evenly it flows -------------------------------------------------------------- */

static double margin_share(const struct diagnosis *d)
{
	return isnan(d->uneven) ? MARGIN : fmin(fmax(UNEVEN * d->uneven, LEAST_MARGIN), MARGIN);
}

/* What pumps pulsate, and models are off, while nothing is wrong; what is suspicious lately does not count. */
static void learn_evenness(struct diagnosis *d, const struct diagnosis_record *r)
{
	const struct diagnosis_model *m = &d->model;
	double expected = fabs(d->s), smooth = (d->s < 0 ? -1 : 1) * d->smooth_m3_s / m->gain;
	double normal = m->stiffness_pa_m3 * m->tau_s * d->q, share = r->pressure_pa / normal;
	double off = smooth / expected - 1;

	/* What creeps is no unevenness: a slow rig that runs empty must not widen its own margin. */
	d->off_mean += (off - d->off_mean) * fmin(1, r->dt_s / CREEP_S);
	if (d->low.sum > SUSPICIOUS || d->high.sum > SUSPICIOUS) {
		d->uneven_lately = d->lately_s = 0;
		return;
	}
	d->uneven_lately = fmax(d->uneven_lately, fabs(off - d->off_mean) - 2 * r->flow_sd / m->gain / expected);
	d->lately_s += r->dt_s;
	if (share > 0 && isfinite(share))
		d->pressure_share += (share - d->pressure_share) *
				     (d->pressure_share > 0 ? fmin(1, r->dt_s / PRESSURE_SPAN_S) : 1);
	if (d->lately_s < LATELY_S || d->low.sum > 0 || d->high.sum > 0)
		return;
	d->uneven = fmax(d->uneven, d->uneven_lately);
	d->uneven_lately = d->lately_s = 0;
}

/* ---- the sensor's gain ------------------------------------------------------------------ */

/*
 * In steady flow the gain is readings over steps, whatever else the rig is. One that
 * no sensor has is none: then volume goes elsewhere, and look_slow() will say so.
 */
static void learn_gain(struct diagnosis *d, const struct diagnosis_record *r, double seen)
{
	double mean_noise, off, error = hypot(GAIN_LEARNED, r->zero_sd / d->model.gain / fabs(d->s));

	d->gain_seen += seen * r->dt_s;
	d->gain_expected += fabs(d->s) * r->dt_s;
	d->gain_s += r->dt_s;
	mean_noise = r->flow_sd / d->model.gain * sqrt(r->dt_s / d->gain_s);
	if (d->gain_s < GAIN_LEAST_S || mean_noise > GAIN_LEARNED * d->gain_expected / d->gain_s)
		return;
	d->gain_known = true;
	off = d->gain_seen / d->gain_expected;
	if (fabs(off - 1) > GAIN_DEVIATIONS * d->model.gain_error || error > fmax(d->model.gain_error, GAIN_LEARNED))
		return;
	d->model.gain *= off;
	d->model.gain_error = error;
}

/* ---- a little, for good ------------------------------------------------------------------ */

static enum diagnosis_trouble look_slow(struct diagnosis *d, const struct diagnosis_record *r, double seen)
{
	const struct diagnosis_model *m = &d->model;
	double span_s = fmax(SLOW_TAUS * m->tau_s, SLOW_LEAST_S), expected = fabs(d->s);
	double share = fmax(SLOW_SHARE, 5 * m->gain_error), noise = r->flow_sd / m->gain / expected;

	d->slow_ratio += (seen / expected - d->slow_ratio) * fmin(1, r->dt_s / span_s);
	/* of what is averaged over that time, and of the zero, which no time averages, */
	noise *= 5 * sqrt(r->dt_s / span_s);
	/* unless the pressure is low, too */
	if (!(d->slow_ratio < 1 && d->pressure_share > 0 && d->pressure_share < 1 - PRESSURE_LOW))
		noise += ZERO_MARGIN * r->zero_sd / m->gain / expected;
	if (fabs(d->slow_ratio - 1) > share + noise)
		d->slow_s += r->dt_s;
	else
		d->slow_s = 0;
	if (d->slow_s < span_s)
		return DIAGNOSIS_NONE;
	return tell(d, r, d->slow_ratio < 1 ? DIAGNOSIS_LEAK : DIAGNOSIS_FREE_FLOW, true, d->now_s - d->slow_s,
		    (1 - d->slow_ratio) * expected * d->slow_s);
}

enum diagnosis_trouble diagnosis_take(struct diagnosis *d, const struct diagnosis_record *r)
{
	const struct diagnosis_model *m = &d->model;
	double expected, seen, way, inflow, margin;
	enum diagnosis_trouble trouble = DIAGNOSIS_NONE;
	bool steady;

	if (!d->on || !(r->dt_s > 0))
		return DIAGNOSIS_NONE;
	follow(d, r);
	if (!isnan(r->flow_m3_s))
		d->smooth_m3_s = isnan(d->smooth_m3_s) ? r->flow_m3_s :
							 d->smooth_m3_s + 0.3 * (r->flow_m3_s - d->smooth_m3_s);
	if (d->trouble == DIAGNOSIS_OCCLUSION) {
		d->evidence.missing_m3 += d->way * (d->mean_s - passing(d, r, r->flow_m3_s)) * r->dt_s;
		reckon_stored(d, r);
	}
	if (d->trouble || isnan(r->flow_m3_s))
		return d->trouble;
	way = d->s < 0 ? -1 : 1;
	seen = way * r->flow_m3_s / m->gain;
	if (stuck(d, r))
		return tell(d, r, DIAGNOSIS_STUCK, true, d->now_s - d->same * r->dt_s, 0);
	if (pressed(d, r, seen)) {
		d->low.since_s = d->now_s - fmax(d->pressed, d->pressed_steadily) * r->dt_s;
		return tell(d, r, DIAGNOSIS_OCCLUSION, true, d->low.since_s, 0);
	}
	if (d->now_s < d->calm_s)
		return DIAGNOSIS_NONE;
	expected = fabs(d->s);
	inflow = r->volume_m3 / r->dt_s;
	steady = fabs(d->inflow_m3_s - d->q) <= STEADY * fabs(d->inflow_m3_s) && inflow != 0;
	d->steady_s = steady ? d->steady_s + r->dt_s : 0;
	/* of the model, the noise, and in transients of what is off in time */
	margin = (margin_share(d) + 3 * m->gain_error) * expected + NOISE_MARGIN * r->flow_sd / m->gain +
		 (3 * m->tau_error + 0.05) * fabs(d->inflow_m3_s - d->q) + fabs(d->q - d->s);
	/* A zero that is well known the rest of it covers. */
	if (r->zero_sd / m->gain > ZERO_COARSE * expected)
		margin += ZERO_MARGIN * r->zero_sd / m->gain;
	/* What flows on at rest the driver looks at, and stops for. */
	if (inflow != 0)
		trouble = look_high(d, r, seen, margin);
	if (trouble)
		return trouble;
	/* On the way only too much pressure tells; the model need not be so good. */
	if (expected < SEEN * r->flow_sd / m->gain || d->steady_s < STEADY_LEAST_S) {
		d->low.sum = d->low.early_sum = 0;
		return DIAGNOSIS_NONE;
	}
	shape_take(&d->shape, seen / expected);
	learn_evenness(d, r);
	trouble = look_low(d, r, seen, margin);
	if (trouble)
		return trouble;
	if (!d->gain_known)
		learn_gain(d, r, seen);
	return d->gain_known ? look_slow(d, r, seen) : DIAGNOSIS_NONE;
}
