/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A plot of one channel: what is read (solid) against what is wanted (dotted)
 * over a stretch of the run, with round ticks on both axes.
 */
#ifndef PLOT_H
#define PLOT_H

#include "cells.h"
#include "format.h"
#include "runner.h"
#include "plot_series.h"

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
/* The next round stretch that is shorter, or longer. */
double plot_zoom(double span_s, bool in);

struct plot_window {
	double span_s;		/* 0: what a ring of RUN_HISTORY samples holds */
	double end_s;		/* of the run; 0: the newest */
	bool band;		/* the estimate's, too */
};

/* The unit that plot and numbers of a channel share; wide enough for a sign. */
void plot_rate_unit(const struct run_channel_view *channel, struct format_unit *unit);

/* @window NULL: the newest. */
void plot_draw(struct cells *cells, int row, int column, int rows, int columns,
	       const struct run_channel_view *channel, enum plot_quantity quantity,
	       const struct plot_window *window);

#endif /* PLOT_H */
