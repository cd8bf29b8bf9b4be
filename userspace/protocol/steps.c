// SPDX-License-Identifier: GPL-2.0-or-later
/* Steps: a list of mappings of one key each, the verb. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "steps.h"
#include "wording.h"

void steps_note_rate(struct loader *loader, const struct protocol_flow *flow, const char *like)
{
	struct protocol_channel *channel = &loader->protocol->channels[flow->channel];
	const struct loader_channel *more = &loader->channels[flow->channel];
	double shear_pa = protocol_shear_pa(channel, flow->rate_m3_s);
	const char *shear_text;
	char asked[WORDING_SIZE];

	limits_judge(loader, channel->limits, more->limits, PROTOCOL_LIMIT_RATE, flow->rate_m3_s, NULL,
		     flow->at_rate, "'%s' would run at %s", channel->name,
		     format_like(flow->rate_m3_s, NANODOSE_DIMENSION_RATE, like, asked, sizeof(asked)));
	shear_text = more->limits[PROTOCOL_HARD].text[PROTOCOL_LIMIT_SHEAR];
	if (!shear_text)
		shear_text = more->limits[PROTOCOL_SOFT].text[PROTOCOL_LIMIT_SHEAR];
	limits_judge(loader, channel->limits, more->limits, PROTOCOL_LIMIT_SHEAR, shear_pa, NULL, flow->at_rate,
		     "'%s' would have a wall shear of %s in its chip", channel->name,
		     format_like(shear_pa, NANODOSE_DIMENSION_PRESSURE, shear_text, asked, sizeof(asked)));
	if (flow->rate_m3_s <= channel->peak_rate_m3_s)
		return;
	channel->peak_rate_m3_s = flow->rate_m3_s;
	channel->at_peak = flow->at_rate;
	free(channel->peak_text);
	channel->peak_text = loader_text(loader, "%s",
					 format_like(flow->rate_m3_s, NANODOSE_DIMENSION_RATE, like,
						     asked, sizeof(asked)));
}

long steps_use_channel(struct loader *loader, const char *name, struct source_position at)
{
	const struct protocol *protocol = loader->protocol;
	const char *names[LOADER_MAX_CHANNELS], *near;
	long index = channels_find_here(loader, name);
	size_t count = 0;
	char known[256];

	if (index >= 0) {
		loader->channels[index].used = true;
		return index;
	}
	loader->uses_unknown = true;
	for (size_t i = 0; i < protocol->channel_count; i++)
		if (channels_name_here(loader, i))
			names[count++] = channels_name_here(loader, i);
	near = nearest_word(name, names, count);
	if (near)
		loader_error(loader, at, "there is no channel '%s', did you mean '%s'?", name, near);
	else if (!count)
		loader_error(loader, at, "there is no channel '%s'", name);
	else
		loader_error(loader, at, "there is no channel '%s', there are %s", name,
			     join_words(names, count, known, sizeof(known)));
	return -1;
}

long steps_channel(struct loader *loader, const struct node *node, const char *verb,
		   struct source_position at)
{
	const struct node *channel = loader_need(loader, node, "channel", verb, at);
	char *name = channel ? value_text(loader, channel, "channel") : NULL;
	long index = -1;

	if (name)
		index = steps_use_channel(loader, name, channel->at);
	else
		loader->uses_unknown = true;
	free(name);
	return index;
}

void steps_unknown(struct loader *loader)
{
	loader->levels_unknown = true;
	loader->uses_unknown = true;
}

/* ---- the list ------------------------------------------------------------------------ */

static const struct {
	const char *name;
	step_loader *load;
} verb_table[] = {
	{ "infuse", load_infuse }, { "withdraw", load_withdraw }, { "mix", load_mix },
	{ "ramp", load_ramp }, { "gradient", load_gradient }, { "profile", load_profile },
	{ "pulse", load_pulse }, { "agitate", load_agitate }, { "prime", load_prime },
	{ "flush", load_flush }, { "park", load_park }, { "hold", load_hold },
	{ "wait", load_wait }, { "repeat", load_repeat }, { "every", load_every },
	{ "while", load_while }, { "if", load_if }, { "parallel", load_parallel },
	{ "call", load_call }, { "notify", load_notify },
};

#define VERBS (sizeof(verb_table) / sizeof(verb_table[0]))

static void report_verb(struct loader *loader, const struct node *key)
{
	const char *names[VERBS], *near;
	char known[256];

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
		steps_unknown(loader);
		return false;
	}
	step->at = value->key->at;
	for (size_t i = 0; i < VERBS; i++) {
		if (!strcmp(value->key->text, verb_table[i].name))
			return verb_table[i].load(loader, value, step, depth);
	}
	report_verb(loader, value->key);
	steps_unknown(loader);
	return false;
}

bool steps_load_list(struct loader *loader, const struct node *node, const char *key, int depth,
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
		struct protocol_step step = { .at = one->at, .timeout_s = INFINITY,
					      .ceiling_pa = INFINITY };

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

	steps_load_list(loader, node, "steps", 0, &protocol->steps, &protocol->step_count);
}
