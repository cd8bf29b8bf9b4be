// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Going on with a run that did not come to its end. Its record has an event at
 * the beginning of each step and for each choice: followed once more, without
 * moving anything, they lead to the steps that were under way. Where the pumps
 * were is in the record, or in the driver if that has kept counting.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "past.h"
#include "run.h"

/* In words of the record; where a line was clear of air, since the run began. */
#define CLEAR_AT	"the line was clear at %lld steps"
#define UNRECORDED_S	2.0	/* a pump goes on for so long after the newest record, at most */
#define SPARE_STEPS	16
#define ROUNDING_STEPS	2
#define SAME_STEP	1e-9

/* ---- where the pumps are ---------------------------------------------------------------- */

static const struct record_past_channel *find_channel(const struct record_past *past, const char *name)
{
	for (size_t i = 0; i < past->channel_count; i++)
		if (!strcmp(past->channels[i].name, name))
			return &past->channels[i];
	return NULL;
}

static bool refuse(const struct channel *c, const char *why)
{
	fprintf(stderr, "nanodose: channel %s cannot go on: %s\n", c->plan->name, why);
	return false;
}

static bool same_boot(const struct record_past *past)
{
	char boot_id[64];

	return past->boot_id && !record_boot_id(boot_id, sizeof(boot_id)) && !strcmp(boot_id, past->boot_id);
}

static bool resume_channel(struct channel *c, const struct record_past *past)
{
	const struct record_past_channel *was = find_channel(past, c->plan->name);
	int64_t slack, given, moved;
	char why[200];

	if (!was)
		return refuse(c, "the record has no such channel");
	if (was->microsteps_per_rev != c->info.microsteps_per_rev || was->lead_pitch_nm != c->info.lead_pitch_nm ||
	    fabs(was->step_m3 - c->step_m3) > SAME_STEP * c->step_m3)
		return refuse(c, "its pump or its syringe is another one now: a step moves another volume");
	/* A record that was closed has all that its pumps did, if they were there. */
	slack = past->status && strcmp(past->status, run_status_word(NANODOSE_EXIT_GONE)) ? 0 : SPARE_STEPS + (int64_t)ceil(UNRECORDED_S * c->plan->peak_rate_m3_s / c->step_m3);
	given = was->position - was->origin;
	moved = c->position - was->position;
	/* A driver that has begun anew counts from 0; one that has kept counting knows it to the step. */
	if (c->position && same_boot(past) && llabs(moved) <= slack) {
		given += moved;
	} else if (c->position) {
		snprintf(why, sizeof(why),
			 "its pump has been moved since: it is at %lld steps, it was at %lld; begin a new run",
			 (long long)c->position, (long long)was->position);
		return refuse(c, why);
	}
	c->origin = c->position - given;
	return true;
}

bool resume_channels(struct runner *r)
{
	const struct record_past *past = r->options.past;
	bool good = true;

	for (size_t i = 0; past && i < past->event_count; i++) {
		if (!strstr(past->events[i].text, REMEDY_RESCUE_FOLLOWS))
			continue;
		fprintf(stderr, "nanodose: %s had given up its steps for those of a rescue; begin a new run\n",
			past->path);
		return false;
	}
	for (size_t i = 0; past && i < r->channel_count; i++)
		good &= resume_channel(&r->channels[i], past);
	return good;
}

/* ---- which steps are under way ------------------------------------------------------------ */

static bool is_choice(const struct protocol_step *step)
{
	return step->verb == PROTOCOL_IF || step->verb == PROTOCOL_WHILE;
}

/* What was chosen, as steps.c tells it: 1 yes, 0 no, -1: this event is of something else. */
static int choice_of(const struct protocol_step *step, const struct record_past_event *event)
{
	size_t length = strlen(step->text);

	if (!is_choice(step) || step->at.line != event->line)
		return -1;
	if (!strncmp(event->text, STEPS_STILL_HOLDS, strlen(STEPS_STILL_HOLDS)))
		return 0;
	if (strncmp(event->text, step->text, length))
		return -1;
	return !strcmp(event->text + length, ": yes") ? 1 : !strcmp(event->text + length, ": no") ? 0 : -1;
}

static bool is_of(const struct protocol_step *step, const struct record_past_event *event)
{
	return is_choice(step) ? choice_of(step, event) >= 0 :
				 step->at.line == event->line && !strcmp(step->text, event->text);
}

static bool mentions(const struct protocol_step *steps, size_t count, const struct record_past_event *event)
{
	for (size_t i = 0; i < count; i++)
		if ((steps[i].text && is_of(&steps[i], event)) ||
		    mentions(steps[i].steps, steps[i].step_count, event) ||
		    mentions(steps[i].others, steps[i].other_count, event))
			return true;
	return false;
}

/* So that this record, too, can be gone on with. */
static void keep(struct runner *r, int line, const char *text)
{
	run_recorded(r, record_event(r->record, run_clock_ns(), RECORD_INFO, RECORD_PROTOCOL, -1, line, text));
}

/*
 * A step that was ended by its sensor moved less than it was to. How far, the
 * record tells by the pump's position then, or, if it has taken that from one
 * before it, in words.
 */
static void spare(struct runner *r, const struct protocol_step *step, int64_t time_ns)
{
	const struct record_past *past = r->options.past;
	struct channel *c = &r->channels[step->flows[0].channel];
	const struct record_past_channel *was = find_channel(past, c->plan->name);
	char text[80];

	if (!was)
		return;
	if (!r->clear_known)
		r->clear_steps = record_past_position(past, was - past->channels, time_ns) - was->origin;
	r->clear_known = false;
	channel_spare_to(c, c->origin + r->clear_steps);
	snprintf(text, sizeof(text), CLEAR_AT, (long long)r->clear_steps);
	keep(r, step->at.line, text);
}

static void complete(struct runner *r, struct lane *lane, int64_t time_ns)
{
	const struct protocol_step *step = lane->step.step;

	for (size_t i = 0; i < step->flow_count; i++)
		r->channels[step->flows[i].channel].ended = true;
	if (step->until_clear)
		spare(r, step, time_ns);
}

static bool follow(struct runner *r, struct lane *lane, const struct record_past_event *event);

/* A lane whose present step is told, or none yet: on to the next. */
static bool follow_step(struct runner *r, struct lane *lane, const struct record_past_event *event)
{
	int choice;

	if (lane->told) {
		complete(r, lane, event->time_ns);
		steps_next(r, lane);
		lane->told = false;
	}
	if (lane->over || !lane->step.step || !is_of(lane->step.step, event))
		return false;
	choice = choice_of(lane->step.step, event);
	if (choice >= 0) {
		program_choose(r->program, &lane->cursor, choice);
		steps_next(r, lane);
	} else {
		lane->told = true;
	}
	return true;
}

static bool follow(struct runner *r, struct lane *lane, const struct record_past_event *event)
{
	const struct protocol_step *step = lane->step.step;

	if (!lane->branch_count)
		return follow_step(r, lane, event);
	if (!lane->told) {
		lane->told = is_of(step, event);
		return lane->told;
	}
	for (size_t i = 0; i < lane->branch_count; i++)
		if (!lane->branches[i].over &&
		    mentions(step->steps[i].steps, step->steps[i].step_count, event))
			return follow(r, &lane->branches[i], event);
	for (size_t i = 0; i < lane->branch_count; i++) {
		struct lane *branch = &lane->branches[i];

		while (!branch->over) {
			complete(r, branch, event->time_ns);
			lanes_join(r, branch);
		}
	}
	lanes_join(r, lane);
	lane->told = false;
	return follow(r, lane, event);
}

/* Where the record's events lead to; false: they are not those of this protocol. */
static bool follow_all(struct runner *r, uint64_t now_ns)
{
	const struct record_past *past = r->options.past;
	long long clear_steps;

	for (size_t i = 0; i < past->event_count; i++) {
		const struct record_past_event *event = &past->events[i];

		if (sscanf(event->text, CLEAR_AT, &clear_steps) == 1) {
			r->clear_steps = clear_steps;
			r->clear_known = true;
		}
		if (!mentions(r->protocol->steps, r->protocol->step_count, event))
			continue;
		/* As if the time between the two runs had been a pause. */
		r->now_ns = now_ns - (uint64_t)(past->end_ns - event->time_ns);
		r->following_utc_ns = past->start_utc_ns ? past->start_utc_ns + event->time_ns : 0;
		if (!follow(r, &r->lane, event))
			return false;
		keep(r, event->line, event->text);
	}
	return true;
}

/* What the steps say of a channel, and where it is, must be one. */
static bool fits(const struct channel *c)
{
	double slack = ROUNDING_STEPS * c->step_m3, now = channel_delivered_m3(c);
	double least = c->ended ? c->target_m3 : fmin(c->aim_m3, c->target_m3);
	double most = c->ended ? c->target_m3 : fmax(c->aim_m3, c->target_m3);

	return now >= least - slack && now <= most + slack;
}

static bool all_fit(const struct runner *r)
{
	for (size_t i = 0; i < r->channel_count; i++)
		if (!fits(&r->channels[i]))
			return false;
	return true;
}

static bool uses(const struct protocol_step *steps, size_t count, size_t channel)
{
	for (size_t i = 0; i < count; i++) {
		for (size_t k = 0; k < steps[i].flow_count; k++)
			if (steps[i].flows[k].channel == channel)
				return true;
		if (uses(steps[i].steps, steps[i].step_count, channel) ||
		    uses(steps[i].others, steps[i].other_count, channel))
			return true;
	}
	return false;
}

static bool all_of_fit(const struct runner *r, const struct protocol_step *steps, size_t count)
{
	for (size_t i = 0; i < r->channel_count; i++)
		if (!fits(&r->channels[i]) && uses(steps, count, i))
			return false;
	return true;
}

/*
 * In the second that went unrecorded steps may have ended and others begun: a
 * pump that is farther than its step was in one of those that follow. What a
 * person or a reading decides is not passed over.
 */
static bool decided_elsewhere(const struct protocol_step *step)
{
	return is_choice(step) || step->until_clear || step->verb == PROTOCOL_WAIT_OPERATOR ||
	       step->verb == PROTOCOL_WAIT_UNTIL;
}

static void pass_on(struct runner *r, struct lane *lane)
{
	complete(r, lane, r->options.past->end_ns);
	lanes_join(r, lane);
	lane->told = false;
}

/* A pump that is beyond its own branch is behind the parallel: so are the others. */
static bool beyond_branches(const struct runner *r, const struct lane *lane)
{
	for (size_t i = 0; i < r->channel_count; i++) {
		bool under_way = false;

		for (size_t k = 0; k < lane->branch_count; k++)
			under_way |= !lane->branches[k].over && uses(&lane->step.step->steps[k], 1, i);
		if (!fits(&r->channels[i]) && !under_way)
			return true;
	}
	return false;
}

static void catch_up(struct runner *r, struct lane *lane, const struct protocol_step *steps, size_t count)
{
	while (!lane->over && lane->step.step && !all_of_fit(r, steps, count)) {
		const struct protocol_step *step = lane->step.step;

		for (size_t i = 0; i < lane->branch_count; i++)
			catch_up(r, &lane->branches[i], step->steps[i].steps, step->steps[i].step_count);
		if (lane->branch_count && !beyond_branches(r, lane))
			return;
		for (size_t i = 0; i < lane->branch_count; i++) {
			struct lane *branch = &lane->branches[i];

			while (!branch->over && !branch->branch_count && !decided_elsewhere(branch->step.step))
				pass_on(r, branch);
			if (!branch->over)
				return;
		}
		if (decided_elsewhere(step))
			return;
		pass_on(r, lane);
	}
}

static void go_on(struct runner *r, struct lane *lane)
{
	const struct protocol_step *step = lane->step.step;
	bool told = lane->told;

	lane->told = false;
	if (lane->over || !step || r->mode != MODE_RUNNING)
		return;
	if (!told && !is_choice(step))
		run_event(r, RECORD_INFO, RECORD_PROTOCOL, NULL, step->at.line, "%s", step->text);
	for (size_t i = 0; i < lane->branch_count; i++)
		go_on(r, &lane->branches[i]);
	if (lane->branch_count)
		return;
	/* A rest goes on with what was left of it; all else is looked at anew. */
	if (!told || (step->verb != PROTOCOL_HOLD && step->verb != PROTOCOL_WAIT_TIME))
		lane->step.begin_ns = r->now_ns;
	if (step->verb == PROTOCOL_CURVE)
		curve_resume(r, lane);
	steps_resume(r, lane, 0);
}

void resume_lanes(struct runner *r)
{
	const struct record_past *past = r->options.past;
	uint64_t now_ns = r->now_ns;
	bool good;

	r->following = true;
	lanes_begin(r);
	good = follow_all(r, now_ns);
	if (good)
		catch_up(r, &r->lane, r->protocol->steps, r->protocol->step_count);
	good = good && all_fit(r);
	r->following = false;
	r->now_ns = now_ns;
	r->past_s = past->end_ns / 1e9;
	if (!good) {
		run_event(r, RECORD_FAULT, RECORD_PROGRAM, NULL, 0,
			  "%s does not fit its protocol, so that where to go on is not known: nothing is dosed; begin a new run",
			  past->path);
		run_stop(r, NANODOSE_EXIT_FAULT, NANODOSE_STOP_RAMP);
		return;
	}
	for (size_t i = 0; i < r->channel_count; i++) {
		char given[40];

		nanodose_quantity_format(channel_delivered_m3(&r->channels[i]), NANODOSE_DIMENSION_VOLUME, given,
					 sizeof(given));
		run_event(r, RECORD_INFO, RECORD_PROGRAM, &r->channels[i], 0, "goes on after %s of %s", given,
			  past->path);
	}
	go_on(r, &r->lane);
}
