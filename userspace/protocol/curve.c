// SPDX-License-Identifier: GPL-2.0-or-later
/* Rates over time as points with lines between them. */
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

int protocol_step_sign(const struct protocol_step *step)
{
	return step->verb == PROTOCOL_WITHDRAW ? -1 : 1;
}
