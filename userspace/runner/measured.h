/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the flow sensor saw of a motion, against what the pump stepped. The
 * steps are the dose; but steps that move no liquid (a clog, a stalled motor,
 * a leak before the sensor) must not pass as one in silence.
 */
#ifndef MEASURED_H
#define MEASURED_H

#include <stdbool.h>

struct measured {
	double zero_sum_m3_s;		/* readings before anything has moved */
	unsigned int zero_count;
	/* since the mark, zero taken off */
	double volume_m3;
	double last_s, last_m3_s;
	unsigned int readings, beyond, missing;
};

/*
 * A flow record. @flow_m3_s: NAN if it could not be had. @beyond: outside of
 * what the sensor can measure, whether it then says a flow or not. @moved: the
 * pump has been told to move by now.
 */
void measured_sample(struct measured *measured, double time_s, double flow_m3_s, bool beyond,
		     bool moved);
/* What was read before the first motion was no rest. */
void measured_forget_rest(struct measured *measured);
/* A motion begins: what was seen counts from here. */
void measured_mark(struct measured *measured);

enum measured_verdict {
	MEASURED_AGREES,
	MEASURED_DIFFERS,
	MEASURED_BEYOND,	/* flow was outside of the sensor's range: nothing can be said */
	MEASURED_UNKNOWN,	/* too few readings to tell */
};

/* The motion is over, its flow has died away. @stepped_m3: signed, by the steps. */
enum measured_verdict measured_judge(const struct measured *measured, double stepped_m3);

#endif /* MEASURED_H */
