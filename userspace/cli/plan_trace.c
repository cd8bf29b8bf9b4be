// SPDX-License-Identifier: GPL-2.0-or-later
#include <math.h>
#include <stdlib.h>

#include "plan_trace.h"

static void add_point(struct plan *plan, struct plan_trace *trace, double time_s, double rate_m3_s)
{
	struct plan_point point = { time_s, rate_m3_s, 0 }, *last;

	if (trace->count == trace->space) {
		size_t space = trace->space ? 2 * trace->space : 64;
		struct plan_point *points = realloc(trace->points, space * sizeof(*points));

		if (!points) {
			plan->no_memory = true;
			return;
		}
		trace->points = points;
		trace->space = space;
	}
	if (trace->count) {
		last = &trace->points[trace->count - 1];
		/* Nothing happens from one to the other: no need to say so twice. */
		if (last->time_s == time_s && last->rate_m3_s == rate_m3_s)
			return;
		point.volume_m3 = last->volume_m3 + (last->rate_m3_s + rate_m3_s) / 2 *
				  (time_s - last->time_s);
	}
	trace->points[trace->count++] = point;
}

static void add_flow(struct plan *plan, const struct protocol_flow *flow, int sign, double begin_s,
		     double duration_s)
{
	const struct protocol_channel *channel = &plan->protocol->channels[flow->channel];
	struct plan_trace *trace = &plan->traces[flow->channel];

	add_point(plan, trace, begin_s, 0);
	if (flow->points) {
		for (size_t i = 0; i < flow->point_count; i++)
			add_point(plan, trace, begin_s + flow->points[i].time_s,
				  sign * flow->points[i].rate_m3_s);
	} else {
		add_point(plan, trace, begin_s, sign * flow->rate_m3_s);
		add_point(plan, trace, begin_s + duration_s, sign * flow->rate_m3_s);
	}
	add_point(plan, trace, begin_s + duration_s, 0);
	if (sign < 0)
		trace->withdrawn_m3 += flow->volume_m3;
	if (trace->count)
		trace->lowest_m3 = fmin(trace->lowest_m3, channel->loaded_m3 -
					trace->points[trace->count - 1].volume_m3);
}

static void visit(void *user, double begin_s, const struct protocol_step *step)
{
	struct plan *plan = user;

	for (size_t i = 0; i < step->flow_count; i++)
		add_flow(plan, &step->flows[i], protocol_step_sign(step), begin_s, step->duration_s);
}

bool plan_make(struct plan *plan, const struct protocol *protocol)
{
	*plan = (struct plan){ .protocol = protocol };
	plan->traces = calloc(protocol->channel_count, sizeof(*plan->traces));
	if (!plan->traces)
		return false;
	for (size_t i = 0; i < protocol->channel_count; i++) {
		plan->traces[i].lowest_m3 = protocol->channels[i].loaded_m3;
		add_point(plan, &plan->traces[i], 0, 0);
	}
	protocol_walk(protocol, visit, plan);
	for (size_t i = 0; i < protocol->channel_count; i++)
		add_point(plan, &plan->traces[i], protocol->duration_s, 0);
	return !plan->no_memory;
}

void plan_free(struct plan *plan)
{
	for (size_t i = 0; plan->traces && i < plan->protocol->channel_count; i++)
		free(plan->traces[i].points);
	free(plan->traces);
}

double plan_volume_m3(const struct plan *plan, size_t channel, double time_s)
{
	const struct plan_trace *trace = &plan->traces[channel];
	size_t low = 0, high = trace->count;
	const struct plan_point *p;
	double passed_s, length_s, rate;

	while (high - low > 1) {
		size_t middle = (low + high) / 2;

		if (trace->points[middle].time_s <= time_s)
			low = middle;
		else
			high = middle;
	}
	p = &trace->points[low];
	if (high == trace->count)
		return p->volume_m3;
	passed_s = time_s - p->time_s;
	length_s = p[1].time_s - p->time_s;
	rate = p->rate_m3_s + (p[1].rate_m3_s - p->rate_m3_s) * passed_s / length_s;
	return p->volume_m3 + (p->rate_m3_s + rate) / 2 * passed_s;
}

double plan_arrival_s(const struct plan *plan, size_t channel)
{
	double dead_m3 = plan->protocol->channels[channel].dead_volume_m3;
	const struct plan_trace *trace = &plan->traces[channel];

	if (!(dead_m3 > 0))
		return NAN;
	for (size_t i = 1; i < trace->count; i++) {
		double low = trace->points[i - 1].time_s, high = trace->points[i].time_s;

		if (trace->points[i].volume_m3 < dead_m3 * (1 - 1e-9))
			continue;
		for (int k = 0; k < 60; k++) {
			double middle = (low + high) / 2;

			if (plan_volume_m3(plan, channel, middle) < dead_m3)
				low = middle;
			else
				high = middle;
		}
		return high;
	}
	return NAN;
}
