// SPDX-License-Identifier: GPL-2.0-or-later
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "draw.h"
#include "format.h"
#include "glyphs.h"
#include "text.h"

struct notices {
	struct notice_line *lines;
	int count, columns;
};

static void add(struct notices *notices, enum cell_style style, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static void add(struct notices *notices, enum cell_style style, const char *format, ...)
{
	char buffer[2048];
	const char *text = buffer;
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(buffer, sizeof(buffer), format, arguments);
	va_end(arguments);
	/* A blank at each end, as these lines stand on a ground of their own. */
	while (*text && notices->count < NOTICE_LINES) {
		struct notice_line *line = &notices->lines[notices->count++];
		const char *next;
		int bytes = text_wrap(text, notices->columns > 2 ? notices->columns - 2 : 1, &next);

		line->style = style;
		snprintf(line->text, sizeof(line->text), " %.*s", bytes, text);
		text = next;
	}
}

static void add_question(struct notices *notices, const struct run_view *view)
{
	char left[32];

	if (isfinite(view->question_left_s))
		add(notices, CELL_WARNING, "%s  (y or Enter: yes, n: no; %s left)", view->question,
		    format_time(ceil(view->question_left_s), 0, left, sizeof(left)));
	else
		add(notices, CELL_WARNING, "%s  (y or Enter: yes, n: no)", view->question);
}

static void add_faults(struct notices *notices, const struct run_channel_view *channel)
{
	if (channel->gone)
		add(notices, CELL_FAULT, "FAULT %s: the pump %s is gone. Look at its power and cables.",
		    channel->name, channel->pump);
	for (int bit = 0; bit < 32; bit++) {
		uint32_t fault = channel->faults & 1U << bit;

		if (fault)
			add(notices, CELL_FAULT, "FAULT %s: %s: %s.", channel->name,
			    nanodose_fault_name(fault), nanodose_fault_advice(fault));
	}
}

static void add_result(struct notices *notices, const struct run_view *view)
{
	const char *record = view->record_path ? view->record_path : "";

	switch (view->status) {
	case RUN_DONE:
		add(notices, CELL_GOOD, "The run is done. Its record is %s", record);
		break;
	case RUN_STOPPED_OPERATOR:
		add(notices, CELL_WARNING, "The operator stopped the run. Its record is %s", record);
		break;
	case RUN_STOPPED_FAULT:
		add(notices, CELL_FAULT, "A fault stopped the run. Its record is %s", record);
		break;
	case RUN_DEVICE_GONE:
		add(notices, CELL_FAULT, "The run ended as a pump is gone. Its record is %s", record);
		break;
	default:
		break;
	}
}

int notices_collect(struct notice_line *lines, const struct run_view *view,
		    const struct screen_state *state, int columns)
{
	struct notices notices = { .lines = lines, .columns = columns };

	if (state->confirm_quit && !view_is_over(view))
		add(&notices, CELL_WARNING, "Quit? This stops the run. y stops and quits, n goes on.");
	else if (view->question && !view_is_over(view))
		add_question(&notices, view);
	/* The page of faults has them, with room to spare. */
	for (size_t i = 0; i < view->channel_count && state->page != PAGE_FAULTS; i++)
		add_faults(&notices, &view->channels[i]);
	add_result(&notices, view);
	if (view->status == RUN_PAUSED && !view->question)
		add(&notices, CELL_WARNING, "%s. Space goes on with the run.",
		    view->status_text && view->status_text[0] ? view->status_text : "paused");
	return notices.count;
}

static int hints_columns(const struct hint *hints, int count, bool brief)
{
	int columns = 0;

	for (int i = 0; i < count; i++)
		columns += (i ? 2 : 0) + text_columns(hints[i].key) + 1 +
			   text_columns(brief ? hints[i].brief : hints[i].full);
	return columns;
}

void draw_hints(struct cells *cells, const struct layout_area *area, const struct hint *hints, int count)
{
	bool brief = hints_columns(hints, count, false) > area->columns;
	int column = area->column;

	while (count > 1 && hints_columns(hints, count, brief) > area->columns)
		count--;
	for (int i = 0; i < count; i++) {
		column = cells_text(cells, area->row, column, area->columns - column, CELL_KEY, "%s",
				    hints[i].key);
		column = cells_text(cells, area->row, column, area->columns - column, CELL_NORMAL,
				    " %s%s", brief ? hints[i].brief : hints[i].full, i < count - 1 ? "  " : "");
	}
}

void draw_keys(struct cells *cells, const struct layout_area *area, const struct run_view *view,
	       const struct screen_state *state)
{
	bool paused = view->status == RUN_PAUSED || view->status == RUN_PAUSING;
	/* The most needed first: on a narrow screen the last ones fall off. */
	const struct hint running[] = {
		{ "x", "EMERGENCY STOP", "E-STOP" }, { "s", "stop", "stop" },
		{ "space", paused ? "resume" : "pause", paused ? "resume" : "pause" },
		{ "q", "quit", "quit" }, { "d", "detach", "detach" }, { "?", "help", "help" },
		{ "Tab", "pages", "pages" },
	};
	const struct hint asked[] = {
		{ "y", "yes", "yes" }, { "n", "no", "no" }, { "x", "EMERGENCY STOP", "E-STOP" },
		{ "s", "stop", "stop" }, { "q", "quit", "quit" }, { "?", "help", "help" },
	};
	const struct hint over[] = {
		{ "q", "leaves", "leaves" }, { "?", "help", "help" }, { "Tab", "pages", "pages" },
	};
	const struct hint *hints = running;
	int count = sizeof(running) / sizeof(running[0]);

	if (view_is_over(view)) {
		hints = over;
		count = sizeof(over) / sizeof(over[0]);
	} else if (view->question || state->confirm_quit) {
		hints = asked;
		count = sizeof(asked) / sizeof(asked[0]);
	}
	draw_hints(cells, area, hints, count);
}

void draw_help(struct cells *cells)
{
	const struct glyphs *glyphs = glyphs_of(cells->utf8);
	char marks[4][5] = { "" };
	char lines[20][80];
	int count = 0, rows, columns = 0, top, left;

	marks[0][text_encode(glyphs->done, marks[0])] = '\0';
	marks[1][text_encode(glyphs->active, marks[1])] = '\0';
	marks[2][text_encode(glyphs->skipped, marks[2])] = '\0';
	marks[3][text_encode(glyphs->fault, marks[3])] = '\0';
#define LINE(...) snprintf(lines[count++], sizeof(lines[0]), __VA_ARGS__)
	LINE("x !        EMERGENCY STOP: not one more step");
	LINE("s          stop: ramp down, then the run is over");
	LINE("space      pause at rest; again: go on");
	LINE("q          quit: asks first, as it stops the run");
	LINE("d c        leave it alone, it goes on; take it in hand");
	LINE("y Enter n  answer a question");
	LINE("Tab o 1-9  next page; overview; page of a channel");
	LINE("p e f m    protocol, events, faults, calibration and manual");
	LINE("%s    scroll, also PgUp PgDn; Home End: all the way", cells->utf8 ? "\u2191 \u2193    " : "up down");
	LINE("+ -        plots: a shorter, a longer stretch");
	LINE("%s 0  back through the run, forward; 0: now again", cells->utf8 ? "\u2190 \u2192  " : "< >  ");
	LINE("?          this help; any key closes it");
	LINE("plots      %s flow  %s set point", glyphs->flow_line, glyphs->setpoint_line);
	LINE("           the mark at the right is the set point now");
	LINE("steps      %s done  %s now  %s skipped", marks[0], marks[1], marks[2]);
	LINE("events     ! warning  %s fault", marks[3]);
	LINE("bars       volume delivered, by steps of the pump");
#undef LINE

	for (int i = 0; i < count; i++)
		if (text_columns(lines[i]) > columns)
			columns = text_columns(lines[i]);
	rows = count + 2 < cells->rows ? count + 2 : cells->rows;
	columns = columns + 4 < cells->columns ? columns + 4 : cells->columns;
	top = (cells->rows - rows) / 2;
	left = (cells->columns - columns) / 2;
	for (int row = top; row < top + rows; row++) {
		bool edge = row == top || row == top + rows - 1;

		cells_fill(cells, row, left, columns, edge ? glyphs->box_x : ' ', CELL_NORMAL);
		cells_put(cells, row, left, row == top ? glyphs->box_top_left : edge ?
			  glyphs->box_bottom_left : glyphs->box_y, CELL_NORMAL);
		cells_put(cells, row, left + columns - 1, row == top ? glyphs->box_top_right : edge ?
			  glyphs->box_bottom_right : glyphs->box_y, CELL_NORMAL);
		if (!edge)
			cells_text(cells, row, left + 2, columns - 4, CELL_NORMAL, "%s",
				   lines[row - top - 1]);
	}
	cells_text(cells, top, left + 2, columns - 4, CELL_BOLD, " Help ");
}
