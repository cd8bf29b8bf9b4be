// SPDX-License-Identifier: GPL-2.0-or-later
/* Messages about a file, collected, sorted and printed together. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocol.h"

#define MAX_DIAGNOSTICS	1000	/* more help nobody and cost memory on hostile input */
#define MAX_MARKED	200	/* bytes of a line that is shown */
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

/* A file that is called twice is read twice: what is wrong with it is told once. */
static bool told(const struct diagnostics *diagnostics, struct source_position at, const char *text)
{
	for (size_t i = 0; at.file && i < diagnostics->count; i++) {
		const struct diagnostic *one = &diagnostics->list[i];

		if (one->at.file && one->at.line == at.line && one->at.column == at.column &&
		    !strcmp(one->text, text) &&
		    !strcmp(diagnostics_path(diagnostics, one->at.file), diagnostics_path(diagnostics, at.file)))
			return true;
	}
	return false;
}

void diagnostics_add(struct diagnostics *diagnostics, struct source_position at, bool warning,
		     const char *format, ...)
{
	char text[MAX_TEXT];
	struct diagnostic *list;
	va_list args;

	va_start(args, format);
	if (vsnprintf(text, sizeof(text), format, args) < 0)
		text[0] = '\0';
	va_end(args);
	make_printable(text);
	if (told(diagnostics, at, text))
		return;
	if (!warning)
		diagnostics->errors++;
	if (diagnostics->count >= MAX_DIAGNOSTICS)
		return;
	if (diagnostics->count == MAX_DIAGNOSTICS - 1) {
		at = (struct source_position){ 0 };
		snprintf(text, sizeof(text), "too many messages, the rest is left out");
	}

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

int diagnostics_called(struct diagnostics *diagnostics, const char *path, const char *source)
{
	struct diagnostics_file *list, file;

	list = realloc(diagnostics->called, (diagnostics->called_count + 1) * sizeof(*list));
	if (!list)
		return 0;
	diagnostics->called = list;
	file = (struct diagnostics_file){ strdup(path), strdup(source) };
	if (!file.path || !file.source) {
		free(file.path);
		free(file.source);
		return 0;
	}
	list[diagnostics->called_count++] = file;
	return diagnostics->called_count;
}

const char *diagnostics_path(const struct diagnostics *diagnostics, int file)
{
	return file && (size_t)file <= diagnostics->called_count ? diagnostics->called[file - 1].path :
	       diagnostics->file;
}

static int compare(const struct diagnostic *a, const struct diagnostic *b)
{
	if (a->at.file != b->at.file)
		return a->at.file < b->at.file ? -1 : 1;
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

/* How many bytes from @text on are what a message is about: a quoted text, a bracketed one, a word. */
static size_t marked_length(const char *text)
{
	const char *end = text;

	if (*text == '"' || *text == '\'') {
		end = strchr(text + 1, *text);
		return end ? (size_t)(end + 1 - text) : strlen(text);
	}
	if (*text == '{' || *text == '[')
		return 1;
	/* A value goes on to what ends it in a line: "12 mL/min". */
	while (*end && !strchr(",}]#", *end) && strncmp(end, ": ", 2) && strcmp(end, ":"))
		end++;
	while (end > text + 1 && end[-1] == ' ')
		end--;
	return end > text ? end - text : 1;
}

static void mark(const struct diagnostics *diagnostics, const struct diagnostic *one, FILE *stream)
{
	size_t file = one->at.file;
	const char *from = !file ? diagnostics->source :
			   file <= diagnostics->called_count ? diagnostics->called[file - 1].source : NULL;
	const char *at;
	char text[MAX_MARKED + 1];
	size_t length, marked;
	int column = 1;

	for (int line = 1; from && line < one->at.line; line++) {
		from = strchr(from, '\n');
		from = from ? from + 1 : NULL;
	}
	length = from ? strcspn(from, "\n") : 0;
	if (!length || length > MAX_MARKED)
		return;
	memcpy(text, from, length);
	text[length] = '\0';
	make_printable(text);
	fprintf(stream, "  %s\n  ", text);
	for (at = text; *at && column < one->at.column; column++) {
		at += utf8_length((const unsigned char *)at);
		fputc(' ', stream);
	}
	fputc('^', stream);
	marked = marked_length(at);
	for (size_t i = 1; i < marked; i++)
		/* one for each character */
		if ((at[i] & 0xc0) != 0x80)
			fputc('~', stream);
	fputc('\n', stream);
}

static void print(const struct diagnostics *diagnostics, FILE *stream, bool marked)
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
		const char *path = diagnostics_path(diagnostics, one->at.file);

		if (one->at.line > 0)
			fprintf(stream, "%s:%d:%d: %s: %s\n", path, one->at.line,
				one->at.column, kind, one->text);
		if (one->at.line > 0 && marked)
			mark(diagnostics, one, stream);
		if (one->at.line <= 0)
			fprintf(stream, "%s: %s: %s\n", path, kind, one->text);
	}
	if (diagnostics->errors && !diagnostics->count)
		fprintf(stream, "%s: error: out of memory\n", diagnostics->file);
	free(sorted.list);
}

void diagnostics_print(const struct diagnostics *diagnostics, void *stream)
{
	print(diagnostics, stream, false);
}

void diagnostics_print_marked(const struct diagnostics *diagnostics, void *stream)
{
	print(diagnostics, stream, true);
}

void diagnostics_free(struct diagnostics *diagnostics)
{
	for (size_t i = 0; i < diagnostics->count; i++)
		free(diagnostics->list[i].text);
	for (size_t i = 0; i < diagnostics->called_count; i++) {
		free(diagnostics->called[i].path);
		free(diagnostics->called[i].source);
	}
	free(diagnostics->called);
	free(diagnostics->list);
	free(diagnostics->source);
	diagnostics->called = NULL;
	diagnostics->called_count = 0;
	diagnostics->source = NULL;
	diagnostics->list = NULL;
	diagnostics->count = 0;
	diagnostics->errors = 0;
}
