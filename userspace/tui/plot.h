/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The live plot of one channel: flow (solid) against set point (dotted) over
 * the last stretch of the run, with round ticks on both axes.
 */
#ifndef PLOT_H
#define PLOT_H

#include "cells.h"
#include "format.h"
#include "runner.h"

#define PLOT_MIN_ROWS		5	/* caption, three of graph, time axis */
#define PLOT_MIN_COLUMNS	24

struct plot_axis {
	double low, high;	/* multiples of half a step */
	double step;		/* of the ticks: 1, 2 or 5 times a power of ten */
};

/* The closest round axis around low..high, at most @intervals of its steps long. */
void plot_axis_choose(double low, double high, int intervals, struct plot_axis *axis);
/* The dot of a value among @height, 0 is the top; outside values at the edge. */
int plot_axis_dot(const struct plot_axis *axis, int height, double value);

/* Distance of ticks: the shortest round time not below @least_s. */
double plot_time_step(double least_s);
/* The longest round stretch that a ring of RUN_HISTORY samples can show. */
double plot_span(const struct run_channel_view *channel);

struct plot_range {
	double low_ul_min, high_ul_min;
	bool any;		/* something to draw */
	bool estimated;		/* no reading of the sensor: the estimate is drawn */
};

/* Extent of what the plot shows, from @since_s on. */
void plot_range_of(const struct run_channel_view *channel, double since_s,
		   struct plot_range *range);

/* The unit that plot and numbers of a channel share; wide enough for a sign. */
void plot_rate_unit(const struct run_channel_view *channel, struct format_unit *unit);

void plot_draw(struct cells *cells, int row, int column, int rows, int columns,
	       const struct run_channel_view *channel);

#endif /* PLOT_H */
