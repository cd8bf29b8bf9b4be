// SPDX-License-Identifier: GPL-2.0-only
/*
 * The engine turns a motion into STEP edges. It owns the motion and the
 * latched faults, under one raw spinlock, and runs in hard interrupt context.
 *
 * Everything that can be due - a STEP edge, a change of DIR, a start time, the
 * end of the hold - is kept as a time; the timer is set to the first of them.
 * The timer asks what is due rather than knowing it, so it may fire for nothing
 * and may be set again while it fires.
 *
 * Steps are due at absolute times (see stepgen.h). One that comes late delays
 * those after it: they follow at up to 8/7 of the planned rate until the
 * schedule is met again, for a motor that is asked to jump loses steps.
 */
#include <linux/delay.h>
#include <linux/gpio/consumer.h>
#include <linux/hrtimer.h>
#include <linux/ktime.h>
#include <linux/minmax.h>
#include <linux/moduleparam.h>
#include <linux/pid.h>
#include <linux/preempt.h>
#include <linux/sched.h>
#include <linux/spinlock.h>

#include "compat.h"
#include "engine.h"

static unsigned int nd_max_lag_us = 10000;
module_param_named(max_lag_us, nd_max_lag_us, uint, 0444);
MODULE_PARM_DESC(max_lag_us, "a step later than this stops the pump (default 10000)");

/*
 * Pulses up to this long are waited for in the callback, which then is cheaper
 * than one more interrupt. Waiting longer would make another pump's step late.
 */
#define ND_PULSE_SPIN_NS	500

static u32 nd_limit_of(int direction)
{
	return direction > 0 ? NANODOSE_STATUS_LIMIT_PLUS : NANODOSE_STATUS_LIMIT_MINUS;
}

static u32 nd_fault_of(int direction)
{
	return direction > 0 ? NANODOSE_FAULT_LIMIT_PLUS : NANODOSE_FAULT_LIMIT_MINUS;
}

/* ---- motion, engine.lock held ---------------------------------------------- */

static void nd_set_enable(struct nanodose *nd, bool on)
{
	if (nd->gpio.enable)
		gpiod_set_value(nd->gpio.enable, on);
	nd->engine.enabled = on;
	nd->engine.off_at_rest = false;
}

static void nd_come_to_rest(struct nanodose *nd)
{
	struct nd_engine *engine = &nd->engine;

	engine->state = NANODOSE_STATE_REST;
	engine->heading = engine->direction;
	engine->step_rate_nhz = 0;
	engine->queue.count = 0;
	engine->goal.queue = false;
	engine->goal.rate_nhz = 0;
	engine->goal.hold_ns = 0;
	engine->goal.hold_until_ns = 0;
	if (engine->off_at_rest)
		nd_set_enable(nd, false);
}

static u32 nd_state_of_segment(const struct nd_engine *engine)
{
	const struct nd_segment *segment = &engine->segment;
	const struct nd_goal *goal = &engine->goal;

	if (goal->stop)
		return NANODOSE_STATE_STOPPING;
	if (segment->v0_nhz == segment->v1_nhz)
		return NANODOSE_STATE_CRUISE;
	if (!segment->v1_nhz && engine->heading == goal->direction)
		return NANODOSE_STATE_STOPPING;
	return NANODOSE_STATE_RAMP;
}

/* The axis at an instant; where a step is overdue, when it was due. */
static void nd_axis_at(const struct nd_engine *engine, u64 now_ns, struct nd_axis *axis)
{
	const struct nd_segment *segment = &engine->segment;

	*axis = (struct nd_axis){
		.now_ns = now_ns,
		.position = engine->position,
		.direction = engine->heading,
	};
	if (!nd_moving(engine))
		return;
	axis->now_ns = min(now_ns, segment->due_ns);
	axis->rate_nhz = nd_segment_rate(segment, axis->now_ns);
	axis->fraction_asteps = nd_segment_fraction(segment, axis->now_ns);
	axis->step_rate_nhz = segment->next > 1 ? nd_segment_rate(segment, segment->last_ns) :
			      engine->step_rate_nhz;
}

/* No rise before this where steps are to be this far apart. */
static void nd_keep_apart(struct nd_engine *engine, u64 interval_ns)
{
	engine->earliest_ns = engine->rise_ns + interval_ns - interval_ns / 8;
}

static bool nd_pick_segment(struct nanodose *nd, const struct nd_axis *axis, int *heading)
{
	struct nd_engine *engine = &nd->engine;
	struct nd_segment *segment = &engine->segment;
	bool full = engine->queue.count == ND_QUEUE_SEGMENTS;

	if (!engine->goal.queue)
		return nd_plan(axis, &engine->goal, segment, heading);
	if (!nd_queue_take(&engine->queue, axis->now_ns, segment, heading))
		return false;
	engine->goal.rate_nhz = segment->v1_nhz;
	engine->goal.direction = *heading;
	if (full)
		nd_stream_wake_writers(&nd->stream);
	return true;
}

/*
 * Take up the next segment from here. False: the axis came to rest. The caller
 * writes the record of that and sets the timer.
 */
static bool nd_take_segment(struct nanodose *nd, const struct nd_axis *axis)
{
	struct nd_engine *engine = &nd->engine;
	struct nd_segment *segment = &engine->segment;
	u64 first_ns, rate_nhz;
	int heading;

	if (!nd_pick_segment(nd, axis, &heading)) {
		nd_come_to_rest(nd);
		return false;
	}

	engine->step_rate_nhz = heading == axis->direction ? axis->step_rate_nhz : 0;
	engine->heading = heading;
	engine->state = nd_state_of_segment(engine);

	/* the step under way was begun at one of these rates */
	rate_nhz = max(max(segment->v0_nhz, segment->v1_nhz),
		       max(axis->rate_nhz, axis->step_rate_nhz));
	nd_keep_apart(engine, div64_u64(ND_STEP_ASTEPS, rate_nhz));

	if (heading != engine->direction) {
		engine->dir_ns = max(axis->now_ns, engine->fall_ns + engine->dir_setup_ns);
		first_ns = engine->dir_ns + engine->dir_setup_ns;
		if (segment->due_ns < first_ns)
			nd_segment_delay(segment, first_ns - segment->due_ns);
	}
	return true;
}

/* From now on towards the goal, which changed. False: at rest. */
static bool nd_replan(struct nanodose *nd, u64 now_ns)
{
	struct nd_axis axis;

	nd_axis_at(&nd->engine, now_ns, &axis);
	return nd_take_segment(nd, &axis);
}

/* Stop; false if the axis is at rest then, true if a ramp leads there. */
static bool nd_stop_motion(struct nanodose *nd, u64 now_ns, bool now)
{
	struct nd_engine *engine = &nd->engine;
	bool queue = engine->goal.queue;

	if (!nd_moving(engine) || now) {
		nd_come_to_rest(nd);
		return false;
	}

	engine->goal.stop = true;
	engine->goal.queue = false;
	engine->queue.count = 0;
	/* on the way to rest already; a queued ramp may be any gentle */
	if (!engine->segment.v1_nhz && !queue) {
		engine->state = NANODOSE_STATE_STOPPING;
		return true;
	}
	return nd_replan(nd, now_ns);
}

static void nd_latch(struct nanodose *nd, u64 now_ns, u32 fault, s64 value)
{
	struct nd_engine *engine = &nd->engine;
	bool rest = engine->state == NANODOSE_STATE_REST;
	bool now = fault & (ND_LINE_FAULTS | engine->limits.now_faults);

	if (engine->faults & fault)
		return;
	WRITE_ONCE(engine->faults, engine->faults | fault);
	nd_push_fault(nd, now_ns, fault, value);
	if (!rest && !nd_stop_motion(nd, now_ns, now))
		nd_push_state(nd, now_ns, NANODOSE_CAUSE_REST, 0);
}

/* ---- the timer, engine.lock held -------------------------------------------- */

/* When STEP may rise: the schedule, the line's own timing, the steps before. */
static u64 nd_rise_ns(const struct nd_engine *engine)
{
	return max(max(engine->segment.due_ns, engine->earliest_ns),
		   max(engine->fall_ns + engine->pulse_ns, engine->dir_ns));
}

static u64 nd_next_event_ns(const struct nd_engine *engine)
{
	u64 next_ns = ND_NEVER_NS;

	if (engine->step_high)
		next_ns = engine->fall_ns;
	else if (nd_moving(engine))
		next_ns = engine->heading != engine->direction ? engine->dir_ns :
			  nd_rise_ns(engine);

	if (engine->state == NANODOSE_STATE_ARMED)
		next_ns = min(next_ns, engine->start_ns);
	if (nd_moving(engine) && !engine->goal.stop)
		next_ns = min(next_ns, engine->goal.hold_until_ns);
	return min_t(u64, next_ns, KTIME_MAX);
}

/* Not from the timer's own callback, which returns HRTIMER_RESTART instead. */
static void nd_set_timer(struct nd_engine *engine)
{
	u64 next_ns = nd_next_event_ns(engine);

	if (next_ns == KTIME_MAX)
		return;
	if (hrtimer_is_queued(&engine->timer) && engine->armed_ns <= next_ns)
		return;
	engine->armed_ns = next_ns;
	hrtimer_start(&engine->timer, ns_to_ktime(next_ns), HRTIMER_MODE_ABS_PINNED_HARD);
}

static void nd_set_dir(struct nanodose *nd)
{
	struct nd_engine *engine = &nd->engine;

	gpiod_set_value(nd->gpio.dir, engine->heading > 0);
	engine->direction = engine->heading;
	engine->dir_ns = ktime_get_ns() + engine->dir_setup_ns;
}

/* Whether the way ahead is open; latches the fault if a switch says no. */
static bool nd_way_is_open(struct nanodose *nd, u64 now_ns)
{
	struct nd_engine *engine = &nd->engine;

	if (!(nd_gpio_lines(&nd->gpio) & nd_limit_of(engine->heading)))
		return true;
	nd_latch(nd, now_ns, nd_fault_of(engine->heading), 1);
	return false;
}

/* The segment is over: on to the next one, or at rest. */
static void nd_next_segment(struct nanodose *nd)
{
	struct nd_engine *engine = &nd->engine;
	u64 end_ns = engine->segment.last_ns, rate_nhz = engine->segment.v1_nhz;
	struct nd_axis axis = {
		.now_ns = end_ns,
		.position = engine->position,
		.rate_nhz = rate_nhz,
		.step_rate_nhz = rate_nhz,
		.direction = engine->heading,
	};
	bool at_end = engine->goal.queue || (engine->goal.has_end && !engine->goal.stop &&
		      engine->position == engine->goal.end_position);
	u64 now_ns;

	if (nd_take_segment(nd, &axis))
		return;
	now_ns = ktime_get_ns();
	if (at_end && engine->goal.window)
		nd_latch(nd, now_ns, NANODOSE_FAULT_POSITION, engine->position);
	nd_push_state(nd, now_ns, at_end && !engine->goal.window ? NANODOSE_CAUSE_END :
		      NANODOSE_CAUSE_REST, 0);
}

static void nd_step(struct nanodose *nd, u64 now_ns)
{
	struct nd_engine *engine = &nd->engine;
	struct nd_segment *segment = &engine->segment;
	u64 late_ns = now_ns > segment->due_ns ? now_ns - segment->due_ns : 0;
	bool more;

	gpiod_set_value(nd->gpio.step, 1);
	engine->position += engine->direction;
	engine->steps_total++;
	/* The sum for the next step, while the line is high. */
	more = nd_segment_advance(segment);
	if (engine->pulse_ns <= ND_PULSE_SPIN_NS) {
		ndelay(engine->pulse_ns);
		gpiod_set_value(nd->gpio.step, 0);
		engine->fall_ns = ktime_get_ns();
	} else {
		engine->step_high = true;
		engine->fall_ns = ktime_get_ns() + engine->pulse_ns;
	}
	engine->rise_ns = engine->fall_ns - engine->pulse_ns;

	if (more)
		nd_keep_apart(engine, segment->due_ns - segment->last_ns);
	else
		nd_next_segment(nd);
	if (late_ns > engine->late_max_ns)
		engine->late_max_ns = late_ns;
	if (late_ns > engine->max_lag_ns)
		nd_latch(nd, now_ns, NANODOSE_FAULT_LATE, late_ns);
}

static void nd_start_armed(struct nanodose *nd, u64 now_ns)
{
	struct nd_engine *engine = &nd->engine;

	if (!nd_way_is_open(nd, now_ns))
		return;
	engine->state = nd_state_of_segment(engine);
	nd_push_state(nd, now_ns, NANODOSE_CAUSE_RUN, engine->run_pid);
}

static void nd_do_what_is_due(struct nanodose *nd, u64 now_ns)
{
	struct nd_engine *engine = &nd->engine;

	if (engine->step_high && now_ns >= engine->fall_ns) {
		gpiod_set_value(nd->gpio.step, 0);
		engine->step_high = false;
		engine->fall_ns = ktime_get_ns();
	}
	if (engine->state == NANODOSE_STATE_ARMED && now_ns >= engine->start_ns)
		nd_start_armed(nd, now_ns);
	if (nd_moving(engine) && !engine->step_high) {
		if (engine->heading != engine->direction) {
			if (now_ns >= engine->dir_ns && nd_way_is_open(nd, now_ns))
				nd_set_dir(nd);
		} else if (now_ns >= nd_rise_ns(engine)) {
			nd_step(nd, now_ns);
		}
	}
	if (nd_moving(engine) && !engine->goal.stop && now_ns >= engine->goal.hold_until_ns)
		nd_latch(nd, now_ns, NANODOSE_FAULT_OWNER_SILENT, engine->goal.hold_ns);
}

static enum hrtimer_restart nd_timer(struct hrtimer *timer)
{
	struct nd_engine *engine = container_of(timer, struct nd_engine, timer);
	struct nanodose *nd = container_of(engine, struct nanodose, engine);
	enum hrtimer_restart restart = HRTIMER_NORESTART;
	unsigned long flags;
	u64 next_ns;

	raw_spin_lock_irqsave(&engine->lock, flags);
	nd_do_what_is_due(nd, ktime_get_ns());
	if (hrtimer_is_queued(timer)) {
		/* set again by another processor while this one waited for the lock */
		nd_set_timer(engine);
	} else {
		next_ns = nd_next_event_ns(engine);
		if (next_ns != KTIME_MAX) {
			engine->armed_ns = next_ns;
			hrtimer_set_expires(timer, ns_to_ktime(next_ns));
			restart = HRTIMER_RESTART;
		}
	}
	raw_spin_unlock_irqrestore(&engine->lock, flags);
	return restart;
}

/* ---- what the rest of the driver asks for ----------------------------------- */

int nd_engine_init(struct nanodose *nd)
{
	struct nd_engine *engine = &nd->engine;

	raw_spin_lock_init(&engine->lock);
	hrtimer_setup(&engine->timer, nd_timer, CLOCK_MONOTONIC, HRTIMER_MODE_ABS_PINNED_HARD);
	engine->state = NANODOSE_STATE_REST;
	engine->pulse_ns = nd->gpio.pulse_ns;
	engine->dir_setup_ns = nd->gpio.dir_setup_ns;
	engine->max_rate_nhz = nd->gpio.max_rate_hz * 1000000000ULL;
	engine->max_accel_nhz_s = ND_MAX_ACCEL_NHZ_S;
	engine->max_lag_ns = nd_max_lag_us * (u64)NSEC_PER_USEC;
	nd_limits_default(nd, &engine->limits);
	/* DIR as nd_gpio_probe() left it */
	engine->direction = -1;
	engine->heading = -1;
	return 0;
}

void nd_engine_shutdown(struct nanodose *nd)
{
	struct nd_engine *engine = &nd->engine;
	unsigned long flags;

	raw_spin_lock_irqsave(&engine->lock, flags);
	if (!engine->shut && engine->state != NANODOSE_STATE_REST) {
		nd_come_to_rest(nd);
		nd_push_state(nd, ktime_get_ns(), NANODOSE_CAUSE_REST, 0);
	}
	engine->shut = true;
	raw_spin_unlock_irqrestore(&engine->lock, flags);

	hrtimer_cancel(&engine->timer);
	if (engine->step_high) {
		fsleep(DIV_ROUND_UP(engine->pulse_ns, 1000));
		gpiod_set_value(nd->gpio.step, 0);
		engine->step_high = false;
	}
	nd_set_enable(nd, false);
}

static bool nd_same_goal(const struct nd_goal *a, const struct nd_goal *b)
{
	return a->rate_nhz == b->rate_nhz && a->accel_nhz_s == b->accel_nhz_s &&
	       a->direction == b->direction && a->stop == b->stop && a->has_end == b->has_end &&
	       a->window == b->window && a->queue == b->queue &&
	       (!a->has_end || a->end_position == b->end_position);
}

static s64 nd_window_end(const struct nd_engine *engine, int direction)
{
	return direction > 0 ? engine->limits.position_max : engine->limits.position_min;
}

static bool nd_has_window(const struct nd_engine *engine, int direction)
{
	return nd_window_end(engine, direction) != direction * ND_MAX_POSITION;
}

static int nd_read_goal(const struct nd_engine *engine, const struct nanodose_run *run,
			struct nd_goal *goal)
{
	u64 rate_nhz = run->rate_nhz < 0 ? -(u64)run->rate_nhz : run->rate_nhz;

	if (!run->accel_nhz_s || !run->hold_ns)
		return -EINVAL;
	if (rate_nhz > engine->limits.max_rate_nhz ||
	    run->accel_nhz_s > engine->limits.max_accel_nhz_s || run->hold_ns > ND_MAX_HOLD_NS)
		return -EDOM;

	*goal = (struct nd_goal){
		.rate_nhz = rate_nhz,
		.accel_nhz_s = run->accel_nhz_s,
		.hold_ns = run->hold_ns,
		.direction = run->rate_nhz < 0 ? -1 : 1,
		.stop = !rate_nhz,
		.has_end = run->flags & NANODOSE_RUN_END_POSITION,
	};
	if (goal->has_end) {
		if (run->end_position > engine->limits.position_max ||
		    run->end_position < engine->limits.position_min)
			return -EDOM;
		goal->end_position = run->end_position;
	} else if (!goal->stop && nd_has_window(engine, goal->direction)) {
		goal->has_end = true;
		goal->window = true;
		goal->end_position = nd_window_end(engine, goal->direction);
	}
	return 0;
}

/* Whether the axis, moving as it does, can stop within the window like this. */
static bool nd_stops_in_window(const struct nd_engine *engine, const struct nd_axis *axis,
			       u64 accel_nhz_s)
{
	s64 end = nd_window_end(engine, axis->direction);
	u64 room = axis->direction * (end - axis->position);

	return !axis->rate_nhz || !nd_has_window(engine, axis->direction) ||
	       nd_plan_stop_steps(axis, accel_nhz_s) <= room;
}

/* Whether the axis may be moved this way at all. */
static int nd_may_run(struct nanodose *nd, const struct nd_goal *goal)
{
	u32 lines;

	if (nd->engine.shut)
		return -ENODEV;
	lines = nd_gpio_lines(&nd->gpio);
	if (nd->engine.faults || lines & (NANODOSE_STATUS_ESTOP | NANODOSE_STATUS_DRIVER_FAULT))
		return -EPIPE;
	return !goal->stop && lines & nd_limit_of(goal->direction) ? -EPIPE : 0;
}

static bool nd_bad_start(u64 now_ns, u64 start_ns)
{
	return start_ns <= now_ns || start_ns - now_ns > ND_MAX_START_NS;
}

/* engine.lock held; on error nothing has changed */
static int nd_run_locked(struct nanodose *nd, const struct nanodose_run *run,
			 struct nd_goal *goal)
{
	bool start_at = run->flags & NANODOSE_RUN_START_AT;
	struct nd_engine *engine = &nd->engine;
	u64 now_ns = ktime_get_ns(), begin_ns = now_ns;
	struct nd_axis axis;
	bool begins;
	int ret;

	ret = nd_may_run(nd, goal);
	if (ret)
		return ret;
	if (start_at) {
		if (nd_moving(engine))
			return -EINVAL;
		if (nd_bad_start(now_ns, run->start_ns))
			return -EDOM;
		begin_ns = run->start_ns;
	}
	goal->hold_until_ns = begin_ns + goal->hold_ns;

	if (nd_moving(engine) && nd_same_goal(goal, &engine->goal)) {
		engine->goal = *goal;
		return 0;
	}

	nd_axis_at(engine, begin_ns, &axis);
	ret = nd_plan_check(&axis, goal);
	if (ret)
		return ret;
	if (!nd_stops_in_window(engine, &axis, goal->accel_nhz_s))
		return -EDOM;
	/* at the end of the window already */
	if (goal->window && axis.position == goal->end_position &&
	    (!axis.rate_nhz || axis.direction == goal->direction))
		return -EDOM;

	/* at rest, and asked to be */
	if (engine->state == NANODOSE_STATE_REST && goal->stop)
		return 0;

	begins = !goal->stop && (!nd_moving(engine) || engine->goal.stop);
	engine->goal = *goal;
	engine->queue.count = 0;
	engine->run_pid = task_tgid_nr(current);
	if (!engine->enabled)
		nd_set_enable(nd, true);
	engine->off_at_rest = false;

	if (!nd_take_segment(nd, &axis)) {
		nd_push_state(nd, now_ns, goal->stop ? NANODOSE_CAUSE_REST : NANODOSE_CAUSE_END,
			      engine->run_pid);
		return 0;
	}
	if (start_at) {
		engine->start_ns = begin_ns;
		engine->state = NANODOSE_STATE_ARMED;
	}
	if (begins)
		nd_push_state(nd, now_ns, NANODOSE_CAUSE_RUN, engine->run_pid);
	return 0;
}

int nd_engine_run(struct nanodose *nd, const struct nanodose_run *run)
{
	struct nd_engine *engine = &nd->engine;
	struct nd_goal goal;
	unsigned long flags;
	int ret;

	ret = nd_read_goal(engine, run, &goal);
	if (ret)
		return ret;

	raw_spin_lock_irqsave(&engine->lock, flags);
	ret = nd_run_locked(nd, run, &goal);
	nd_set_timer(engine);
	raw_spin_unlock_irqrestore(&engine->lock, flags);
	return ret;
}

/* Where a list would begin. */
static void nd_queue_from(const struct nd_engine *engine, bool replace, struct nd_junction *from)
{
	const struct nd_segment *segment = &engine->segment;

	if (!engine->goal.queue) {
		*from = (struct nd_junction){ .position = engine->position, .direction = 1 };
	} else if (replace) {
		*from = (struct nd_junction){
			.position = engine->position +
				    engine->heading * (s64)(segment->steps - segment->next + 1),
			.rate_nhz = segment->v1_nhz,
			.direction = engine->heading,
		};
	} else {
		*from = engine->queue.end;
	}
}

/* Whether the call fits what is under way. */
static int nd_may_queue(struct nanodose *nd, const struct nanodose_queue *request,
			const struct nd_goal *goal, u64 now_ns)
{
	struct nd_engine *engine = &nd->engine;
	int ret = nd_may_run(nd, goal);

	if (ret)
		return ret;
	if (engine->state != NANODOSE_STATE_REST) {
		if (!engine->goal.queue)
			return -EBUSY;
		if (goal->accel_nhz_s != engine->goal.accel_nhz_s ||
		    request->flags & NANODOSE_QUEUE_START_AT)
			return -EINVAL;
		return 0;
	}
	if (!request->count)
		return -EINVAL;
	return request->flags & NANODOSE_QUEUE_START_AT && nd_bad_start(now_ns, request->start_ns) ?
	       -EDOM : 0;
}

static void nd_queue_begin(struct nanodose *nd, const struct nanodose_queue *request,
			   struct nd_goal *goal, u64 now_ns)
{
	bool start_at = request->flags & NANODOSE_QUEUE_START_AT;
	struct nd_engine *engine = &nd->engine;
	struct nd_axis axis;

	engine->goal = *goal;
	engine->run_pid = task_tgid_nr(current);
	if (!engine->enabled)
		nd_set_enable(nd, true);
	engine->off_at_rest = false;
	nd_axis_at(engine, start_at ? request->start_ns : now_ns, &axis);
	nd_take_segment(nd, &axis);
	if (start_at) {
		engine->start_ns = request->start_ns;
		engine->state = NANODOSE_STATE_ARMED;
	}
	nd_push_state(nd, now_ns, NANODOSE_CAUSE_RUN, engine->run_pid);
}

/* engine.lock held; the list goes from @from to @end. -ESTALE: look again. */
static int nd_queue_locked(struct nanodose *nd, struct nanodose_queue *request,
			   const struct nanodose_segment *list, const struct nd_junction *from,
			   const struct nd_junction *end)
{
	bool replace = request->flags & NANODOSE_QUEUE_REPLACE;
	struct nd_engine *engine = &nd->engine;
	u64 now_ns = ktime_get_ns();
	struct nd_junction now_from;
	u32 used = replace ? 0 : engine->queue.count;
	struct nd_goal goal = {
		.accel_nhz_s = request->accel_nhz_s,
		.hold_ns = request->hold_ns,
		.direction = request->count && list[0].steps < 0 ? -1 : 1,
		.stop = !request->count || engine->goal.queue,
	};
	int ret;

	/* a way that is blocked ends a motion when it comes to that */
	ret = nd_may_queue(nd, request, &goal, now_ns);
	if (ret)
		return ret;
	nd_queue_from(engine, replace, &now_from);
	if (now_from.position != from->position || now_from.rate_nhz != from->rate_nhz ||
	    now_from.direction != from->direction)
		return -ESTALE;
	request->room = ND_QUEUE_SEGMENTS - used;
	if (request->count > request->room)
		return -EAGAIN;
	if (request->flags & NANODOSE_QUEUE_TRY)
		return 0;

	goal.stop = false;
	goal.queue = true;
	goal.hold_until_ns = goal.hold_ns + (request->flags & NANODOSE_QUEUE_START_AT ?
					     request->start_ns : now_ns);
	if (engine->state == NANODOSE_STATE_ARMED)
		goal.hold_until_ns += engine->start_ns - now_ns;
	engine->queue.count = used;
	nd_queue_put(&engine->queue, list, request->count, end);
	if (engine->state == NANODOSE_STATE_REST) {
		nd_queue_begin(nd, request, &goal, now_ns);
	} else {
		engine->goal.hold_ns = goal.hold_ns;
		engine->goal.hold_until_ns = goal.hold_until_ns;
	}
	request->room = ND_QUEUE_SEGMENTS - engine->queue.count;
	return 0;
}

int nd_engine_queue(struct nanodose *nd, struct nanodose_queue *request,
		    const struct nanodose_segment *list)
{
	bool replace = request->flags & NANODOSE_QUEUE_REPLACE;
	struct nd_engine *engine = &nd->engine;
	struct nd_junction from, end;
	unsigned long flags;
	int ret;

	request->bad_index = request->count;
	if (request->accel_nhz_s > engine->limits.max_accel_nhz_s ||
	    request->hold_ns > ND_MAX_HOLD_NS)
		return -EDOM;

	/* The check takes a while, and is done with interrupts on. */
	do {
		raw_spin_lock_irqsave(&engine->lock, flags);
		nd_queue_from(engine, replace, &from);
		raw_spin_unlock_irqrestore(&engine->lock, flags);

		ret = nd_queue_check(&from, list, request->count, request->accel_nhz_s,
				     &engine->limits, &end, &request->bad_index);
		if (ret)
			return ret;
		request->bad_index = request->count;

		raw_spin_lock_irqsave(&engine->lock, flags);
		ret = nd_queue_locked(nd, request, list, &from, &end);
		nd_set_timer(engine);
		raw_spin_unlock_irqrestore(&engine->lock, flags);
	} while (ret == -ESTALE);
	return ret;
}

void nd_engine_stop(struct nanodose *nd, bool now, u32 cause)
{
	pid_t pid = in_task() ? task_tgid_nr(current) : 0;
	struct nd_engine *engine = &nd->engine;
	unsigned long flags;
	u64 now_ns;

	raw_spin_lock_irqsave(&engine->lock, flags);
	if (!engine->shut) {
		now_ns = ktime_get_ns();
		nd_stop_motion(nd, now_ns, now);
		nd_push_state(nd, now_ns, cause, pid);
		nd_set_timer(engine);
	}
	raw_spin_unlock_irqrestore(&engine->lock, flags);
}

int nd_engine_set_position(struct nanodose *nd, s64 position)
{
	struct nd_engine *engine = &nd->engine;
	unsigned long flags;
	int ret = 0;

	raw_spin_lock_irqsave(&engine->lock, flags);
	if (engine->shut) {
		ret = -ENODEV;
	} else if (engine->state != NANODOSE_STATE_REST) {
		ret = -EBUSY;
	} else if (position > engine->limits.position_max ||
		   position < engine->limits.position_min) {
		ret = -EDOM;
	} else {
		engine->position = position;
		engine->goal.has_end = false;
		nd_push_state(nd, ktime_get_ns(), NANODOSE_CAUSE_POSITION, task_tgid_nr(current));
	}
	raw_spin_unlock_irqrestore(&engine->lock, flags);
	return ret;
}

/* Faults whose line is active now, wherever the axis goes. */
static u32 nd_lasting(struct nanodose *nd)
{
	u32 lines = nd_gpio_lines(&nd->gpio);

	return (lines & NANODOSE_STATUS_ESTOP ? NANODOSE_FAULT_ESTOP : 0) |
	       (lines & NANODOSE_STATUS_DRIVER_FAULT ? NANODOSE_FAULT_DRIVER : 0);
}

int nd_engine_clear_faults(struct nanodose *nd, u32 faults)
{
	struct nd_engine *engine = &nd->engine;
	unsigned long flags;
	int ret = 0;

	if (faults & ~ND_ALL_FAULTS)
		return -EINVAL;

	raw_spin_lock_irqsave(&engine->lock, flags);
	if (engine->shut) {
		ret = -ENODEV;
	} else if (engine->state != NANODOSE_STATE_REST) {
		ret = -EBUSY;
	} else if (faults & nd_lasting(nd)) {
		ret = -EPIPE;
	} else {
		WRITE_ONCE(engine->faults, engine->faults & ~faults);
		engine->warnings &= ~faults;
		nd_push_state(nd, ktime_get_ns(), NANODOSE_CAUSE_CLEAR, task_tgid_nr(current));
	}
	raw_spin_unlock_irqrestore(&engine->lock, flags);
	return ret;
}

static void nd_warn(struct nanodose *nd, u64 now_ns, u32 fault)
{
	struct nd_engine *engine = &nd->engine;

	if (engine->warnings & fault)
		return;
	engine->warnings |= fault;
	nd_push_state(nd, now_ns, NANODOSE_CAUSE_WARNING, 0);
}

void nd_engine_fault(struct nanodose *nd, u32 fault, s64 value)
{
	struct nd_engine *engine = &nd->engine;
	unsigned long flags;

	raw_spin_lock_irqsave(&engine->lock, flags);
	if (!engine->shut && fault & engine->limits.warn_faults) {
		nd_warn(nd, ktime_get_ns(), fault);
	} else if (!engine->shut) {
		nd_latch(nd, ktime_get_ns(), fault, value);
		nd_set_timer(engine);
	}
	raw_spin_unlock_irqrestore(&engine->lock, flags);
}

void nd_engine_line(struct nanodose *nd, u32 fault)
{
	struct nd_engine *engine = &nd->engine;
	unsigned long flags;
	bool ahead;

	raw_spin_lock_irqsave(&engine->lock, flags);
	ahead = engine->state != NANODOSE_STATE_REST && fault == nd_fault_of(engine->heading);
	if (!engine->shut && (ahead || fault & (NANODOSE_FAULT_ESTOP | NANODOSE_FAULT_DRIVER)))
		nd_latch(nd, ktime_get_ns(), fault, 1);
	nd_set_timer(engine);
	raw_spin_unlock_irqrestore(&engine->lock, flags);
}

void nd_engine_enable(struct nanodose *nd, bool on)
{
	struct nd_engine *engine = &nd->engine;
	unsigned long flags;

	raw_spin_lock_irqsave(&engine->lock, flags);
	if (!engine->shut) {
		if (on || engine->state == NANODOSE_STATE_REST)
			nd_set_enable(nd, on);
		else
			engine->off_at_rest = true;
	}
	raw_spin_unlock_irqrestore(&engine->lock, flags);
}
