/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a channel gives, in the order of time: for limits of doses over a window. */
#ifndef DOSES_H
#define DOSES_H

#include <stdbool.h>
#include <stddef.h>

struct protocol_flow;

struct dose {
	double begin_s, end_s;
	double volume_m3;	/* or what else adds up */
	const struct protocol_flow *flow;	/* that gives it; NULL: does not matter */
};

struct doses {
	struct dose *list;
	size_t count, space;
};

/* False: no memory. */
bool doses_add(struct doses *doses, const struct dose *dose);
/*
 * Most that flows in any window of this length that ends with the newest dose:
 * of one that reaches into the window, its share by time.
 */
double doses_in_window(const struct doses *doses, double window_s);
/*
 * The window of this length that holds most, of doses in any order and at the
 * same time: its begin, end and sum, and the flow that gives last in it; NULL:
 * there are none. False: no memory.
 */
bool doses_worst_window(const struct doses *doses, double window_s, struct dose *worst);
/*
 * Two ways that exclude each other, the second since @fork: the one that gives
 * more is kept. @other: what the first has added since, its list then freed.
 */
size_t doses_fork(const struct doses *doses);
struct doses doses_take(struct doses *doses, size_t fork);
bool doses_join(struct doses *doses, size_t fork, struct doses *other);
void doses_free(struct doses *doses);

#endif /* DOSES_H */
