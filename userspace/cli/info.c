// SPDX-License-Identifier: GPL-2.0-or-later
/* nanodose info: what one pump is, and how it stands. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "config.h"
#include "describe.h"
#include "explain.h"
#include "runner.h"
#include "verbs.h"

#define JSON_FLAGS (JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED | JSON_C_TO_STRING_NOSLASHESCAPE)

static void print_field(const char *name, const char *value)
{
	printf("%-18s %s\n", name, value);
}

static void print_mechanics(const struct nanodose_info *info)
{
	printf("%-18s %u\n", "microsteps/turn", info->microsteps_per_rev);
	printf("%-18s %.6g mm\n", "lead pitch", info->lead_pitch_nm * 1e-6);
	printf("%-18s %.9g steps/s\n", "fastest", (double)info->max_rate_nhz * 1e-9);
	printf("%-18s %.9g steps/s2\n", "acceleration", (double)info->max_accel_nhz_s * 1e-9);
	printf("%-18s %.6g ms\n", "longest hold", (double)info->max_hold_ns * 1e-6);
}

static void print_features(const struct nanodose_info *info)
{
	struct json_object *object = describe_info_json(info), *features;
	size_t i;

	json_object_object_get_ex(object, "features", &features);
	printf("%-18s ", "has");
	for (i = 0; i < json_object_array_length(features); i++)
		printf("%s%s", i ? "; " : "",
		       json_object_get_string(json_object_array_get_idx(features, i)));
	puts(i ? "" : "-");
	json_object_put(object);
}

static void print_sensor(const struct nanodose_info *info)
{
	char text[DESCRIBE_SIZE];

	print_field("flow sensor", nanodose_sensor_name(info->sensor_model));
	if (info->sensor_model == NANODOSE_SENSOR_NONE)
		return;
	printf("%-18s %" PRIu64 "\n", "sensor serial", (uint64_t)info->sensor_serial);
	print_field("full scale",
		    describe_flow(info->sensor_full_scale_pl_min, text, sizeof(text)));
	printf("%-18s %.6g samples/s\n", "fastest sampling",
	       info->sensor_min_period_ns ? 1e9 / (double)info->sensor_min_period_ns : 0.0);
}

static void print_status(const struct nanodose_status *status)
{
	char text[DESCRIBE_SIZE];
	uint32_t bit;

	print_field("state", nanodose_state_name(status->state));
	if (status->flags & NANODOSE_STATUS_OWNED)
		printf("%-18s %s (process %d)\n", "owner", status->owner_label, status->owner_pid);
	else
		print_field("owner", "-");
	print_field("faults", describe_faults(status->faults, text, sizeof(text)));
	for (bit = 1; bit; bit <<= 1)
		if (status->faults & bit)
			printf("%-18s %s: %s\n", "", nanodose_fault_name(bit),
			       nanodose_fault_advice(bit));
	printf("%-18s %" PRId64 " steps\n", "position", (int64_t)status->position);
	printf("%-18s %.9g steps/s\n", "rate", (double)status->rate_nhz * 1e-9);
	print_field("flow", describe_flow(status->flow_pl_min, text, sizeof(text)));
	print_field("temperature",
		    describe_temperature(status->temperature_mdegc, text, sizeof(text)));
	print_field("pressure", describe_pressure(status->pressure_pa, text, sizeof(text)));
	printf("%-18s %u\n", "bus errors", status->bus_errors);
	printf("%-18s %" PRIu64 "\n", "steps since load", (uint64_t)status->steps_total);
	printf("%-18s %.6g us\n", "most late step", (double)status->late_max_ns * 1e-3);
}

/* As the configuration calls it, and what that says is mounted on it. */
static void print_configured(const struct config_pump *pump)
{
	if (pump)
		printf("%-18s %s\n%-18s %s\n", "called", pump->name, "syringe", pump->syringe ? pump->syringe->name : "-");
}

static struct json_object *configured_json(const struct config_pump *pump)
{
	struct json_object *object = pump ? json_object_new_object() : NULL;

	if (!pump)
		return NULL;
	json_object_object_add(object, "name", json_object_new_string(pump->name));
	json_object_object_add(object, "syringe", pump->syringe ? json_object_new_string(pump->syringe->name) : NULL);
	return object;
}

static void print_json(const char *path, const struct nanodose_info *info,
		       const struct nanodose_status *status, const struct config_pump *pump)
{
	struct json_object *object = json_object_new_object();

	json_object_object_add(object, "path", json_object_new_string(path));
	json_object_object_add(object, "configured", configured_json(pump));
	json_object_object_add(object, "info", describe_info_json(info));
	json_object_object_add(object, "status", describe_status_json(status));
	puts(json_object_to_json_string_ext(object, JSON_FLAGS));
	json_object_put(object);
}

static int show(const char *name, int json)
{
	struct nanodose_device *device = config_open_pump(name, false);
	struct nanodose_status status;
	struct nanodose_info info;
	int error;

	if (!device)
		return explain_open_error(stderr, name, errno);
	if (nanodose_device_info(device, &info) || nanodose_device_status(device, &status)) {
		error = errno;
		fprintf(stderr, "nanodose info: %s does not answer: %s\n", name, strerror(error));
		nanodose_device_close(device);
		return error == ENODEV ? NANODOSE_EXIT_GONE : NANODOSE_EXIT_REFUSED;
	}
	if (json) {
		print_json(nanodose_device_path(device), &info, &status, config_pump_of(name, &info));
	} else {
		print_field("device", info.name);
		print_field("label", *info.label ? info.label : "-");
		print_configured(config_pump_of(name, &info));
		print_mechanics(&info);
		print_features(&info);
		print_sensor(&info);
		print_status(&status);
	}
	nanodose_device_close(device);
	return verb_output_done("info");
}

int verb_info(int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	int option, json = 0;

	while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (option == 'h')
			return verb_help("info",
					 "  DEVICE  device name, path or label, as \"nanodose list\" shows them\n"
					 "  --json  one object with everything the driver tells\n");
		if (option != 'j')
			return verb_usage_error("info", NULL);
		json = 1;
	}
	if (argc - optind != 1)
		return verb_usage_error("info", "it takes one device");
	return show(argv[optind], json);
}
