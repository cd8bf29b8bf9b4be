// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * libFuzzer: a rig file of any bytes. It has to end in lines of names and plain
 * values, which go on to configfs, or in messages with file and line.
 */
#include <stdlib.h>
#include <string.h>

#include "rig_file.h"

static bool good_line(char *line)
{
	char *verb = strsep(&line, " "), *rig = strsep(&line, " "), *key = strsep(&line, " ");

	if (!rig || !rig_word(rig, "_.-"))
		return false;
	if (!strcmp(verb, "rig"))
		return !key;
	return !strcmp(verb, "set") && key && rig_word(key, "_.-") && line && rig_word(line, "_.+-");
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);
int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	char *lines = NULL, *said = NULL, *rest, *line;
	size_t length, said_length;
	FILE *out = open_memstream(&lines, &length), *complaints = open_memstream(&said, &said_length);
	FILE *in = fmemopen((void *)data, size, "r");
	bool good;

	if (!in || !out || !complaints)
		abort();
	good = rig_file_read(in, "rig.yaml", out, complaints);
	fclose(in);
	fclose(out);
	fclose(complaints);
	/* Refused with a reason, or taken without one. */
	if (good != !said_length || (!good && strncmp(said, "rig.yaml:", 9)))
		abort();
	for (rest = lines; (line = strsep(&rest, "\n"));)
		if (*line && !good_line(line))
			abort();
	free(lines);
	free(said);
	return 0;
}
