// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The pages of one thing: a channel, the protocol, the events, the faults, the
 * pumps by hand.
 */
#include <math.h>
#include <stdio.h>

#include "draw.h"
#include "format.h"
#include "plot.h"
#include "text.h"

const char *page_name(const struct run_view *view, const struct screen_state *state, char *text, size_t size)
{
	static const char *const names[SCREEN_PAGES] = {
		[PAGE_OVERVIEW] = "", [PAGE_PROTOCOL] = "protocol", [PAGE_EVENTS] = "events",
		[PAGE_FAULTS] = "faults", [PAGE_MANUAL] = "calibration and manual",
	};

	if (state->page == PAGE_CHANNEL)
		snprintf(text, size, "channel %s", view->channels[state->channel].name);
	else
		snprintf(text, size, "%s", names[state->page]);
	return text;
}

/* ---- one channel --------------------------------------------------------------------- */

static void draw_channel(struct cells *cells, const struct layout_area *area, const struct run_view *view,
			 const struct screen_state *state)
{
	const struct run_channel_view *channel = &view->channels[state->channel];
	struct plot_window window = { .span_s = state->span_s, .end_s = state->end_s, .band = true };
	struct layout_area numbers = *area;
	int graphs = area->rows - draw_fields_rows(channel, area->columns), below = 0, half = area->columns / 2;

	/* A picture, and at least the first numbers. */
	if (graphs < PLOT_MIN_ROWS && area->rows > 2 * PLOT_MIN_ROWS)
		graphs = PLOT_MIN_ROWS;
	if (graphs < PLOT_MIN_ROWS)
		graphs = 0;
	if (graphs >= 3 * PLOT_MIN_ROWS && half >= PLOT_MIN_COLUMNS)
		below = graphs / 3;
	plot_draw(cells, area->row, 0, graphs - below, area->columns, channel, PLOT_FLOW, &window);
	plot_draw(cells, area->row + graphs - below, 0, below, half, channel, PLOT_VOLUME, &window);
	plot_draw(cells, area->row + graphs - below, half, below, area->columns - half, channel, PLOT_PRESSURE,
		  &window);
	numbers.row += graphs;
	numbers.rows -= graphs;
	draw_fields(cells, &numbers, channel);
}

/* ---- the protocol -------------------------------------------------------------------- */

static struct layout_area below_run(const struct layout_area *area)
{
	struct layout_area list = *area;

	list.row++;
	list.rows--;
	return list;
}

static void draw_protocol(struct cells *cells, const struct layout_area *area, const struct run_view *view,
			  const struct screen_state *state)
{
	struct layout_area list = below_run(area);

	draw_run_row(cells, area, view);
	draw_steps(cells, &list, view, state->steps_scroll);
}

/* ---- faults -------------------------------------------------------------------------- */

/* Lines that are wrapped, from *row on, as far as there is room. */
static void put(struct cells *cells, const struct layout_area *area, int *row, int indent, enum cell_style style,
		const char *text)
{
	while (*text && *row < area->row + area->rows) {
		const char *next;
		int bytes = text_wrap(text, area->columns > indent + 1 ? area->columns - indent : 1, &next);

		cells_text(cells, (*row)++, area->column + indent, area->columns - indent, style, "%.*s", bytes,
			   text);
		text = next;
	}
}

static void put_fault(struct cells *cells, const struct layout_area *area, int *row, const char *channel,
		      const char *fault, const char *advice)
{
	char line[256];

	snprintf(line, sizeof(line), "%s: %s", channel, fault);
	put(cells, area, row, 0, CELL_FAULT, line);
	snprintf(line, sizeof(line), "What to do: %s.", advice);
	put(cells, area, row, 2, CELL_NORMAL, line);
}

static bool put_channel_faults(struct cells *cells, const struct layout_area *area, int *row,
			       const struct run_channel_view *channel)
{
	if (channel->gone)
		put_fault(cells, area, row, channel->name, "the pump is gone",
			  "look at its power and cables; the run can be gone on with by \"nanodose run --resume\"");
	for (int bit = 0; bit < 32; bit++) {
		uint32_t fault = channel->faults & 1U << bit;

		if (fault)
			put_fault(cells, area, row, channel->name, nanodose_fault_name(fault),
				  nanodose_fault_advice(fault));
	}
	return channel->gone || channel->faults;
}

/* What stands now, then what the record says there was, the newest first. */
static void draw_faults(struct cells *cells, const struct layout_area *area, const struct run_view *view)
{
	int row = area->row, shown = 0;
	bool any = false;

	for (size_t i = 0; i < view->channel_count; i++)
		any = put_channel_faults(cells, area, &row, &view->channels[i]) || any;
	if (!any)
		put(cells, area, &row, 0, CELL_NORMAL, "No fault stands.");
	row++;
	for (size_t i = view->event_count; i-- > 0 && row < area->row + area->rows;) {
		const struct run_event_view *event = &view->events[i];
		struct layout_area rest = { .row = row, .rows = 1, .columns = area->columns };
		char line[512], time[32];

		if (event->severity == RECORD_INFO)
			continue;
		if (!shown++) {
			draw_header(cells, &rest, "Faults and warnings of this run", "the newest first");
			row++;
		}
		snprintf(line, sizeof(line), "%s  %s", format_time(event->time_s, 1, time, sizeof(time)),
			 event->text);
		put(cells, area, &row, 0, event->severity == RECORD_FAULT ? CELL_FAULT : CELL_WARNING, line);
	}
}

/* ---- by hand ------------------------------------------------------------------------- */

static void draw_manual(struct cells *cells, const struct layout_area *area, const struct run_view *view,
			const struct screen_state *state)
{
	int row = area->row;
	char line[512], step[32];

	put(cells, area, &row, 0, state->refused ? CELL_WARNING : CELL_NORMAL,
	    "This run owns the pumps: to jog, prime or home them is refused until it is over. Then \"nanodose jog PUMP\" moves one by hand.");
	for (size_t i = 0; i < view->channel_count && row < area->row + area->rows; i++) {
		const struct run_channel_view *channel = &view->channels[i];
		struct layout_area head = { .row = row + 1, .rows = 1, .columns = area->columns };

		row += 2;
		if (row > area->row + area->rows)
			break;
		draw_header(cells, &head, channel->name, "");
		snprintf(line, sizeof(line), "pump %s (%s), syringe %s, fluid %s", channel->pump, channel->device,
			 channel->syringe, channel->fluid);
		put(cells, area, &row, 0, CELL_NORMAL, line);
		nanodose_quantity_format(channel->step_ul * 1e-9, NANODOSE_DIMENSION_VOLUME, step, sizeof(step));
		if (*channel->weighed)
			snprintf(line, sizeof(line), "a microstep is %s, as weighed on %s", step, channel->weighed);
		else
			snprintf(line, sizeof(line), "a microstep is %s, by the screw and the syringe's bore", step);
		put(cells, area, &row, 0, CELL_NORMAL, line);
		snprintf(line, sizeof(line), "flow sensor %s, as its maker calibrated it for %s",
			 channel->sensor, channel->fluid);
		put(cells, area, &row, 0, CELL_NORMAL,
		    *channel->sensor ? line : "no flow sensor: volumes are by steps alone");
		if (!*channel->sensor)
			continue;
		snprintf(line, sizeof(line), "rig: %s", channel->calibrated);
		put(cells, area, &row, 0, CELL_NORMAL,
		    *channel->calibrated ? line : "rig: not calibrated; \"nanodose calibrate\" makes runs settle sooner");
	}
}

void draw_page(struct cells *cells, const struct layout_area *area, const struct run_view *view,
	       const struct screen_state *state)
{
	if (area->rows < 1)
		return;
	switch (state->page) {
	case PAGE_CHANNEL:
		draw_channel(cells, area, view, state);
		break;
	case PAGE_PROTOCOL:
		draw_protocol(cells, area, view, state);
		break;
	case PAGE_EVENTS:
		draw_events(cells, area, view, state->events_scroll);
		break;
	case PAGE_FAULTS:
		draw_faults(cells, area, view);
		break;
	case PAGE_MANUAL:
		draw_manual(cells, area, view, state);
		break;
	default:
		break;
	}
}

void screen_scroll_fit(const struct cells *cells, const struct run_view *view, struct screen_state *state)
{
	struct notice_line notices[NOTICE_LINES];
	int count = notices_collect(notices, view, state, cells->columns);
	struct layout_area steps;
	struct layout layout;
	size_t most;

	if (state->page == PAGE_OVERVIEW)
		layout_choose(&layout, cells->rows, cells->columns, view->channel_count, view->step_count, count);
	else
		layout_choose_page(&layout, cells->rows, cells->columns, count);
	most = events_scroll_most(state->page == PAGE_OVERVIEW ? &layout.events : &layout.body, view);
	if (state->events_scroll > most)
		state->events_scroll = most;
	steps = below_run(&layout.body);
	state->steps_scroll = state->page == PAGE_PROTOCOL ? steps_scroll_fit(&steps, view, state->steps_scroll) : 0;
	if (state->channel >= view->channel_count)
		state->channel = 0;
}
