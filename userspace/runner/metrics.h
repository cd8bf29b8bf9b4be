/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How well one channel's flow was kept, for the summary: figures of the first
 * infuse or mix the channel takes part in, from its start to the pump's end
 * position, worked out record by record.
 *
 *  - settle_s: from the start until the estimated flow stays within 5 % of
 *    the set point.
 *  - overshoot_pct: highest estimated flow above the set point, 0 if never.
 *  - flow_cv_pct: standard deviation over mean of the sensor's readings from
 *    then on; the sensor's own noise is in it.
 *  - max_pressure_kpa: of the whole run.
 */
#ifndef METRICS_H
#define METRICS_H

#include <stdbool.h>

struct metrics {
	bool begun, over;
	double set_point;		/* signed, m3/s */
	double begin_s;
	double inside_s;		/* since when within the band; NAN: outside */
	double peak;			/* estimate over set point, highest */
	unsigned long count;		/* readings since inside_s */
	double mean, square;		/* of them, and sum of squared deviations */
	double max_pressure_pa;		/* NAN: none seen */
};

void metrics_init(struct metrics *metrics);
/* A motion begins; only the first counts. */
void metrics_begin(struct metrics *metrics, double time_s, double set_point_m3_s);
/* A flow record; readings that could not be had are NAN. */
void metrics_sample(struct metrics *metrics, double time_s, double flow_m3_s,
		    double estimate_m3_s, double pressure_pa);
/* The motion is over or interrupted. */
void metrics_end(struct metrics *metrics);
/* NAN where there is nothing to tell. */
double metrics_settle_s(const struct metrics *metrics);
double metrics_overshoot_pct(const struct metrics *metrics);
double metrics_flow_cv_pct(const struct metrics *metrics);
double metrics_max_pressure_kpa(const struct metrics *metrics);

#endif /* METRICS_H */
