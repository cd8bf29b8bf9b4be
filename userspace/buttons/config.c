// SPDX-License-Identifier: GPL-2.0-or-later
#include <libevdev/libevdev.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config.h"
#include "tree.h"
#include "wording.h"

#define SYSTEM_FILE "/etc/nanodose.yaml"

static const struct {
	const char *name;
	enum run_command command;
} deeds[] = {
	{ "emergency_stop", RUN_EMERGENCY_STOP }, { "stop", RUN_STOP }, { "pause", RUN_PAUSE }, { "yes", RUN_YES },
};

#define DEEDS (sizeof(deeds) / sizeof(deeds[0]))

/* The first that is there. */
static char *find_file(void)
{
	const char *named = getenv("NANODOSE_CONFIG"), *home = getenv("HOME"), *folder = getenv("XDG_CONFIG_HOME");
	char *path = NULL;

	if (named && *named)
		return strdup(named);
	if (folder && *folder == '/' ? asprintf(&path, "%s/nanodose.yaml", folder) < 0 :
				       asprintf(&path, "%s/.config/nanodose.yaml", home ? home : "") < 0)
		return NULL;
	if (!access(path, F_OK))
		return path;
	free(path);
	return access(SYSTEM_FILE, F_OK) ? NULL : strdup(SYSTEM_FILE);
}

static bool known_keys(const struct node *node, const char *what, const char *const *keys, size_t count,
		       struct diagnostics *diagnostics)
{
	char known[200];
	bool good = true;

	if (node->type != NODE_MAPPING) {
		diagnostics_add(diagnostics, node->at, false, "%s is a mapping of %s", what,
				join_words(keys, count, known, sizeof(known)));
		return false;
	}
	for (const struct node *child = node->first; child; child = child->next) {
		size_t i = 0;

		while (i < count && strcmp(child->key->text, keys[i]))
			i++;
		if (i < count)
			continue;
		diagnostics_add(diagnostics, child->key->at, false, "unknown key '%s' in %s, known are %s",
				child->key->text, what, join_words(keys, count, known, sizeof(known)));
		good = false;
	}
	return good;
}

static const char *text_of(const struct node *mapping, const char *key, struct source_position *at,
			   struct diagnostics *diagnostics)
{
	const struct node *node = node_get(mapping, key);

	if (node && node->type == NODE_SCALAR && *node->text) {
		*at = node->at;
		return node->text;
	}
	diagnostics_add(diagnostics, node ? node->at : mapping->at, false, "a button needs '%s'", key);
	return NULL;
}

static bool load_button(const struct node *node, struct button_rule *rule, struct diagnostics *diagnostics)
{
	static const char *const keys[] = { "device", "key", "does" };
	const char *device, *key, *does, *names[DEEDS];
	struct source_position at = { 0 };
	char known[100];
	size_t deed = 0;

	if (!known_keys(node, "a button", keys, 3, diagnostics))
		return false;
	device = text_of(node, "device", &at, diagnostics);
	key = text_of(node, "key", &at, diagnostics);
	rule->key = key ? libevdev_event_code_from_name(EV_KEY, key) : 0;
	if (rule->key < 0)
		diagnostics_add(diagnostics, at, false,
				"key: \"%s\" is no key, such as KEY_STOP or BTN_0; \"evtest\" shows what a button sends",
				key);
	does = text_of(node, "does", &at, diagnostics);
	for (size_t i = 0; i < DEEDS; i++)
		names[i] = deeds[i].name;
	while (does && deed < DEEDS && strcmp(does, names[deed]))
		deed++;
	if (does && deed == DEEDS)
		diagnostics_add(diagnostics, at, false, "does: is one of %s, not \"%s\"",
				join_words(names, DEEDS, known, sizeof(known)), does);
	if (!device || !key || rule->key < 0 || !does || deed == DEEDS)
		return false;
	rule->command = deeds[deed].command;
	rule->device = strdup(device);
	return rule->device;
}

static void load_root(struct config *config, const struct node *root, struct diagnostics *diagnostics)
{
	static const char *const keys[] = { "nanodose", "buttons" };
	const struct node *version, *buttons;

	if (!root || !known_keys(root, "the configuration", keys, 2, diagnostics))
		return;
	version = node_get(root, "nanodose");
	if (!version || version->type != NODE_SCALAR || strcmp(version->text, "1"))
		diagnostics_add(diagnostics, version ? version->at : root->at, false,
				"the configuration begins with its version, 'nanodose: 1'");
	buttons = node_get(root, "buttons");
	if (!buttons)
		return;
	if (buttons->type != NODE_SEQUENCE) {
		diagnostics_add(diagnostics, buttons->at, false,
				"buttons: is a list, such as \"- {device: Foot Pedal, key: KEY_PAUSE, does: pause}\"");
		return;
	}
	config->rules = calloc(buttons->count + 1, sizeof(*config->rules));
	for (const struct node *one = buttons->first; one && config->rules; one = one->next)
		if (load_button(one, &config->rules[config->rule_count], diagnostics))
			config->rule_count++;
}

bool config_load(struct config *config)
{
	struct diagnostics diagnostics = { 0 };
	struct tree *tree;
	bool good;

	*config = (struct config){ .path = find_file() };
	if (!config->path)
		return true;
	diagnostics.file = config->path;
	tree = tree_read(config->path, "no configuration is", &diagnostics);
	if (tree)
		load_root(config, tree_root(tree), &diagnostics);
	tree_free(tree);
	diagnostics_print(&diagnostics, stderr);
	good = !diagnostics.errors;
	diagnostics_free(&diagnostics);
	return good;
}

void config_clear(struct config *config)
{
	for (size_t i = 0; i < config->rule_count; i++)
		free(config->rules[i].device);
	free(config->rules);
	free(config->path);
}
