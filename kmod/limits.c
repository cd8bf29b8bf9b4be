// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the interlocks hold to: the defaults, and which values may be set.
 *
 * The defaults protect a bench that nobody has described, and must not stop one
 * that is only slow or soft: where they do, people learn to switch them off.
 * Why each is what it is, is told with struct nanodose_limits.
 */
#include <linux/ktime.h>
#include <linux/pid.h>
#include <linux/sched.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/time64.h>

#include "engine.h"

#define ND_SENSOR_TIMEOUT_NS	(1ULL * NSEC_PER_SEC)
#define ND_NO_FLOW_TIME_NS	(300ULL * NSEC_PER_SEC)
#define ND_NO_FLOW_PPM		100000
#define ND_REST_FLOW_TIME_NS	(60ULL * NSEC_PER_SEC)
#define ND_OVER_PRESSURE_PA	1000000
#define ND_BAD_FRAMES		3
#define ND_FULL_SCALE_PART	100

#define ND_TIMEOUT_MIN_NS	(1ULL * NSEC_PER_MSEC)
#define ND_TIMEOUT_MAX_NS	(60ULL * NSEC_PER_SEC)
#define ND_STRETCH_MIN_NS	(100ULL * NSEC_PER_MSEC)
#define ND_STRETCH_MAX_NS	(3600ULL * NSEC_PER_SEC)
#define ND_FLOW_MAX_PL_MIN	1000000000000000LL	/* 1 L/min */
#define ND_BAD_FRAMES_MAX	1000
#define ND_PPM			1000000

void nd_limits_default(struct nanodose *nd, struct nanodose_limits *limits)
{
	const struct nd_flow_sensor *sensor = nd->flow.sensor;
	s64 least = sensor ? sensor->full_scale_pl_min / ND_FULL_SCALE_PART : 0;

	*limits = (struct nanodose_limits){
		.max_rate_nhz = nd->engine.max_rate_nhz,
		.max_accel_nhz_s = nd->engine.max_accel_nhz_s,
		.position_min = -ND_MAX_POSITION,
		.position_max = ND_MAX_POSITION,
		.sensor_timeout_ns = ND_SENSOR_TIMEOUT_NS,
		.no_flow_least_pl_min = least,
		.no_flow_time_ns = ND_NO_FLOW_TIME_NS,
		.rest_flow_pl_min = least,
		.rest_flow_time_ns = ND_REST_FLOW_TIME_NS,
		.no_flow_ppm = ND_NO_FLOW_PPM,
		.over_pressure_pa = ND_OVER_PRESSURE_PA,
		.bad_frames = ND_BAD_FRAMES,
	};
}

static bool nd_within(u64 value, u64 least, u64 most)
{
	return value >= least && value <= most;
}

static bool nd_flow_within(s64 flow_pl_min)
{
	return flow_pl_min >= 0 && flow_pl_min <= ND_FLOW_MAX_PL_MIN;
}

int nd_limits_check(struct nanodose *nd, const struct nanodose_limits *limits)
{
	if (memchr_inv(limits->reserved, 0, sizeof(limits->reserved)) ||
	    limits->warn_faults & ~NANODOSE_WARN_FAULTS ||
	    limits->now_faults & ~NANODOSE_NOW_FAULTS ||
	    limits->warn_faults & limits->now_faults ||
	    limits->position_min > limits->position_max)
		return -EINVAL;

	if (!nd_within(limits->max_rate_nhz, 1, nd->engine.max_rate_nhz) ||
	    !nd_within(limits->max_accel_nhz_s, 1, nd->engine.max_accel_nhz_s) ||
	    limits->position_min < -ND_MAX_POSITION || limits->position_max > ND_MAX_POSITION ||
	    limits->step_volume_fl > NANODOSE_STEP_VOLUME_MAX_FL ||
	    !nd_within(limits->sensor_timeout_ns, ND_TIMEOUT_MIN_NS, ND_TIMEOUT_MAX_NS) ||
	    !nd_flow_within(limits->high_flow_pl_min) ||
	    !nd_flow_within(limits->no_flow_least_pl_min) ||
	    !nd_within(limits->no_flow_time_ns, ND_STRETCH_MIN_NS, ND_STRETCH_MAX_NS) ||
	    !nd_flow_within(limits->rest_flow_pl_min) ||
	    !nd_within(limits->rest_flow_time_ns, ND_STRETCH_MIN_NS, ND_STRETCH_MAX_NS) ||
	    limits->no_flow_ppm > ND_PPM || limits->over_pressure_pa <= 0 ||
	    !nd_within(limits->bad_frames, 1, ND_BAD_FRAMES_MAX))
		return -EDOM;
	return 0;
}

int nd_engine_set_limits(struct nanodose *nd, const struct nanodose_limits *limits)
{
	struct nd_engine *engine = &nd->engine;
	unsigned long flags;
	int ret = 0;

	raw_spin_lock_irqsave(&engine->lock, flags);
	if (engine->shut) {
		ret = -ENODEV;
	} else if (engine->state != NANODOSE_STATE_REST) {
		ret = -EBUSY;
	} else if (engine->position > limits->position_max ||
		   engine->position < limits->position_min) {
		ret = -EDOM;
	} else {
		engine->limits = *limits;
		nd_push_state(nd, ktime_get_ns(), NANODOSE_CAUSE_LIMITS, task_tgid_nr(current));
	}
	raw_spin_unlock_irqrestore(&engine->lock, flags);
	return ret;
}

void nd_engine_default_limits(struct nanodose *nd)
{
	struct nanodose_limits limits;
	unsigned long flags;

	nd_limits_default(nd, &limits);
	raw_spin_lock_irqsave(&nd->engine.lock, flags);
	nd->engine.limits = limits;
	raw_spin_unlock_irqrestore(&nd->engine.lock, flags);
}

void nd_engine_get_limits(struct nanodose *nd, struct nanodose_limits *limits)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&nd->engine.lock, flags);
	*limits = nd->engine.limits;
	raw_spin_unlock_irqrestore(&nd->engine.lock, flags);
}
