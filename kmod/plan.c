// SPDX-License-Identifier: GPL-2.0-only
/*
 * What to step next. The rules are told in plan.h.
 *
 * Segments end on whole steps. Ramps are rounded up to whole steps, so their
 * acceleration is at most the one asked for and at least half of it.
 */
#ifdef __KERNEL__
#include <linux/errno.h>
#else
#include <errno.h>
#endif

#include "plan.h"

#define ND_ROUNDING_ASTEPS	(ND_STEP_ASTEPS / 1000)

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

	return max(distance, 0LL);
}

static bool nd_behind(s64 from, s64 to, int direction)
{
	return direction > 0 ? to < from : to > from;
}

/*
 * The axis as a ramp must take it. A rate that was changed at once in the step
 * under way may differ from the last step's by all that one step allows. What
 * goes on from there has only the part of it that belongs to the part of the
 * step that is done.
 */
static struct nd_axis nd_ramp_from(const struct nd_axis *axis, u64 accel_nhz_s)
{
	struct nd_wide square = nd_wide_mul(axis->step_rate_nhz, axis->step_rate_nhz);
	struct nd_wide part = nd_wide_mul(2 * accel_nhz_s, axis->fraction_asteps);
	struct nd_axis from = *axis;
	u64 remainder, lowest;

	/* nHz/s times asteps is 1e-27 Hz^2, nHz^2 is 1e-18 */
	part = nd_wide_div_full(part, 1000000000, &remainder);
	lowest = nd_wide_less(square, part) ? 0 : nd_sqrt_wide(nd_wide_sub(square, part));
	from.rate_nhz = min(from.rate_nhz, nd_sqrt_wide(nd_wide_add(square, part)) + 1);
	from.rate_nhz = max(from.rate_nhz, lowest);
	return from;
}

/*
 * Steps from the axis' rate to rest. A braking ramp that is planned anew on
 * its way differs a little by rounding, and must not become a step longer.
 */
static u64 nd_stop_steps(const struct nd_axis *axis, u64 accel_nhz_s)
{
	return nd_ramp_steps(axis->rate_nhz, 0, accel_nhz_s,
			     axis->fraction_asteps + ND_STEP_ASTEPS - ND_ROUNDING_ASTEPS) - 1;
}

static bool nd_stops_at_once(const struct nd_axis *axis, u64 accel_nhz_s)
{
	return nd_ramp_steps(max(axis->rate_nhz, axis->step_rate_nhz), 0, accel_nhz_s,
			     ND_STEP_ASTEPS - ND_ROUNDING_ASTEPS) <= 2;
}

u64 nd_plan_stop_steps(const struct nd_axis *axis, u64 accel_nhz_s)
{
	struct nd_axis ramp = nd_ramp_from(axis, accel_nhz_s);

	return nd_stops_at_once(&ramp, accel_nhz_s) ? 0 : nd_stop_steps(&ramp, accel_nhz_s);
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
	struct nd_axis ramp = nd_ramp_from(axis, goal->accel_nhz_s);
	bool moving = axis->rate_nhz > 0;
	int direction = goal->rate_nhz ? goal->direction : axis->direction;
	s64 from = axis->position;
	u64 steps;

	if (!nd_ramp_fits(max(axis->rate_nhz, goal->rate_nhz), goal->accel_nhz_s))
		return -EDOM;
	if (!goal->has_end || (!moving && !goal->rate_nhz))
		return 0;

	if (moving && direction != axis->direction &&
	    !nd_stops_at_once(&ramp, goal->accel_nhz_s)) {
		/* reverses from where it comes to rest */
		steps = nd_stop_steps(&ramp, goal->accel_nhz_s);
		from += axis->direction * (s64)steps;
	}
	if (nd_behind(from, goal->end_position, direction))
		return -EINVAL;
	if (moving && direction == axis->direction &&
	    !nd_stops_at_once(&ramp, goal->accel_nhz_s) &&
	    nd_stop_steps(&ramp, goal->accel_nhz_s) >
	    nd_distance(from, goal->end_position, direction))
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
	struct nd_wide gain = nd_wide_mul_u64(nd_wide_mul(2 * accel_nhz_s, steps), 1000000000);
	u64 remainder;

	square = nd_wide_add(square, gain);
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
	u64 target = goal->rate_nhz, accel = goal->accel_nhz_s;
	u64 v = axis->rate_nhz, f = axis->fraction_asteps;
	u64 brake = nd_brake_steps(target, accel);
	u64 steps, least, peak;
	bool open = room == ND_STEPS_UNLIMITED;

	if (room > brake &&
	    (v == target || nd_ramp_steps(axis->step_rate_nhz, target, accel, 0) <= 1)) {
		nd_segment_cruise(segment, axis->now_ns, f, target, open ? room : room - brake);
		return;
	}

	v = nd_ramp_from(axis, accel).rate_nhz;
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
	struct nd_axis rest = { .now_ns = axis->now_ns, .position = axis->position };
	struct nd_axis from = nd_ramp_from(axis, goal->accel_nhz_s);
	bool halt = goal->stop || !goal->rate_nhz;
	bool turn = goal->direction != axis->direction;
	u64 room = ND_STEPS_UNLIMITED;
	u64 steps;

	*direction = axis->direction;
	if (goal->has_end)
		room = nd_distance(axis->position, goal->end_position, goal->direction);

	if (axis->rate_nhz && (halt || turn) && !nd_stops_at_once(&from, goal->accel_nhz_s)) {
		steps = nd_stop_steps(&from, goal->accel_nhz_s);
		nd_segment_ramp(segment, from.now_ns, from.fraction_asteps,
				from.rate_nhz, 0, steps);
		return true;
	}

	if (halt || !room)
		return false;
	*direction = goal->direction;
	nd_plan_forward(turn || !axis->rate_nhz ? &rest : axis, goal, room, segment);
	return true;
}
