// SPDX-License-Identifier: GPL-2.0-only
/*
 * The engine turns a motion into STEP edges. It owns the motion and the
 * latched faults, under one raw spinlock, and runs in hard interrupt context.
 *
 *	engine        - the motion itself: from segment to segment to rest
 *	engine_timer  - edges and all else that is due at an instant
 *	engine_run    - what the owner asks for, checked: RUN and QUEUE
 *	engine_fault  - stops, and what latches
 *	engine_state  - what the engine tells of itself
 */
#include <linux/delay.h>
#include <linux/gpio/consumer.h>
#include <linux/hrtimer.h>
#include <linux/iopoll.h>
#include <linux/kernel.h>
#include <linux/ktime.h>
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/moduleparam.h>
#include <linux/pid.h>
#include <linux/sched.h>
#include <linux/spinlock.h>

#include "compat.h"
#include "engine.h"
#include "trace.h"

static unsigned int nd_max_lag_us = 10000;
module_param_named(max_lag_us, nd_max_lag_us, uint, 0444);
MODULE_PARM_DESC(max_lag_us, "a step later than this stops the pump (default 10000)");

#define ND_RESOLUTION_MAX_NS	1000
#define ND_SUSPEND_RAMP_US	1000000
#define ND_SUSPEND_POLL_US	1000

/* ---- motion, engine.lock held ---------------------------------------------- */

void nd_set_enable(struct nanodose *nd, bool on)
{
	if (nd->gpio.sleep) {
		gpiod_set_value(nd->gpio.sleep, !on);
		if (on && !nd->engine.enabled)
			nd->engine.awake_ns = ktime_get_ns() +
					      nd->gpio.wake_up_us * (u64)NSEC_PER_USEC;
	}
	if (nd->gpio.enable)
		gpiod_set_value(nd->gpio.enable, on);
	nd->engine.enabled = on;
	nd->engine.off_at_rest = false;
}

void nd_come_to_rest(struct nanodose *nd)
{
	struct nd_engine *engine = &nd->engine;

	engine->state = NANODOSE_STATE_REST;
	engine->heading = engine->direction;
	engine->step_rate_nhz = 0;
	engine->queue.count = 0;
	engine->queue.taken = 0;
	engine->goal.queue = false;
	engine->goal.rate_nhz = 0;
	engine->goal.hold_ns = 0;
	engine->goal.hold_until_ns = 0;
	if (engine->off_at_rest)
		nd_set_enable(nd, false);
}

u32 nd_state_of_segment(const struct nd_engine *engine)
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

void nd_axis_at(const struct nd_engine *engine, u64 now_ns, struct nd_axis *axis)
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

bool nd_take_segment(struct nanodose *nd, const struct nd_axis *axis)
{
	struct nd_engine *engine = &nd->engine;
	struct nd_segment *segment = &engine->segment;
	u64 first_ns, rate_nhz;
	int heading;

	if (!nd_pick_segment(nd, axis, &heading)) {
		nd_come_to_rest(nd);
		return false;
	}

	nd_segment_carry(segment, axis->sub_ns);
	engine->step_rate_nhz = heading == axis->direction ? axis->step_rate_nhz : 0;
	engine->heading = heading;
	engine->state = nd_state_of_segment(engine);

	/* the step under way was begun at one of these rates */
	rate_nhz = max(max(segment->v0_nhz, segment->v1_nhz),
		       max(axis->rate_nhz, axis->step_rate_nhz));
	nd_keep_apart(engine, div64_u64(ND_STEP_ASTEPS, rate_nhz));

	engine->segments++;
	first_ns = engine->awake_ns;
	if (heading != engine->direction) {
		engine->dir_ns = max(axis->now_ns, engine->fall_ns + engine->dir_hold_ns);
		first_ns = max(first_ns, engine->dir_ns + engine->dir_setup_ns);
	}
	if (segment->due_ns < first_ns)
		nd_segment_delay(segment, first_ns - segment->due_ns);
	trace_nanodose_segment(nd);
	return true;
}

/* ---- what the rest of the driver asks for ----------------------------------- */

int nd_engine_init(struct nanodose *nd)
{
	struct nd_engine *engine = &nd->engine;

	/* As coarse as the tick, steps would come in bunches of several. */
	if (hrtimer_resolution > ND_RESOLUTION_MAX_NS)
		return dev_err_probe(nd->parent,
				     system_state < SYSTEM_RUNNING ? -EPROBE_DEFER : -EOPNOTSUPP,
				     "no high-resolution timers (%u ns): the kernel needs CONFIG_HIGH_RES_TIMERS, and no highres=off on its command line\n",
				     hrtimer_resolution);
	raw_spin_lock_init(&engine->lock);
	hrtimer_setup(&engine->timer, nd_timer, CLOCK_MONOTONIC, HRTIMER_MODE_ABS_PINNED_HARD);
	engine->state = NANODOSE_STATE_REST;
	engine->pulse_ns = nd->gpio.pulse_ns;
	engine->dir_setup_ns = nd->gpio.dir_setup_ns;
	engine->dir_hold_ns = nd->gpio.dir_hold_ns;
	engine->step_both_edges = nd->gpio.step_both_edges;
	engine->step_level = nd->gpio.step_level;
	engine->max_rate_nhz = nd->gpio.max_rate_hz * 1000000000ULL;
	engine->max_accel_nhz_s = ND_MAX_ACCEL_NHZ_S;
	engine->max_lag_ns = nd_max_lag_us * (u64)NSEC_PER_USEC;
	nd_limits_default(nd, &engine->limits);
	/* DIR as nd_gpio_probe() left it */
	engine->direction = -1;
	engine->heading = -1;
	return 0;
}

/* At rest: no timer, no pulse, motor power off. */
static void nd_park(struct nanodose *nd)
{
	struct nd_engine *engine = &nd->engine;
	unsigned long flags;

	hrtimer_cancel(&engine->timer);
	/* the last pulse may be under way */
	fsleep(DIV_ROUND_UP(engine->pulse_ns, NSEC_PER_USEC));

	raw_spin_lock_irqsave(&engine->lock, flags);
	if (engine->step_high) {
		gpiod_set_value(nd->gpio.step, 0);
		engine->step_high = false;
		engine->fall_ns = ktime_get_ns();
	}
	nd_set_enable(nd, false);
	raw_spin_unlock_irqrestore(&engine->lock, flags);
}

void nd_engine_shutdown(struct nanodose *nd)
{
	struct nd_engine *engine = &nd->engine;
	unsigned long flags;

	raw_spin_lock_irqsave(&engine->lock, flags);
	if (!engine->shut && engine->state != NANODOSE_STATE_REST)
		nd_latch(nd, ktime_get_ns(), NANODOSE_FAULT_UNBIND, 1);
	engine->shut = true;
	raw_spin_unlock_irqrestore(&engine->lock, flags);

	nd_park(nd);
}

void nd_engine_suspend(struct nanodose *nd)
{
	struct nd_engine *engine = &nd->engine;
	unsigned long flags;
	u32 state;

	raw_spin_lock_irqsave(&engine->lock, flags);
	if (engine->state != NANODOSE_STATE_REST)
		nd_latch(nd, ktime_get_ns(), NANODOSE_FAULT_SUSPEND, 1);
	nd_set_timer(engine);
	raw_spin_unlock_irqrestore(&engine->lock, flags);

	/* A lid that is closed must not wait for a ramp of hours. */
	if (read_poll_timeout(READ_ONCE, state, state == NANODOSE_STATE_REST, ND_SUSPEND_POLL_US,
			      ND_SUSPEND_RAMP_US, false, engine->state))
		nd_engine_stop(nd, true, NANODOSE_CAUSE_REST);
	nd_park(nd);
}

int nd_engine_resume(struct nanodose *nd)
{
	struct nd_gpio *gpio = &nd->gpio;
	int ret;

	/* A controller that lost its power may have forgotten that these are outputs. */
	ret = gpiod_direction_output(gpio->dir, nd->engine.direction > 0);
	if (!ret)
		ret = gpiod_direction_output(gpio->step, nd->engine.step_level);
	if (!ret && gpio->enable)
		ret = gpiod_direction_output(gpio->enable, 0);
	if (!ret && gpio->sleep)
		ret = gpiod_direction_output(gpio->sleep, 1);
	return ret;
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
