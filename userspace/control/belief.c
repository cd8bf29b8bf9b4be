// SPDX-License-Identifier: GPL-2.0-or-later
/* See belief.h; the model and its derivation are in model.md. */
#include <math.h>

#include "belief.h"
#include "play.h"

#define MODEL_ERROR	0.015	/* share of the flow by which a good guess may be off, rms */
#define FLOW_FLOOR	0.01	/* share of the set point: likewise, at least */
#define COHERENT	0.2	/* share of the time since the start during which it stays so */
#define TIMING_S	0.002	/* by which records and steps may be apart, rms */
#define KERNEL		0.3	/* spread of new guesses, share of the belief's */
#define FLOW_KERNEL	0.03	/* likewise, of the flow itself */
#define MIN_SPREAD	0.01	/* of ln_tau among new guesses */
#define ENOUGH		0.5	/* share of guesses that count; below: draw anew */
#define DOUBT_EVERY	6	/* so manyth guess is one of doubt, */
#define DOUBT_WEIGHT	0.002	/* and all of these weigh so much */
#define TURNED_EVERY	20	/* so manyth guess takes play that is known for not known after all */
#define FADED		0.01	/* weight of pressures before a rest */
#define NO_FLOW		1e-30	/* m3/s; what dies away is 0 before it is denormal, and slow */

static double uniform(struct belief *b)
{
	uint64_t z = b->seed += 0x9e3779b97f4a7c15ULL;	/* Vigna's splitmix64 */

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	z ^= z >> 31;
	return ((z >> 11) + 0.5) / 9007199254740992.0;
}

static double gauss(struct belief *b)
{
	return sqrt(-2 * log(uniform(b))) * cos(2 * M_PI * uniform(b));
}

static double alive(double flow)
{
	return fabs(flow) < NO_FLOW ? 0 : flow;
}

/* What is left after the record's time, of each guess. */
static void cache(struct guess *g, double dt)
{
	g->tau_s = exp(g->ln_tau);
	g->lag_s = exp(g->ln_lag);
	/* The closed form divides by the difference of the two. */
	if (fabs(g->tau_s - g->lag_s) < 0.01 * g->lag_s)
		g->lag_s = 0.99 * g->tau_s;
	g->tau_kept = exp(-dt / g->tau_s);
	g->lag_kept = exp(-dt / g->lag_s);
	g->cross = g->tau_s / (g->tau_s - g->lag_s) * (g->tau_kept - g->lag_kept);
	g->share = dt / g->tau_s;
}

static double deviation(double mean, double square)
{
	return sqrt(fmax(0, square - mean * mean));
}

/* What changes as time passes. */
static void summarize_flow(struct belief *b)
{
	double q = 0, q2 = 0, read = 0, stored = 0, doubted = 0, doubted_q = 0;

	for (int i = 0; i < BELIEF_GUESSES; i++) {
		const struct guess *g = &b->guesses[i];
		double part = g->weight * g->q;

		q += part;
		q2 += part * g->q;
		read += g->weight * g->read;
		stored += part * g->tau_s;
		doubted += g->doubted ? g->weight : 0;
		doubted_q += g->doubted ? part : 0;
	}
	b->likely_q = doubted > 0.5 ? doubted_q / doubted : (q - doubted_q) / (1 - doubted);
	b->q = q;
	b->q_sd = deviation(q, q2);
	b->read = read;
	b->stored_m3 = stored;
}

static void summarize(struct belief *b)
{
	double doubted = 0, doubted_tau = 0, tau = 0, tau2 = 0, lag = 0, lag2 = 0, gain = 0, gain2 = 0, stiff = 0, stiff2 = 0;

	for (int i = 0; i < BELIEF_GUESSES; i++) {
		const struct guess *g = &b->guesses[i];

		tau += g->weight * g->ln_tau;
		tau2 += g->weight * g->ln_tau * g->ln_tau;
		doubted += g->doubted ? g->weight : 0;
		doubted_tau += g->doubted ? g->weight * g->ln_tau : 0;
		lag += g->weight * g->ln_lag;
		lag2 += g->weight * g->ln_lag * g->ln_lag;
		gain += g->weight * g->gain;
		gain2 += g->weight * (g->gain * g->gain + g->gain_var);
		if (g->stored_stored > 0) {
			double stiffness = g->stored_pressure / g->stored_stored;

			stiff += g->weight * stiffness;
			stiff2 += g->weight * (stiffness * stiffness + 1 / g->stored_stored);
		}
	}
	b->ln_tau = tau;
	b->likely_ln_tau = doubted > 0.5 ? doubted_tau / doubted : (tau - doubted_tau) / (1 - doubted);
	b->ln_tau_sd = deviation(tau, tau2);
	b->ln_lag = lag;
	b->ln_lag_sd = deviation(lag, lag2);
	b->gain = gain;
	b->gain_sd = deviation(gain, gain2);
	b->stiffness = stiff;
	b->stiffness_sd = deviation(stiff, stiff2);
	summarize_flow(b);
}

/* Guess number i of a prior. */
static void draw(struct guess *g, int i, const struct belief_prior *prior, int direction, double flow)
{
	/* Roberts' sequence in four dimensions: even, and the same each time. */
	static const double steps[] = { 0.8566748838545029, 0.7338918566271260,
					0.6287067210378087, 0.5385972572236101 };
	double at[4], togo;

	for (int k = 0; k < 4; k++)
		at[k] = fmod(0.5 + (i + 1) * steps[k], 1);
	/* more often taken up already, or nearly so, than not */
	togo = at[3] * at[3] * at[2] * prior->backlash_m3;
	/* somebody may have turned the screw, or let go of the nut */
	if (prior->taken_up && i % TURNED_EVERY)
		togo = prior->taken_up == direction ? 0 : at[2] * prior->backlash_m3;
	*g = (struct guess){
		.weight = 1.0 / BELIEF_GUESSES,
		.ln_tau = log(prior->tau_low_s) + log(prior->tau_high_s / prior->tau_low_s) * at[0],
		.ln_lag = log(prior->lag_low_s) + log(prior->lag_high_s / prior->lag_low_s) * at[1],
		.backlash_m3 = at[2] * prior->backlash_m3,
		.gain = prior->gain,
		.gain_var = prior->gain_var,
		.zero_var = prior->zero_var,
		.q = flow,
		.s = flow,
	};
	if (prior->stiffness > 0) {
		g->stiffness_known = true;
		g->stored_stored = 1 / prior->stiffness_var;
		g->stored_pressure = prior->stiffness * g->stored_stored;
		g->pressure_pressure = prior->stiffness * g->stored_pressure;
	}
	g->play_m3 = direction > 0 ? g->backlash_m3 - togo : togo;
	cache(g, 1);
}

void belief_begin(struct belief *b, const struct belief_prior *prior, const struct belief_prior *doubt,
		  int direction, double flow)
{
	const int doubts = doubt ? BELIEF_GUESSES / DOUBT_EVERY : 0;

	b->seed = 1;
	b->cached_s = 0;
	b->surprise = 1;
	b->elapsed_s = 0;
	b->pressure = 0;
	for (int i = 0; i < BELIEF_GUESSES; i++) {
		struct guess *g = &b->guesses[i];

		if (i < doubts) {
			draw(g, i, doubt, direction, flow);
			g->doubted = true;
			g->weight = DOUBT_WEIGHT / doubts;
		} else {
			draw(g, i - doubts, prior, direction, flow);
			g->weight = (doubt ? 1 - DOUBT_WEIGHT : 1) / (BELIEF_GUESSES - doubts);
		}
	}
	summarize(b);
}

void belief_doubt_stiffness(struct belief *b)
{
	for (int i = 0; i < BELIEF_GUESSES; i++) {
		struct guess *g = &b->guesses[i];

		g->stored_stored *= FADED;
		g->stored_pressure *= FADED;
		g->pressure_pressure *= FADED;
		g->misfit *= FADED;
	}
}

void belief_advance(struct belief *b, double dt, double volume)
{
	bool fresh = fabs(dt - b->cached_s) < 1e-3 * b->cached_s;
	double per_s = 1 / dt;

	b->cached_s = fresh ? b->cached_s : dt;
	for (int i = 0; i < BELIEF_GUESSES; i++) {
		struct guess *g = &b->guesses[i];
		double taken = play_taken_m3(g->backlash_m3, g->play_m3, volume);
		double in = (volume - taken) * per_s, q, s;

		if (!fresh)
			cache(g, dt);
		g->play_m3 += taken;
		q = alive(in + g->tau_kept * (g->q - in));
		s = alive(in + g->lag_kept * (g->s - in) + g->cross * (g->q - in));
		/* what went in, less what chamber and lag keep, went by */
		g->read = in - (g->tau_s * (q - g->q) + g->lag_s * (s - g->s)) * per_s;
		g->q_by_tau = alive(g->tau_kept * (g->q_by_tau + (g->q - in) * g->share));
		g->q = q;
		g->s = s;
	}
	summarize_flow(b);
}

/*
 * Evidence of one reading of the flow, and what it says of gain and zero: a
 * Kalman filter of the two. The variance is the same for all guesses, or the
 * boldest of them would lose for being bold.
 */
static double weigh_flow(struct guess *g, double flow, double var, double *surprise)
{
	double by_gain = g->read * g->gain_var + g->gain_zero, by_zero = g->read * g->gain_zero + g->zero_var;
	double sum = var + g->read * by_gain + by_zero;
	double off = flow - g->gain * g->read - g->zero;

	g->gain += by_gain / sum * off;
	g->zero += by_zero / sum * off;
	g->gain_var -= by_gain * by_gain / sum;
	g->zero_var -= by_zero * by_zero / sum;
	g->gain_zero -= by_gain * by_zero / sum;
	*surprise = off * off / sum;
	return -(off * off / sum + log(sum / var)) / 2;
}

/*
 * Likewise of the pressure, which is what is stored over the compliance: how
 * much worse the best compliance for all readings so far has become, in least
 * squares. No compliance is likelier than another, unless there is a prior; then
 * one that was left wide open pays for being so (Occam's factor). What is stored early on is
 * what was put in, whatever the time constant: so a guess that moves a little
 * keeps its compliance.
 */
static double weigh_pressure(struct guess *g, double pressure, double var)
{
	double before = g->misfit, stored = g->tau_s * g->q, sum = g->stored_stored;

	g->stored_stored += stored * stored / var;
	g->stored_pressure += stored * pressure / var;
	g->pressure_pressure += pressure * pressure / var;
	g->misfit = g->pressure_pressure;
	if (g->stored_stored > 0)
		g->misfit -= g->stored_pressure * g->stored_pressure / g->stored_stored;
	return -(g->misfit - before) / 2 - (g->stiffness_known ? log(g->stored_stored / sum) / 2 : 0);
}

/*
 * New guesses where the weight is: Liu and West's kernel, that neither widens
 * nor narrows the belief; the flow of a changed time constant follows by its
 * derivative.
 */
struct kind {
	double weight, ln_tau, ln_tau_sd, ln_lag, ln_lag_sd;
};

/* Of one kind of guesses: what one spreads over does not blur the other. */
static struct kind look_at_kind(const struct guess *guesses, bool doubted)
{
	struct kind kind = { .weight = 1e-300 };
	double tau2 = 0, lag2 = 0;

	for (int i = 0; i < BELIEF_GUESSES; i++) {
		const struct guess *g = &guesses[i];

		if (g->doubted != doubted)
			continue;
		kind.weight += g->weight;
		kind.ln_tau += g->weight * g->ln_tau;
		tau2 += g->weight * g->ln_tau * g->ln_tau;
		kind.ln_lag += g->weight * g->ln_lag;
		lag2 += g->weight * g->ln_lag * g->ln_lag;
	}
	kind.ln_tau /= kind.weight;
	kind.ln_lag /= kind.weight;
	kind.ln_tau_sd = fmax(deviation(kind.ln_tau, tau2 / kind.weight), MIN_SPREAD / KERNEL);
	kind.ln_lag_sd = deviation(kind.ln_lag, lag2 / kind.weight);
	return kind;
}

/* How many times each guess is drawn, evenly by weight. */
static void draw_copies(struct belief *b, int copies[BELIEF_GUESSES])
{
	double sum = b->guesses[0].weight, at = uniform(b);
	int from = 0;

	for (int i = 0; i < BELIEF_GUESSES; i++)
		copies[i] = 0;
	for (int i = 0; i < BELIEF_GUESSES; i++) {
		while (sum < (i + at) / BELIEF_GUESSES && from < BELIEF_GUESSES - 1)
			sum += b->guesses[++from].weight;
		copies[from]++;
	}
}

/* One that is drawn stays where it is; its further copies go where one was not drawn. */
static void copy(struct belief *b, int copies[BELIEF_GUESSES])
{
	int free = 0;

	for (int i = 0; i < BELIEF_GUESSES; i++) {
		for (int more = copies[i] - 1; more > 0; more--) {
			while (copies[free])
				free++;
			b->guesses[free] = b->guesses[i];
			copies[free] = 1;
		}
		copies[i] = copies[i] > 0;
	}
}

static void draw_anew(struct belief *b, int direction)
{
	static const double shrink = 0.9539392014169456;	/* sqrt(1 - KERNEL^2) */
	struct kind kinds[] = { look_at_kind(b->guesses, false), look_at_kind(b->guesses, true) };
	int copies[BELIEF_GUESSES];

	draw_copies(b, copies);
	copy(b, copies);
	for (int i = 0; i < BELIEF_GUESSES; i++) {
		struct guess *g = &b->guesses[i];
		const struct kind *kind = &kinds[g->doubted];
		double change = (1 - shrink) * (kind->ln_tau - g->ln_tau) + KERNEL * kind->ln_tau_sd * gauss(b);

		g->weight = 1.0 / BELIEF_GUESSES;
		/* far jumps are beyond what a derivative can tell */
		change = fmin(fmax(change, -0.3), 0.3);
		g->ln_tau += change;
		g->ln_lag += (1 - shrink) * (kind->ln_lag - g->ln_lag) + KERNEL * kind->ln_lag_sd * gauss(b);
		g->q += change * g->q_by_tau + direction * FLOW_KERNEL * b->q_sd * gauss(b);
		g->s += change * g->q_by_tau;
		cache(g, b->cached_s);
	}
	summarize(b);
}

void belief_times(const struct belief *b, double *tau_s, double *lag_s)
{
	*tau_s = *lag_s = 0;
	for (int i = 0; i < BELIEF_GUESSES; i++) {
		*tau_s += b->guesses[i].weight * b->guesses[i].tau_s;
		*lag_s += b->guesses[i].weight * b->guesses[i].lag_s;
	}
}

void belief_weigh(struct belief *b, const struct belief_readings *readings, double set_point)
{
	double evidence[BELIEF_GUESSES], best = -INFINITY, sum = 0, square = 0, surprise = 0;
	double model = MODEL_ERROR * b->read, timing = TIMING_S * (b->q - b->read) / b->cached_s;
	double flow = readings->flow, pressure = readings->pressure_pa;
	double push = MODEL_ERROR * pressure, hurry, records, floor = FLOW_FLOOR * set_point;
	double flow_var, pressure_var;

	/* An error that stays is not averaged away by more records. */
	b->elapsed_s += b->cached_s;
	records = fmax(1, COHERENT * b->elapsed_s / b->cached_s);
	flow_var = readings->flow_var + floor * floor + records * (model * model + timing * timing);
	hurry = TIMING_S * (pressure - b->pressure) / b->cached_s;
	/* one that is missed must not be missed for ever */
	if (!isnan(pressure))
		b->pressure = pressure;
	pressure_var = readings->pressure_var + records * (push * push + hurry * hurry);
	for (int i = 0; i < BELIEF_GUESSES; i++) {
		struct guess *g = &b->guesses[i];
		double off = 0;

		evidence[i] = 0;
		if (!isnan(flow))
			evidence[i] += weigh_flow(g, flow, flow_var, &off);
		if (!isnan(pressure))
			evidence[i] += weigh_pressure(g, pressure, pressure_var);
		best = fmax(best, evidence[i]);
		surprise += g->weight * off;
	}
	if (!isnan(flow))
		b->surprise += (surprise - b->surprise) * 0.05;
	for (int i = 0; i < BELIEF_GUESSES; i++) {
		b->guesses[i].weight *= exp(evidence[i] - best);
		sum += b->guesses[i].weight;
	}
	for (int i = 0; i < BELIEF_GUESSES; i++) {
		b->guesses[i].weight /= sum;
		square += b->guesses[i].weight * b->guesses[i].weight;
	}
	summarize(b);
	if (square * BELIEF_GUESSES * ENOUGH > 1)
		draw_anew(b, set_point < 0 ? -1 : 1);
}
