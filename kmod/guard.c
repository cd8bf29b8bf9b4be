// SPDX-License-Identifier: GPL-2.0-only
/*
 * What readings mean for the motion.
 *
 * A lost sensor and air latch only while the axis moves or is about to: at
 * rest a lab primes lines and swaps sensors, and a fault for that would teach
 * people to clear faults without looking. Nothing is missed by it: frames are
 * judged at rest as well, so a motion that starts on a bad line is stopped by
 * the first sample after its start.
 */
#include "nanodose.h"

static void nd_guard_stop(struct nanodose *nd, u32 fault, s64 value)
{
	struct nd_motion motion;

	nd_engine_motion(nd, &motion);
	if (motion.state != NANODOSE_STATE_REST)
		nd_engine_fault(nd, fault, false, value);
}

void nd_guard_sample(struct nanodose *nd, int error, const struct nd_flow_reading *reading)
{
	struct nd_flow *flow = &nd->flow;

	if (error) {
		flow->bad_in_row++;
		if (flow->bad_in_row >= ND_SENSOR_BAD_FRAMES)
			nd_guard_stop(nd, NANODOSE_FAULT_SENSOR_LOST, flow->bad_in_row);
		return;
	}

	flow->bad_in_row = 0;
	if (reading->flags & NANODOSE_SENSOR_FLAG_AIR)
		nd_guard_stop(nd, NANODOSE_FAULT_AIR_IN_LINE, reading->flags);
}
