// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Coordinates are whole tenths of a pixel and lines are written as differences:
 * a third of the size that decimal fractions would have.
 */
#include <math.h>

#include "chart.h"
#include "html.h"

#define WIDTH	7200
#define HEIGHT	2140
#define LEFT	720
#define RIGHT	7080
#define TOP	330
#define BOTTOM	1720

static const char *const styles[] = {
	[CHART_RAW] = "raw", [CHART_MAIN] = "main", [CHART_WANTED] = "wanted",
	[CHART_OTHER] = "other",
};

/* From values to the plot. */
struct frame {
	struct axis x, y;
	struct axis_unit x_unit, y_unit;
};

static int x_of(const struct frame *frame, double time_s)
{
	double share = (time_s * frame->x_unit.per_si - frame->x.low) / (frame->x.high - frame->x.low);

	return LEFT + (int)lround(fmin(fmax(share, 0), 1) * (RIGHT - LEFT));
}

static int y_of(const struct frame *frame, double value)
{
	double share = (value * frame->y_unit.per_si - frame->y.low) / (frame->y.high - frame->y.low);

	return BOTTOM - (int)lround(share * (BOTTOM - TOP));
}

/* ---- lines ---------------------------------------------------------------------- */

/* A path under way: the point written last and one that may still be left out. */
struct path {
	FILE *out;
	int x, y;
	int held_x, held_y;
	int drawn, held;
};

static void flush(struct path *path)
{
	if (!path->held)
		return;
	fprintf(path->out, "l%d %d", path->held_x - path->x, path->held_y - path->y);
	path->x = path->held_x;
	path->y = path->held_y;
	path->held = 0;
}

static void line_to(struct path *path, int x, int y)
{
	if (!path->drawn) {
		fprintf(path->out, "M%d %d", x, y);
		path->x = x;
		path->y = y;
		path->drawn = 1;
		return;
	}
	/* On the way of a level line the points between say nothing. */
	if (path->held && !(path->y == path->held_y && path->held_y == y))
		flush(path);
	path->held = x != path->x || y != path->y;
	path->held_x = x;
	path->held_y = y;
}

/* A lone point is drawn by its round ends. */
static void end_stroke(struct path *path)
{
	flush(path);
	if (path->drawn)
		fputs("h0", path->out);
	path->drawn = 0;
}

static void write_line(FILE *out, const struct frame *frame, const struct chart_line *line)
{
	struct path path = { .out = out };
	struct series_point points[4];
	size_t i, k, count;

	fprintf(out, "<path class=%s d=\"", styles[line->style]);
	for (i = 0; i < line->series->count; i++) {
		const struct series_column *column = &line->series->columns[i];

		if (column->used && column->gap)
			end_stroke(&path);
		count = series_points(column, points);
		for (k = 0; k < count; k++)
			line_to(&path, x_of(frame, points[k].time_s),
				y_of(frame, points[k].value));
	}
	end_stroke(&path);
	fputs("\"/>\n", out);
}

/* ---- what surrounds them ------------------------------------------------------------ */

static void range(const struct chart *chart, double *least, double *most)
{
	size_t i;

	*least = *most = chart->level;
	for (i = 0; i < chart->line_count; i++) {
		*least = fmin(*least, chart->lines[i].series->least);
		*most = fmax(*most, chart->lines[i].series->most);
	}
	if (!isfinite(*least))
		*least = *most = 0;
	if (chart->from_zero) {
		*least = fmin(*least, 0);
		*most = fmax(*most, 0);
	}
}

static void write_axes(FILE *out, const struct frame *frame)
{
	size_t i;

	for (i = 0; i < frame->y.count; i++) {
		int y = y_of(frame, frame->y.ticks[i] / frame->y_unit.per_si);

		fprintf(out, "<path class=grid d=\"M%d %dH%d\"/><text class=y x=%d y=%d>%.*f</text>\n",
			LEFT, y, RIGHT, LEFT - 60, y + 35, frame->y.decimals, frame->y.ticks[i]);
	}
	for (i = 0; i < frame->x.count; i++) {
		int x = x_of(frame, frame->x.ticks[i] / frame->x_unit.per_si);

		fprintf(out, "<path class=grid d=\"M%d %dV%d\"/><text class=x x=%d y=%d>%.*f</text>\n",
			x, TOP, BOTTOM, x, BOTTOM + 150, frame->x.decimals, frame->x.ticks[i]);
	}
	fprintf(out, "<path class=frame d=\"M%d %dV%dH%d\"/>\n", LEFT, TOP, BOTTOM, RIGHT);
	fprintf(out, "<text class=x x=%d y=%d>time since the start (%s)</text>\n",
		(LEFT + RIGHT) / 2, HEIGHT - 90, frame->x_unit.name);
	fprintf(out, "<text class=y x=%d y=%d>%s</text>\n", LEFT - 60, TOP - 120,
		frame->y_unit.name);
}

/* Characters, not bytes. */
static int text_length(const char *text)
{
	int length = 0;

	for (; *text; text++)
		length += (*text & 0xc0) != 0x80;
	return length;
}

static void write_legend_entry(FILE *out, int *x, const char *style, const char *label)
{
	fprintf(out, "<path class=%s d=\"M%d %dh260\"/><text x=%d y=%d>", style, *x, TOP - 155,
		*x + 320, TOP - 120);
	html_text(out, label);
	fputs("</text>\n", out);
	*x += 320 + 62 * text_length(label) + 260;
}

static void write_legend(FILE *out, const struct chart *chart)
{
	int x = LEFT + 60;
	size_t i;

	for (i = 0; i < chart->line_count; i++)
		write_legend_entry(out, &x, styles[chart->lines[i].style], chart->lines[i].label);
	if (isfinite(chart->level))
		write_legend_entry(out, &x, "level", chart->level_label);
}

static void write_marks(FILE *out, const struct chart *chart, const struct frame *frame)
{
	size_t i;

	for (i = 0; i < chart->mark_count; i++)
		fprintf(out, "<path class=%s d=\"M%d %dV%d\"/>\n",
			chart->marks[i].fault ? "fault" : "warning",
			x_of(frame, chart->marks[i].time_s), TOP, BOTTOM);
}

void chart_write(FILE *out, const struct chart *chart)
{
	struct frame frame;
	double least, most;
	size_t i;

	range(chart, &least, &most);
	frame.y_unit = axis_unit(chart->kind, fmax(fabs(least), fabs(most)));
	frame.x_unit = axis_unit(AXIS_TIME, chart->end_s - chart->begin_s);
	axis_values(&frame.y, least * frame.y_unit.per_si, most * frame.y_unit.per_si, 5);
	axis_times(&frame.x, chart->begin_s * frame.x_unit.per_si,
		   chart->end_s * frame.x_unit.per_si, 10, frame.x_unit);
	fprintf(out, "<figure><figcaption>");
	html_text(out, chart->title);
	fprintf(out, "</figcaption>\n<svg viewBox=\"0 0 %d %d\" role=img aria-label=\"", WIDTH, HEIGHT);
	html_text(out, chart->title);
	fputs("\">\n", out);
	write_axes(out, &frame);
	write_marks(out, chart, &frame);
	for (i = 0; i < chart->line_count; i++)
		write_line(out, &frame, &chart->lines[i]);
	if (isfinite(chart->level))
		fprintf(out, "<path class=level d=\"M%d %dH%d\"/>\n", LEFT,
			y_of(&frame, chart->level), RIGHT);
	write_legend(out, chart);
	fputs("</svg></figure>\n", out);
}
