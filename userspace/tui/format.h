/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Numbers at fixed width: a unit and a count of decimals are chosen once by
 * the largest value to come, so that the picture stands still while they change.
 */
#ifndef FORMAT_H
#define FORMAT_H

#include <stddef.h>

struct format_unit {
	const char *name;	/* "mL/min" */
	double factor;		/* shown = value * factor */
	int decimals;		/* four digits at @largest */
	int width;		/* of a number up to @largest */
};

void format_rate_unit(double largest_ul_min, struct format_unit *unit);
void format_volume_unit(double largest_ul, struct format_unit *unit);
/* "9.012", right-aligned to unit->width; "--" for NAN. Returns buffer. */
const char *format_value(const struct format_unit *unit, double value, char *buffer, size_t size);
/* "1:02:03", "2:03", with tenths "2:03.4"; never rounded up. Returns buffer. */
const char *format_time(double time_s, int tenths, char *buffer, size_t size);

#endif /* FORMAT_H */
