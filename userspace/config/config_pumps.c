// SPDX-License-Identifier: GPL-2.0-or-later
/* pumps and syringes: what is called how, and what is mounted where. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "expression.h"
#include "tree.h"
#include "wording.h"

#define DIAMETER_MAX_M	0.1
#define STROKE_MAX_M	1.0

static bool load_length(const struct node *node, const char *what, const char *key, double most_m, double *value,
			struct diagnostics *diagnostics)
{
	const char *text = config_text(node, what, key, diagnostics);
	char *error = NULL;

	if (!text)
		return false;
	if (nanodose_quantity_parse(text, NANODOSE_DIMENSION_LENGTH, value, &error)) {
		diagnostics_add(diagnostics, node_get(node, key)->at, false, "%s: %s", key,
				error ? error : "no memory");
		free(error);
		return false;
	}
	if (*value > 0 && *value <= most_m)
		return true;
	diagnostics_add(diagnostics, node_get(node, key)->at, false, "%s: %s is no syringe's; above 0 and at most %g mm",
			key, text, most_m * 1e3);
	return false;
}

static bool load_syringe(const struct node *node, struct nanodose_syringe *syringe, struct diagnostics *diagnostics)
{
	static const char *const keys[] = { "diameter", "stroke" };
	const char *name = node->key->text;
	double stroke_m;
	bool good;

	if (!config_known_keys(node, "a syringe", keys, 2, diagnostics))
		return false;
	if (nanodose_syringe_find(name)) {
		diagnostics_add(diagnostics, node->key->at, false,
				"\"%s\" is in the table already; give the lab's own syringe another name", name);
		return false;
	}
	good = load_length(node, "a syringe", "diameter", DIAMETER_MAX_M, &syringe->diameter_m, diagnostics);
	if (!load_length(node, "a syringe", "stroke", STROKE_MAX_M, &stroke_m, diagnostics) || !good)
		return false;
	syringe->volume_m3 = M_PI / 4 * syringe->diameter_m * syringe->diameter_m * stroke_m;
	syringe->source = "the configuration";
	syringe->name = strdup(name);
	return syringe->name;
}

void config_load_syringes(struct config *config, const struct node *node, struct diagnostics *diagnostics)
{
	if (node->type != NODE_MAPPING) {
		diagnostics_add(diagnostics, node->at, false,
				"syringes: is a mapping, such as \"Our glass 250 uL: {diameter: 2.3 mm, stroke: 60 mm}\"");
		return;
	}
	config->syringes = calloc(node->count + 1, sizeof(*config->syringes));
	for (const struct node *one = node->first; one && config->syringes; one = one->next)
		if (load_syringe(one, &config->syringes[config->syringe_count], diagnostics))
			config->syringe_count++;
}

static const struct nanodose_syringe *find_syringe(const struct config *config, const char *name)
{
	for (size_t i = 0; i < config->syringe_count; i++)
		if (!strcmp(config->syringes[i].name, name))
			return &config->syringes[i];
	return nanodose_syringe_find(name);
}

static bool load_mounted(const struct config *config, const struct node *node, struct config_pump *pump,
			 struct diagnostics *diagnostics)
{
	const struct node *syringe = node_get(node, "syringe");
	const char *text, *near[3];
	char list[200];
	size_t count;

	if (!syringe)
		return true;
	text = config_text(node, "a pump", "syringe", diagnostics);
	pump->syringe = text ? find_syringe(config, text) : NULL;
	if (!text || pump->syringe)
		return text;
	count = nanodose_syringe_suggest(text, near, 3);
	diagnostics_add(diagnostics, syringe->at, false,
			"syringe: there is no \"%s\" in the table and none under syringes:; near it are %s", text,
			join_words(near, count, list, sizeof(list)));
	return false;
}

static bool load_pump(const struct config *config, const struct node *node, struct config_pump *pump,
		      struct diagnostics *diagnostics)
{
	static const char *const keys[] = { "device", "syringe" };
	const char *device;

	if (!expression_good_name(node->key->text)) {
		diagnostics_add(diagnostics, node->key->at, false,
				"a pump's name is a letter and then letters, digits or _, at most 31, not \"%.60s\"",
				node->key->text);
		return false;
	}
	if (!config_known_keys(node, "a pump", keys, 2, diagnostics))
		return false;
	device = config_text(node, "a pump", "device", diagnostics);
	if (!device || !load_mounted(config, node, pump, diagnostics))
		return false;
	for (size_t i = 0; i < config->pump_count; i++) {
		if (strcmp(config->pumps[i].device, device))
			continue;
		diagnostics_add(diagnostics, node_get(node, "device")->at, false, "device: \"%s\" is '%s' already", device,
				config->pumps[i].name);
		return false;
	}
	pump->name = strdup(node->key->text);
	pump->device = strdup(device);
	return pump->name && pump->device;
}

void config_load_pumps(struct config *config, const struct node *node, struct diagnostics *diagnostics)
{
	if (node->type != NODE_MAPPING) {
		diagnostics_add(diagnostics, node->at, false,
				"pumps: is a mapping, such as \"left: {device: rig0, syringe: BD Plastipak 1 mL}\"");
		return;
	}
	config->pumps = calloc(node->count + 1, sizeof(*config->pumps));
	for (const struct node *one = node->first; one && config->pumps; one = one->next) {
		struct config_pump pump = { .syringe = NULL };

		if (load_pump(config, one, &pump, diagnostics))
			config->pumps[config->pump_count++] = pump;
	}
}
