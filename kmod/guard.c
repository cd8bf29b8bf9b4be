// SPDX-License-Identifier: GPL-2.0-only
/*
 * What readings mean for the motion. What is too much is in the limits.
 *
 * A lost sensor, air, high flow and over-pressure latch only while the axis
 * moves or is about to: at rest a lab primes lines and swaps sensors, and a
 * fault for that would teach people to clear faults without looking. Nothing is
 * missed by it: frames are judged at rest as well, so a motion that starts on a
 * bad line is stopped by the first sample after its start.
 *
 * Pressure counts while dispensing alone, for withdrawing is what relieves it.
 *
 * Flow that should be there, and flow that should not, are judged by volume
 * over stretches of time, in which noise averages out. A stretch ends where the
 * axis starts, turns or comes to rest.
 */
#include <linux/atomic.h>
#include <linux/compiler.h>
#include <linux/hrtimer.h>
#include <linux/ktime.h>
#include <linux/math64.h>
#include <linux/minmax.h>

#include "compat.h"
#include "nanodose.h"

/* pL/min times us in an fL */
#define ND_PL_MIN_US_PER_FL	60000

/* A part of the flow by which a line that relaxes falls within a stretch. */
#define ND_RELAXES_PART		16

static u64 nd_abs(s64 value)
{
	return value < 0 ? -(u64)value : value;
}

static u64 nd_us(u64 ns)
{
	return div_u64(ns, NSEC_PER_USEC);
}

static bool nd_guard_at_rest(const struct nd_motion *motion)
{
	return motion->state == NANODOSE_STATE_REST || motion->state == NANODOSE_STATE_ARMED;
}

/* ---- no good frame ---------------------------------------------------------- */

static void nd_guard_lost(struct nanodose *nd, u32 bad_frames)
{
	struct nd_motion motion;

	nd_engine_motion(nd, &motion);
	if (motion.state != NANODOSE_STATE_REST)
		nd_engine_fault(nd, NANODOSE_FAULT_SENSOR_LOST, bad_frames);
}

/*
 * Frames may be far apart, and one that hangs in the bus is neither good nor
 * bad: a timer of its own sees that none has come.
 */
static enum hrtimer_restart nd_guard_watch(struct hrtimer *timer)
{
	struct nd_guard *guard = container_of(timer, struct nd_guard, watchdog);
	struct nanodose *nd = container_of(guard, struct nanodose, guard);
	struct nanodose_limits limits;
	u64 now_ns = ktime_get_ns();
	u64 due_ns;

	nd_engine_get_limits(nd, &limits);
	due_ns = atomic64_read(&guard->good_ns) + guard->period_ns + limits.sensor_timeout_ns;
	if (now_ns >= due_ns) {
		nd_guard_lost(nd, READ_ONCE(guard->bad_in_row));
		/* at rest it was not latched: a motion may begin at any time */
		due_ns = now_ns + limits.sensor_timeout_ns;
	} else {
		/* the limits may be set while the timer runs */
		due_ns = min(due_ns, now_ns + limits.sensor_timeout_ns);
	}
	hrtimer_set_expires(timer, ns_to_ktime(due_ns));
	return HRTIMER_RESTART;
}

void nd_guard_init(struct nanodose *nd)
{
	hrtimer_setup(&nd->guard.watchdog, nd_guard_watch, CLOCK_MONOTONIC,
		      HRTIMER_MODE_ABS_HARD);
}

void nd_guard_start(struct nanodose *nd, u64 first_ns, u64 period_ns)
{
	struct nd_guard *guard = &nd->guard;
	struct nanodose_limits limits;

	nd_engine_get_limits(nd, &limits);
	guard->period_ns = period_ns;
	/* as if it was due a period before the first */
	atomic64_set(&guard->good_ns, first_ns - period_ns);
	guard->bad_in_row = 0;
	guard->last_ns = 0;
	guard->stretch.start_ns = 0;
	guard->rest_flow_known = false;
	hrtimer_start(&guard->watchdog, ns_to_ktime(first_ns + limits.sensor_timeout_ns),
		      HRTIMER_MODE_ABS_HARD);
}

void nd_guard_stop(struct nanodose *nd)
{
	hrtimer_cancel(&nd->guard.watchdog);
}

/* ---- readings ----------------------------------------------------------------- */

/* True once in a while: the stretch has this length, with its volume. */
static bool nd_guard_stretch(struct nd_guard *guard, const struct nd_motion *motion,
			     const struct nanodose_record *record, u64 length_ns,
			     struct nd_stretch *done)
{
	struct nd_stretch *stretch = &guard->stretch;
	s64 flow_pl_min = record->flow.flow_pl_min;
	s64 volume_fl;

	if (stretch->start_ns) {
		volume_fl = nd_mul_div(nd_abs(flow_pl_min),
				       nd_us(record->time_ns - guard->last_ns),
				       ND_PL_MIN_US_PER_FL);
		stretch->volume_fl += flow_pl_min < 0 ? -volume_fl : volume_fl;
		if (record->time_ns - stretch->start_ns < length_ns)
			return false;
		*done = *stretch;
	} else {
		done->start_ns = 0;
	}
	*stretch = (struct nd_stretch){
		.start_ns = record->time_ns,
		.start_steps = motion->steps_total,
	};
	return done->start_ns;
}

static s64 nd_mean_flow(s64 volume_fl, u64 duration_ns)
{
	s64 flow_pl_min = nd_mul_div(nd_abs(volume_fl), ND_PL_MIN_US_PER_FL, nd_us(duration_ns));

	return volume_fl < 0 ? -flow_pl_min : flow_pl_min;
}

static void nd_guard_flow_at_rest(struct nanodose *nd, const struct nanodose_limits *limits,
				  const struct nd_motion *motion,
				  const struct nanodose_record *record)
{
	struct nd_guard *guard = &nd->guard;
	struct nd_stretch done;
	s64 before, flow;
	bool known;

	if (!nd_guard_stretch(guard, motion, record, limits->rest_flow_time_ns, &done))
		return;
	flow = nd_mean_flow(done.volume_fl, record->time_ns - done.start_ns);
	before = guard->rest_flow_pl_min;
	known = guard->rest_flow_known;
	guard->rest_flow_pl_min = flow;
	guard->rest_flow_known = true;

	if (!known || (flow ^ before) < 0 ||
	    min(nd_abs(flow), nd_abs(before)) <= limits->rest_flow_pl_min ||
	    nd_abs(flow) < nd_abs(before) - nd_abs(before) / ND_RELAXES_PART)
		return;
	nd_engine_fault(nd, NANODOSE_FAULT_FLOW_AT_REST, flow);
}

static void nd_guard_no_flow(struct nanodose *nd, const struct nanodose_limits *limits,
			     const struct nd_motion *motion, const struct nanodose_record *record)
{
	struct nd_guard *guard = &nd->guard;
	struct nd_stretch done;
	u64 stepped_fl, duration_ns;
	s64 wanted_fl, flow_fl, flow;

	if (!nd_guard_stretch(guard, motion, record, limits->no_flow_time_ns, &done))
		return;
	duration_ns = record->time_ns - done.start_ns;
	stepped_fl = (motion->steps_total - done.start_steps) * limits->step_volume_fl;
	flow = nd_mean_flow(stepped_fl, duration_ns);
	if (!stepped_fl || flow < limits->no_flow_least_pl_min)
		return;
	wanted_fl = nd_mul_div(stepped_fl, limits->no_flow_ppm, 1000000);
	flow_fl = guard->heading * done.volume_fl;
	if (flow_fl < wanted_fl)
		nd_engine_fault(nd, NANODOSE_FAULT_NO_FLOW,
				nd_mean_flow(done.volume_fl, duration_ns));
}

static void nd_guard_flow(struct nanodose *nd, const struct nanodose_limits *limits,
			  const struct nd_motion *motion, const struct nanodose_record *record)
{
	s64 flow_pl_min = record->flow.flow_pl_min;
	u16 flags = record->flow.sensor_flags;
	struct nd_guard *guard = &nd->guard;
	int heading = 0;

	if (!nd_guard_at_rest(motion))
		heading = motion->rate_nhz < 0 ? -1 : 1;
	if (heading != guard->heading) {
		guard->heading = heading;
		guard->stretch.start_ns = 0;
		guard->rest_flow_known = false;
	}
	if (heading)
		nd_guard_no_flow(nd, limits, motion, record);
	else
		nd_guard_flow_at_rest(nd, limits, motion, record);
	guard->last_ns = record->time_ns;

	if (motion->state == NANODOSE_STATE_REST)
		return;
	if (flags & NANODOSE_SENSOR_FLAG_AIR)
		nd_engine_fault(nd, NANODOSE_FAULT_AIR_IN_LINE, flags);
	if (flags & NANODOSE_SENSOR_FLAG_HIGH_FLOW ||
	    (limits->high_flow_pl_min && nd_abs(flow_pl_min) > limits->high_flow_pl_min))
		nd_engine_fault(nd, NANODOSE_FAULT_HIGH_FLOW, flow_pl_min);
}

void nd_guard_sample(struct nanodose *nd, const struct nanodose_record *record)
{
	struct nd_guard *guard = &nd->guard;
	struct nanodose_limits limits;
	struct nd_motion motion;

	nd_engine_get_limits(nd, &limits);
	nd_engine_motion(nd, &motion);

	if (record->flow.valid & NANODOSE_VALID_FLOW) {
		WRITE_ONCE(guard->bad_in_row, 0);
		atomic64_set(&guard->good_ns, record->time_ns);
		nd_guard_flow(nd, &limits, &motion, record);
	} else {
		WRITE_ONCE(guard->bad_in_row, guard->bad_in_row + 1);
		if (guard->bad_in_row >= limits.bad_frames)
			nd_guard_lost(nd, guard->bad_in_row);
	}

	if (record->flow.valid & NANODOSE_VALID_PRESSURE && motion.rate_nhz > 0 &&
	    record->flow.pressure_pa > limits.over_pressure_pa)
		nd_engine_fault(nd, NANODOSE_FAULT_OVER_PRESSURE, record->flow.pressure_pa);
}
