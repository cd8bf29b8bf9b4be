// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "channel.h"

#define RING_RECORDS	4096		/* 20 s of 200 records/s */
#define NHZ		1e9
#define PL_MIN		(1e-15 / 60)	/* m3/s */
#define END_LEAD_S	0.05		/* from a look at the pump to the order that ends it */
/* What changes by more than this at rest, from one half of the readings to the other, is relaxing. */
#define REST_FLOW	0.0005		/* of the sensor's full scale */
#define REST_PRESSURE_PA 50
#define SENSOR_TRY_NS	2000000000ULL	/* a lost sensor may be plugged in again */
#define PLAY_STEPS	100		/* no screw has more play */
#define RATE_CHANGE	2e-4		/* a smaller change of rate is not worth an order */

int channel_start(struct channel *c, double sample_rate_hz)
{
	struct control_config config = {
		.max_rate_m3_s =
			fmin(protocol_max_rate_m3_s(c->plan, &c->info), c->plan->limits[PROTOCOL_HARD].most[PROTOCOL_LIMIT_RATE]),
		.max_pressure_pa = c->plan->limits[PROTOCOL_HARD].most[PROTOCOL_LIMIT_PRESSURE],
	};
	struct nanodose_status status;
	uint64_t period_ns;

	c->has_sensor = c->info.features & NANODOSE_FEATURE_FLOW;
	period_ns = llround(NHZ / sample_rate_hz);
	if (c->has_sensor && period_ns < c->info.sensor_min_period_ns)
		period_ns = c->info.sensor_min_period_ns;
	c->period_s = period_ns / NHZ;
	c->flow_m3_s = NAN;
	c->pressure_pa = NAN;
	c->temperature_c = NAN;
	c->output.flow_sd_m3_s = NAN;
	c->output.stored_m3 = NAN;
	metrics_init(&c->metrics);

	config.model = c->calibration.model;
	config.sample_period_s = c->period_s;
	config.step_m3 = c->step_m3;
	config.sensor_full_scale_m3_s = c->has_sensor && !c->plan->open_loop ? c->info.sensor_full_scale_pl_min * PL_MIN :
							0;
	c->control = control_new(&config);
	if (!c->control)
		return -1;
	if (nanodose_device_subscribe(c->device, UINT32_C(1) << NANODOSE_RECORD_STATE |
				      UINT32_C(1) << NANODOSE_RECORD_FLOW |
				      UINT32_C(1) << NANODOSE_RECORD_FAULT, RING_RECORDS, 1))
		return -1;
	if (nanodose_device_status(c->device, &status))
		return -1;
	c->owner_pid = status.owner_pid;
	c->origin = status.position;
	c->position = status.position;
	c->end_position = status.position;
	c->state = status.state;
	if (!c->has_sensor)
		return 0;
	return nanodose_device_sensor_start(c->device, c->plan->medium, period_ns);
}

void channel_free(struct channel *c)
{
	control_free(c->control);
	nanodose_device_close(c->device);
}

void channel_limit_accel(struct channel *c)
{
	double limit_nhz_s = c->plan->limits[PROTOCOL_HARD].most[PROTOCOL_LIMIT_ACCELERATION] / c->step_m3 * NHZ;

	c->max_accel_nhz_s = c->info.max_accel_nhz_s;
	if (limit_nhz_s < c->max_accel_nhz_s)
		c->max_accel_nhz_s = fmax(1, limit_nhz_s);
}

uint64_t channel_max_rate_nhz(const struct channel *c)
{
	double limit_nhz = ceil(c->plan->limits[PROTOCOL_HARD].most[PROTOCOL_LIMIT_RATE] / c->step_m3 * NHZ);

	return fmin(limit_nhz, c->info.max_rate_nhz);
}

int64_t channel_rate_nhz(const struct channel *c, double rate_m3_s)
{
	double rate_nhz = rate_m3_s / c->step_m3 * NHZ;
	double max_nhz = channel_max_rate_nhz(c);

	return llround(fmin(fmax(rate_nhz, -max_nhz), max_nhz));
}

double channel_set_point_m3_s(const struct channel *c)
{
	return c->moving && !c->stopping ? c->set_point_m3_s : 0;
}

double channel_delivered_m3(const struct channel *c)
{
	return (c->position - c->origin) * c->step_m3;
}

double channel_end_m3(const struct channel *c)
{
	return (c->end_position - c->origin) * c->step_m3;
}

void channel_mark(struct channel *c)
{
	c->mark_position = c->position;
	measured_mark(&c->measured);
}

double channel_stepped_m3(const struct channel *c)
{
	return (c->position - c->mark_position) * c->step_m3;
}

void channel_aim(struct channel *c, double volume_m3, double rate_m3_s)
{
	c->aim_m3 = c->target_m3;
	c->target_m3 += volume_m3;
	c->end_position = c->origin + llround(c->target_m3 / c->step_m3);
	c->set_point_m3_s = copysign(rate_m3_s, volume_m3);
	c->top_m3_s = rate_m3_s;
	c->ended = false;
}

static void take_position(struct channel *c, int64_t position)
{
	int way = position > c->position ? 1 : position < c->position ? -1 : c->way;

	if (way != c->way)
		c->turned_position = c->position;
	c->way = way;
	c->position = position;
}

/* A ramp that takes the same time whatever the channel's rate. */
static uint64_t ramp_accel_nhz_s(const struct channel *c, double ramp_s)
{
	return fmin(fmax(llround(channel_rate_nhz(c, c->top_m3_s) / ramp_s), 1), c->max_accel_nhz_s);
}

int channel_prepare(struct channel *c, double ramp_s, uint64_t start_ns)
{
	struct nanodose_status status;

	/* Steps made since the newest record count too. */
	if (nanodose_device_status(c->device, &status))
		return -1;
	take_position(c, status.position);
	c->first_sequence = status.sequence;
	if (c->position == c->end_position) {
		c->ended = true;
		return 0;
	}
	c->accel_nhz_s = ramp_accel_nhz_s(c, ramp_s);
	control_set_accel(c->control, c->accel_nhz_s / NHZ * c->step_m3);
	control_set_point(c->control, start_ns / NHZ, c->set_point_m3_s);
	return 0;
}

int channel_go(struct channel *c, uint64_t start_ns, uint64_t now_ns)
{
	struct nanodose_run run = {
		.accel_nhz_s = c->accel_nhz_s,
		.hold_ns = CHANNEL_HOLD_NS,
		.end_position = c->end_position,
		.start_ns = start_ns,
		.flags = NANODOSE_RUN_END_POSITION | (start_ns ? NANODOSE_RUN_START_AT : 0),
	};

	c->output.pump_rate_m3_s = control_first_rate_m3_s(c->control);
	run.rate_nhz = channel_rate_nhz(c, c->output.pump_rate_m3_s);
	/* A rate too small to be written down would be standstill. */
	if (!run.rate_nhz)
		run.rate_nhz = c->set_point_m3_s > 0 ? 1 : -1;
	/* Rounding may have left the end on the other side: a step too many is taken back. */
	if ((c->end_position > c->position) != (run.rate_nhz > 0))
		run.rate_nhz = -run.rate_nhz;
	if (nanodose_device_run(c->device, &run))
		return -1;
	c->moving = true;
	c->stopping = false;
	c->taking_back = false;
	c->start_ns = start_ns;
	c->run_ns = start_ns ? start_ns : now_ns;
	c->run_rate_nhz = run.rate_nhz;
	return 0;
}

static int order(struct channel *c, int64_t rate_nhz, uint64_t now_ns)
{
	struct nanodose_run run = {
		.rate_nhz = rate_nhz,
		.accel_nhz_s = c->accel_nhz_s,
		.hold_ns = CHANNEL_HOLD_NS,
		.end_position = c->taking_back ? c->back_position : c->end_position,
		.flags = NANODOSE_RUN_END_POSITION,
	};

	if (nanodose_device_run(c->device, &run))
		return -1;
	c->run_ns = now_ns;
	c->run_rate_nhz = rate_nhz;
	return 0;
}

int channel_refresh(struct channel *c, uint64_t now_ns)
{
	int64_t wanted_nhz;
	bool changed;

	if (!c->moving || (c->stopping && !c->taking_back) || c->gone || now_ns < c->start_ns)
		return 0;
	wanted_nhz = channel_rate_nhz(c, c->output.pump_rate_m3_s);
	/* No loop on the way back. */
	if (c->taking_back || (wanted_nhz > 0) != (c->run_rate_nhz > 0) || !wanted_nhz)
		wanted_nhz = c->run_rate_nhz;
	changed = fabs((double)(wanted_nhz - c->run_rate_nhz)) >
		  RATE_CHANGE * fabs((double)c->run_rate_nhz);
	if (!changed && now_ns < c->run_ns + CHANNEL_HOLD_NS / 3)
		return 0;
	if (!order(c, wanted_nhz, now_ns))
		return 0;
	/* So near the end that a new rate cannot be braked any more: keep the old one. */
	if (errno == EDOM && changed && !order(c, c->run_rate_nhz, now_ns))
		return 0;
	/*
	 * At the end already, or a fault: the record that says so is on its
	 * way. Were it not, the hold would run out and say so itself.
	 */
	if (errno == EDOM || errno == EINVAL || errno == EPIPE)
		return 0;
	return -1;
}

int channel_stop(struct channel *c, uint32_t mode, uint64_t now_ns)
{
	if (c->gone)
		return 0;
	if (!c->moving && mode == NANODOSE_STOP_RAMP)
		return 0;
	c->stopping = true;
	c->taking_back = false;
	metrics_end(&c->metrics);
	control_set_point(c->control, now_ns / NHZ, 0);
	c->output.pump_rate_m3_s = 0;
	return nanodose_device_stop(c->device, mode);
}

int channel_restart_sensor(struct channel *c)
{
	return nanodose_device_sensor_start(c->device, c->plan->medium, llround(c->period_s * NHZ));
}

int channel_take_back(struct channel *c, double volume_m3, uint64_t now_ns)
{
	int64_t rate_nhz = -channel_rate_nhz(c, c->top_m3_s);
	struct nanodose_status status;

	if (nanodose_device_status(c->device, &status))
		return -1;
	take_position(c, status.position);
	c->first_sequence = status.sequence;
	c->back_position = c->position - llround(volume_m3 / c->step_m3);
	if (c->back_position == c->position || !rate_nhz)
		return 0;
	c->taking_back = true;
	if (order(c, rate_nhz, now_ns)) {
		c->taking_back = false;
		return -1;
	}
	c->moving = true;
	c->stopping = true;
	c->start_ns = 0;
	return 0;
}

void channel_forget_aim(struct channel *c)
{
	c->target_m3 = (c->position - c->origin) * c->step_m3;
	c->end_position = c->position;
	c->ended = true;
}

void channel_set_rate(struct channel *c, double rate_m3_s, uint64_t now_ns)
{
	c->set_point_m3_s = copysign(rate_m3_s, c->set_point_m3_s);
	control_set_point(c->control, now_ns / NHZ, c->set_point_m3_s);
	/* Without a sensor nothing else tells the pump. */
	if (!c->has_sensor)
		c->output.pump_rate_m3_s = c->set_point_m3_s;
}

void channel_set_rest(struct channel *c, uint64_t now_ns)
{
	metrics_end(&c->metrics);
	control_set_point(c->control, now_ns / NHZ, 0);
	c->output.pump_rate_m3_s = 0;
}

/* Steps the pump needs to come to rest from its rate. */
static double braking_steps(const struct channel *c)
{
	double rate_hz = c->run_rate_nhz / NHZ;

	return rate_hz * rate_hz / (2 * (c->accel_nhz_s / NHZ));
}

int channel_allow_air(struct channel *c, bool allowed)
{
	struct nanodose_limits limits;

	if (c->air_allowed == allowed || !(c->info.features & NANODOSE_FEATURE_LIMITS))
		return 0;
	if (nanodose_device_limits(c->device, &limits))
		return -1;
	limits.warn_faults &= ~NANODOSE_FAULT_AIR_IN_LINE;
	if (allowed)
		limits.warn_faults |= NANODOSE_FAULT_AIR_IN_LINE;
	if (nanodose_device_set_limits(c->device, &limits))
		return -1;
	c->air_allowed = allowed;
	return 0;
}

int channel_end_soon(struct channel *c, uint64_t now_ns)
{
	int64_t way = c->run_rate_nhz < 0 ? -1 : 1, old = c->end_position, end;
	struct nanodose_status status;

	if (nanodose_device_status(c->device, &status))
		return -1;
	end = status.position +
	      way * (int64_t)ceil(braking_steps(c) + way * c->run_rate_nhz / NHZ * END_LEAD_S + 1);
	if ((old - end) * way <= 0)
		return 0;
	c->end_position = end;
	if (order(c, c->run_rate_nhz, now_ns)) {
		c->end_position = old;
		return -1;
	}
	channel_spare_to(c, end);
	return 0;
}

void channel_spare_to(struct channel *c, int64_t position)
{
	c->end_position = position;
	c->spared_m3 += c->target_m3 - (position - c->origin) * c->step_m3;
	c->target_m3 = (position - c->origin) * c->step_m3;
}

double channel_reading(const struct channel *c, enum protocol_limit limit)
{
	return limit == PROTOCOL_LIMIT_PRESSURE ? c->pressure_pa : c->temperature_c;
}

static void count_over(struct channel *c, enum protocol_limit limit)
{
	double reading = channel_reading(c, limit);

	for (int i = 0; i < PROTOCOL_STRICTNESSES; i++) {
		if (reading > c->plan->limits[i].most[limit])
			c->over[i][limit]++;
		else if (!isnan(reading))
			c->over[i][limit] = 0;
	}
}

bool channel_rests(const struct channel *c)
{
	return rest_holds(&c->flow_rest, REST_FLOW * c->info.sensor_full_scale_pl_min * PL_MIN) &&
	       rest_holds(&c->pressure_rest, REST_PRESSURE_PA);
}

void channel_forget_rest(struct channel *c)
{
	c->flow_rest = c->pressure_rest = (struct rest){ 0 };
	control_forget_rest(c->control);
	measured_forget_rest(&c->measured);
}

int channel_taken_up(const struct channel *c)
{
	if (!c->way)
		return c->calibration.model.taken_up;
	return llabs(c->position - c->turned_position) > PLAY_STEPS ? c->way : 0;
}

static void take_flow(struct channel *c, const struct nanodose_record *record)
{
	const struct nanodose_flow_record *flow = &record->flow;
	double reading_m3_s = flow->flow_pl_min * PL_MIN;
	bool beyond = false;
	struct control_sample sample = { .time_s = record->time_ns / NHZ };

	c->flow_ns = record->time_ns;
	take_position(c, flow->position);
	c->flow_m3_s = NAN;
	c->temperature_c = NAN;
	c->pressure_pa = NAN;
	c->sensor_flags = flow->sensor_flags;
	c->flags_valid = flow->valid & NANODOSE_VALID_FLOW;
	c->missing = c->flags_valid ? 0 : c->missing + 1;
	if (flow->valid & NANODOSE_VALID_FLOW) {
		c->flow_m3_s = protocol_flow_m3_s(c->plan, reading_m3_s);
		beyond = isnan(c->flow_m3_s) || flow->sensor_flags & NANODOSE_SENSOR_FLAG_HIGH_FLOW ||
			 fabs(reading_m3_s) > c->info.sensor_full_scale_pl_min * PL_MIN;
		if (flow->temperature_mdegc != NANODOSE_NO_VALUE_S32)
			c->temperature_c = flow->temperature_mdegc / 1000.0;
		c->readings++;
		rest_take(&c->flow_rest, c->flow_m3_s);
	}
	if (flow->valid & NANODOSE_VALID_PRESSURE) {
		c->pressure_pa = flow->pressure_pa;
		rest_take(&c->pressure_rest, c->pressure_pa);
	}
	count_over(c, PROTOCOL_LIMIT_PRESSURE);
	count_over(c, PROTOCOL_LIMIT_TEMPERATURE);

	sample.stepped_m3 = channel_delivered_m3(c);
	/* One at its end of range, or in air, reads less than flows: a loop would drive the pump up and up. */
	sample.flow_m3_s = c->distrusted || beyond || flow->sensor_flags & NANODOSE_SENSOR_FLAG_AIR ? NAN : c->flow_m3_s;
	sample.pressure_pa = c->pressure_pa;
	control_sample(c->control, &sample, &c->output);

	measured_sample(&c->measured, sample.time_s, c->flow_m3_s, beyond, c->first_sequence);

	/* The last ramp down belongs to the motion's end, not to its flow. */
	if (c->moving && fabs((double)(c->end_position - c->position)) <= braking_steps(c) + 1)
		metrics_end(&c->metrics);
	metrics_sample(&c->metrics, sample.time_s, c->flow_m3_s, c->output.flow_m3_s,
		       c->pressure_pa);
}

static unsigned int take_state(struct channel *c, const struct nanodose_record *record)
{
	const struct nanodose_state_record *state = &record->state;
	unsigned int news = 0;

	take_position(c, state->position);
	c->state = state->state;
	c->faults = state->faults;
	if (state->cause == NANODOSE_CAUSE_STOP && state->pid != c->owner_pid)
		news |= CHANNEL_FOREIGN_STOP;
	if (state->cause == NANODOSE_CAUSE_SUSPEND)
		news |= CHANNEL_SLEPT;
	if (!c->moving || record->sequence < c->first_sequence ||
	    state->state != NANODOSE_STATE_REST)
		return news;
	c->moving = false;
	c->stopping = false;
	c->taking_back = false;
	if (state->position == c->end_position) {
		c->ended = true;
		return news | CHANNEL_ENDED;
	}
	return news | CHANNEL_RESTED;
}

unsigned int channel_take(struct channel *c, const struct nanodose_record *record)
{
	switch (record->type) {
	case NANODOSE_RECORD_FLOW:
		take_flow(c, record);
		return CHANNEL_FLOW;
	case NANODOSE_RECORD_STATE:
		return take_state(c, record);
	case NANODOSE_RECORD_FAULT:
		take_position(c, record->fault.position);
		c->faults = record->fault.faults;
		return CHANNEL_FAULT;
	case NANODOSE_RECORD_DROPPED:
		return CHANNEL_DROPPED;
	}
	return 0;
}

bool channel_senses(const struct channel *c)
{
	return c->has_sensor && !c->without_sensor;
}

int channel_go_without(struct channel *c, uint64_t now_ns)
{
	struct control_sample sample = { .time_s = now_ns / NHZ, .flow_m3_s = NAN, .pressure_pa = NAN };

	if (channel_ask(c))
		return -1;
	sample.stepped_m3 = channel_delivered_m3(c);
	control_sample(c->control, &sample, &c->output);
	if (now_ns < c->sensor_try_ns + SENSOR_TRY_NS)
		return 0;
	/* Whether it answers its records tell. */
	c->sensor_try_ns = now_ns;
	return channel_restart_sensor(c) && errno == ENODEV ? -1 : 0;
}

int channel_ask(struct channel *c)
{
	struct nanodose_status status;

	if (nanodose_device_status(c->device, &status))
		return -1;
	take_position(c, status.position);
	return 0;
}
