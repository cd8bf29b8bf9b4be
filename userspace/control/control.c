// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The rig is taken for one compliance behind one resistance: outlet flow q
 * follows the pump's rate u with a time constant, tau q' = u - q, and the
 * sensor follows q with a short lag of its own. At rest in the long run q = u,
 * whatever the sensor says: so the steady rate is the set point itself, and
 * feedback only shortens the way there.
 *
 *  - What the steps put in and the sensor did not see come out is held back;
 *    held volume over flow is tau. It is measured on each transient, from the
 *    part where the flow has clearly begun to move, so that backlash, a zero
 *    error of the sensor and a sensor that does not answer cannot mislead it.
 *  - Once tau is known an observer gives the flow now, from the steps, and
 *    corrects it by the sensor.
 *  - The rate is the set point plus a multiple of the missing flow, at most
 *    twice the set point, never standing still. When the flow is there the extra
 *    fades out for good, until the next set point.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "control.h"

#define SENSOR_LAG_S		0.020	/* of the SF06 family, facts of the data sheets */
#define FAST_RIG_S		0.100	/* a rig this quick needs no help */
#define SLOW_RIG_S		60.0	/* slower is no rig but an occlusion */
#define MAX_LAG_S		2.0	/* of the filter against sensor noise */
#define NOISE_GOAL		0.01	/* of the set point, after the filter */
#define NOISE_LIMIT		0.03	/* above: the sensor cannot help here */
#define BAND			0.02	/* of the set point: the flow is there */
#define MAX_GAIN		6.0
#define MIN_SHARE		0.02	/* of the set point: slower would be standstill */
#define GAIN_ERROR_LIMIT	0.10	/* a sensor further off is not a matter of gain */

/* How far the measurement of tau has come in this transient. */
enum measure { MEASURE_LOOK, MEASURE_BEGUN, MEASURE_OVER };

struct control {
	struct control_config config;
	double set_point;		/* signed */
	double set_time_s;
	double rate;			/* magnitude last asked for */
	bool moved;			/* a set point other than 0 was ever given */

	bool have_last;
	double last_s, last_stepped, last_flow;

	double noise_var;		/* of one reading */
	unsigned int noise_count;
	double zero;			/* reading at rest before the first motion */
	double zero_sum;
	unsigned int zero_count;
	double gain;			/* of the sensor, against the steps */
	double mean_flow, mean_pump, mean_s;

	double lag_s;			/* of the filter */
	double pump_s;			/* the pump's rate as the sensor would see it */
	double pump_f, flow_f;		/* behind the filter */
	double held;			/* integral of pump_f - flow_f */

	enum measure measure;
	double gap;			/* how far the flow has to go */
	double flow_begin, held_begin;
	double tau_s;			/* NAN: not known */

	double q, q_sensor, q_filter;	/* the observer: flow, its image in sensor and filter */

	bool active;			/* feedback acts */
	double weight;			/* of feedback, fades from 1 to 0 */
	double known_s;			/* since when tau is known in this transient, NAN */
	double there_s;			/* since when the flow is in the band, NAN */
	double settled_s;		/* since when feedback is over, NAN */
};

struct control *control_new(const struct control_config *config)
{
	struct control *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->config = *config;
	c->gain = 1;
	c->tau_s = NAN;
	c->settled_s = NAN;
	c->measure = MEASURE_OVER;
	return c;
}

void control_free(struct control *c)
{
	free(c);
}

/* Share of the way a first-order lag goes in dt. */
static double lag_share(double dt, double lag_s)
{
	return lag_s > 0 ? -expm1(-dt / lag_s) : 1;
}

static double clamp(double x, double low, double high)
{
	return x < low ? low : x > high ? high : x;
}

/* Noise left behind the filter, rms. */
static double filtered_noise(const struct control *c)
{
	double share = lag_share(c->config.sample_period_s, c->lag_s);

	return sqrt(c->noise_var * share / (2 - share));
}

static bool observing(const struct control *c)
{
	return !isnan(c->tau_s);
}

void control_set_point(struct control *c, double time_s, double flow_m3_s)
{
	double size = fabs(flow_m3_s);

	if (flow_m3_s == c->set_point)
		return;
	if (size > 0) {
		double ratio = sqrt(c->noise_var) / (NOISE_GOAL * size);

		c->lag_s = ratio > 1 ? fmin(MAX_LAG_S,
					    c->config.sample_period_s / 2 * (ratio * ratio - 1)) :
				       0;
		c->moved = true;
	}
	c->active = size > 0 && size < 0.95 * c->config.sensor_full_scale_m3_s &&
		    filtered_noise(c) < NOISE_LIMIT * size;
	c->weight = 1;
	c->measure = MEASURE_LOOK;
	c->gap = flow_m3_s - c->flow_f;
	c->flow_begin = c->flow_f;
	c->held_begin = c->held;
	c->known_s = observing(c) ? time_s : NAN;
	c->there_s = NAN;
	c->settled_s = c->active ? NAN : time_s;
	c->mean_s = 0;
	c->set_point = flow_m3_s;
	c->set_time_s = time_s;
	c->rate = fmin(size, c->config.max_rate_m3_s);
}

/* What the sensor tells while nothing changes: its noise, its zero. */
static void learn_quiet(struct control *c, double flow)
{
	double step = flow - c->last_flow;

	if (c->active || isnan(c->last_flow))
		return;
	if (c->noise_count < 500)
		c->noise_count++;
	c->noise_var += (step * step / 2 - c->noise_var) / c->noise_count;
	if (c->moved)
		return;
	c->zero_sum += flow;
	c->zero_count++;
	c->zero = c->zero_sum / c->zero_count;
	if (fabs(c->zero) > 0.01 * c->config.sensor_full_scale_m3_s)
		c->zero = 0;
}

/*
 * In steady flow what comes out is what the steps put in: their ratio is the
 * sensor's gain. A ratio far from one is something else and teaches nothing.
 */
static void learn_gain(struct control *c, double now_s, double dt, double flow, double pump)
{
	double tau_s = observing(c) ? c->tau_s : SENSOR_LAG_S;
	double window_s, share, gain;

	if (c->set_point == 0 || isnan(c->settled_s) ||
	    now_s - c->settled_s < 4 * tau_s + c->lag_s + 1)
		return;
	window_s = fmax(10, 5 * tau_s);
	c->mean_s = fmin(c->mean_s + dt, window_s);
	share = dt / c->mean_s;
	c->mean_flow += (flow - c->zero - c->mean_flow) * share;
	c->mean_pump += (pump - c->mean_pump) * share;
	if (c->mean_s < 2 || c->mean_pump == 0)
		return;
	gain = c->mean_flow / c->mean_pump;
	if (fabs(gain - 1) < GAIN_ERROR_LIMIT)
		c->gain = gain;
}

/* Start the observer where the filtered signals say the flow is. */
static void observe_from_here(struct control *c)
{
	double lead_s = fmin(SENSOR_LAG_S + c->lag_s, c->tau_s);

	c->q = c->flow_f + lead_s * (c->pump_f - c->flow_f) / c->tau_s;
	c->q_sensor = c->flow_f;
	c->q_filter = c->flow_f;
}

static void measure_tau(struct control *c, double now_s)
{
	double noise = filtered_noise(c);
	double come = c->flow_f - c->flow_begin;
	double tau_s;
	bool first;

	if (c->measure == MEASURE_OVER)
		return;
	if (fabs(c->set_point - c->flow_f) < 0.05 * fabs(c->gap) && c->measure == MEASURE_BEGUN) {
		c->measure = MEASURE_OVER;
		return;
	}
	if (c->measure == MEASURE_LOOK) {
		if (fabs(come) > fmax(0.1 * fabs(c->gap), 4 * noise)) {
			c->measure = MEASURE_BEGUN;
			c->flow_begin = c->flow_f;
			c->held_begin = c->held;
		}
		return;
	}
	if (fabs(come) < fmax(0.15 * fabs(c->gap), 6 * noise))
		return;
	tau_s = (c->held - c->held_begin) / come;
	if (tau_s <= 0 || tau_s > SLOW_RIG_S)
		return;
	first = !observing(c);
	c->tau_s = tau_s;
	if (isnan(c->known_s))
		c->known_s = now_s;
	if (first)
		observe_from_here(c);
}

static void observe(struct control *c, double dt, double pump, bool have_flow)
{
	double correct_s = 4 * (SENSOR_LAG_S + c->lag_s + dt);

	c->q += (pump - c->q) * lag_share(dt, c->tau_s);
	c->q_sensor += (c->q - c->q_sensor) * lag_share(dt, SENSOR_LAG_S);
	c->q_filter += (c->q_sensor - c->q_filter) * lag_share(dt, c->lag_s);
	if (have_flow)
		c->q += (c->flow_f - c->q_filter) * lag_share(dt, correct_s);
}

/* The extra rate that closes the gap sooner; magnitude in the set point's direction. */
static double feedback(struct control *c, double now_s, double dt, double pressure_pa)
{
	double size = fabs(c->set_point);
	double missing = size - copysign(1, c->set_point) * c->q;
	double close_s, extra;

	if (!c->active || isnan(c->known_s) || c->tau_s < FAST_RIG_S)
		return 0;
	close_s = fmax(c->tau_s / MAX_GAIN, 3 * (SENSOR_LAG_S + c->lag_s + dt));
	if (fabs(missing) > BAND * size)
		c->there_s = NAN;
	else if (isnan(c->there_s))
		c->there_s = now_s;
	/* Once begun, fading is not taken back. */
	if (c->weight < 1 || now_s - c->there_s > close_s || now_s - c->known_s > 2 * c->tau_s + 2)
		c->weight *= exp(-dt / close_s);
	if (c->weight < 0.01) {
		c->active = false;
		c->settled_s = now_s;
		c->measure = MEASURE_OVER;
		return 0;
	}
	extra = c->weight * clamp(c->tau_s / close_s * missing, -size, size);
	/* More pressure than the channel may have is not worth the time won. */
	if (extra > 0 && isfinite(c->config.max_pressure_pa) && !isnan(pressure_pa))
		extra *= clamp(9 - 10 * pressure_pa / c->config.max_pressure_pa, 0, 1);
	return extra;
}

/* Feedback that never found its footing must not wait for ever. */
static void give_up(struct control *c, double now_s)
{
	if (c->active && isnan(c->known_s) && now_s - c->set_time_s > SLOW_RIG_S / 2) {
		c->active = false;
		c->settled_s = now_s;
	}
	if (c->active && observing(c) && c->tau_s < FAST_RIG_S &&
	    now_s - c->set_time_s > 1 + 5 * (FAST_RIG_S + c->lag_s)) {
		c->active = false;
		c->settled_s = now_s;
		c->measure = MEASURE_OVER;
	}
}

void control_sample(struct control *c, const struct control_sample *sample,
		    struct control_output *output)
{
	bool have_flow = !isnan(sample->flow_m3_s);
	double dt = sample->time_s - c->last_s;
	double size = fabs(c->set_point);
	double pump, flow_before, pump_before, rate;

	if (c->have_last && dt > 0) {
		pump = (sample->stepped_m3 - c->last_stepped) / dt;
		flow_before = c->flow_f;
		pump_before = c->pump_f;
		if (have_flow) {
			learn_quiet(c, sample->flow_m3_s);
			learn_gain(c, sample->time_s, dt, sample->flow_m3_s, pump);
			c->flow_f += ((sample->flow_m3_s - c->zero) / c->gain - c->flow_f) *
				     lag_share(dt, c->lag_s);
		}
		c->pump_s += (pump - c->pump_s) * lag_share(dt, SENSOR_LAG_S);
		c->pump_f += (c->pump_s - c->pump_f) * lag_share(dt, c->lag_s);
		c->held += (c->pump_f + pump_before - c->flow_f - flow_before) / 2 * dt;
		if (have_flow)
			measure_tau(c, sample->time_s);
		if (observing(c))
			observe(c, dt, pump, have_flow);
		give_up(c, sample->time_s);
		rate = size + feedback(c, sample->time_s, dt, sample->pressure_pa);
		rate = clamp(rate, MIN_SHARE * size, c->config.max_rate_m3_s);
		/* Nothing is made faster on a reading that is not there. */
		c->rate = have_flow ? rate : fmin(rate, c->rate);
	}
	c->have_last = true;
	c->last_s = sample->time_s;
	c->last_stepped = sample->stepped_m3;
	c->last_flow = sample->flow_m3_s;

	output->pump_rate_m3_s = copysign(c->rate, c->set_point);
	output->flow_m3_s = observing(c) ? c->q : c->flow_f;
	output->stored_m3 = observing(c) ? c->tau_s * c->q : NAN;
}

bool control_settled(const struct control *c)
{
	return !c->active;
}
