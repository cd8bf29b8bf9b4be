// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What is said at the end of a run, to programs and to people.
 */
#include <json-c/json.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "run.h"

#define UL 1e-9
#define UG 1e-9	/* kg */

static const char *const severities[] = {
	[RECORD_INFO] = "info", [RECORD_WARNING] = "warning", [RECORD_FAULT] = "fault",
};

static const char *const sources[] = {
	[RECORD_OPERATOR] = "operator", [RECORD_PROTOCOL] = "protocol",
	[RECORD_INTERLOCK] = "interlock", [RECORD_KERNEL] = "kernel", [RECORD_PROGRAM] = "program",
};

const char *run_status_word(enum nanodose_exit outcome)
{
	switch (outcome) {
	case NANODOSE_EXIT_DONE:
		return "done";
	case NANODOSE_EXIT_FAULT:
		return "stopped by a fault or interlock";
	case NANODOSE_EXIT_OPERATOR:
		return "stopped by the operator";
	case NANODOSE_EXIT_GONE:
		return "device gone";
	case NANODOSE_EXIT_REFUSED:
	case NANODOSE_EXIT_USAGE:
		break;
	}
	return "refused before anything moved";
}

struct figures {
	double target_ul, delivered_ul, error_pct;
	double settle_s, overshoot_pct, flow_cv_pct, max_pressure_kpa;
	double particles_target, particles_delivered;
	double mass_target_ug, mass_delivered_ug;
};

static struct figures figures_of(const struct runner *r, size_t i)
{
	const struct channel *c = &r->channels[i];
	/* What was to be given, not what a rescue gives. */
	double target_m3 = program_net_m3(r->given_up ? r->given_up : r->program, i) - c->spared_m3;
	double delivered_m3 = channel_delivered_m3(c);
	double concentration = c->plan->concentration_per_m3 > 0 ? c->plan->concentration_per_m3 :
								   NAN;

	return (struct figures){
		.target_ul = target_m3 / UL,
		.delivered_ul = delivered_m3 / UL,
		.error_pct = target_m3 != 0 ? 100 * (delivered_m3 - target_m3) / fabs(target_m3) :
					      NAN,
		.settle_s = metrics_settle_s(&c->metrics),
		.overshoot_pct = metrics_overshoot_pct(&c->metrics),
		.flow_cv_pct = metrics_flow_cv_pct(&c->metrics),
		.max_pressure_kpa = metrics_max_pressure_kpa(&c->metrics),
		.particles_target = concentration * target_m3,
		.particles_delivered = concentration * delivered_m3,
		.mass_target_ug = c->plan->mass_concentration_kg_m3 * target_m3 / UG,
		.mass_delivered_ug = c->plan->mass_concentration_kg_m3 * delivered_m3 / UG,
	};
}

/* JSON has no NAN: what is not known is null. */
static void add_number(struct json_object *object, const char *name, double value)
{
	char text[32];

	snprintf(text, sizeof(text), "%.9g", value);
	json_object_object_add(object, name,
			       isfinite(value) ? json_object_new_double_s(value, text) : NULL);
}

static const char *record_name(const struct runner *r)
{
	return r->options.record_called ? r->options.record_called : r->record_path;
}

static struct json_object *channel_json(const struct runner *r, size_t i)
{
	const struct channel *c = &r->channels[i];
	struct figures f = figures_of(r, i);
	struct json_object *object = json_object_new_object();

	json_object_object_add(object, "name", json_object_new_string(c->plan->name));
	json_object_object_add(object, "pump", json_object_new_string(c->plan->pump));
	add_number(object, "target_ul", f.target_ul);
	add_number(object, "delivered_ul", f.delivered_ul);
	add_number(object, "error_pct", f.error_pct);
	add_number(object, "settle_s", f.settle_s);
	add_number(object, "overshoot_pct", f.overshoot_pct);
	add_number(object, "flow_cv_pct", f.flow_cv_pct);
	add_number(object, "max_pressure_kpa", f.max_pressure_kpa);
	add_number(object, "particles_target", f.particles_target);
	add_number(object, "particles_delivered", f.particles_delivered);
	if (c->plan->mass_concentration_kg_m3 > 0) {
		add_number(object, "mass_target_ug", f.mass_target_ug);
		add_number(object, "mass_delivered_ug", f.mass_delivered_ug);
	}
	json_object_object_add(object, "steps", json_object_new_int64(c->position - c->origin));
	return object;
}

static struct json_object *event_json(const struct run_event_view *event)
{
	struct json_object *object = json_object_new_object();

	add_number(object, "time_s", event->time_s);
	json_object_object_add(object, "severity",
			       json_object_new_string(severities[event->severity]));
	json_object_object_add(object, "source", json_object_new_string(sources[event->source]));
	json_object_object_add(object, "text", json_object_new_string(event->text));
	return object;
}

char *runner_summary_json(const struct runner *r)
{
	struct json_object *object = json_object_new_object();
	struct json_object *channels = json_object_new_array(), *events = json_object_new_array();
	char *text;

	json_object_object_add(object, "protocol", json_object_new_string(r->protocol->name));
	json_object_object_add(object, "rehearsal", json_object_new_boolean(!!r->options.rehearsal));
	json_object_object_add(object, "status",
			       json_object_new_string(run_status_word(r->outcome)));
	json_object_object_add(object, "exit_status", json_object_new_int(r->outcome));
	add_number(object, "duration_s", run_elapsed_s(r));
	json_object_object_add(object, "record", json_object_new_string(record_name(r)));
	/* Not known yet when the record itself takes the summary. */
	if (*r->seal)
		json_object_object_add(object, "seal", json_object_new_string(r->seal));
	for (size_t i = 0; i < r->channel_count; i++)
		json_object_array_add(channels, channel_json(r, i));
	json_object_object_add(object, "channels", channels);
	for (size_t i = 0; i < r->event_count; i++)
		json_object_array_add(events, event_json(&r->events[i]));
	json_object_object_add(object, "events", events);
	text = strdup(json_object_to_json_string_ext(
		object, JSON_C_TO_STRING_SPACED | JSON_C_TO_STRING_PRETTY |
				JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(object);
	return text;
}

/* A number in a column of its own; a dash where there is none. */
static void print_cell(FILE *out, int width, int digits, double value)
{
	if (isfinite(value))
		fprintf(out, "  %*.*f", width, digits, value);
	else
		fprintf(out, "  %*s", width, "-");
}

void runner_summary_print(const struct runner *r, void *stream)
{
	FILE *out = stream;

	fprintf(out, "%s: %s after %.1f s\n\n", r->protocol->name, run_status_word(r->outcome),
		run_elapsed_s(r));
	fprintf(out, "%-12s  %10s  %12s  %7s  %8s  %6s  %5s  %7s\n", "channel", "target uL",
		"delivered uL", "error %", "settle s", "over %", "CV %", "max kPa");
	for (size_t i = 0; i < r->channel_count; i++) {
		struct figures f = figures_of(r, i);

		fprintf(out, "%-12s", r->channels[i].plan->name);
		print_cell(out, 10, 3, f.target_ul);
		print_cell(out, 12, 3, f.delivered_ul);
		print_cell(out, 7, 3, f.error_pct);
		print_cell(out, 8, 2, f.settle_s);
		print_cell(out, 6, 1, f.overshoot_pct);
		print_cell(out, 5, 1, f.flow_cv_pct);
		print_cell(out, 7, 1, f.max_pressure_kpa);
		fputc('\n', out);
		if (isfinite(f.particles_target))
			fprintf(out, "%-12s  %10.4g  %12.4g  particles\n", "", f.particles_target,
				f.particles_delivered);
		if (f.mass_target_ug > 0)
			fprintf(out, "%-12s  %10.4g  %12.4g  ug of particles\n", "", f.mass_target_ug,
				f.mass_delivered_ug);
	}
	fputc('\n', out);
	for (size_t i = 0; i < r->event_count; i++)
		if (r->events[i].severity != RECORD_INFO)
			fprintf(out, "%9.2f s  %-7s  %s\n", r->events[i].time_s,
				severities[r->events[i].severity], r->events[i].text);
	fprintf(out, "record: %s\n", record_name(r));
	if (*r->seal)
		fprintf(out, "seal: %s\n", r->seal);
}
