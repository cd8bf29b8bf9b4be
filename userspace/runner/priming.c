// SPDX-License-Identifier: GPL-2.0-or-later
/* prime and flush until clear: the step ends when the sensor has seen no air for a time. */
#include <errno.h>

#include "run.h"

static struct channel *channel_of(struct runner *r, const struct lane *lane)
{
	return &r->channels[lane->step.step->flows[0].channel];
}

void priming_tick(struct runner *r, struct lane *lane)
{
	const struct protocol_step *step = lane->step.step;
	struct channel *c = channel_of(r, lane);

	/* What was read before the step tells of another flow. */
	if (lane->step.cleared || c->flow_ns <= lane->step.begin_ns)
		return;
	if (!c->flags_valid || c->sensor_flags & NANODOSE_SENSOR_FLAG_AIR) {
		lane->step.held_ns = 0;
		return;
	}
	if (!lane->step.held_ns)
		lane->step.held_ns = c->flow_ns;
	if (c->flow_ns - lane->step.held_ns < step->held_s * 1e9)
		return;
	if (channel_end_soon(c, r->now_ns)) {
		if (errno != EDOM)
			run_order_failed(r, c, "end the priming of");
		return;
	}
	lane->step.cleared = true;
	view_targets(r);
}

bool priming_end(struct runner *r, struct lane *lane)
{
	const struct protocol_step *step = lane->step.step;
	const struct channel *c = channel_of(r, lane);
	char volume[40];

	nanodose_quantity_format(channel_stepped_m3(c), NANODOSE_DIMENSION_VOLUME, volume, sizeof(volume));
	if (lane->step.cleared) {
		run_event(r, RECORD_INFO, RECORD_PROTOCOL, c, step->at.line, "the line is clear after %s", volume);
		return true;
	}
	run_event(r, RECORD_FAULT, RECORD_PROTOCOL, c, step->at.line,
		  "the line has not been clear of air for %g s within %s: look for a loose fitting, or allow more volume",
		  step->held_s, volume);
	run_stop(r, NANODOSE_EXIT_FAULT, NANODOSE_STOP_RAMP);
	return false;
}
