// SPDX-License-Identifier: GPL-2.0-or-later
/* Steps: a list of mappings of one key each, the verb. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "expression.h"
#include "loader.h"
#include "wording.h"

static bool load_list(struct loader *loader, const struct node *node, const char *key, int depth,
		      struct protocol_step **steps, size_t *count);

/* A rate that a step asks of a channel: against its limit, and for the peak. */
static void note_rate(struct loader *loader, const struct protocol_flow *flow, const char *like)
{
	struct protocol_channel *channel = &loader->protocol->channels[flow->channel];
	const struct loader_channel *more = &loader->channels[flow->channel];
	char asked[WORDING_SIZE];

	if (flow->rate_m3_s > channel->limit_rate_m3_s * (1 + 1e-9))
		loader_error(loader, flow->at_rate,
			     "'%s' would run at %s, beyond its limit of %s (line %d)", channel->name,
			     format_like(flow->rate_m3_s, NANODOSE_DIMENSION_RATE, like, asked,
					 sizeof(asked)),
			     more->rate_limit_text, more->at_rate_limit.line);
	if (flow->rate_m3_s <= channel->peak_rate_m3_s)
		return;
	channel->peak_rate_m3_s = flow->rate_m3_s;
	channel->at_peak = flow->at_rate;
	free(channel->peak_text);
	channel->peak_text = loader_text(loader, "%s",
					 format_like(flow->rate_m3_s, NANODOSE_DIMENSION_RATE, like,
						     asked, sizeof(asked)));
}

/* The channel that @name, written at @at, means; -1 is reported. */
static long use_channel(struct loader *loader, const char *name, struct source_position at)
{
	const struct protocol *protocol = loader->protocol;
	const char *names[LOADER_MAX_CHANNELS], *near;
	long index = channels_find(protocol, name);
	char known[256];

	if (index >= 0) {
		loader->channels[index].used = true;
		return index;
	}
	loader->uses_unknown = true;
	for (size_t i = 0; i < protocol->channel_count; i++)
		names[i] = protocol->channels[i].name;
	near = nearest_word(name, names, protocol->channel_count);
	if (near)
		loader_error(loader, at, "there is no channel '%s', did you mean '%s'?", name, near);
	else if (!protocol->channel_count)
		loader_error(loader, at, "there is no channel '%s'", name);
	else
		loader_error(loader, at, "there is no channel '%s', there are %s", name,
			     join_words(names, protocol->channel_count, known, sizeof(known)));
	return -1;
}

/* ---- infuse, withdraw, mix ----------------------------------------------------------- */

/* Volume, rate and duration of a step, two of them given and one worked out. */
struct amounts {
	const struct node *volume, *rate, *duration;	/* NULL: not given */
	char *volume_text, *rate_text, *duration_text;
	double volume_m3, rate_m3_s, duration_s;
};

static void free_amounts(struct amounts *amounts)
{
	free(amounts->volume_text);
	free(amounts->rate_text);
	free(amounts->duration_text);
}

static bool read_amounts(struct loader *loader, struct amounts *amounts, const char *rate_key)
{
	bool good = true;

	if (amounts->volume)
		good &= value_positive(loader, amounts->volume, "volume", NANODOSE_DIMENSION_VOLUME,
				       &amounts->volume_m3, &amounts->volume_text);
	if (amounts->rate)
		good &= value_positive(loader, amounts->rate, rate_key, NANODOSE_DIMENSION_RATE,
				       &amounts->rate_m3_s, &amounts->rate_text);
	if (amounts->duration)
		good &= value_positive(loader, amounts->duration, "duration",
				       NANODOSE_DIMENSION_TIME, &amounts->duration_s,
				       &amounts->duration_text);
	return good;
}

static bool complete_amounts(struct loader *loader, struct amounts *amounts,
			     struct source_position at)
{
	if (!amounts->volume)
		amounts->volume_m3 = amounts->rate_m3_s * amounts->duration_s;
	else if (!amounts->rate)
		amounts->rate_m3_s = amounts->volume_m3 / amounts->duration_s;
	else
		amounts->duration_s = amounts->volume_m3 / amounts->rate_m3_s;
	if (isfinite(amounts->volume_m3) && isfinite(amounts->rate_m3_s) &&
	    isfinite(amounts->duration_s) && amounts->volume_m3 > 0 && amounts->rate_m3_s > 0 &&
	    amounts->duration_s > 0)
		return true;
	loader_error(loader, at, "these amounts are too large or too small to go together");
	return false;
}

/* "0.5 mL at 3 mL/min", "0.5 mL in 10 s", "3 mL/min for 10 s" */
static void describe_amounts(const struct amounts *amounts, char *buffer, size_t size)
{
	if (!amounts->volume)
		snprintf(buffer, size, "%s for %s", amounts->rate_text, amounts->duration_text);
	else if (!amounts->rate)
		snprintf(buffer, size, "%s in %s", amounts->volume_text, amounts->duration_text);
	else
		snprintf(buffer, size, "%s at %s", amounts->volume_text, amounts->rate_text);
}

static void set_flow(struct protocol_flow *flow, size_t channel, const struct amounts *amounts,
		     double part)
{
	flow->channel = channel;
	flow->volume_m3 = amounts->volume_m3 * part;
	flow->rate_m3_s = amounts->rate_m3_s * part;
	flow->at_volume = amounts->volume ? amounts->volume->at : amounts->duration->at;
	flow->at_rate = amounts->rate ? amounts->rate->at : amounts->duration->at;
}

static bool load_single(struct loader *loader, const struct node *node, struct protocol_step *step,
			const char *verb)
{
	static const char *const keys[] = { "channel", "volume", "rate", "duration" };
	struct amounts amounts = { 0 };
	const struct node *channel;
	char *name = NULL, text[200];
	long index = -1;
	int given;
	bool good;

	if (!LOADER_KEYS(loader, node, verb, keys)) {
		loader->uses_unknown = true;
		return false;
	}
	channel = loader_need(loader, node, "channel", verb, step->at);
	if (channel)
		name = value_text(loader, channel, "channel");
	if (name)
		index = use_channel(loader, name, channel->at);
	else
		loader->uses_unknown = true;
	free(name);
	amounts.volume = node_get(node, "volume");
	amounts.rate = node_get(node, "rate");
	amounts.duration = node_get(node, "duration");
	given = !!amounts.volume + !!amounts.rate + !!amounts.duration;
	good = read_amounts(loader, &amounts, "rate") && index >= 0;
	if (given != 2) {
		loader_error(loader, step->at, "%s takes two of volume, rate and duration, not %s",
			     verb, given == 3 ? "all three" : given ? "one" : "none");
		good = false;
	}
	good = good && complete_amounts(loader, &amounts, step->at);
	step->flows = good ? loader_allocate(loader, 1, sizeof(*step->flows)) : NULL;
	if (step->flows) {
		set_flow(&step->flows[0], index, &amounts, 1);
		step->flow_count = 1;
		step->duration_s = amounts.duration_s;
		note_rate(loader, &step->flows[0], amounts.rate_text);
		describe_amounts(&amounts, text, sizeof(text));
		step->text = loader_text(loader, "%s %s %s", verb,
					 loader->protocol->channels[index].name, text);
	}
	free_amounts(&amounts);
	return step->text != NULL;
}

static bool load_infuse(struct loader *loader, const struct node *node, struct protocol_step *step,
			int depth)
{
	(void)depth;
	step->verb = PROTOCOL_INFUSE;
	return load_single(loader, node, step, "infuse");
}

static bool load_withdraw(struct loader *loader, const struct node *node,
			  struct protocol_step *step, int depth)
{
	(void)depth;
	step->verb = PROTOCOL_WITHDRAW;
	if (load_single(loader, node, step, "withdraw"))
		return true;
	loader->levels_unknown = true;
	return false;
}

struct ratio {
	long channel[LOADER_MAX_CHANNELS];
	double part[LOADER_MAX_CHANNELS];
	size_t count;
	char names[200], parts[100];	/* "aqueous:lipid", "3:1" */
};

static bool load_ratio(struct loader *loader, const struct node *node, struct ratio *ratio)
{
	double sum = 0;
	bool good = true;

	if (node->type != NODE_MAPPING || node->count < 2 || node->count > LOADER_MAX_CHANNELS) {
		loader->uses_unknown = true;
		loader_error(loader, node->at,
			     "ratio: names two channels or more with a number each, such as {aqueous: 3, lipid: 1}");
		return false;
	}
	for (const struct node *one = node->first; one; one = one->next) {
		long channel = use_channel(loader, one->key->text, one->key->at);
		char *text = NULL;
		double part = 0;
		size_t used;

		if (!value_positive(loader, one, one->key->text, NANODOSE_DIMENSION_NONE, &part, &text) ||
		    channel < 0) {
			free(text);
			good = false;
			continue;
		}
		used = strlen(ratio->names);
		snprintf(ratio->names + used, sizeof(ratio->names) - used, "%s%s",
			 ratio->count ? ":" : "", one->key->text);
		used = strlen(ratio->parts);
		snprintf(ratio->parts + used, sizeof(ratio->parts) - used, "%s%s",
			 ratio->count ? ":" : "", text);
		free(text);
		ratio->channel[ratio->count] = channel;
		ratio->part[ratio->count++] = part;
		sum += part;
	}
	for (size_t i = 0; i < ratio->count; i++)
		ratio->part[i] /= sum;
	return good;
}

static bool load_mix(struct loader *loader, const struct node *node, struct protocol_step *step,
		     int depth)
{
	static const char *const keys[] = { "ratio", "total_rate", "volume", "duration" };
	const struct node *shares;
	struct amounts amounts = { 0 };
	struct ratio ratio = { .count = 0 };
	char text[200];
	bool good;

	(void)depth;
	step->verb = PROTOCOL_MIX;
	shares = node->type == NODE_MAPPING ? node_get(node, "ratio") : NULL;
	if (!shares)
		loader->uses_unknown = true;
	if (!LOADER_KEYS(loader, node, "mix", keys))
		return false;
	loader_need(loader, node, "ratio", "mix", step->at);
	good = shares && load_ratio(loader, shares, &ratio);
	amounts.rate = loader_need(loader, node, "total_rate", "mix", step->at);
	amounts.volume = node_get(node, "volume");
	amounts.duration = node_get(node, "duration");
	good &= read_amounts(loader, &amounts, "total_rate") && amounts.rate;
	if (!amounts.volume == !amounts.duration) {
		loader_error(loader, step->at, "mix takes volume or duration, %s",
			     amounts.volume ? "not both" : "and has neither");
		good = false;
	}
	good = good && complete_amounts(loader, &amounts, step->at);
	step->flows = good ? loader_allocate(loader, ratio.count, sizeof(*step->flows)) : NULL;
	if (step->flows) {
		step->flow_count = ratio.count;
		step->duration_s = amounts.duration_s;
		for (size_t i = 0; i < ratio.count; i++) {
			set_flow(&step->flows[i], ratio.channel[i], &amounts, ratio.part[i]);
			note_rate(loader, &step->flows[i], amounts.rate_text);
		}
		describe_amounts(&amounts, text, sizeof(text));
		step->text = loader_text(loader, "mix %s %s, %s", ratio.names, ratio.parts, text);
	}
	free_amounts(&amounts);
	return step->text != NULL;
}

/* ---- hold, wait ---------------------------------------------------------------------- */

static bool load_hold(struct loader *loader, const struct node *node, struct protocol_step *step,
		      int depth)
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
static bool try_condition(struct loader *loader, const char *text, struct source_position at)
{
	const struct protocol *protocol = loader->protocol;
	struct expression_channel channels[LOADER_MAX_CHANNELS];
	struct expression_values values = {
		.channels = channels,
		.channel_count = protocol->channel_count,
		.inputs = protocol->inputs,
		.input_count = protocol->input_count,
	};
	struct expression_result result = { 0 };
	struct expression *expression;
	char *error = NULL;
	bool good;

	for (size_t i = 0; i < protocol->channel_count; i++)
		channels[i] = (struct expression_channel){
			protocol->channels[i].name, NAN, NAN, NAN, NAN, NAN,
		};
	expression = expression_new(text, &error);
	good = expression && value_check_names(loader, text, true, at);
	if (!expression || (good && expression_result(expression, &values, &result, &error))) {
		loader_error(loader, at, "in \"%s\": %s%s", text, error ? error : "out of memory",
			     condition_hint(text));
		good = false;
	}
	if (good && result.kind != EXPRESSION_TRUTH) {
		loader_error(loader, at,
			     "until: \"%s\" must be true or false, such as \"flow.%s > 95\"", text,
			     protocol->channel_count ? protocol->channels[0].name : "NAME");
		good = false;
	}
	free(error);
	expression_free(expression);
	return good;
}

static bool load_until(struct loader *loader, const struct node *node, struct protocol_step *step)
{
	step->verb = PROTOCOL_WAIT_UNTIL;
	if (node->type != NODE_SCALAR || !*node->text || strstr(node->text, "${")) {
		loader_error(loader, node->at,
			     "until: is an expression as it stands, without ${}, such as \"flow.NAME > 95\"");
		return false;
	}
	if (!try_condition(loader, node->text, node->at))
		return false;
	step->until = loader_text(loader, "%s", node->text);
	step->text = loader_text(loader, "wait until %s", node->text);
	return step->until && step->text;
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

static bool load_wait(struct loader *loader, const struct node *node, struct protocol_step *step,
		      int depth)
{
	static const char *const keys[] = { "time", "operator", "until", "timeout", "then" };
	const struct node *time, *person, *until;
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
	if (!!time + !!person + !!until != 1) {
		loader_error(loader, step->at, "wait takes one of time, operator and until, not %s",
			     time || person || until ? "several" : "none");
		good = false;
	}
	if (time && (node_get(node, "timeout") || node_get(node, "then"))) {
		loader_error(loader, step->at, "a wait for a time has no timeout");
		good = false;
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
	return good && step->text;
}

/* ---- repeat -------------------------------------------------------------------------- */

static bool load_repeat(struct loader *loader, const struct node *node, struct protocol_step *step,
			int depth)
{
	static const char *const keys[] = { "times", "steps" };
	const struct node *times, *steps;
	bool good = true, counted = false;
	double number = 0;
	char *text = NULL;

	step->verb = PROTOCOL_REPEAT;
	if (!LOADER_KEYS(loader, node, "repeat", keys)) {
		loader->levels_unknown = true;
		loader->uses_unknown = true;
		return false;
	}
	times = loader_need(loader, node, "times", "repeat", step->at);
	steps = loader_need(loader, node, "steps", "repeat", step->at);
	if (times && value_quantity(loader, times, "times", NANODOSE_DIMENSION_NONE, &number, &text)) {
		counted = number >= 1 && number <= LOADER_MAX_STEPS && number == floor(number);
		if (!counted)
			loader_error(loader, times->at,
				     "times: must be a whole number from 1 to %d, not \"%s\"",
				     LOADER_MAX_STEPS, text);
	}
	free(text);
	/* Once is the least it can be, so that what the steps ask for is still judged. */
	step->times = counted ? number : 1;
	if (!counted || !steps)
		loader->levels_unknown = true;
	if (!steps)
		loader->uses_unknown = true;
	if (depth == LOADER_MAX_REPEATS) {
		loader_error(loader, step->at, "repeats are nested more than %d deep",
			     LOADER_MAX_REPEATS);
		loader->levels_unknown = true;
		loader->uses_unknown = true;
		return false;
	}
	good = steps && load_list(loader, steps, "steps", depth + 1, &step->steps, &step->step_count);
	step->text = loader_text(loader, "repeat %u times", step->times);
	return good && step->text;
}

/* ---- the list ------------------------------------------------------------------------ */

static const struct {
	const char *name;
	bool (*load)(struct loader *loader, const struct node *node, struct protocol_step *step,
		     int depth);
} verb_table[] = {
	{ "infuse", load_infuse }, { "withdraw", load_withdraw }, { "mix", load_mix },
	{ "hold", load_hold }, { "wait", load_wait }, { "repeat", load_repeat },
};

#define VERBS (sizeof(verb_table) / sizeof(verb_table[0]))

static void report_verb(struct loader *loader, const struct node *key)
{
	const char *names[VERBS], *near;
	char known[128];

	for (size_t i = 0; i < VERBS; i++)
		names[i] = verb_table[i].name;
	near = nearest_word(key->text, names, VERBS);
	if (near)
		loader_error(loader, key->at, "unknown step '%s', did you mean '%s'?", key->text, near);
	else
		loader_error(loader, key->at, "unknown step '%s', known are %s", key->text,
			     join_words(names, VERBS, known, sizeof(known)));
}

static bool load_step(struct loader *loader, const struct node *node, struct protocol_step *step,
		      int depth)
{
	const struct node *value;

	if (node->type != NODE_MAPPING || !node->count) {
		loader_error(loader, node->at,
			     "a step is a verb with its values, such as 'hold: 30 s', not %s",
			     node->type == NODE_SCALAR && !*node->text ? "nothing" :
			     node->type == NODE_MAPPING ? "empty" : node_type_name(node));
		loader->uses_unknown = true;
		return false;
	}
	value = node->first;
	if (value->next) {
		const char *next = value->next->key->text, *verb = value->key->text;

		if (value->type == NODE_SCALAR && !*value->text)
			loader_error(loader, value->next->key->at,
				     "a step has one verb, and here '%s' stands beside '%s'; indent it further if it belongs to it",
				     next, verb);
		else
			loader_error(loader, value->next->key->at,
				     "a step has one verb, and here '%s' follows '%s'; begin each step with its own '-'",
				     next, verb);
		loader->levels_unknown = true;
		loader->uses_unknown = true;
		return false;
	}
	step->at = value->key->at;
	for (size_t i = 0; i < VERBS; i++) {
		if (!strcmp(value->key->text, verb_table[i].name))
			return verb_table[i].load(loader, value, step, depth);
	}
	report_verb(loader, value->key);
	loader->levels_unknown = true;
	loader->uses_unknown = true;
	return false;
}

static bool load_list(struct loader *loader, const struct node *node, const char *key, int depth,
		      struct protocol_step **steps, size_t *count)
{
	if (node->type != NODE_SEQUENCE || !node->count) {
		loader_error(loader, node->at, "%s: must be a list of steps, each behind a '-'%s", key,
			     node->type == NODE_SEQUENCE ? ", and it is empty" : "");
		loader->uses_unknown = true;
		return false;
	}
	*steps = loader_allocate(loader, node->count, sizeof(**steps));
	if (!*steps)
		return false;
	for (const struct node *one = node->first; one; one = one->next) {
		struct protocol_step step = { .at = one->at, .timeout_s = INFINITY };

		if (load_step(loader, one, &step, depth))
			(*steps)[(*count)++] = step;
		else
			protocol_step_clear(&step);
	}
	return true;
}

void steps_load(struct loader *loader, const struct node *node)
{
	struct protocol *protocol = loader->protocol;

	load_list(loader, node, "steps", 0, &protocol->steps, &protocol->step_count);
}
