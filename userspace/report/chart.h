/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One plot over the time of a run, as SVG. Values are in SI units. */
#ifndef CHART_H
#define CHART_H

#include <stdio.h>

#include "axis.h"
#include "series.h"

/* How a line looks; the page's style sheet has the colours. */
enum chart_style { CHART_RAW, CHART_MAIN, CHART_WANTED, CHART_OTHER };

struct chart_line {
	const struct series *series;
	enum chart_style style;
	const char *label;
};

/* A vertical mark: something happened. */
struct chart_mark {
	double time_s;
	int fault;		/* 0: a warning */
};

struct chart {
	const char *title;
	enum axis_kind kind;
	double begin_s, end_s;
	int from_zero;			/* the axis begins at 0 */
	double level;			/* a horizontal line, NAN: none */
	const char *level_label;
	const struct chart_line *lines;
	size_t line_count;
	const struct chart_mark *marks;
	size_t mark_count;
};

void chart_write(FILE *out, const struct chart *chart);

#endif /* CHART_H */
