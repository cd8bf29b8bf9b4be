// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a front sees, in the units that people write.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "run.h"

#define UL_MIN		(1e-9 / 60)
#define UL		1e-9
#define PLOT_SHARE	0.8	/* of the history that the planned run fills */
#define PLOT_MAX_S	1.0	/* no coarser, so that a long run can be watched too */

int view_init(struct runner *r)
{
	struct run_view *view = &r->view;

	view->channels = calloc(r->channel_count + 1, sizeof(*view->channels));
	r->history = calloc((r->channel_count + 1) * RUN_HISTORY, sizeof(*r->history));
	r->wholes = calloc(r->channel_count + 1, sizeof(*r->wholes));
	if (!view->channels || !r->history || !r->wholes)
		return -1;
	view->channel_count = r->channel_count;
	view->protocol_name = r->protocol->name;
	view->protocol_path = r->protocol->path;
	view->planned_s = r->protocol->duration_s;
	view_program(r);
	r->history_s = fmin(PLOT_MAX_S, r->protocol->duration_s / (PLOT_SHARE * RUN_HISTORY));
	for (size_t i = 0; i < r->channel_count; i++) {
		const struct protocol_channel *plan = &r->protocol->channels[i];
		struct run_channel_view *channel = &view->channels[i];

		channel->name = plan->name;
		channel->pump = plan->pump;
		channel->syringe = plan->syringe->name;
		channel->fluid = plan->fluid;
		channel->peak_ul_min = plan->peak_rate_m3_s / UL_MIN;
		channel->history = r->history + i * RUN_HISTORY;
		channel->whole = &r->wholes[i];
	}
	view_targets(r);
	return 0;
}

void view_devices(struct runner *r)
{
	for (size_t i = 0; i < r->channel_count; i++) {
		const struct channel *c = &r->channels[i];
		struct run_channel_view *view = &r->view.channels[i];

		view->device = c->info.name;
		view->sensor = c->has_sensor ? nanodose_sensor_name(c->info.sensor_model) : "";
		view->step_ul = c->step_m3 / UL;
		view->weighed = c->weighed_text;
		view->calibrated = c->calibrated_text;
	}
}

void view_targets(struct runner *r)
{
	for (size_t i = 0; i < r->channel_count; i++) {
		double net_m3 = program_net_m3(r->program, i) - r->channels[i].spared_m3;
		double concentration = r->protocol->channels[i].concentration_per_m3;

		r->view.channels[i].target_ul = net_m3 / UL;
		r->view.channels[i].particles_target = concentration > 0 ? concentration * net_m3 : NAN;
	}
}

void view_program(struct runner *r)
{
	r->view.steps = program_views(r->program, &r->view.step_count);
}

void view_free(struct runner *r)
{
	for (size_t i = 0; i < r->event_count; i++)
		free((char *)r->events[i].text);
	free(r->events);
	free(r->history);
	free(r->wholes);
	free(r->view.channels);
}

void view_sample(struct runner *r, const struct channel *c)
{
	struct run_channel_view *view = &r->view.channels[c->index];
	struct run_sample *history = r->history + c->index * RUN_HISTORY;
	double time_s = c->flow_ns > r->begin_ns ? (c->flow_ns - r->begin_ns) / 1e9 : 0;
	const struct run_sample *last =
		view->history_count ?
			&history[(view->history_end + RUN_HISTORY - 1) % RUN_HISTORY] :
			NULL;
	struct run_sample sample;

	if (last && time_s < last->time_s + r->history_s)
		return;
	sample = (struct run_sample){
		.time_s = time_s,
		.flow_ul_min = c->flow_m3_s / UL_MIN,
		.estimate_ul_min = c->output.flow_m3_s / UL_MIN,
		.setpoint_ul_min = channel_set_point_m3_s(c) / UL_MIN,
		.pressure_kpa = c->pressure_pa / 1000,
		.band_ul_min = 2 * c->output.flow_sd_m3_s / UL_MIN,
		.delivered_ul = channel_delivered_m3(c) / UL,
	};
	history[view->history_end] = sample;
	run_whole_add(&r->wholes[c->index], &sample);
	view->history_end = (view->history_end + 1) % RUN_HISTORY;
	if (view->history_count < RUN_HISTORY)
		view->history_count++;
}

static void update_channel(struct run_channel_view *view, const struct channel *c)
{
	double concentration = c->plan->concentration_per_m3;

	view->setpoint_ul_min = channel_set_point_m3_s(c) / UL_MIN;
	view->flow_ul_min = c->flow_m3_s / UL_MIN;
	view->estimate_ul_min = c->output.flow_m3_s / UL_MIN;
	view->band_ul_min = 2 * c->output.flow_sd_m3_s / UL_MIN;
	view->stored_ul = c->output.stored_m3 / UL;
	view->pump_rate_ul_min = c->moving ? c->run_rate_nhz / 1e9 * c->step_m3 / UL_MIN : 0;
	view->delivered_ul = channel_delivered_m3(c) / UL;
	view->particles_delivered = concentration > 0 ? concentration * channel_delivered_m3(c) :
							NAN;
	view->pressure_kpa = c->pressure_pa / 1000;
	view->temperature_c = c->temperature_c;
	view->faults = c->faults;
	view->state = c->state;
	view->sensor_flags = c->sensor_flags;
	view->gone = c->gone;
}

static enum run_status status_of(const struct runner *r)
{
	switch (r->mode) {
	case MODE_STARTING:
		return RUN_STARTING;
	case MODE_RUNNING:
		return lanes_question(r) ? RUN_WAITING_OPERATOR : RUN_RUNNING;
	case MODE_PAUSING:
		return RUN_PAUSING;
	case MODE_PAUSED:
		return RUN_PAUSED;
	case MODE_STOPPING:
		return RUN_STOPPING;
	case MODE_OVER:
		break;
	}
	switch (r->outcome) {
	case NANODOSE_EXIT_DONE:
		return RUN_DONE;
	case NANODOSE_EXIT_OPERATOR:
		return RUN_STOPPED_OPERATOR;
	case NANODOSE_EXIT_GONE:
		return RUN_DEVICE_GONE;
	default:
		return RUN_STOPPED_FAULT;
	}
}

static const char *status_text(const struct runner *r)
{
	bool record = (r->mode == MODE_PAUSING || r->mode == MODE_PAUSED) && r->record_paused;

	if (record && r->record_bad)
		return r->status_text;
	if (record)
		return "paused: the record is written again";
	switch (r->mode) {
	case MODE_STARTING:
		return "starting: sensors at rest";
	case MODE_RUNNING:
		break;
	case MODE_PAUSING:
		return "coming to rest";
	case MODE_PAUSED:
		return "paused";
	case MODE_STOPPING:
		return "stopping";
	case MODE_OVER:
		return run_status_word(r->outcome);
	}
	if (lanes_question(r))
		return "waiting for the operator";
	return lanes_doing(r);
}

void view_update(struct runner *r)
{
	struct run_view *view = &r->view;
	const struct protocol_step *step = r->lane.step.step;
	double done_s = program_done_s(r->program);

	if (step)
		done_s += steps_progress(r, &r->lane) * step->duration_s;
	lanes_show_progress(r);
	view->record_path = r->record_path;
	view->status = status_of(r);
	view->status_text = status_text(r);
	view->elapsed_s = run_elapsed_s(r);
	view->left_s = fmax(0, view->planned_s - done_s);
	view->progress = view->planned_s > 0 ? fmin(1, done_s / view->planned_s) : 0;
	if (view->status == RUN_DONE)
		view->progress = 1;
	view->question = lanes_question(r);
	view->question_left_s = lanes_question_left_s(r);
	view->step_active = program_active(r->program, &r->lane.cursor);
	view->events = r->events;
	view->event_count = r->event_count;
	for (size_t i = 0; i < r->channel_count; i++)
		update_channel(&view->channels[i], &r->channels[i]);
}
