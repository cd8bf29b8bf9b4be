// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What each kind of step wants: pumps on their way to an end position and the
 * held-back volume out of the line, or a wait for time, people or a condition.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "notice.h"
#include "run.h"

#define RAMP_S		0.1		/* time to reach a rate, where the pump can */
#define START_LEAD_NS	50000000ULL	/* pumps that start together are told so this early */
#define DRAINED		0.02		/* share of the set point: flow has ended */
#define DRAINED_VOLUME	0.0005		/* share of the step's volume: what is held back counts no more */
#define DRAIN_MIN_S	5.0		/* limit where the rig's time constant is not known */
#define DRAIN_MAX_S	120.0
#define CALM_REST_S	0.2		/* the end of a wait is not to be missed */

static struct channel *channel_of(struct runner *r, struct lane *lane, size_t flow)
{
	return &r->channels[lane->step.step->flows[flow].channel];
}

static bool is_motion(const struct protocol_step *step)
{
	return step->verb == PROTOCOL_INFUSE || step->verb == PROTOCOL_WITHDRAW ||
	       step->verb == PROTOCOL_MIX || step->verb == PROTOCOL_CURVE;
}

static double step_elapsed_s(const struct runner *r, const struct lane *lane)
{
	/* It may have begun before this machine's clock did, in a run that this one goes on with. */
	return fmax(0, (int64_t)(r->now_ns - lane->step.begin_ns) / 1e9);
}

static uint64_t clock_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ULL + now.tv_nsec;
}

/*
 * All pumps of the step, each from where it is to its end. Ramps take the same
 * time on each, so that a ratio holds in them too.
 */
static void go(struct runner *r, struct lane *lane)
{
	const struct protocol_step *step = lane->step.step;
	uint64_t now_ns = clock_ns(), start_ns = 0;
	bool together = step->flow_count > 1;

	lane->step.ramp_s = RAMP_S;
	for (size_t i = 0; i < step->flow_count; i++) {
		struct channel *c = channel_of(r, lane, i);
		double rate_nhz = channel_rate_nhz(c, c->top_m3_s);

		lane->step.ramp_s = fmax(lane->step.ramp_s, rate_nhz / c->max_accel_nhz_s);
		if (!(c->info.features & NANODOSE_FEATURE_START_TIME))
			together = false;
	}
	if (together)
		start_ns = now_ns + START_LEAD_NS;
	for (size_t i = 0; i < step->flow_count; i++) {
		struct channel *c = channel_of(r, lane, i);

		if (c->ended)
			continue;
		if (channel_prepare(c, lane->step.ramp_s, start_ns ? start_ns : now_ns)) {
			run_order_failed(r, c, "start");
			return;
		}
	}
	for (size_t i = 0; i < step->flow_count; i++) {
		struct channel *c = channel_of(r, lane, i);

		if (c->ended)
			continue;
		lanes_keep_ratio(r, c);
		if (channel_go(c, start_ns, now_ns)) {
			run_order_failed(r, c, "start");
			return;
		}
		/* How well a flow is kept can be told only of one that does not change. */
		if (step->verb == PROTOCOL_INFUSE || step->verb == PROTOCOL_MIX)
			metrics_begin(&c->metrics, (start_ns ? start_ns : now_ns) / 1e9,
				      c->set_point_m3_s);
	}
}

/* Where each pump of the step is to end. */
static void aim(struct runner *r, struct lane *lane)
{
	const struct protocol_step *step = lane->step.step;

	for (size_t i = 0; i < step->flow_count; i++) {
		const struct protocol_flow *flow = &step->flows[i];

		channel_aim(channel_of(r, lane, i), protocol_step_sign(step) * flow->volume_m3, flow->rate_m3_s);
		channel_mark(channel_of(r, lane, i));
		if (channel_allow_air(channel_of(r, lane, i), step->until_clear))
			run_order_failed(r, channel_of(r, lane, i), "set the interlocks of");
	}
	lane->step.phase = STEP_MOVING;
}

void steps_forget(struct lane *lane)
{
	condition_end(lane);
	lane->step = (struct step_run){ .step = NULL };
}

/*
 * When the clock of this machine next shows a time of day, counted from when the
 * step began: if that passed while no program ran, it is over.
 */
static uint64_t clock_due_ns(const struct runner *r, int clock_s)
{
	struct timespec wall, steady;
	struct tm day;
	time_t begin, then;

	clock_gettime(CLOCK_REALTIME, &wall);
	clock_gettime(CLOCK_MONOTONIC, &steady);
	begin = r->following && r->following_utc_ns ? r->following_utc_ns / 1000000000 : wall.tv_sec;
	localtime_r(&begin, &day);
	for (int days = 0; ; days++) {
		struct tm at = day;

		at.tm_mday += days;
		at.tm_hour = clock_s / 3600;
		at.tm_min = clock_s / 60 % 60;
		at.tm_sec = clock_s % 60;
		at.tm_isdst = -1;
		then = mktime(&at);
		if (then > begin || days > 1)
			break;
	}
	return steady.tv_sec * 1000000000ULL + steady.tv_nsec + (int64_t)(then - wall.tv_sec) * 1000000000LL - wall.tv_nsec;
}

/* What begins is in the record before it does, so that a run can be gone on with from there. */
static void keep_told(struct runner *r)
{
	run_recorded(r, record_commit(r->record, r->now_ns, 1));
}

void steps_next(struct runner *r, struct lane *lane)
{
	const struct protocol_step *step;

	steps_forget(lane);
	if (!program_next(r->program, &lane->cursor)) {
		lanes_over(r, lane);
		return;
	}
	step = program_step(r->program, &lane->cursor);
	lane->step.step = step;
	lane->step.begin_ns = r->now_ns;
	lane->step.phase = STEP_WAITING;
	/* A choice says what it was when it is made. */
	if (step->verb != PROTOCOL_IF && step->verb != PROTOCOL_WHILE && !r->following) {
		run_event(r, RECORD_INFO, RECORD_PROTOCOL, NULL, step->at.line, "%s", step->text);
		keep_told(r);
	}
	program_stamp(r->program, r->now_ns);
	if (step->until)
		condition_begin(r, lane);
	if (step->verb == PROTOCOL_WAIT_CLOCK)
		lane->step.due_ns = clock_due_ns(r, step->clock_s);
	else if (step->verb == PROTOCOL_PERIOD)
		lane->step.due_ns = program_period_end_ns(r->program, &lane->cursor);
	else if (step->verb == PROTOCOL_PARALLEL)
		lanes_split(r, lane);
	if (!is_motion(step))
		return;
	aim(r, lane);
	if (step->verb == PROTOCOL_CURVE)
		curve_begin(r, lane);
	/* The event may not have gone into the record: then it starts after the pause. */
	if (r->mode == MODE_RUNNING && !r->following)
		go(r, lane);
}

/* All at their ends: wait for what the rig holds back, but not for ever. */
static void begin_drain(struct runner *r, struct lane *lane)
{
	lane->step.phase = STEP_DRAINING;
	lane->step.drain_ns = r->now_ns;
	lane->step.drain_limit_s = DRAIN_MIN_S;
	for (size_t i = 0; i < lane->step.step->flow_count; i++) {
		struct channel *c = channel_of(r, lane, i);
		double tau_s = c->output.stored_m3 / c->output.flow_m3_s;

		/* NAN while the time constant is not known */
		if (isfinite(tau_s) && tau_s > 0)
			lane->step.drain_limit_s =
				fmax(lane->step.drain_limit_s, DRAIN_MIN_S + 8 * tau_s);
		channel_set_rest(c, r->now_ns);
	}
	lane->step.drain_limit_s = fmin(lane->step.drain_limit_s, DRAIN_MAX_S);
}

static bool drained(struct runner *r, struct lane *lane)
{
	for (size_t i = 0; i < lane->step.step->flow_count; i++) {
		const struct channel *c = channel_of(r, lane, i);
		double left = c->output.flow_m3_s / copysign(c->top_m3_s, c->set_point_m3_s);
		double unexplained = c->output.unexplained_m3_s / c->top_m3_s;
		double most_m3 = DRAINED_VOLUME * lane->step.step->flows[i].volume_m3;

		/* Only a reading from after the end can tell. */
		if (channel_senses(c) && c->flow_ns <= lane->step.drain_ns)
			return false;
		if (c->has_sensor && !(left < DRAINED))
			return false;
		/* An estimate that the sensor does not bear out says nothing. */
		if (channel_senses(c) && unexplained > DRAINED)
			return false;
		/* NAN while it is not known */
		if (c->has_sensor && fabs(c->output.stored_m3) > most_m3)
			return false;
	}
	return true;
}

/* Steps that the sensor has not seen as flow: the dose may not be what it seems. */
static void compare_with_sensor(struct runner *r, struct lane *lane)
{
	for (size_t i = 0; i < lane->step.step->flow_count; i++) {
		struct channel *c = channel_of(r, lane, i);
		double stepped_m3 = channel_stepped_m3(c);
		char seen[40], stepped[40];

		if (!c->has_sensor)
			continue;
		switch (measured_judge(&c->measured, stepped_m3)) {
		case MEASURED_DIFFERS:
			nanodose_quantity_format(c->measured.volume_m3, NANODOSE_DIMENSION_VOLUME,
						 seen, sizeof(seen));
			nanodose_quantity_format(stepped_m3, NANODOSE_DIMENSION_VOLUME, stepped,
						 sizeof(stepped));
			run_event(r, RECORD_WARNING, RECORD_PROGRAM, c, lane->step.step->at.line,
				  "the sensor saw %s of the %s that the pump stepped: look for a clog, a leak, a stalled pump, or another syringe or fluid than the protocol names; the dose may be wrong",
				  seen, stepped);
			break;
		case MEASURED_BEYOND:
			run_event(r, RECORD_WARNING, RECORD_PROGRAM, c, lane->step.step->at.line,
				  "the flow was beyond what the sensor can measure: this dose rests on the steps alone");
			break;
		case MEASURED_AGREES:
		case MEASURED_UNKNOWN:
			break;
		}
	}
}

/* Whether there is a moment of the batch yet to come. */
static bool batch_awaited(const struct lane *lane)
{
	const struct protocol_step *step = lane->step.step;

	return (step->start_waste_m3 > 0 && !lane->step.batch_begun) ||
	       (step->end_waste_m3 > 0 && !lane->step.batch_over);
}

/*
 * When a mix's waste has left the outlet and when its batch has: what is stored
 * in the lines by then is still to come. The flow goes on, as a stop would
 * disturb the ratio; whoever holds the tubes goes by these.
 */
static void tell_batch(struct runner *r, struct lane *lane, bool all_out)
{
	const struct protocol_step *step = lane->step.step;
	double out_m3 = 0, volume_m3 = 0;

	if (!batch_awaited(lane))
		return;
	for (size_t i = 0; i < step->flow_count; i++) {
		const struct channel *c = channel_of(r, lane, i);

		volume_m3 += step->flows[i].volume_m3;
		out_m3 += channel_stepped_m3(c);
		/* NAN while it is not known */
		if (isfinite(c->output.stored_m3))
			out_m3 -= c->output.stored_m3;
	}
	if (all_out)
		out_m3 = volume_m3;
	if (step->start_waste_m3 > 0 && !lane->step.batch_begun && out_m3 >= step->start_waste_m3) {
		lane->step.batch_begun = true;
		run_event(r, RECORD_INFO, RECORD_PROTOCOL, NULL, step->at.line,
			  "the start waste is out: the batch begins");
	}
	if (step->end_waste_m3 > 0 && !lane->step.batch_over && out_m3 >= volume_m3 - step->end_waste_m3) {
		lane->step.batch_over = true;
		run_event(r, RECORD_INFO, RECORD_PROTOCOL, NULL, step->at.line,
			  "the batch is out: what follows is waste");
	}
}

static void end_motion(struct runner *r, struct lane *lane)
{
	tell_batch(r, lane, true);
	/* A sensor in air measures no flow. */
	if (!lane->step.step->until_clear)
		compare_with_sensor(r, lane);
	else if (!priming_end(r, lane))
		return;
	steps_next(r, lane);
}

static void tick_motion(struct runner *r, struct lane *lane)
{
	const struct protocol_step *step = lane->step.step;

	tell_batch(r, lane, false);
	if (lane->step.phase == STEP_MOVING) {
		if (step->until_clear)
			priming_tick(r, lane);
		for (size_t i = 0; i < step->flow_count; i++)
			if (!channel_of(r, lane, i)->ended) {
				if (step->verb == PROTOCOL_CURVE)
					curve_tick(r, lane);
				return;
			}
		begin_drain(r, lane);
	}
	if (drained(r, lane)) {
		end_motion(r, lane);
		return;
	}
	if ((r->now_ns - lane->step.drain_ns) / 1e9 < lane->step.drain_limit_s)
		return;
	run_event(
		r, RECORD_WARNING, RECORD_PROGRAM, NULL, step->at.line,
		"flow has not come down to %.0f %% of the set point %.1f s after the pumps came to rest: going on",
		100 * DRAINED, lane->step.drain_limit_s);
	end_motion(r, lane);
}

static void timed_out(struct runner *r, struct lane *lane, const char *what)
{
	const struct protocol_step *step = lane->step.step;

	if (step->timeout_continues) {
		run_event(r, RECORD_WARNING, RECORD_PROTOCOL, NULL, step->at.line,
			  "%s within %g s: going on, as the protocol says", what, step->timeout_s);
		steps_next(r, lane);
		return;
	}
	run_event(r, RECORD_FAULT, RECORD_PROTOCOL, NULL, step->at.line,
		  "%s within %g s: the run stops", what, step->timeout_s);
	run_stop(r, NANODOSE_EXIT_FAULT, NANODOSE_STOP_RAMP);
}

static void tick_until(struct runner *r, struct lane *lane)
{
	const struct protocol_step *step = lane->step.step;
	enum condition condition = condition_holds(r, lane);
	bool holds = condition == CONDITION_HOLDS;

	if (condition == CONDITION_FAILED)
		return;
	if (!holds)
		lane->step.held_ns = 0;
	else if (!lane->step.held_ns)
		lane->step.held_ns = r->now_ns;
	if (holds && r->now_ns - lane->step.held_ns >= step->held_s * 1e9) {
		condition_tell_signals(r, lane);
		steps_next(r, lane);
	} else if (step_elapsed_s(r, lane) >= step->timeout_s) {
		timed_out(r, lane, "the condition did not hold");
	}
}

static void tick_choice(struct runner *r, struct lane *lane)
{
	const struct protocol_step *step = lane->step.step;
	enum condition condition = condition_holds(r, lane);
	bool holds = condition == CONDITION_HOLDS;

	if (condition == CONDITION_FAILED || condition == CONDITION_UNKNOWN)
		return;
	condition_tell_signals(r, lane);
	if (holds && step->verb == PROTOCOL_WHILE && program_round(r->program, &lane->cursor) == step->times) {
		run_event(r, RECORD_WARNING, RECORD_PROTOCOL, NULL, step->at.line,
			  STEPS_STILL_HOLDS " %u rounds, which is as many as there may be: going on",
			  step->times);
		holds = false;
	} else {
		run_event(r, RECORD_INFO, RECORD_PROTOCOL, NULL, step->at.line, "%s: %s", step->text,
			  holds ? "yes" : "no");
	}
	keep_told(r);
	program_choose(r->program, &lane->cursor, holds);
	steps_next(r, lane);
}

/* What hangs on a dose must not hold it up: a line that nobody takes is a warning. */
static void notify(struct runner *r, const struct protocol_step *step)
{
	if (r->options.rehearsal) {
		run_event(r, RECORD_INFO, RECORD_PROTOCOL, NULL, step->at.line,
			  "a rehearsal sends nothing to %s", step->notify_path);
		return;
	}
	if (notice_send(step->notify_place, step->notify_path, step->message))
		run_event(r, RECORD_WARNING, RECORD_PROTOCOL, NULL, step->at.line,
			  "%s was not notified: %s; going on", step->notify_path,
			  notice_reason(step->notify_place, errno));
}

void steps_tick(struct runner *r, struct lane *lane)
{
	const struct protocol_step *step = lane->step.step;

	switch (step->verb) {
	case PROTOCOL_INFUSE:
	case PROTOCOL_WITHDRAW:
	case PROTOCOL_MIX:
	case PROTOCOL_CURVE:
		tick_motion(r, lane);
		break;
	case PROTOCOL_HOLD:
	case PROTOCOL_WAIT_TIME:
		if (step_elapsed_s(r, lane) >= step->duration_s)
			steps_next(r, lane);
		break;
	case PROTOCOL_WAIT_OPERATOR:
		if (lane->step.answered)
			steps_next(r, lane);
		else if (step_elapsed_s(r, lane) >= step->timeout_s)
			timed_out(r, lane, "no answer");
		break;
	case PROTOCOL_WAIT_UNTIL:
		tick_until(r, lane);
		break;
	case PROTOCOL_WAIT_CLOCK:
	case PROTOCOL_PERIOD:
		if ((int64_t)(r->now_ns - lane->step.due_ns) >= 0)
			steps_next(r, lane);
		break;
	case PROTOCOL_NOTIFY:
		notify(r, step);
		steps_next(r, lane);
		break;
	case PROTOCOL_IF:
	case PROTOCOL_WHILE:
		tick_choice(r, lane);
		break;
	case PROTOCOL_REPEAT:
	case PROTOCOL_PARALLEL:
	case PROTOCOL_BRANCH:
		break;
	}
}

bool steps_calm(const struct runner *r, const struct lane *lane)
{
	const struct protocol_step *step = lane->step.step;

	if (!step)
		return false;
	if (lane->step.due_ns)
		return (int64_t)(lane->step.due_ns - r->now_ns) > CALM_REST_S * 1e9;
	if (step->verb == PROTOCOL_CURVE || step->until_clear || batch_awaited(lane))
		return false;
	if (lane->step.phase != STEP_MOVING)
		return (step->verb == PROTOCOL_HOLD || step->verb == PROTOCOL_WAIT_TIME) &&
		       step->duration_s - step_elapsed_s(r, lane) > CALM_REST_S;
	for (size_t i = 0; i < step->flow_count; i++)
		if (!control_settled(r->channels[step->flows[i].channel].control))
			return false;
	return true;
}

void steps_resume(struct runner *r, struct lane *lane, uint64_t paused_ns)
{
	lane->step.begin_ns += paused_ns;
	lane->step.curve_ns += paused_ns;
	if (lane->step.step && lane->step.step->verb == PROTOCOL_PERIOD)
		lane->step.due_ns += paused_ns;
	if (lane->step.phase == STEP_MOVING)
		go(r, lane);
	else if (lane->step.phase == STEP_DRAINING)
		lane->step.drain_ns += paused_ns;
}

double steps_left_s(const struct runner *r, const struct lane *lane)
{
	return lane->step.step->timeout_s - step_elapsed_s(r, lane);
}

double steps_progress(const struct runner *r, const struct lane *lane)
{
	const struct protocol_step *step = lane->step.step;
	double done = 1;

	if (!step)
		return 0;
	if (!is_motion(step))
		return step->duration_s > 0 ? fmin(1, step_elapsed_s(r, lane) / step->duration_s) : 0;
	for (size_t i = 0; i < step->flow_count; i++) {
		const struct channel *c = &r->channels[step->flows[i].channel];
		double left_m3 = fabs(channel_end_m3(c) - channel_delivered_m3(c));

		done = fmin(done, 1 - left_m3 / step->flows[i].volume_m3);
	}
	return fmax(0, done);
}
