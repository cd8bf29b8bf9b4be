// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Steps that are made of others: pulse and agitate are rounds of infuse and
 * withdraw, prime, flush and park one of them with a volume of their own.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "steps.h"

/* A volume that moves at a rate as a step of its own. */
static bool add_motion(struct loader *loader, struct protocol_step *step, enum protocol_verb verb,
		       size_t channel, struct amounts *amounts)
{
	*step = (struct protocol_step){
		.verb = verb, .at = step->at, .timeout_s = INFINITY, .ceiling_pa = INFINITY,
	};
	return steps_single_flow(loader, step, verb == PROTOCOL_WITHDRAW ? "withdraw" : "infuse",
				 channel, amounts);
}

/* Volume and rate of a channel; false is reported. */
static bool read_motion(struct loader *loader, const struct node *node, const char *verb,
			struct source_position at, long *channel, struct amounts *amounts)
{
	bool good;

	*channel = steps_channel(loader, node, verb, at);
	amounts->volume = loader_need(loader, node, "volume", verb, at);
	amounts->rate = loader_need(loader, node, "rate", verb, at);
	good = amounts_read(loader, amounts, "rate") && amounts->volume && amounts->rate;
	return good && *channel >= 0 && amounts_complete(loader, amounts, at);
}

static bool read_times(struct loader *loader, const struct node *node, const char *verb,
		       struct protocol_step *step)
{
	const struct node *times = loader_need(loader, node, "times", verb, step->at);

	return times && steps_count(loader, times, "times", &step->times);
}

bool load_pulse(struct loader *loader, const struct node *node, struct protocol_step *step, int depth)
{
	static const char *const keys[] = { "channel", "volume", "rate", "period", "times" };
	struct amounts amounts = { 0 };
	const struct node *period;
	long channel;
	bool good;

	(void)depth;
	step->verb = PROTOCOL_REPEAT;
	if (!LOADER_KEYS(loader, node, "pulse", keys)) {
		loader->uses_unknown = true;
		return false;
	}
	good = read_motion(loader, node, "pulse", step->at, &channel, &amounts);
	good &= read_times(loader, node, "pulse", step);
	period = loader_need(loader, node, "period", "pulse", step->at);
	good &= period && value_positive(loader, period, "period", NANODOSE_DIMENSION_TIME,
					 &step->period_s, NULL);
	step->steps = good ? loader_allocate(loader, 2, sizeof(*step->steps)) : NULL;
	if (step->steps) {
		step->steps[0].at = step->at;
		good = add_motion(loader, &step->steps[0], PROTOCOL_INFUSE, channel, &amounts);
		step->step_count = 1;
		good = good && steps_add_period(loader, step, period->at);
		step->text = loader_text(loader, "pulse %u times", step->times);
	}
	amounts_free(&amounts);
	return good && step->text;
}

bool load_agitate(struct loader *loader, const struct node *node, struct protocol_step *step, int depth)
{
	static const char *const keys[] = { "channel", "volume", "rate", "times" };
	struct amounts amounts = { 0 };
	long channel;
	bool good;

	(void)depth;
	step->verb = PROTOCOL_REPEAT;
	if (!LOADER_KEYS(loader, node, "agitate", keys)) {
		steps_unknown(loader);
		return false;
	}
	good = read_motion(loader, node, "agitate", step->at, &channel, &amounts);
	good &= read_times(loader, node, "agitate", step);
	step->steps = good ? loader_allocate(loader, 2, sizeof(*step->steps)) : NULL;
	if (step->steps) {
		step->steps[0].at = step->at;
		step->steps[1].at = step->at;
		step->step_count = 2;
		good = add_motion(loader, &step->steps[0], PROTOCOL_WITHDRAW, channel, &amounts) &&
		       add_motion(loader, &step->steps[1], PROTOCOL_INFUSE, channel, &amounts);
		step->text = loader_text(loader, "agitate %u times", step->times);
	}
	amounts_free(&amounts);
	return good && step->text;
}

/* ---- prime, flush, park --------------------------------------------------------------- */

#define CLEAR_S 1.0	/* without air for so long: dozens of readings, and no single one decides */

/* "until: clear", for how long. */
static bool read_until(struct loader *loader, const struct node *node, const char *verb,
		       struct protocol_step *step)
{
	const struct node *until = node_get(node, "until"), *held = node_get(node, "for");
	char *text;

	if (held && !until) {
		loader_error(loader, held->key->at,
			     "for: is how long the line has to stay clear, and there is no 'until: clear'");
		return false;
	}
	if (!until)
		return true;
	text = value_text(loader, until, "until");
	if (text && strcmp(text, "clear"))
		loader_error(loader, until->at,
			     "until: in %s is clear, when the sensor sees no air any more, not \"%s\"", verb, text);
	step->until_clear = text && !strcmp(text, "clear");
	free(text);
	step->held_s = CLEAR_S;
	return step->until_clear && (!held || value_positive(loader, held, "for", NANODOSE_DIMENSION_TIME,
							     &step->held_s, NULL));
}

/* The volume is that of the line, so many times, unless it is written. */
static bool load_line(struct loader *loader, const struct node *node, struct protocol_step *step,
		      const char *verb, double lines)
{
	static const char *const keys[] = { "channel", "volume", "rate", "until", "for" };
	static const char *const park_keys[] = { "channel", "volume", "rate" };
	struct amounts amounts = { 0 };
	const struct protocol_channel *channel;
	char *text;
	long index;
	bool good;

	if (step->verb == PROTOCOL_WITHDRAW ? !LOADER_KEYS(loader, node, verb, park_keys) :
					      !LOADER_KEYS(loader, node, verb, keys)) {
		steps_unknown(loader);
		return false;
	}
	index = steps_channel(loader, node, verb, step->at);
	channel = index < 0 ? NULL : &loader->protocol->channels[index];
	amounts.volume = node_get(node, "volume");
	amounts.rate = loader_need(loader, node, "rate", verb, step->at);
	good = amounts_read(loader, &amounts, "rate") && amounts.rate && channel;
	good &= read_until(loader, node, verb, step);
	if (good && !amounts.volume && !(channel->dead_volume_m3 > 0)) {
		loader_error(loader, step->at,
			     "%s needs a volume, or the dead_volume of channel '%s'", verb,
			     channel->name);
		good = false;
	} else if (good && !amounts.volume) {
		amounts.volume_m3 = lines * channel->dead_volume_m3;
		amounts.volume = amounts.rate;	/* where to point at */
		amounts.volume_text = loader_text(loader, "%g dead volume%s", lines,
						  lines == 1 ? "" : "s");
	}
	good = good && amounts_complete(loader, &amounts, step->at) &&
	       steps_single_flow(loader, step, verb, index, &amounts);
	amounts_free(&amounts);
	if (!good || !step->until_clear)
		return good;
	text = loader_text(loader, "%s at most, until clear", step->text);
	free(step->text);
	step->text = text;
	return text != NULL;
}

bool load_prime(struct loader *loader, const struct node *node, struct protocol_step *step, int depth)
{
	(void)depth;
	step->verb = PROTOCOL_INFUSE;
	return load_line(loader, node, step, "prime", 1);
}

bool load_flush(struct loader *loader, const struct node *node, struct protocol_step *step, int depth)
{
	(void)depth;
	step->verb = PROTOCOL_INFUSE;
	return load_line(loader, node, step, "flush", 3);
}

bool load_park(struct loader *loader, const struct node *node, struct protocol_step *step, int depth)
{
	(void)depth;
	step->verb = PROTOCOL_WITHDRAW;
	if (load_line(loader, node, step, "park", 1))
		return true;
	loader->levels_unknown = true;
	return false;
}
