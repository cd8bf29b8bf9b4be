// SPDX-License-Identifier: GPL-2.0-or-later
#include "plot.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "canvas.h"
#include "glyphs.h"
#include "text.h"

#define LABEL_COLUMNS	5	/* numbers of the flow axis */
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

static const struct run_sample *sample_at(const struct run_channel_view *channel, size_t index)
{
	return &channel->history[(channel->history_end + RUN_HISTORY - channel->history_count +
				  index) % RUN_HISTORY];
}

double plot_span(const struct run_channel_view *channel)
{
	size_t count = channel->history_count;
	double span_s = 60, holds_s;

	if (count < 2)
		return span_s;
	holds_s = (sample_at(channel, count - 1)->time_s - sample_at(channel, 0)->time_s) /
		  (count - 1) * (RUN_HISTORY - 1);
	span_s = round_times_s[3];
	for (int i = 4; i < ROUND_TIMES && round_times_s[i] <= holds_s; i++)
		span_s = round_times_s[i];
	return span_s;
}

static double value_of(const struct run_sample *sample, bool estimated)
{
	return estimated ? sample->estimate_ul_min : sample->flow_ul_min;
}

void plot_range_of(const struct run_channel_view *channel, double since_s,
		   struct plot_range *range)
{
	double low = INFINITY, high = -INFINITY, estimate_low = INFINITY, estimate_high = -INFINITY;
	double setpoint_low = 0, setpoint_high = 0;
	bool setpoint = false;

	for (size_t i = channel->history_count; i-- > 0;) {
		const struct run_sample *sample = sample_at(channel, i);

		if (sample->time_s < since_s)
			break;
		if (sample->flow_ul_min < low)
			low = sample->flow_ul_min;
		if (sample->flow_ul_min > high)
			high = sample->flow_ul_min;
		if (sample->estimate_ul_min < estimate_low)
			estimate_low = sample->estimate_ul_min;
		if (sample->estimate_ul_min > estimate_high)
			estimate_high = sample->estimate_ul_min;
		if (sample->setpoint_ul_min < setpoint_low)
			setpoint_low = sample->setpoint_ul_min;
		if (sample->setpoint_ul_min > setpoint_high)
			setpoint_high = sample->setpoint_ul_min;
		setpoint = true;
	}
	range->estimated = setpoint && high < low;
	if (range->estimated) {
		low = estimate_low;
		high = estimate_high;
	}
	range->any = setpoint;
	/* Zero is always on the axis: half the rate must look like half. */
	range->low_ul_min = fmin(fmin(low, setpoint_low), 0);
	range->high_ul_min = fmax(fmax(high, setpoint_high), 0);
	/* While nothing is asked for, the scale is that of what will be: noise must not fill it. */
	if (setpoint_low == 0 && setpoint_high == 0)
		range->high_ul_min = fmax(range->high_ul_min, channel->peak_ul_min * 1.05);
	/* Noise around rest is no reason to show negative flow, nor positive while withdrawing. */
	if (setpoint_low == 0 && range->low_ul_min > -0.03 * range->high_ul_min)
		range->low_ul_min = 0;
	if (setpoint_high == 0 && range->high_ul_min < -0.03 * range->low_ul_min)
		range->high_ul_min = 0;
	/* The set point keeps off the edges, so that an overshoot can be seen. */
	range->high_ul_min = fmax(range->high_ul_min, setpoint_high * 1.05);
	range->low_ul_min = fmin(range->low_ul_min, setpoint_low * 1.05);
	if (range->high_ul_min - range->low_ul_min < 1e-3)
		range->high_ul_min = range->low_ul_min + 1;
}

void plot_rate_unit(const struct run_channel_view *channel, struct format_unit *unit)
{
	double newest_s = 0;
	struct plot_range range;

	if (channel->history_count)
		newest_s = sample_at(channel, channel->history_count - 1)->time_s;
	plot_range_of(channel, newest_s - plot_span(channel), &range);
	format_rate_unit(fmax(range.high_ul_min, -range.low_ul_min), unit);
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

static void draw_flow(struct canvas *canvas, const struct plot_axis *axis,
		      const struct timebase *base, const struct run_channel_view *channel,
		      double since_s, bool estimated)
{
	const struct run_sample *before = NULL;
	/* Longer without a sample than this is a gap, not a line. */
	double gap_s = plot_span(channel) / RUN_HISTORY * 20;
	size_t first = channel->history_count;

	while (first > 0 && sample_at(channel, first - 1)->time_s >= since_s)
		first--;
	for (size_t i = first; i < channel->history_count; i++) {
		const struct run_sample *sample = sample_at(channel, i);
		double value = value_of(sample, estimated);
		double x = bin_of(base, sample->time_s);

		if (isnan(value)) {
			before = NULL;
			continue;
		}
		if (!before || sample->time_s - before->time_s > gap_s)
			line_to(canvas, axis, x, value, x, value);
		else
			line_to(canvas, axis, bin_of(base, before->time_s),
				value_of(before, estimated), x, value);
		before = sample;
	}
}

static void draw_setpoint(struct canvas *canvas, const struct plot_axis *axis,
			  const struct timebase *base, const struct run_channel_view *channel,
			  double since_s)
{
	/* Dotted where dots are fine; a row of '-' is as thin as ASCII gets. */
	int gap = canvas->utf8 ? 2 : 1, last = -1;
	size_t first = channel->history_count;

	while (first > 0 && sample_at(channel, first - 1)->time_s >= since_s)
		first--;
	for (size_t i = first; i < channel->history_count; i++) {
		const struct run_sample *sample = sample_at(channel, i);
		int x = bin_of(base, sample->time_s);
		int y = plot_axis_dot(axis, canvas->height, sample->setpoint_ul_min);
		int previous = last < 0 ? y : plot_axis_dot(axis, canvas->height,
					sample_at(channel, i - 1)->setpoint_ul_min);

		for (int at = last < 0 ? x : last + 1; at <= x; at++)
			if (at % gap == 0)
				canvas_dot(canvas, CANVAS_SETPOINT, y, at);
		for (int at = previous < y ? previous : y; at <= (previous < y ? y : previous); at++)
			if (previous != y && at % gap == 0)
				canvas_dot(canvas, CANVAS_SETPOINT, at, x);
		last = x;
	}
}

static void draw_caption(struct cells *cells, int row, int column, int columns,
			 const char *name, const char *unit, bool estimated)
{
	const struct glyphs *glyphs = glyphs_of(cells->utf8);
	const char *drawn = estimated ? "estimate" : "flow", *wanted = "set point";
	int title = LABEL_COLUMNS + text_columns(name) + 2 + strlen(unit), legend, at;

	at = cells_text(cells, row, column + LABEL_COLUMNS, columns - LABEL_COLUMNS, CELL_BOLD,
			"%s", name);
	cells_text(cells, row, at, column + columns - at, CELL_NORMAL, "  %s", unit);

	legend = LEGEND_COLUMNS + strlen(drawn) + strlen(wanted);
	if (title + 2 + legend + 1 > columns) {
		wanted = "set";
		legend = LEGEND_COLUMNS + strlen(drawn) + strlen(wanted);
	}
	if (title + 2 + legend + 1 > columns)
		return;
	at = column + columns - 1 - legend;
	at = cells_text(cells, row, at, 2, CELL_FLOW, "%s", glyphs->flow_line);
	at = cells_text(cells, row, at, 12, CELL_DIM, " %s  ", drawn);
	at = cells_text(cells, row, at, 2, CELL_SETPOINT, "%s", glyphs->setpoint_line);
	cells_text(cells, row, at, 12, CELL_DIM, " %s", wanted);
}

static void draw_flow_axis(struct cells *cells, int row, int column, int rows, int dots_a_row,
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

void plot_draw(struct cells *cells, int row, int column, int rows, int columns,
	       const struct run_channel_view *channel)
{
	int graph_rows = rows - 2, graph_columns = columns - MARGIN_COLUMNS;
	double span_s = plot_span(channel), newest_s = 0, newest_bin;
	struct format_unit unit;
	struct plot_range range;
	struct timebase base;
	struct plot_axis axis;
	struct canvas canvas;

	if (rows < PLOT_MIN_ROWS || columns < PLOT_MIN_COLUMNS ||
	    !canvas_init(&canvas, graph_rows, graph_columns, cells->utf8))
		return;
	if (channel->history_count)
		newest_s = sample_at(channel, channel->history_count - 1)->time_s;
	base.bin_s = span_s / canvas.width;
	newest_bin = floor(newest_s / base.bin_s + 1e-9);
	base.first = fmax(newest_bin - canvas.width + 1, 0);

	plot_range_of(channel, base.first * base.bin_s, &range);
	plot_axis_choose(range.low_ul_min, range.high_ul_min, axis_intervals(graph_rows), &axis);
	plot_rate_unit(channel, &unit);

	draw_caption(cells, row, column, columns, channel->name, unit.name, range.estimated);
	draw_flow_axis(cells, row + 1, column, graph_rows, canvas.height / graph_rows, &axis,
		       unit.factor);
	draw_time_axis(cells, row + rows - 1, column, graph_columns, canvas.width / graph_columns,
		       &base);
	if (range.any) {
		double since_s = base.first * base.bin_s;
		int y = plot_axis_dot(&axis, canvas.height, channel->setpoint_ul_min);

		draw_setpoint(&canvas, &axis, &base, channel, since_s);
		draw_flow(&canvas, &axis, &base, channel, since_s, range.estimated);
		canvas_draw(&canvas, cells, row + 1, column + LABEL_COLUMNS + 1);
		cells_put(cells, row + 1 + y / (canvas.height / graph_rows),
			  column + columns - 1, glyphs_of(cells->utf8)->marker, CELL_SETPOINT);
	} else {
		cells_text(cells, row + 1 + graph_rows / 2, column + LABEL_COLUMNS + 2,
			   graph_columns - 2, CELL_DIM, "no reading yet");
	}
	canvas_release(&canvas);
}
