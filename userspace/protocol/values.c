// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Values of the file with their expressions worked out.
 *
 * A value that is nothing but ${name of an input} reads as that input was
 * written, unit and all. A value that is nothing but one ${expression} takes
 * its number or quantity. In text around expressions, as in "${x} mL", an
 * expression must give a plain number, which is put in its place.
 */
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "expression.h"
#include "loader.h"
#include "wording.h"

struct value {
	char *text;
	bool computed;	/* a quantity that text shows rounded: use what follows */
	double number;
	enum nanodose_dimension dimension;
};

/* ---- names ------------------------------------------------------------------------- */

struct name_check {
	struct loader *loader;
	struct source_position at;
	const char *expression;
	bool run_values;
	bool good;
};

static const char *known_names(const struct loader *loader, bool run_values, char *buffer,
			       size_t size)
{
	static const char *const run_names[] = {
		"flow.NAME", "setpoint.NAME", "volume.NAME", "pressure.NAME", "temperature.NAME",
		"time", "elapsed", "signal.NAME",
	};
	const char *names[LOADER_MAX_INPUTS + 16];
	size_t count = 0;

	for (size_t i = 0; i < loader->scope->input_count; i++)
		names[count++] = loader->scope->inputs[i].name;
	for (size_t i = 0; run_values && i < sizeof(run_names) / sizeof(run_names[0]); i++)
		names[count++] = run_names[i];
	names[count++] = "math";
	names[count++] = "to";
	return join_words(names, count, buffer, size);
}

/*
 * An input that the file names but that has no value: one that comes later,
 * or one whose own error has been reported and need not be told again.
 */
static bool is_missing_input(struct name_check *check, const char *name)
{
	const struct loader *loader = check->loader;
	const struct node *node = loader->scope->input_nodes ? loader->scope->input_nodes->first : NULL;
	bool later = false;

	for (; node; node = node->next) {
		later = later || node == loader->scope->input_current;
		if (strcmp(node->key->text, name))
			continue;
		if (later)
			loader_error(check->loader, check->at,
				     "in \"%s\": input '%s' has no value yet; one input can use those above it",
				     check->expression, name);
		return true;
	}
	return false;
}

static bool check_name(void *user, const char *name, const char *field)
{
	struct name_check *check = user;
	const struct protocol *protocol = check->loader->protocol;
	const struct loader_scope *scope = check->loader->scope;
	char known[256];

	for (size_t i = 0; i < scope->input_count; i++) {
		if (!strcmp(scope->inputs[i].name, name)) {
			scope->input_used[i] = true;
			return true;
		}
	}
	if (!strcmp(name, "to"))
		return true;
	if (!strcmp(name, "math")) {
		if (!*field || expression_math_name(field))
			return true;
		loader_error(check->loader, check->at, "in \"%s\": math has no '%s'",
			     check->expression, field);
	} else if (check->run_values && expression_run_scalar(name)) {
		return true;
	} else if (check->run_values && expression_signal_table(name)) {
		long signal = signals_find(protocol, field);

		if (signal >= 0)
			check->loader->signal_used[signal] = true;
		if (signal >= 0 || check->loader->signals_unknown)
			return true;
		loader_error(check->loader, check->at,
			     "in \"%s\": there is no signal '%s'; signals are named under 'signals' at the top",
			     check->expression, field);
	} else if (check->run_values && expression_run_table(name)) {
		if (!*field || channels_find_here(check->loader, field) >= 0)
			return true;
		loader_error(check->loader, check->at, "in \"%s\": there is no channel '%s'",
			     check->expression, field);
	} else if (expression_run_table(name) || expression_run_scalar(name) ||
		   expression_signal_table(name)) {
		loader_error(check->loader, check->at,
			     "in \"%s\": '%s' is known only while the run goes on, in the 'until' of a wait",
			     check->expression, name);
	} else if (check->run_values && channels_find_here(check->loader, name) >= 0) {
		loader_error(check->loader, check->at,
			     "in \"%s\": '%s' is a channel; its values are flow.%s, setpoint.%s, volume.%s, pressure.%s and temperature.%s",
			     check->expression, name, name, name, name, name, name);
	} else if (!is_missing_input(check, name)) {
		loader_error(check->loader, check->at, "in \"%s\": unknown name '%s', known are %s",
			     check->expression, name,
			     known_names(check->loader, check->run_values, known, sizeof(known)));
	}
	check->good = false;
	return true;
}

bool value_check_names(struct loader *loader, const char *expression, bool run_values,
		       struct source_position at)
{
	struct name_check check = { loader, at, expression, run_values, true };

	expression_names(expression, check_name, &check);
	return check.good;
}

/* ---- expressions ------------------------------------------------------------------- */

static char *number_text(struct loader *loader, double number)
{
	char text[40];

	snprintf(text, sizeof(text), "%.15g", number);
	if (strtod(text, NULL) != number)
		snprintf(text, sizeof(text), "%.17g", number);
	return loader_text(loader, "%s", text);
}

/* The input that @text names and nothing else, or NULL. */
static const struct protocol_input *lone_input(struct loader *loader, const char *text)
{
	size_t length;

	text += strspn(text, " \t");
	length = strcspn(text, " \t");
	if (text[length + strspn(text + length, " \t")])
		return NULL;
	for (size_t i = 0; i < loader->scope->input_count; i++) {
		const char *name = loader->scope->inputs[i].name;

		if (strlen(name) == length && !memcmp(name, text, length)) {
			loader->scope->input_used[i] = true;
			return &loader->scope->inputs[i];
		}
	}
	return NULL;
}

static bool run_expression(struct loader *loader, const char *text, struct source_position at,
			   struct expression_result *result)
{
	struct expression_values values = {
		.inputs = loader->scope->inputs,
		.input_count = loader->scope->input_count,
	};
	struct expression *expression;
	char *error = NULL;
	bool good;

	expression = expression_new(text, &error);
	good = expression && value_check_names(loader, text, false, at);
	if (!expression || (good && expression_result(expression, &values, result, &error))) {
		loader_error(loader, at, "in \"%s\": %s", text, error ? error : "out of memory");
		good = false;
	}
	if (good && !isfinite(result->number)) {
		loader_error(loader, at, "\"%s\" gives no finite number", text);
		good = false;
	}
	free(error);
	expression_free(expression);
	return good;
}

/* One ${...}: @alone if nothing else stands in the value. */
static bool resolve_one(struct loader *loader, const struct node *node, const char *text,
			bool alone, bool free_text, struct value *value)
{
	const struct protocol_input *input = lone_input(loader, text);
	struct expression_result result;
	char shown[WORDING_SIZE];

	if (input && (alone || free_text)) {
		value->text = loader_text(loader, "%s", input->text);
		return value->text != NULL;
	}
	if (!run_expression(loader, text, node->at, &result))
		return false;
	if (result.kind == EXPRESSION_TRUTH && !free_text) {
		loader_error(loader, node->at, "\"%s\" gives true or false, not a number", text);
		return false;
	}
	if (result.kind == EXPRESSION_QUANTITY && !alone && !free_text) {
		loader_error(loader, node->at,
			     "\"%s\" gives a %s, unit and all; write \"${%s}\" alone, or only the number by to(..., \"%s\")",
			     text, nanodose_dimension_name(result.dimension), text,
			     unit_in(nanodose_dimension_example(result.dimension)));
		return false;
	}
	if (result.kind == EXPRESSION_TRUTH) {
		value->text = loader_text(loader, "%s", result.number ? "true" : "false");
	} else if (result.kind == EXPRESSION_NUMBER) {
		value->text = number_text(loader, result.number);
	} else {
		value->text = loader_text(loader, "%s", format_like(result.number, result.dimension,
								    result.unit, shown, sizeof(shown)));
		value->computed = true;
		value->number = result.number;
		value->dimension = result.dimension;
	}
	return value->text != NULL;
}

/* The brace that closes an expression; one inside quotes does not. NULL if none. */
static const char *closing_brace(const char *text)
{
	for (; *text && *text != '}'; text++) {
		if (*text == '"' || *text == '\'') {
			text = strchr(text + 1, *text);
			if (!text)
				return NULL;
		}
	}
	return *text ? text : NULL;
}

static bool resolve(struct loader *loader, const struct node *node, const char *key,
		    bool free_text, struct value *value)
{
	const char *rest = node->text, *open, *close;
	char *text = NULL;
	bool good = true;

	*value = (struct value){ 0 };
	if (node->type != NODE_SCALAR) {
		loader_error(loader, node->at, "%s: %s cannot stand here, write one value", key,
			     node_type_name(node));
		return false;
	}
	if (!*node->text) {
		loader_error(loader, node->at, "%s: the value is missing", key);
		return false;
	}
	text = loader_text(loader, "%s", "");
	while (good && text && (open = strstr(rest, "${"))) {
		struct value one = { 0 };
		char *inside, *longer;

		close = closing_brace(open + 2);
		if (!close) {
			loader_error(loader, node->at, "%s: \"${\" is not closed by \"}\"", key);
			good = false;
			break;
		}
		inside = loader_text(loader, "%.*s", (int)(close - open - 2), open + 2);
		good = inside && resolve_one(loader, node, inside,
					     open == node->text && !close[1], free_text, &one);
		free(inside);
		if (good && one.computed && open == node->text && !close[1]) {
			*value = one;
			free(text);
			return true;
		}
		longer = good ? loader_text(loader, "%s%.*s%s", text, (int)(open - rest), rest,
					    one.text) : NULL;
		free(one.text);
		free(text);
		text = longer;
		rest = close + 1;
	}
	if (good && text)
		value->text = loader_text(loader, "%s%s", text, rest);
	free(text);
	return value->text != NULL;
}

/* ---- what the others call ---------------------------------------------------------- */

char *value_text(struct loader *loader, const struct node *node, const char *key)
{
	struct value value;

	return resolve(loader, node, key, true, &value) ? value.text : NULL;
}

bool value_setting(struct loader *loader, const struct node *node, struct protocol_setting *setting)
{
	struct value value;

	if (!resolve(loader, node, setting->name, true, &value))
		return false;
	setting->value = value.text;
	setting->exact = value.computed;
	setting->dimension = value.dimension;
	setting->number = value.number;
	return value.text != NULL;
}

/* Says where a text came from that is not in the file, or what a "$" should have been. */
static const char *origin(const struct node *node, char *buffer, size_t size)
{
	buffer[0] = '\0';
	if (strstr(node->text, "${"))
		snprintf(buffer, size, " (worked out from \"%.80s\")", node->text);
	else if (strchr(node->text, '$'))
		snprintf(buffer, size, "; an input is written \"${name}\"");
	return buffer;
}

bool value_quantity(struct loader *loader, const struct node *node, const char *key,
		    enum nanodose_dimension dimension, double *number, char **text)
{
	struct value value;
	char *error = NULL, from[128];
	bool good;

	if (text)
		*text = NULL;
	if (!resolve(loader, node, key, false, &value))
		return false;
	good = value.computed && value.dimension == dimension;
	if (good)
		*number = value.number;
	else
		good = !nanodose_quantity_parse(value.text, dimension, number, &error);
	if (!good)
		loader_error(loader, node->at, "%s: %s%s", key, error ? error : "out of memory",
			     origin(node, from, sizeof(from)));
	free(error);
	if (good && text)
		*text = value.text;
	else
		free(value.text);
	return good;
}

bool value_positive(struct loader *loader, const struct node *node, const char *key,
		    enum nanodose_dimension dimension, double *number, char **text)
{
	char *own = NULL, from[128];

	if (!value_quantity(loader, node, key, dimension, number, &own))
		return false;
	if (!(*number > 0)) {
		loader_error(loader, node->at, "%s: \"%s\" must be above zero%s", key, own,
			     origin(node, from, sizeof(from)));
		free(own);
		return false;
	}
	if (text)
		*text = own;
	else
		free(own);
	return true;
}
