/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * UTF-8 text and the columns it takes on a terminal, the same in every locale:
 * the picture must not depend on what the C library's tables say.
 */
#ifndef TEXT_H
#define TEXT_H

#include <stdbool.h>
#include <stdint.h>

#define TEXT_BAD 0xfffd		/* stands for what is not UTF-8 or not printable */

/* Takes one character off *text, which must not be at its end. */
uint32_t text_next(const char **text);
/* 0 for a combining mark, 2 for a wide character, else 1. */
int text_character_columns(uint32_t character);
/* Columns of a whole string. */
int text_columns(const char *text);
/* The nearest ASCII character. */
uint32_t text_to_ascii(uint32_t character);
/* Writes one character as UTF-8 (no NUL); returns how many bytes, at most 4. */
int text_encode(uint32_t character, char bytes[4]);
/*
 * How many bytes of @text make a line of at most @columns, broken at a blank
 * if there is one; *next is where the following line begins.
 */
int text_wrap(const char *text, int columns, const char **next);

#endif /* TEXT_H */
