// SPDX-License-Identifier: GPL-2.0-or-later
#include <math.h>

#include "metrics.h"

#define BAND 0.05

void metrics_init(struct metrics *m)
{
	*m = (struct metrics){ .inside_s = NAN, .max_pressure_pa = NAN };
}

void metrics_begin(struct metrics *m, double time_s, double set_point_m3_s)
{
	if (m->begun)
		return;
	m->begun = true;
	m->begin_s = time_s;
	m->set_point = set_point_m3_s;
}

void metrics_sample(struct metrics *m, double time_s, double flow_m3_s, double estimate_m3_s,
		    double pressure_pa)
{
	double share, deviation;

	/* fmax() takes the other one where one is NAN */
	m->max_pressure_pa = fmax(m->max_pressure_pa, pressure_pa);
	if (!m->begun || m->over || time_s < m->begin_s)
		return;
	share = estimate_m3_s / m->set_point;
	m->peak = fmax(m->peak, share);
	if (!(fabs(share - 1) <= BAND)) {
		m->inside_s = NAN;
		return;
	}
	if (isnan(m->inside_s)) {
		m->inside_s = time_s;
		m->count = 0;
		m->mean = 0;
		m->square = 0;
	}
	if (isnan(flow_m3_s))
		return;
	m->count++;
	deviation = flow_m3_s - m->mean;
	m->mean += deviation / m->count;
	m->square += deviation * (flow_m3_s - m->mean);
}

void metrics_end(struct metrics *m)
{
	if (m->begun)
		m->over = true;
}

double metrics_settle_s(const struct metrics *m)
{
	return m->begun ? m->inside_s - m->begin_s : NAN;
}

double metrics_overshoot_pct(const struct metrics *m)
{
	return m->begun ? 100 * fmax(0, m->peak - 1) : NAN;
}

double metrics_flow_cv_pct(const struct metrics *m)
{
	if (isnan(m->inside_s) || m->count < 2 || m->mean == 0)
		return NAN;
	return 100 * sqrt(m->square / (m->count - 1)) / fabs(m->mean);
}

double metrics_max_pressure_kpa(const struct metrics *m)
{
	return m->max_pressure_pa / 1000;
}
