// SPDX-License-Identifier: GPL-2.0-or-later
#include <search.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "rig_file.h"

#define NAME_MARKS "_.-"
#define VALUE_MARKS "_.+-"
#define ALPHABET "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

struct rig_file {
	const char *path;
	FILE *out, *complaints;
	unsigned int line;
	char *rig;		/* the newest; NULL: none yet */
	size_t depth;		/* of its parameters; 0: none yet */
	void *seen;		/* tree of "RIG" and "RIG KEY" */
	bool failed;
};

bool rig_word(const char *text, const char *more)
{
	size_t length = 0;

	while (text[length] && (strchr(ALPHABET, text[length]) || strchr(more, text[length])))
		length++;
	return length && !text[length];
}

__attribute__((format(printf, 2, 3)))
static void bad(struct rig_file *file, const char *format, ...)
{
	va_list values;

	fprintf(file->complaints, "%s:%u: ", file->path, file->line);
	va_start(values, format);
	vfprintf(file->complaints, format, values);
	va_end(values);
	fputc('\n', file->complaints);
	file->failed = true;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(a, b);
}

/* False: it was there before. */
static bool first_time(struct rig_file *file, const char *rig, const char *key)
{
	char **found, *text;

	if (asprintf(&text, "%s%s%s", rig, key ? " " : "", key ? key : "") < 0)
		abort();
	found = tsearch(text, &file->seen, by_text);
	if (!found)
		abort();
	if (*found == text)
		return true;
	free(text);
	return false;
}

/* What a line says: no end of line, no comment, no space behind. */
static void strip(char *line)
{
	size_t length = strlen(line);

	if (length && line[length - 1] == '\n')
		line[--length] = '\0';
	if (length && line[length - 1] == '\r')
		line[--length] = '\0';
	for (size_t i = 0; i < length; i++)
		if (line[i] == '#' && (!i || line[i - 1] == ' ' || line[i - 1] == '\t'))
			line[length = i] = '\0';
	while (length && (line[length - 1] == ' ' || line[length - 1] == '\t'))
		line[--length] = '\0';
}

/* Quotes are allowed around a name or value. */
static char *bare(char *text)
{
	size_t length = strlen(text);

	if (length < 2 || (*text != '"' && *text != '\'') || text[length - 1] != *text)
		return text;
	text[length - 1] = '\0';
	return text + 1;
}

static void take_rig(struct rig_file *file, const char *name, const char *value)
{
	free(file->rig);
	file->rig = strdup(name);
	file->depth = 0;
	if (!file->rig)
		abort();
	if (*value && strcmp(value, "{}") && strcmp(value, "null") && strcmp(value, "~"))
		bad(file, "rig '%s' must hold parameters below it, one a line, indented", name);
	if (!first_time(file, name, NULL))
		bad(file, "rig '%s' is there twice", name);
	fprintf(file->out, "rig %s\n", name);
}

static void take_parameter(struct rig_file *file, size_t indent, const char *name, const char *value)
{
	if (!file->rig) {
		bad(file, "a parameter without a rig above it");
		return;
	}
	if (!file->depth)
		file->depth = indent;
	if (indent != file->depth) {
		bad(file, "'%s' is indented by %zu, the parameters before it by %zu", name, indent, file->depth);
		return;
	}
	if (!rig_word(value, VALUE_MARKS)) {
		bad(file, "parameter '%s' needs a value, an integer or a word", name);
		return;
	}
	if (!first_time(file, file->rig, name))
		bad(file, "parameter '%s' is there twice in rig '%s'", name, file->rig);
	fprintf(file->out, "set %s %s %s\n", file->rig, name, value);
}

static void take_line(struct rig_file *file, char *line)
{
	size_t indent;
	char *colon, *name, *value;

	strip(line);
	if (!*line || !strcmp(line, "---"))
		return;
	if (strchr(line, '\t')) {
		bad(file, "a tab; YAML is indented with spaces");
		return;
	}
	indent = strspn(line, " ");
	line += indent;
	for (colon = strchr(line, ':'); colon && colon[1] && colon[1] != ' ';)
		colon = strchr(colon + 1, ':');
	if (!colon) {
		bad(file, "'%s' is not of the form name: value", line);
		return;
	}
	*colon = '\0';
	name = bare(line);
	value = colon + 1 + strspn(colon + 1, " ");
	value = bare(value);
	if (!rig_word(name, NAME_MARKS))
		bad(file, "'%s' is not a name: letters, digits, _ - . only", name);
	else if (!indent)
		take_rig(file, name, value);
	else
		take_parameter(file, indent, name, value);
}

bool rig_file_read(FILE *in, const char *path, FILE *out, FILE *complaints)
{
	struct rig_file file = { .path = path, .out = out, .complaints = complaints };
	size_t size = 0;
	char *line = NULL;
	ssize_t length;

	while ((length = getline(&line, &size, in)) >= 0) {
		file.line++;
		if (strlen(line) == (size_t)length)
			take_line(&file, line);
		else
			bad(&file, "a byte of 0; this is no text");
	}
	if (ferror(in)) {
		fprintf(complaints, "%s: cannot be read\n", path);
		file.failed = true;
	} else if (!file.failed && !file.rig) {
		fprintf(complaints, "%s: no rig in it\n", path);
		file.failed = true;
	}
	free(line);
	free(file.rig);
	tdestroy(file.seen, free);
	return !file.failed;
}
