// SPDX-License-Identifier: GPL-2.0-or-later
/* Messages about a file, collected, sorted and printed together. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocol.h"

#define MAX_DIAGNOSTICS	1000	/* more help nobody and cost memory on hostile input */
#define MAX_TEXT	600	/* bytes of one message */

/* Length of the valid UTF-8 sequence at @s, 0 if there is none. */
static size_t utf8_length(const unsigned char *s)
{
	size_t length = s[0] < 0x80 ? 1 : s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;

	if (length == 1)
		return 1;
	if (s[0] < 0xc2 || s[0] > 0xf4)
		return 0;
	for (size_t i = 1; i < length; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	}
	return length;
}

/*
 * Messages quote the file. What a terminal would obey, or a cut character,
 * must not come through.
 */
static void make_printable(char *text)
{
	unsigned char *from = (unsigned char *)text, *to = from;

	while (*from) {
		size_t length = utf8_length(from);

		if (!length) {
			*to++ = '?';
			from++;
		} else if (length == 1 && (*from < 0x20 || *from == 0x7f)) {
			*to++ = ' ';
			from++;
		} else if (length == 2 && from[0] == 0xc2 && from[1] < 0xa0) {
			*to++ = ' ';
			from += 2;
		} else {
			memmove(to, from, length);
			to += length;
			from += length;
		}
	}
	*to = '\0';
}

void diagnostics_add(struct diagnostics *diagnostics, struct source_position at, bool warning,
		     const char *format, ...)
{
	char text[MAX_TEXT];
	struct diagnostic *list;
	va_list args;

	if (!warning)
		diagnostics->errors++;
	if (diagnostics->count >= MAX_DIAGNOSTICS)
		return;
	if (diagnostics->count == MAX_DIAGNOSTICS - 1) {
		at = (struct source_position){ 0, 0 };
		snprintf(text, sizeof(text), "too many messages, the rest is left out");
	} else {
		va_start(args, format);
		if (vsnprintf(text, sizeof(text), format, args) < 0)
			text[0] = '\0';
		va_end(args);
	}
	make_printable(text);

	list = realloc(diagnostics->list, (diagnostics->count + 1) * sizeof(*list));
	if (!list)
		return;		/* still counted as an error */
	diagnostics->list = list;
	list[diagnostics->count] = (struct diagnostic){
		.at = at, .warning = warning, .text = strdup(text),
	};
	if (list[diagnostics->count].text)
		diagnostics->count++;
}

static int compare(const struct diagnostic *a, const struct diagnostic *b)
{
	if (a->at.line != b->at.line)
		return a->at.line < b->at.line ? -1 : 1;
	if (a->at.column != b->at.column)
		return a->at.column < b->at.column ? -1 : 1;
	return 0;
}

/* Insertion keeps the order of messages about one place; the list is short and nearly sorted. */
void diagnostics_sort(struct diagnostics *diagnostics)
{
	for (size_t i = 1; i < diagnostics->count; i++) {
		struct diagnostic one = diagnostics->list[i];
		size_t j = i;

		while (j > 0 && compare(&one, &diagnostics->list[j - 1]) < 0) {
			diagnostics->list[j] = diagnostics->list[j - 1];
			j--;
		}
		diagnostics->list[j] = one;
	}
}

void diagnostics_print(const struct diagnostics *diagnostics, void *stream)
{
	struct diagnostics sorted = *diagnostics;

	sorted.list = NULL;
	if (diagnostics->count) {
		sorted.list = malloc(diagnostics->count * sizeof(*sorted.list));
		if (sorted.list) {
			memcpy(sorted.list, diagnostics->list,
			       diagnostics->count * sizeof(*sorted.list));
			diagnostics_sort(&sorted);
		}
	}
	for (size_t i = 0; i < diagnostics->count; i++) {
		const struct diagnostic *one = sorted.list ? &sorted.list[i] : &diagnostics->list[i];
		const char *kind = one->warning ? "warning" : "error";

		if (one->at.line > 0)
			fprintf(stream, "%s:%d:%d: %s: %s\n", diagnostics->file, one->at.line,
				one->at.column, kind, one->text);
		else
			fprintf(stream, "%s: %s: %s\n", diagnostics->file, kind, one->text);
	}
	if (diagnostics->errors && !diagnostics->count)
		fprintf(stream, "%s: error: out of memory\n", diagnostics->file);
	free(sorted.list);
}

void diagnostics_free(struct diagnostics *diagnostics)
{
	for (size_t i = 0; i < diagnostics->count; i++)
		free(diagnostics->list[i].text);
	free(diagnostics->list);
	diagnostics->list = NULL;
	diagnostics->count = 0;
	diagnostics->errors = 0;
}
