// SPDX-License-Identifier: GPL-2.0-or-later
/* hold, wait: for a time, a person or a condition. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "expression.h"
#include "steps.h"

bool load_hold(struct loader *loader, const struct node *node, struct protocol_step *step, int depth)
{
	char *text;

	(void)depth;
	step->verb = PROTOCOL_HOLD;
	if (!value_positive(loader, node, "hold", NANODOSE_DIMENSION_TIME, &step->duration_s, &text))
		return false;
	step->text = loader_text(loader, "hold %s", text);
	free(text);
	return step->text != NULL;
}

/* What the likeliest slips in a condition need to hear besides what Lua says. */
static const char *condition_hint(const char *text)
{
	if (expression_lone_equals(text))
		return "; to compare, write \"==\"";
	if (expression_number_with_unit(text))
		return "; numbers stand without unit here: flow in uL/min, volume in uL, pressure in kPa, temperature in degC, time in s";
	return "";
}

/*
 * The names of the run have no values yet, so readings stand at "not had":
 * what matters is that the expression works and yields a truth.
 */
static bool try_condition(struct loader *loader, const char *text, const struct condition_place *place,
			  struct source_position at)
{
	const struct protocol *protocol = loader->protocol;
	struct expression_channel channels[LOADER_MAX_CHANNELS];
	struct expression_values values = {
		.channels = channels,
		.channel_count = protocol->channel_count,
		.signals = protocol->signals,
		.signal_count = protocol->signal_count,
		.inputs = loader->scope->inputs,
		.input_count = loader->scope->input_count,
	};
	struct expression_result result = { 0 };
	struct expression *expression;
	char *error = NULL;
	bool good;

	for (size_t i = 0; i < protocol->channel_count; i++)
		channels[i] = (struct expression_channel){
			channels_name_here(loader, i), NAN, NAN, NAN, NAN, NAN,
		};
	expression = expression_new(text, &error);
	good = expression && value_check_names(loader, text, true, at);
	if (good && loader->signals_unknown) {
		expression_free(expression);
		return true;
	}
	if (!expression || (good && expression_result(expression, &values, &result, &error))) {
		loader_error(loader, at, "in \"%s\": %s%s", text, error ? error : "out of memory",
			     condition_hint(text));
		good = false;
	}
	if (good && result.kind != EXPRESSION_TRUTH) {
		loader_error(loader, at,
			     "%s: \"%s\" must be true or false, such as \"flow.%s > 95\"", place->key, text,
			     protocol->channel_count ? protocol->channels[0].name : "NAME");
		good = false;
	}
	if (good && expression_changes(text) < place->least) {
		loader_error(loader, at, "%s: \"%s\" is always %s, as nothing in it changes%s: %s", place->key,
			     text, result.number > 0 ? "true" : "false",
			     place->least == EXPRESSION_IN_RUN ? " in a run" : "",
			     place->always[result.number > 0]);
		good = false;
	}
	free(error);
	expression_free(expression);
	return good;
}

bool steps_condition(struct loader *loader, const struct node *node, const struct condition_place *place)
{
	if (node->type == NODE_SCALAR && *node->text && !strstr(node->text, "${"))
		return try_condition(loader, node->text, place, node->at);
	loader_error(loader, node->at,
		     "%s: is an expression as it stands, without ${}, such as \"flow.NAME > 95\"", place->key);
	return false;
}

static bool load_until(struct loader *loader, const struct node *node, struct protocol_step *step)
{
	static const struct condition_place place = {
		"until", EXPRESSION_IN_RUN, { "what follows is never reached", "there is nothing to wait for" },
	};

	step->verb = PROTOCOL_WAIT_UNTIL;
	if (!steps_condition(loader, node, &place))
		return false;
	step->until = loader_text(loader, "%s", node->text);
	step->text = loader_text(loader, "wait until %s", node->text);
	return step->until && step->text;
}

/* "14:30" or "14:30:15", by the clock of this machine. */
static bool load_clock(struct loader *loader, const struct node *node, struct protocol_step *step)
{
	char *text = value_text(loader, node, "clock");
	unsigned int hour = 0, minute = 0, second = 0;
	int end = 0;
	bool good;

	step->verb = PROTOCOL_WAIT_CLOCK;
	if (!text)
		return false;
	if (sscanf(text, "%2u:%2u%n:%2u%n", &hour, &minute, &end, &second, &end) < 2)
		end = 0;
	good = end && !text[end] && hour < 24 && minute < 60 && second < 60;
	if (!good)
		loader_error(loader, node->at, "clock: \"%s\" is no time of day, such as \"14:30\"",
			     text);
	step->clock_s = hour * 3600 + minute * 60 + second;
	step->text = loader_text(loader, "wait until %s o'clock", text);
	free(text);
	return good && step->text;
}

static bool load_timeout(struct loader *loader, const struct node *node,
			 struct protocol_step *step)
{
	const struct node *timeout = node_get(node, "timeout"), *then = node_get(node, "then");
	bool good = true;
	char *text;

	step->timeout_s = INFINITY;
	if (timeout)
		good = value_positive(loader, timeout, "timeout", NANODOSE_DIMENSION_TIME,
				      &step->timeout_s, NULL);
	if (!then)
		return good;
	text = value_text(loader, then, "then");
	if (!text)
		return false;
	if (strcmp(text, "stop") && strcmp(text, "continue")) {
		loader_error(loader, then->at, "then: is stop or continue, not \"%s\"", text);
		good = false;
	} else if (!timeout) {
		loader_error(loader, then->at, "then: says what follows a timeout, and there is none");
		good = false;
	}
	step->timeout_continues = !strcmp(text, "continue");
	free(text);
	return good;
}

bool load_wait(struct loader *loader, const struct node *node, struct protocol_step *step, int depth)
{
	static const char *const keys[] = { "time", "operator", "until", "clock", "for", "timeout",
					   "then" };
	const struct node *time, *person, *until, *clock, *held;
	bool good = true;
	char *text;

	(void)depth;
	if (node->type == NODE_SCALAR) {
		loader_error(loader, node->at,
			     "wait takes what it waits for, such as {time: 5 min}, {operator: \"Ready?\"} or {until: flow.NAME > 95, timeout: 1 min}");
		return false;
	}
	if (!LOADER_KEYS(loader, node, "wait", keys))
		return false;
	time = node_get(node, "time");
	person = node_get(node, "operator");
	until = node_get(node, "until");
	clock = node_get(node, "clock");
	held = node_get(node, "for");
	if (!!time + !!person + !!until + !!clock != 1) {
		loader_error(loader, step->at, "wait takes one of time, operator, until and clock, not %s",
			     time || person || until || clock ? "several" : "none");
		good = false;
	}
	if (time && (node_get(node, "timeout") || node_get(node, "then"))) {
		loader_error(loader, step->at, "a wait for a time has no timeout");
		good = false;
	}
	if (held && !until) {
		loader_error(loader, held->key->at,
			     "for: is how long an 'until' has to hold, and there is none");
		good = false;
	} else if (held) {
		good &= value_positive(loader, held, "for", NANODOSE_DIMENSION_TIME, &step->held_s,
				       NULL);
	}
	good &= load_timeout(loader, node, step);
	if (time) {
		step->verb = PROTOCOL_WAIT_TIME;
		if (!value_positive(loader, time, "time", NANODOSE_DIMENSION_TIME,
				    &step->duration_s, &text))
			return false;
		step->text = loader_text(loader, "wait %s", text);
		free(text);
	}
	if (person && !step->text) {
		step->verb = PROTOCOL_WAIT_OPERATOR;
		step->message = value_text(loader, person, "operator");
		step->text = step->message ? loader_text(loader, "ask: %s", step->message) : NULL;
	}
	if (until && !step->text)
		load_until(loader, until, step);
	if (clock && !step->text)
		good &= load_clock(loader, clock, step);
	return good && step->text;
}
