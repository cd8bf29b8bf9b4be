// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runner.h"
#include "settings.h"
#include "verbs.h"

int settings_add(struct settings *settings, const char *verb, char *text)
{
	char *equals = strchr(text, '=');
	struct protocol_setting *list;

	if (!equals || equals == text)
		return verb_usage_error(
			verb, "--set %s: should be NAME=VALUE, such as --set rate='2 mL/min'", text);
	list = realloc(settings->list, (settings->count + 1) * sizeof(*list));
	if (!list) {
		fprintf(stderr, "nanodose %s: %m\n", verb);
		return NANODOSE_EXIT_REFUSED;
	}
	*equals = '\0';
	list[settings->count++] = (struct protocol_setting){ .name = text, .value = equals + 1 };
	settings->list = list;
	return 0;
}

void settings_free(struct settings *settings)
{
	free(settings->list);
}
