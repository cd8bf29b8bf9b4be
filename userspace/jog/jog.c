// SPDX-License-Identifier: GPL-2.0-or-later
#include "config.h"
#include "jog.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "explain.h"
#include "operator.h"

#define NHZ		1e9
#define HOLD_NS		400000000ULL
#define RENEW_NS	(HOLD_NS / 4)
#define RAMP_S		0.2	/* from rest to the rate */
#define SAMPLE_NS	20000000ULL
#define CLEAR_NS	1000000000ULL	/* without air, and the line counts as clear */
#define FL_PER_M3	1e18

/* No syringe pump is longer: beyond it the switch is not found any more. */
#define TRAVEL_M	0.2
/* Off the switch in strides, until it lets go. */
#define STRIDE_M	1e-3
#define STRIDES		10
#define SLOWER		10

/*
 * Air is what a line is primed for. On the way home no liquid is moved: whatever
 * the flow sensor says, but not what the pressure says, is beside the point.
 */
#define ALLOWED		(NANODOSE_FAULT_AIR_IN_LINE | NANODOSE_FAULT_SENSOR_LOST | NANODOSE_FAULT_HIGH_FLOW | \
			 NANODOSE_FAULT_NO_FLOW | NANODOSE_FAULT_FLOW_AT_REST)

struct jog {
	struct nanodose_device *device;
	struct jog_view view;
	int64_t end_position, rate_nhz;
	uint64_t run_ns;		/* when the order was last given */
	uint64_t begin_ns, clear_ns;	/* of a priming: since when no air was seen, 0: it is */
	bool sampling, stopping, cleared, plus;
	bool home_switch;		/* is sought; else the end-of-travel switch */
	bool met;			/* the home switch, in this stage, */
	int64_t met_position;		/* there */
	unsigned int strides;
	void (*hear)(void *whom, const struct nanodose_record *record);	/* NULL: nobody listens */
	void *whom;
};

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ULL + now.tv_nsec;
}

static void __attribute__((format(printf, 2, 3))) say(struct jog *jog, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(jog->view.message, sizeof(jog->view.message), format, arguments);
	va_end(arguments);
}

static bool refuse(struct jog *jog, enum nanodose_exit result)
{
	jog->view.result = result;
	return false;
}

/* Faults that only warn until allow(jog, 0), which forgets their warnings. At rest. */
static bool allow(struct jog *jog, uint32_t faults)
{
	uint32_t warnings = jog->view.status.warnings & ALLOWED;
	struct nanodose_limits limits;

	if (!(jog->view.info.features & NANODOSE_FEATURE_LIMITS))
		return true;
	if (nanodose_device_limits(jog->device, &limits))
		return false;
	limits.warn_faults = (limits.warn_faults & ~ALLOWED) | faults;
	return !nanodose_device_set_limits(jog->device, &limits) &&
	       (faults || !warnings || !nanodose_device_clear_faults(jog->device, warnings));
}

static void gone(struct jog *jog)
{
	jog->view.task = JOG_REST;
	jog->view.result = NANODOSE_EXIT_GONE;
	say(jog, "%s is gone: it was unplugged or its driver unloaded", jog->view.name);
}

/* The end of the task. */
static void finish(struct jog *jog, enum nanodose_exit result)
{
	if (jog->view.task > JOG_MOVE && !allow(jog, 0) && errno == ENODEV) {
		gone(jog);
		return;
	}
	jog->view.task = JOG_REST;
	jog->view.result = result;
}

static bool look(struct jog *jog)
{
	if (!nanodose_device_status(jog->device, &jog->view.status))
		return true;
	gone(jog);
	return false;
}

/* ---- opening ------------------------------------------------------------------------- */

static bool set_step_volume(struct jog *jog)
{
	struct nanodose_limits limits;

	if (isnan(jog->view.step_m3) || !(jog->view.info.features & NANODOSE_FEATURE_LIMITS))
		return true;
	if (nanodose_device_limits(jog->device, &limits))
		return false;
	limits.step_volume_fl = llround(jog->view.step_m3 * FL_PER_M3);
	return !nanodose_device_set_limits(jog->device, &limits);
}

/* A pump whose sensor does not answer can still be moved by hand. */
static bool start_sensor(struct jog *jog, uint32_t medium)
{
	uint64_t period_ns = SAMPLE_NS;

	if (!(jog->view.info.features & NANODOSE_FEATURE_FLOW))
		return true;
	if (period_ns < jog->view.info.sensor_min_period_ns)
		period_ns = jog->view.info.sensor_min_period_ns;
	jog->sampling = !nanodose_device_sensor_start(jog->device, medium, period_ns);
	if (jog->sampling || errno == ENODEV || errno == EOPNOTSUPP)
		return jog->sampling;
	fprintf(stderr, "nanodose: the flow sensor of %s does not answer (%s): check its plug, cable and supply\n",
		jog->view.name, strerror(errno));
	return true;
}

static bool prepare(struct jog *jog, uint32_t medium, enum nanodose_exit *status)
{
	char who[64], label[80];

	operator_name(who, sizeof(who));
	snprintf(label, sizeof(label), "by hand, %s", who);
	if (!look(jog)) {
		*status = explain_claim_error(stderr, jog->device, jog->view.name, errno);
		return false;
	}
	if (nanodose_device_claim(jog->device, label)) {
		*status = explain_claim_error(stderr, jog->device, jog->view.name, errno);
		return false;
	}
	jog->view.step_m = jog->view.info.lead_pitch_nm * 1e-9 / jog->view.info.microsteps_per_rev;
	if (set_step_volume(jog) && start_sensor(jog, medium) && look(jog))
		return true;
	*status = errno == ENODEV ? NANODOSE_EXIT_GONE : NANODOSE_EXIT_REFUSED;
	fprintf(stderr, "nanodose: %s cannot be made ready: %s\n", jog->view.name,
		errno == EOPNOTSUPP ? "its flow sensor is not calibrated for this fluid" : strerror(errno));
	return false;
}

struct jog *jog_open(const char *name, const struct nanodose_syringe *syringe, uint32_t medium,
		     enum nanodose_exit *status)
{
	struct jog *jog = calloc(1, sizeof(*jog));

	*status = NANODOSE_EXIT_REFUSED;
	if (!jog) {
		perror("nanodose");
		return NULL;
	}
	jog->view.name = name;
	jog->view.step_m3 = NAN;
	jog->device = config_open_pump(name, true);
	if (!jog->device) {
		*status = explain_open_error(stderr, name, errno);
		free(jog);
		return NULL;
	}
	if (nanodose_device_info(jog->device, &jog->view.info)) {
		*status = explain_claim_error(stderr, jog->device, name, errno);
		jog_close(jog);
		return NULL;
	}
	if (!syringe)
		syringe = config_mounted(name, &jog->view.info);
	if (syringe) {
		jog->view.syringe = syringe;
		jog->view.step_m3 = nanodose_volume_per_step(syringe->diameter_m, jog->view.info.lead_pitch_nm,
							     jog->view.info.microsteps_per_rev);
	}
	if (!prepare(jog, medium, status)) {
		jog_close(jog);
		return NULL;
	}
	return jog;
}

void jog_close(struct jog *jog)
{
	if (!jog)
		return;
	nanodose_device_close(jog->device);
	free(jog);
}

int jog_fd(const struct jog *jog)
{
	return nanodose_device_fd(jog->device);
}

const struct jog_view *jog_view(const struct jog *jog)
{
	return &jog->view;
}

void jog_listen(struct jog *jog, void (*hear)(void *whom, const struct nanodose_record *record), void *whom)
{
	jog->hear = hear;
	jog->whom = whom;
}

int64_t jog_rate_nhz(const struct jog *jog, double speed_m_s)
{
	double rate_nhz = fmin(speed_m_s / jog->view.step_m * NHZ, jog->view.info.max_rate_nhz);

	return rate_nhz < 1 ? 1 : (int64_t)rate_nhz;
}

/* ---- orders -------------------------------------------------------------------------- */

static bool order(struct jog *jog)
{
	struct nanodose_run run = {
		.rate_nhz = jog->rate_nhz,
		.accel_nhz_s = fmax(1, fmin(llabs(jog->rate_nhz) / RAMP_S, jog->view.info.max_accel_nhz_s)),
		.hold_ns = HOLD_NS < jog->view.info.max_hold_ns ? HOLD_NS : jog->view.info.max_hold_ns,
		.end_position = jog->end_position,
		.flags = NANODOSE_RUN_END_POSITION,
	};

	if (nanodose_device_run(jog->device, &run))
		return false;
	jog->run_ns = now_ns();
	return true;
}

static void name_faults(uint32_t faults, char *text, size_t size)
{
	const char *between = "";
	size_t used = 0;

	*text = '\0';
	for (uint32_t bit = 1; bit && used < size; bit <<= 1) {
		if (!(faults & bit))
			continue;
		used += snprintf(text + used, size - used, "%s%s: %s", between, nanodose_fault_name(bit),
				 nanodose_fault_advice(bit));
		between = "; ";
	}
}

static bool order_failed(struct jog *jog)
{
	char faults[200];

	switch (errno) {
	case ENODEV:
		gone(jog);
		return false;
	case EPIPE:
		look(jog);
		name_faults(jog->view.status.faults, faults, sizeof(faults));
		if (*faults)
			say(jog, "%s is stopped by a fault: %s (--clear clears it, on the screen the key c)",
			    jog->view.name, faults);
		else
			say(jog, "%s is at the end of its travel that way", jog->view.name);
		break;
	case EPERM:
		say(jog, "%s was taken by another program", jog->view.name);
		break;
	default:
		say(jog, "%s refuses the move: %s", jog->view.name, strerror(errno));
		break;
	}
	return refuse(jog, NANODOSE_EXIT_REFUSED);
}

static bool idle(struct jog *jog)
{
	if (jog->view.task == JOG_REST)
		return look(jog);
	say(jog, "%s still moves", jog->view.name);
	return refuse(jog, NANODOSE_EXIT_REFUSED);
}

static bool begin(struct jog *jog, enum jog_task task, int64_t steps, int64_t rate_nhz)
{
	jog->rate_nhz = steps < 0 ? -rate_nhz : rate_nhz;
	jog->end_position = jog->view.status.position + steps;
	jog->stopping = false;
	jog->cleared = false;
	jog->met = false;
	jog->view.task = task;
	if (!order(jog)) {
		order_failed(jog);
		if (jog->view.result != NANODOSE_EXIT_GONE)
			finish(jog, NANODOSE_EXIT_REFUSED);
		return false;
	}
	jog->view.message[0] = '\0';
	return look(jog);
}

bool jog_move(struct jog *jog, int64_t steps, int64_t rate_nhz)
{
	int64_t end = jog->end_position;

	if (!steps)
		return true;
	if (jog->view.task == JOG_MOVE && !jog->stopping && (steps > 0) == (jog->rate_nhz > 0)) {
		if (!look(jog))
			return false;
		jog->end_position = jog->view.status.position + steps;
		if ((jog->end_position - end) * (steps > 0 ? 1 : -1) > 0 && !order(jog))
			jog->end_position = end;
		return true;
	}
	if (!idle(jog))
		return false;
	jog->view.begin_position = jog->view.status.position;
	return begin(jog, JOG_MOVE, steps, rate_nhz);
}

bool jog_prime(struct jog *jog, int64_t steps, int64_t rate_nhz)
{
	if (!idle(jog))
		return false;
	if (jog->view.info.features & NANODOSE_FEATURE_FLOW && !jog->sampling) {
		say(jog, "the flow sensor of %s does not answer, so it cannot tell when the line is clear: jog gives a volume without it",
		    jog->view.name);
		return refuse(jog, NANODOSE_EXIT_REFUSED);
	}
	if (!allow(jog, NANODOSE_FAULT_AIR_IN_LINE))
		return order_failed(jog);
	jog->view.begin_position = jog->view.status.position;
	jog->begin_ns = jog->view.status.time_ns;
	jog->clear_ns = 0;
	return begin(jog, JOG_PRIME, steps, rate_nhz);
}

static uint32_t switch_fault(const struct jog *jog)
{
	return jog->plus ? NANODOSE_FAULT_LIMIT_PLUS : NANODOSE_FAULT_LIMIT_MINUS;
}

static bool on_switch(const struct jog *jog)
{
	if (jog->home_switch)
		return jog->view.status.flags & NANODOSE_STATUS_HOME;
	return jog->view.status.flags & (jog->plus ? NANODOSE_STATUS_LIMIT_PLUS : NANODOSE_STATUS_LIMIT_MINUS);
}

/* Steps of a way towards the switch. */
static int64_t way_steps(const struct jog *jog, double way_m)
{
	return llround(way_m / jog->view.step_m) * (jog->plus ? 1 : -1);
}

static bool back_off(struct jog *jog)
{
	int64_t rate_nhz = llabs(jog->rate_nhz);

	return begin(jog, JOG_HOME_BACK, -way_steps(jog, STRIDE_M), rate_nhz);
}

bool jog_home(struct jog *jog, bool plus, int64_t rate_nhz)
{
	uint64_t feature = plus ? NANODOSE_FEATURE_LIMIT_PLUS : NANODOSE_FEATURE_LIMIT_MINUS;

	if (!idle(jog))
		return false;
	jog->home_switch = jog->view.info.features & NANODOSE_FEATURE_HOME;
	if (!jog->home_switch && !(jog->view.info.features & feature)) {
		say(jog, "%s has no home switch and none at the %s end of its travel, so it cannot find its home: the board's description names one as home-gpios or %s-gpios",
		    jog->view.name, plus ? "dispensed" : "withdrawn", plus ? "limit-plus" : "limit-minus");
		return refuse(jog, NANODOSE_EXIT_REFUSED);
	}
	jog->plus = plus;
	jog->strides = 0;
	jog->rate_nhz = rate_nhz;
	jog->view.begin_position = jog->view.status.position;
	if (!allow(jog, ALLOWED))
		return order_failed(jog);
	if (on_switch(jog))
		return back_off(jog);
	return begin(jog, JOG_HOME_SEEK, way_steps(jog, TRAVEL_M), rate_nhz);
}

void jog_stop(struct jog *jog, uint32_t mode)
{
	jog->stopping = true;
	/* Whoever moves it: the key says stop. */
	if (nanodose_device_stop(jog->device, mode) && errno == ENODEV)
		gone(jog);
}

bool jog_clear_faults(struct jog *jog)
{
	if (!idle(jog))
		return false;
	if (!nanodose_device_clear_faults(jog->device, jog->view.status.faults | jog->view.status.warnings)) {
		jog->view.message[0] = '\0';
		return look(jog);
	}
	if (errno == EPIPE)
		say(jog, "the emergency stop is still pressed, or the motor driver still reports a fault: see to it, then clear again");
	else
		return order_failed(jog);
	return refuse(jog, NANODOSE_EXIT_REFUSED);
}

bool jog_zero(struct jog *jog)
{
	if (!idle(jog))
		return false;
	if (nanodose_device_set_position(jog->device, 0))
		return order_failed(jog);
	say(jog, "this place is 0 now");
	return look(jog);
}

/* ---- as time goes on ------------------------------------------------------------------- */

static void take_flow(struct jog *jog, const struct nanodose_record *record)
{
	const struct nanodose_flow_record *flow = &record->flow;

	if (jog->hear)
		jog->hear(jog->whom, record);
	if (!(flow->valid & NANODOSE_VALID_FLOW))
		return;
	jog->view.sensor_flags = flow->sensor_flags;
	/* What was read before the priming tells of another flow. */
	if (jog->view.task != JOG_PRIME || record->time_ns <= jog->begin_ns)
		return;
	if (flow->sensor_flags & NANODOSE_SENSOR_FLAG_AIR)
		jog->clear_ns = 0;
	else if (!jog->clear_ns)
		jog->clear_ns = record->time_ns;
	else if (record->time_ns - jog->clear_ns >= CLEAR_NS)
		jog->cleared = true;
}

static bool seeks_home_switch(const struct jog *jog)
{
	return jog->home_switch && (jog->view.task == JOG_HOME_SEEK || jog->view.task == JOG_HOME_SLOW);
}

/* A stop by anybody holds, also if an order of ours has just undone it. */
static void take_state(struct jog *jog, const struct nanodose_state_record *state)
{
	if (state->cause == NANODOSE_CAUSE_HOME && state->flags & NANODOSE_STATUS_HOME && seeks_home_switch(jog) &&
	    !jog->met) {
		jog->met = true;
		jog->met_position = state->position;
		nanodose_device_stop(jog->device, NANODOSE_STOP_RAMP);
		return;
	}
	if (state->cause != NANODOSE_CAUSE_STOP || state->pid == getpid() || jog->view.task == JOG_REST)
		return;
	jog->stopping = true;
	nanodose_device_stop(jog->device, NANODOSE_STOP_RAMP);
}

static bool take_records(struct jog *jog)
{
	struct nanodose_record records[64];
	ssize_t count;

	while ((count = nanodose_device_read(jog->device, records, 64)) > 0) {
		for (ssize_t i = 0; i < count; i++) {
			if (records[i].type == NANODOSE_RECORD_FLOW)
				take_flow(jog, &records[i]);
			else if (records[i].type == NANODOSE_RECORD_STATE)
				take_state(jog, &records[i].state);
		}
	}
	return count == 0;
}

static void describe_move(const struct jog *jog, char *text, size_t size)
{
	int64_t steps = jog->view.status.position - jog->view.begin_position;
	char volume[40] = "", length[40];

	nanodose_quantity_format(fabs(steps * jog->view.step_m), NANODOSE_DIMENSION_LENGTH, length, sizeof(length));
	if (isfinite(jog->view.step_m3))
		nanodose_quantity_format(fabs(steps * jog->view.step_m3), NANODOSE_DIMENSION_VOLUME, volume,
					 sizeof(volume));
	snprintf(text, size, "%s %s%s%s (%" PRId64 " steps)", steps < 0 ? "withdrew" : "infused", volume,
		 *volume ? ", " : "", length, (int64_t)llabs(steps));
}

/* A stage of finding home is over, at rest. */
static void home_on(struct jog *jog)
{
	bool end = jog->view.status.faults & switch_fault(jog), found = jog->home_switch ? jog->met : end;
	/* The home switch was met on the way to rest; the other one is what stopped. */
	int64_t past = jog->home_switch ? jog->view.status.position - jog->met_position : 0;

	if (end && nanodose_device_clear_faults(jog->device, switch_fault(jog))) {
		order_failed(jog);
		finish(jog, NANODOSE_EXIT_FAULT);
		return;
	}
	if (jog->view.task == JOG_HOME_BACK) {
		if (!on_switch(jog))
			begin(jog, JOG_HOME_SLOW, way_steps(jog, 2 * (jog->strides + 1) * STRIDE_M),
			      fmax(1, llabs(jog->rate_nhz) / SLOWER));
		else if (++jog->strides < STRIDES)
			back_off(jog);
		else {
			say(jog, "the switch does not let go of the carriage within %g mm: look whether it sticks or its line is inverted",
			    STRIDES * STRIDE_M * 1e3);
			finish(jog, NANODOSE_EXIT_FAULT);
		}
	} else if (!found && end) {
		say(jog, "the carriage came to the %s end of its travel without meeting the home switch: look whether the switch works, or seek it from the other side",
		    jog->plus ? "dispensed" : "withdrawn");
		finish(jog, NANODOSE_EXIT_FAULT);
	} else if (!found) {
		say(jog, "no switch was met within %g mm: look whether the carriage moves and the switch is wired",
		    fabs((jog->view.status.position - jog->view.begin_position) * jog->view.step_m) * 1e3);
		finish(jog, NANODOSE_EXIT_FAULT);
	} else if (jog->view.task == JOG_HOME_SEEK) {
		back_off(jog);
	} else if (nanodose_device_set_position(jog->device, past)) {
		order_failed(jog);
		finish(jog, NANODOSE_EXIT_FAULT);
	} else {
		say(jog, past ? "home: the switch's place is 0 now" : "home: this place is 0 now");
		finish(jog, NANODOSE_EXIT_DONE);
	}
}

/* The pump has come to rest. */
static void ended(struct jog *jog)
{
	bool homing = jog->view.task >= JOG_HOME_SEEK, there = jog->view.status.position == jog->end_position;
	uint32_t met = homing ? jog->view.status.faults & switch_fault(jog) : 0, faults = jog->view.status.faults & ~met;
	char moved[128], why[240];

	describe_move(jog, moved, sizeof(moved));
	name_faults(faults, why, sizeof(why));
	if (faults) {
		say(jog, "%s, then stopped by a fault: %s", moved, why);
		finish(jog, NANODOSE_EXIT_FAULT);
	} else if (jog->stopping || !(there || met || jog->met || jog->cleared)) {
		say(jog, "%s, then was stopped", moved);
		finish(jog, NANODOSE_EXIT_OPERATOR);
	} else if (homing) {
		home_on(jog);
	} else if (jog->view.task == JOG_PRIME && jog->view.info.features & NANODOSE_FEATURE_FLOW && !jog->cleared) {
		say(jog, "%s, and the line is still not clear of air: look for a loose fitting, or allow more", moved);
		finish(jog, NANODOSE_EXIT_FAULT);
	} else {
		say(jog, "%s%s", moved, jog->cleared && jog->view.task == JOG_PRIME ? ", and the line is clear" : "");
		finish(jog, NANODOSE_EXIT_DONE);
	}
	look(jog);
}

bool jog_tick(struct jog *jog)
{
	bool here = take_records(jog) && look(jog);

	if (!here) {
		gone(jog);
		return false;
	}
	if (jog->view.task == JOG_REST)
		return true;
	if (jog->view.status.state == NANODOSE_STATE_REST) {
		ended(jog);
	} else if (jog->cleared && jog->view.task == JOG_PRIME && jog->view.status.state != NANODOSE_STATE_STOPPING) {
		/* By a ramp; that it was not the operator, jog->cleared tells. */
		nanodose_device_stop(jog->device, NANODOSE_STOP_RAMP);
	} else if (!jog->stopping && !jog->cleared && !jog->met && now_ns() - jog->run_ns > RENEW_NS && !order(jog) && errno == ENODEV) {
		gone(jog);
		return false;
	}
	return true;
}
