/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the tests of the protocol language share: files, and messages as text. */
#ifndef PROTOCOL_FIXTURE_H
#define PROTOCOL_FIXTURE_H

#include <stdlib.h>
#include <unistd.h>

#include "protocol.h"
#include "test.h"

static char top[4096];		/* of the source tree */
static char scratch[64];	/* a folder for files made here */

static const char *write_file(const void *text, size_t size)
{
	static char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "%s/protocol.yaml", scratch);
	file = fopen(path, "w");
	if (!file || fwrite(text, 1, size, file) != size || fclose(file)) {
		perror(path);
		exit(1);
	}
	return path;
}

/* The messages as text, one a line, without the file's name but for one that is called. To be freed. */
__attribute__((unused))
static char *messages(struct diagnostics *diagnostics)
{
	char *text = NULL;
	size_t size;
	FILE *stream = open_memstream(&text, &size);

	diagnostics->file = "";
	for (size_t i = 0; i < diagnostics->called_count; i++) {
		char *path = diagnostics->called[i].path, *name = strrchr(path, '/');

		memmove(path, name, strlen(name) + 1);
	}
	diagnostics_print(diagnostics, stream);
	fclose(stream);
	/* ":7:11: error" to "7:11: error", ": error" to "error" */
	for (char *line = text; line && *line;) {
		size_t skip = line[1] == ' ' ? 2 : 1;
		char *end;

		memmove(line, line + skip, strlen(line + skip) + 1);
		end = strchr(line, '\n');
		line = end ? end + 1 : NULL;
	}
	return text;
}

__attribute__((unused))
static char *read_file(const char *path, size_t *size)
{
	FILE *file = fopen(path, "r");
	char *text = malloc(1 << 20);

	*size = 0;
	if (!file || !text) {
		perror(path);
		exit(1);
	}
	*size = fread(text, 1, (1 << 20) - 1, file);
	text[*size] = '\0';
	fclose(file);
	return text;
}

static void set_up(const char *source)
{
	const char *slash = strrchr(source, '/');

	/* The source of a test is tests/unit/NAME.c. */
	snprintf(top, sizeof(top), "%.*s/../..", slash ? (int)(slash - source) : 1,
		 slash ? source : ".");
	snprintf(scratch, sizeof(scratch), "/tmp/protocol_test.XXXXXX");
	if (!mkdtemp(scratch)) {
		perror(scratch);
		exit(1);
	}
}

static int tear_down(void)
{
	unlink(write_file("", 0));
	rmdir(scratch);
	return test_end();
}

#endif /* PROTOCOL_FIXTURE_H */
