// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * nanodose monitor: a pump's records as they come, one a line. It opens the
 * pump for reading only, so it can neither move nor stop it.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config.h"
#include "describe.h"
#include "explain.h"
#include "runner.h"
#include "verbs.h"

#define BATCH 64

static void print_flow(const struct nanodose_flow_record *flow)
{
	char rate[DESCRIBE_SIZE], temperature[DESCRIBE_SIZE], pressure[DESCRIBE_SIZE];

	printf("flow     position %" PRId64 ", flow %s, temperature %s, pressure %s, bus errors %u",
	       (int64_t)flow->position, describe_flow(flow->flow_pl_min, rate, sizeof(rate)),
	       describe_temperature(flow->temperature_mdegc, temperature, sizeof(temperature)),
	       describe_pressure(flow->pressure_pa, pressure, sizeof(pressure)), flow->bus_errors);
	if (flow->sensor_flags & NANODOSE_SENSOR_FLAG_AIR)
		printf(", air");
	if (flow->sensor_flags & NANODOSE_SENSOR_FLAG_HIGH_FLOW)
		printf(", high flow");
	putchar('\n');
}

static void print_state(const struct nanodose_state_record *state)
{
	char faults[DESCRIBE_SIZE];

	printf("state    %s: %s, position %" PRId64 ", rate %.9g steps/s, faults %s",
	       nanodose_cause_name(state->cause), nanodose_state_name(state->state),
	       (int64_t)state->position, (double)state->rate_nhz * 1e-9,
	       describe_faults(state->faults, faults, sizeof(faults)));
	if (state->pid)
		printf(", by process %d", state->pid);
	putchar('\n');
}

static void print_text(const struct nanodose_record *record)
{
	printf("%" PRIu64 ".%09" PRIu64 " %8" PRIu64 " ", (uint64_t)record->time_ns / 1000000000,
	       (uint64_t)record->time_ns % 1000000000, (uint64_t)record->sequence);
	switch (record->type) {
	case NANODOSE_RECORD_FLOW:
		print_flow(&record->flow);
		break;
	case NANODOSE_RECORD_STATE:
		print_state(&record->state);
		break;
	case NANODOSE_RECORD_FAULT:
		printf("fault    %s, position %" PRId64 ", rate %.9g steps/s, value %" PRId64 "\n",
		       nanodose_fault_name(record->fault.fault), (int64_t)record->fault.position,
		       (double)record->fault.rate_nhz * 1e-9, (int64_t)record->fault.value);
		break;
	case NANODOSE_RECORD_DROPPED:
		printf("dropped  %" PRIu64 " records from number %" PRIu64 " on\n",
		       (uint64_t)record->dropped.count, (uint64_t)record->dropped.first_sequence);
		break;
	default:
		printf("type %u, unknown to this program\n", record->type);
		break;
	}
}

static void print_json(const struct nanodose_record *record)
{
	struct json_object *object = describe_record_json(record);

	puts(json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN));
	json_object_put(object);
}

/* Prints what is waiting; 1 when @left has come down to none, -1 on failure. */
static int print_waiting(struct nanodose_device *device, int json, unsigned long *left)
{
	struct nanodose_record records[BATCH];
	ssize_t count, i;

	while ((count = nanodose_device_read(device, records, BATCH)) > 0) {
		for (i = 0; i < count; i++) {
			if (json)
				print_json(&records[i]);
			else
				print_text(&records[i]);
			if (*left && !--*left)
				return 1;
		}
		fflush(stdout);
	}
	return (int)count;
}

static int monitor(const char *name, int json, unsigned long left)
{
	struct nanodose_device *device = config_open_pump(name, false);
	struct pollfd pollers[2];
	int result = 0, error, status;

	if (!device)
		return explain_open_error(stderr, name, errno);
	pollers[0] = (struct pollfd){ .fd = nanodose_device_fd(device), .events = POLLIN };
	/* Only for the error that a pipe has once nobody reads it: a pump at rest may be silent. */
	pollers[1] = (struct pollfd){ .fd = STDOUT_FILENO };
	while (!result && !ferror(stdout)) {
		if (poll(pollers, 2, -1) < 0 && errno != EINTR)
			result = -1;
		else if (pollers[1].revents & (POLLERR | POLLNVAL))
			result = 1;
		else
			result = print_waiting(device, json, &left);
	}
	error = errno;
	status = verb_output_done("monitor");
	if (result < 0 && error == ENODEV) {
		fprintf(stderr, "nanodose monitor: %s is gone: it was unplugged or its driver unloaded\n",
			name);
		status = NANODOSE_EXIT_GONE;
	} else if (result < 0) {
		fprintf(stderr, "nanodose monitor: %s cannot be read: %s\n", name,
			strerror(error));
		status = NANODOSE_EXIT_REFUSED;
	}
	nanodose_device_close(device);
	return status;
}

int verb_monitor(int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "count", required_argument, NULL, 'c' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	unsigned long count = 0;
	int option, json = 0;
	char *end;

	while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		switch (option) {
		case 'j':
			json = 1;
			break;
		case 'c':
			errno = 0;
			count = strtoul(optarg, &end, 10);
			if (errno || *end || *optarg == '-' || !count)
				return verb_usage_error("monitor",
							"\"%s\" is not a count; write a whole number above 0",
							optarg);
			break;
		case 'h':
			return verb_help("monitor",
					 "  DEVICE     device name, path or label, as \"nanodose list\" shows them\n"
					 "  --json     one object a line\n"
					 "  --count N  end after N records\n\n"
					 "Each line begins with the time (CLOCK_MONOTONIC, s) and the record's number.\n"
					 "Ends with status 5 when the device goes.\n");
		default:
			return verb_usage_error("monitor", NULL);
		}
	}
	if (argc - optind != 1)
		return verb_usage_error("monitor", "it takes one device");
	return monitor(argv[optind], json, count);
}
