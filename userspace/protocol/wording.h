/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What messages are made of: quantities in the user's unit, near misses, lists. */
#ifndef WORDING_H
#define WORDING_H

#include <stddef.h>

#include "protocol.h"

#define WORDING_SIZE 64		/* enough for format_like() */

/* What follows the number in "12 mL/min"; "" if nothing does. Points into @text. */
const char *unit_in(const char *text);

/*
 * format_like() - @value in the unit that @like is written in
 * @like: a quantity of the same dimension as the user wrote it, or a bare
 *	unit; NULL or another dimension: a unit that suits the size
 * At most 6 significant digits. Returns buffer.
 */
const char *format_like(double value, enum nanodose_dimension dimension, const char *like,
			char *buffer, size_t size);
/* The same with 4 digits, rounded down: a maximum that can be typed in and passes. */
const char *format_maximum(double value, enum nanodose_dimension dimension, const char *like,
			   char *buffer, size_t size);

/* "1 h 5 min", "2 min", "30.5 s". Returns buffer. */
const char *format_duration(double seconds, char *buffer, size_t size);

/* The entry of @list nearest to @word, if near enough to be a slip; else NULL. */
const char *nearest_word(const char *word, const char *const *list, size_t count);

/* "a, b, c", cut with "..." when longer than @size. Returns buffer. */
const char *join_words(const char *const *list, size_t count, char *buffer, size_t size);

/* "line 7", or where the other place is in a file that is called "line 7 of the protocol". */
const char *format_line(struct source_position of, struct source_position from, char *buffer, size_t size);

#endif /* WORDING_H */
