// SPDX-License-Identifier: GPL-2.0-or-later
#include <json-c/json.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire.h"

/* The numbers of a channel, in the order of the line. */
enum {
	SETPOINT, FLOW, ESTIMATE, PUMP_RATE, DELIVERED, TARGET, PARTICLES, PARTICLES_TARGET,
	PRESSURE, TEMPERATURE, FAULTS, STATE, FLAGS, GONE, BAND, STORED, CHANNEL_NUMBERS,
};

enum {
	SAMPLE_TIME, SAMPLE_FLOW, SAMPLE_ESTIMATE, SAMPLE_SETPOINT, SAMPLE_PRESSURE, SAMPLE_BAND, SAMPLE_DELIVERED,
	SAMPLE_NUMBERS,
};

static const char *const command_names[] = { "pause", "resume", "stop", "emergency_stop", "yes", "no", "take", "detach" };

#define COMMANDS (int)(sizeof(command_names) / sizeof(command_names[0]))

const char *wire_command_name(enum run_command command)
{
	return command_names[command];
}

int wire_command(const char *name)
{
	for (int i = 0; i < COMMANDS; i++)
		if (!strcmp(name, command_names[i]))
			return i;
	return -1;
}

/* ---- from the run ---------------------------------------------------------------------- */

static struct json_object *number(double value)
{
	char text[32];

	if (!isfinite(value))
		return NULL;
	snprintf(text, sizeof(text), "%.9g", value);
	/* Short where that is the same number, as those of sensors are. */
	if (strtod(text, NULL) != value)
		snprintf(text, sizeof(text), "%.17g", value);
	return json_object_new_double_s(value, text);
}

static struct json_object *text_or_null(const char *text)
{
	return text ? json_object_new_string(text) : NULL;
}

static struct json_object *numbers(const double *values, size_t count)
{
	struct json_object *array = json_object_new_array();

	for (size_t i = 0; i < count; i++)
		json_object_array_add(array, number(values[i]));
	return array;
}

static struct json_object *fixed(const struct run_view *view)
{
	struct json_object *object = json_object_new_object(), *channels = json_object_new_array();
	struct json_object *steps = json_object_new_array();
	/* Whoever hears of it may be in another folder. */
	char *record = view->record_path ? realpath(view->record_path, NULL) : NULL;

	json_object_object_add(object, "protocol", text_or_null(view->protocol_name));
	json_object_object_add(object, "protocol_path", text_or_null(view->protocol_path));
	json_object_object_add(object, "record", text_or_null(record ? record : view->record_path));
	free(record);
	json_object_object_add(object, "planned_s", number(view->planned_s));
	for (size_t i = 0; i < view->channel_count; i++) {
		const struct run_channel_view *c = &view->channels[i];
		struct json_object *one = json_object_new_object();

		json_object_object_add(one, "name", text_or_null(c->name));
		json_object_object_add(one, "pump", text_or_null(c->pump));
		json_object_object_add(one, "device", text_or_null(c->device));
		json_object_object_add(one, "sensor", text_or_null(c->sensor));
		json_object_object_add(one, "step_ul", number(c->step_ul));
		json_object_object_add(one, "weighed", text_or_null(c->weighed));
		json_object_object_add(one, "calibrated", text_or_null(c->calibrated));
		json_object_object_add(one, "syringe", text_or_null(c->syringe));
		json_object_object_add(one, "fluid", text_or_null(c->fluid));
		json_object_object_add(one, "peak_ul_min", number(c->peak_ul_min));
		json_object_array_add(channels, one);
	}
	json_object_object_add(object, "channels", channels);
	for (size_t i = 0; i < view->step_count; i++) {
		struct json_object *one = json_object_new_array();

		json_object_array_add(one, text_or_null(view->steps[i].text));
		json_object_array_add(one, json_object_new_int(view->steps[i].depth));
		json_object_array_add(one, json_object_new_int(view->steps[i].line));
		json_object_array_add(steps, one);
	}
	json_object_object_add(object, "steps", steps);
	return object;
}

static struct json_object *channels_now(const struct run_view *view)
{
	struct json_object *array = json_object_new_array();

	for (size_t i = 0; i < view->channel_count; i++) {
		const struct run_channel_view *c = &view->channels[i];
		const double values[CHANNEL_NUMBERS] = {
			[SETPOINT] = c->setpoint_ul_min, [FLOW] = c->flow_ul_min,
			[ESTIMATE] = c->estimate_ul_min, [PUMP_RATE] = c->pump_rate_ul_min,
			[DELIVERED] = c->delivered_ul, [TARGET] = c->target_ul,
			[PARTICLES] = c->particles_delivered, [PARTICLES_TARGET] = c->particles_target,
			[PRESSURE] = c->pressure_kpa, [TEMPERATURE] = c->temperature_c,
			[FAULTS] = c->faults, [STATE] = c->state, [FLAGS] = c->sensor_flags, [GONE] = c->gone,
			[BAND] = c->band_ul_min, [STORED] = c->stored_ul,
		};

		json_object_array_add(array, numbers(values, CHANNEL_NUMBERS));
	}
	return array;
}

static bool same_step(const struct run_step_view *a, const struct run_step_view *b)
{
	return a->state == b->state && a->progress == b->progress && a->round == b->round && a->rounds == b->rounds;
}

static struct json_object *steps_now(const struct run_view *view, struct wire_told *told, bool all)
{
	struct json_object *array = json_object_new_array();

	for (size_t i = 0; i < view->step_count; i++) {
		const struct run_step_view *step = &view->steps[i];
		const double values[] = { i, step->state, step->progress, step->round, step->rounds };

		if (!all && same_step(step, &told->steps[i]))
			continue;
		told->steps[i] = *step;
		json_object_array_add(array, numbers(values, 5));
	}
	return array;
}

static struct json_object *events_now(const struct run_view *view, struct wire_told *told)
{
	struct json_object *array = json_object_new_array();

	for (; told->event_count < view->event_count; told->event_count++) {
		const struct run_event_view *event = &view->events[told->event_count];
		struct json_object *one = json_object_new_array();

		json_object_array_add(one, number(event->time_s));
		json_object_array_add(one, json_object_new_int(event->severity));
		json_object_array_add(one, json_object_new_int(event->source));
		json_object_array_add(one, json_object_new_string(event->text));
		json_object_array_add(array, one);
	}
	return array;
}

static struct json_object *sample_line(const struct run_sample *s)
{
	const double values[SAMPLE_NUMBERS] = {
		[SAMPLE_TIME] = s->time_s, [SAMPLE_FLOW] = s->flow_ul_min, [SAMPLE_ESTIMATE] = s->estimate_ul_min,
		[SAMPLE_SETPOINT] = s->setpoint_ul_min, [SAMPLE_PRESSURE] = s->pressure_kpa,
		[SAMPLE_BAND] = s->band_ul_min, [SAMPLE_DELIVERED] = s->delivered_ul,
	};

	return numbers(values, SAMPLE_NUMBERS);
}

/* Once: what is older than the history; the screen goes on with it by itself. */
static struct json_object *wholes(const struct run_view *view)
{
	struct json_object *array = json_object_new_array();

	for (size_t i = 0; i < view->channel_count; i++) {
		const struct run_whole *whole = view->channels[i].whole;
		struct json_object *samples = json_object_new_array();

		for (size_t k = 0; whole && k < whole->count; k++)
			json_object_array_add(samples, sample_line(&whole->samples[k]));
		json_object_array_add(samples, json_object_new_int(whole ? whole->every : 1));
		json_object_array_add(array, samples);
	}
	return array;
}

static struct json_object *history_now(const struct run_view *view, struct wire_told *told)
{
	struct json_object *array = json_object_new_array();

	for (size_t i = 0; i < view->channel_count; i++) {
		const struct run_channel_view *c = &view->channels[i];
		struct json_object *samples = json_object_new_array();
		size_t fresh = 0;

		while (fresh < c->history_count &&
		       c->history[(c->history_end + RUN_HISTORY - 1 - fresh) % RUN_HISTORY].time_s > told->history_s[i])
			fresh++;
		for (; fresh; fresh--) {
			const struct run_sample *s =
				&c->history[(c->history_end + RUN_HISTORY - fresh) % RUN_HISTORY];

			json_object_array_add(samples, sample_line(s));
			told->history_s[i] = s->time_s;
		}
		json_object_array_add(array, samples);
	}
	return array;
}

/* The first line of a program: what was told of another one's steps does not count. */
static bool begin(const struct run_view *view, struct wire_told *told)
{
	struct run_step_view *steps = calloc(view->step_count + 1, sizeof(*steps));

	if (!told->history_s) {
		told->history_s = calloc(view->channel_count + 1, sizeof(*told->history_s));
		for (size_t i = 0; told->history_s && i < view->channel_count; i++)
			told->history_s[i] = -1;
	}
	if (!steps || !told->history_s) {
		free(steps);
		return false;
	}
	free(told->steps);
	told->steps = steps;
	told->program = view->steps;
	told->step_count = view->step_count;
	return true;
}

char *wire_write(const struct run_view *view, struct wire_told *told, const char *controller)
{
	bool all = told->program != view->steps || told->step_count != view->step_count || !told->steps;
	struct json_object *object;
	bool first = !told->history_s;
	char *line;

	if (all && !begin(view, told))
		return NULL;
	object = json_object_new_object();
	if (all)
		json_object_object_add(object, "fixed", fixed(view));
	if (first)
		json_object_object_add(object, "wholes", wholes(view));
	json_object_object_add(object, "status", json_object_new_int(view->status));
	json_object_object_add(object, "status_text", text_or_null(view->status_text));
	json_object_object_add(object, "elapsed_s", number(view->elapsed_s));
	json_object_object_add(object, "left_s", number(view->left_s));
	json_object_object_add(object, "progress", number(view->progress));
	json_object_object_add(object, "question", text_or_null(view->question));
	json_object_object_add(object, "question_left_s", number(view->question_left_s));
	json_object_object_add(object, "active", json_object_new_int64(view->step_active));
	json_object_object_add(object, "controller", text_or_null(controller));
	json_object_object_add(object, "channels", channels_now(view));
	json_object_object_add(object, "steps", steps_now(view, told, all));
	json_object_object_add(object, "events", events_now(view, told));
	json_object_object_add(object, "history", history_now(view, told));
	line = strdup(json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(object);
	return line;
}

void wire_forget(struct wire_told *told)
{
	free(told->steps);
	free(told->history_s);
	*told = (struct wire_told){ .program = NULL };
}

/* ---- to the screen ----------------------------------------------------------------------- */

static struct json_object *member(struct json_object *object, const char *name, enum json_type type)
{
	struct json_object *found;

	return json_object_object_get_ex(object, name, &found) && json_object_is_type(found, type) ? found : NULL;
}

static const char *text_of(struct json_object *object, const char *name)
{
	struct json_object *found = member(object, name, json_type_string);

	return found ? json_object_get_string(found) : NULL;
}

static double number_of(struct json_object *value, double none)
{
	return value ? json_object_get_double(value) : none;
}

static double number_in(struct json_object *object, const char *name, double none)
{
	struct json_object *found;

	return json_object_object_get_ex(object, name, &found) ? number_of(found, none) : none;
}

static size_t length_of(struct json_object *array)
{
	return array && json_object_is_type(array, json_type_array) ? json_object_array_length(array) : 0;
}

static double at(struct json_object *array, size_t i)
{
	return i < length_of(array) ? number_of(json_object_array_get_idx(array, i), NAN) : NAN;
}

static const char *named(struct json_object *object, const char *name)
{
	const char *text = text_of(object, name);

	return text ? text : "";
}

static int take_fixed(struct replica *r, struct json_object *told)
{
	struct json_object *channels = member(told, "channels", json_type_array);
	struct json_object *steps = member(told, "steps", json_type_array);
	struct run_view *view = &r->view;
	struct run_step_view *new_steps;

	if (!channels || !steps || (view->channels && length_of(channels) != view->channel_count))
		return -1;
	new_steps = calloc(length_of(steps) + 1, sizeof(*new_steps));
	if (!view->channels) {
		view->channel_count = length_of(channels);
		view->channels = calloc(view->channel_count + 1, sizeof(*view->channels));
		r->history = calloc((view->channel_count + 1) * RUN_HISTORY, sizeof(*r->history));
		r->wholes = calloc(view->channel_count + 1, sizeof(*r->wholes));
	}
	if (!new_steps || !view->channels || !r->history || !r->wholes) {
		free(new_steps);
		return -1;
	}
	free(view->steps);
	view->steps = new_steps;
	view->step_count = length_of(steps);
	json_object_put(r->fixed);
	r->fixed = json_object_get(told);
	view->protocol_name = named(told, "protocol");
	view->protocol_path = named(told, "protocol_path");
	view->record_path = named(told, "record");
	view->planned_s = number_in(told, "planned_s", 0);
	for (size_t i = 0; i < view->channel_count; i++) {
		struct json_object *one = json_object_array_get_idx(channels, i);
		struct run_channel_view *c = &view->channels[i];

		c->name = named(one, "name");
		c->pump = named(one, "pump");
		c->device = named(one, "device");
		c->sensor = named(one, "sensor");
		c->step_ul = number_in(one, "step_ul", 0);
		c->weighed = named(one, "weighed");
		c->calibrated = named(one, "calibrated");
		c->syringe = named(one, "syringe");
		c->fluid = named(one, "fluid");
		c->peak_ul_min = number_in(one, "peak_ul_min", 0);
		c->history = r->history + i * RUN_HISTORY;
		c->whole = &r->wholes[i];
	}
	for (size_t i = 0; i < view->step_count; i++) {
		struct json_object *one = json_object_array_get_idx(steps, i);
		struct json_object *text = length_of(one) ? json_object_array_get_idx(one, 0) : NULL;

		new_steps[i].text = text ? json_object_get_string(text) : "";
		new_steps[i].depth = fmax(0, at(one, 1));
		new_steps[i].line = fmax(0, at(one, 2));
	}
	return 0;
}

static void take_channels(struct run_view *view, struct json_object *array)
{
	for (size_t i = 0; i < length_of(array) && i < view->channel_count; i++) {
		struct json_object *one = json_object_array_get_idx(array, i);
		struct run_channel_view *c = &view->channels[i];

		c->setpoint_ul_min = at(one, SETPOINT);
		c->flow_ul_min = at(one, FLOW);
		c->estimate_ul_min = at(one, ESTIMATE);
		c->pump_rate_ul_min = at(one, PUMP_RATE);
		c->delivered_ul = at(one, DELIVERED);
		c->target_ul = at(one, TARGET);
		c->particles_delivered = at(one, PARTICLES);
		c->particles_target = at(one, PARTICLES_TARGET);
		c->pressure_kpa = at(one, PRESSURE);
		c->temperature_c = at(one, TEMPERATURE);
		c->faults = fmax(0, at(one, FAULTS));
		c->state = fmax(0, at(one, STATE));
		c->sensor_flags = fmax(0, at(one, FLAGS));
		c->gone = at(one, GONE) > 0;
		c->band_ul_min = at(one, BAND);
		c->stored_ul = at(one, STORED);
	}
}

static void take_steps(struct run_view *view, struct json_object *array)
{
	for (size_t i = 0; i < length_of(array); i++) {
		struct json_object *one = json_object_array_get_idx(array, i);
		double index = at(one, 0), state = at(one, 1);
		struct run_step_view *step;

		if (!(index >= 0 && index < view->step_count && state >= RUN_STEP_TODO && state <= RUN_STEP_SKIPPED))
			continue;
		step = &view->steps[(size_t)index];
		step->state = (int)state;
		step->progress = fmax(0, at(one, 2));
		step->round = fmax(0, at(one, 3));
		step->rounds = fmax(0, at(one, 4));
	}
}

static int take_events(struct replica *r, struct json_object *array)
{
	size_t fresh = length_of(array);
	struct run_event_view *events;

	if (!fresh)
		return 0;
	events = reallocarray(r->events, r->view.event_count + fresh, sizeof(*events));
	if (!events)
		return -1;
	r->events = events;
	r->view.events = events;
	for (size_t i = 0; i < fresh; i++) {
		struct json_object *one = json_object_array_get_idx(array, i);
		struct json_object *text = length_of(one) > 3 ? json_object_array_get_idx(one, 3) : NULL;
		char *copy = strdup(text ? json_object_get_string(text) : "");

		if (!copy)
			return -1;
		events[r->view.event_count++] = (struct run_event_view){
			.time_s = fmax(0, at(one, 0)),
			.severity = (int)fmin(fmax(0, at(one, 1)), RECORD_FAULT),
			.source = (int)fmin(fmax(0, at(one, 2)), RECORD_PROGRAM),
			.text = copy,
		};
	}
	return 0;
}

static struct run_sample sample_of(struct json_object *line)
{
	return (struct run_sample){
		.time_s = at(line, SAMPLE_TIME), .flow_ul_min = at(line, SAMPLE_FLOW),
		.estimate_ul_min = at(line, SAMPLE_ESTIMATE), .setpoint_ul_min = at(line, SAMPLE_SETPOINT),
		.pressure_kpa = at(line, SAMPLE_PRESSURE), .band_ul_min = at(line, SAMPLE_BAND),
		.delivered_ul = at(line, SAMPLE_DELIVERED),
	};
}

static void take_wholes(struct replica *r, struct json_object *array)
{
	for (size_t i = 0; i < length_of(array) && i < r->view.channel_count; i++) {
		struct json_object *samples = json_object_array_get_idx(array, i);
		size_t count = length_of(samples);
		struct run_whole *whole = &r->wholes[i];

		if (!count)
			continue;
		*whole = (struct run_whole){ .every = 1 };
		for (size_t k = 0; k < count - 1; k++) {
			struct run_sample sample = sample_of(json_object_array_get_idx(samples, k));

			run_whole_add(whole, &sample);
		}
		whole->every = fmin(fmax(1, at(samples, count - 1)), 1 << 30);
	}
}

static void take_history(struct replica *r, struct json_object *array)
{
	for (size_t i = 0; i < length_of(array) && i < r->view.channel_count; i++) {
		struct json_object *samples = json_object_array_get_idx(array, i);
		struct run_channel_view *c = &r->view.channels[i];

		for (size_t k = 0; k < length_of(samples); k++) {
			struct json_object *one = json_object_array_get_idx(samples, k);

			struct run_sample sample = sample_of(one);

			r->history[i * RUN_HISTORY + c->history_end] = sample;
			run_whole_add(&r->wholes[i], &sample);
			c->history_end = (c->history_end + 1) % RUN_HISTORY;
			c->history_count += c->history_count < RUN_HISTORY;
		}
	}
}

static int take_now(struct replica *r, struct json_object *now)
{
	struct json_object *told = member(now, "fixed", json_type_object);
	struct run_view *view = &r->view;
	double status = number_in(now, "status", -1);

	if ((told && take_fixed(r, told)) || !view->channels || !(status >= RUN_STARTING && status <= RUN_DEVICE_GONE))
		return -1;
	json_object_put(r->now);
	r->now = json_object_get(now);
	view->status = (int)status;
	view->status_text = named(now, "status_text");
	view->elapsed_s = number_in(now, "elapsed_s", 0);
	view->left_s = number_in(now, "left_s", 0);
	view->progress = number_in(now, "progress", 0);
	view->question = text_of(now, "question");
	view->question_left_s = number_in(now, "question_left_s", INFINITY);
	view->step_active = fmin(fmax(0, number_in(now, "active", 0)), view->step_count);
	r->controller = text_of(now, "controller");
	take_channels(view, member(now, "channels", json_type_array));
	take_steps(view, member(now, "steps", json_type_array));
	take_wholes(r, member(now, "wholes", json_type_array));
	take_history(r, member(now, "history", json_type_array));
	if (take_events(r, member(now, "events", json_type_array)))
		return -1;
	r->told = true;
	return 0;
}

/* Another user's run may say what it likes, but nothing that a terminal would obey. */
static bool harmless(const char *line)
{
	for (const unsigned char *c = (const unsigned char *)line; *c; c++)
		if (*c < ' ' || *c == 0x7f || (c[0] == 0xc2 && c[1] >= 0x80 && c[1] < 0xa0))
			return false;
	return !strstr(line, "\\u00") && !strstr(line, "\\b") && !strstr(line, "\\f");
}

int replica_take(struct replica *r, const char *line)
{
	struct json_object *now = harmless(line) ? json_tokener_parse(line) : NULL;
	int result = now && json_object_is_type(now, json_type_object) ? take_now(r, now) : -1;

	json_object_put(now);
	return result;
}

void replica_clear(struct replica *r)
{
	for (size_t i = 0; i < r->view.event_count; i++)
		free((char *)r->events[i].text);
	free(r->events);
	free(r->history);
	free(r->wholes);
	free(r->view.steps);
	free(r->view.channels);
	json_object_put(r->fixed);
	json_object_put(r->now);
	*r = (struct replica){ .told = false };
}
