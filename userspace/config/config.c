// SPDX-License-Identifier: GPL-2.0-or-later
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tree.h"
#include "wording.h"

#define SYSTEM_FILE "/etc/nanodose.yaml"
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

char *config_own_path(void)
{
	const char *named = getenv("NANODOSE_CONFIG"), *home = getenv("HOME"), *folder = getenv("XDG_CONFIG_HOME");
	char *path = NULL;

	if (named && *named)
		return strdup(named);
	if (folder && *folder == '/' ? asprintf(&path, "%s/nanodose.yaml", folder) < 0 :
				       asprintf(&path, "%s/.config/nanodose.yaml", home ? home : "") < 0)
		return NULL;
	return path;
}

/* The first that is there. One that is named has to be. */
static char *find_file(void)
{
	const char *named = getenv("NANODOSE_CONFIG");
	char *path = config_own_path();

	if (path && ((named && *named) || !access(path, F_OK)))
		return path;
	free(path);
	return access(SYSTEM_FILE, F_OK) ? NULL : strdup(SYSTEM_FILE);
}

bool config_known_keys(const struct node *node, const char *what, const char *const *keys, size_t count,
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

const char *config_text(const struct node *mapping, const char *what, const char *key,
			struct diagnostics *diagnostics)
{
	const struct node *node = node_get(mapping, key);

	if (node && node->type == NODE_SCALAR && *node->text)
		return node->text;
	diagnostics_add(diagnostics, node ? node->at : mapping->at, false, "%s needs '%s'", what, key);
	return NULL;
}

static void load_root(struct config *config, const struct node *root, struct diagnostics *diagnostics)
{
	static const char *const keys[] = { "nanodose", "pumps", "syringes", "buttons", "permissions" };
	const struct node *version, *part;

	if (!root || !config_known_keys(root, "the configuration", keys, COUNT(keys), diagnostics))
		return;
	version = node_get(root, "nanodose");
	if (!version || version->type != NODE_SCALAR || strcmp(version->text, "1"))
		diagnostics_add(diagnostics, version ? version->at : root->at, false,
				"the configuration begins with its version, 'nanodose: 1'");
	/* Before the pumps, which may carry one of them. */
	part = node_get(root, "syringes");
	if (part)
		config_load_syringes(config, part, diagnostics);
	part = node_get(root, "pumps");
	if (part)
		config_load_pumps(config, part, diagnostics);
	part = node_get(root, "buttons");
	if (part)
		config_load_buttons(config, part, diagnostics);
	part = node_get(root, "permissions");
	if (part)
		config_load_permissions(config, part, diagnostics);
}

static bool read_file(struct config *config)
{
	struct diagnostics diagnostics = { .file = config->path };
	struct tree *tree = tree_read(config->path, "no configuration is", &diagnostics);
	bool good;

	if (tree)
		load_root(config, tree_root(tree), &diagnostics);
	tree_free(tree);
	diagnostics_print(&diagnostics, stderr);
	good = !diagnostics.errors;
	diagnostics_free(&diagnostics);
	return good;
}

static void clear(struct config *config)
{
	for (size_t i = 0; i < config->rule_count; i++)
		free(config->rules[i].device);
	for (size_t i = 0; i < config->pump_count; i++) {
		free(config->pumps[i].name);
		free(config->pumps[i].device);
	}
	for (size_t i = 0; i < config->syringe_count; i++)
		free((char *)config->syringes[i].name);
	for (int i = 0; i < CONFIG_RIGHTS; i++) {
		free(config->people[i].users);
		free(config->people[i].groups);
	}
	free(config->rules);
	free(config->pumps);
	free(config->syringes);
	free(config->path);
	*config = (struct config){ .path = NULL };
}

static struct config the_config;

static void clear_at_exit(void)
{
	clear(&the_config);
}

const struct config *config_get(void)
{
	static enum { NOT_READ, GOOD, WRONG } state;

	if (state == NOT_READ) {
		the_config.path = find_file();
		state = !the_config.path || read_file(&the_config) ? GOOD : WRONG;
		atexit(clear_at_exit);
	}
	return state == GOOD ? &the_config : NULL;
}

bool config_check(const char *path)
{
	struct config config = { .path = strdup(path) };
	bool good = config.path && read_file(&config);

	clear(&config);
	return good;
}

const struct config_pump *config_pump(const char *name)
{
	const struct config *config = config_get();

	for (size_t i = 0; config && i < config->pump_count; i++)
		if (!strcmp(config->pumps[i].name, name))
			return &config->pumps[i];
	for (size_t i = 0; config && i < config->pump_count; i++)
		if (!strcmp(config->pumps[i].device, name))
			return &config->pumps[i];
	return NULL;
}

const struct config_pump *config_pump_of(const char *name, const struct nanodose_info *info)
{
	const struct config_pump *pump = config_pump(name);

	if (!pump && *info->label)
		pump = config_pump(info->label);
	return pump ? pump : config_pump(info->name);
}

const struct nanodose_syringe *config_mounted(const char *name, const struct nanodose_info *info)
{
	const struct config_pump *pump = config_pump_of(name, info);

	return pump ? pump->syringe : NULL;
}

const struct nanodose_syringe *config_syringe(const char *name)
{
	const struct nanodose_syringe *syringe = nanodose_syringe_find(name);
	const struct config *config = syringe ? NULL : config_get();

	for (size_t i = 0; config && i < config->syringe_count; i++)
		if (!strcmp(config->syringes[i].name, name))
			return &config->syringes[i];
	return syringe;
}

struct nanodose_device *config_open_pump(const char *name, bool writable)
{
	struct nanodose_device *device = nanodose_device_open(name, writable);
	const struct config_pump *pump;

	if (device || errno != ENOENT)
		return device;
	pump = config_pump(name);
	if (pump)
		return nanodose_device_open(pump->device, writable);
	errno = ENOENT;
	return NULL;
}

static bool among(const struct config_people *people, uid_t user, const gid_t *groups, size_t count)
{
	if (people->everybody)
		return true;
	for (size_t i = 0; i < people->user_count; i++)
		if (people->users[i] == user)
			return true;
	for (size_t i = 0; i < people->group_count; i++)
		for (size_t k = 0; k < count; k++)
			if (people->groups[i] == groups[k])
				return true;
	return false;
}

bool config_may(const struct config *config, enum config_right right, uid_t user, const gid_t *groups,
		size_t count)
{
	if (!user || user == geteuid())
		return true;
	if (!config || !config->has_permissions)
		return right != CONFIG_CONTROL;
	for (int i = right; i < CONFIG_RIGHTS; i++)
		if (among(&config->people[i], user, groups, count))
			return true;
	return false;
}
