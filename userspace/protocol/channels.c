// SPDX-License-Identifier: GPL-2.0-or-later
/* Channels: which pump, which syringe, what is in it. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "expression.h"
#include "loader.h"
#include "wording.h"

#define SYRINGE_DIAMETER_MAX_M	0.1
#define SYRINGE_STROKE_MAX_M	1.0

long channels_find(const struct protocol *protocol, const char *name)
{
	for (size_t i = 0; i < protocol->channel_count; i++) {
		if (!strcmp(protocol->channels[i].name, name))
			return i;
	}
	return -1;
}

const char *channels_name_here(const struct loader *loader, size_t channel)
{
	return loader->scope->channel_names ? loader->scope->channel_names[channel] :
	       loader->protocol->channels[channel].name;
}

long channels_find_here(const struct loader *loader, const char *name)
{
	for (size_t i = 0; i < loader->protocol->channel_count; i++) {
		const char *here = channels_name_here(loader, i);

		if (here && !strcmp(here, name))
			return i;
	}
	return -1;
}

static void load_pump(struct loader *loader, const struct node *node,
		      struct protocol_channel *channel)
{
	channel->at_pump = node->at;
	channel->pump = value_text(loader, node, "pump");
	if (!channel->pump)
		return;
	for (size_t i = 0; i < loader->protocol->channel_count; i++) {
		const struct protocol_channel *other = &loader->protocol->channels[i];

		if (other->pump && !strcmp(other->pump, channel->pump))
			loader_error(loader, node->at,
				     "pump: '%s' already drives channel '%s' (line %d); each channel needs a pump of its own",
				     channel->pump, other->name, other->at_pump.line);
	}
}

/* One that is not in the table, by what can be measured on it. */
static void load_own_syringe(struct loader *loader, const struct node *node,
			     struct protocol_channel *channel)
{
	static const char *const keys[] = { "diameter", "stroke" };
	struct nanodose_syringe *syringe = &channel->own_syringe;
	const struct node *diameter, *stroke;
	char *diameter_text = NULL, *stroke_text = NULL;
	double stroke_m;

	if (!LOADER_KEYS(loader, node, "'syringe'", keys))
		return;
	diameter = loader_need(loader, node, "diameter", "'syringe'", node->key->at);
	stroke = loader_need(loader, node, "stroke", "'syringe'", node->key->at);
	if (!diameter || !stroke)
		return;
	if (value_positive(loader, diameter, "diameter", NANODOSE_DIMENSION_LENGTH, &syringe->diameter_m,
			   &diameter_text) &&
	    value_positive(loader, stroke, "stroke", NANODOSE_DIMENSION_LENGTH, &stroke_m, &stroke_text)) {
		if (syringe->diameter_m > SYRINGE_DIAMETER_MAX_M || stroke_m > SYRINGE_STROKE_MAX_M) {
			loader_error(loader, node->key->at,
				     "syringe: %s by %s is no syringe; at most 100 mm inner diameter and 1 m stroke",
				     diameter_text, stroke_text);
		} else {
			syringe->volume_m3 = M_PI / 4 * syringe->diameter_m * syringe->diameter_m * stroke_m;
			syringe->source = "the protocol";
			syringe->name = loader_text(loader, "a syringe of %s inner diameter and %s stroke",
						    diameter_text, stroke_text);
			channel->syringe = syringe->name ? syringe : NULL;
		}
	}
	free(diameter_text);
	free(stroke_text);
}

static void load_table_syringe(struct loader *loader, const struct node *node,
			       struct protocol_channel *channel)
{
	char *text = value_text(loader, node, "syringe");
	const char *near[3];
	char list[200];
	size_t count;

	if (!text)
		return;
	channel->syringe = config_syringe(text);
	if (!channel->syringe) {
		count = nanodose_syringe_suggest(text, near, 3);
		loader_error(loader, node->at, "syringe: there is no \"%s\" in the table; near it are %s",
			     text, join_words(near, count, list, sizeof(list)));
	}
	free(text);
}

static void load_syringe(struct loader *loader, const struct node *node,
			 struct protocol_channel *channel)
{
	if (node->type == NODE_MAPPING) {
		load_own_syringe(loader, node, channel);
		return;
	}
	load_table_syringe(loader, node, channel);
}

/* What the configuration says that its pump carries. */
static bool load_mounted(struct protocol_channel *channel)
{
	const struct config_pump *pump = channel->pump ? config_pump(channel->pump) : NULL;

	channel->syringe = pump ? pump->syringe : NULL;
	return channel->syringe;
}

static void load_loaded(struct loader *loader, const struct node *node,
			struct protocol_channel *channel, struct loader_channel *more)
{
	char room[WORDING_SIZE];

	more->at_loaded = node->at;
	if (!value_quantity(loader, node, "loaded", NANODOSE_DIMENSION_VOLUME, &channel->loaded_m3,
			    &channel->loaded_text))
		return;
	if (channel->loaded_m3 < 0) {
		loader_error(loader, node->at, "loaded: \"%s\" must not be below zero",
			     channel->loaded_text);
		return;
	}
	more->loaded_known = true;
	if (channel->syringe && channel->loaded_m3 > channel->syringe->volume_m3 * (1 + 1e-9))
		loader_error(loader, node->at, "loaded: \"%s\" is more than %s holds, at most %s",
			     channel->loaded_text, channel->syringe->name,
			     format_like(channel->syringe->volume_m3, NANODOSE_DIMENSION_VOLUME,
					 channel->loaded_text, room, sizeof(room)));
}

/* Particles are counted or weighed, as the unit says. */
static bool is_mass_concentration(struct loader *loader, const struct node *node)
{
	char *text = node->type == NODE_SCALAR ? value_text(loader, node, "concentration") : NULL;
	double value;
	bool mass = text && !nanodose_quantity_parse(text, NANODOSE_DIMENSION_MASS_CONCENTRATION, &value, NULL);

	free(text);
	return mass;
}

static void load_particles(struct loader *loader, const struct node *node,
			   struct protocol_channel *channel)
{
	static const char *const keys[] = { "concentration" };
	const struct node *concentration;

	if (!LOADER_KEYS(loader, node, "'particles'", keys))
		return;
	concentration = loader_need(loader, node, "concentration", "'particles'", node->key->at);
	if (!concentration)
		return;
	if (is_mass_concentration(loader, concentration))
		value_positive(loader, concentration, "concentration", NANODOSE_DIMENSION_MASS_CONCENTRATION,
			       &channel->mass_concentration_kg_m3, NULL);
	else
		value_positive(loader, concentration, "concentration",
			       NANODOSE_DIMENSION_NUMBER_CONCENTRATION, &channel->concentration_per_m3, NULL);
}

static void load_chip(struct loader *loader, const struct node *node, struct protocol_channel *channel)
{
	static const char *const keys[] = { "width", "height", "length" };
	double *const sides[] = {
		&channel->chip_width_m, &channel->chip_height_m, &channel->chip_length_m,
	};

	if (!LOADER_KEYS(loader, node, "'chip'", keys))
		return;
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		const struct node *side = loader_need(loader, node, keys[i], "'chip'", node->key->at);

		if (side)
			value_positive(loader, side, keys[i], NANODOSE_DIMENSION_LENGTH, sides[i], NULL);
	}
}

static void load_control(struct loader *loader, const struct node *node, struct protocol_channel *channel)
{
	if (node->type == NODE_SCALAR && !strcmp(node->text, "open"))
		channel->open_loop = true;
	else if (node->type != NODE_SCALAR || strcmp(node->text, "closed"))
		loader_error(loader, node->at,
			     "control: is 'closed', by the flow sensor, which it is without this key, or 'open', by the steps alone");
}

static void load_channel(struct loader *loader, const struct node *node,
			 struct protocol_channel *channel, struct loader_channel *more)
{
	static const char *const keys[] = { "pump", "syringe", "loaded", "fluid", "particles",
					   "dead_volume", "chip", "control" };
	const struct node *pump, *syringe, *loaded, *fluid, *particles, *dead_volume, *chip, *control;
	struct source_position at = node->key->at;
	char what[80];

	snprintf(what, sizeof(what), "channel '%.40s'", node->key->text);
	if (!LOADER_KEYS(loader, node, what, keys))
		return;
	pump = loader_need(loader, node, "pump", what, at);
	if (pump)
		load_pump(loader, pump, channel);
	syringe = node_get(node, "syringe");
	if (!syringe && !load_mounted(channel))
		loader_need(loader, node, "syringe", what, at);
	loaded = loader_need(loader, node, "loaded", what, at);
	fluid = loader_need(loader, node, "fluid", what, at);
	particles = node_get(node, "particles");
	dead_volume = node_get(node, "dead_volume");
	chip = node_get(node, "chip");
	control = node_get(node, "control");
	if (syringe)
		load_syringe(loader, syringe, channel);
	if (loaded)
		load_loaded(loader, loaded, channel, more);
	if (fluid)
		fluid_load(loader, fluid, channel);
	if (particles)
		load_particles(loader, particles, channel);
	if (dead_volume)
		value_positive(loader, dead_volume, "dead_volume", NANODOSE_DIMENSION_VOLUME,
			       &channel->dead_volume_m3, NULL);
	if (chip)
		load_chip(loader, chip, channel);
	if (control)
		load_control(loader, control, channel);
}

static bool good_name(struct loader *loader, const struct node *key)
{
	if (!strcmp(key->text, "total")) {
		loader_error(loader, key->at,
			     "'total' stands for all channels together in limits; give the channel another name");
		return false;
	}
	if (expression_good_name(key->text) && !expression_keyword(key->text))
		return true;
	loader_error(loader, key->at,
		     "a channel's name is a letter and then letters, digits or _, at most 31, not \"%.60s\"",
		     key->text);
	return false;
}

void channels_load(struct loader *loader, const struct node *node)
{
	struct protocol *protocol = loader->protocol;

	if (node && (node->type != NODE_MAPPING || !node->count))
		loader_error(loader, node->at,
			     "channels: must be a mapping such as {aqueous: {pump: ..., syringe: ..., loaded: ..., fluid: ...}}");
	if (node && node->count > LOADER_MAX_CHANNELS)
		loader_error(loader, node->at, "channels: %zu are too many, at most %d", node->count,
			     LOADER_MAX_CHANNELS);
	protocol->channels = loader_allocate(loader, LOADER_MAX_CHANNELS,
					     sizeof(*protocol->channels));
	if (!protocol->channels)
		return;
	for (const struct node *one = node && node->type == NODE_MAPPING ? node->first : NULL;
	     one && protocol->channel_count < LOADER_MAX_CHANNELS; one = one->next) {
		struct protocol_channel *channel = &protocol->channels[protocol->channel_count];

		if (!good_name(loader, one->key))
			continue;
		*channel = (struct protocol_channel){
			.at = one->key->at,
			.at_pump = one->key->at,
			.at_limits = one->key->at,
		};
		for (int i = 0; i < PROTOCOL_STRICTNESSES; i++)
			limits_none(&channel->limits[i]);
		channel->name = loader_text(loader, "%s", one->key->text);
		if (!channel->name)
			return;
		load_channel(loader, one, channel, &loader->channels[protocol->channel_count]);
		protocol->channel_count++;
	}
}
