// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What is done before anything moves: every pump opened, checked, claimed and
 * cleared, the record created. Whatever refuses says so, and nothing has moved.
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config.h"
#include "explain.h"
#include "run.h"
#include "signal_fd.h"

#define SAMPLE_RATE_HZ 50
#define FL_PER_M3 1e18

static bool open_channels(struct runner *r)
{
	bool good = true;

	for (size_t i = 0; i < r->channel_count; i++) {
		struct channel *c = &r->channels[i];

		c->device = config_open_pump(c->plan->pump, true);
		if (!c->device) {
			explain_open_error(stderr, c->plan->pump, errno);
			good = false;
		} else if (nanodose_device_info(c->device, &c->info)) {
			fprintf(stderr, "nanodose: %s: the driver does not tell what it is: %s\n",
				c->plan->pump, strerror(errno));
			good = false;
		}
	}
	return good;
}

/* Two channels may name one pump by name and by label. */
static void check_twice(const struct runner *r, size_t i, struct diagnostics *diagnostics)
{
	const struct channel *c = &r->channels[i];

	for (size_t k = 0; k < i; k++) {
		const struct channel *other = &r->channels[k];

		if (strcmp(other->info.name, c->info.name))
			continue;
		diagnostics_add(
			diagnostics, c->plan->at_pump, false,
			"pump %s is %s, which channel %s uses already; each channel needs a pump of its own",
			c->plan->pump, c->info.name, other->plan->name);
	}
}

static bool check_channels(struct runner *r)
{
	struct diagnostics diagnostics = { .file = r->protocol->path };
	bool good;

	for (size_t i = 0; i < r->channel_count; i++) {
		check_twice(r, i, &diagnostics);
		protocol_check_device(r->protocol, i, &r->channels[i].info, &diagnostics);
	}
	diagnostics_print(&diagnostics, stderr);
	good = !diagnostics.errors;
	diagnostics_free(&diagnostics);
	return good;
}

static bool claim_channels(struct runner *r, enum nanodose_exit *status)
{
	bool good = true;
	char label[NANODOSE_NAME_LEN];

	snprintf(label, sizeof(label), "nanodose run");
	for (size_t i = 0; i < r->channel_count; i++) {
		struct channel *c = &r->channels[i];

		if (!nanodose_device_claim(c->device, label))
			continue;
		*status = explain_claim_error(stderr, c->device, c->plan->pump, errno);
		good = false;
	}
	return good;
}

/* Faults of the past are cleared; one whose cause is still there refuses the run. */
static bool clear_channel(struct channel *c)
{
	struct nanodose_status status;
	uint32_t faults;

	if (nanodose_device_status(c->device, &status)) {
		fprintf(stderr, "nanodose: %s: %s\n", c->plan->pump, strerror(errno));
		return false;
	}
	faults = status.faults;
	if (status.flags & NANODOSE_STATUS_ESTOP) {
		faults |= NANODOSE_FAULT_ESTOP;
	} else if (!faults || !nanodose_device_clear_faults(c->device, faults)) {
		c->cleared = faults;
		return true;
	}
	for (uint32_t bit = 1; bit; bit <<= 1)
		if (faults & bit)
			fprintf(stderr, "nanodose: %s: %s: %s\n", c->plan->pump,
				nanodose_fault_name(bit), nanodose_fault_advice(bit));
	return false;
}

static bool clear_channels(struct runner *r)
{
	bool good = true;

	for (size_t i = 0; i < r->channel_count; i++)
		if (!clear_channel(&r->channels[i]))
			good = false;
	return good;
}

static bool create_record(struct runner *r)
{
	struct record_channel *channels = calloc(r->channel_count + 1, sizeof(*channels));
	char *error = NULL;

	r->record_path = r->options.record_path ? strdup(r->options.record_path) :
						  record_own_path("RUN", r->protocol->path);
	if (!channels || !r->record_path) {
		perror("nanodose");
		free(channels);
		return false;
	}
	for (size_t i = 0; i < r->channel_count; i++) {
		const struct channel *c = &r->channels[i];

		channels[i] = (struct record_channel){
			.name = c->plan->name,
			.pump = c->plan->pump,
			.device_path = nanodose_device_path(c->device),
			.info = c->info,
			.volume_per_step_m3 = c->step_m3,
			.origin = c->origin,
		};
	}
	r->record = record_create(r->record_path, r->protocol, channels, r->channel_count, &error);
	free(channels);
	if (!r->record)
		fprintf(stderr, "nanodose: %s\n", error ? error : strerror(errno));
	free(error);
	return r->record;
}

/*
 * The protocol's limits and the step's volume to the driver, which then holds
 * to them by itself and can tell steps without flow.
 */
static int limit_channel(const struct runner *r, struct channel *c)
{
	const double *most = c->plan->limits[PROTOCOL_HARD].most;
	struct nanodose_limits limits;

	if (!(c->info.features & NANODOSE_FEATURE_LIMITS))
		return 0;
	if (nanodose_device_limits(c->device, &limits))
		return -1;
	limits.step_volume_fl = llround(c->step_m3 * FL_PER_M3);
	limits.max_rate_nhz = channel_max_rate_nhz(c);
	limits.max_accel_nhz_s = c->max_accel_nhz_s;
	/* Where the protocol says nothing of pressure, the driver's default stands. */
	if (isfinite(most[PROTOCOL_LIMIT_PRESSURE]))
		limits.over_pressure_pa = fmin(INT32_MAX, ceil(most[PROTOCOL_LIMIT_PRESSURE]));
	if (r->protocol->rules[PROTOCOL_SENSOR_LOST].remedy == PROTOCOL_REMEDY_OPEN)
		limits.warn_faults |= NANODOSE_FAULT_SENSOR_LOST;
	return nanodose_device_set_limits(c->device, &limits);
}

static bool limit_channels(struct runner *r)
{
	bool good = true;

	for (size_t i = 0; i < r->channel_count; i++) {
		struct channel *c = &r->channels[i];

		if (!limit_channel(r, c))
			continue;
		fprintf(stderr, "nanodose: %s: the driver refuses the limits of channel %s: %s\n",
			c->plan->pump, c->plan->name, strerror(errno));
		good = false;
	}
	return good;
}

static bool start_channels(struct runner *r)
{
	double rate_hz = r->options.sample_rate_hz > 0 ? r->options.sample_rate_hz : SAMPLE_RATE_HZ;
	bool good = true;

	for (size_t i = 0; i < r->channel_count; i++) {
		struct channel *c = &r->channels[i];

		if (!channel_start(c, rate_hz))
			continue;
		fprintf(stderr, "nanodose: %s: the flow sensor cannot be started: %s\n",
			c->plan->pump, strerror(errno));
		good = false;
	}
	return good;
}

static bool take_signals(struct runner *r)
{
	/* A reader of our output that leaves must not stop a dose. */
	signal(SIGPIPE, SIG_IGN);
	r->signal_fd = signal_fd_open(&r->old_signals);
	if (r->signal_fd < 0)
		perror("nanodose: signalfd");
	return r->signal_fd >= 0;
}

static bool allocate(struct runner *r)
{
	r->channels = calloc(r->channel_count + 1, sizeof(*r->channels));
	r->program = program_new(r->protocol);
	if (!r->channels || !r->program || view_init(r)) {
		perror("nanodose");
		return false;
	}
	for (size_t i = 0; i < r->channel_count; i++) {
		r->channels[i].plan = &r->protocol->channels[i];
		r->channels[i].index = i;
	}
	return true;
}

static bool open_readings(struct runner *r)
{
	char *error;

	if (!r->protocol->signal_count)
		return true;
	r->readings = readings_open(r->protocol, &error);
	if (!r->readings)
		fprintf(stderr, "nanodose: %s\n", error ? error : strerror(ENOMEM));
	free(error);
	return r->readings;
}

static void measure_steps(struct runner *r)
{
	for (size_t i = 0; i < r->channel_count; i++) {
		struct channel *c = &r->channels[i];

		c->step_m3 = nanodose_volume_per_step(c->plan->syringe->diameter_m,
						      c->info.lead_pitch_nm,
						      c->info.microsteps_per_rev);
		if (c->weighing.share > 0)
			c->step_m3 *= c->weighing.share;
		channel_limit_accel(c);
	}
}

struct runner *runner_new(const struct runner_options *options, enum nanodose_exit *status)
{
	struct runner *r = calloc(1, sizeof(*r));

	*status = NANODOSE_EXIT_REFUSED;
	if (!r) {
		perror("nanodose");
		return NULL;
	}
	r->options = *options;
	r->protocol = options->protocol;
	r->control.command = run_command;
	if (options->front)
		runner_attach(r, options->front);
	r->unattended = options->unattended;
	r->channel_count = r->protocol->channel_count;
	r->signal_fd = -1;
	r->wall_fd = -1;
	if (allocate(r) && take_signals(r) && open_readings(r) && open_channels(r) && check_channels(r) &&
	    claim_channels(r, status) && clear_channels(r) && calibrated_load(r)) {
		measure_steps(r);
		if (limit_channels(r) && start_channels(r) && resume_channels(r) && create_record(r)) {
			view_devices(r);
			wall_clock_watch(r);
			*status = NANODOSE_EXIT_DONE;
			return r;
		}
	}
	runner_free(r);
	return NULL;
}

void runner_attach(struct runner *r, struct run_front *front)
{
	r->fronts[r->front_count++] = front;
}

const char *runner_record_path(const struct runner *r)
{
	return r->record_path;
}

void runner_free(struct runner *r)
{
	if (!r)
		return;
	for (size_t i = 0; r->channels && i < r->channel_count; i++)
		channel_free(&r->channels[i]);
	if (r->record)
		record_close(r->record);
	if (r->wall_fd >= 0)
		close(r->wall_fd);
	if (r->signal_fd >= 0) {
		close(r->signal_fd);
		sigprocmask(SIG_SETMASK, &r->old_signals, NULL);
	}
	lanes_free(r);
	readings_close(r->readings);
	view_free(r);
	program_free(r->program);
	program_free(r->given_up);
	free(r->channels);
	free(r->record_path);
	free(r);
}
