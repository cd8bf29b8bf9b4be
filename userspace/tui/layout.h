/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which part of the picture gets which rows: pure arithmetic. */
#ifndef LAYOUT_H
#define LAYOUT_H

#include <stddef.h>

struct layout_area {
	int row, column, rows, columns;	/* rows 0: not shown */
};

struct layout {
	struct layout_area title, plots, channels, run, steps, events, notices, keys;
	struct layout_area body;	/* of a page of one thing only */
	int plots_across;	/* plots side by side */
	int plots_down;
	int channel_rows;	/* 1 or 2 a channel */
};

/*
 * The places depend on things that stay the same through a run, and on
 * @notice_rows wanted: nothing moves while values change.
 */
void layout_choose(struct layout *layout, int rows, int columns, size_t channels, size_t steps,
		   int notice_rows);

/* A page of one thing, between title and notices. */
void layout_choose_page(struct layout *layout, int rows, int columns, int notice_rows);

#endif /* LAYOUT_H */
