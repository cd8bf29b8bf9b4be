// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the engine tells of itself: records, and its state at one instant.
 */
#include <linux/ktime.h>
#include <linux/spinlock.h>

#include "engine.h"
#include "trace.h"

static s64 nd_signed_rate(const struct nd_engine *engine, u64 now_ns)
{
	if (!nd_moving(engine))
		return 0;
	return engine->heading * (s64)nd_segment_rate(&engine->segment, now_ns);
}

static u32 nd_flags(struct nanodose *nd)
{
	/* once shut, the lines may be gone */
	u32 flags = nd->engine.shut ? 0 : nd_gpio_lines(&nd->gpio);

	if (READ_ONCE(nd->owner))
		flags |= NANODOSE_STATUS_OWNED;
	if (READ_ONCE(nd->flow.thread))
		flags |= NANODOSE_STATUS_SAMPLING;
	if (nd->engine.enabled)
		flags |= NANODOSE_STATUS_ENABLED;
	if (nd->engine.limits.warn_faults)
		flags |= NANODOSE_STATUS_WARN_ONLY;
	return flags;
}

static void nd_fill_state(struct nanodose *nd, struct nanodose_record *record, u64 now_ns,
			  u32 cause, pid_t pid)
{
	struct nd_engine *engine = &nd->engine;

	*record = (struct nanodose_record){
		.time_ns = now_ns,
		.type = NANODOSE_RECORD_STATE,
		.state = {
			.position = engine->position,
			.rate_nhz = nd_signed_rate(engine, now_ns),
			.state = engine->state,
			.flags = nd_flags(nd),
			.faults = engine->faults,
			.cause = cause,
			.pid = pid,
			.warnings = engine->warnings,
		},
	};
}

void nd_push_state(struct nanodose *nd, u64 now_ns, u32 cause, pid_t pid)
{
	struct nanodose_record record;

	nd_fill_state(nd, &record, now_ns, cause, pid);
	nd_stream_push(&nd->stream, &record);
}

void nd_push_fault(struct nanodose *nd, u64 now_ns, u32 fault, s64 value)
{
	struct nd_engine *engine = &nd->engine;
	struct nanodose_record record = {
		.time_ns = now_ns,
		.type = NANODOSE_RECORD_FAULT,
		.fault = {
			.position = engine->position,
			.rate_nhz = nd_signed_rate(engine, now_ns),
			.value = value,
			.fault = fault,
			.faults = engine->faults,
		},
	};

	trace_nanodose_fault(nd, &record);
	nd_stream_push(&nd->stream, &record);
}

void nd_engine_motion(struct nanodose *nd, struct nd_motion *motion)
{
	struct nd_engine *engine = &nd->engine;
	const struct nd_goal *goal = &engine->goal;
	unsigned long flags;
	u64 now_ns;

	raw_spin_lock_irqsave(&engine->lock, flags);
	now_ns = ktime_get_ns();
	*motion = (struct nd_motion){
		.time_ns = now_ns,
		.position = engine->position,
		.rate_nhz = nd_signed_rate(engine, now_ns),
		.target_rate_nhz = goal->direction * (s64)goal->rate_nhz,
		.end_position = goal->has_end && !goal->window ? goal->end_position :
				NANODOSE_NO_VALUE_S64,
		.hold_until_ns = goal->hold_until_ns,
		.steps_total = engine->steps_total,
		.late_max_ns = engine->late_max_ns,
		.state = engine->state,
		.flags = nd_flags(nd),
		.faults = engine->faults,
		.warnings = engine->warnings,
		.queued = engine->queue.count,
		.enabled = engine->enabled,
	};
	raw_spin_unlock_irqrestore(&engine->lock, flags);
}

void nd_engine_fill_state(struct nanodose *nd, struct nanodose_record *record,
			  u32 cause, pid_t pid)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&nd->engine.lock, flags);
	nd_fill_state(nd, record, ktime_get_ns(), cause, pid);
	raw_spin_unlock_irqrestore(&nd->engine.lock, flags);
}

void nd_engine_push_state(struct nanodose *nd, u32 cause, pid_t pid)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&nd->engine.lock, flags);
	nd_push_state(nd, ktime_get_ns(), cause, pid);
	raw_spin_unlock_irqrestore(&nd->engine.lock, flags);
}
