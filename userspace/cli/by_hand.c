// SPDX-License-Identifier: GPL-2.0-or-later
#include "by_hand.h"

#include <errno.h>
#include <getopt.h>
#include <json-c/json.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config.h"
#include "verbs.h"

#define JSON_FLAGS (JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED | JSON_C_TO_STRING_NOSLASHESCAPE)

enum { OPTION_SYRINGE = 256, OPTION_RATE, OPTION_FLUID, OPTION_CLEAR, OPTION_JSON };

static const struct option all_options[] = {
	{ "syringe", required_argument, NULL, OPTION_SYRINGE },
	{ "rate", required_argument, NULL, OPTION_RATE },
	{ "fluid", required_argument, NULL, OPTION_FLUID },
	{ "clear", no_argument, NULL, OPTION_CLEAR },
	{ "json", no_argument, NULL, OPTION_JSON },
	{ "help", no_argument, NULL, 'h' },
	/* of some of the verbs */
	{ "yes", no_argument, NULL, 'y' },
	{ "withdraw", no_argument, NULL, 'w' },
	{ "plus", no_argument, NULL, 'p' },
	{ "volume", required_argument, NULL, 'v' },
	{ "weigh", no_argument, NULL, 'g' },
	{ "density", required_argument, NULL, 'd' },
	{ "name", required_argument, NULL, 'n' },
};

#define COUNT (sizeof(all_options) / sizeof(all_options[0]))

static int find_syringe(struct by_hand *by_hand, const char *name)
{
	const char *near[3];
	size_t count;

	by_hand->syringe = config_syringe(name);
	if (by_hand->syringe)
		return 0;
	count = nanodose_syringe_suggest(name, near, 3);
	return verb_usage_error(by_hand->verb, "there is no syringe \"%s\" in the table%s%s%s", name,
				count ? "; did you mean \"" : "", count ? near[0] : "", count ? "\"?" : "");
}

static int find_fluid(struct by_hand *by_hand, const char *name)
{
	by_hand->medium = !strcmp(name, "ipa") ? NANODOSE_MEDIUM_IPA : NANODOSE_MEDIUM_WATER;
	if (by_hand->medium == NANODOSE_MEDIUM_IPA || !strcmp(name, "water"))
		return 0;
	return verb_usage_error(by_hand->verb, "--fluid %s: the sensors are calibrated for water and ipa", name);
}

static int take_option(struct by_hand *by_hand, int option)
{
	switch (option) {
	case OPTION_SYRINGE:
		return find_syringe(by_hand, optarg);
	case OPTION_RATE:
		by_hand->rate = optarg;
		return 0;
	case OPTION_FLUID:
		return find_fluid(by_hand, optarg);
	case OPTION_CLEAR:
		by_hand->clear = true;
		return 0;
	case OPTION_JSON:
		by_hand->json = true;
		return 0;
	case 'y':
		by_hand->yes = true;
		return 0;
	case 'w':
		by_hand->withdraw = true;
		return 0;
	case 'p':
		by_hand->plus = true;
		return 0;
	case 'v':
		by_hand->volume = optarg;
		return 0;
	case 'g':
		by_hand->weigh = true;
		return 0;
	case 'd':
		by_hand->density = optarg;
		return 0;
	case 'n':
		by_hand->name = optarg;
		return 0;
	case 'h':
		return -1;
	default:
		return verb_usage_error(by_hand->verb, NULL);
	}
}

int by_hand_parse(struct by_hand *by_hand, int argc, char **argv, const char *letters)
{
	struct option options[COUNT + 1] = { 0 };
	int option, status = 0;
	size_t count = 0;

	for (size_t i = 0; i < COUNT; i++)
		if (!strchr("ywpvgdn", all_options[i].val) || strchr(letters, all_options[i].val))
			options[count++] = all_options[i];
	while (!status && (option = getopt_long(argc, argv, "h", options, NULL)) != -1)
		status = take_option(by_hand, option);
	if (status)
		return status;
	if (optind == argc)
		return verb_usage_error(by_hand->verb, "name the pump; \"nanodose list\" shows those there are");
	by_hand->device = argv[optind++];
	return 0;
}

struct jog *by_hand_open(struct by_hand *by_hand, enum nanodose_exit *status)
{
	struct jog *jog = jog_open(by_hand->device, by_hand->syringe, by_hand->medium, status);

	if (!jog)
		return NULL;
	*status = stops_open(&by_hand->stops, jog);
	if (!*status && by_hand->clear && !jog_clear_faults(jog)) {
		fprintf(stderr, "nanodose %s: %s\n", by_hand->verb, jog_view(jog)->message);
		*status = jog_view(jog)->result;
	}
	if (!*status)
		return jog;
	by_hand_close(by_hand, jog);
	return NULL;
}

void by_hand_close(struct by_hand *by_hand, struct jog *jog)
{
	stops_close(&by_hand->stops);
	jog_close(jog);
}

/* "200 steps", "1 step", with @rest "/s" behind it: the number, if that is what @text says. */
static bool parse_steps(const char *text, const char *rest, double *steps)
{
	char *end;

	*steps = strtod(text, &end);
	if (end == text || !isfinite(*steps))
		return false;
	end += strspn(end, " ");
	if (strncmp(end, "step", 4))
		return false;
	end += end[4] == 's' ? 5 : 4;
	return !strcmp(end, rest);
}

/* A number that has a unit, to the unit. */
static bool parse_unit(const char *text, const char *unit, double *value)
{
	char *end, *error = NULL;
	bool good;

	strtod(text, &end);
	good = *end && !nanodose_reading_parse(text, unit, value, &error);
	free(error);
	return good;
}

int by_hand_rate(const struct by_hand *by_hand, const struct jog *jog, double speed_m_s, int64_t *rate_nhz)
{
	const struct jog_view *view = jog_view(jog);
	double value = 0, most = view->info.max_rate_nhz * 1e-9;
	const char *text = by_hand->rate;

	*rate_nhz = jog_rate_nhz(jog, speed_m_s);
	if (!text)
		return 0;
	if (parse_unit(text, "m/s", &value))
		value /= view->step_m;
	else if (parse_unit(text, "m3/s", &value))
		value /= view->step_m3;
	else if (!parse_steps(text, "/s", &value))
		return verb_usage_error(by_hand->verb, "--rate %s: should be such as \"0.1 mm/s\", \"320 steps/s\" or \"100 uL/min\"",
					text);
	if (isnan(value))
		return verb_usage_error(by_hand->verb, "--rate %s: to know the plunger's speed for it, name the --syringe", text);
	if (!(value > 0 && value <= most))
		return verb_usage_error(by_hand->verb, "--rate %s: is %.4g steps/s; should be above 0 and at most %.6g, which is %.4g mm/s",
					text, value, most, most * view->step_m * 1e3);
	*rate_nhz = fmax(1, value * 1e9);
	return 0;
}

int by_hand_steps(const struct by_hand *by_hand, const struct jog *jog, const char *way, int64_t *steps)
{
	const struct jog_view *view = jog_view(jog);
	double value = 0, travel = 0.2 / view->step_m;

	if (parse_unit(way, "m", &value))
		value /= view->step_m;
	else if (parse_unit(way, "m3", &value))
		value /= view->step_m3;
	else if (!parse_steps(way, "", &value))
		return verb_usage_error(by_hand->verb, "%s: should be such as \"0.5 mm\", \"1600 steps\" or, with --syringe, \"10 uL\"", way);
	if (isnan(value))
		return verb_usage_error(by_hand->verb, "%s: to know the way of the plunger for it, name the --syringe", way);
	if (!(value >= 0.5 && value <= travel))
		return verb_usage_error(by_hand->verb, "%s: is %.4g steps; should be from 1 step to %.6g steps, which is 200 mm%s", way,
					value, travel, value < 0 ? "; --withdraw turns the way" : "");
	*steps = llround(value);
	return 0;
}

static void print_json(const struct jog_view *view)
{
	int64_t steps = view->status.position - view->begin_position;
	struct json_object *object = json_object_new_object();

	json_object_object_add(object, "pump", json_object_new_string(view->name));
	json_object_object_add(object, "status", json_object_new_int(view->result));
	json_object_object_add(object, "message", json_object_new_string(view->message));
	json_object_object_add(object, "steps", json_object_new_int64(steps));
	json_object_object_add(object, "way_mm", json_object_new_double(steps * view->step_m * 1e3));
	json_object_object_add(object, "volume_ul",
			       isnan(view->step_m3) ? NULL : json_object_new_double(steps * view->step_m3 * 1e9));
	json_object_object_add(object, "position", json_object_new_int64(view->status.position));
	puts(json_object_to_json_string_ext(object, JSON_FLAGS));
	json_object_put(object);
}

/* @input: what else is waited for, fd -1: nothing. False: the pump is gone. */
static bool turn(struct by_hand *by_hand, struct jog *jog, struct pollfd *input)
{
	struct pollfd fds[STOPS_FDS + 2] = { { .fd = jog_fd(jog), .events = POLLIN }, *input };
	int count = stops_fds(&by_hand->stops, fds + 2, STOPS_FDS);

	if (poll(fds, count + 2, JOG_TICK_MS) > 0)
		stops_handle(&by_hand->stops, fds + 2, count);
	input->revents = fds[1].revents;
	return jog_tick(jog);
}

bool by_hand_turn(struct by_hand *by_hand, struct jog *jog)
{
	struct pollfd none = { .fd = -1 };

	return turn(by_hand, jog, &none);
}

bool by_hand_read_line(struct by_hand *by_hand, struct jog *jog, char *line, int size)
{
	struct pollfd input = { .fd = STDIN_FILENO, .events = POLLIN };

	/* Nothing may be left where poll() does not see it. */
	setvbuf(stdin, NULL, _IONBF, 0);
	while (!input.revents)
		if (!turn(by_hand, jog, &input) || by_hand->stops.stopped)
			return false;
	if (!fgets(line, size, stdin))
		return false;
	line[strcspn(line, "\n")] = '\0';
	return true;
}

void by_hand_wait(struct by_hand *by_hand, struct jog *jog)
{
	while (jog_view(jog)->task != JOG_REST && by_hand_turn(by_hand, jog))
		;
}

int by_hand_finish(struct by_hand *by_hand, struct jog *jog, bool begun)
{
	const struct jog_view *view = jog_view(jog);
	int status;

	if (begun)
		by_hand_wait(by_hand, jog);
	status = view->result;
	fprintf(stderr, "nanodose %s: %s\n", by_hand->verb, view->message);
	if (!begun || !by_hand->json)
		return status;
	print_json(view);
	return verb_output_done(by_hand->verb) && !status ? NANODOSE_EXIT_REFUSED : status;
}
