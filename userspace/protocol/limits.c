// SPDX-License-Identifier: GPL-2.0-or-later
/* Limits of channels and of all together: hard ones refuse, soft ones ask. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loader.h"
#include "wording.h"

static const struct {
	const char *key;
	enum nanodose_dimension dimension;	/* of doses that of their particles */
	bool total;				/* all channels together may have it */
	bool dose;
} table[PROTOCOL_LIMITS] = {
	[PROTOCOL_LIMIT_RATE] = { "rate", NANODOSE_DIMENSION_RATE, true, false },
	[PROTOCOL_LIMIT_ACCELERATION] = { "acceleration", NANODOSE_DIMENSION_ACCELERATION, false, false },
	[PROTOCOL_LIMIT_VOLUME] = { "volume", NANODOSE_DIMENSION_VOLUME, true, false },
	[PROTOCOL_LIMIT_DOSE] = { "dose", NANODOSE_DIMENSION_NONE, true, true },
	[PROTOCOL_LIMIT_STEP_DOSE] = { "step_dose", NANODOSE_DIMENSION_NONE, true, true },
	[PROTOCOL_LIMIT_WINDOW_DOSE] = { "window_dose", NANODOSE_DIMENSION_NONE, true, true },
	[PROTOCOL_LIMIT_PRESSURE] = { "pressure", NANODOSE_DIMENSION_PRESSURE, false, false },
	[PROTOCOL_LIMIT_SHEAR] = { "shear", NANODOSE_DIMENSION_PRESSURE, false, false },
	[PROTOCOL_LIMIT_TEMPERATURE] = { "temperature", NANODOSE_DIMENSION_TEMPERATURE, false, false },
};

/* Rounding of sums must not refuse what is just allowed. */
#define SLACK 1e-9

void limits_none(struct protocol_limits *limits)
{
	for (int i = 0; i < PROTOCOL_LIMITS; i++)
		limits->most[i] = INFINITY;
}

void limits_clear(struct loader_limits *written)
{
	for (int i = 0; i < PROTOCOL_LIMITS; i++)
		free(written->text[i]);
	free(written->window_text);
}

/* What a set of limits is about, while it is read. */
struct owner {
	const struct protocol_channel *channel;	/* NULL: all together */
	double concentration;			/* of its particles; 1 in total, 0: none */
	bool weighed;
	struct protocol_limits *limits;
	struct loader_limits *written;
	const char *what;			/* "the limits of 'line'" */
};

static void load_dose(struct loader *loader, const struct node *node, enum protocol_limit limit,
		      struct owner *owner)
{
	double dose;

	if (!(owner->concentration > 0) && owner->channel) {
		loader_error(loader, node->at,
			     "%s: of what? Channel '%s' has no 'particles' with a concentration",
			     table[limit].key, owner->channel->name);
		return;
	}
	if (!(owner->concentration > 0)) {
		loader_error(loader, node->at,
			     "%s: of what? The channels' 'particles' must all be counted, or all be weighed",
			     table[limit].key);
		return;
	}
	if (value_positive(loader, node, limit == PROTOCOL_LIMIT_WINDOW_DOSE ? "dose" : table[limit].key,
			   owner->weighed ? NANODOSE_DIMENSION_MASS : NANODOSE_DIMENSION_NONE, &dose,
			   &owner->written->text[limit])) {
		owner->limits->most[limit] = dose / owner->concentration;
		owner->written->at[limit] = node->at;
	}
}

static void load_window(struct loader *loader, const struct node *node, struct owner *owner)
{
	static const char *const keys[] = { "dose", "window" };
	const struct node *most, *time;

	if (!LOADER_KEYS(loader, node, "'window_dose'", keys))
		return;
	most = loader_need(loader, node, "dose", "'window_dose'", node->key->at);
	time = loader_need(loader, node, "window", "'window_dose'", node->key->at);
	if (most && time &&
	    value_positive(loader, time, "window", NANODOSE_DIMENSION_TIME, &owner->limits->window_s,
			   &owner->written->window_text))
		load_dose(loader, most, PROTOCOL_LIMIT_WINDOW_DOSE, owner);
}

static void load_one(struct loader *loader, const struct node *node, enum protocol_limit limit,
		     struct owner *owner)
{
	double most;

	if (limit == PROTOCOL_LIMIT_WINDOW_DOSE) {
		load_window(loader, node, owner);
		return;
	}
	if (table[limit].dose) {
		load_dose(loader, node, limit, owner);
		return;
	}
	if (limit == PROTOCOL_LIMIT_SHEAR &&
	    !(owner->channel->chip_width_m > 0 && owner->channel->chip_height_m > 0))
		loader_error(loader, node->at,
			     "shear: cannot be known without the 'chip' of channel '%s', its width, height and length",
			     owner->channel->name);
	if (!value_positive(loader, node, table[limit].key, table[limit].dimension, &most,
			    &owner->written->text[limit]))
		return;
	owner->limits->most[limit] = most;
	owner->written->at[limit] = node->at;
}

/* The limits themselves; @soft: whether "soft" may stand among them. */
static void load_set(struct loader *loader, const struct node *node, struct owner *owner, bool soft)
{
	const char *keys[PROTOCOL_LIMITS + 1];
	size_t count = 0;

	for (int i = 0; i < PROTOCOL_LIMITS; i++)
		if (owner->channel || table[i].total)
			keys[count++] = table[i].key;
	if (soft)
		keys[count++] = "soft";
	if (!loader_keys(loader, node, owner->what, keys, count))
		return;
	for (int i = 0; i < PROTOCOL_LIMITS; i++) {
		const struct node *one = node_get(node, table[i].key);

		if (one && (owner->channel || table[i].total))
			load_one(loader, one, i, owner);
	}
}

/* One that asks above what refuses would never ask. */
static void check_order(struct loader *loader, const struct protocol_limits *limits,
			const struct loader_limits *written)
{
	for (int i = 0; i < PROTOCOL_LIMITS; i++) {
		if (isinf(limits[PROTOCOL_SOFT].most[i]) || isinf(limits[PROTOCOL_HARD].most[i]) ||
		    limits[PROTOCOL_SOFT].most[i] < limits[PROTOCOL_HARD].most[i] ||
		    i == PROTOCOL_LIMIT_WINDOW_DOSE)
			continue;
		loader_error(loader, written[PROTOCOL_SOFT].at[i],
			     "soft %s: %s is not below the limit of %s, which refuses (line %d)", table[i].key,
			     written[PROTOCOL_SOFT].text[i], written[PROTOCOL_HARD].text[i],
			     written[PROTOCOL_HARD].at[i].line);
	}
}

static void load_both(struct loader *loader, const struct node *node, struct owner *owner)
{
	const struct node *soft = node->type == NODE_MAPPING ? node_get(node, "soft") : NULL;
	struct protocol_limits *limits = owner->limits;
	struct loader_limits *written = owner->written;
	char what[100];

	load_set(loader, node, owner, true);
	if (!soft)
		return;
	snprintf(what, sizeof(what), "the soft limits of %s", owner->what + strlen("the limits of "));
	owner->limits = &limits[PROTOCOL_SOFT];
	owner->written = &written[PROTOCOL_SOFT];
	owner->what = what;
	load_set(loader, soft, owner, false);
	check_order(loader, limits, written);
}

static void load_of_channel(struct loader *loader, const struct node *node)
{
	long index = channels_find(loader->protocol, node->key->text);
	struct protocol_channel *channel;
	struct owner owner;
	char what[80];

	if (index < 0) {
		loader_error(loader, node->key->at, "limits: there is no channel '%s'",
			     node->key->text);
		return;
	}
	channel = &loader->protocol->channels[index];
	channel->at_limits = node->key->at;
	snprintf(what, sizeof(what), "the limits of '%.40s'", channel->name);
	owner = (struct owner){
		.channel = channel,
		.concentration = channel->mass_concentration_kg_m3 > 0 ? channel->mass_concentration_kg_m3 :
									 channel->concentration_per_m3,
		.weighed = channel->mass_concentration_kg_m3 > 0,
		.limits = channel->limits,
		.written = loader->channels[index].limits,
		.what = what,
	};
	load_both(loader, node, &owner);
}

/* Doses add up where all particles are counted, or all are weighed. */
static void load_of_total(struct loader *loader, const struct node *node)
{
	const struct protocol *protocol = loader->protocol;
	size_t counted = 0, weighed = 0;
	struct owner owner = {
		.limits = loader->total, .written = loader->total_written, .what = "the limits of the total",
	};

	for (size_t i = 0; i < protocol->channel_count; i++) {
		counted += protocol->channels[i].concentration_per_m3 > 0;
		weighed += protocol->channels[i].mass_concentration_kg_m3 > 0;
	}
	owner.weighed = weighed;
	owner.concentration = !counted != !weighed;
	loader->total_weighed = weighed;
	load_both(loader, node, &owner);
}

void limits_load(struct loader *loader, const struct node *node)
{
	for (int i = 0; i < PROTOCOL_STRICTNESSES; i++)
		limits_none(&loader->total[i]);
	if (!node)
		return;
	if (node->type != NODE_MAPPING) {
		loader_error(loader, node->at, "limits: must be a mapping such as {lipid: {rate: 5 mL/min}}");
		return;
	}
	for (const struct node *one = node->first; one; one = one->next) {
		if (!strcmp(one->key->text, "total"))
			load_of_total(loader, one);
		else
			load_of_channel(loader, one);
	}
}

/* ---- what goes beyond them --------------------------------------------------------------- */

static void keep_soft(struct loader *loader, char *text)
{
	struct protocol *protocol = loader->protocol;
	char **texts = text ? realloc(protocol->soft_texts, (protocol->soft_count + 1) * sizeof(*texts)) : NULL;

	if (!texts) {
		free(text);
		loader_error(loader, (struct source_position){ 0 }, "out of memory");
		return;
	}
	protocol->soft_texts = texts;
	texts[protocol->soft_count++] = text;
}

void limits_judge(struct loader *loader, const struct protocol_limits *limits,
		  const struct loader_limits *written, enum protocol_limit limit, double asked,
		  bool *reported, struct source_position at, const char *format, ...)
{
	const char *whose = limits == loader->total ? "their" : "its";
	char text[400], line[WORDING_SIZE];
	int strictness = PROTOCOL_HARD;
	va_list args;

	while (strictness < PROTOCOL_STRICTNESSES && !(asked > limits[strictness].most[limit] * (1 + SLACK)))
		strictness++;
	if (strictness == PROTOCOL_STRICTNESSES || (reported && reported[strictness]))
		return;
	if (reported)
		reported[strictness] = true;
	va_start(args, format);
	if (vsnprintf(text, sizeof(text), format, args) < 0)
		text[0] = '\0';
	va_end(args);
	format_line(written[strictness].at[limit], at, line, sizeof(line));
	if (strictness == PROTOCOL_HARD) {
		loader_error(loader, at, "%s, beyond %s limit of %s (%s)", text, whose,
			     written[strictness].text[limit], line);
		return;
	}
	loader_warning(loader, at, "%s, beyond %s soft limit of %s (%s): a run asks before it begins", text,
		       whose, written[strictness].text[limit], line);
	keep_soft(loader, loader_text(loader, "line %d: %s, beyond %s soft limit of %s", at.line, text,
				      whose, written[strictness].text[limit]));
}
