/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What there is to plot: one quantity of a channel from some time of the run on. */
#ifndef PLOT_SERIES_H
#define PLOT_SERIES_H

#include "runner.h"

enum plot_quantity { PLOT_FLOW, PLOT_PRESSURE, PLOT_VOLUME };

struct series {
	const struct run_channel_view *channel;
	enum plot_quantity quantity;
	const struct run_sample *samples;
	size_t begin, count;	/* where in the ring the oldest is; how many there are */
	size_t first;		/* of those since the time asked for */
	double gap_s;		/* longer without a sample, and there were none */
	bool estimated;		/* no reading of the sensor: the estimate is told */
};

struct series_range {
	double low, high;	/* uL/min, kPa, uL */
	bool any;		/* something to draw */
};

/* The finest samples that reach back to @since_s, or all that there are. */
void series_of(struct series *series, const struct run_channel_view *channel,
	       enum plot_quantity quantity, double since_s);
/* Without those after @until_s. */
void series_end(struct series *series, double until_s);
const struct run_sample *series_at(const struct series *series, size_t index);
/* NAN: none. */
double series_value(const struct series *series, const struct run_sample *sample);
double series_wanted(const struct series *series, const struct run_sample *sample);
/* "flow"; "set point", "": nothing is wanted of it */
const char *series_name(const struct series *series);
const char *series_wanted_name(const struct series *series);
/* Extent of both. */
void series_range_of(const struct series *series, struct series_range *range);

/* Time of the newest sample. */
double series_newest_s(const struct run_channel_view *channel);
/* The longest round stretch that a ring of RUN_HISTORY samples can show. */
double series_span_s(const struct run_channel_view *channel);

#endif /* PLOT_SERIES_H */
