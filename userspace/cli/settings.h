/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What --set gave, for the verbs that read protocols. */
#ifndef SETTINGS_H
#define SETTINGS_H

#include "protocol.h"

struct settings {
	struct protocol_setting *list;
	size_t count;
};

/*
 * settings_add() - one --set
 * @text: "name=value"; the name is cut off in place, both stay where they are
 * Returns 0, or the exit status after a message.
 */
int settings_add(struct settings *settings, const char *verb, char *text);
void settings_free(struct settings *settings);

#endif /* SETTINGS_H */
