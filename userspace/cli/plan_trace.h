/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a protocol will do, before anything moves: set points over time, and
 * what follows from them. Drawn as text, SVG or CSV.
 *
 *	plan		- the arguments, the tables, JSON
 *	plan_trace	- set points and volumes over time
 *	plan_draw	- the plot, for a terminal and as SVG
 */
#ifndef PLAN_TRACE_H
#define PLAN_TRACE_H

#include <stdio.h>

#include "protocol.h"

struct plan_point {
	double time_s;
	double rate_m3_s;	/* signed; on a line to the next */
	double volume_m3;	/* by then, infused less withdrawn */
};

struct plan_trace {		/* of one channel; begins at 0, ends with the protocol */
	struct plan_point *points;
	size_t count, space;
	double withdrawn_m3;
	double lowest_m3;	/* of what is left in the syringe */
};

struct plan {
	const struct protocol *protocol;
	struct plan_trace *traces;	/* by channel */
	bool no_memory;
};

/* False: out of memory. */
bool plan_make(struct plan *plan, const struct protocol *protocol);
void plan_free(struct plan *plan);
/* When the channel's first liquid is behind its dead volume; NAN: never, or none is given. */
double plan_arrival_s(const struct plan *plan, size_t channel);
/* Infused less withdrawn by a time, m3. */
double plan_volume_m3(const struct plan *plan, size_t channel, double time_s);

/* One line of @width characters a channel, @utf8 or plain ASCII. */
void plan_draw_text(const struct plan *plan, FILE *out, int width, bool utf8);
void plan_draw_svg(const struct plan *plan, FILE *out);

#endif /* PLAN_TRACE_H */
