// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Rates that change on the way. The volume that should be out by now corrects
 * the rate: what the pump has put in, less what the rig holds back, so that the
 * composition is right at the outlet. The end comes in time and to the step. Near its
 * ceiling of pressure the whole curve goes slower: the ratio of its channels
 * and its volumes stay.
 */
#include <math.h>

#include "run.h"

#define UPDATE_S	0.1	/* between two orders of a rate */
#define LEAST		0.001	/* of the highest rate: a pump on its way never stands */
#define TAU_SHARE	0.02	/* of its duration: how fast a volume behind is made up for */
#define TAU_MIN_S	0.5
#define TAU_MAX_S	5.0
#define NEAR		0.9	/* of the ceiling: from here on it goes slower */
#define SLOW_RATE	0.5	/* 1/s, of that */
#define SLOWEST		0.01

static void set_rates(struct runner *r, struct lane *lane)
{
	const struct protocol_step *step = lane->step.step;
	double tau_s = fmin(TAU_MAX_S, fmax(TAU_MIN_S, TAU_SHARE * step->duration_s));

	for (size_t i = 0; i < step->flow_count; i++) {
		const struct protocol_flow *flow = &step->flows[i];
		struct channel *c = &r->channels[flow->channel];
		double stored_m3 = isnan(c->output.stored_m3) ? 0 : c->output.stored_m3;
		double behind_m3 = protocol_curve_volume(flow, lane->step.curve_s) -
				   (channel_delivered_m3(c) - stored_m3 - c->aim_m3);
		double rate = lane->step.slow * (protocol_curve_rate(flow, lane->step.curve_s) +
					      behind_m3 / tau_s);

		if (!c->ended && !c->stopping)
			channel_set_rate(c, fmin(flow->rate_m3_s, fmax(LEAST * flow->rate_m3_s, rate)),
					 r->now_ns);
	}
}

/* A reading that could not be had does not speed it up. */
static void heed_pressure(struct runner *r, struct lane *lane, double passed_s)
{
	const struct protocol_step *step = lane->step.step;
	double highest = -INFINITY;

	for (size_t i = 0; i < step->flow_count; i++) {
		double pressure_pa = r->channels[step->flows[i].channel].pressure_pa;

		if (isnan(pressure_pa))
			return;
		highest = fmax(highest, pressure_pa / step->ceiling_pa);
	}
	lane->step.slow *= exp(SLOW_RATE * passed_s * fmax(-10, NEAR - highest) / NEAR);
	lane->step.slow = fmin(1, fmax(SLOWEST, lane->step.slow));
}

void curve_begin(struct runner *r, struct lane *lane)
{
	lane->step.curve_s = 0;
	lane->step.slow = 1;
	lane->step.curve_ns = r->now_ns;
	set_rates(r, lane);
}

void curve_resume(struct runner *r, struct lane *lane)
{
	const struct protocol_flow *flow = &lane->step.step->flows[0];
	const struct channel *c = &r->channels[flow->channel];
	double given_m3 = fabs(channel_delivered_m3(c) - c->aim_m3);
	double low_s = 0, high_s = lane->step.step->duration_s;

	/* The volume never falls: bisection to a microsecond of a day. */
	for (int i = 0; i < 40; i++) {
		double middle_s = (low_s + high_s) / 2;

		if (protocol_curve_volume(flow, middle_s) < given_m3)
			low_s = middle_s;
		else
			high_s = middle_s;
	}
	lane->step.curve_s = high_s;
	lane->step.curve_ns = r->now_ns;
	set_rates(r, lane);
}

void curve_tick(struct runner *r, struct lane *lane)
{
	double passed_s = r->now_ns > lane->step.curve_ns ? (r->now_ns - lane->step.curve_ns) / 1e9 : 0;

	if (passed_s < UPDATE_S)
		return;
	if (isfinite(lane->step.step->ceiling_pa))
		heed_pressure(r, lane, passed_s);
	lane->step.curve_s += lane->step.slow * passed_s;
	lane->step.curve_ns = r->now_ns;
	set_rates(r, lane);
}
