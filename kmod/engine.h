/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Between the engine's files; all with engine.lock held.
 */
#ifndef _NANODOSE_ENGINE_H
#define _NANODOSE_ENGINE_H

#include "nanodose.h"

static inline bool nd_moving(const struct nd_engine *engine)
{
	return engine->state != NANODOSE_STATE_REST && engine->state != NANODOSE_STATE_ARMED;
}

static inline u32 nd_limit_of(int direction)
{
	return direction > 0 ? NANODOSE_STATUS_LIMIT_PLUS : NANODOSE_STATUS_LIMIT_MINUS;
}

static inline u32 nd_fault_of(int direction)
{
	return direction > 0 ? NANODOSE_FAULT_LIMIT_PLUS : NANODOSE_FAULT_LIMIT_MINUS;
}

/* No rise before this where steps are to be this far apart. */
static inline void nd_keep_apart(struct nd_engine *engine, u64 interval_ns)
{
	engine->earliest_ns = engine->rise_ns + interval_ns - interval_ns / 8;
}

/* ---- engine.c --------------------------------------------------------------- */

void nd_set_enable(struct nanodose *nd, bool on);
void nd_come_to_rest(struct nanodose *nd);
u32 nd_state_of_segment(const struct nd_engine *engine);
/* The axis at an instant; where a step is overdue, when it was due. */
void nd_axis_at(const struct nd_engine *engine, u64 now_ns, struct nd_axis *axis);
/*
 * Take up the next segment from here. False: the axis came to rest. The caller
 * writes the record of that and sets the timer.
 */
bool nd_take_segment(struct nanodose *nd, const struct nd_axis *axis);

/* ---- engine_timer.c --------------------------------------------------------- */

enum hrtimer_restart nd_timer(struct hrtimer *timer);
/* Not from the timer's own callback, which returns HRTIMER_RESTART instead. */
void nd_set_timer(struct nd_engine *engine);

/* ---- engine_fault.c --------------------------------------------------------- */

/* Stop; false if the axis is at rest then, true if a ramp leads there. */
bool nd_stop_motion(struct nanodose *nd, u64 now_ns, bool now);
/* Stop and push a FAULT record; nothing if already latched. */
void nd_latch(struct nanodose *nd, u64 now_ns, u32 fault, s64 value);

/* ---- engine_state.c --------------------------------------------------------- */

void nd_push_state(struct nanodose *nd, u64 now_ns, u32 cause, pid_t pid);
void nd_push_fault(struct nanodose *nd, u64 now_ns, u32 fault, s64 value);

#endif /* _NANODOSE_ENGINE_H */
