// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Limits of what is measured. A hard one stops the run, or goes by the rule
 * for an occlusion. A soft one brings everything to rest until a person
 * resumes, which is their yes for the rest of the run.
 */
#include <math.h>
#include <stdio.h>

#include "run.h"

#define ENOUGH	3	/* readings in a row */
#define MISSING	5	/* records in a row without a reading: it is lost */

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

/* Of the loop's troubles: what they are to a protocol, and where to look. */
static const struct {
	enum protocol_trouble trouble;
	bool goes_on;			/* where the protocol has no rule for it */
	const char *advice;
} rig_troubles[DIAGNOSIS_TROUBLES] = {
	[DIAGNOSIS_OCCLUSION] = { PROTOCOL_OCCLUSION, false, "look for a clog or a closed valve" },
	[DIAGNOSIS_EMPTY] = { PROTOCOL_EMPTY, false,
			      "look whether the syringe is empty, the plunger is held, and the motor turns" },
	[DIAGNOSIS_LEAK] = { PROTOCOL_LEAK, true, "look for a leak before the sensor; the dose is less than was stepped" },
	[DIAGNOSIS_FREE_FLOW] = { PROTOCOL_LEAK, false,
				  "look for a siphon: a syringe above the outlet, a plunger that is not held" },
	[DIAGNOSIS_BUBBLE] = { PROTOCOL_TROUBLES, true, "look for an air bubble: the flow follows far slower than it did" },
	[DIAGNOSIS_STUCK] = { PROTOCOL_SENSOR_LOST, false, "the sensor says the same again and again: look at its cable, or give it a new start" },
};

static void describe_evidence(const struct diagnosis_evidence *evidence, char *text, size_t size)
{
	char seen[40], expected[40], pressure[40], normal[40];
	int used;

	nanodose_quantity_format(evidence->seen_m3_s, NANODOSE_DIMENSION_RATE, seen, sizeof(seen));
	nanodose_quantity_format(evidence->expected_m3_s, NANODOSE_DIMENSION_RATE, expected, sizeof(expected));
	used = snprintf(text, size, "the flow is %s where a rig that is well has %s, for %.2g s", seen, expected,
			evidence->for_s);
	if (isnan(evidence->seen_pa) || used < 0 || (size_t)used >= size)
		return;
	nanodose_quantity_format(evidence->seen_pa, NANODOSE_DIMENSION_PRESSURE, pressure, sizeof(pressure));
	nanodose_quantity_format(evidence->expected_pa, NANODOSE_DIMENSION_PRESSURE, normal, sizeof(normal));
	snprintf(text + used, size - used, "; the pressure is %s instead of %s", pressure, normal);
}

void watch_rig(struct runner *r, struct channel *c)
{
	enum diagnosis_trouble trouble = c->output.trouble;
	enum protocol_trouble to_protocol = rig_troubles[trouble].trouble;
	const struct protocol_rule *rule = to_protocol < PROTOCOL_TROUBLES ? &r->protocol->rules[to_protocol] : NULL;
	bool goes_on = rig_troubles[trouble].goes_on && !(rule && rule->at.line);
	bool without = trouble == DIAGNOSIS_STUCK && rule->remedy == PROTOCOL_REMEDY_OPEN;
	const struct diagnosis_evidence *evidence = control_evidence(c->control);
	char text[256];

	if (!trouble || c->trouble_told || r->mode != MODE_RUNNING || r->remedy)
		return;
	c->trouble_told = true;
	describe_evidence(evidence, text, sizeof(text));
	run_event(r, goes_on || without ? RECORD_WARNING : RECORD_FAULT, RECORD_INTERLOCK, c, lanes_line(r, c),
		  "%s%s: %s: %s", diagnosis_name(trouble), evidence->sure ? "" : ", or what looks the same", text,
		  rig_troubles[trouble].advice);
	c->distrusted = without;
	if (!goes_on && !without && !remedy_begin(r, to_protocol))
		run_stop(r, NANODOSE_EXIT_FAULT, NANODOSE_STOP_RAMP);
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
