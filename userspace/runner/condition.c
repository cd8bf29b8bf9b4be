// SPDX-License-Identifier: GPL-2.0-or-later
/* Expressions of the run: what a wait waits for, what if and while choose by. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "run.h"

#define UL_MIN		(1e-9 / 60)
#define UL		1e-9

static void failed(struct runner *r, const char *error)
{
	run_event(r, RECORD_FAULT, RECORD_PROTOCOL, NULL, r->step.step->at.line, "%s: %s",
		  r->step.step->text, error ? error : strerror(ENOMEM));
	run_stop(r, NANODOSE_EXIT_FAULT, NANODOSE_STOP_RAMP);
}

void condition_begin(struct runner *r)
{
	char *error = NULL;

	r->step.until = expression_new(r->step.step->until, &error);
	r->step.values = calloc(r->channel_count + 1, sizeof(*r->step.values));
	if (!r->step.until || !r->step.values)
		failed(r, error);
	free(error);
}

bool condition_holds(struct runner *r, bool *holds)
{
	struct expression_values values = {
		.channels = r->step.values,
		.channel_count = r->channel_count,
		.time_s = r->now_ns > r->step.begin_ns ? (r->now_ns - r->step.begin_ns) / 1e9 : 0,
		.elapsed_s = run_elapsed_s(r),
		.inputs = r->protocol->inputs,
		.input_count = r->protocol->input_count,
	};
	char *error = NULL;
	double value;

	for (size_t i = 0; i < r->channel_count; i++) {
		const struct channel *c = &r->channels[i];

		r->step.values[i] = (struct expression_channel){
			.name = c->plan->name,
			.flow_ul_min = c->flow_m3_s / UL_MIN,
			.setpoint_ul_min = 0,	/* nothing is set while a step waits */
			.volume_ul = channel_delivered_m3(c) / UL,
			.pressure_kpa = c->pressure_pa / 1000,
			.temperature_c = c->temperature_c,
		};
	}
	if (expression_evaluate(r->step.until, &values, &value, &error)) {
		failed(r, error);
		free(error);
		return false;
	}
	*holds = value != 0;
	return true;
}

void condition_end(struct runner *r)
{
	expression_free(r->step.until);
	free(r->step.values);
}
