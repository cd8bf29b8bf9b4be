// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Trouble for which the protocol has a rule: everything comes to rest, and then
 * it waits for a person, goes on by itself, or goes over to the rescue steps.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "run.h"

#define RELEASE_ROUNDS		3
#define RELEASE_LOOK_NS		500000000ULL	/* until the readings tell what is left */
#define RELEASE_LEAST_STEPS	2

static const char *name_of(const struct runner *r)
{
	return protocol_trouble_name(r->trouble);
}

bool remedy_begin(struct runner *r, enum protocol_trouble trouble)
{
	const struct protocol_rule *rule = &r->protocol->rules[trouble];

	/* The same trouble, told twice: by the kernel and by us, or by two pumps. */
	if (r->remedy && r->trouble == trouble && (r->mode == MODE_PAUSING || r->mode == MODE_PAUSED))
		return true;
	if (r->mode != MODE_RUNNING || r->rescuing || rule->remedy == PROTOCOL_REMEDY_STOP)
		return false;
	if (rule->remedy == PROTOCOL_REMEDY_HOLD && r->unattended) {
		run_event(r, RECORD_FAULT, RECORD_PROTOCOL, NULL, rule->at.line,
			  "on %s: to be held for somebody, but nobody attends: the run stops",
			  protocol_trouble_name(trouble));
		return false;
	}
	if (rule->remedy == PROTOCOL_REMEDY_RETRY && r->retries[trouble] == rule->retries) {
		run_event(r, RECORD_FAULT, RECORD_PROTOCOL, NULL, rule->at.line,
			  "on %s: no retry is left of %u: the run stops",
			  protocol_trouble_name(trouble), rule->retries);
		return false;
	}
	r->remedy = rule;
	r->trouble = trouble;
	r->releasing = false;
	r->release_rounds = 0;
	r->release_ns = r->now_ns + RELEASE_LOOK_NS;
	switch (rule->remedy) {
	case PROTOCOL_REMEDY_RETRY:
		r->retries[trouble]++;
		run_event(r, RECORD_WARNING, RECORD_PROTOCOL, NULL, rule->at.line,
			  "on %s: at rest, retry %u of %u in %g s", name_of(r), r->retries[trouble],
			  rule->retries, protocol_retry_after_s(rule, r->retries[trouble]));
		break;
	case PROTOCOL_REMEDY_RESCUE:
		run_event(r, RECORD_WARNING, RECORD_PROTOCOL, NULL, rule->at.line,
			  "on %s: " REMEDY_RESCUE_FOLLOWS, name_of(r));
		break;
	default:
		run_event(r, RECORD_WARNING, RECORD_PROTOCOL, NULL, rule->at.line,
			  "on %s: held at rest; remove the cause, then resume", name_of(r));
	}
	run_rest(r);
	return true;
}

/* What is latched must be cleared before anything moves. False: a cause is still there. */
static bool clear_faults(struct runner *r)
{
	for (size_t i = 0; i < r->channel_count; i++) {
		struct channel *c = &r->channels[i];

		if (!c->faults || c->gone)
			continue;
		if (nanodose_device_clear_faults(c->device, c->faults)) {
			run_event(r, RECORD_WARNING, RECORD_KERNEL, c, 0,
				  "%s: the fault cannot be cleared: %s", name_of(r),
				  errno == EPIPE ? "its cause is still there" : strerror(errno));
			return false;
		}
		c->faults = 0;
		memset(c->over, 0, sizeof(c->over));
	}
	return true;
}

/* A sensor that was without power has forgotten what it was told. */
static bool restart_sensors(struct runner *r)
{
	for (size_t i = 0; i < r->channel_count; i++) {
		struct channel *c = &r->channels[i];

		if (c->gone || !c->has_sensor || !channel_restart_sensor(c))
			continue;
		run_event(r, RECORD_WARNING, RECORD_KERNEL, c, 0,
			  "%s: the flow sensor cannot be started: %s", name_of(r), strerror(errno));
		return false;
	}
	return true;
}

/* What was seen before the rest does not count any more. */
static void forget_troubles(struct runner *r)
{
	for (size_t i = 0; i < r->channel_count; i++) {
		struct channel *c = &r->channels[i];

		if (!c->trouble_told && !c->output.trouble)
			continue;
		c->trouble_told = false;
		control_forget_trouble(c->control);
		c->output.trouble = DIAGNOSIS_NONE;
	}
}

bool remedy_ready(struct runner *r)
{
	if (!r->remedy) {
		forget_troubles(r);
		return true;
	}
	if ((r->trouble == PROTOCOL_SENSOR_LOST && !restart_sensors(r)) || !clear_faults(r))
		return false;
	r->remedy = NULL;
	forget_troubles(r);
	return true;
}

/* What the loop reckons to be stored: more would draw air or tissue in. Where it does not know: as the protocol says. */
static double to_release_m3(const struct runner *r, const struct channel *c)
{
	double stored_m3 = control_release_m3(c->control);

	if (c->ended || c->set_point_m3_s <= 0 || c->gone)
		return 0;
	if (stored_m3 > 0 || c->trouble_told)
		return stored_m3;
	return r->release_rounds ? 0 : r->remedy->release_m3;
}

/*
 * What the clog holds is taken back, so that nothing bursts out when it goes; the
 * way to the step's end makes up for it. Again after a look at what is left. False:
 * there is nothing, or no more.
 */
static bool release(struct runner *r)
{
	bool moved = false;

	if (r->trouble != PROTOCOL_OCCLUSION || r->release_rounds == RELEASE_ROUNDS)
		return false;
	if (r->now_ns < r->release_ns)
		return true;
	if (!clear_faults(r))
		return false;
	for (size_t i = 0; i < r->channel_count; i++) {
		struct channel *c = &r->channels[i];
		double volume_m3 = to_release_m3(r, c);

		if (!(volume_m3 > RELEASE_LEAST_STEPS * c->step_m3))
			continue;
		r->releasing = true;
		moved = true;
		/* whoever has told of it: the loop begins anew afterwards */
		c->trouble_told = true;
		if (channel_take_back(c, volume_m3, r->now_ns)) {
			run_order_failed(r, c, "withdraw with");
			return true;
		}
	}
	r->release_rounds = moved ? r->release_rounds + 1 : RELEASE_ROUNDS;
	r->release_ns = r->now_ns + RELEASE_LOOK_NS;
	return moved;
}

static void retry(struct runner *r)
{
	runner_resume(r, "the protocol's rule");
	/* A cause that cannot be cleared: again after the same time, and counted. */
	if (r->remedy) {
		r->remedy = NULL;
		r->mode = MODE_RUNNING;
		if (!remedy_begin(r, r->trouble))
			run_stop(r, NANODOSE_EXIT_FAULT, NANODOSE_STOP_RAMP);
	}
}

static void rescue(struct runner *r)
{
	const struct protocol_rule *rule = r->remedy;
	struct program *program;

	if (!remedy_ready(r)) {
		run_stop(r, NANODOSE_EXIT_FAULT, NANODOSE_STOP_RAMP);
		return;
	}
	program = program_new_steps(r->protocol, rule->steps, rule->step_count);
	if (!program) {
		run_event(r, RECORD_FAULT, RECORD_PROGRAM, NULL, 0, "%s", strerror(ENOMEM));
		run_stop(r, NANODOSE_EXIT_FAULT, NANODOSE_STOP_RAMP);
		return;
	}
	/* What was under way is given up where it is. */
	for (size_t i = 0; i < r->channel_count; i++)
		channel_forget_aim(&r->channels[i]);
	lanes_free(r);
	program_abandon(r->program);
	r->given_up = r->program;
	r->program = program;
	view_program(r);
	r->rescuing = true;
	run_set_mode(r, MODE_RUNNING);
	lanes_begin(r);
}

/* The heartbeat of the pumps that take back. */
static void refresh(struct runner *r)
{
	for (size_t i = 0; i < r->channel_count; i++) {
		if (channel_refresh(&r->channels[i], r->now_ns)) {
			run_order_failed(r, &r->channels[i], "withdraw with");
			return;
		}
	}
}

void remedy_tick(struct runner *r)
{
	if (r->releasing)
		refresh(r);
	if (!r->remedy || r->record_bad || !run_all_rest(r))
		return;
	switch (r->remedy->remedy) {
	case PROTOCOL_REMEDY_RESCUE:
		rescue(r);
		break;
	case PROTOCOL_REMEDY_HOLD:
		release(r);
		break;
	case PROTOCOL_REMEDY_RETRY:
		if (!release(r) && (r->now_ns - r->mode_ns) / 1e9 >=
			 protocol_retry_after_s(r->remedy, r->retries[r->trouble]))
			retry(r);
		break;
	default:
		break;
	}
}
