// SPDX-License-Identifier: GPL-2.0-or-later
/* nanodose list: the pumps of this machine, one a line. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "client.h"
#include "describe.h"
#include "list_watch.h"
#include "meeting.h"
#include "runner.h"
#include "verbs.h"

#define JSON_FLAGS (JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED | JSON_C_TO_STRING_NOSLASHESCAPE)

/* One pump as the list shows it; error is 0 or why it could not be asked. */
struct row {
	const char *name, *label, *path;
	int error;
	struct nanodose_info info;
	struct nanodose_status status;
};

static void ask(struct row *row)
{
	struct nanodose_device *device = nanodose_device_open(row->path, false);

	row->error = 0;
	if (!device || nanodose_device_info(device, &row->info) ||
	    nanodose_device_status(device, &row->status))
		row->error = errno;
	nanodose_device_close(device);
}

static void print_heading(void)
{
	printf("%-12s %-16s %-12s %-24s %-10s %s\n", "DEVICE", "LABEL", "SENSOR", "OWNER", "STATE",
	       "FAULTS");
}

static void print_row(const struct row *row)
{
	char owner[NANODOSE_NAME_LEN + 16] = "-", faults[DESCRIBE_SIZE];

	printf("%-12s %-16s ", row->name, *row->label ? row->label : "-");
	if (row->error) {
		printf("%-12s %-24s %-10s %s\n", "?", "?", "?", strerror(row->error));
		return;
	}
	if (row->status.flags & NANODOSE_STATUS_OWNED)
		snprintf(owner, sizeof(owner), "%s (%d)", row->status.owner_label,
			 row->status.owner_pid);
	printf("%-12s %-24s %-10s %s\n", nanodose_sensor_name(row->info.sensor_model), owner,
	       nanodose_state_name(row->status.state),
	       describe_faults(row->status.faults, faults, sizeof(faults)));
}

static struct json_object *row_json(const struct row *row)
{
	struct json_object *object = json_object_new_object();

	json_object_object_add(object, "name", json_object_new_string(row->name));
	json_object_object_add(object, "label", json_object_new_string(row->label));
	json_object_object_add(object, "path", json_object_new_string(row->path));
	if (row->error) {
		json_object_object_add(object, "error", json_object_new_string(strerror(row->error)));
		return object;
	}
	json_object_object_add(object, "info", describe_info_json(&row->info));
	json_object_object_add(object, "status", describe_status_json(&row->status));
	return object;
}

static void print_list(const struct nanodose_list *list, int json)
{
	struct json_object *array = json_object_new_array();
	size_t i;

	if (!json && nanodose_list_count(list))
		print_heading();
	for (i = 0; i < nanodose_list_count(list); i++) {
		struct row row = {
			.name = nanodose_list_name(list, i),
			.label = nanodose_list_label(list, i),
			.path = nanodose_list_path(list, i),
		};

		ask(&row);
		if (json)
			json_object_array_add(array, row_json(&row));
		else
			print_row(&row);
	}
	if (json)
		puts(json_object_to_json_string_ext(array, JSON_FLAGS));
	json_object_put(array);
}

/* ---- runs ---------------------------------------------------------------------------- */

static void print_run(const char *name, const struct replica *run)
{
	const struct run_view *view = &run->view;

	printf("%-32s %3.0f %% %-24s %-20s %s\n", name, 100 * view->progress, view->status_text,
	       run->controller ? run->controller : "-", view->record_path);
}

static struct json_object *run_json(const char *name, const struct replica *run)
{
	const struct run_view *view = &run->view;
	struct json_object *object = json_object_new_object();

	json_object_object_add(object, "name", json_object_new_string(name));
	json_object_object_add(object, "protocol", json_object_new_string(view->protocol_name));
	json_object_object_add(object, "protocol_path", json_object_new_string(view->protocol_path));
	json_object_object_add(object, "record", json_object_new_string(view->record_path));
	json_object_object_add(object, "status", json_object_new_string(view->status_text));
	json_object_object_add(object, "elapsed_s", json_object_new_double(view->elapsed_s));
	json_object_object_add(object, "left_s", json_object_new_double(view->left_s));
	json_object_object_add(object, "progress", json_object_new_double(view->progress));
	json_object_object_add(object, "controller",
			       run->controller ? json_object_new_string(run->controller) : NULL);
	return object;
}

/* How many there are; what is said of them goes to @array, or is printed if that is NULL. */
static size_t list_runs(struct json_object *array)
{
	size_t count, seen = 0;
	char **names;

	if (meeting_list(&names, &count)) {
		fprintf(stderr, "nanodose list: the runs cannot be searched: %m\n");
		return 0;
	}
	for (size_t i = 0; i < count; i++) {
		struct replica run;

		/* One of a process that was killed is no run. */
		if (client_glance(names[i], &run)) {
			if (errno != ECONNREFUSED && errno != ENOENT)
				fprintf(stderr, "nanodose list: %s: %m\n", names[i]);
			continue;
		}
		if (!seen++ && !array)
			printf("\n%-32s %-5s %-24s %-20s %s\n", "RUN", "DONE", "STATUS", "IN HAND OF", "RECORD");
		if (array)
			json_object_array_add(array, run_json(names[i], &run));
		else
			print_run(names[i], &run);
		replica_clear(&run);
	}
	meeting_free(names, count);
	return seen;
}

static int print_runs(int json)
{
	struct json_object *array = json ? json_object_new_array() : NULL;

	if (!list_runs(array) && !json)
		fputs("nanodose list: no run is under way\n", stderr);
	if (json)
		puts(json_object_to_json_string_ext(array, JSON_FLAGS));
	json_object_put(array);
	return verb_output_done("list");
}

int verb_list(int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "runs", no_argument, NULL, 'r' },
		{ "watch", no_argument, NULL, 'w' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	struct nanodose_list *list;
	int option, json = 0, runs = 0, watch = 0;

	while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (option == 'h')
			return verb_help("list",
					 "  --runs   the runs under way, and no pumps\n"
					 "  --watch  the pumps that are there, then each that comes or goes\n"
					 "  --json   an array of objects: pumps with everything the driver tells,\n"
					 "           or with --runs the runs; with --watch an object a line\n");
		if (option != 'j' && option != 'r' && option != 'w')
			return verb_usage_error("list", NULL);
		json |= option == 'j';
		runs |= option == 'r';
		watch |= option == 'w';
	}
	if (optind < argc)
		return verb_usage_error("list", "\"%s\" is too much; it takes no device", argv[optind]);
	if (runs && watch)
		return verb_usage_error("list", "--runs or --watch, not both");
	if (watch)
		return list_watch(json);
	if (runs)
		return print_runs(json);
	list = nanodose_list_new();
	if (!list) {
		fprintf(stderr, "nanodose list: the devices cannot be searched: %m\n");
		return NANODOSE_EXIT_REFUSED;
	}
	print_list(list, json);
	if (!nanodose_list_count(list))
		fputs("nanodose list: no pump found; load the driver: \"modprobe nanodose\", or \"modprobe nanodose_sim\" for a simulated rig\n",
		      stderr);
	nanodose_list_free(list);
	if (!json)
		list_runs(NULL);
	return verb_output_done("list");
}
