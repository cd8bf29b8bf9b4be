/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the samples of one channel say, as lines to plot and as sums. */
#ifndef CURVES_H
#define CURVES_H

#include <stdint.h>

#include "series.h"

/* One row of the run file; what could not be had is NAN. SI units. */
struct curve_sample {
	double time_s;
	int64_t position;
	double flow_m3_s, estimate_m3_s, setpoint_m3_s, pressure_pa;
};

struct curves {
	double step_m3;
	struct series flow, estimate, setpoint, pressure;
	struct series delivered, asked;		/* volume by steps; by the set point */
	unsigned long samples, bad;		/* bad: without a flow */
	double delivered_m3;			/* by steps */
	double asked_m3;			/* the set point summed up over time */
	double sensed_m3;			/* the sensor's flow summed up over time */
	double unsensed_s;			/* time for which there was no reading */
	double max_pressure_pa;			/* NAN: none */
	int64_t origin;
	struct curve_sample last;
};

/* 0, or -1 with errno. */
int curves_init(struct curves *curves, double begin_s, double end_s, size_t columns,
		double step_m3);
void curves_free(struct curves *curves);
void curves_add(struct curves *curves, const struct curve_sample *sample);

#endif /* CURVES_H */
