// SPDX-License-Identifier: GPL-2.0-only
/*
 * Stops, whoever asks for them, and the faults, which stop and are latched.
 */
#include <linux/errno.h>
#include <linux/hrtimer.h>
#include <linux/ktime.h>
#include <linux/pid.h>
#include <linux/preempt.h>
#include <linux/sched.h>
#include <linux/spinlock.h>

#include "engine.h"

/* From now on towards the goal, which changed. False: at rest. */
static bool nd_replan(struct nanodose *nd, u64 now_ns)
{
	struct nd_axis axis;

	nd_axis_at(&nd->engine, now_ns, &axis);
	return nd_take_segment(nd, &axis);
}

bool nd_stop_motion(struct nanodose *nd, u64 now_ns, bool now)
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

void nd_latch(struct nanodose *nd, u64 now_ns, u32 fault, s64 value)
{
	struct nd_engine *engine = &nd->engine;
	bool rest = engine->state == NANODOSE_STATE_REST;
	bool now = fault & (ND_NOW_FAULTS | engine->limits.now_faults);

	if (engine->faults & fault)
		return;
	WRITE_ONCE(engine->faults, engine->faults | fault);
	nd_push_fault(nd, now_ns, fault, value);
	if (!rest && !nd_stop_motion(nd, now_ns, now))
		nd_push_state(nd, now_ns, NANODOSE_CAUSE_REST, 0);
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
