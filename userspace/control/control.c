// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The law. Each guess of the belief says which rate would fill the rig to the
 * set point soonest and no further; the rate asked for is the set point, unless
 * nearly all guesses that count want more, or less. So a rig that is not known
 * yet gets the set point, and one that is known gets what physics allows. In
 * the long run what goes in comes out: when the flow is there the rate is the
 * set point itself, whatever the sensor says, until the next set point.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "belief.h"
#include "control.h"

#define RAMP_S		0.1	/* to the set point, until told */
#define TAU_LOW_S	0.004	/* first use: rigs from here */
#define TAU_HIGH_S	1500.0	/* to here */
#define LAG_LOW_S	0.004	/* sensors likewise */
#define LAG_HIGH_S	0.120
#define GAIN_SD		0.03	/* of the sensor's gain */
#define BACKLASH_STEPS	50.0
#define BACKLASH_S	0.1	/* where the microstep is not known */
#define DOUBT		0.10	/* share of the guesses that may be overruled */
#define AHEAD		1.5	/* sample periods until an order shows */
#define MIN_SHARE	0.02	/* of the set point: slower would be standstill */
#define THERE		0.01	/* of the set point: the flow is there, and sure to be */
#define CALM_RECORDS	5
#define SEEN		4.0	/* standard deviations that show a flow */
#define PRESSURE_SEEN	10.0
#define SEEN_RECORDS	3	/* that tell a quick rig with play from a slow one */
#define GIVE_UP_S	30.0
#define SURPRISED	9.0	/* the rig is not what it was taken for */
#define CAUTION		3.0	/* standard deviations of a variance that was found in some readings */
#define QUIET_MAX	500
#define PAST_MAX	256	/* records since the first set point, to be gone through again */
#define ANOTHER_RIG	8.0	/* times or a part of it: what a time constant may be if not as calibrated */
#define DIAGNOSED_BACKLASH_STEPS 100.0
#define LAG_FACTOR	2.0	/* a lag that has been told is no further off */
#define WELL_KNOWN	0.05	/* of a time constant: told from the lag */
#define AGREE		2.0	/* standard deviations */
#define USUAL_LAG_S	0.02
#define FOLLOW_S	0.1	/* in which one that is off is brought there */
#define ORDER_S		0.001	/* from a record to the order that it makes */
#define AHEAD_S		0.5	/* a while, by which the slower one shows */
#define UNSEEN_S	20.0	/* one whose flow has not shown by then is not waited for */
#define FOLLOW_SHARE	1e-4	/* of the set point, at least: the pump stays in motion */
#define ALL_THERE	0.995
#define SHORT_S		0.05	/* likewise, of one that is too short to be known any better */
#define LEARN_LEAST_S	1.0	/* nobody knows a rig any sooner */
#define LONG_SHORT_S	0.1	/* and after so long, */
#define LONG_S		3.0	/* in which a rig of that would have shown */
#define LEAST_ERROR	0.02	/* of what a run has found out by itself */
#define USUAL_LAG_ERROR	0.5
#define COARSE		0.2	/* noise over flow, beyond which single records are not judged, */
#define COARSE_JUDGED	0.13	/* but so many as have this together, */
#define MOST_TO_JUDGE	64
#define LEARNED		0.15	/* standard deviation of ln tau: it is known */

/* Mean and spread of readings at rest. */
struct quiet {
	unsigned int count;		/* for the spread */
	double last, var;
	double sum;
	unsigned int sum_count;		/* for the mean */
};

/* A record, as the belief was given it. */
struct past {
	double dt_s, volume_m3;
	struct belief_readings readings;
};

/* Records that are judged as one. */
struct together {
	unsigned int count, flow_count;
	double dt_s, volume_m3, flow_sum, pressure_pa;
};

struct control {
	struct control_config config;
	double accel;			/* as told, 0: not yet */
	double set_point;		/* signed */
	double set_time_s;
	double rate;			/* magnitude last asked for, */
	double ramped;			/* and how far the pump has come to it */
	bool moved;			/* a set point other than 0 was ever given */
	bool anew;			/* what was believed does not count any more */
	bool model_void;		/* the rig is not what the model says */

	bool have_last;
	double last_s, last_stepped, last_pressure_pa;
	bool blind;			/* without a reading of the flow */

	struct quiet flow_rest, pressure_rest;
	double flow_f;			/* readings, smoothed */

	struct belief belief;
	double seen_sum;		/* readings since the first motion */
	unsigned int seen_count;
	unsigned int seen;		/* records since the rig has answered */

	struct past past[PAST_MAX];
	unsigned int past_count;	/* beyond PAST_MAX: there were more */

	struct control_way way, follow;	/* its own, and that of the slowest beside it */

	bool pressure_seen;
	double pressure;		/* newest reading without its zero; NAN: none */
	bool active;			/* feedback acts */
	unsigned int calm;		/* records in which it had nothing to do */

	struct diagnosis diagnosis;
	struct together together;
	bool diagnosed;			/* it has the rig as of this set point */
};

/* Variance of a reading, never below what the sensor's word can tell. */
static double flow_var(const struct control *c)
{
	double full = c->config.sensor_full_scale_m3_s, var = full / 4000 * full / 4000;

	if (c->flow_rest.count >= 10)
		var = c->flow_rest.var;
	return fmax(var, full / 20000 * full / 20000);
}

/* Found in few readings it is not well known, and one that is too small makes believe too soon. */
static double cautious_flow_var(const struct control *c)
{
	return flow_var(c) * (1 + CAUTION / sqrt(fmax(c->flow_rest.count, 1)));
}

static double pressure_var(const struct control *c)
{
	return fmax(c->pressure_rest.var, 1);
}

/* Evenly in the logarithm, so wide that its standard deviation is the error, and some more. */
static void spread(double value, double error, double *low, double *high)
{
	double wide = 1.2 * sqrt(3) * error;

	*low = value * exp(-wide);
	*high = value * exp(wide);
}

static void believe_model(const struct control_model *m, struct belief_prior *prior)
{
	spread(m->tau_s, m->tau_error, &prior->tau_low_s, &prior->tau_high_s);
	if (m->lag_s > 0)
		spread(m->lag_s, m->lag_error, &prior->lag_low_s, &prior->lag_high_s);
	if (!isnan(m->backlash_m3))
		prior->backlash_m3 = m->backlash_m3;
	prior->gain = m->gain;
	prior->gain_var = m->gain_error * m->gain_error;
	if (m->compliance_m3_pa > 0) {
		prior->stiffness = 1 / m->compliance_m3_pa;
		prior->stiffness_var = pow(m->compliance_error * prior->stiffness, 2);
	}
}

static void believe(struct control *c, double direction, double flow)
{
	double size = fabs(c->set_point);
	struct belief_prior prior = {
		.tau_low_s = TAU_LOW_S, .tau_high_s = TAU_HIGH_S,
		.lag_low_s = LAG_LOW_S, .lag_high_s = LAG_HIGH_S,
		.backlash_m3 = c->config.step_m3 > 0 ? BACKLASH_STEPS * c->config.step_m3 :
						       BACKLASH_S * size,
		.taken_up = c->config.model.taken_up,
		.gain = 1, .gain_var = GAIN_SD * GAIN_SD,
		.zero_var = cautious_flow_var(c) / fmax(1, c->flow_rest.sum_count),
	};
	struct belief_prior doubt = { 0 };

	if (c->config.model.tau_s > 0 && !c->model_void) {
		doubt = prior;
		doubt.tau_low_s = c->config.model.tau_s / ANOTHER_RIG;
		doubt.tau_high_s = c->config.model.tau_s * ANOTHER_RIG;
		if (c->config.model.compliance_m3_pa > 0) {
			doubt.stiffness = 1 / c->config.model.compliance_m3_pa;
			doubt.stiffness_var = doubt.stiffness * doubt.stiffness;
		}
		believe_model(&c->config.model, &prior);
		c->seen = SEEN_RECORDS;
	}
	belief_begin(&c->belief, &prior, doubt.tau_low_s > 0 ? &doubt : NULL, direction < 0 ? -1 : 1, flow);
}

struct control *control_new(const struct control_config *config)
{
	struct control *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->config = *config;
	c->way = c->follow = (struct control_way){ .share = NAN };
	c->last_pressure_pa = NAN;
	c->blind = true;
	return c;
}

void control_free(struct control *c)
{
	free(c);
}

void control_set_accel(struct control *c, double accel_m3_s2)
{
	c->accel = accel_m3_s2;
}

static double mean(const struct quiet *q)
{
	return q->sum_count ? q->sum / q->sum_count : 0;
}

/* What a sensor tells while nothing changes: its noise, its zero. */
static void learn_quiet(struct quiet *q, double reading, bool at_rest)
{
	double step = reading - q->last;

	q->last = reading;
	if (isnan(reading))
		return;
	if (at_rest) {
		q->sum += reading;
		q->sum_count++;
	}
	if (isnan(step) || q->sum_count < 2)
		return;
	if (q->count < QUIET_MAX)
		q->count++;
	q->var += (step * step / 2 - q->var) / q->count;
}

/* Until the rig has answered there is no telling a soft rig from a dead sensor. */
static void look(struct control *c, double flow, double pressure)
{
	double var = flow_var(c), zeros = fmax(1, c->flow_rest.sum_count);

	if (c->seen || c->set_point == 0) {
		c->seen += c->seen > 0 && c->seen < SEEN_RECORDS;
		return;
	}
	if (fabs(pressure) > PRESSURE_SEEN * sqrt(pressure_var(c)))
		c->seen = 1;
	if (isnan(flow))
		return;
	c->seen_sum += flow;
	c->seen_count++;
	/* the zero's own error adds up */
	if (fabs(c->seen_sum) > SEEN * sqrt(var * c->seen_count * (1 + c->seen_count / zeros)))
		c->seen = 1;
}

/* Magnitude of the rate that a guess asks for. */
static double wish(const struct control *c, const struct guess *g, double dt)
{
	double size = fabs(c->set_point), sign = c->set_point < 0 ? -1 : 1;
	double accel = c->accel > 0 ? c->accel : size / RAMP_S;
	double togo = sign > 0 ? g->backlash_m3 - g->play_m3 : g->play_m3;
	double missing = g->tau_s * (size - sign * g->q) + togo;
	double late = accel * AHEAD * dt;
	/* no use in running after single steps */
	double whole = fmax(0, fabs(missing) - c->config.step_m3);
	/* what the pump can still take back while it slows down, and until it hears of it */
	double extra = sqrt(late * late + 2 * accel * whole) - late;

	return size + copysign(extra, missing);
}

static double weight_below(const double *wishes, const struct belief *b, double rate)
{
	double sum = 0;

	for (int i = 0; i < BELIEF_GUESSES; i++)
		sum += wishes[i] < rate ? b->guesses[i].weight : 0;
	return sum;
}

/* The rate that nearly all guesses agree is not too far from the set point. */
static double agreed(const struct control *c, double dt, double low, double high)
{
	double wishes[BELIEF_GUESSES], size = fabs(c->set_point), below, share;

	for (int i = 0; i < BELIEF_GUESSES; i++)
		wishes[i] = wish(c, &c->belief.guesses[i], dt);
	below = weight_below(wishes, &c->belief, size);
	if (below >= DOUBT && below <= 1 - DOUBT)
		return size;
	share = below < DOUBT ? DOUBT : 1 - DOUBT;
	if (below < DOUBT)
		low = size;
	else
		high = size;
	for (int i = 0; i < 16; i++) {
		double middle = (low + high) / 2;

		if (weight_below(wishes, &c->belief, middle) < share)
			low = middle;
		else
			high = middle;
	}
	return low;
}

/* More pressure than the channel may have is not worth the time won. */
static double spare_pressure(const struct control *c, double pressure_pa)
{
	double share = pressure_pa / c->config.max_pressure_pa;

	if (isnan(share))
		return 1;
	return fmin(fmax(9 - 10 * share, 0), 1);
}

/* The pump on its way to a rate, and the outlet after it. */
static struct control_way way_at(const struct control *c, double now_s, double rate)
{
	double size = fabs(c->set_point), accel = c->accel > 0 ? c->accel : size / RAMP_S;

	return (struct control_way){
		.time_s = now_s, .share = fabs(c->belief.likely_q) / size, .in = c->ramped / size, .aim = rate / size,
		.slew_per_s = accel / size, .tau_s = exp(c->belief.likely_ln_tau),
	};
}

/* Where it will be if it goes on so. */
static struct control_way way_later(struct control_way way, double time_s)
{
	double wait_s = fmax(time_s - way.time_s, 0);
	double ramp_s = fmin(fabs(way.aim - way.in) / way.slew_per_s, wait_s);
	double slew_per_s = copysign(way.slew_per_s, way.aim - way.in);

	/* a first order lag behind an even ramp */
	way.share = way.in + slew_per_s * (ramp_s - way.tau_s) +
		    (way.share - way.in + slew_per_s * way.tau_s) * exp(-ramp_s / way.tau_s);
	way.in += slew_per_s * ramp_s;
	way.share = way.in + (way.share - way.in) * exp(-(wait_s - ramp_s) / way.tau_s);
	way.time_s += wait_s;
	return way;
}

static bool follows(const struct control *c)
{
	return c->active && c->follow.share < ALL_THERE && c->seen >= SEEN_RECORDS;
}

/* What makes an outlet do as a followed one will. */
static double in_after(const struct control_way *followed, double tau_s, double time_s)
{
	struct control_way then = way_later(*followed, time_s);

	return then.share + tau_s * (then.in - then.share) / then.tau_s;
}

/*
 * The rate that makes the outlet do what the followed one will until the next
 * order; and where it is not there now, what brings it there: as soon as a quick
 * rig can, and a slow one in a time that does not turn the noise of its estimate
 * into a rattling pump.
 */
static double hold_back(const struct control *c, double now_s, double rate, double dt)
{
	double size = fabs(c->set_point), tau_s = exp(c->belief.likely_ln_tau), begin_s = now_s + ORDER_S;
	double begin = in_after(&c->follow, tau_s, begin_s), end = in_after(&c->follow, tau_s, begin_s + dt);
	double change = end - begin, slew = (c->accel > 0 ? c->accel / size : 1 / RAMP_S) * dt;
	double off = way_later(c->follow, now_s).share - fabs(c->belief.likely_q) / size, aim;

	/* The pump is at its new rate before the time is over: as much further as makes up for that. */
	aim = (begin + end) / 2 + copysign(fmin(change * change / (2 * slew), fabs(change) / 2), change);
	/* no use in running after single steps */
	off = copysign(fmax(fabs(off) - c->config.step_m3 / tau_s / size, 0), off);
	if (tau_s > FOLLOW_S)
		aim += (tau_s / FOLLOW_S - 1) * off;
	return fmin(fmax(aim, FOLLOW_SHARE) * size, rate);
}

static double choose(struct control *c, double now_s, double dt, double pressure_pa)
{
	double size = fabs(c->set_point), rate = size, gap, ripple;

	/* One that waits for another has all the time of that. */
	if (follows(c)) {
		c->set_time_s = now_s;
		c->calm = 0;
	}

	if (c->active && c->seen >= SEEN_RECORDS) {
		rate = agreed(c, dt, MIN_SHARE * size, c->config.max_rate_m3_s);
		gap = fabs(fabs(c->belief.q) - size) + c->belief.q_sd;
		ripple = c->config.step_m3 / exp(c->belief.ln_tau);
		if (gap < THERE * size + ripple && fabs(rate - size) < 2 * THERE * size)
			c->calm++;
		else
			c->calm = 0;
	}
	if (c->calm >= CALM_RECORDS ||
	    now_s - c->set_time_s > GIVE_UP_S + 5 * exp(c->belief.ln_tau))
		c->active = false;
	if (!c->active)
		rate = size;
	if (rate > size)
		rate = size + (rate - size) * spare_pressure(c, pressure_pa);
	rate = fmin(fmax(rate, MIN_SHARE * size), c->config.max_rate_m3_s);
	c->way = (struct control_way){ .share = NAN };
	if (size > 0 && !c->active)
		c->way = (struct control_way){ now_s, 1, 1, 1, 1 / RAMP_S, RAMP_S };
	else if (c->active && (c->seen || now_s - c->set_time_s < UNSEEN_S))
		c->way = way_at(c, now_s, rate);
	return rate;
}

static double held_back(const struct control *c, double now_s, double rate, double dt)
{
	return follows(c) ? hold_back(c, now_s, rate, dt) : rate;
}

double control_first_rate_m3_s(struct control *c)
{
	c->rate = held_back(c, c->set_time_s, c->rate, c->config.sample_period_s);
	return copysign(c->rate, c->set_point);
}

void control_set_point(struct control *c, double time_s, double flow_m3_s)
{
	double size = fabs(flow_m3_s);

	if (flow_m3_s == c->set_point)
		return;
	if (c->moved && c->set_point == 0)
		belief_doubt_stiffness(&c->belief);
	c->set_point = flow_m3_s;
	c->set_time_s = time_s;
	c->rate = fmin(size, c->config.max_rate_m3_s);
	c->active = size > 0 && size <= c->config.sensor_full_scale_m3_s;
	c->calm = 0;
	c->diagnosed = false;
	c->ramped = size > 0 ? c->ramped : 0;
	if ((!c->moved || c->anew) && size > 0) {
		believe(c, flow_m3_s, 0);
		c->past_count = 0;
		c->moved = true;
		c->anew = false;
	}
	c->rate = choose(c, time_s, c->config.sample_period_s, c->last_pressure_pa);
	c->calm = 0;	/* it was no record */
	if (c->blind)
		c->rate = fmin(c->rate, size);
}

struct control_way control_way(const struct control *c)
{
	return c->way;
}

void control_follow(struct control *c, const struct control_way *slowest)
{
	c->follow = *slowest;
}

struct control_way control_slower(struct control_way one, struct control_way other)
{
	double then_s;

	if (isnan(one.share))
		return other;
	if (isnan(other.share))
		return one;
	then_s = fmax(one.time_s, other.time_s) + AHEAD_S;
	return way_later(one, then_s).share < way_later(other, then_s).share ? one : other;
}

static void remember(struct control *c, double dt_s, double volume_m3, const struct belief_readings *readings)
{
	if (c->past_count < PAST_MAX)
		c->past[c->past_count] = (struct past){ dt_s, volume_m3, *readings };
	c->past_count += c->past_count <= PAST_MAX;
}

/*
 * The rig is not what it was taken for. What has been since it was at rest is
 * gone through again, by one that may be anything; where that is too long ago
 * the flow that is read has to do for a beginning.
 */
static void believe_anew(struct control *c)
{
	c->model_void = true;
	if (c->past_count > PAST_MAX) {
		c->config.model.taken_up = c->set_point < 0 ? -1 : 1;
		believe(c, c->set_point, c->flow_f);
		return;
	}
	believe(c, c->set_point, 0);
	for (unsigned int i = 0; i < c->past_count; i++) {
		belief_advance(&c->belief, c->past[i].dt_s, c->past[i].volume_m3);
		belief_weigh(&c->belief, &c->past[i].readings, c->set_point);
	}
	/* Found out once is enough: from now on only what is to come can surprise. */
	c->belief.surprise = 1;
	c->past_count = PAST_MAX + 1;
}

/* Of two that agree the mean, each by how sure it is; of two that do not the newer. */
static void join_value(double *newer, double *newer_error, double older, double older_error)
{
	double weight = pow(*newer_error / older_error, 2), share = weight / (1 + weight), off = log(older / *newer);

	if (!(older > 0) || !(*newer > 0) || fabs(off) > AGREE * hypot(*newer_error, older_error))
		return;
	*newer_error *= sqrt(1 - share);
	*newer *= exp(share * off);
}

/*
 * What a run has found out so far is not all that is known of a calibrated rig. Where
 * the time constant cannot be told well from the lag only their sum is known: a
 * calibration has made for it, a run comes by it on its way.
 */
static void join(struct control_model *learned, const struct control_model *known)
{
	double off = fabs(log(learned->tau_s / known->tau_s)), error = hypot(learned->tau_error, known->tau_error);

	if (known->tau_error > WELL_KNOWN && off < AGREE * error) {
		*learned = *known;
		return;
	}
	join_value(&learned->tau_s, &learned->tau_error, known->tau_s, known->tau_error);
	join_value(&learned->lag_s, &learned->lag_error, known->lag_s, known->lag_error);
	join_value(&learned->compliance_m3_pa, &learned->compliance_error, known->compliance_m3_pa,
		   known->compliance_error);
}

/*
 * A calibrated rig is looked at from the start, another once it has settled; and
 * each time it has, by what it has turned out to be.
 */
static void know_well_rig(struct control *c)
{
	const struct control_model *known = &c->config.model;
	double backlash_m3 = DIAGNOSED_BACKLASH_STEPS * c->config.step_m3;
	struct control_model learned;
	double lag_factor;
	bool told;

	if (c->diagnosed || c->diagnosis.trouble || c->set_point == 0)
		return;
	if (!control_learned(c, &learned)) {
		if (c->diagnosis.on || !(known->tau_s > 0) || c->model_void)
			return;
		learned = *known;
	} else {
		c->diagnosed = true;
		if (known->tau_s > 0 && !c->model_void)
			join(&learned, known);
	}
	told = learned.lag_s > 0;
	lag_factor = fmin(exp(AGREE * learned.lag_error), LAG_FACTOR);
	diagnosis_begin(&c->diagnosis, &(struct diagnosis_model){
		.tau_s = learned.tau_s, .tau_error = learned.tau_error,
		.lag_s = told ? learned.lag_s : USUAL_LAG_S,
		.lag_low_s = told ? learned.lag_s / lag_factor : LAG_LOW_S,
		.lag_high_s = told ? learned.lag_s * lag_factor : LAG_HIGH_S,
		.gain = known->tau_s > 0 ? known->gain : 1,
		.gain_error = known->tau_s > 0 ? known->gain_error : GAIN_SD,
		.stiffness_pa_m3 = learned.compliance_m3_pa > 0 ? 1 / learned.compliance_m3_pa : 0,
		.backlash_m3 = isnan(known->backlash_m3) ? 0 : known->backlash_m3,
		.backlash_most_m3 = backlash_m3,
	}, c->diagnosed ? c->belief.q : 0);
}

/* How many records make one that tells something of a flow so small. */
static unsigned int records_to_judge(const struct control *c)
{
	double noise = sqrt(flow_var(c)) / fabs(c->set_point);

	if (!(noise > COARSE) || c->set_point == 0)
		return 1;
	return fmin(ceil(pow(noise / COARSE_JUDGED, 2)), MOST_TO_JUDGE);
}

static void diagnose(struct control *c, double dt_s, double volume_m3, const struct belief_readings *readings)
{
	struct together *t = &c->together;
	double share;

	t->dt_s += dt_s;
	t->volume_m3 += volume_m3;
	if (!isnan(readings->flow)) {
		t->flow_sum += readings->flow;
		t->flow_count++;
	}
	t->pressure_pa = readings->pressure_pa;
	if (++t->count < records_to_judge(c))
		return;
	share = 1 / sqrt(fmax(t->flow_count, 1));
	if (c->config.sensor_full_scale_m3_s > 0)
		diagnosis_take(&c->diagnosis, &(struct diagnosis_record){
			.dt_s = t->dt_s, .volume_m3 = t->volume_m3,
			.flow_m3_s = t->flow_count ? t->flow_sum / t->flow_count : NAN,
			.flow_sd = share * sqrt(flow_var(c)),
			.zero_sd = sqrt(flow_var(c) / fmax(c->flow_rest.sum_count, 1)),
			.flow_noise = c->flow_rest.count >= 10 ? share * sqrt(c->flow_rest.var) : 0,
			.pressure_pa = t->pressure_pa, .pressure_sd = sqrt(readings->pressure_var),
		});
	*t = (struct together){ .count = 0 };
	know_well_rig(c);
}

static void ramp(struct control *c, double now_s, double dt)
{
	double accel = c->accel > 0 ? c->accel : fabs(c->set_point) / RAMP_S;
	/* The first of it may be to begin in the middle of a record, or later. */
	double most = accel * fmin(dt, fmax(now_s - c->set_time_s, 0));

	c->ramped += fmin(fmax(c->rate - c->ramped, -most), most);
}

static void update(struct control *c, const struct control_sample *sample, double dt)
{
	double flow = sample->flow_m3_s, pressure = sample->pressure_pa, rate;
	double volume = sample->stepped_m3 - c->last_stepped;
	struct belief_readings readings;

	if (!c->moved) {
		learn_quiet(&c->flow_rest, flow, true);
		learn_quiet(&c->pressure_rest, pressure, true);
		return;
	}
	flow -= mean(&c->flow_rest);
	pressure -= mean(&c->pressure_rest);
	/* One that never shows any is not in this line, or too coarse for it. */
	c->pressure_seen |= fabs(pressure) > PRESSURE_SEEN * sqrt(pressure_var(c));
	if (!c->pressure_rest.sum_count || !c->pressure_seen)
		pressure = NAN;
	c->pressure = pressure;
	belief_advance(&c->belief, dt, volume);
	look(c, flow, pressure);
	readings = (struct belief_readings){
		.flow = flow,
		.flow_var = cautious_flow_var(c),
		.pressure_pa = pressure,
		.pressure_var = pressure_var(c),
	};
	remember(c, dt, volume, &readings);
	diagnose(c, dt, volume, &readings);
	if (c->active) {
		belief_weigh(&c->belief, &readings, c->set_point);
		if (c->belief.surprise > SURPRISED)
			believe_anew(c);
	}
	ramp(c, sample->time_s, dt);
	rate = choose(c, sample->time_s, dt, sample->pressure_pa);
	rate = held_back(c, sample->time_s, rate, dt);
	/* Nothing is made faster on a reading that is not there. */
	c->rate = isnan(flow) ? fmin(rate, c->rate) : rate;
}

static double unexplained(const struct control *c, double flow)
{
	double off = fabs(flow - mean(&c->flow_rest) - c->belief.gain * c->belief.read);

	return c->seen && !isnan(flow) ? fmax(off - SEEN * sqrt(flow_var(c)), 0) : 0;
}

void control_sample(struct control *c, const struct control_sample *sample,
		    struct control_output *output)
{
	double dt = sample->time_s - c->last_s;

	if (!isnan(sample->flow_m3_s))
		c->flow_f += (sample->flow_m3_s - mean(&c->flow_rest) - c->flow_f) * 0.2;
	if (c->have_last && dt > 0)
		update(c, sample, dt);
	c->have_last = true;
	c->last_s = sample->time_s;
	c->last_stepped = sample->stepped_m3;
	c->last_pressure_pa = sample->pressure_pa;
	c->blind = isnan(sample->flow_m3_s);

	output->pump_rate_m3_s = copysign(c->rate, c->set_point);
	output->flow_m3_s = c->seen ? c->belief.q : c->flow_f;
	output->flow_sd_m3_s = c->seen ? c->belief.q_sd : NAN;
	output->unexplained_m3_s = unexplained(c, sample->flow_m3_s);
	output->trouble = c->diagnosis.trouble;
	output->stored_m3 = c->seen && c->belief.ln_tau_sd < 0.5 ? c->belief.stored_m3 : NAN;
}

void control_forget_rest(struct control *c)
{
	c->flow_rest = (struct quiet){ .last = NAN };
	c->pressure_rest = (struct quiet){ .last = NAN };
}

bool control_settled(const struct control *c)
{
	return !c->active;
}

bool control_learned(const struct control *c, struct control_model *model)
{
	const struct belief *b = &c->belief;
	bool pressure = c->pressure_seen && b->stiffness > 0;
	double for_s = c->last_s - c->set_time_s, short_s = for_s > LONG_S ? LONG_SHORT_S : SHORT_S;

	if (!c->moved || c->active || c->seen < SEEN_RECORDS || for_s < LEARN_LEAST_S ||
	    !(b->ln_tau_sd < LEARNED || b->ln_tau_sd * exp(b->ln_tau) < short_s))
		return false;
	*model = (struct control_model){
		.tau_error = b->ln_tau_sd, .lag_error = b->ln_lag_sd,
		.gain = b->gain, .gain_error = b->gain_sd,
		.backlash_m3 = NAN,
	};
	belief_times(b, &model->tau_s, &model->lag_s);
	/* steady flow tells the gain better than all that came before it */
	if (c->diagnosis.gain_known) {
		model->gain = c->diagnosis.model.gain;
		model->gain_error = c->diagnosis.model.gain_error;
	}
	if (pressure) {
		model->compliance_m3_pa = 1 / b->stiffness;
		model->compliance_error = b->stiffness_sd / b->stiffness;
	}
	return true;
}

const struct diagnosis_evidence *control_evidence(const struct control *c)
{
	return &c->diagnosis.evidence;
}

double control_release_m3(const struct control *c)
{
	const struct diagnosis *d = &c->diagnosis;
	double way = d->trouble ? d->way : d->direction < 0 ? -1 : 1, stored_m3 = 0;

	if (d->trouble == DIAGNOSIS_OCCLUSION)
		stored_m3 = d->evidence.stored_m3;
	else if (d->on && d->model.stiffness_pa_m3 > 0 && !isnan(c->pressure))
		stored_m3 = way * c->pressure / d->model.stiffness_pa_m3;
	if (!(stored_m3 > 0))
		return 0;
	return stored_m3 + (way > 0 ? d->play_m3 : d->model.backlash_m3 - d->play_m3);
}

/* What was believed while it was not well is worth nothing: again from what it was before. */
void control_forget_trouble(struct control *c)
{
	const struct diagnosis_model *well = &c->diagnosis.model;
	double stiffness = well->stiffness_pa_m3;

	c->anew = true;
	c->diagnosed = false;
	c->config.model.taken_up = 0;
	if (!c->diagnosis.on)
		return;
	c->config.model = (struct control_model){
		.tau_s = well->tau_s, .tau_error = fmax(well->tau_error, LEAST_ERROR),
		.compliance_m3_pa = stiffness > 0 ? 1 / stiffness : 0,
		.compliance_error = fmax(well->tau_error, LEAST_ERROR),
		.lag_s = well->lag_s, .lag_error = USUAL_LAG_ERROR,
		.gain = well->gain, .gain_error = fmax(well->gain_error, LEAST_ERROR),
		.backlash_m3 = well->backlash_m3 > 0 ? well->backlash_m3 : NAN,
	};
	c->model_void = false;
	diagnosis_again(&c->diagnosis);
}
