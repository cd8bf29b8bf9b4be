// SPDX-License-Identifier: GPL-2.0-or-later
/* See rest.h. */
#include <math.h>

#include "rest.h"

#define HALF		(REST_READINGS / 2)
#define SPREADS		8	/* of the mean of a half: noise alone does that once in 10 000 times, and costs half a second */

void rest_take(struct rest *rest, double reading)
{
	double step = reading - rest->last;

	if (rest->count == REST_READINGS)
		return;
	if (rest->count)
		rest->step_var += step * step / 2;
	rest->last = reading;
	rest->sums[rest->count >= HALF] += reading;
	rest->count++;
}

bool rest_holds(const struct rest *rest, double slack)
{
	double change, spread;

	if (rest->count < REST_READINGS)
		return true;
	change = rest->sums[0] / HALF - rest->sums[1] / (REST_READINGS - HALF);
	spread = sqrt(rest->step_var / REST_READINGS / HALF);
	return fabs(change) < slack + SPREADS * spread;
}
