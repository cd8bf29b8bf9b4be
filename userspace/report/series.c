// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "series.h"

int series_init(struct series *series, double begin_s, double end_s, size_t columns)
{
	*series = (struct series){
		.begin_s = begin_s,
		.end_s = end_s > begin_s ? end_s : begin_s + 1,
		.count = columns,
		.columns = calloc(columns, sizeof(*series->columns)),
		.least = NAN,
		.most = NAN,
	};
	return series->columns ? 0 : -1;
}

void series_free(struct series *series)
{
	free(series->columns);
	series->columns = NULL;
}

static struct series_column *column_at(struct series *series, double time_s)
{
	double share = (time_s - series->begin_s) / (series->end_s - series->begin_s);
	double at = floor(share * (double)series->count);

	if (at < 0)
		at = 0;
	if (at > (double)(series->count - 1))
		at = (double)(series->count - 1);
	return &series->columns[(size_t)at];
}

void series_add(struct series *series, double time_s, double value)
{
	struct series_point point = { time_s, value };
	struct series_column *column;

	if (!isfinite(value)) {
		series->gap = true;
		return;
	}
	column = column_at(series, time_s);
	if (!column->used)
		*column = (struct series_column){ point, point, point, point, true, series->gap };
	if (value < column->low.value)
		column->low = point;
	if (value > column->high.value)
		column->high = point;
	column->last = point;
	series->gap = false;
	series->least = fmin(series->least, value);
	series->most = fmax(series->most, value);
}

size_t series_points(const struct series_column *column, struct series_point points[4])
{
	bool low_first = column->low.time_s <= column->high.time_s;
	struct series_point all[4] = {
		column->first, low_first ? column->low : column->high,
		low_first ? column->high : column->low, column->last,
	};
	size_t count = 0, i;

	if (!column->used)
		return 0;
	for (i = 0; i < 4; i++)
		if (!count || all[i].time_s > points[count - 1].time_s)
			points[count++] = all[i];
	return count;
}
