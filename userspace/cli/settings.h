/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What --set and --inputs give to the inputs of a protocol. */
#ifndef SETTINGS_H
#define SETTINGS_H

#include "protocol.h"

struct settings {
	struct protocol_setting *list;
	size_t count;
	bool *from_file;	/* by entry of the list: a --set may replace it */
	char **texts;		/* that belong to it */
	size_t text_count;
};

/*
 * settings_add() - one --set; it stands before a file, whatever the order
 * @text: "name=value"; the name is cut off in place, both stay where they are
 * Returns 0, or the exit status after a message.
 */
int settings_add(struct settings *settings, const char *verb, char *text);
/* settings_add_file() - one --inputs: a YAML mapping of names and values. The same. */
int settings_add_file(struct settings *settings, const char *verb, const char *path);
void settings_free(struct settings *settings);

#endif /* SETTINGS_H */
