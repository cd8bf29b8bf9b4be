// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <json-c/json.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "list_watch.h"
#include "nanodose.h"
#include "runner.h"
#include "verbs.h"

/* What it is is asked of itself: one that went at once has no more than its name. */
static void tell(const char *event, const char *name, bool gone, bool json)
{
	struct nanodose_device *device = gone ? NULL : nanodose_device_open(name, false);
	struct nanodose_info info = { .sensor_model = NANODOSE_SENSOR_NONE };
	bool known = device && !nanodose_device_info(device, &info);

	if (json) {
		struct json_object *object = json_object_new_object();

		json_object_object_add(object, "event", json_object_new_string(event));
		json_object_object_add(object, "name", json_object_new_string(name));
		json_object_object_add(object, "label", known ? json_object_new_string(info.label) : NULL);
		json_object_object_add(object, "sensor",
				       known ? json_object_new_string(nanodose_sensor_name(info.sensor_model)) : NULL);
		puts(json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
		json_object_put(object);
	} else if (known) {
		printf("%-6s %-12s %-16s %s\n", event, name, *info.label ? info.label : "-",
		       nanodose_sensor_name(info.sensor_model));
	} else {
		printf("%-6s %s\n", event, name);
	}
	nanodose_device_close(device);
}

int list_watch(bool json)
{
	/* Before the search: what comes in between is told twice rather than never. */
	struct nanodose_watch *watch = nanodose_watch_new();
	struct nanodose_list *list = watch ? nanodose_list_new() : NULL;
	struct pollfd poller = { .events = POLLIN };
	char name[NANODOSE_NAME_LEN];
	bool added;

	if (!list) {
		fprintf(stderr, "nanodose list: the coming and going of pumps cannot be followed: %m\n");
		nanodose_watch_free(watch);
		return NANODOSE_EXIT_REFUSED;
	}
	for (size_t i = 0; i < nanodose_list_count(list); i++)
		tell("there", nanodose_list_name(list, i), false, json);
	nanodose_list_free(list);
	poller.fd = nanodose_watch_fd(watch);
	while (!fflush(stdout) && !ferror(stdout) && (poll(&poller, 1, -1) > 0 || errno == EINTR))
		while (nanodose_watch_next(watch, &added, name, sizeof(name)) > 0)
			tell(added ? "came" : "went", name, !added, json);
	nanodose_watch_free(watch);
	return verb_output_done("list");
}
