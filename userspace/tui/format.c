// SPDX-License-Identifier: GPL-2.0-or-later
#include "format.h"

#include <math.h>
#include <stdio.h>

struct scale {
	double least;		/* of the largest value */
	const char *name;
	double factor;
};

static void choose(const struct scale *scales, double largest, struct format_unit *unit)
{
	int digits;

	largest = fabs(largest);
	while (largest < scales->least)
		scales++;
	unit->name = scales->name;
	unit->factor = scales->factor;
	largest *= scales->factor;
	digits = largest >= 1 ? (int)floor(log10(largest) + 1e-9) + 1 : 1;
	unit->decimals = digits >= 4 ? 0 : 4 - digits;
	unit->width = digits + (unit->decimals ? unit->decimals + 1 : 0);
}

void format_rate_unit(double largest_ul_min, struct format_unit *unit)
{
	static const struct scale scales[] = {
		{ 1000, "mL/min", 1e-3 }, { 1, "uL/min", 1 }, { 0, "nL/min", 1e3 },
	};

	choose(scales, largest_ul_min, unit);
}

void format_volume_unit(double largest_ul, struct format_unit *unit)
{
	static const struct scale scales[] = {
		{ 1000, "mL", 1e-3 }, { 1, "uL", 1 }, { 0, "nL", 1e3 },
	};

	choose(scales, largest_ul, unit);
}

const char *format_value(const struct format_unit *unit, double value, char *buffer, size_t size)
{
	double shown = value * unit->factor;

	if (isnan(value)) {
		snprintf(buffer, size, "%*s", unit->width, "--");
		return buffer;
	}
	/* "-0.00" is noise around zero. */
	if (fabs(shown) < 0.5 * pow(10, -unit->decimals))
		shown = 0;
	snprintf(buffer, size, "%*.*f", unit->width, unit->decimals, shown);
	return buffer;
}

const char *format_time(double time_s, int tenths, char *buffer, size_t size)
{
	long long units, s;

	if (!isfinite(time_s)) {
		snprintf(buffer, size, "--");
		return buffer;
	}
	units = time_s > 0 ? (long long)floor(time_s * 10 + 1e-6) : 0;
	s = units / 10;
	if (s >= 3600)
		snprintf(buffer, size, "%lld:%02lld:%02lld", s / 3600, s / 60 % 60, s % 60);
	else
		snprintf(buffer, size, "%lld:%02lld", s / 60, s % 60);
	if (tenths) {
		size_t used = 0;

		while (buffer[used])
			used++;
		snprintf(buffer + used, size - used, ".%lld", units % 10);
	}
	return buffer;
}
