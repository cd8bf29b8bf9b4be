// SPDX-License-Identifier: GPL-2.0-or-later
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "distance.h"
#include "wording.h"

const char *unit_in(const char *text)
{
	const char *at = text + strspn(text, " \t");
	const char *exponent;

	at += *at == '-' || *at == '+';
	at += strspn(at, "0123456789.");
	if (*at == 'e' || *at == 'E') {
		exponent = at + 1 + (at[1] == '-' || at[1] == '+');
		if (isdigit((unsigned char)*exponent))
			at = exponent + strspn(exponent, "0123456789");
	}
	return at + strspn(at, " \t");
}

/* SI value of 0 and 1 of the unit; false if @like has no unit of this dimension. */
static bool unit_scale(const char *like, enum nanodose_dimension dimension, double *zero,
		       double *one)
{
	char text[WORDING_SIZE];
	const char *unit = like ? unit_in(like) : "";

	if (!*unit || strlen(unit) > sizeof(text) - 4)
		return false;
	snprintf(text, sizeof(text), "0 %s", unit);
	if (nanodose_quantity_parse(text, dimension, zero, NULL))
		return false;
	text[0] = '1';
	if (nanodose_quantity_parse(text, dimension, one, NULL))
		return false;
	return *one > *zero;
}

const char *format_like(double value, enum nanodose_dimension dimension, const char *like,
			char *buffer, size_t size)
{
	double zero, one;

	if (dimension == NANODOSE_DIMENSION_NONE)
		snprintf(buffer, size, "%.6g", value);
	else if (isfinite(value) && unit_scale(like, dimension, &zero, &one))
		snprintf(buffer, size, "%.6g %s", (value - zero) / (one - zero), unit_in(like));
	else
		nanodose_quantity_format(value, dimension, buffer, size);
	return buffer;
}

const char *format_maximum(double value, enum nanodose_dimension dimension, const char *like,
			   char *buffer, size_t size)
{
	double zero, one, shown, step;

	if (!isfinite(value) || value <= 0 || !unit_scale(like, dimension, &zero, &one))
		return nanodose_quantity_format(value, dimension, buffer, size);
	shown = (value - zero) / (one - zero);
	step = pow(10, floor(log10(shown)) - 3);
	/* A hair of allowance: 12 mL/min must not become 11.99 in the last bit. */
	shown = floor(shown / step * (1 + 1e-12)) * step;
	snprintf(buffer, size, "%.4g %s", shown, unit_in(like));
	return buffer;
}

const char *format_duration(double seconds, char *buffer, size_t size)
{
	double whole = round(seconds);
	int hours, minutes, rest, length = 0;

	if (!(seconds < 1e7) || seconds < 60) {
		snprintf(buffer, size, "%.4g s", seconds);
		return buffer;
	}
	hours = whole / 3600;
	minutes = fmod(whole, 3600) / 60;
	rest = fmod(whole, 60);
	if (hours)
		length = snprintf(buffer, size, "%d h", hours);
	if (minutes && (size_t)length < size)
		length += snprintf(buffer + length, size - length, "%s%d min", length ? " " : "",
				   minutes);
	if (rest && (size_t)length < size)
		snprintf(buffer + length, size - length, " %d s", rest);
	return buffer;
}

const char *nearest_word(const char *word, const char *const *list, size_t count)
{
	size_t best = strlen(word) / 3 + 1;	/* more slips than that are another word */
	const char *found = NULL;

	for (size_t i = 0; i < count; i++) {
		size_t distance = text_distance(word, list[i]);

		if (distance < strlen(list[i]) && (distance < best || (distance == best && !found))) {
			best = distance;
			found = list[i];
		}
	}
	return found;
}

const char *join_words(const char *const *list, size_t count, char *buffer, size_t size)
{
	size_t length = 0;

	buffer[0] = '\0';
	for (size_t i = 0; i < count; i++) {
		size_t need = strlen(list[i]) + (i ? 2 : 0);

		if (length + need + 6 > size) {
			snprintf(buffer + length, size - length, "%s...", i ? ", " : "");
			break;
		}
		length += snprintf(buffer + length, size - length, "%s%s", i ? ", " : "", list[i]);
	}
	return buffer;
}

const char *format_line(struct source_position of, struct source_position from, char *buffer, size_t size)
{
	snprintf(buffer, size, of.file == from.file ? "line %d" : "line %d of the protocol", of.line);
	return buffer;
}
