/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What to step next, pure: from where the axis is and what it was asked for,
 * one segment at a time. Built in the module and on the host.
 *
 * The acceleration is kept from step to step: the squares of the rates differ
 * by at most 2 a over one step's way. A change that small is made at once, in
 * mid-step, and so is a start or a stop: ramping over the rest of a step that
 * lasts minutes would help no motor and delay the change. Hence a slow axis
 * stops at once and answers a new rate at once.
 */
#ifndef _NANODOSE_PLAN_H
#define _NANODOSE_PLAN_H

#include "stepgen.h"

/* What the axis was last asked to do. */
struct nd_goal {
	u64 rate_nhz;		/* 0: come to rest */
	u64 accel_nhz_s;
	s64 end_position;	/* come to rest exactly there */
	u64 hold_ns;
	u64 hold_until_ns;
	int direction;		/* +1, -1 */
	bool has_end;
	bool queue;		/* by the queue's segments, unless it is to stop */
	bool more;		/* which are not all of them yet */
	bool window;		/* the end is that of the position window */
	bool stop;		/* come to rest, whatever the rate */
};

/* The axis at the instant from which the next segment counts. */
struct nd_axis {
	u64 now_ns;
	u32 sub_ns;		/* of it, in 2^-32 ns, where one segment joins another */
	s64 position;		/* whole steps emitted */
	u64 fraction_asteps;	/* part done of the step under way, in direction */
	u64 rate_nhz;		/* 0 at rest */
	u64 step_rate_nhz;	/* rate when the last step was emitted, 0 from rest */
	int direction;
};

/* Whether a start from rest, or a stop, may happen without a ramp. */
bool nd_plan_slow(u64 rate_nhz, u64 accel_nhz_s);

/*
 * 0 if the axis can do this; -EDOM if it cannot stop before the end position,
 * or if the ramp would take more than ND_RAMP_STEPS_MAX or ND_RAMP_MAX_S;
 * -EINVAL if the end lies behind the direction. All fields of the goal are
 * within range, the acceleration is above 0.
 */
int nd_plan_check(const struct nd_axis *axis, const struct nd_goal *goal);

/* Steps until it is at rest if it brakes from here, in its direction. */
u64 nd_plan_stop_steps(const struct nd_axis *axis, u64 accel_nhz_s);

/*
 * The next segment on the way to a goal that passed the check, and its
 * direction. False: the axis is at rest from axis->now_ns on. When the segment
 * is over, or the goal changes, plan again from there.
 */
bool nd_plan(const struct nd_axis *axis, const struct nd_goal *goal,
	     struct nd_segment *segment, int *direction);

#endif /* _NANODOSE_PLAN_H */
