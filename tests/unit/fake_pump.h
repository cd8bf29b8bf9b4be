/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Pumps without a driver, for one program of host tests: libnanodose's device
 * calls, poll() and the clock are taken over, and time is what the fake says.
 * A pump changes its rate at once; a first-order rig and its sensor follow.
 */
#ifndef FAKE_PUMP_H
#define FAKE_PUMP_H

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "nanodose.h"

#define FAKE_PUMPS	2
#define FAKE_FD		1000			/* of the first pump; no real one */
#define FAKE_BEGIN_NS	20000000000ULL
#define FAKE_PID	4711
#define FAKE_FULL_SCALE	2000000000LL		/* pL/min */

struct nanodose_device {
	/* set by a test */
	double tau_s;
	int pressure_pa;
	bool busy, estop_active, no_sensor;
	uint32_t old_faults;
	bool silent;			/* no more flow records */
	bool blind;			/* flow records without a reading */
	/* looked at by a test */
	bool open, claimed;
	double position, rate;		/* steps, steps/s */
	unsigned int stops_ramp, stops_now, orders, refused;
	uint64_t first_step_ns, rest_ns;	/* of the newest motion */
	struct nanodose_limits limits;	/* as set */
	uint64_t max_gap_ns;		/* longest time between orders while moving */
	double highest_rate;		/* steps/s asked for since it was last set to 0 */
	/* the fake's own */
	int index;
	bool gone, armed, moving, sampling;
	struct nanodose_run goal;
	uint64_t now_ns, start_ns, hold_until_ns, order_ns, sample_ns, period_ns;
	double flow;			/* steps/s at the outlet */
	uint32_t faults;
	uint64_t sequence;
	struct nanodose_record *records;
	size_t count, space;
};

static struct nanodose_device fake_pumps[FAKE_PUMPS];
static uint64_t fake_now;
/* Called as time goes on, with seconds since the fake's beginning. */
static void (*fake_script)(double time_s);

/* BD Plastipak 1 mL, 4.699 mm, on a screw of 1 mm and 3200 microsteps. */
static double fake_step_ul(void)
{
	return M_PI / 4 * 4.699 * 4.699 / 3200;
}

static void fake_reset(void)
{
	fake_now = FAKE_BEGIN_NS;
	fake_script = NULL;
	for (int i = 0; i < FAKE_PUMPS; i++) {
		free(fake_pumps[i].records);
		fake_pumps[i] = (struct nanodose_device){
			.index = i, .tau_s = 0.05, .now_ns = fake_now, .position = 1000, .sequence = 100,
		};
	}
}

static struct nanodose_record *fake_push(struct nanodose_device *p, uint32_t type)
{
	if (p->count == p->space) {
		p->space = p->space ? 2 * p->space : 64;
		p->records = realloc(p->records, p->space * sizeof(*p->records));
	}
	p->records[p->count] = (struct nanodose_record){
		.time_ns = p->now_ns, .sequence = p->sequence++, .type = type,
	};
	return &p->records[p->count++];
}

static void fake_state(struct nanodose_device *p, uint32_t cause, int pid)
{
	fake_push(p, NANODOSE_RECORD_STATE)->state = (struct nanodose_state_record){
		.position = llround(p->position), .rate_nhz = llround(p->rate * 1e9),
		.state = p->armed ? NANODOSE_STATE_ARMED : p->moving ? NANODOSE_STATE_CRUISE : NANODOSE_STATE_REST,
		.faults = p->faults, .cause = cause, .pid = pid,
	};
}

static void fake_rest(struct nanodose_device *p, uint32_t cause)
{
	bool was = p->moving || p->armed;

	p->moving = false;
	p->armed = false;
	p->rate = 0;
	if (was) {
		p->rest_ns = p->now_ns;
		fake_state(p, cause, 0);
	}
}

static void fake_fault(struct nanodose_device *p, uint32_t fault, int64_t value)
{
	p->faults |= fault;
	fake_push(p, NANODOSE_RECORD_FAULT)->fault = (struct nanodose_fault_record){
		.position = llround(p->position), .value = value, .fault = fault, .faults = p->faults,
	};
	fake_rest(p, NANODOSE_CAUSE_REST);
}

static void fake_sample(struct nanodose_device *p)
{
	struct nanodose_flow_record flow = {
		.position = llround(p->position), .flow_pl_min = NANODOSE_NO_VALUE_S64,
		.temperature_mdegc = NANODOSE_NO_VALUE_S32, .pressure_pa = p->pressure_pa,
		.valid = NANODOSE_VALID_PRESSURE,
	};

	if (!p->blind) {
		flow.valid |= NANODOSE_VALID_FLOW;
		flow.flow_pl_min = llround(p->flow * fake_step_ul() * 60 * 1e6);
		flow.temperature_mdegc = 21500;
	}
	if (!p->silent)
		fake_push(p, NANODOSE_RECORD_FLOW)->flow = flow;
}

/* The next instant at which something happens by itself. */
static uint64_t fake_next(const struct nanodose_device *p, uint64_t limit_ns)
{
	uint64_t next = limit_ns;

	if (p->sampling && p->sample_ns < next)
		next = p->sample_ns;
	if (p->armed && p->start_ns < next)
		next = p->start_ns;
	if (p->moving) {
		double left_s = (p->goal.end_position - p->position) / p->rate;
		uint64_t end_ns = p->now_ns + (left_s < 1e6 ? (uint64_t)ceil(left_s * 1e9) : 1000000000000000ULL);

		next = end_ns < next ? end_ns : next;
		next = p->hold_until_ns < next ? p->hold_until_ns : next;
	}
	return next > p->now_ns ? next : p->now_ns;
}

static void fake_advance(struct nanodose_device *p, uint64_t to_ns)
{
	while (!p->gone) {
		uint64_t next = fake_next(p, to_ns);
		double dt = (next - p->now_ns) / 1e9;

		p->position += p->rate * dt;
		p->flow += (p->rate - p->flow) * -expm1(-dt / p->tau_s);
		p->now_ns = next;
		if (p->moving && (p->goal.end_position - p->position) / p->rate < 1e-9) {
			p->position = p->goal.end_position;
			fake_rest(p, NANODOSE_CAUSE_END);
		} else if (p->moving && p->hold_until_ns <= next) {
			fake_fault(p, NANODOSE_FAULT_OWNER_SILENT, p->goal.hold_ns);
		} else if (p->armed && p->start_ns <= next) {
			p->armed = false;
			p->moving = true;
			p->rate = p->goal.rate_nhz / 1e9;
			p->first_step_ns = next;
			p->order_ns = next;
			p->hold_until_ns = next + p->goal.hold_ns;
		} else if (p->sampling && p->sample_ns <= next) {
			fake_sample(p);
			p->sample_ns += p->period_ns;
		} else if (next >= to_ns) {
			break;
		}
	}
}

static double fake_time_s(void)
{
	return (fake_now - FAKE_BEGIN_NS) / 1e9;
}

/* ---- libnanodose, as far as a pump is concerned --------------------------------- */

static int fake_error(int error)
{
	errno = error;
	return -1;
}

struct nanodose_device *nanodose_device_open(const char *name, bool writable)
{
	for (int i = 0; i < FAKE_PUMPS; i++) {
		char label[8], device[12];

		snprintf(label, sizeof(label), "rig%d", i);
		snprintf(device, sizeof(device), "nanodose%d", i);
		if (strcmp(name, label) && strcmp(name, device))
			continue;
		fake_pumps[i].open = writable;
		return &fake_pumps[i];
	}
	errno = ENOENT;
	return NULL;
}

void nanodose_device_close(struct nanodose_device *p)
{
	if (!p)
		return;
	p->open = false;
	p->claimed = false;
	fake_rest(p, NANODOSE_CAUSE_RELEASE);
}

int nanodose_device_fd(const struct nanodose_device *p)
{
	return FAKE_FD + p->index;
}

const char *nanodose_device_path(const struct nanodose_device *p)
{
	return p->index ? "/dev/nanodose1" : "/dev/nanodose0";
}

int nanodose_device_info(struct nanodose_device *p, struct nanodose_info *info)
{
	*info = (struct nanodose_info){
		.features = NANODOSE_FEATURE_START_TIME | NANODOSE_FEATURE_PRESSURE |
			    NANODOSE_FEATURE_LIMITS |
			    (p->no_sensor ? 0 : NANODOSE_FEATURE_FLOW),
		.max_rate_nhz = 40000000000000ULL, .max_accel_nhz_s = 1000000000000000ULL,
		.max_hold_ns = 10000000000ULL, .max_lag_ns = 1000000,
		.sensor_full_scale_pl_min = FAKE_FULL_SCALE, .sensor_min_period_ns = 1000000,
		.sensor_model = p->no_sensor ? NANODOSE_SENSOR_NONE : NANODOSE_SENSOR_SLF3S_0600F,
		.microsteps_per_rev = 3200, .lead_pitch_nm = 1000000,
	};
	snprintf(info->name, sizeof(info->name), "nanodose%d", p->index);
	snprintf(info->label, sizeof(info->label), "rig%d", p->index);
	return 0;
}

int nanodose_device_status(struct nanodose_device *p, struct nanodose_status *status)
{
	if (p->gone)
		return fake_error(ENODEV);
	*status = (struct nanodose_status){
		.time_ns = fake_now, .position = llround(p->position), .sequence = p->sequence,
		.faults = p->faults | p->old_faults, .owner_pid = p->busy ? 99 : p->claimed ? FAKE_PID : 0,
		.flags = (p->estop_active ? NANODOSE_STATUS_ESTOP : 0) | (p->busy ? NANODOSE_STATUS_OWNED : 0),
	};
	if (p->busy)
		strcpy(status->owner_label, "somebody");
	return 0;
}

int nanodose_device_subscribe(struct nanodose_device *p, uint32_t mask, uint32_t ring, uint32_t every)
{
	(void)mask, (void)ring, (void)every;
	p->count = 0;
	return 0;
}

int nanodose_device_claim(struct nanodose_device *p, const char *label)
{
	(void)label;
	if (p->busy)
		return fake_error(EBUSY);
	p->claimed = true;
	return 0;
}

int nanodose_device_limits(struct nanodose_device *p, struct nanodose_limits *limits)
{
	*limits = (struct nanodose_limits){
		.max_rate_nhz = 40000000000000ULL, .over_pressure_pa = 1000000,
	};
	return p->gone ? fake_error(ENODEV) : 0;
}

int nanodose_device_set_limits(struct nanodose_device *p, const struct nanodose_limits *limits)
{
	if (!p->claimed)
		return fake_error(EPERM);
	p->limits = *limits;
	return 0;
}

int nanodose_device_release(struct nanodose_device *p)
{
	p->claimed = false;
	return 0;
}

int nanodose_device_run(struct nanodose_device *p, const struct nanodose_run *run)
{
	double way;

	if (p->gone)
		return fake_error(ENODEV);
	if (p->faults)
		return fake_error(EPIPE);
	way = run->end_position - p->position;
	if (!p->claimed || !run->rate_nhz || !run->accel_nhz_s || !run->hold_ns ||
	    !(run->flags & NANODOSE_RUN_END_POSITION) || way * run->rate_nhz <= 0 ||
	    (run->flags & NANODOSE_RUN_START_AT && (p->moving || run->start_ns <= fake_now))) {
		p->refused++;
		return fake_error(EINVAL);
	}
	p->orders++;
	p->highest_rate = fmax(p->highest_rate, fabs((double)run->rate_nhz) / 1e9);
	if (p->moving && fake_now - p->order_ns > p->max_gap_ns)
		p->max_gap_ns = fake_now - p->order_ns;
	p->goal = *run;
	p->order_ns = fake_now;
	if (run->flags & NANODOSE_RUN_START_AT) {
		p->armed = true;
		p->start_ns = run->start_ns;
		return 0;
	}
	if (!p->moving)
		p->first_step_ns = fake_now;
	p->moving = true;
	p->rate = run->rate_nhz / 1e9;
	p->hold_until_ns = fake_now + run->hold_ns;
	return 0;
}

int nanodose_device_stop(struct nanodose_device *p, uint32_t mode)
{
	if (p->gone)
		return fake_error(ENODEV);
	if (mode == NANODOSE_STOP_NOW)
		p->stops_now++;
	else
		p->stops_ramp++;
	fake_state(p, NANODOSE_CAUSE_STOP, FAKE_PID);
	fake_rest(p, NANODOSE_CAUSE_REST);
	return 0;
}

int nanodose_device_clear_faults(struct nanodose_device *p, uint32_t faults)
{
	if (p->estop_active)
		return fake_error(EPIPE);
	p->faults &= ~faults;
	p->old_faults &= ~faults;
	return 0;
}

int nanodose_device_set_position(struct nanodose_device *p, int64_t position)
{
	p->position = position;
	return 0;
}

int nanodose_device_sensor_start(struct nanodose_device *p, uint32_t medium, uint64_t period_ns)
{
	(void)medium;
	if (p->no_sensor)
		return fake_error(EOPNOTSUPP);
	p->sampling = true;
	p->period_ns = period_ns;
	p->sample_ns = fake_now + period_ns;
	return 0;
}

int nanodose_device_sensor_stop(struct nanodose_device *p)
{
	p->sampling = false;
	return 0;
}

ssize_t nanodose_device_read(struct nanodose_device *p, struct nanodose_record *records, size_t max)
{
	size_t count = p->count < max ? p->count : max;

	if (!count)
		return p->gone ? fake_error(ENODEV) : 0;
	memcpy(records, p->records, count * sizeof(*records));
	p->count -= count;
	memmove(p->records, p->records + count, p->count * sizeof(*records));
	return count;
}

/* ---- the machine ------------------------------------------------------------------ */

int clock_gettime(clockid_t clock, struct timespec *now)
{
	(void)clock;
	now->tv_sec = fake_now / 1000000000;
	now->tv_nsec = fake_now % 1000000000;
	return 0;
}

/* No real-time priority for a test. */
int sched_setscheduler(pid_t pid, int policy, const struct sched_param *param)
{
	(void)pid, (void)policy, (void)param;
	return fake_error(EPERM);
}

static int fake_ready(struct pollfd *fds, nfds_t count)
{
	struct timespec none = { 0 };
	int ready = 0;

	for (nfds_t i = 0; i < count; i++) {
		int pump = fds[i].fd - FAKE_FD;

		fds[i].revents = 0;
		if (pump >= 0 && pump < FAKE_PUMPS) {
			if (fake_pumps[pump].count)
				fds[i].revents = POLLIN;
			if (fake_pumps[pump].gone)
				fds[i].revents |= POLLHUP | POLLERR;
		} else if (fds[i].fd >= 0) {
			ppoll(&fds[i], 1, &none, NULL);
		}
		ready += fds[i].revents != 0;
	}
	return ready;
}

/* Time goes on in milliseconds until something is ready. */
int poll(struct pollfd *fds, nfds_t count, int timeout_ms)
{
	for (int ms = 0;; ms++) {
		int ready = fake_ready(fds, count);

		if (ready || ms == timeout_ms)
			return ready;
		fake_now += 1000000;
		if (fake_script)
			fake_script(fake_time_s());
		for (int i = 0; i < FAKE_PUMPS; i++)
			fake_advance(&fake_pumps[i], fake_now);
	}
}

#endif /* FAKE_PUMP_H */
