// SPDX-License-Identifier: GPL-2.0-or-later
/* infuse, withdraw, mix: volumes at rates. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "steps.h"
#include "wording.h"

void amounts_free(struct amounts *amounts)
{
	free(amounts->volume_text);
	free(amounts->rate_text);
	free(amounts->duration_text);
}

bool amounts_read(struct loader *loader, struct amounts *amounts, const char *rate_key)
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

bool amounts_complete(struct loader *loader, struct amounts *amounts, struct source_position at)
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

bool steps_single_flow(struct loader *loader, struct protocol_step *step, const char *verb,
		       size_t channel, struct amounts *amounts)
{
	char text[200];

	step->flows = loader_allocate(loader, 1, sizeof(*step->flows));
	if (!step->flows)
		return false;
	set_flow(&step->flows[0], channel, amounts, 1);
	step->flow_count = 1;
	step->duration_s = amounts->duration_s;
	steps_note_rate(loader, &step->flows[0], amounts->rate_text);
	describe_amounts(amounts, text, sizeof(text));
	step->text = loader_text(loader, "%s %s %s", verb,
				 loader->protocol->channels[channel].name, text);
	return step->text != NULL;
}

/* A dose is a volume once the concentration of its channel is known. */
static bool read_dose(struct loader *loader, struct amounts *amounts, long channel)
{
	double dose, concentration;

	if (channel >= 0 && loader->protocol->channels[channel].mass_concentration_kg_m3 > 0) {
		if (!value_positive(loader, amounts->dose, "dose", NANODOSE_DIMENSION_MASS, &dose,
				    &amounts->volume_text))
			return false;
		amounts->volume_m3 = dose / loader->protocol->channels[channel].mass_concentration_kg_m3;
		amounts->volume = amounts->dose;
		return true;
	}
	if (!value_positive(loader, amounts->dose, "dose", NANODOSE_DIMENSION_NONE, &dose, NULL))
		return false;
	concentration = channel < 0 ? 1 : loader->protocol->channels[channel].concentration_per_m3;
	if (!(concentration > 0)) {
		loader_error(loader, amounts->dose->at,
			     "dose: counts particles, and channel '%s' has no 'particles' with a concentration",
			     loader->protocol->channels[channel].name);
		return false;
	}
	amounts->volume_m3 = dose / concentration;
	amounts->volume = amounts->dose;
	amounts->volume_text = loader_text(loader, "%.6g particles", dose);
	return amounts->volume_text != NULL;
}

static bool load_single(struct loader *loader, const struct node *node, struct protocol_step *step,
			const char *verb)
{
	static const char *const keys[] = { "channel", "volume", "rate", "duration", "dose" };
	struct amounts amounts = { 0 };
	long index;
	int given;
	bool good;

	if (!LOADER_KEYS(loader, node, verb, keys)) {
		loader->uses_unknown = true;
		return false;
	}
	index = steps_channel(loader, node, verb, step->at);
	amounts.volume = node_get(node, "volume");
	amounts.rate = node_get(node, "rate");
	amounts.duration = node_get(node, "duration");
	amounts.dose = node_get(node, "dose");
	given = !!amounts.volume + !!amounts.rate + !!amounts.duration + !!amounts.dose;
	good = amounts_read(loader, &amounts, "rate") && index >= 0;
	if (amounts.dose && amounts.volume) {
		loader_error(loader, amounts.dose->key->at, "%s takes a volume or a dose, not both",
			     verb);
		good = false;
	} else if (amounts.dose) {
		good &= read_dose(loader, &amounts, index);
	}
	if (given != 2) {
		loader_error(loader, step->at, "%s takes two of volume, rate and duration, not %s",
			     verb, given > 2 ? "all three" : given ? "one" : "none");
		good = false;
	}
	good = good && amounts_complete(loader, &amounts, step->at) &&
	       steps_single_flow(loader, step, verb, index, &amounts);
	amounts_free(&amounts);
	return good;
}

bool load_infuse(struct loader *loader, const struct node *node, struct protocol_step *step,
		 int depth)
{
	(void)depth;
	step->verb = PROTOCOL_INFUSE;
	return load_single(loader, node, step, "infuse");
}

bool load_withdraw(struct loader *loader, const struct node *node, struct protocol_step *step,
		   int depth)
{
	(void)depth;
	step->verb = PROTOCOL_WITHDRAW;
	if (load_single(loader, node, step, "withdraw"))
		return true;
	loader->levels_unknown = true;
	return false;
}

static bool read_share(struct loader *loader, const struct node *node, bool zero, double *part,
		       char **text)
{
	if (!zero)
		return value_positive(loader, node, node->key->text, NANODOSE_DIMENSION_NONE, part,
				      text);
	if (!value_quantity(loader, node, node->key->text, NANODOSE_DIMENSION_NONE, part, text))
		return false;
	if (*part >= 0)
		return true;
	loader_error(loader, node->at, "%s: \"%s\" must not be below zero", node->key->text, *text);
	free(*text);
	*text = NULL;
	return false;
}

bool ratio_load(struct loader *loader, const struct node *node, const char *key, bool zero,
		struct ratio *ratio)
{
	double sum = 0;
	bool good = true;

	if (node->type != NODE_MAPPING || node->count < 2 || node->count > LOADER_MAX_CHANNELS) {
		loader->uses_unknown = true;
		loader_error(loader, node->at,
			     "%s: names two channels or more with a number each, such as {aqueous: 3, lipid: 1}",
			     key);
		return false;
	}
	for (const struct node *one = node->first; one; one = one->next) {
		long channel = steps_use_channel(loader, one->key->text, one->key->at);
		char *text = NULL;
		double part = 0;
		size_t used;

		if (!read_share(loader, one, zero, &part, &text) || channel < 0) {
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
	if (good && !(sum > 0)) {
		loader_error(loader, node->at, "%s: one share at least must be above zero", key);
		return false;
	}
	for (size_t i = 0; i < ratio->count; i++)
		ratio->part[i] /= sum;
	return good;
}

/* The batch has its volume, and what is discarded flows besides. */
static bool add_waste(struct loader *loader, const struct node *node, const char *key, struct amounts *amounts,
		      double *waste_m3, char **text)
{
	const struct node *waste = node_get(node, key);

	if (!waste)
		return true;
	if (!value_positive(loader, waste, key, NANODOSE_DIMENSION_VOLUME, waste_m3, text))
		return false;
	amounts->volume_m3 += *waste_m3;
	amounts->duration_s = amounts->volume_m3 / amounts->rate_m3_s;
	return true;
}

static char *describe_mix(struct loader *loader, const struct ratio *ratio, const char *amounts,
			  const char *start, const char *end)
{
	if (!start && !end)
		return loader_text(loader, "mix %s %s, %s", ratio->names, ratio->parts, amounts);
	return loader_text(loader, "mix %s %s, %s, waste of %s%s%s%s%s", ratio->names, ratio->parts, amounts,
			   start ? start : "", start ? " before" : "", start && end ? " and " : "",
			   end ? end : "", end ? " after" : "");
}

bool load_mix(struct loader *loader, const struct node *node, struct protocol_step *step, int depth)
{
	static const char *const keys[] = { "ratio", "total_rate", "volume", "duration", "start_waste",
					    "end_waste" };
	char *start_text = NULL, *end_text = NULL;
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
	good = shares && ratio_load(loader, shares, "ratio", false, &ratio);
	amounts.rate = loader_need(loader, node, "total_rate", "mix", step->at);
	amounts.volume = node_get(node, "volume");
	amounts.duration = node_get(node, "duration");
	good &= amounts_read(loader, &amounts, "total_rate") && amounts.rate;
	if (!amounts.volume == !amounts.duration) {
		loader_error(loader, step->at, "mix takes volume or duration, %s",
			     amounts.volume ? "not both" : "and has neither");
		good = false;
	}
	good = good && amounts_complete(loader, &amounts, step->at);
	if (good)
		describe_amounts(&amounts, text, sizeof(text));
	good = good && add_waste(loader, node, "start_waste", &amounts, &step->start_waste_m3, &start_text);
	good = good && add_waste(loader, node, "end_waste", &amounts, &step->end_waste_m3, &end_text);
	step->flows = good ? loader_allocate(loader, ratio.count, sizeof(*step->flows)) : NULL;
	if (step->flows) {
		step->flow_count = ratio.count;
		step->duration_s = amounts.duration_s;
		for (size_t i = 0; i < ratio.count; i++) {
			set_flow(&step->flows[i], ratio.channel[i], &amounts, ratio.part[i]);
			steps_note_rate(loader, &step->flows[i], amounts.rate_text);
		}
		step->text = describe_mix(loader, &ratio, text, start_text, end_text);
	}
	free(start_text);
	free(end_text);
	amounts_free(&amounts);
	return step->text != NULL;
}
