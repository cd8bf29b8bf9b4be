// SPDX-License-Identifier: GPL-2.0-or-later
/* Expressions of the run: what a wait waits for, what if and while choose by. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "run.h"

#define UL_MIN		(1e-9 / 60)
#define UL		1e-9

static void failed(struct runner *r, struct lane *lane, const char *error)
{
	run_event(r, RECORD_FAULT, RECORD_PROTOCOL, NULL, lane->step.step->at.line, "%s: %s",
		  lane->step.step->text, error ? error : strerror(ENOMEM));
	run_stop(r, NANODOSE_EXIT_FAULT, NANODOSE_STOP_RAMP);
}

void condition_begin(struct runner *r, struct lane *lane)
{
	char *error = NULL;

	lane->step.until = expression_new(lane->step.step->until, &error);
	lane->step.values = calloc(r->channel_count + 1, sizeof(*lane->step.values));
	if (!lane->step.until || !lane->step.values)
		failed(r, lane, error);
	free(error);
}

/*
 * Whether the signals of the expression can be used. One that has not come yet
 * may come within its age; one that is older, or is no number, stops the run.
 */
static bool signals_ready(struct runner *r, struct lane *lane, double *values, bool *wait)
{
	const struct protocol_step *step = lane->step.step;

	*wait = false;
	for (size_t i = 0; i < r->protocol->signal_count; i++) {
		const struct protocol_signal *signal = &r->protocol->signals[i];
		const struct reading *reading = readings_get(r->readings, i);
		uint64_t since_ns = reading->time_ns ? reading->time_ns : lane->step.begin_ns;
		double age_s = r->now_ns > since_ns ? (r->now_ns - since_ns) / 1e9 : 0;
		char text[sizeof(reading->wrong) + 200];

		values[i] = reading->value;
		if (!expression_uses_signal(step->until, signal->name))
			continue;
		if (*reading->wrong)
			snprintf(text, sizeof(text), "what came is no reading: %s", reading->wrong);
		else if (age_s > signal->max_age_s && reading->time_ns)
			snprintf(text, sizeof(text), "the newest reading is %.3g s old, %.3g s are allowed",
				 age_s, signal->max_age_s);
		else if (age_s > signal->max_age_s)
			snprintf(text, sizeof(text), "no reading has come from %s for %.3g s", signal->path,
				 signal->max_age_s);
		else
			text[0] = '\0';
		if (*text) {
			run_event(r, RECORD_FAULT, RECORD_PROTOCOL, NULL, step->at.line, "signal '%s': %s",
				  signal->name, text);
			if (!remedy_begin(r, PROTOCOL_SIGNAL_LOST))
				run_stop(r, NANODOSE_EXIT_FAULT, NANODOSE_STOP_RAMP);
			return false;
		}
		*wait = *wait || !reading->time_ns;
	}
	return true;
}

/* A choice is made by these: the record is to tell. */
void condition_tell_signals(struct runner *r, struct lane *lane)
{
	for (size_t i = 0; i < r->protocol->signal_count; i++) {
		const struct protocol_signal *signal = &r->protocol->signals[i];
		const struct reading *reading = readings_get(r->readings, i);

		if (lane->step.step->until && expression_uses_signal(lane->step.step->until, signal->name))
			run_event(r, RECORD_INFO, RECORD_PROTOCOL, NULL, signal->at.line,
				  "signal '%s' was %.10g %s, read %.3g s before", signal->name, reading->value,
				  strcmp(signal->unit, "1") ? signal->unit : "",
				  r->now_ns > reading->time_ns ? (r->now_ns - reading->time_ns) / 1e9 : 0);
	}
}

enum condition condition_holds(struct runner *r, struct lane *lane)
{
	size_t number = lane->step.step->call;
	const struct protocol_call *call = number ? &r->protocol->calls[number - 1] : NULL;
	double signals[r->protocol->signal_count + 1];
	bool wait;
	struct expression_values values = {
		.channels = lane->step.values,
		.channel_count = r->channel_count,
		.signals = r->protocol->signals,
		.signal_values = signals,
		.signal_count = r->protocol->signal_count,
		.time_s = r->now_ns > lane->step.begin_ns ? (r->now_ns - lane->step.begin_ns) / 1e9 : 0,
		.elapsed_s = r->past_s + run_elapsed_s(r),
		.inputs = call ? call->inputs : r->protocol->inputs,
		.input_count = call ? call->input_count : r->protocol->input_count,
	};
	char *error = NULL;
	double value;

	if (!signals_ready(r, lane, signals, &wait))
		return CONDITION_FAILED;
	if (wait)
		return CONDITION_UNKNOWN;
	for (size_t i = 0; i < r->channel_count; i++) {
		const struct channel *c = &r->channels[i];

		lane->step.values[i] = (struct expression_channel){
			.name = call ? call->channel_names[i] : c->plan->name,
			.flow_ul_min = c->flow_m3_s / UL_MIN,
			.setpoint_ul_min = channel_set_point_m3_s(c) / UL_MIN,
			.volume_ul = channel_delivered_m3(c) / UL,
			.pressure_kpa = c->pressure_pa / 1000,
			.temperature_c = c->temperature_c,
		};
	}
	if (expression_evaluate(lane->step.until, &values, &value, &error)) {
		failed(r, lane, error);
		free(error);
		return CONDITION_FAILED;
	}
	return value != 0 ? CONDITION_HOLDS : CONDITION_FAILS;
}

void condition_end(struct lane *lane)
{
	expression_free(lane->step.until);
	free(lane->step.values);
}
