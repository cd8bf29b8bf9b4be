// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the owner asks the engine for: RUN and QUEUE, checked against the limits
 * and against what is under way. After an error the motion is what it was.
 */
#include <linux/errno.h>
#include <linux/hrtimer.h>
#include <linux/ktime.h>
#include <linux/pid.h>
#include <linux/sched.h>
#include <linux/spinlock.h>

#include "engine.h"

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
	bool full = engine->queue.count == ND_QUEUE_SEGMENTS;
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
	goal.more = request->flags & NANODOSE_QUEUE_MORE;
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
		if (request->count)
			engine->goal.more = goal.more;
	}
	request->room = ND_QUEUE_SEGMENTS - engine->queue.count;
	if (full && request->room)
		nd_stream_wake_writers(&nd->stream);
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
