// SPDX-License-Identifier: GPL-2.0-or-later
/* buttons: devices with keys or a wheel, and what these do. */
#include <libevdev/libevdev.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "tree.h"
#include "wording.h"

static const struct {
	const char *name;
	enum run_command command;
} deeds[] = {
	{ "emergency_stop", RUN_EMERGENCY_STOP }, { "stop", RUN_STOP }, { "pause", RUN_PAUSE }, { "yes", RUN_YES },
};

#define DEEDS (sizeof(deeds) / sizeof(deeds[0]))

/* KEY_STOP, BTN_0; of a wheel REL_DIAL, or one way only: REL_DIAL+, REL_DIAL-. */
static bool load_code(const char *text, struct button_rule *rule)
{
	size_t length = strlen(text);
	char name[64];

	rule->type = EV_KEY;
	rule->code = libevdev_event_code_from_name(EV_KEY, text);
	if (rule->code >= 0)
		return true;
	if (length && (text[length - 1] == '+' || text[length - 1] == '-'))
		rule->way = text[--length] == '+' ? 1 : -1;
	snprintf(name, sizeof(name), "%.*s", (int)length, text);
	rule->type = EV_REL;
	rule->code = libevdev_event_code_from_name(EV_REL, name);
	return rule->code >= 0;
}

static bool load_button(const struct node *node, struct button_rule *rule, struct diagnostics *diagnostics)
{
	static const char *const keys[] = { "device", "key", "does" };
	const char *device, *key, *does, *names[DEEDS];
	bool good = true;
	char known[100];
	size_t deed = 0;

	if (!config_known_keys(node, "a button", keys, 3, diagnostics))
		return false;
	device = config_text(node, "a button", "device", diagnostics);
	key = config_text(node, "a button", "key", diagnostics);
	if (key && !load_code(key, rule)) {
		diagnostics_add(diagnostics, node_get(node, "key")->at, false,
				"key: \"%s\" is no key, such as KEY_STOP or BTN_0, and no wheel, such as REL_DIAL; \"evtest\" shows what a button sends",
				key);
		good = false;
	}
	does = config_text(node, "a button", "does", diagnostics);
	for (size_t i = 0; i < DEEDS; i++)
		names[i] = deeds[i].name;
	while (does && deed < DEEDS && strcmp(does, names[deed]))
		deed++;
	if (does && deed == DEEDS)
		diagnostics_add(diagnostics, node_get(node, "does")->at, false, "does: is one of %s, not \"%s\"",
				join_words(names, DEEDS, known, sizeof(known)), does);
	if (!good || !device || !key || !does || deed == DEEDS)
		return false;
	rule->command = deeds[deed].command;
	rule->device = strdup(device);
	return rule->device;
}

void config_load_buttons(struct config *config, const struct node *node, struct diagnostics *diagnostics)
{
	if (node->type != NODE_SEQUENCE) {
		diagnostics_add(diagnostics, node->at, false,
				"buttons: is a list, such as \"- {device: Foot Pedal, key: KEY_PAUSE, does: pause}\"");
		return;
	}
	config->rules = calloc(node->count + 1, sizeof(*config->rules));
	for (const struct node *one = node->first; one && config->rules; one = one->next) {
		struct button_rule rule = { .way = 0 };

		if (load_button(one, &rule, diagnostics))
			config->rules[config->rule_count++] = rule;
	}
}
