// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Lanes: courses of steps that go on at the same time. The run has one, and
 * each parallel splits it into one a branch until all of these are over.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "run.h"

static void lane_clear(struct lane *lane)
{
	for (size_t i = 0; i < lane->branch_count; i++)
		lane_clear(&lane->branches[i]);
	free(lane->branches);
	lane->branches = NULL;
	lane->branch_count = 0;
	steps_forget(lane);
}

void lanes_free(struct runner *r)
{
	lane_clear(&r->lane);
}

void lanes_begin(struct runner *r)
{
	lanes_free(r);
	r->lane = (struct lane){ .cursor = program_begin(r->program) };
	steps_next(r, &r->lane);
}

void lanes_split(struct runner *r, struct lane *lane)
{
	size_t count = lane->step.step->step_count;

	lane->branches = calloc(count, sizeof(*lane->branches));
	if (!lane->branches) {
		run_event(r, RECORD_FAULT, RECORD_PROGRAM, NULL, lane->step.step->at.line, "%s",
			  strerror(ENOMEM));
		run_stop(r, NANODOSE_EXIT_FAULT, NANODOSE_STOP_RAMP);
		return;
	}
	lane->branch_count = count;
	for (size_t i = 0; i < count; i++) {
		lane->branches[i].cursor = program_branch(r->program, &lane->cursor, i);
		steps_next(r, &lane->branches[i]);
	}
}

void lanes_join(struct runner *r, struct lane *lane)
{
	lane_clear(lane);
	steps_next(r, lane);
}

void lanes_over(struct runner *r, struct lane *lane)
{
	lane->over = true;
	if (lane != &r->lane)
		return;
	if (r->rescuing)
		run_event(r, RECORD_WARNING, RECORD_PROTOCOL, NULL, 0,
			  "the rescue steps are done: the run ends here");
	r->outcome = r->rescuing ? NANODOSE_EXIT_FAULT : NANODOSE_EXIT_DONE;
	run_set_mode(r, MODE_STOPPING);
}

static void tick(struct runner *r, struct lane *lane)
{
	bool over = true;

	if (lane->over || r->mode != MODE_RUNNING)
		return;
	if (!lane->branch_count) {
		steps_tick(r, lane);
		return;
	}
	for (size_t i = 0; i < lane->branch_count; i++) {
		tick(r, &lane->branches[i]);
		over = over && lane->branches[i].over;
	}
	if (!over || r->mode != MODE_RUNNING)
		return;
	lanes_join(r, lane);
}

void lanes_tick(struct runner *r)
{
	tick(r, &r->lane);
}

static bool calm(const struct runner *r, const struct lane *lane)
{
	if (!lane->branch_count)
		return lane->over || steps_calm(r, lane);
	for (size_t i = 0; i < lane->branch_count; i++)
		if (!calm(r, &lane->branches[i]))
			return false;
	return true;
}

bool lanes_calm(const struct runner *r)
{
	return calm(r, &r->lane);
}

static void resume(struct runner *r, struct lane *lane, uint64_t paused_ns)
{
	if (r->mode == MODE_RUNNING)
		steps_resume(r, lane, paused_ns);
	for (size_t i = 0; i < lane->branch_count; i++)
		resume(r, &lane->branches[i], paused_ns);
}

void lanes_resume(struct runner *r, uint64_t paused_ns)
{
	program_shift(r->program, paused_ns);
	resume(r, &r->lane, paused_ns);
}

/* The first that @wanted is true of; a lane with branches is none itself. NULL: none. */
static const struct lane *find(const struct lane *lane, const void *what,
			       bool (*wanted)(const struct lane *lane, const void *what))
{
	if (!lane->branch_count)
		return wanted(lane, what) ? lane : NULL;
	for (size_t i = 0; i < lane->branch_count; i++) {
		const struct lane *found = find(&lane->branches[i], what, wanted);

		if (found)
			return found;
	}
	return NULL;
}

static bool asks(const struct lane *lane, const void *nothing)
{
	const struct protocol_step *step = lane->step.step;

	(void)nothing;
	return step && step->verb == PROTOCOL_WAIT_OPERATOR && !lane->step.answered;
}

static const struct lane *asking(const struct runner *r)
{
	return r->mode == MODE_RUNNING ? find(&r->lane, NULL, asks) : NULL;
}

const char *lanes_question(const struct runner *r)
{
	const struct lane *lane = asking(r);

	return lane ? lane->step.step->message : NULL;
}

double lanes_question_left_s(const struct runner *r)
{
	const struct lane *lane = asking(r);

	return lane ? steps_left_s(r, lane) : INFINITY;
}

void lanes_answer(struct runner *r, bool yes, const char *who)
{
	struct lane *lane = (struct lane *)asking(r);

	if (!lane)
		return;
	run_event(r, RECORD_INFO, RECORD_OPERATOR, NULL, lane->step.step->at.line, "%s answered %s",
		  who, yes ? "yes" : "no");
	if (yes)
		lane->step.answered = true;
	else
		run_stop(r, NANODOSE_EXIT_OPERATOR, NANODOSE_STOP_RAMP);
}

static bool moves(const struct lane *lane, const void *channel)
{
	const struct protocol_step *step = lane->step.step;

	for (size_t i = 0; step && i < step->flow_count; i++)
		if (step->flows[i].channel == ((const struct channel *)channel)->index)
			return true;
	return false;
}

void lanes_keep_ratio(struct runner *r, struct channel *c)
{
	const struct lane *lane = find(&r->lane, c, moves);
	const struct protocol_step *step = lane ? lane->step.step : NULL;
	struct control_way slowest = { .share = NAN };

	if (step && (step->verb == PROTOCOL_MIX || step->verb == PROTOCOL_CURVE)) {
		for (size_t i = 0; i < step->flow_count; i++) {
			const struct channel *other = &r->channels[step->flows[i].channel];

			/* One that has ended is not waited for any more. */
			if (other != c && !other->ended)
				slowest = control_slower(slowest, control_way(other->control));
		}
	}
	control_follow(c->control, &slowest);
}

int lanes_line(const struct runner *r, const struct channel *c)
{
	const struct lane *lane = find(&r->lane, c, moves);

	if (!lane)
		lane = &r->lane;
	return lane->step.step ? lane->step.step->at.line : 0;
}

static bool is_in_phase(const struct lane *lane, const void *phase)
{
	return lane->step.phase == *(const enum step_phase *)phase;
}

static bool holds(const struct lane *lane, const void *nothing)
{
	(void)nothing;
	return lane->step.step && lane->step.step->verb == PROTOCOL_HOLD;
}

const char *lanes_doing(const struct runner *r)
{
	static const enum step_phase moving = STEP_MOVING, draining = STEP_DRAINING;

	if (find(&r->lane, &moving, is_in_phase))
		return "dosing";
	if (find(&r->lane, &draining, is_in_phase))
		return "letting the flow settle";
	return find(&r->lane, NULL, holds) ? "holding" : "waiting";
}

static void show(struct runner *r, const struct lane *lane)
{
	if (lane->step.step)
		r->view.steps[program_active(r->program, &lane->cursor)].progress =
			steps_progress(r, lane);
	for (size_t i = 0; i < lane->branch_count; i++)
		show(r, &lane->branches[i]);
}

void lanes_show_progress(struct runner *r)
{
	show(r, &r->lane);
}
