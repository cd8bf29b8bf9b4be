/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The ncurses screen of a run: a front for the runner. Everything is drawn
 * into a grid of cells first (cells.h), so that tests compare text.
 */
#ifndef SCREEN_H
#define SCREEN_H

#include "cells.h"
#include "runner.h"

enum screen_page {
	PAGE_OVERVIEW, PAGE_CHANNEL, PAGE_PROTOCOL, PAGE_EVENTS, PAGE_FAULTS, PAGE_MANUAL, SCREEN_PAGES,
};

/* What the screen remembers between two pictures. */
struct screen_state {
	bool help;
	bool confirm_quit;
	size_t events_scroll;
	enum screen_page page;
	size_t channel;		/* of the channel's page */
	long steps_scroll;	/* of the protocol's page, from where the run is; below 0: back */
	double span_s;		/* of the plots; 0: what shows most at the full rate of samples */
	double end_s;		/* of what they show, of the run; 0: now */
	bool refused;		/* a key of the manual page was pressed */
};

/* Pure: draws one picture of a run into a grid of any size. */
void screen_draw(struct cells *cells, const struct run_view *view, const struct screen_state *state);

/* What of scrolling has an effect on a screen of this size stays of it. */
void screen_scroll_fit(const struct cells *cells, const struct run_view *view, struct screen_state *state);

/* The front on this terminal; NULL with a message on stderr if it cannot. */
struct run_front *screen_new(void);
/* Gives the terminal back. */
void screen_free(struct run_front *front);

#endif /* SCREEN_H */
