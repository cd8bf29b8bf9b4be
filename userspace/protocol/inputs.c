// SPDX-License-Identifier: GPL-2.0-or-later
/* Inputs: what --set may change, and how far. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "expression.h"
#include "loader.h"
#include "wording.h"

/* Which dimension a text has; false if it is no quantity at all. */
static bool find_dimension(const char *text, enum nanodose_dimension *dimension, double *value)
{
	for (int i = NANODOSE_DIMENSION_NONE; i <= NANODOSE_DIMENSION_VISCOSITY; i++) {
		if (!nanodose_quantity_parse(text, i, value, NULL)) {
			*dimension = i;
			return true;
		}
	}
	return false;
}

/* The default, whose dimension becomes the input's. */
static bool load_value(struct loader *loader, const struct node *node,
		       struct protocol_input *input)
{
	char *text = value_text(loader, node, "value");

	if (!text)
		return false;
	if (!find_dimension(text, &input->dimension, &input->value)) {
		loader_error(loader, node->at,
			     "value: \"%s\" is neither a number nor a quantity, such as \"3\" or \"12 mL/min\"",
			     text);
		free(text);
		return false;
	}
	input->text = text;
	return true;
}

static const struct protocol_setting *find_setting(const struct loader *loader, const char *name)
{
	const struct loader_scope *scope = loader->scope;

	for (size_t i = 0; i < scope->setting_count; i++) {
		if (!strcmp(scope->settings[i].name, name))
			return &scope->settings[i];
	}
	return NULL;
}

static void apply_setting(struct loader *loader, struct protocol_input *input,
			  struct source_position at)
{
	const struct protocol_setting *setting = find_setting(loader, input->name);
	char *error = NULL, *text;

	if (!setting)
		return;
	if (setting->exact && setting->dimension == input->dimension) {
		input->value = setting->number;
	} else if (nanodose_quantity_parse(setting->value, input->dimension, &input->value, &error)) {
		loader_error(loader, at, "%s %s: %s", loader->scope->given, input->name,
			     error ? error : "out of memory");
		free(error);
		return;
	}
	text = loader_text(loader, "%s", setting->value + strspn(setting->value, " \t"));
	if (text) {
		free(input->text);
		input->text = text;
		input->set = true;
	}
}

/* Whether what is in use lies within @limit; sign 1: a minimum, -1: a maximum. */
static void check_border(struct loader *loader, const struct protocol_input *input,
			 struct source_position at, const struct node *node, const char *key,
			 int sign)
{
	double limit;
	char *text;

	if (!value_quantity(loader, node, key, input->dimension, &limit, &text))
		return;
	if (sign * input->value < sign * limit) {
		if (input->set)
			loader_error(loader, at, "%s %s: \"%s\" is %s the %s of %s",
				     loader->scope->given, input->name, input->text, sign > 0 ? "below" : "above",
				     sign > 0 ? "minimum" : "maximum", text);
		else
			loader_error(loader, at, "value: \"%s\" is %s the %s of %s", input->text,
				     sign > 0 ? "below" : "above", sign > 0 ? "minimum" : "maximum",
				     text);
	}
	free(text);
}

/* What is in use must be one of a list. */
static void check_choices(struct loader *loader, const struct protocol_input *input,
			  struct source_position at, const struct node *node)
{
	const char *texts[LOADER_MAX_CHOICES];
	size_t count = 0;
	char list[256];

	if (node->type != NODE_SEQUENCE || !node->count || node->count > LOADER_MAX_CHOICES) {
		loader_error(loader, node->at, "choices: is a list of up to %d values, such as [1 uL, 2 uL]",
			     LOADER_MAX_CHOICES);
		return;
	}
	for (const struct node *one = node->first; one; one = one->next) {
		double value;

		if (!value_quantity(loader, one, "choices", input->dimension, &value, NULL))
			return;
		/* Of "0.1 mL" and "100 uL" the last bit may differ. */
		if (fabs(value - input->value) <= 1e-12 * fabs(value))
			return;
		texts[count++] = one->text;
	}
	loader_error(loader, at, "%s%s%s: \"%s\" is none of the choices, %s",
		     input->set ? loader->scope->given : "", input->set ? " " : "",
		     input->set ? input->name : "value", input->text,
		     join_words(texts, count, list, sizeof(list)));
}

/* False: leave the input out. */
static bool load_input(struct loader *loader, const struct node *node,
		       struct protocol_input *input)
{
	static const char *const keys[] = { "value", "min", "max", "choices" };
	const struct node *value, *min, *max, *choices;
	struct source_position at;
	char what[80];

	snprintf(what, sizeof(what), "input '%.40s'", node->key->text);
	if (!LOADER_KEYS(loader, node, what, keys))
		return false;
	value = loader_need(loader, node, "value", what, node->key->at);
	if (!value || !load_value(loader, value, input))
		return false;
	input->name = loader_text(loader, "%s", node->key->text);
	if (!input->name)
		return false;
	apply_setting(loader, input, node->key->at);

	at = input->set ? node->key->at : value->at;
	min = node_get(node, "min");
	max = node_get(node, "max");
	if (min)
		check_border(loader, input, at, min, "min", 1);
	if (max)
		check_border(loader, input, at, max, "max", -1);
	choices = node_get(node, "choices");
	if (choices)
		check_choices(loader, input, at, choices);
	return true;
}

static bool good_name(struct loader *loader, const struct node *key)
{
	if (!expression_good_name(key->text)) {
		loader_error(loader, key->at,
			     "an input's name is a letter and then letters, digits or _, at most 31, not \"%.60s\"",
			     key->text);
		return false;
	}
	if (expression_reserved(key->text)) {
		loader_error(loader, key->at,
			     "'%s' has a meaning of its own in expressions, choose another name",
			     key->text);
		return false;
	}
	return true;
}

static void check_settings(struct loader *loader, const struct node *node)
{
	const struct loader_scope *scope = loader->scope;
	const struct source_position at = { .file = scope->file };
	const char *names[LOADER_MAX_INPUTS];
	size_t count = 0;
	char known[256];

	for (const struct node *one = node ? node->first : NULL;
	     one && one->key && count < LOADER_MAX_INPUTS; one = one->next)
		names[count++] = one->key->text;
	for (size_t i = 0; i < scope->setting_count; i++) {
		const char *name = scope->settings[i].name;
		const char *near = nearest_word(name, names, count);

		if (node && node->type == NODE_MAPPING && node_get(node, name)) {
			if (find_setting(loader, name) != &scope->settings[i])
				loader_error(loader, at, "%s %s is given twice", scope->given, name);
			continue;
		}
		if (near)
			loader_error(loader, at, "%s %s: there is no such input, did you mean '%s'?",
				     scope->given, name, near);
		else if (count)
			loader_error(loader, at, "%s %s: there is no such input, there are %s",
				     scope->given, name, join_words(names, count, known, sizeof(known)));
		else
			loader_error(loader, at, "%s %s: %s has no inputs", scope->given, name,
				     scope->caller ? "the file" : "the protocol");
	}
}

void protocol_input_clear(struct protocol_input *input)
{
	free(input->name);
	free(input->text);
}

void inputs_load(struct loader *loader, const struct node *node)
{
	struct loader_scope *scope = loader->scope;

	if (node && node->type != NODE_MAPPING) {
		loader_error(loader, node->at, "inputs: must be a mapping such as {ratio: {value: 3, max: 9}}");
		node = NULL;
	}
	check_settings(loader, node);
	scope->input_nodes = node;
	if (!node)
		return;
	if (node->count > LOADER_MAX_INPUTS) {
		loader_error(loader, node->at, "inputs: %zu are too many, at most %d", node->count,
			     LOADER_MAX_INPUTS);
		return;
	}
	scope->inputs = loader_allocate(loader, node->count, sizeof(*scope->inputs));
	scope->input_at = loader_allocate(loader, node->count, sizeof(*scope->input_at));
	scope->input_used = loader_allocate(loader, node->count, sizeof(*scope->input_used));
	if (!scope->inputs || !scope->input_at || !scope->input_used)
		return;
	/* In order: the value of one may use those above it. */
	for (const struct node *one = node->first; one; one = one->next) {
		struct protocol_input input = { 0 };

		scope->input_current = one;
		if (good_name(loader, one->key) && load_input(loader, one, &input)) {
			scope->input_at[scope->input_count] = one->key->at;
			scope->inputs[scope->input_count++] = input;
		} else {
			protocol_input_clear(&input);
		}
	}
	scope->input_current = NULL;
}
