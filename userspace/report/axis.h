/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Units and ticks that suit the size of what is shown. */
#ifndef AXIS_H
#define AXIS_H

#include <stddef.h>

struct axis_unit {
	const char *name;
	double per_si;		/* value in this unit = value in SI * per_si */
};

enum axis_kind { AXIS_RATE, AXIS_VOLUME, AXIS_PRESSURE, AXIS_TIME };

/* The unit in which @most (SI, its sign does not matter) has 1 to 3 digits before the point. */
struct axis_unit axis_unit(enum axis_kind kind, double most);

#define AXIS_TICKS 12

struct axis {
	double low, high;		/* ends, on ticks for values */
	double ticks[AXIS_TICKS];
	size_t count;
	int decimals;			/* that the ticks need */
};

/*
 * Around @low to @high, which may stand out by a fifth of a step, with about
 * @wanted ticks; 1, 2 and 5 are the steps.
 */
void axis_values(struct axis *axis, double low, double high, int wanted);
/* Exactly from @low to @high; steps of clocks (15, 30) where @kind of unit is s or min. */
void axis_times(struct axis *axis, double low, double high, int wanted, struct axis_unit unit);

#endif /* AXIS_H */
