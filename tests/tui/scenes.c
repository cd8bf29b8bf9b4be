// SPDX-License-Identifier: GPL-2.0-or-later
#include "scenes.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_CHANNELS	6
#define MAX_EVENTS	24
#define SAMPLES_PER_S	50

/* Rate of a channel from begin_s on. */
struct phase {
	double begin_s, rate_ul_min;
};

struct channel_plot {
	const char *name, *pump, *syringe, *fluid;
	double tau_s, noise_ul_min, kpa_per_ul_min, particles_per_ul;
	struct phase phases[6];		/* ended by a begin of INFINITY */
};

struct scene_text {
	struct run_event_view events[MAX_EVENTS];
	struct run_step_view steps[24];
};

struct scene_storage {
	struct scene scene;
	struct run_channel_view channels[MAX_CHANNELS];
	struct run_sample samples[MAX_CHANNELS][RUN_HISTORY];
	struct run_whole wholes[MAX_CHANNELS];
	struct scene_text text;
};

static const struct channel_plot lnp[] = {
	{ "aqueous", "rig0", "BD Plastipak 10 mL", "water", 0.25, 40, 0.0042, NAN,
	  { { 0, 0 }, { 2, 6000 }, { 20, 9000 }, { 30, 0 }, { INFINITY, 0 } } },
	{ "lipid", "rig1", "BD Plastipak 3 mL", "ipa", 0.4, 18, 0.0110, 2.5e9,
	  { { 0, 0 }, { 2, 2000 }, { 20, 3000 }, { 30, 0 }, { INFINITY, 0 } } },
};

static const struct channel_plot bolus[] = {
	{ "suspension", "rig0", "BD Plastipak 1 mL", "water", 3, 0.08, 0.467, 2e8,
	  { { 0, 0 }, { 5, 10 }, { 605, 0 }, { INFINITY, 0 } } },
};

static const struct channel_plot withdrawal[] = {
	{ "sample", "rig0", "BD Plastipak 1 mL", "water", 0.5, 0.5, 0.05, NAN,
	  { { 0, 0 }, { 3, -60 }, { 18, 0 }, { 21, 40 }, { 40, 0 }, { INFINITY, 0 } } },
};

static const struct channel_plot four[] = {
	{ "buffer", "pump-a", "BD Plastipak 10 mL", "water", 0.3, 3, 0.02, NAN,
	  { { 0, 0 }, { 1, 400 }, { 30, 200 }, { 70, 0 }, { INFINITY, 0 } } },
	{ "gold", "pump-b", "BD Plastipak 3 mL", "water", 0.5, 0.8, 0.08, 7e7,
	  { { 0, 0 }, { 1, 50 }, { 30, 100 }, { 70, 0 }, { INFINITY, 0 } } },
	{ "citrate", "pump-c", "BD Plastipak 1 mL", "water", 0.8, 0.02, 0.9, NAN,
	  { { 0, 0 }, { 1, 2.5 }, { 70, 0 }, { INFINITY, 0 } } },
	{ "quench", "pump-d", "BD Plastipak 1 mL", "ipa", 0.8, 0.004, 1.5, NAN,
	  { { 0, 0 }, { 40, 0.6 }, { 70, 0 }, { INFINITY, 0 } } },
};

static double rate_at(const struct channel_plot *plot, double time_s)
{
	int i = 0;

	while (plot->phases[i + 1].begin_s <= time_s)
		i++;
	return plot->phases[i].rate_ul_min;
}

/* Uniform in -1..1, the same on every machine. */
static double noise(uint32_t *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return (int32_t)*seed / 2147483648.0;
}

static void play(struct run_channel_view *view, struct run_sample *samples, struct run_whole *whole,
		 const struct channel_plot *plot, double elapsed_s, uint32_t seed)
{
	double flow = 0, volume_ul = 0, target_ul = 0, dt = 1.0 / SAMPLES_PER_S;
	long count = elapsed_s * SAMPLES_PER_S;

	for (int i = 0; plot->phases[i + 1].begin_s < INFINITY; i++)
		target_ul += plot->phases[i].rate_ul_min / 60 *
			     (plot->phases[i + 1].begin_s - plot->phases[i].begin_s);
	*view = (struct run_channel_view){
		.name = plot->name, .pump = plot->pump, .syringe = plot->syringe,
		.fluid = plot->fluid, .target_ul = target_ul, .history = samples,
		.flow_ul_min = NAN, .pressure_kpa = NAN, .temperature_c = NAN,
		.particles_target = target_ul * plot->particles_per_ul, .whole = whole,
		.device = "nanodose0", .sensor = "SLF3S-0600F", .step_ul = 0.0133,
		.stored_ul = NAN, .band_ul_min = NAN,
		.weighed = plot->particles_per_ul > 0 ? "2026-11-02" : "",
		.calibrated = plot->particles_per_ul > 0 ?
			      "calibration of 2026-11-03: time constant 3.42 s, sensor's gain 0.971" : "",
	};
	for (int i = 0; plot->phases[i].begin_s < INFINITY; i++)
		view->peak_ul_min = fmax(view->peak_ul_min, fabs(plot->phases[i].rate_ul_min));
	for (long i = 0; i < count; i++) {
		double time_s = i * dt, setpoint = rate_at(plot, time_s);
		double shaken = plot->noise_ul_min * (noise(&seed) + noise(&seed)) / 2;
		struct run_sample *sample = &samples[view->history_end];

		flow += (setpoint - flow) * (1 - exp(-dt / plot->tau_s));
		volume_ul += setpoint / 60 * dt;
		*sample = (struct run_sample){
			.time_s = time_s, .flow_ul_min = flow + shaken, .estimate_ul_min = flow,
			.setpoint_ul_min = setpoint, .pressure_kpa = flow * plot->kpa_per_ul_min + 1.2,
			.band_ul_min = plot->noise_ul_min, .delivered_ul = volume_ul,
		};
		run_whole_add(whole, sample);
		view->history_end = (view->history_end + 1) % RUN_HISTORY;
		if (view->history_count < RUN_HISTORY)
			view->history_count++;
		view->flow_ul_min = sample->flow_ul_min;
		view->pressure_kpa = sample->pressure_kpa;
		view->temperature_c = 23.4 + 0.1 * noise(&seed);
		view->estimate_ul_min = flow;
		view->band_ul_min = plot->noise_ul_min;
		view->stored_ul = flow / 60 * plot->tau_s;
		view->setpoint_ul_min = setpoint;
		view->pump_rate_ul_min = setpoint;
		view->state = setpoint ? NANODOSE_STATE_CRUISE : NANODOSE_STATE_REST;
	}
	view->delivered_ul = volume_ul;
	view->particles_delivered = volume_ul * plot->particles_per_ul;
}

/* Steps of which each lasts to its end_s; states follow from the time. */
struct timed_step {
	double begin_s, end_s;
	int depth;
	unsigned int rounds;
	const char *text;
};

static const struct timed_step lnp_steps[] = {
	{ 0, 2, 0, 0, "hold 2 s" },
	{ 2, 20, 0, 0, "mix aqueous 1.8 mL + lipid 0.6 mL at 8 mL/min" },
	{ 20, 30, 0, 0, "mix aqueous 1.5 mL + lipid 0.5 mL at 12 mL/min" },
	{ 30, 60, 0, 0, "hold 30 s" },
	{ 60, 60, 0, 0, "wait for the operator: Is the collection vial full?" },
};

static const struct timed_step bolus_steps[] = {
	{ 0, 5, 0, 0, "hold 5 s" },
	{ 5, 605, 0, 0, "infuse suspension 100 uL at 10 uL/min" },
	{ 605, 615, 0, 0, "hold 10 s" },
};

static const struct timed_step withdrawal_steps[] = {
	{ 0, 3, 0, 0, "hold 3 s" },
	{ 3, 18, 0, 0, "withdraw sample 15 uL at 60 uL/min" },
	{ 18, 21, 0, 0, "hold 3 s" },
	{ 21, 40, 0, 0, "infuse sample 12.67 uL at 40 uL/min" },
};

static const struct timed_step four_steps[] = {
	{ 0, 1, 0, 0, "hold 1 s" },
	{ 1, 20, 0, 0, "mix buffer 126.7 uL + gold 15.83 uL + citrate 0.7917 uL at 452.5 uL/min" },
	{ 20, 30, 0, 0, "wait until flow.gold > 48 for at most 10 s" },
	{ 30, 70, 0, 4, "repeat 4 times" },
	{ 30, 34, 1, 0, "infuse buffer 13.33 uL at 200 uL/min" },
	{ 34, 60, 1, 3, "repeat 3 times" },
	{ 34, 38, 2, 0, "infuse gold 6.667 uL at 100 uL/min" },
	{ 38, 60, 2, 0, "infuse quench 0.22 uL at 0.6 uL/min" },
	{ 60, 70, 1, 0, "hold 10 s" },
	{ 70, 80, 0, 0, "hold 10 s" },
	{ 80, 85, 0, 0, "infuse buffer 10 uL at 120 uL/min" },
	{ 85, 90, 0, 0, "wait for the operator: Take the vial away?" },
};

static void play_steps(struct scene_storage *storage, const struct timed_step *steps, size_t count,
		       double elapsed_s)
{
	struct run_view *view = &storage->scene.view;

	view->steps = storage->text.steps;
	view->step_count = count;
	view->step_active = count;
	for (size_t i = 0; i < count; i++) {
		const struct timed_step *step = &steps[i];
		struct run_step_view *seen = &storage->text.steps[i];

		*seen = (struct run_step_view){
			.text = step->text, .depth = step->depth, .line = 20 + i,
			.rounds = step->rounds, .state = RUN_STEP_TODO,
		};
		if (elapsed_s >= step->end_s) {
			seen->state = RUN_STEP_DONE;
			seen->round = step->rounds;
		} else if (elapsed_s >= step->begin_s) {
			seen->state = RUN_STEP_ACTIVE;
			seen->progress = (elapsed_s - step->begin_s) / (step->end_s - step->begin_s);
			seen->round = step->rounds ? 1 + (int)(seen->progress * step->rounds) : 0;
			view->step_active = i;
		}
	}
	view->planned_s = steps[count - 1].end_s;
}

static void event(struct scene_storage *storage, double time_s, enum record_severity severity,
		  enum record_source source, const char *text)
{
	struct run_view *view = &storage->scene.view;

	view->events = storage->text.events;
	if (time_s <= view->elapsed_s && view->event_count < MAX_EVENTS)
		storage->text.events[view->event_count++] = (struct run_event_view){
			.time_s = time_s, .severity = severity, .source = source, .text = text,
		};
}

static void play_channels(struct scene_storage *storage, const struct channel_plot *plots,
			  size_t count, double elapsed_s)
{
	struct run_view *view = &storage->scene.view;

	view->channels = storage->channels;
	view->channel_count = count;
	view->elapsed_s = elapsed_s;
	view->status = RUN_RUNNING;
	view->status_text = "dosing";
	for (size_t i = 0; i < count; i++)
		play(&storage->channels[i], storage->samples[i], &storage->wholes[i], &plots[i],
		     elapsed_s, 7 + i);
}

static void set_progress(struct scene_storage *storage)
{
	struct run_view *view = &storage->scene.view;

	view->progress = view->planned_s ? fmin(view->elapsed_s / view->planned_s, 1) : 0;
	view->left_s = fmax(view->planned_s - view->elapsed_s, 0);
}

static void make_lnp(struct scene_storage *storage, double elapsed_s)
{
	struct run_view *view = &storage->scene.view;

	view->protocol_name = "Lipid nanoparticle vaccine, 2 mL batch";
	view->protocol_path = "protocols/vaccine-lnp-formulation.yaml";
	view->record_path = "RUN_2026-03-14_0926_lipid-nanoparticle-vaccine.db";
	play_channels(storage, lnp, 2, elapsed_s);
	play_steps(storage, lnp_steps, 5, elapsed_s);
	event(storage, 0, RECORD_INFO, RECORD_PROGRAM, "run begins, record RUN_2026-03-14_0926_lipid-nanoparticle-vaccine.db");
	event(storage, 0, RECORD_INFO, RECORD_PROTOCOL, "step 1, line 20: hold 2 s");
	event(storage, 2, RECORD_INFO, RECORD_PROTOCOL, "step 2, line 21: mix aqueous 1.8 mL + lipid 0.6 mL at 8 mL/min");
	event(storage, 11.32, RECORD_WARNING, RECORD_KERNEL, "lipid: 1 bad sensor frame");
	event(storage, 20, RECORD_INFO, RECORD_PROTOCOL, "step 3, line 22: mix aqueous 1.5 mL + lipid 0.5 mL at 12 mL/min");
	event(storage, 30, RECORD_INFO, RECORD_PROTOCOL, "step 4, line 23: hold 30 s");
	set_progress(storage);
}

static void make_starting(struct scene_storage *storage, double elapsed_s)
{
	make_lnp(storage, elapsed_s < 0 ? 0 : elapsed_s);
	storage->scene.view.status = RUN_STARTING;
	storage->scene.view.status_text = "starting";
	storage->scene.view.event_count = 0;
}

static void make_two(struct scene_storage *storage, double elapsed_s)
{
	make_lnp(storage, elapsed_s < 0 ? 24.6 : elapsed_s);
}

static void make_help(struct scene_storage *storage, double elapsed_s)
{
	make_two(storage, elapsed_s);
	storage->scene.state.help = true;
}

static void make_confirm(struct scene_storage *storage, double elapsed_s)
{
	make_two(storage, elapsed_s);
	storage->scene.state.confirm_quit = true;
}

static void make_paused(struct scene_storage *storage, double elapsed_s)
{
	struct run_view *view = &storage->scene.view;

	make_lnp(storage, elapsed_s < 0 ? 33.4 : elapsed_s);
	view->status = RUN_PAUSED;
	view->status_text = "paused: the record's disk is full";
	event(storage, 30.9, RECORD_WARNING, RECORD_PROGRAM,
	      "pausing: No space left on device, the record keeps what it has in memory");
}

static void make_fault(struct scene_storage *storage, double elapsed_s)
{
	struct run_view *view = &storage->scene.view;

	make_lnp(storage, elapsed_s < 0 ? 22.1 : elapsed_s);
	view->status = RUN_STOPPED_FAULT;
	view->status_text = "stopped by a fault";
	view->step_active = view->step_count;
	view->channels[1].faults = NANODOSE_FAULT_AIR_IN_LINE;
	view->channels[1].sensor_flags = NANODOSE_SENSOR_FLAG_AIR;
	for (int i = 0; i < 2; i++) {
		view->channels[i].setpoint_ul_min = 0;
		view->channels[i].state = NANODOSE_STATE_REST;
	}
	event(storage, 21.84, RECORD_FAULT, RECORD_INTERLOCK, "lipid: air in line");
	event(storage, 21.9, RECORD_INFO, RECORD_KERNEL, "lipid: at rest");
}

static void make_lost(struct scene_storage *storage, double elapsed_s)
{
	struct run_view *view = &storage->scene.view;
	struct run_channel_view *channel = &storage->channels[0];

	make_two(storage, elapsed_s);
	/* A second without readings in the middle, and none now. */
	for (size_t i = 0; i < channel->history_count; i++) {
		double time_s = storage->samples[0][i].time_s;

		if ((time_s > 10 && time_s < 13) || time_s > view->elapsed_s - 1)
			storage->samples[0][i].flow_ul_min = NAN;
	}
	channel->flow_ul_min = NAN;
	channel->pressure_kpa = NAN;
	channel->temperature_c = NAN;
	channel->faults = NANODOSE_FAULT_SENSOR_LOST | NANODOSE_FAULT_OWNER_SILENT;
	view->channels[1].gone = true;
	view->status = RUN_DEVICE_GONE;
	view->status_text = "device gone";
	event(storage, 24.1, RECORD_FAULT, RECORD_INTERLOCK, "aqueous: sensor lost");
	event(storage, 24.3, RECORD_FAULT, RECORD_KERNEL, "lipid: the pump rig1 is gone");
}

static void make_question(struct scene_storage *storage, double elapsed_s)
{
	struct run_view *view = &storage->scene.view;

	make_lnp(storage, elapsed_s < 0 ? 60 : elapsed_s);
	view->status = RUN_WAITING_OPERATOR;
	view->status_text = "waits for the operator";
	view->question = "Is the collection vial full?";
	view->question_left_s = 27.6;
	view->step_active = 4;
	storage->text.steps[4].state = RUN_STEP_ACTIVE;
	storage->text.steps[4].progress = NAN;
	event(storage, 60, RECORD_INFO, RECORD_PROTOCOL, "step 5, line 24: Is the collection vial full?");
	event(storage, 60, RECORD_INFO, RECORD_PROTOCOL, "asks the operator");
}

static void make_done(struct scene_storage *storage, double elapsed_s)
{
	struct run_view *view = &storage->scene.view;

	make_lnp(storage, elapsed_s < 0 ? 64.2 : elapsed_s);
	view->status = RUN_DONE;
	view->status_text = "done";
	event(storage, 60, RECORD_INFO, RECORD_PROTOCOL, "step 5, line 24: Is the collection vial full?");
	event(storage, 64.2, RECORD_INFO, RECORD_OPERATOR, "ada answers yes");
	event(storage, 64.2, RECORD_INFO, RECORD_PROGRAM, "the run is done");
}

static void make_stopped(struct scene_storage *storage, double elapsed_s)
{
	struct run_view *view = &storage->scene.view;

	make_lnp(storage, elapsed_s < 0 ? 21 : elapsed_s);
	view->status = RUN_STOPPED_OPERATOR;
	view->status_text = "stopped by the operator";
	view->step_active = view->step_count;
	storage->text.steps[2].state = RUN_STEP_SKIPPED;
	storage->text.steps[3].state = RUN_STEP_SKIPPED;
	storage->text.steps[4].state = RUN_STEP_SKIPPED;
	event(storage, 20.8, RECORD_WARNING, RECORD_OPERATOR, "ada stops the run");
}

static void make_one(struct scene_storage *storage, double elapsed_s)
{
	struct run_view *view = &storage->scene.view;

	elapsed_s = elapsed_s < 0 ? 31 : elapsed_s;
	view->protocol_name = "Nanoparticle bolus \u00b5-scale, 100 uL";
	view->protocol_path = "protocols/nanoparticle-bolus.yaml";
	view->record_path = "RUN_2026-03-14_1102_nanoparticle-bolus.db";
	play_channels(storage, bolus, 1, elapsed_s);
	play_steps(storage, bolus_steps, 3, elapsed_s);
	event(storage, 0, RECORD_INFO, RECORD_PROTOCOL, "step 1, line 20: hold 5 s");
	event(storage, 5, RECORD_INFO, RECORD_PROTOCOL, "step 2, line 21: infuse suspension 100 uL at 10 uL/min");
	set_progress(storage);
}

/* Long after its start: the window moves along, the ring of samples has come round. */
static void make_late(struct scene_storage *storage, double elapsed_s)
{
	make_one(storage, elapsed_s < 0 ? 600.9 : elapsed_s);
}

static void make_withdraw(struct scene_storage *storage, double elapsed_s)
{
	struct run_view *view = &storage->scene.view;

	elapsed_s = elapsed_s < 0 ? 33 : elapsed_s;
	view->protocol_name = "Draw a sample and give it back";
	view->record_path = "RUN_2026-03-14_1200_draw.db";
	play_channels(storage, withdrawal, 1, elapsed_s);
	play_steps(storage, withdrawal_steps, 4, elapsed_s);
	event(storage, 3, RECORD_INFO, RECORD_PROTOCOL, "step 2, line 21: withdraw sample 15 uL at 60 uL/min");
	set_progress(storage);
}

/* No flow sensor: the estimate stands in. */
static void make_blind(struct scene_storage *storage, double elapsed_s)
{
	struct run_channel_view *channel = &storage->channels[0];

	make_withdraw(storage, elapsed_s);
	for (size_t i = 0; i < channel->history_count; i++)
		storage->samples[0][i].flow_ul_min = NAN;
	channel->flow_ul_min = NAN;
	channel->temperature_c = NAN;
}

static void make_four(struct scene_storage *storage, double elapsed_s)
{
	struct run_view *view = &storage->scene.view;
	static char texts[MAX_EVENTS][64];

	elapsed_s = elapsed_s < 0 ? 52 : elapsed_s;
	view->protocol_name = "Gold nanoparticles, four streams, with a name that is far too long for its line";
	view->record_path = "RUN_2026-03-14_1500_gold.db";
	play_channels(storage, four, 4, elapsed_s);
	play_steps(storage, four_steps, 12, elapsed_s);
	for (int i = 0; i < 20; i++) {
		snprintf(texts[i], sizeof(texts[i]), "event number %d of this run", i + 1);
		event(storage, i * 2.5, i % 7 == 5 ? RECORD_WARNING : RECORD_INFO,
		      i % 4 ? RECORD_PROTOCOL : RECORD_OPERATOR, texts[i]);
	}
	set_progress(storage);
}

static void make_scrolled(struct scene_storage *storage, double elapsed_s)
{
	make_four(storage, elapsed_s);
	storage->scene.state.events_scroll = 6;
}

/* More channels than a small screen has room for. */
static void make_six(struct scene_storage *storage, double elapsed_s)
{
	make_four(storage, elapsed_s);
	for (int i = 4; i < 6; i++)
		play(&storage->channels[i], storage->samples[i], &storage->wholes[i], &four[i - 4],
		     storage->scene.view.elapsed_s, 40 + i);
	storage->channels[4].name = "\u6c34\u76f8";
	storage->channels[5].name = "a-very-long-channel-name";
	storage->scene.view.channel_count = 6;
}

/* ---- pages of one thing ---------------------------------------------------------- */

static void make_channel(struct scene_storage *storage, double elapsed_s)
{
	make_two(storage, elapsed_s);
	storage->scene.state.page = PAGE_CHANNEL;
	storage->scene.state.channel = 1;
}

static void make_channel_fault(struct scene_storage *storage, double elapsed_s)
{
	make_lost(storage, elapsed_s);
	storage->scene.state.page = PAGE_CHANNEL;
}

static void make_channel_blind(struct scene_storage *storage, double elapsed_s)
{
	make_blind(storage, elapsed_s);
	storage->channels[0].stored_ul = NAN;
	storage->channels[0].band_ul_min = NAN;
	storage->channels[0].pressure_kpa = NAN;
	storage->channels[0].sensor = "";
	for (size_t i = 0; i < RUN_HISTORY; i++) {
		storage->samples[0][i].pressure_kpa = NAN;
		storage->samples[0][i].band_ul_min = NAN;
	}
	storage->scene.state.page = PAGE_CHANNEL;
}

static void make_zoomed(struct scene_storage *storage, double elapsed_s)
{
	make_channel(storage, elapsed_s);
	storage->scene.state.span_s = 5;
}

/* Ten minutes on: what was at the beginning is not in the ring any more. */
static void make_past(struct scene_storage *storage, double elapsed_s)
{
	make_one(storage, elapsed_s < 0 ? 600.9 : elapsed_s);
	storage->scene.state.page = PAGE_CHANNEL;
	storage->scene.state.span_s = 60;
	storage->scene.state.end_s = 60;
}

static void make_whole(struct scene_storage *storage, double elapsed_s)
{
	make_one(storage, elapsed_s < 0 ? 600.9 : elapsed_s);
	storage->scene.state.page = PAGE_CHANNEL;
	storage->scene.state.span_s = 1200;
}

static void make_protocol(struct scene_storage *storage, double elapsed_s)
{
	make_four(storage, elapsed_s);
	storage->scene.state.page = PAGE_PROTOCOL;
}

static void make_events(struct scene_storage *storage, double elapsed_s)
{
	make_four(storage, elapsed_s);
	storage->scene.state.page = PAGE_EVENTS;
	storage->scene.state.events_scroll = 1;
}

static void make_faults_none(struct scene_storage *storage, double elapsed_s)
{
	make_two(storage, elapsed_s);
	storage->scene.state.page = PAGE_FAULTS;
}

static void make_faults(struct scene_storage *storage, double elapsed_s)
{
	make_lost(storage, elapsed_s);
	storage->scene.state.page = PAGE_FAULTS;
}

static void make_manual(struct scene_storage *storage, double elapsed_s)
{
	make_two(storage, elapsed_s);
	storage->scene.state.page = PAGE_MANUAL;
}

static void make_manual_refused(struct scene_storage *storage, double elapsed_s)
{
	make_channel_blind(storage, elapsed_s);
	storage->scene.state.page = PAGE_MANUAL;
	storage->scene.state.refused = true;
}

/* "fault-7": the bit of a fault, and its line on the overview or its page. */
static bool make_a_fault(struct scene_storage *storage, const char *name)
{
	struct run_view *view = &storage->scene.view;
	static char text[128];
	int bit;

	if (sscanf(name, "fault-%d", &bit) != 1 || bit < 0 || bit > 31)
		return false;
	make_fault(storage, -1);
	view->channels[1].faults = 1U << bit;
	view->event_count -= 2;
	snprintf(text, sizeof(text), "lipid: %s", nanodose_fault_name(1U << bit));
	event(storage, 21.84, RECORD_FAULT, RECORD_INTERLOCK, text);
	storage->scene.state.page = PAGE_FAULTS;
	return true;
}

struct scene *scene_new(const char *name, double elapsed_s)
{
	static const struct {
		const char *name;
		void (*make)(struct scene_storage *storage, double elapsed_s);
	} scenes[] = {
		{ "starting", make_starting }, { "two", make_two }, { "help", make_help },
		{ "confirm-quit", make_confirm }, { "paused", make_paused }, { "fault", make_fault },
		{ "lost", make_lost }, { "question", make_question }, { "done", make_done },
		{ "stopped", make_stopped }, { "one", make_one }, { "late", make_late },
		{ "withdraw", make_withdraw }, { "blind", make_blind }, { "four", make_four },
		{ "scrolled", make_scrolled }, { "six", make_six }, { "channel", make_channel },
		{ "channel-fault", make_channel_fault }, { "channel-blind", make_channel_blind },
		{ "zoomed", make_zoomed }, { "past", make_past }, { "whole", make_whole },
		{ "protocol", make_protocol }, { "events", make_events }, { "faults", make_faults },
		{ "faults-none", make_faults_none }, { "manual", make_manual },
		{ "manual-refused", make_manual_refused },
	};

	struct scene_storage *storage = calloc(1, sizeof(*storage));

	for (size_t i = 0; storage && i < sizeof(scenes) / sizeof(scenes[0]); i++) {
		if (strcmp(scenes[i].name, name))
			continue;
		scenes[i].make(storage, elapsed_s);
		return &storage->scene;
	}
	if (storage && make_a_fault(storage, name))
		return &storage->scene;
	free(storage);
	return NULL;
}

void scene_free(struct scene *scene)
{
	free(scene);
}
