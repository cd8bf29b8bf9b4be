// SPDX-License-Identifier: GPL-2.0-or-later
#include "plot.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "canvas.h"
#include "glyphs.h"
#include "plot_series.h"
#include "text.h"

#define ZOOM_LEAST_S	5
#define PAST		"  in the past"
#define PAST_COLUMNS	((int)sizeof(PAST) - 1)
#define LABEL_COLUMNS	5	/* numbers of the upright axis */
#define MARGIN_COLUMNS	(LABEL_COLUMNS + 2)	/* and the axis, and the marker at the right */

#define LEGEND_COLUMNS	(2 + 1 + 2 + 2 + 1)	/* two pieces of line, blanks, but not the words */

/* Round for people: seconds, minutes, hours. */
static const double round_times_s[] = {
	1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 10800, 21600, 43200, 86400,
};
#define ROUND_TIMES ((int)(sizeof(round_times_s) / sizeof(round_times_s[0])))

static double round_up(double value)
{
	static const double leading[] = { 1, 2, 5, 10 };
	double decade = pow(10, floor(log10(value)));

	for (int i = 0; i < 4; i++)
		if (leading[i] * decade >= value * (1 - 1e-9))
			return leading[i] * decade;
	return 10 * decade;
}

void plot_axis_choose(double low, double high, int intervals, struct plot_axis *axis)
{
	double step;

	if (!(high > low))
		high = low + 1;
	if (intervals < 1)
		intervals = 1;
	for (step = round_up((high - low) / intervals);; step = round_up(step * 1.5)) {
		axis->low = floor(low / step * 2 + 1e-9) * step / 2;
		axis->high = ceil(high / step * 2 - 1e-9) * step / 2;
		if (axis->high - axis->low <= (intervals + 1e-9) * step)
			break;
	}
	axis->step = step;
}

int plot_axis_dot(const struct plot_axis *axis, int height, double value)
{
	double dot = round((axis->high - value) / (axis->high - axis->low) * (height - 1));

	if (!(dot > 0))
		return 0;
	return dot < height - 1 ? (int)dot : height - 1;
}

double plot_time_step(double least_s)
{
	for (int i = 0; i < ROUND_TIMES; i++)
		if (round_times_s[i] >= least_s)
			return round_times_s[i];
	return ceil(least_s / 86400) * 86400;
}

double plot_zoom(double span_s, bool in)
{
	if (in) {
		for (int i = ROUND_TIMES; i-- > 0;)
			if (round_times_s[i] < span_s && round_times_s[i] >= ZOOM_LEAST_S)
				return round_times_s[i];
		return span_s;
	}
	return plot_time_step(span_s * 1.01);
}

void plot_rate_unit(const struct run_channel_view *channel, struct format_unit *unit)
{
	struct series series;
	struct series_range range;

	series_of(&series, channel, PLOT_FLOW, series_newest_s(channel) - series_span_s(channel));
	series_range_of(&series, &range);
	format_rate_unit(fmax(range.high, -range.low), unit);
	unit->width++;
}

/* Where on the canvas a time falls. Bins are fixed in time, so the picture moves by whole dots. */
struct timebase {
	double bin_s;
	double first;		/* number of the leftmost bin */
};

static double bin_of(const struct timebase *base, double time_s)
{
	return floor(time_s / base->bin_s + 1e-9) - base->first;
}

static void line_to(struct canvas *canvas, const struct plot_axis *axis,
		    double x0, double y0, double x1, double y1)
{
	int from = x0 < 0 ? 0 : (int)x0, to = x1 >= canvas->width ? canvas->width - 1 : (int)x1;

	for (int x = from; x <= to; x++) {
		double half = x1 > x0 ? 0.5 / (x1 - x0) : 0;
		double t = x1 > x0 ? (x - x0) / (x1 - x0) : 0;
		double begin = x1 > x0 ? y0 + (y1 - y0) * fmax(t - half, 0) : y0;
		double end = x1 > x0 ? y0 + (y1 - y0) * fmin(t + half, 1) : y1;
		int a = plot_axis_dot(axis, canvas->height, begin);
		int b = plot_axis_dot(axis, canvas->height, end);

		for (int y = a < b ? a : b; y <= (a < b ? b : a); y++)
			canvas_dot(canvas, CANVAS_FLOW, y, x);
	}
}

static void draw_values(struct canvas *canvas, const struct plot_axis *axis,
			const struct timebase *base, const struct series *series)
{
	const struct run_sample *before = NULL;

	for (size_t i = series->first; i < series->count; i++) {
		const struct run_sample *sample = series_at(series, i);
		double value = series_value(series, sample);
		double x = bin_of(base, sample->time_s);

		if (isnan(value)) {
			before = NULL;
			continue;
		}
		/* Longer without a sample is a gap, not a line. */
		if (!before || sample->time_s - before->time_s > series->gap_s)
			line_to(canvas, axis, x, value, x, value);
		else
			line_to(canvas, axis, bin_of(base, before->time_s),
				series_value(series, before), x, value);
		before = sample;
	}
}

/* The estimate, two standard deviations to each side. */
static void draw_band(struct canvas *canvas, const struct plot_axis *axis,
		      const struct timebase *base, const struct series *series)
{
	int gap = canvas->utf8 ? 2 : 1;

	for (size_t i = series->first; i < series->count; i++) {
		const struct run_sample *sample = series_at(series, i);
		int x = bin_of(base, sample->time_s);

		if (x % gap || isnan(sample->band_ul_min))
			continue;
		for (int side = -1; side <= 1; side += 2) {
			double edge = sample->estimate_ul_min + side * sample->band_ul_min;

			/* A dot at the margin would say that the edge is there. */
			if (edge >= axis->low && edge <= axis->high)
				canvas_dot(canvas, CANVAS_BAND, plot_axis_dot(axis, canvas->height, edge), x);
		}
	}
}

static void draw_wanted(struct canvas *canvas, const struct plot_axis *axis,
			const struct timebase *base, const struct series *series)
{
	/* Dotted where dots are fine; a row of '-' is as thin as ASCII gets. */
	int gap = canvas->utf8 ? 2 : 1, last = -1;

	for (size_t i = series->first; i < series->count; i++) {
		const struct run_sample *sample = series_at(series, i);
		int x = bin_of(base, sample->time_s);
		int y = plot_axis_dot(axis, canvas->height, series_wanted(series, sample));
		int previous = last < 0 ? y : plot_axis_dot(axis, canvas->height,
					series_wanted(series, series_at(series, i - 1)));

		for (int at = last < 0 ? x : last + 1; at <= x; at++)
			if (at % gap == 0)
				canvas_dot(canvas, CANVAS_SETPOINT, y, at);
		for (int at = previous < y ? previous : y; at <= (previous < y ? y : previous); at++)
			if (previous != y && at % gap == 0)
				canvas_dot(canvas, CANVAS_SETPOINT, at, x);
		last = x;
	}
}

static void draw_caption(struct cells *cells, int row, int column, int columns, const char *unit,
			 const struct series *series, bool past)
{
	const struct glyphs *glyphs = glyphs_of(cells->utf8);
	const char *drawn = series_name(series), *wanted = series_wanted_name(series);
	const char *name = series->channel->name;
	int title = LABEL_COLUMNS + text_columns(name) + 2 + strlen(unit), legend, at;

	at = cells_text(cells, row, column + LABEL_COLUMNS, columns - LABEL_COLUMNS, CELL_BOLD,
			"%s", name);
	at = cells_text(cells, row, at, column + columns - at, CELL_NORMAL, "  %s", unit);
	if (past && title + 2 + PAST_COLUMNS <= columns) {
		cells_text(cells, row, at, column + columns - at, CELL_WARNING, "%s", PAST);
		title += PAST_COLUMNS;
	}

	legend = LEGEND_COLUMNS + strlen(drawn) + strlen(wanted);
	if (title + 2 + legend + 1 > columns && !strcmp(wanted, "set point")) {
		wanted = "set";
		legend = LEGEND_COLUMNS + strlen(drawn) + strlen(wanted);
	}
	if (!*wanted)
		legend = LEGEND_COLUMNS / 2 + strlen(drawn);
	if (title + 2 + legend + 1 > columns)
		return;
	at = column + columns - 1 - legend;
	at = cells_text(cells, row, at, 2, CELL_FLOW, "%s", glyphs->flow_line);
	at = cells_text(cells, row, at, 12, CELL_DIM, " %s  ", drawn);
	if (!*wanted)
		return;
	at = cells_text(cells, row, at, 2, CELL_SETPOINT, "%s", glyphs->setpoint_line);
	cells_text(cells, row, at, 12, CELL_DIM, " %s", wanted);
}

static void draw_value_axis(struct cells *cells, int row, int column, int rows, int dots_a_row,
			   const struct plot_axis *axis, double factor)
{
	const struct glyphs *glyphs = glyphs_of(cells->utf8);
	double step = axis->step * factor;
	int decimals = step >= 1 ? 0 : (int)ceil(-log10(step) - 1e-9);
	int first = ceil(axis->low / axis->step - 1e-9), last = floor(axis->high / axis->step + 1e-9);

	for (int y = 0; y < rows; y++)
		cells_put(cells, row + y, column + LABEL_COLUMNS, glyphs->axis_y, CELL_DIM);
	for (int i = first; i <= last; i++) {
		double value = i * axis->step;
		int y = plot_axis_dot(axis, rows * dots_a_row, value) / dots_a_row;
		char label[24];

		snprintf(label, sizeof(label), "%*.*f", LABEL_COLUMNS, decimals,
			 value * factor);
		cells_text(cells, row + y, column, LABEL_COLUMNS, CELL_DIM, "%s", label);
		cells_put(cells, row + y, column + LABEL_COLUMNS, glyphs->tick_y, CELL_DIM);
	}
}

static void draw_time_axis(struct cells *cells, int row, int column, int columns,
			   int dots_a_column, const struct timebase *base)
{
	const struct glyphs *glyphs = glyphs_of(cells->utf8);
	double begin_s = base->first * base->bin_s;
	double cell_s = base->bin_s * dots_a_column;
	double end_s = begin_s + columns * cell_s;
	char label[24];
	double step_s;
	int longest;

	longest = strlen(format_time(end_s, 0, label, sizeof(label)));
	step_s = plot_time_step((longest + 4) * cell_s);
	cells_text(cells, row, column, LABEL_COLUMNS, CELL_DIM, "%*s", LABEL_COLUMNS,
		   end_s > 3600 ? "h:m:s" : "min:s");
	column += LABEL_COLUMNS;
	cells_put(cells, row, column, glyphs->corner, CELL_DIM);
	cells_fill(cells, row, column + 1, columns, glyphs->axis_x, CELL_DIM);
	for (double tick_s = ceil(begin_s / step_s - 1e-9) * step_s; tick_s < end_s; tick_s += step_s) {
		int x = bin_of(base, tick_s) / dots_a_column;
		int length;

		format_time(tick_s, 0, label, sizeof(label));
		length = strlen(label);
		if (x >= columns)
			break;
		cells_put(cells, row, column + 1 + x, glyphs->tick_x, CELL_DIM);
		if (x + 1 + length <= columns)
			cells_text(cells, row, column + 2 + x, length, CELL_DIM, "%s", label);
	}
}

/* A label every two rows, every three where there are plenty. */
static int axis_intervals(int rows)
{
	int intervals = rows > 8 ? rows / 3 : (rows - 1) / 2;

	return intervals > 2 ? intervals : 2;
}

static double unit_of(const struct series *series, const struct series_range *range,
		      const char **name)
{
	struct format_unit unit = { .name = "kPa", .factor = 1 };

	if (series->quantity == PLOT_FLOW)
		plot_rate_unit(series->channel, &unit);
	else if (series->quantity == PLOT_VOLUME)
		format_volume_unit(fmax(range->high, -range->low), &unit);
	*name = unit.name;
	return unit.factor;
}

/* The newest bin stands at the right edge, or the first one at the left while there is room. */
static void choose_time(struct timebase *base, const struct run_channel_view *channel,
			const struct plot_window *window, int width)
{
	double span_s = window && window->span_s > 0 ? window->span_s : series_span_s(channel);
	double end_s = window && window->end_s > 0 ? window->end_s : series_newest_s(channel);

	base->bin_s = span_s / width;
	base->first = fmax(floor(end_s / base->bin_s + 1e-9) - width + 1, 0);
}

void plot_draw(struct cells *cells, int row, int column, int rows, int columns,
	       const struct run_channel_view *channel, enum plot_quantity quantity,
	       const struct plot_window *window)
{
	int graph_rows = rows - 2, graph_columns = columns - MARGIN_COLUMNS;
	bool past = window && window->end_s > 0;
	struct series_range range;
	struct series series;
	struct timebase base;
	struct plot_axis axis;
	struct canvas canvas;
	const char *unit;
	double factor;

	if (rows < PLOT_MIN_ROWS || columns < PLOT_MIN_COLUMNS ||
	    !canvas_init(&canvas, graph_rows, graph_columns, cells->utf8))
		return;
	choose_time(&base, channel, window, canvas.width);
	series_of(&series, channel, quantity, base.first * base.bin_s);
	if (past)
		series_end(&series, (base.first + canvas.width) * base.bin_s);
	series_range_of(&series, &range);
	factor = unit_of(&series, &range, &unit);
	plot_axis_choose(range.low, range.high, axis_intervals(graph_rows), &axis);

	draw_caption(cells, row, column, columns, unit, &series, past);
	draw_value_axis(cells, row + 1, column, graph_rows, canvas.height / graph_rows, &axis, factor);
	draw_time_axis(cells, row + rows - 1, column, graph_columns, canvas.width / graph_columns,
		       &base);
	if (range.any) {
		if (window && quantity == PLOT_FLOW && window->band)
			draw_band(&canvas, &axis, &base, &series);
		if (*series_wanted_name(&series))
			draw_wanted(&canvas, &axis, &base, &series);
		draw_values(&canvas, &axis, &base, &series);
		canvas_draw(&canvas, cells, row + 1, column + LABEL_COLUMNS + 1);
	} else {
		cells_text(cells, row + 1 + graph_rows / 2, column + LABEL_COLUMNS + 2,
			   graph_columns - 2, CELL_DIM, "no reading %s", past ? "then" : "yet");
	}
	if (range.any && !past && quantity == PLOT_FLOW) {
		int y = plot_axis_dot(&axis, canvas.height, channel->setpoint_ul_min);

		cells_put(cells, row + 1 + y / (canvas.height / graph_rows),
			  column + columns - 1, glyphs_of(cells->utf8)->marker, CELL_SETPOINT);
	}
	canvas_release(&canvas);
}
