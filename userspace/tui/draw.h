/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The parts of the picture; screen_draw() puts them together. */
#ifndef DRAW_H
#define DRAW_H

#include <stdbool.h>

#include "cells.h"
#include "layout.h"
#include "runner.h"
#include "screen.h"

/* draw_channels.c: bars and numbers of each channel, and of the run below them */
void draw_channels(struct cells *cells, const struct layout *layout, const struct run_view *view);

/* draw_lists.c */
void draw_steps(struct cells *cells, const struct layout_area *area, const struct run_view *view, long scroll);
void draw_events(struct cells *cells, const struct layout_area *area, const struct run_view *view,
		 size_t scroll);

size_t events_scroll_most(const struct layout_area *area, const struct run_view *view);
/* What of @scroll has an effect. */
long steps_scroll_fit(const struct layout_area *area, const struct run_view *view, long scroll);
/* The title of a list or of a part of a page. */
void draw_header(struct cells *cells, const struct layout_area *area, const char *title, const char *detail);

/* draw_pages.c: pages of one thing; what they are called, for the title */
void draw_page(struct cells *cells, const struct layout_area *area, const struct run_view *view,
	       const struct screen_state *state);
const char *page_name(const struct run_view *view, const struct screen_state *state, char *text, size_t size);

/* draw_fields.c: the numbers of one channel, by name */
int draw_fields_rows(const struct run_channel_view *channel, int columns);
void draw_fields(struct cells *cells, const struct layout_area *area, const struct run_channel_view *channel);

/* draw_channels.c: how far the whole run is */
void draw_run_row(struct cells *cells, const struct layout_area *area, const struct run_view *view);
/* 0..1 of the channel's volume; NAN: none is planned */
double channel_fraction(const struct run_channel_view *channel);
void channel_particles(const struct run_channel_view *channel, char *text, size_t size);
/* "rest", "FAULT", "gone" */
const char *channel_word(const struct run_channel_view *channel);

/* draw_notices.c: what needs a person: questions, faults with advice, the end */
#define NOTICE_LINES 32
struct notice_line {
	enum cell_style style;
	char text[512];
};
/* Wrapped to @columns; returns how many of at most NOTICE_LINES. */
int notices_collect(struct notice_line *lines, const struct run_view *view,
		    const struct screen_state *state, int columns);
/* The most needed first: where there is no room for their full names they are brief, then the last fall off. */
struct hint {
	const char *key, *full, *brief;
};
void draw_hints(struct cells *cells, const struct layout_area *area, const struct hint *hints, int count);
void draw_keys(struct cells *cells, const struct layout_area *area, const struct run_view *view,
	       const struct screen_state *state);
void draw_help(struct cells *cells);

/* draw.c */
bool view_is_over(const struct run_view *view);

#endif /* DRAW_H */
