// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * nanodose check: every error of protocol files at once. Pumps that are
 * present are asked what they can do; nothing is claimed or moved.
 */
#include <errno.h>
#include <getopt.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "nanodose.h"
#include "protocol.h"
#include "runner.h"
#include "settings.h"
#include "verbs.h"
#include "wording.h"

#define JSON_FLAGS (JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED | JSON_C_TO_STRING_NOSLASHESCAPE)
#define UL_PER_M3 1e9
#define KG_PER_UG 1e-9

struct request {
	struct settings settings;
	struct json_object *json;	/* array; NULL: text */
	bool verbose;
};

/* ---- pumps that are present -------------------------------------------------------- */

/* False: not there or not to be asked; a note tells when notes are wanted. */
static bool ask_pump(const struct request *request, const struct protocol_channel *channel,
		     struct nanodose_info *info)
{
	struct nanodose_device *device = config_open_pump(channel->pump, false);
	bool good = device && !nanodose_device_info(device, info);

	if (!good && request->verbose)
		fprintf(stderr, "nanodose check: pump '%s' of channel '%s' was not asked what it can do: %s\n",
			channel->pump, channel->name, strerror(errno));
	nanodose_device_close(device);
	return good;
}

static void check_pumps(const struct request *request, const struct protocol *protocol,
			struct diagnostics *diagnostics)
{
	struct nanodose_info *infos = calloc(protocol->channel_count, sizeof(*infos));

	for (size_t i = 0; infos && i < protocol->channel_count; i++) {
		const struct protocol_channel *channel = &protocol->channels[i];

		if (!ask_pump(request, channel, &infos[i]))
			continue;
		protocol_check_device(protocol, i, &infos[i], diagnostics);
		/* By name and by label, one pump can be named twice. */
		for (size_t k = 0; k < i; k++) {
			if (!strcmp(infos[k].name, infos[i].name))
				diagnostics_add(diagnostics, channel->at_pump, false,
						"pump: '%s' and '%s' of channel '%s' are one and the same pump",
						channel->pump, protocol->channels[k].pump,
						protocol->channels[k].name);
		}
	}
	free(infos);
}

/* ---- what comes out ------------------------------------------------------------------ */

#define ADD(object, key, value) json_object_object_add(object, key, value)

static struct json_object *messages_json(const struct diagnostics *diagnostics)
{
	struct json_object *array = json_object_new_array();

	for (size_t i = 0; i < diagnostics->count; i++) {
		const struct diagnostic *one = &diagnostics->list[i];
		struct json_object *object = json_object_new_object();

		/* Of a called file; without it the message is about the protocol. */
		if (one->at.file)
			ADD(object, "file",
			    json_object_new_string(diagnostics_path(diagnostics, one->at.file)));
		ADD(object, "line", one->at.line ? json_object_new_int(one->at.line) : NULL);
		ADD(object, "column", one->at.line ? json_object_new_int(one->at.column) : NULL);
		ADD(object, "severity", json_object_new_string(one->warning ? "warning" : "error"));
		ADD(object, "text", json_object_new_string(one->text));
		json_object_array_add(array, object);
	}
	return array;
}

/* 2500, not 2500.0000000000005. */
static struct json_object *number_json(double value)
{
	struct json_object *object = json_object_new_double(value);

	json_object_set_serializer(object, json_object_double_to_json_string, "%.12g", NULL);
	return object;
}

static struct json_object *channels_json(const struct protocol *protocol)
{
	struct json_object *array = json_object_new_array();

	for (size_t i = 0; i < protocol->channel_count; i++) {
		const struct protocol_channel *channel = &protocol->channels[i];
		struct json_object *object = json_object_new_object();

		ADD(object, "name", json_object_new_string(channel->name));
		ADD(object, "pump", json_object_new_string(channel->pump));
		ADD(object, "syringe", json_object_new_string(channel->syringe->name));
		ADD(object, "loaded_ul", number_json(channel->loaded_m3 * UL_PER_M3));
		ADD(object, "infused_ul", number_json(channel->infused_m3 * UL_PER_M3));
		ADD(object, "peak_ul_min", number_json(channel->peak_rate_m3_s * UL_PER_M3 * 60));
		ADD(object, "particles", channel->concentration_per_m3 > 0 ?
		    number_json(channel->infused_m3 * channel->concentration_per_m3) : NULL);
		if (channel->mass_concentration_kg_m3 > 0)
			ADD(object, "mass_ug", number_json(channel->infused_m3 *
							   channel->mass_concentration_kg_m3 / KG_PER_UG));
		json_object_array_add(array, object);
	}
	return array;
}

static void add_json(const struct request *request, const char *path,
		     const struct protocol *protocol, const struct diagnostics *diagnostics)
{
	struct json_object *object = json_object_new_object();

	ADD(object, "file", json_object_new_string(path));
	ADD(object, "good", json_object_new_boolean(!diagnostics->errors));
	ADD(object, "messages", messages_json(diagnostics));
	if (protocol) {
		ADD(object, "name", json_object_new_string(protocol->name));
		ADD(object, "duration_s", number_json(protocol->duration_s));
		ADD(object, "channels", channels_json(protocol));
	}
	json_object_array_add(request->json, object);
}

static void print_summary(const char *path, const struct protocol *protocol)
{
	char text[WORDING_SIZE], volume[WORDING_SIZE];

	printf("%s: good: %s, %s\n", path, protocol->name,
	       format_duration(protocol->duration_s, text, sizeof(text)));
	for (size_t i = 0; i < protocol->channel_count; i++) {
		const struct protocol_channel *channel = &protocol->channels[i];

		printf("  %s: %s of %s loaded", channel->name,
		       format_like(channel->infused_m3, NANODOSE_DIMENSION_VOLUME,
				   channel->loaded_text, volume, sizeof(volume)),
		       channel->loaded_text);
		if (channel->peak_text)
			printf(", at most %s", channel->peak_text);
		if (channel->concentration_per_m3 > 0)
			printf(", %.4g particles", channel->infused_m3 * channel->concentration_per_m3);
		if (channel->mass_concentration_kg_m3 > 0)
			printf(", %s of particles",
			       nanodose_quantity_format(channel->infused_m3 * channel->mass_concentration_kg_m3,
							NANODOSE_DIMENSION_MASS, volume, sizeof(volume)));
		printf(" (pump %s, %s)\n", channel->pump, channel->syringe->name);
	}
}

static bool check_file(const struct request *request, const char *path)
{
	struct diagnostics diagnostics;
	struct protocol *protocol;
	bool good;

	protocol = protocol_load(path, request->settings.list, request->settings.count, &diagnostics);
	if (protocol)
		check_pumps(request, protocol, &diagnostics);
	good = !diagnostics.errors;
	diagnostics_sort(&diagnostics);
	if (request->json) {
		add_json(request, path, protocol, &diagnostics);
	} else {
		diagnostics_print_marked(&diagnostics, stderr);
		if (good)
			print_summary(path, protocol);
	}
	diagnostics_free(&diagnostics);
	protocol_free(protocol);
	return good;
}

/* ---- arguments ------------------------------------------------------------------------- */

static const char help[] =
	"  FILE              a protocol; every error of each is shown at once\n"
	"  --set NAME=VALUE  give an input another value, as for \"nanodose run\"\n"
	"  --inputs FILE     a YAML file of such values; --set stands before it\n"
	"  --verbose         say which pumps are not there and so were not asked\n"
	"  --json            an array of objects: messages, what each protocol needs\n";

static int check_files(const struct request *request, char **files, int count)
{
	int status = NANODOSE_EXIT_DONE, output;

	for (int i = 0; i < count; i++) {
		if (!check_file(request, files[i]))
			status = NANODOSE_EXIT_REFUSED;
	}
	if (request->json)
		puts(json_object_to_json_string_ext(request->json, JSON_FLAGS));
	output = verb_output_done("check");
	return status ? status : output;
}

int verb_check(int argc, char **argv)
{
	static const struct option options[] = {
		{ "set", required_argument, NULL, 's' },
		{ "inputs", required_argument, NULL, 'i' },
		{ "verbose", no_argument, NULL, 'v' },
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	struct request request = { 0 };
	int option, status = -1;

	while (status < 0 && (option = getopt_long(argc, argv, "hv", options, NULL)) != -1) {
		if (option == 'h')
			status = verb_help("check", help);
		else if (option == 'v')
			request.verbose = true;
		else if (option == 'j' && !request.json)
			request.json = json_object_new_array();
		else if (option == 's')
			status = settings_add(&request.settings, "check", optarg) ?: -1;
		else if (option == 'i')
			status = settings_add_file(&request.settings, "check", optarg) ?: -1;
		else if (option == '?')
			status = verb_usage_error("check", NULL);
	}
	if (status < 0 && optind == argc)
		status = verb_usage_error("check", "it takes one or more protocol files");
	if (status < 0)
		status = check_files(&request, argv + optind, argc - optind);
	json_object_put(request.json);
	settings_free(&request.settings);
	return status;
}
