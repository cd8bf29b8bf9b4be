// SPDX-License-Identifier: GPL-2.0-or-later
/* What is in a syringe: water, isopropanol, or another fluid with what its flow needs. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "expression.h"
#include "loader.h"

/* Pa s near 20 degC, textbook values: for estimates, not for doses */
#define VISCOSITY_WATER	1.002e-3
#define VISCOSITY_IPA	2.4e-3

static double cubic(const struct protocol_correction *correction, double x)
{
	return x * (correction->a + x * (correction->b + x * correction->c));
}

double protocol_flow_m3_s(const struct protocol_channel *channel, double reading_m3_s)
{
	const struct protocol_correction *correction = &channel->correction;

	if (!(correction->unit_m3_s > 0))
		return reading_m3_s;
	if (!(fabs(reading_m3_s) <= correction->saturated_reading_m3_s))
		return NAN;
	return copysign(cubic(correction, fabs(reading_m3_s) / correction->unit_m3_s) *
			correction->unit_m3_s, reading_m3_s);
}

/* Up to where more reads as more: the first x with a slope a + 2 b x + 3 c x2 of 0. */
static double turning_point(const struct protocol_correction *correction)
{
	double a = correction->a, b = 2 * correction->b, c = 3 * correction->c, root, first = INFINITY;

	if (c == 0) {
		if (b < 0)
			first = -a / b;
	} else if (b * b >= 4 * a * c) {
		root = sqrt(b * b - 4 * a * c);
		/* The smaller positive one; with a > 0 this form loses no digits. */
		for (int sign = -1; sign <= 1; sign += 2) {
			double x = 2 * a / (-b + sign * root);

			if (x > 0)
				first = fmin(first, x);
		}
	}
	return first;
}

/* What the sensor reads of a flow; NAN if the cubic turns down before it gets there. */
static double reading_of(const struct protocol_correction *correction, double flow_m3_s)
{
	double flow = flow_m3_s / correction->unit_m3_s, low = 0, high = turning_point(correction), middle;

	if (isinf(high))
		for (high = 1; isfinite(high) && cubic(correction, high) < flow;)
			high *= 2;
	if (!(cubic(correction, high) >= flow))
		return NAN;
	while (middle = low + (high - low) / 2, middle > low && middle < high) {
		if (cubic(correction, middle) < flow)
			low = middle;
		else
			high = middle;
	}
	return high * correction->unit_m3_s;
}

double protocol_reading_share(const struct protocol_channel *channel)
{
	double most_m3_s = fmin(channel->peak_rate_m3_s, channel->correction.saturation_m3_s);

	return channel->correction.unit_m3_s > 0 && most_m3_s > 0 ?
	       reading_of(&channel->correction, most_m3_s) / most_m3_s : 1;
}

static bool load_unit(struct loader *loader, const struct node *node, struct protocol_correction *correction)
{
	char *unit = value_text(loader, node, "unit"), *text = unit ? loader_text(loader, "1 %s", unit) : NULL;
	bool good = text && !nanodose_quantity_parse(text, NANODOSE_DIMENSION_RATE, &correction->unit_m3_s, NULL);

	if (text && !good)
		loader_error(loader, node->at,
			     "unit: \"%s\" is no unit of a rate; the one that a, b and c are for, such as uL/min",
			     unit);
	free(text);
	free(unit);
	return good;
}

static void load_correction(struct loader *loader, const struct node *node, struct protocol_channel *channel)
{
	static const char *const keys[] = { "unit", "a", "b", "c", "saturation" };
	struct protocol_correction correction = { 0 };
	const struct node *unit, *a, *b, *c, *saturation;
	char *most = NULL;
	bool good;

	if (!LOADER_KEYS(loader, node, "'correction'", keys))
		return;
	unit = loader_need(loader, node, "unit", "'correction'", node->key->at);
	a = loader_need(loader, node, "a", "'correction'", node->key->at);
	saturation = loader_need(loader, node, "saturation", "'correction'", node->key->at);
	b = node_get(node, "b");
	c = node_get(node, "c");
	good = unit && load_unit(loader, unit, &correction);
	good = a && value_positive(loader, a, "a", NANODOSE_DIMENSION_NONE, &correction.a, NULL) && good;
	good = (!b || value_quantity(loader, b, "b", NANODOSE_DIMENSION_NONE, &correction.b, NULL)) && good;
	good = (!c || value_quantity(loader, c, "c", NANODOSE_DIMENSION_NONE, &correction.c, NULL)) && good;
	good = saturation && value_positive(loader, saturation, "saturation", NANODOSE_DIMENSION_RATE,
					    &correction.saturation_m3_s, &most) && good;
	if (good)
		correction.saturated_reading_m3_s = reading_of(&correction, correction.saturation_m3_s);
	if (good && isnan(correction.saturated_reading_m3_s))
		loader_error(loader, node->key->at,
			     "correction: a x + b x^2 + c x^3 turns down before it reaches %s, so that two flows would read the same; check the signs and the unit, or give a lower saturation",
			     most);
	else if (good)
		channel->correction = correction;
	free(most);
}

static void load_calibration(struct loader *loader, const struct node *node, const char *key,
			     struct protocol_channel *channel)
{
	char *text = value_text(loader, node, key);

	if (!text)
		return;
	channel->viscosity_pa_s = strcmp(text, "ipa") ? VISCOSITY_WATER : VISCOSITY_IPA;
	if (!strcmp(text, "water"))
		channel->medium = NANODOSE_MEDIUM_WATER;
	else if (!strcmp(text, "ipa"))
		channel->medium = NANODOSE_MEDIUM_IPA;
	else
		loader_error(loader, node->at,
			     "%s: \"%s\" is not known; the flow sensors are calibrated for water and ipa%s",
			     key, text, node->type == NODE_SCALAR && !strcmp(key, "fluid") ?
			     "; another one is {name: ..., viscosity: ..., calibration: water, correction: ...}" : "");
	free(text);
}

static void load_own(struct loader *loader, const struct node *node, struct protocol_channel *channel)
{
	static const char *const keys[] = { "name", "viscosity", "calibration", "correction" };
	const struct node *name, *viscosity, *calibration, *correction;

	if (!LOADER_KEYS(loader, node, "'fluid'", keys))
		return;
	name = loader_need(loader, node, "name", "'fluid'", node->key->at);
	viscosity = loader_need(loader, node, "viscosity", "'fluid'", node->key->at);
	calibration = loader_need(loader, node, "calibration", "'fluid'", node->key->at);
	correction = node_get(node, "correction");
	if (name)
		channel->fluid = value_text(loader, name, "name");
	if (calibration)
		load_calibration(loader, calibration, "calibration", channel);
	if (viscosity)
		value_positive(loader, viscosity, "viscosity", NANODOSE_DIMENSION_VISCOSITY,
			       &channel->viscosity_pa_s, NULL);
	if (correction)
		load_correction(loader, correction, channel);
}

void fluid_load(struct loader *loader, const struct node *node, struct protocol_channel *channel)
{
	if (node->type == NODE_MAPPING) {
		load_own(loader, node, channel);
		return;
	}
	load_calibration(loader, node, "fluid", channel);
	channel->fluid = loader_text(loader, "%s", channel->medium == NANODOSE_MEDIUM_IPA ? "ipa" : "water");
}
