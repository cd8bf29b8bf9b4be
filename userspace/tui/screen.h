/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The ncurses screen of a run: a front for the runner. Everything is drawn
 * into a grid of cells first (cells.h), so that tests compare text.
 */
#ifndef SCREEN_H
#define SCREEN_H

#include "cells.h"
#include "runner.h"

/* What the screen remembers between two pictures. */
struct screen_state {
	bool help;
	bool confirm_quit;
	size_t events_scroll;
};

/* Pure: draws one picture of a run into a grid of any size. */
void screen_draw(struct cells *cells, const struct run_view *view, const struct screen_state *state);

/* The farthest that events_scroll has an effect, on a screen of this size. */
size_t screen_scroll_most(const struct cells *cells, const struct run_view *view,
			  const struct screen_state *state);

/* The front on this terminal; NULL with a message on stderr if it cannot. */
struct run_front *screen_new(void);
/* Gives the terminal back. */
void screen_free(struct run_front *front);

#endif /* SCREEN_H */
