// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * nanodose stop: brings pumps to rest, whoever drives them. All are told
 * first and waited for afterwards.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdbool.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"
#include "config.h"
#include "explain.h"
#include "meeting.h"
#include "runner.h"
#include "verbs.h"

#define WAIT_MS 10000	/* a ramp is far shorter */

struct target {
	const char *name;
	struct nanodose_device *device;	/* NULL: not stopped */
};

/* Keeps the gravest of two exit statuses, for this verb's. */
static int worse(int left, int right)
{
	return left > right ? left : right;
}

static int failed(const struct target *target, int error)
{
	fprintf(stderr, "nanodose stop: %s: %s\n", target->name, strerror(error));
	return error == ENODEV ? NANODOSE_EXIT_GONE : NANODOSE_EXIT_REFUSED;
}

static int tell(struct target *target, uint32_t mode)
{
	int result;

	target->device = config_open_pump(target->name, true);
	if (!target->device)
		return explain_open_error(stderr, target->name, errno);
	if (!nanodose_device_stop(target->device, mode))
		return NANODOSE_EXIT_DONE;
	result = failed(target, errno);
	nanodose_device_close(target->device);
	target->device = NULL;
	return result;
}

static void drain(struct nanodose_device *device)
{
	struct nanodose_record records[64];

	while (nanodose_device_read(device, records, 64) > 0)
		;
}

/* Each change of state makes a record, so a record is when to look again. */
static int wait_for_rest(struct target *target)
{
	struct pollfd poller = {
		.fd = nanodose_device_fd(target->device),
		.events = POLLIN,
	};
	struct nanodose_status status;

	nanodose_device_subscribe(target->device, 1U << NANODOSE_RECORD_STATE, 0, 0);
	for (;;) {
		drain(target->device);
		if (nanodose_device_status(target->device, &status))
			return failed(target, errno);
		if (status.state == NANODOSE_STATE_REST)
			break;
		if (!poll(&poller, 1, WAIT_MS)) {
			fprintf(stderr, "nanodose stop: %s is still moving after %d s; use --now or the emergency stop\n",
				target->name, WAIT_MS / 1000);
			return NANODOSE_EXIT_FAULT;
		}
	}
	fprintf(stderr, "nanodose stop: %s is at rest at position %" PRId64 "\n", target->name,
		(int64_t)status.position);
	return NANODOSE_EXIT_DONE;
}

static int stop(struct target *targets, size_t count, uint32_t mode)
{
	int result = NANODOSE_EXIT_DONE;
	size_t i;

	for (i = 0; i < count; i++)
		result = worse(result, tell(&targets[i], mode));
	for (i = 0; i < count; i++) {
		if (targets[i].device)
			result = worse(result, wait_for_rest(&targets[i]));
		nanodose_device_close(targets[i].device);
	}
	return result;
}

static int stop_all(uint32_t mode)
{
	struct nanodose_list *list = nanodose_list_new();
	size_t count = list ? nanodose_list_count(list) : 0, i;
	struct target *targets = calloc(count + 1, sizeof(*targets));
	int result = NANODOSE_EXIT_REFUSED;

	if (!list || !targets) {
		fprintf(stderr, "nanodose stop: the devices cannot be searched: %m\n");
	} else if (!count) {
		fputs("nanodose stop: there is no pump to stop\n", stderr);
	} else {
		for (i = 0; i < count; i++)
			targets[i].name = nanodose_list_path(list, i);
		result = stop(targets, count, mode);
	}
	free(targets);
	nanodose_list_free(list);
	return result;
}

static bool is_run(const char *name)
{
	size_t count;
	char **names;
	bool found = false;

	if (meeting_list(&names, &count))
		return false;
	for (size_t i = 0; i < count; i++)
		found = found || !strcmp(names[i], name);
	meeting_free(names, count);
	return found;
}

/* Runs are stopped as such and taken out; the devices are left. */
static int stop_runs(char **names, size_t *count, uint32_t mode)
{
	int result = NANODOSE_EXIT_DONE;
	size_t left = 0;

	for (size_t i = 0; i < *count; i++) {
		if (is_run(names[i]))
			result = worse(result, client_stop(names[i], mode == NANODOSE_STOP_NOW));
		else
			names[left++] = names[i];
	}
	*count = left;
	return result;
}

static int stop_named(char **names, size_t count, uint32_t mode)
{
	struct target *targets = calloc(count, sizeof(*targets));
	int result;
	size_t i;

	if (!targets) {
		fprintf(stderr, "nanodose stop: %m\n");
		return NANODOSE_EXIT_REFUSED;
	}
	for (i = 0; i < count; i++)
		targets[i].name = names[i];
	result = stop(targets, count, mode);
	free(targets);
	return result;
}

int verb_stop(int argc, char **argv)
{
	static const struct option options[] = {
		{ "all", no_argument, NULL, 'a' },
		{ "now", no_argument, NULL, 'n' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	uint32_t mode = NANODOSE_STOP_RAMP;
	int option, all = 0, result;
	size_t count;

	while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		switch (option) {
		case 'a':
			all = 1;
			break;
		case 'n':
			mode = NANODOSE_STOP_NOW;
			break;
		case 'h':
			return verb_help("stop",
					 "  DEVICE  device name, path or label, as \"nanodose list\" shows them\n"
					 "  RUN     name of a run, likewise: all its pumps\n"
					 "  --all   every pump of this machine\n"
					 "  --now   no further step, instead of a ramp to rest\n\n"
					 "Anyone who may write to the device may stop it; the run that drives it ends.\n");
		default:
			return verb_usage_error("stop", NULL);
		}
	}
	if (all && optind < argc)
		return verb_usage_error("stop", "either devices or --all, not both");
	if (!all && optind == argc)
		return verb_usage_error("stop", "name a device or a run, or say --all");
	if (all)
		return stop_all(mode);
	count = argc - optind;
	result = stop_runs(argv + optind, &count, mode);
	return count ? worse(result, stop_named(argv + optind, count, mode)) : result;
}
