/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Many samples brought down to what a plot can show: of each column of the
 * plot the first, lowest, highest and last sample with their times, so that
 * the line looks the same as with all samples and no spike is lost.
 */
#ifndef SERIES_H
#define SERIES_H

#include <stdbool.h>
#include <stddef.h>

struct series_point {
	double time_s, value;
};

struct series_column {
	struct series_point first, low, high, last;
	bool used;
	bool gap;		/* a reading was missing between the column before and this one */
};

struct series {
	double begin_s, end_s;
	size_t count;
	struct series_column *columns;
	double least, most;	/* of all values, NAN: none yet */
	bool gap;		/* since the last value */
};

/* 0, or -1 with errno. A span of nothing is made one second long. */
int series_init(struct series *series, double begin_s, double end_s, size_t columns);
void series_free(struct series *series);
/* In the order of time. A @value of NAN, "could not be had", breaks the line. */
void series_add(struct series *series, double time_s, double value);
/* Points of a column in the order of time, without repeats: 0 to 4 of them. */
size_t series_points(const struct series_column *column, struct series_point points[4]);

#endif /* SERIES_H */
