// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The values of --rig options, each an argument, to what process 1 of the
 * machine does: lines "rig NAME", "set NAME KEY VALUE", "live NAME". All rigs
 * are there before the first goes live; numbers follow the order here.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rig_file.h"

#define EXIT_BAD 2
#define DEFAULT_RIG "rig0"

/* FILE.yaml, or anything with a folder in it. */
static bool is_file(const char *rig)
{
	size_t length = strlen(rig);

	return strchr(rig, '/') || (length >= 5 && !strcmp(rig + length - 5, ".yaml")) ||
	       (length >= 4 && !strcmp(rig + length - 4, ".yml"));
}

static bool add_file(const char *path, FILE *out)
{
	FILE *in = fopen(path, "re");
	bool good;

	if (!in) {
		fprintf(stderr, "--rig %s: %s\n", path, strerror(errno));
		return false;
	}
	good = rig_file_read(in, path, out, stderr);
	fclose(in);
	return good;
}

/* NAME:key=value,... */
static bool add_words(const char *rig, FILE *out)
{
	char *text = strdup(rig), *pairs = text ? strchr(text, ':') : NULL, *pair, *value;
	bool good = text;

	if (pairs)
		*pairs++ = '\0';
	if (good && !rig_word(text, "_.-")) {
		fprintf(stderr, "--rig %s: NAME:key=value,... or a FILE.yaml is wanted\n", rig);
		good = false;
	}
	if (good)
		fprintf(out, "rig %s\n", text);
	while (good && (pair = strsep(&pairs, ","))) {
		if (!*pair)
			continue;
		value = strchr(pair, '=');
		if (value)
			*value++ = '\0';
		if (!value || !rig_word(pair, "_") || !rig_word(value, "_.+-")) {
			fprintf(stderr, "--rig %s: \"%s%s%s\" is not key=value\n", rig, pair,
				value ? "=" : "", value ? value : "");
			good = false;
		} else {
			fprintf(out, "set %s %s %s\n", text, pair, value);
		}
	}
	free(text);
	return good;
}

/* Each rig is made once, whatever is set of it and where, and goes live last. */
static void print_in_order(char *lines)
{
	char **rigs = NULL, *line;
	size_t count = 0, i;

	while ((line = strsep(&lines, "\n"))) {
		if (!strncmp(line, "rig ", 4)) {
			for (i = 0; i < count && strcmp(rigs[i], line + 4); i++)
				;
			if (i < count)
				continue;
			rigs = reallocarray(rigs, count + 1, sizeof(*rigs));
			if (!rigs)
				abort();
			rigs[count++] = line + 4;
		}
		if (*line)
			puts(line);
	}
	for (i = 0; i < count; i++)
		printf("live %s\n", rigs[i]);
	free(rigs);
}

int main(int argc, char **argv)
{
	char *lines = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&lines, &size);
	bool good = out;

	for (int i = 1; out && i < argc; i++)
		good &= is_file(argv[i]) ? add_file(argv[i], out) : add_words(argv[i], out);
	if (out && argc < 2)
		fputs("rig " DEFAULT_RIG "\n", out);
	if (!out || fclose(out)) {
		perror("the rigs");
		return EXIT_BAD;
	}
	if (good)
		print_in_order(lines);
	free(lines);
	return good && !fflush(stdout) ? 0 : EXIT_BAD;
}
