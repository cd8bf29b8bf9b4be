/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Text and numbers in a page. */
#ifndef HTML_H
#define HTML_H

#include <stdio.h>

/* @text with what HTML takes for its own escaped; bytes that are no UTF-8 become U+FFFD. */
void html_text(FILE *out, const char *text);
/* The same of so many bytes, at the end of a character. */
void html_text_part(FILE *out, const char *text, size_t size);
/* A table cell; NULL or empty is a dash. */
void html_cell(FILE *out, const char *text);
/* A cell with a number of @decimals, a dash for NAN. */
void html_number(FILE *out, double value, int decimals);
/* One row of a two-column table, the second column printf-like. */
void html_row(FILE *out, const char *name, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif /* HTML_H */
