// SPDX-License-Identifier: GPL-2.0-only
/*
 * Segments that wait to be stepped. The rules are told with struct
 * nanodose_queue.
 *
 * Where a segment begins at the rate at which the one before ends, and none is
 * steeper than the acceleration, the axis can stop from anywhere without going
 * further than the list does: a list within the window stays there.
 */
#include <linux/errno.h>

#include "plan.h"
#include "queue.h"

static bool nd_queue_joins(const struct nd_junction *from, int direction, u64 rate_nhz,
			   u64 accel_nhz_s)
{
	if (from->direction == direction && from->rate_nhz == rate_nhz)
		return true;
	/* as good as at standstill on both sides: it may stand, turn, start */
	return nd_plan_slow(from->rate_nhz, accel_nhz_s) && nd_plan_slow(rate_nhz, accel_nhz_s);
}

static bool nd_queue_ramp_fits(const struct nanodose_segment *segment, u64 steps, u64 accel_nhz_s)
{
	u64 v0 = segment->start_rate_nhz, v1 = segment->end_rate_nhz;

	if (v0 == v1)
		return v0;
	return steps < ND_RAMP_STEPS_MAX && nd_ramp_steps(v0, v1, accel_nhz_s, 0) <= steps &&
	       nd_mul_div(2 * steps, 1000000000, v0 + v1) < ND_RAMP_MAX_S;
}

/* On to the end of the segment, if it may follow. */
static bool nd_queue_follow(struct nd_junction *at, const struct nanodose_segment *segment,
			    u64 accel_nhz_s, const struct nanodose_limits *limits)
{
	int direction = segment->steps < 0 ? -1 : 1;
	s64 steps = segment->steps;

	if (!steps || steps <= -NANODOSE_POSITION_MAX || steps >= NANODOSE_POSITION_MAX)
		return false;
	if (segment->start_rate_nhz > limits->max_rate_nhz ||
	    segment->end_rate_nhz > limits->max_rate_nhz)
		return false;
	if (!nd_queue_joins(at, direction, segment->start_rate_nhz, accel_nhz_s) ||
	    !nd_queue_ramp_fits(segment, direction * steps, accel_nhz_s))
		return false;

	at->position += steps;
	at->rate_nhz = segment->end_rate_nhz;
	at->direction = direction;
	return at->position >= limits->position_min && at->position <= limits->position_max;
}

int nd_queue_check(const struct nd_junction *from, const struct nanodose_segment *list, u32 count,
		   u64 accel_nhz_s, const struct nanodose_limits *limits,
		   struct nd_junction *end, u32 *bad_index)
{
	u32 i;

	*end = *from;
	for (i = 0; i < count; i++) {
		*bad_index = i;
		if (!nd_queue_follow(end, &list[i], accel_nhz_s, limits))
			return -EDOM;
	}
	/* the last one is wrong if it does not end at standstill */
	return nd_plan_slow(end->rate_nhz, accel_nhz_s) ? 0 : -EDOM;
}

void nd_queue_put(struct nd_queue *queue, const struct nanodose_segment *list, u32 count,
		  const struct nd_junction *end)
{
	u32 i;

	for (i = 0; i < count; i++)
		queue->segments[(queue->head + queue->count++) % ND_QUEUE_SEGMENTS] = list[i];
	queue->end = *end;
}

bool nd_queue_take(struct nd_queue *queue, u64 now_ns, struct nd_segment *segment, int *direction)
{
	const struct nanodose_segment *next = &queue->segments[queue->head];

	if (!queue->count)
		return false;
	queue->head = (queue->head + 1) % ND_QUEUE_SEGMENTS;
	queue->count--;
	queue->taken++;

	*direction = next->steps < 0 ? -1 : 1;
	if (next->start_rate_nhz == next->end_rate_nhz)
		nd_segment_cruise(segment, now_ns, 0, next->start_rate_nhz,
				  *direction * next->steps);
	else
		nd_segment_ramp(segment, now_ns, 0, next->start_rate_nhz, next->end_rate_nhz,
				*direction * next->steps);
	return true;
}
