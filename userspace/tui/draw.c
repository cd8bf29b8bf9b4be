// SPDX-License-Identifier: GPL-2.0-or-later
#include "draw.h"

#include <string.h>

#include "plot.h"
#include "text.h"

bool view_is_over(const struct run_view *view)
{
	return view->status >= RUN_DONE;
}

static enum cell_style status_style(const struct run_view *view)
{
	switch (view->status) {
	case RUN_STOPPED_FAULT:
	case RUN_DEVICE_GONE:
		return CELL_FAULT;
	case RUN_PAUSING:
	case RUN_PAUSED:
	case RUN_WAITING_OPERATOR:
	case RUN_STOPPING:
	case RUN_STOPPED_OPERATOR:
		return CELL_WARNING;
	case RUN_DONE:
		return CELL_GOOD;
	default:
		return CELL_TITLE;
	}
}

static const char *status_words(const struct run_view *view)
{
	static const char *const words[] = {
		[RUN_STARTING] = "starting", [RUN_RUNNING] = "dosing", [RUN_PAUSING] = "pausing",
		[RUN_PAUSED] = "paused", [RUN_WAITING_OPERATOR] = "waits for you",
		[RUN_STOPPING] = "stopping", [RUN_DONE] = "done",
		[RUN_STOPPED_OPERATOR] = "stopped by the operator",
		[RUN_STOPPED_FAULT] = "stopped by a fault", [RUN_DEVICE_GONE] = "device gone",
	};

	return view->status_text && view->status_text[0] ? view->status_text : words[view->status];
}

static void draw_title(struct cells *cells, const struct layout_area *area,
		       const struct run_view *view, const struct screen_state *state)
{
	const char *status = status_words(view), *name = view->protocol_name ? view->protocol_name : "";
	int columns = text_columns(status) + 2, left, page_columns;
	char page[96];

	if (columns > area->columns * 2 / 3)
		columns = area->columns * 2 / 3;
	cells_fill(cells, area->row, 0, area->columns, ' ', CELL_TITLE);
	left = area->columns - columns - 2;
	page_columns = text_columns(page_name(view, state, page, sizeof(page)));
	/* Which page it is matters more than the end of a long name. */
	if (page_columns && page_columns + 8 < left) {
		cells_text(cells, area->row, 1 + left - page_columns, page_columns, CELL_TITLE, "%s", page);
		left -= page_columns + 2;
	}
	cells_text(cells, area->row, 1, left, CELL_TITLE, "%s", name);
	cells_fill(cells, area->row, area->columns - columns, columns, ' ', status_style(view));
	cells_text(cells, area->row, area->columns - columns + 1, columns - 2, status_style(view),
		   "%s", status);
}

static void draw_plots(struct cells *cells, const struct layout *layout,
		       const struct run_view *view, const struct screen_state *state)
{
	const struct plot_window window = { .span_s = state->span_s, .end_s = state->end_s };
	int across = layout->plots_across, down = layout->plots_down;

	for (int i = 0; i < across * down && i < (int)view->channel_count; i++) {
		int top = layout->plots.rows * (i / across) / down;
		int bottom = layout->plots.rows * (i / across + 1) / down;
		int left = layout->plots.columns * (i % across) / across;
		int right = layout->plots.columns * (i % across + 1) / across;

		plot_draw(cells, layout->plots.row + top, left, bottom - top, right - left,
			  &view->channels[i], PLOT_FLOW, &window);
	}
}

static void draw_overview(struct cells *cells, const struct layout *layout, const struct run_view *view,
			  const struct screen_state *state)
{
	draw_plots(cells, layout, view, state);
	draw_channels(cells, layout, view);
	draw_steps(cells, &layout->steps, view, 0);
	draw_events(cells, &layout->events, view, state->events_scroll);
}

void screen_draw(struct cells *cells, const struct run_view *view, const struct screen_state *state)
{
	struct notice_line notices[NOTICE_LINES];
	struct layout layout;
	int count;

	cells_clear(cells);
	count = notices_collect(notices, view, state, cells->columns);
	if (state->page == PAGE_OVERVIEW)
		layout_choose(&layout, cells->rows, cells->columns, view->channel_count, view->step_count, count);
	else
		layout_choose_page(&layout, cells->rows, cells->columns, count);
	if (layout.title.rows)
		draw_title(cells, &layout.title, view, state);
	if (state->page == PAGE_OVERVIEW)
		draw_overview(cells, &layout, view, state);
	else
		draw_page(cells, &layout.body, view, state);
	for (int i = 0; i < layout.notices.rows; i++) {
		cells_fill(cells, layout.notices.row + i, 0, cells->columns, ' ', notices[i].style);
		cells_text(cells, layout.notices.row + i, 0, cells->columns, notices[i].style, "%s",
			   notices[i].text);
	}
	if (layout.keys.rows)
		draw_keys(cells, &layout.keys, view, state);
	if (state->help)
		draw_help(cells);
}
