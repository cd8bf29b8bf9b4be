// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runner.h"
#include "settings.h"
#include "tree.h"
#include "verbs.h"

static const struct source_position whole_file;

static int no_memory(const char *verb)
{
	fprintf(stderr, "nanodose %s: %m\n", verb);
	return NANODOSE_EXIT_REFUSED;
}

/* What --set gives stands before what a file gives; twice the same is for the loader to refuse. */
static int add(struct settings *settings, const char *verb, const char *name, const char *value,
	       bool from_file)
{
	struct protocol_setting *list;
	bool *flags;

	for (size_t i = 0; i < settings->count; i++) {
		if (strcmp(settings->list[i].name, name) || from_file == settings->from_file[i])
			continue;
		if (!from_file)
			settings->list[i].value = value;
		settings->from_file[i] = false;
		return 0;
	}
	list = realloc(settings->list, (settings->count + 1) * sizeof(*list));
	if (list)
		settings->list = list;
	flags = realloc(settings->from_file, (settings->count + 1) * sizeof(*flags));
	if (flags)
		settings->from_file = flags;
	if (!list || !flags)
		return no_memory(verb);
	flags[settings->count] = from_file;
	list[settings->count++] = (struct protocol_setting){ .name = name, .value = value };
	return 0;
}

int settings_add(struct settings *settings, const char *verb, char *text)
{
	char *equals = strchr(text, '=');

	if (!equals || equals == text)
		return verb_usage_error(
			verb, "--set %s: should be NAME=VALUE, such as --set rate='2 mL/min'", text);
	*equals = '\0';
	return add(settings, verb, text, equals + 1, false);
}

/* ---- files -------------------------------------------------------------------------- */

/* A copy that lives as long as the settings. */
static const char *keep(struct settings *settings, const char *text)
{
	char **texts = realloc(settings->texts, (settings->text_count + 1) * sizeof(*texts));

	if (!texts)
		return NULL;
	settings->texts = texts;
	texts[settings->text_count] = strdup(text);
	return texts[settings->text_count] ? texts[settings->text_count++] : NULL;
}

static int add_nodes(struct settings *settings, const char *verb, const struct node *root,
		     struct diagnostics *diagnostics)
{
	int status = 0;

	if (!root || root->type != NODE_MAPPING) {
		diagnostics_add(diagnostics, root ? root->at : whole_file, false,
				"inputs are a mapping of names and values, such as 'rate: 2 mL/min'");
		return 0;
	}
	for (const struct node *one = root->first; one && !status; one = one->next) {
		const char *name, *value;

		if (one->type != NODE_SCALAR || !*one->text) {
			diagnostics_add(diagnostics, one->at, false,
					"%s: one value is wanted here, such as 2 mL/min", one->key->text);
			continue;
		}
		name = keep(settings, one->key->text);
		value = keep(settings, one->text);
		status = name && value ? add(settings, verb, name, value, true) : no_memory(verb);
	}
	return status;
}

int settings_add_file(struct settings *settings, const char *verb, const char *path)
{
	struct diagnostics diagnostics = { .file = path };
	struct tree *tree = tree_read(path, "no inputs are", &diagnostics);
	int status = 0;

	if (tree)
		status = add_nodes(settings, verb, tree_root(tree), &diagnostics);
	tree_free(tree);
	diagnostics_print(&diagnostics, stderr);
	if (!status && diagnostics.errors)
		status = NANODOSE_EXIT_REFUSED;
	diagnostics_free(&diagnostics);
	return status;
}

void settings_free(struct settings *settings)
{
	for (size_t i = 0; i < settings->text_count; i++)
		free(settings->texts[i]);
	free(settings->texts);
	free(settings->list);
	free(settings->from_file);
}
