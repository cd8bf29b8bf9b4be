// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Limits of what is measured. A hard one stops the run, or goes by the rule
 * for an occlusion. A soft one brings everything to rest until a person
 * resumes, which is their yes for the rest of the run.
 */
#include <stdio.h>

#include "run.h"

#define ENOUGH	3	/* readings in a row */
#define MISSING	5	/* records without one: as the driver has it for a lost sensor */

static const struct {
	enum protocol_limit limit;
	enum nanodose_dimension dimension;
	const char *name, *advice;
} watched[] = {
	{ PROTOCOL_LIMIT_PRESSURE, NANODOSE_DIMENSION_PRESSURE, "pressure", "look for a clog or a closed valve" },
	{ PROTOCOL_LIMIT_TEMPERATURE, NANODOSE_DIMENSION_TEMPERATURE, "temperature",
	  "look at the heating and the surroundings" },
};

static void beyond_hard(struct runner *r, struct channel *c, size_t i, const char *what, const char *limit)
{
	run_event(r, RECORD_FAULT, RECORD_INTERLOCK, c, c->plan->at_limits.line,
		  "%s is above the limit of %s: %s", what, limit, watched[i].advice);
	if (watched[i].limit != PROTOCOL_LIMIT_PRESSURE || !remedy_begin(r, PROTOCOL_OCCLUSION))
		run_stop(r, NANODOSE_EXIT_FAULT, NANODOSE_STOP_RAMP);
}

static void beyond_soft(struct runner *r, struct channel *c, size_t i, const char *what, const char *limit)
{
	int line = c->plan->at_limits.line;

	if (r->options.yes) {
		c->allowed[watched[i].limit] = true;
		run_event(r, RECORD_WARNING, RECORD_OPERATOR, c, line,
			  "%s is above the soft limit of %s: going on, as --yes says", what, limit);
	} else if (r->unattended) {
		run_event(r, RECORD_FAULT, RECORD_INTERLOCK, c, line,
			  "%s is above the soft limit of %s, and nobody attends to say yes: the run stops",
			  what, limit);
		run_stop(r, NANODOSE_EXIT_FAULT, NANODOSE_STOP_RAMP);
	} else {
		c->asked[watched[i].limit] = true;
		run_event(r, RECORD_WARNING, RECORD_INTERLOCK, c, line,
			  "%s is above the soft limit of %s: at rest; resume to allow it, or stop", what,
			  limit);
		run_rest(r);
	}
}

void watch_limits(struct runner *r, struct channel *c)
{
	for (size_t i = 0; i < sizeof(watched) / sizeof(watched[0]); i++) {
		enum protocol_limit limit = watched[i].limit;
		int strictness = c->over[PROTOCOL_HARD][limit] >= ENOUGH ? PROTOCOL_HARD : PROTOCOL_SOFT;
		char reading[40], most[40], what[80];

		if (c->over[strictness][limit] < ENOUGH || r->mode == MODE_STOPPING || r->mode == MODE_OVER ||
		    r->remedy)
			continue;
		if (strictness == PROTOCOL_SOFT && (c->allowed[limit] || r->mode != MODE_RUNNING))
			continue;
		nanodose_quantity_format(channel_reading(c, limit), watched[i].dimension, reading,
					 sizeof(reading));
		nanodose_quantity_format(c->plan->limits[strictness].most[limit], watched[i].dimension, most,
					 sizeof(most));
		snprintf(what, sizeof(what), "%s %s", watched[i].name, reading);
		if (strictness == PROTOCOL_HARD)
			beyond_hard(r, c, i, what, most);
		else
			beyond_soft(r, c, i, what, most);
	}
}

void watch_sensor(struct runner *r, struct channel *c)
{
	const struct protocol_rule *rule = &r->protocol->rules[PROTOCOL_SENSOR_LOST];

	if (rule->remedy != PROTOCOL_REMEDY_OPEN || !c->has_sensor || !c->readings)
		return;
	if (c->missing == MISSING && !c->without_sensor) {
		c->without_sensor = true;
		run_event(r, RECORD_WARNING, RECORD_PROTOCOL, c, rule->at.line,
			  "on sensor_lost: no reading of the flow: on by the steps and what is known of the rig; look at the sensor's cable and supply");
	} else if (!c->missing && c->without_sensor) {
		c->without_sensor = false;
		run_event(r, RECORD_INFO, RECORD_PROTOCOL, c, rule->at.line, "the flow sensor is back");
	}
}

void watch_allow(struct runner *r, const char *who)
{
	for (size_t i = 0; i < r->channel_count; i++) {
		struct channel *c = &r->channels[i];

		for (size_t k = 0; k < sizeof(watched) / sizeof(watched[0]); k++) {
			enum protocol_limit limit = watched[k].limit;

			if (!c->asked[limit])
				continue;
			c->asked[limit] = false;
			c->allowed[limit] = true;
			run_event(r, RECORD_WARNING, RECORD_OPERATOR, c, c->plan->at_limits.line,
				  "%s said yes to a %s beyond its soft limit", who, watched[k].name);
		}
	}
}
