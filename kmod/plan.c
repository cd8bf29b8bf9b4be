// SPDX-License-Identifier: GPL-2.0-only
/*
 * What to step next. The rules are told in plan.h.
 *
 * Segments end on whole steps. Ramps are rounded up to whole steps, so their
 * acceleration is at most the one asked for and at least half of it.
 */
#ifdef __KERNEL__
#include <linux/errno.h>
#include <linux/minmax.h>
#else
#include <errno.h>
#define min(a, b)	((a) < (b) ? (a) : (b))
#define max(a, b)	((a) > (b) ? (a) : (b))
#endif

#include "plan.h"

bool nd_plan_slow(u64 rate_nhz, u64 accel_nhz_s)
{
	return nd_ramp_steps(0, rate_nhz, accel_nhz_s, 0) <= 1;
}

/* Steps from this rate to rest, begun between two steps. */
static u64 nd_brake_steps(u64 rate_nhz, u64 accel_nhz_s)
{
	return nd_plan_slow(rate_nhz, accel_nhz_s) ? 0 :
	       nd_ramp_steps(rate_nhz, 0, accel_nhz_s, 0);
}

/* The highest rate that needs no ramp. */
static u64 nd_start_rate(u64 accel_nhz_s)
{
	return max(nd_sqrt_wide(nd_wide_mul(2 * accel_nhz_s, 1000000000)), 1ULL);
}

static u64 nd_distance(s64 from, s64 to, int direction)
{
	s64 distance = direction > 0 ? to - from : from - to;

	return distance > 0 ? distance : 0;
}

static bool nd_behind(s64 from, s64 to, int direction)
{
	return direction > 0 ? to < from : to > from;
}

/*
 * Whether the axis can stop within these steps. A braking ramp that is planned
 * anew on its way differs by rounding: allow that.
 */
static bool nd_can_stop(const struct nd_axis *axis, u64 accel_nhz_s, u64 steps)
{
	u64 rate_nhz = axis->rate_nhz;

	if (nd_plan_slow(rate_nhz, accel_nhz_s))
		return true;
	rate_nhz -= rate_nhz >> 20;
	return nd_ramp_steps(rate_nhz, 0, accel_nhz_s, axis->fraction_asteps) <= steps;
}

static bool nd_ramp_fits(u64 rate_nhz, u64 accel_nhz_s)
{
	if (nd_plan_slow(rate_nhz, accel_nhz_s))
		return true;
	/* one step is left for rounding up with a fraction */
	return nd_ramp_steps(0, rate_nhz, accel_nhz_s, 0) < ND_RAMP_STEPS_MAX &&
	       div64_u64(rate_nhz, accel_nhz_s) < ND_RAMP_MAX_S;
}

int nd_plan_check(const struct nd_axis *axis, const struct nd_goal *goal)
{
	bool moving = axis->rate_nhz > 0;
	int direction = goal->rate_nhz ? goal->direction : axis->direction;
	s64 from = axis->position;
	u64 steps;

	if (!nd_ramp_fits(max(axis->rate_nhz, goal->rate_nhz), goal->accel_nhz_s))
		return -EDOM;
	if (!goal->has_end || (!moving && !goal->rate_nhz))
		return 0;

	if (moving && direction != axis->direction &&
	    !nd_plan_slow(axis->rate_nhz, goal->accel_nhz_s)) {
		/* reverses from where it comes to rest */
		steps = nd_ramp_steps(axis->rate_nhz, 0, goal->accel_nhz_s, axis->fraction_asteps);
		from += axis->direction * (s64)steps;
	}
	if (nd_behind(from, goal->end_position, direction))
		return -EINVAL;
	if (moving && direction == axis->direction &&
	    !nd_can_stop(axis, goal->accel_nhz_s,
			 nd_distance(from, goal->end_position, direction)))
		return -EDOM;
	return 0;
}

/*
 * The rate reached from v over these steps, the first of which has a fraction
 * done: v^2 + 2 a (steps - f), in nHz^2.
 */
static u64 nd_peak_rate(u64 v_nhz, u64 accel_nhz_s, u64 fraction_asteps, u64 steps)
{
	struct nd_wide square = nd_wide_mul(v_nhz, v_nhz);
	struct nd_wide part = nd_wide_mul(2 * accel_nhz_s, fraction_asteps);
	u64 remainder;

	square = nd_wide_add(square, nd_wide_mul_u64(nd_wide_mul(2 * accel_nhz_s, steps), 1000000000));
	part = nd_wide_add(nd_wide_div_full(part, 1000000000, &remainder), nd_wide(1));
	if (nd_wide_less(square, part))
		return 0;
	return nd_sqrt_wide(nd_wide_sub(square, part));
}

/*
 * Forward from v, which may be 0, by this many steps at least 1, or UNLIMITED.
 * The axis can stop within them.
 */
static void nd_plan_forward(const struct nd_axis *axis, const struct nd_goal *goal,
			    u64 room, struct nd_segment *segment)
{
	u64 v = axis->rate_nhz, f = v ? axis->fraction_asteps : 0;
	u64 step_rate = v ? axis->step_rate_nhz : 0;
	u64 target = goal->rate_nhz, accel = goal->accel_nhz_s;
	u64 brake = nd_brake_steps(target, accel);
	u64 steps, least, peak;
	bool open = room == ND_STEPS_UNLIMITED;

	if (room > brake && (v == target || nd_ramp_steps(step_rate, target, accel, 0) <= 1)) {
		nd_segment_cruise(segment, axis->now_ns, f, target, open ? room : room - brake);
		return;
	}

	if (v != target) {
		steps = nd_ramp_steps(v, target, accel, f);
		if (open || (steps < room && steps + brake <= room)) {
			nd_segment_ramp(segment, axis->now_ns, f, v, target, steps);
			return;
		}
	}

	if (v < target) {
		/* too short for that rate: up as far as leaves the way to stop */
		least = nd_ramp_steps(v, 0, accel, ND_STEP_ASTEPS - f) - 1;
		steps = room > least ? (room - least) / 2 : 0;
		peak = steps ? min(nd_peak_rate(v, accel, f, steps), target) : 0;
		if (peak > v) {
			nd_segment_ramp(segment, axis->now_ns, f, v, peak, steps);
			return;
		}
		if (nd_plan_slow(v, accel))
			v = max(v, min(nd_start_rate(accel), target));
	}

	/* go on like this until the brakes must be applied */
	brake = nd_brake_steps(v, accel);
	if (room > brake)
		nd_segment_cruise(segment, axis->now_ns, f, v, room - brake);
	else
		nd_segment_ramp(segment, axis->now_ns, f, v, 0, room);
}

bool nd_plan(const struct nd_axis *axis, const struct nd_goal *goal,
	     struct nd_segment *segment, int *direction)
{
	struct nd_axis from = *axis;
	bool halt = goal->stop || !goal->rate_nhz;
	u64 room = ND_STEPS_UNLIMITED;
	u64 steps;

	*direction = axis->direction;
	if (goal->has_end)
		room = nd_distance(axis->position, goal->end_position, goal->direction);

	if (from.rate_nhz && (halt || goal->direction != axis->direction)) {
		if (!nd_plan_slow(from.rate_nhz, goal->accel_nhz_s)) {
			steps = nd_ramp_steps(from.rate_nhz, 0, goal->accel_nhz_s,
					      from.fraction_asteps);
			/* rounding must not carry it beyond the end */
			if (goal->direction == axis->direction && room)
				steps = min(steps, room);
			nd_segment_ramp(segment, from.now_ns, from.fraction_asteps,
					from.rate_nhz, 0, steps);
			return true;
		}
		from.rate_nhz = 0;
	}

	if (halt || !room)
		return false;
	*direction = goal->direction;
	nd_plan_forward(&from, goal, room, segment);
	return true;
}
