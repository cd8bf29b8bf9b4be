// SPDX-License-Identifier: GPL-2.0-or-later
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "draw.h"
#include "format.h"
#include "glyphs.h"
#include "text.h"

#define HEADER_MIN_ROWS	3	/* a list of fewer rows goes without its header */
#define SOURCE_COLUMNS	9
#define SOURCE_FROM	70	/* columns from which an event's source is named */

void draw_header(struct cells *cells, const struct layout_area *area, const char *title,
		 const char *detail)
{
	const struct glyphs *glyphs = glyphs_of(cells->utf8);
	int column = area->column + 2;

	cells_fill(cells, area->row, area->column, area->columns, glyphs->rule, CELL_DIM);
	column = cells_text(cells, area->row, column, area->columns - 4, CELL_BOLD, " %s ", title);
	if (detail[0])
		cells_text(cells, area->row, column, area->column + area->columns - column - 1,
			   CELL_DIM, "%s ", detail);
}

/* The rows below the header, or all if there are too few for one. */
static struct layout_area list_rows(const struct layout_area *area)
{
	struct layout_area rows = *area;

	if (area->rows >= HEADER_MIN_ROWS) {
		rows.row++;
		rows.rows--;
	}
	return rows;
}

/* Index of the step to keep in sight; when the run is over, the last it came to. */
static size_t step_in_sight(const struct run_view *view)
{
	if (view->step_active < view->step_count)
		return view->step_active;
	for (size_t i = view->step_count; i-- > 0;)
		if (view->steps[i].state != RUN_STEP_TODO)
			return i;
	return 0;
}

static void draw_step(struct cells *cells, const struct layout_area *area, int row,
		      const struct run_step_view *step, bool asks)
{
	static const enum cell_style styles[] = {
		[RUN_STEP_TODO] = CELL_NORMAL, [RUN_STEP_ACTIVE] = CELL_BOLD,
		[RUN_STEP_DONE] = CELL_DIM, [RUN_STEP_SKIPPED] = CELL_DIM,
	};
	const struct glyphs *glyphs = glyphs_of(cells->utf8);
	const uint32_t marks[] = {
		[RUN_STEP_TODO] = ' ', [RUN_STEP_ACTIVE] = glyphs->active,
		[RUN_STEP_DONE] = glyphs->done, [RUN_STEP_SKIPPED] = glyphs->skipped,
	};
	enum cell_style style = styles[step->state];
	int indent = step->depth < 8 ? step->depth * 2 : 16, wide, room;
	char detail[48] = "";

	if (step->rounds)
		snprintf(detail, sizeof(detail), "round %u of %u", step->round, step->rounds);
	else if (step->state == RUN_STEP_ACTIVE && !isnan(step->progress) && !asks)
		snprintf(detail, sizeof(detail), "%3.0f %%",
			 floor(fmin(fmax(step->progress, 0), 1) * 100 + 1e-9));
	else if (step->state == RUN_STEP_SKIPPED)
		snprintf(detail, sizeof(detail), "skipped");

	wide = text_columns(detail);
	if (indent > area->columns / 4)
		indent = area->columns / 4;
	room = area->columns - 2 - indent;
	if (wide && room - wide - 2 >= 8) {
		cells_text(cells, row, area->column + area->columns - wide, wide, style, "%s", detail);
		room -= wide + 2;
	}
	cells_put(cells, row, area->column, marks[step->state],
		  step->state == RUN_STEP_ACTIVE ? CELL_KEY : style);
	cells_text(cells, row, area->column + 2 + indent, room, style, "%s", step->text);
}

/* Index of the first step shown. */
static size_t first_step(const struct run_view *view, size_t shown, long scroll)
{
	size_t sight = step_in_sight(view);
	long most = view->step_count > shown ? view->step_count - shown : 0, first;

	/* One or two done ones above it, what comes below it. */
	first = sight > shown / 3 ? sight - shown / 3 : 0;
	first = (first < most ? first : most) + scroll;
	if (first < 0)
		return 0;
	return first < most ? first : most;
}

long steps_scroll_fit(const struct layout_area *area, const struct run_view *view, long scroll)
{
	size_t shown = list_rows(area).rows;

	return (long)first_step(view, shown, scroll) - (long)first_step(view, shown, 0);
}

void draw_steps(struct cells *cells, const struct layout_area *area, const struct run_view *view, long scroll)
{
	struct layout_area rows = list_rows(area);
	size_t shown = rows.rows, first;

	if (rows.rows < 1)
		return;
	first = first_step(view, shown, scroll);
	if (rows.rows < area->rows) {
		char detail[64] = "";

		if (view->step_count > shown)
			snprintf(detail, sizeof(detail), "%zu to %zu of %zu", first + 1, first + shown,
				 view->step_count);
		draw_header(cells, area, "Steps", detail);
	}
	for (size_t i = 0; i < shown && first + i < view->step_count; i++)
		draw_step(cells, &rows, rows.row + i, &view->steps[first + i],
			  view->question);
}

static void draw_event(struct cells *cells, const struct layout_area *area, int row,
		       int time_columns, const struct run_event_view *event)
{
	static const char *const sources[] = {
		[RECORD_OPERATOR] = "operator", [RECORD_PROTOCOL] = "protocol",
		[RECORD_INTERLOCK] = "interlock", [RECORD_KERNEL] = "kernel",
		[RECORD_PROGRAM] = "program",
	};
	static const enum cell_style styles[] = {
		[RECORD_INFO] = CELL_NORMAL, [RECORD_WARNING] = CELL_WARNING, [RECORD_FAULT] = CELL_FAULT,
	};
	const struct glyphs *glyphs = glyphs_of(cells->utf8);
	const uint32_t marks[] = {
		[RECORD_INFO] = ' ', [RECORD_WARNING] = glyphs->warning, [RECORD_FAULT] = glyphs->fault,
	};
	int column = area->column, end = area->column + area->columns;
	char time[32];

	format_time(event->time_s, 1, time, sizeof(time));
	cells_text(cells, row, column, time_columns, CELL_DIM, "%*s", time_columns, time);
	column += time_columns + 1;
	cells_put(cells, row, column, marks[event->severity], styles[event->severity]);
	column += 2;
	if (area->columns >= SOURCE_FROM) {
		cells_text(cells, row, column, SOURCE_COLUMNS, CELL_DIM, "%s",
			   sources[event->source]);
		column += SOURCE_COLUMNS + 1;
	}
	cells_text(cells, row, column, end - column, styles[event->severity], "%s", event->text);
}

size_t events_scroll_most(const struct layout_area *area, const struct run_view *view)
{
	size_t shown = list_rows(area).rows;

	return view->event_count > shown ? view->event_count - shown : 0;
}

void draw_events(struct cells *cells, const struct layout_area *area, const struct run_view *view,
		 size_t scroll)
{
	struct layout_area rows = list_rows(area);
	size_t shown = rows.rows, most, first;
	/* "9:59.9", "59:59.9", "9:59:59.9": by what the run will need, not by what it has had. */
	double longest_s = fmax(view->planned_s, view->elapsed_s);
	int time_columns = longest_s < 600 ? 6 : longest_s < 3600 ? 7 : longest_s < 36000 ? 9 : 10;

	if (rows.rows < 1)
		return;
	most = events_scroll_most(area, view);
	if (scroll > most)
		scroll = most;
	first = most - scroll;
	if (rows.rows < area->rows) {
		char detail[64] = "";

		if (most)
			snprintf(detail, sizeof(detail), "%zu to %zu of %zu", first + 1,
				 first + shown, view->event_count);
		draw_header(cells, area, "Events", detail);
	}
	for (size_t i = 0; i < shown && first + i < view->event_count; i++)
		draw_event(cells, &rows, rows.row + i, time_columns, &view->events[first + i]);
}
