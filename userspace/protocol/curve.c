// SPDX-License-Identifier: GPL-2.0-or-later
/* Rates over time as points with lines between them, what they mean at a chip, and their order. */
#include <math.h>

#include "protocol.h"

double protocol_curve_rate(const struct protocol_flow *flow, double time_s)
{
	const struct protocol_point *p = flow->points;

	for (size_t i = 1; i < flow->point_count; i++) {
		double length_s = p[i].time_s - p[i - 1].time_s;

		if (time_s < p[i].time_s)
			return time_s <= p[i - 1].time_s ? p[i - 1].rate_m3_s :
			       p[i - 1].rate_m3_s + (p[i].rate_m3_s - p[i - 1].rate_m3_s) *
			       (time_s - p[i - 1].time_s) / length_s;
	}
	return p[flow->point_count - 1].rate_m3_s;
}

double protocol_curve_volume(const struct protocol_flow *flow, double time_s)
{
	const struct protocol_point *p = flow->points;
	double volume_m3 = 0;

	for (size_t i = 1; i < flow->point_count && time_s > p[i - 1].time_s; i++) {
		double end_s = time_s < p[i].time_s ? time_s : p[i].time_s;
		double end_rate = time_s < p[i].time_s ? protocol_curve_rate(flow, time_s) :
							 p[i].rate_m3_s;

		volume_m3 += (p[i - 1].rate_m3_s + end_rate) / 2 * (end_s - p[i - 1].time_s);
	}
	return volume_m3;
}

double protocol_shear_pa(const struct protocol_channel *channel, double rate_m3_s)
{
	double w = fmax(channel->chip_width_m, channel->chip_height_m);
	double h = fmin(channel->chip_width_m, channel->chip_height_m);

	return h > 0 ? 6 * channel->viscosity_pa_s * rate_m3_s / (w * h * h) : NAN;
}

double protocol_chip_pressure_pa(const struct protocol_channel *channel, double rate_m3_s)
{
	double w = fmax(channel->chip_width_m, channel->chip_height_m);
	double h = fmin(channel->chip_width_m, channel->chip_height_m);

	return h > 0 ? 12 * channel->viscosity_pa_s * channel->chip_length_m * rate_m3_s /
		       (w * h * h * h * (1 - 0.63 * h / w)) : NAN;
}

/* ---- the order of things ----------------------------------------------------------- */

struct walk {
	void (*visit)(void *user, double begin_s, const struct protocol_step *step);
	void *user;
	double now_s;
};

static void walk_list(struct walk *walk, const struct protocol_step *steps, size_t count, bool last);

static void walk_branches(struct walk *walk, const struct protocol_step *parallel)
{
	double begin_s = walk->now_s, end_s = begin_s;

	for (size_t i = 0; i < parallel->step_count; i++) {
		const struct protocol_step *branch = &parallel->steps[i];

		walk->now_s = begin_s;
		walk_list(walk, branch->steps, branch->step_count, false);
		end_s = fmax(end_s, walk->now_s);
	}
	walk->now_s = end_s;
}

static void walk_list(struct walk *walk, const struct protocol_step *steps, size_t count, bool last)
{
	for (size_t i = 0; i < count; i++) {
		const struct protocol_step *step = &steps[i];
		bool loop = step->verb == PROTOCOL_REPEAT || step->verb == PROTOCOL_WHILE;

		for (unsigned int round = 1; loop && round <= step->times; round++)
			walk_list(walk, step->steps, step->step_count, round == step->times);
		if (step->verb == PROTOCOL_IF)
			walk_list(walk, step->steps, step->step_count, false);
		if (step->verb == PROTOCOL_PARALLEL)
			walk_branches(walk, step);
		if (loop || step->verb == PROTOCOL_IF || step->verb == PROTOCOL_PARALLEL ||
		    (step->verb == PROTOCOL_PERIOD && last))
			continue;
		walk->visit(walk->user, walk->now_s, step);
		walk->now_s += step->duration_s;
	}
}

void protocol_walk(const struct protocol *protocol,
		   void (*visit)(void *user, double begin_s, const struct protocol_step *step),
		   void *user)
{
	struct walk walk = { visit, user, 0 };

	walk_list(&walk, protocol->steps, protocol->step_count, false);
}

int protocol_step_sign(const struct protocol_step *step)
{
	return step->verb == PROTOCOL_WITHDRAW ? -1 : 1;
}
