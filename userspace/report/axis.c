// SPDX-License-Identifier: GPL-2.0-or-later
#include <math.h>
#include <string.h>

#include "axis.h"

#define OVERHANG 0.2	/* of a step */

static const struct axis_unit units[][4] = {
	[AXIS_RATE] = { { "pL/min", 60e15 }, { "nL/min", 60e12 }, { "µL/min", 60e9 },
			{ "mL/min", 60e6 } },
	[AXIS_VOLUME] = { { "pL", 1e15 }, { "nL", 1e12 }, { "µL", 1e9 }, { "mL", 1e6 } },
	[AXIS_PRESSURE] = { { "Pa", 1 }, { "kPa", 1e-3 }, { "MPa", 1e-6 } },
	[AXIS_TIME] = { { "s", 1 }, { "min", 1. / 60 }, { "h", 1. / 3600 } },
};

/* The value from which on each unit is used, in that unit. */
static double threshold(enum axis_kind kind, double most)
{
	if (kind != AXIS_TIME)
		return 1;
	/* 90 s and 90 min are read more easily than 1.5 min and 1.5 h. */
	return most < 3600 ? 3 : 2;
}

struct axis_unit axis_unit(enum axis_kind kind, double most)
{
	struct axis_unit best = units[kind][0];
	size_t i;

	most = fabs(most);
	/* Of a plot without a value. */
	if (!isfinite(most) || most == 0)
		return units[kind][kind == AXIS_TIME || kind == AXIS_PRESSURE ? 0 : 2];
	for (i = 1; i < 4 && units[kind][i].name; i++)
		if (most * units[kind][i].per_si >= threshold(kind, most))
			best = units[kind][i];
	return best;
}

/* The step of 1, 2 or 5 times a power of ten next above @rough. */
static double round_step(double rough)
{
	double power = pow(10, floor(log10(rough))), share = rough / power;

	if (share <= 1.0000001)
		return power;
	return power * (share <= 2.0000001 ? 2 : share <= 5.0000001 ? 5 : 10);
}

static double clock_step(double rough)
{
	static const double steps[] = { 1, 2, 5, 10, 15, 30, 60 };
	size_t i;

	for (i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
		if (rough <= steps[i])
			return steps[i];
	return round_step(rough);
}

static void place(struct axis *axis, double step)
{
	double first = ceil(axis->low / step - 1e-9), last = floor(axis->high / step + 1e-9);

	axis->count = 0;
	for (; first <= last && axis->count < AXIS_TICKS; first++)
		/* No "-0". */
		axis->ticks[axis->count++] = first == 0 ? 0 : first * step;
	axis->decimals = step < 1 ? (int)ceil(-log10(step) - 1e-9) : 0;
}

void axis_values(struct axis *axis, double low, double high, int wanted)
{
	double step;

	if (!(high > low)) {
		high = low + fmax(fabs(low) * 0.1, 1);
		low = low == 0 ? 0 : low - fmax(fabs(low) * 0.1, 1);
	}
	step = round_step((high - low) / wanted);
	/* A little noise beyond a tick need not cost a whole step of room. */
	axis->low = floor(low / step + OVERHANG) * step;
	axis->high = ceil(high / step - OVERHANG) * step;
	place(axis, step);
}

void axis_times(struct axis *axis, double low, double high, int wanted, struct axis_unit unit)
{
	double rough = (high - low) / wanted;

	axis->low = low;
	axis->high = high;
	place(axis, strcmp(unit.name, "h") && rough > 0.5 ? clock_step(rough) : round_step(rough));
}
