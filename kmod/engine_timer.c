// SPDX-License-Identifier: GPL-2.0-only
/*
 * The engine's timer.
 *
 * Everything that can be due - a STEP edge, a change of DIR, a start time, the
 * end of the hold - is kept as a time; the timer is set to the first of them.
 * The timer asks what is due rather than knowing it, so it may fire for nothing
 * and may be set again while it fires. It never fires early: what it was set to
 * is due, and the clock is read only once the edge is out.
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
#include <linux/spinlock.h>

#include "engine.h"
#include "trace.h"

/*
 * Pulses up to this long are waited for in the callback, which then is cheaper
 * than one more interrupt. Waiting longer would make another pump's step late.
 */
#define ND_PULSE_SPIN_NS	500

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

void nd_set_timer(struct nd_engine *engine)
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
static bool nd_way_is_open(struct nanodose *nd)
{
	struct nd_engine *engine = &nd->engine;

	if (!(nd_gpio_lines(&nd->gpio) & nd_limit_of(engine->heading)))
		return true;
	nd_latch(nd, ktime_get_ns(), nd_fault_of(engine->heading), 1);
	return false;
}

/* The segment is over: on to the next one, or at rest. */
static void nd_next_segment(struct nanodose *nd)
{
	struct nd_engine *engine = &nd->engine;
	u64 end_ns = engine->segment.last_ns, rate_nhz = engine->segment.v1_nhz;
	struct nd_axis axis = {
		.now_ns = end_ns,
		.sub_ns = nd_segment_sub_ns(&engine->segment),
		.position = engine->position,
		.rate_nhz = rate_nhz,
		.step_rate_nhz = rate_nhz,
		.direction = engine->heading,
	};
	bool underrun = engine->goal.queue && engine->goal.more;
	u32 taken = engine->queue.taken;
	bool at_end = engine->goal.queue || (engine->goal.has_end && !engine->goal.stop &&
		      engine->position == engine->goal.end_position);
	u64 now_ns;

	if (nd_take_segment(nd, &axis))
		return;
	now_ns = ktime_get_ns();
	if (at_end && engine->goal.window)
		nd_latch(nd, now_ns, NANODOSE_FAULT_POSITION, engine->position);
	if (underrun)
		nd_latch(nd, now_ns, NANODOSE_FAULT_UNDERRUN, taken);
	nd_push_state(nd, now_ns, at_end && !engine->goal.window && !underrun ?
		      NANODOSE_CAUSE_END : NANODOSE_CAUSE_REST, 0);
}

/* A pulse, which may have to be ended later, or one edge. False: the segment is over. */
static bool nd_emit(struct nanodose *nd)
{
	struct nd_engine *engine = &nd->engine;
	struct nd_segment *segment = &engine->segment;
	bool more;

	if (engine->step_both_edges) {
		engine->step_level = !engine->step_level;
		gpiod_set_value(nd->gpio.step, engine->step_level);
		engine->fall_ns = ktime_get_ns();
		engine->rise_ns = engine->fall_ns;
		return nd_segment_advance(segment);
	}

	gpiod_set_value(nd->gpio.step, 1);
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
	return more;
}

static void nd_step(struct nanodose *nd)
{
	struct nd_engine *engine = &nd->engine;
	struct nd_segment *segment = &engine->segment;
	u64 due_ns = segment->due_ns, late_ns;
	bool more;

	more = nd_emit(nd);
	late_ns = engine->rise_ns > due_ns ? engine->rise_ns - due_ns : 0;
	engine->position += engine->direction;
	engine->steps_total++;
	if (more)
		nd_keep_apart(engine, segment->due_ns - segment->last_ns);
	else
		nd_next_segment(nd);
	/* so late that the next one has to wait for it */
	if (nd_moving(engine) && engine->earliest_ns > segment->due_ns) {
		engine->late_steps++;
		trace_nanodose_late_step(nd, late_ns);
	}
	if (late_ns > engine->late_max_ns)
		engine->late_max_ns = late_ns;
	if (late_ns > engine->max_lag_ns)
		nd_latch(nd, engine->rise_ns, NANODOSE_FAULT_LATE, late_ns);
}

static void nd_start_armed(struct nanodose *nd)
{
	struct nd_engine *engine = &nd->engine;

	if (!nd_way_is_open(nd))
		return;
	engine->state = nd_state_of_segment(engine);
	nd_push_state(nd, ktime_get_ns(), NANODOSE_CAUSE_RUN, engine->run_pid);
}

static void nd_do_what_is_due(struct nanodose *nd, u64 now_ns)
{
	struct nd_engine *engine = &nd->engine;

	if (engine->state == NANODOSE_STATE_ARMED && now_ns >= engine->start_ns)
		nd_start_armed(nd);
	if (engine->step_high) {
		if (now_ns >= engine->fall_ns) {
			gpiod_set_value(nd->gpio.step, 0);
			engine->step_high = false;
			engine->fall_ns = ktime_get_ns();
		}
	} else if (nd_moving(engine)) {
		if (engine->heading != engine->direction) {
			if (now_ns >= engine->dir_ns && nd_way_is_open(nd))
				nd_set_dir(nd);
		} else if (now_ns >= nd_rise_ns(engine)) {
			nd_step(nd);
		}
	}
	if (now_ns >= engine->goal.hold_until_ns && nd_moving(engine) && !engine->goal.stop)
		nd_latch(nd, ktime_get_ns(), NANODOSE_FAULT_OWNER_SILENT, engine->goal.hold_ns);
}

enum hrtimer_restart nd_timer(struct hrtimer *timer)
{
	struct nd_engine *engine = container_of(timer, struct nd_engine, timer);
	struct nanodose *nd = container_of(engine, struct nanodose, engine);
	enum hrtimer_restart restart = HRTIMER_NORESTART;
	unsigned long flags;
	u64 next_ns;

	raw_spin_lock_irqsave(&engine->lock, flags);
	engine->interrupts++;
	if (hrtimer_is_queued(timer)) {
		/* set again by another processor while this one waited for the lock */
		nd_do_what_is_due(nd, ktime_get_ns());
		nd_set_timer(engine);
	} else {
		nd_do_what_is_due(nd, engine->armed_ns);
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
