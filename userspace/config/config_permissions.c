// SPDX-License-Identifier: GPL-2.0-or-later
/* permissions: who else may watch, stop or control a run. */
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "tree.h"

/*
 * Numbers are looked up now: a run must not wait for a directory of users that
 * does not answer. "@name" is a group.
 */
static void load_one(struct config_people *people, const struct node *node, struct diagnostics *diagnostics)
{
	const char *text = node->type == NODE_SCALAR ? node->text : "";
	const struct passwd *user;
	const struct group *group;

	if (!strcmp(text, "everybody")) {
		people->everybody = true;
	} else if (*text == '@' && (group = getgrnam(text + 1))) {
		people->groups[people->group_count++] = group->gr_gid;
	} else if (*text && *text != '@' && (user = getpwnam(text))) {
		people->users[people->user_count++] = user->pw_uid;
	} else {
		diagnostics_add(diagnostics, node->at, false,
				"there is no %s \"%s\" on this machine; write a user's name, \"@group\" or everybody",
				*text == '@' ? "group" : "user", *text == '@' ? text + 1 : text);
	}
}

static void load_right(struct config_people *people, const struct node *node, const char *name,
		       struct diagnostics *diagnostics)
{
	size_t count = node->type == NODE_SEQUENCE ? node->count : 1;

	if (node->type == NODE_MAPPING) {
		diagnostics_add(diagnostics, node->at, false, "%s: is a list of people, such as [anna, \"@lab\"]", name);
		return;
	}
	people->users = calloc(count + 1, sizeof(*people->users));
	people->groups = calloc(count + 1, sizeof(*people->groups));
	if (!people->users || !people->groups)
		return;
	if (node->type == NODE_SCALAR)
		load_one(people, node, diagnostics);
	for (const struct node *one = node->first; one; one = one->next)
		load_one(people, one, diagnostics);
}

void config_load_permissions(struct config *config, const struct node *node, struct diagnostics *diagnostics)
{
	static const char *const rights[CONFIG_RIGHTS] = {
		[CONFIG_WATCH] = "watch", [CONFIG_STOP] = "stop", [CONFIG_CONTROL] = "control",
	};

	if (!config_known_keys(node, "permissions", rights, CONFIG_RIGHTS, diagnostics))
		return;
	config->has_permissions = true;
	for (int i = 0; i < CONFIG_RIGHTS; i++) {
		const struct node *right = node_get(node, rights[i]);

		if (right)
			load_right(&config->people[i], right, rights[i], diagnostics);
	}
}
