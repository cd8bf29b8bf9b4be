// SPDX-License-Identifier: GPL-2.0-or-later
#include "layout.h"

#include <string.h>

#include "plot.h"

#define WIDE_COLUMNS	120	/* from here on a channel needs one row, steps and events stand side by side */
#define BOTTOM_MAX_ROWS	24	/* of steps and events side by side */
#define LISTS_MIN_ROWS	2	/* steps and events below a plot */

static int smaller(int a, int b)
{
	return a < b ? a : b;
}

static int larger(int a, int b)
{
	return a > b ? a : b;
}

/* A plot reads best about four times as wide as high, in cells. */
static void choose_plots(struct layout *layout, int rows, int columns, int channels)
{
	int best = 0;

	for (int across = 1; across <= channels; across++) {
		int down = (channels + across - 1) / across;
		int wide = columns / across, high = rows / down;
		int score = smaller(wide, high * 4);

		if (wide < PLOT_MIN_COLUMNS || high < PLOT_MIN_ROWS || score <= best)
			continue;
		best = score;
		layout->plots_across = across;
		layout->plots_down = down;
	}
	if (best || !channels)
		return;
	/* Not all of them fit: the first ones. */
	layout->plots_across = smaller(columns / PLOT_MIN_COLUMNS, channels);
	layout->plots_down = layout->plots_across ? rows / PLOT_MIN_ROWS : 0;
}

/* Least rows in which every channel has its plot. */
static int plots_min_rows(int columns, int channels)
{
	int across = smaller(columns / PLOT_MIN_COLUMNS, channels);

	return across ? (channels + across - 1) / across * PLOT_MIN_ROWS : 0;
}

static struct layout_area take(int *row, int *left, int rows, int columns)
{
	struct layout_area area = { .row = *row, .column = 0, .rows = rows, .columns = columns };

	*row += rows;
	*left -= rows;
	return area;
}

/* What must be seen, in this order, on however small a screen; returns the rows left. */
static int frame_rows(int rows, int notice_rows, int *title, int *notices, int *keys)
{
	int free_rows = rows;

	*title = smaller(1, free_rows);
	free_rows -= *title;
	*notices = smaller(larger(smaller(notice_rows, rows / 3), notice_rows > 0), free_rows);
	free_rows -= *notices;
	*keys = smaller(1, free_rows);
	return free_rows - *keys;
}

void layout_choose_page(struct layout *layout, int rows, int columns, int notice_rows)
{
	int title, notices, keys, body = frame_rows(rows, notice_rows, &title, &notices, &keys), row = 0;

	memset(layout, 0, sizeof(*layout));
	layout->title = take(&row, &rows, title, columns);
	layout->body = take(&row, &rows, body, columns);
	layout->notices = take(&row, &rows, notices, columns);
	layout->keys = take(&row, &rows, keys, columns);
}

void layout_choose(struct layout *layout, int rows, int columns, size_t channel_count,
		   size_t step_count, int notice_rows)
{
	int channels = smaller(channel_count, 1000), steps = smaller(step_count, 1000);
	int title, notices, keys, run, channel_rows, plots, lists, row = 0;
	int free_rows = frame_rows(rows, notice_rows, &title, &notices, &keys);

	memset(layout, 0, sizeof(*layout));
	layout->channel_rows = 1;

	channel_rows = smaller(channels, free_rows);
	free_rows -= channel_rows;
	run = smaller(1, free_rows);
	free_rows -= run;

	if (columns < WIDE_COLUMNS && channels && rows - 3 - 2 * channels >= 15) {
		layout->channel_rows = 2;
		channel_rows = 2 * channels;
		free_rows -= channels;
	}

	plots = larger((free_rows + 1) / 2, plots_min_rows(columns, channels));
	if (free_rows - plots < LISTS_MIN_ROWS)
		plots = smaller(free_rows - LISTS_MIN_ROWS, plots);
	if (columns >= WIDE_COLUMNS)
		plots = larger(plots, free_rows - BOTTOM_MAX_ROWS);
	if (plots >= PLOT_MIN_ROWS)
		choose_plots(layout, plots, columns, channels);
	if (!layout->plots_down)
		plots = 0;
	lists = free_rows - plots;

	layout->title = take(&row, &rows, title, columns);
	layout->plots = take(&row, &rows, plots, columns);
	layout->channels = take(&row, &rows, channel_rows, columns);
	layout->run = take(&row, &rows, run, columns);
	if (columns >= WIDE_COLUMNS) {
		layout->steps = take(&row, &rows, lists, columns * 2 / 5);
		layout->events = layout->steps;
		layout->events.column = layout->steps.columns + 1;
		layout->events.columns = columns - layout->events.column;
	} else {
		int of_steps = smaller((lists + 1) / 2, larger(steps + 1, 2));

		layout->steps = take(&row, &rows, of_steps, columns);
		layout->events = take(&row, &rows, lists - of_steps, columns);
	}
	layout->notices = take(&row, &rows, notices, columns);
	layout->keys = take(&row, &rows, keys, columns);
}
