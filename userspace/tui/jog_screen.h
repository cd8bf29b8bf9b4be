/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The screen of a pump that is moved by hand: keys that jog, prime and home it. */
#ifndef JOG_SCREEN_H
#define JOG_SCREEN_H

#include "cells.h"
#include "stops.h"

/* What the screen remembers between two pictures. */
struct jog_state {
	int stride;		/* how far one press goes: 10 to that power, of uL or of 10 um */
	int64_t rate_nhz;
	bool ask_home;		/* the question whether it may */
};

#define JOG_STRIDES 5		/* 0 to 4 */

/* Way of one press in steps, at least 1. */
int64_t jog_stride_steps(const struct jog_view *view, int stride);
/* The most that one priming gives: what the syringe holds, or 20 mm. */
int64_t jog_prime_steps(const struct jog_view *view);
/* Pure: draws one picture into a grid of any size. draw_jog.c */
void jog_draw(struct cells *cells, const struct jog_view *view, const struct jog_state *state);

/* Until its person leaves it; the exit status, after a message if there is something to say. */
enum nanodose_exit jog_screen(struct jog *jog, struct stops *stops, int64_t rate_nhz);

#endif /* JOG_SCREEN_H */
