// SPDX-License-Identifier: GPL-2.0-or-later
#include <math.h>
#include <string.h>

#include "curves.h"

/* The slowest sampling is one a second; nothing for so long is a gap. */
#define GAP_S 5.0

int curves_init(struct curves *curves, double begin_s, double end_s, size_t columns,
		double step_m3)
{
	struct series *all[] = { &curves->flow, &curves->estimate, &curves->setpoint,
				 &curves->pressure, &curves->delivered, &curves->asked };
	size_t i;

	memset(curves, 0, sizeof(*curves));
	curves->step_m3 = step_m3;
	curves->max_pressure_pa = NAN;
	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		if (series_init(all[i], begin_s, end_s, columns)) {
			curves_free(curves);
			return -1;
		}
	}
	return 0;
}

void curves_free(struct curves *curves)
{
	series_free(&curves->flow);
	series_free(&curves->estimate);
	series_free(&curves->setpoint);
	series_free(&curves->pressure);
	series_free(&curves->delivered);
	series_free(&curves->asked);
}

static void sum_up(struct curves *curves, const struct curve_sample *sample)
{
	const struct curve_sample *last = &curves->last;
	double past_s = sample->time_s - last->time_s;

	/* A set point holds until the next one. */
	if (isfinite(last->setpoint_m3_s))
		curves->asked_m3 += last->setpoint_m3_s * past_s;
	if (past_s <= GAP_S && isfinite(last->flow_m3_s) && isfinite(sample->flow_m3_s))
		curves->sensed_m3 += (last->flow_m3_s + sample->flow_m3_s) / 2 * past_s;
	else
		curves->unsensed_s += past_s;
}

static void break_lines(struct curves *curves)
{
	series_add(&curves->flow, 0, NAN);
	series_add(&curves->estimate, 0, NAN);
	series_add(&curves->setpoint, 0, NAN);
	series_add(&curves->pressure, 0, NAN);
	series_add(&curves->delivered, 0, NAN);
	series_add(&curves->asked, 0, NAN);
}

void curves_add(struct curves *curves, const struct curve_sample *sample)
{
	if (!curves->samples++)
		curves->origin = sample->position;
	else
		sum_up(curves, sample);
	if (curves->samples > 1 && sample->time_s - curves->last.time_s > GAP_S)
		break_lines(curves);
	curves->bad += !isfinite(sample->flow_m3_s);
	curves->delivered_m3 = (double)(sample->position - curves->origin) * curves->step_m3;
	curves->max_pressure_pa = fmax(curves->max_pressure_pa, sample->pressure_pa);
	series_add(&curves->flow, sample->time_s, sample->flow_m3_s);
	series_add(&curves->estimate, sample->time_s, sample->estimate_m3_s);
	series_add(&curves->setpoint, sample->time_s, sample->setpoint_m3_s);
	series_add(&curves->pressure, sample->time_s, sample->pressure_pa);
	series_add(&curves->delivered, sample->time_s, curves->delivered_m3);
	series_add(&curves->asked, sample->time_s, curves->asked_m3);
	curves->last = *sample;
}
