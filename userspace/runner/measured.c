// SPDX-License-Identifier: GPL-2.0-or-later
#include <math.h>

#include "measured.h"

#define FEW_READINGS	20
#define SHARE_BAD	0.05	/* of the readings that may be missing or beyond range */
/*
 * Sensors are within 5 to 10 % of the reading; a fluid that is not quite the
 * one they were calibrated for adds as much. More than that is no error of
 * measurement.
 */
#define TOLERANCE	0.25

void measured_sample(struct measured *m, double time_s, double flow_m3_s, bool beyond, bool moved)
{
	double zero;

	m->beyond += beyond;
	if (isnan(flow_m3_s)) {
		m->missing++;
		return;
	}
	if (!moved) {
		m->zero_sum_m3_s += flow_m3_s;
		m->zero_count++;
	}
	zero = m->zero_count ? m->zero_sum_m3_s / m->zero_count : 0;
	flow_m3_s -= zero;
	/* Trapezoids: what is missing in between is taken as a straight line. */
	if (m->readings++)
		m->volume_m3 += (time_s - m->last_s) * (m->last_m3_s + flow_m3_s) / 2;
	m->last_s = time_s;
	m->last_m3_s = flow_m3_s;
}

void measured_forget_rest(struct measured *m)
{
	m->zero_sum_m3_s = 0;
	m->zero_count = 0;
}

void measured_mark(struct measured *m)
{
	m->volume_m3 = 0;
	m->readings = 0;
	m->beyond = 0;
	m->missing = 0;
}

enum measured_verdict measured_judge(const struct measured *m, double stepped_m3)
{
	unsigned int records = m->readings + m->missing;

	if (records >= FEW_READINGS && m->beyond > SHARE_BAD * records)
		return MEASURED_BEYOND;
	if (m->readings < FEW_READINGS || m->missing > SHARE_BAD * records)
		return MEASURED_UNKNOWN;
	if (fabs(m->volume_m3 - stepped_m3) > TOLERANCE * fabs(stepped_m3))
		return MEASURED_DIFFERS;
	return MEASURED_AGREES;
}
