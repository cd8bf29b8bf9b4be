// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The loop of a run: records in, orders out, on one thread and one poll().
 * Decisions are made on the times of the kernel's records, so that a run under
 * the same circumstances goes the same way.
 */
#include <errno.h>
#include <malloc.h>
#include <math.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "run.h"

#define READ_RECORDS	256
#define FRONT_FDS	40
/* At rest, before the first motion: noise and zero of the sensor. */
#define ZERO_READINGS	REST_READINGS
#define RELAX_LIMIT_S	20.0		/* and a line that still relaxes has this long */
#define ZERO_LIMIT_S	1.0		/* a slow sensor gives fewer */
#define MUTE_LIMIT_S	3.0		/* and one that gives none cannot be used */
#define STOP_LIMIT_NS	5000000000ULL	/* a ramp down takes no longer */
#define DRAW_NS		100000000ULL
#define SILENCE_S	0.2		/* without a flow record, or 5 periods */
#define TICK_MS		20		/* where no sensor gives the beat */
#define CALM_MS		80		/* between two looks in steady flow; faults wake at once */

uint64_t run_clock_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ULL + now.tv_nsec;
}

double run_elapsed_s(const struct runner *r)
{
	return r->now_ns > r->begin_ns ? (r->now_ns - r->begin_ns) / 1e9 : 0;
}

void run_set_mode(struct runner *r, enum run_mode mode)
{
	r->mode = mode;
	r->mode_ns = r->now_ns;
}

bool run_all_rest(const struct runner *r)
{
	for (size_t i = 0; i < r->channel_count; i++)
		if (r->channels[i].moving && !r->channels[i].gone)
			return false;
	return true;
}

static void channel_lost(struct runner *r, struct channel *c)
{
	if (c->gone)
		return;
	c->gone = true;
	c->moving = false;
	run_event(r, RECORD_FAULT, RECORD_KERNEL, c, 0, "the device %s is gone",
		  nanodose_device_path(c->device));
	run_stop(r, NANODOSE_EXIT_GONE, NANODOSE_STOP_RAMP);
}

void run_order_failed(struct runner *r, struct channel *c, const char *what)
{
	int error = errno;

	if (error == ENODEV) {
		channel_lost(r, c);
		return;
	}
	run_event(r, RECORD_FAULT, RECORD_KERNEL, c, lanes_line(r, c),
		  "the driver refused to %s the pump: %s", what, strerror(error));
	run_stop(r, NANODOSE_EXIT_FAULT, NANODOSE_STOP_RAMP);
}

static void stop_all(struct runner *r, uint32_t stop_mode)
{
	for (size_t i = 0; i < r->channel_count; i++)
		if (channel_stop(&r->channels[i], stop_mode, r->now_ns) && errno == ENODEV)
			channel_lost(r, &r->channels[i]);
}

void run_stop(struct runner *r, enum nanodose_exit outcome, uint32_t stop_mode)
{
	if (r->mode == MODE_OVER)
		return;
	if (r->mode != MODE_STOPPING)
		run_set_mode(r, MODE_STOPPING);
	else if (r->outcome != NANODOSE_EXIT_DONE &&
		 !(r->outcome == NANODOSE_EXIT_FAULT && outcome == NANODOSE_EXIT_GONE))
		outcome = r->outcome;
	r->outcome = outcome;
	stop_all(r, stop_mode);
}

/* ---- commands ---------------------------------------------------------------- */

void run_rest(struct runner *r)
{
	run_set_mode(r, MODE_PAUSING);
	stop_all(r, NANODOSE_STOP_RAMP);
}

void run_pause(struct runner *r, const char *who)
{
	if (r->mode != MODE_RUNNING)
		return;
	r->record_paused = !who;
	if (who)
		run_event(r, RECORD_INFO, RECORD_OPERATOR, NULL, 0, "paused by %s", who);
	run_rest(r);
}

void runner_pause(struct runner *r, const char *who)
{
	run_pause(r, who);
}

void runner_resume(struct runner *r, const char *who)
{
	uint64_t paused_ns = r->now_ns - r->mode_ns;

	if (r->mode != MODE_PAUSED || r->record_bad || !run_all_rest(r) || !remedy_ready(r))
		return;
	r->record_paused = false;
	r->status_text[0] = '\0';
	run_set_mode(r, MODE_RUNNING);
	run_event(r, RECORD_INFO, RECORD_OPERATOR, NULL, 0, "resumed by %s", who);
	watch_allow(r, who);
	if (r->mode == MODE_RUNNING)
		lanes_resume(r, paused_ns);
}

void runner_stop(struct runner *r, const char *who)
{
	if (r->mode == MODE_STOPPING || r->mode == MODE_OVER)
		return;
	run_event(r, RECORD_WARNING, RECORD_OPERATOR, NULL, 0, "stopped by %s", who);
	run_stop(r, NANODOSE_EXIT_OPERATOR, NANODOSE_STOP_RAMP);
}

void runner_emergency_stop(struct runner *r, const char *who)
{
	if (r->mode == MODE_OVER)
		return;
	run_event(r, RECORD_WARNING, RECORD_OPERATOR, NULL, 0, "emergency stop by %s", who);
	run_stop(r, NANODOSE_EXIT_OPERATOR, NANODOSE_STOP_NOW);
}

void runner_answer(struct runner *r, bool yes, const char *who)
{
	lanes_answer(r, yes, who);
}

void run_command(struct run_control *control, enum run_command command, const char *who)
{
	struct runner *r = (struct runner *)((char *)control - offsetof(struct runner, control));

	switch (command) {
	case RUN_PAUSE:
		runner_pause(r, who);
		break;
	case RUN_RESUME:
		runner_resume(r, who);
		break;
	case RUN_STOP:
		runner_stop(r, who);
		break;
	case RUN_EMERGENCY_STOP:
		runner_emergency_stop(r, who);
		break;
	case RUN_YES:
	case RUN_NO:
		runner_answer(r, command == RUN_YES, who);
		break;
	case RUN_TAKE:
	case RUN_DETACH:
		break;
	}
}

/* ---- what the kernel says ------------------------------------------------------ */

#define M3_S_PER_PL_MIN (1e-15 / 60)

/* The value of a fault record in words, as the ABI defines it. */
static void describe_fault(const struct nanodose_fault_record *fault, char *text, size_t size)
{
	double value = fault->value;
	char quantity[40];

	switch (fault->fault) {
	case NANODOSE_FAULT_OWNER_SILENT:
		snprintf(text, size, "no order within the hold time of %.0f ms", value / 1e6);
		break;
	case NANODOSE_FAULT_SENSOR_LOST:
		snprintf(text, size, "%.0f bad frames in a row", value);
		break;
	case NANODOSE_FAULT_AIR_IN_LINE:
		snprintf(text, size, "sensor flags 0x%llx", (unsigned long long)fault->value);
		break;
	case NANODOSE_FAULT_LATE:
		snprintf(text, size, "%.3f ms late", value / 1e6);
		break;
	case NANODOSE_FAULT_POSITION:
		snprintf(text, size, "at %lld steps", (long long)fault->value);
		break;
	case NANODOSE_FAULT_OVER_PRESSURE:
		nanodose_quantity_format(value, NANODOSE_DIMENSION_PRESSURE, quantity,
					 sizeof(quantity));
		snprintf(text, size, "%s", quantity);
		break;
	case NANODOSE_FAULT_HIGH_FLOW:
	case NANODOSE_FAULT_NO_FLOW:
	case NANODOSE_FAULT_FLOW_AT_REST:
		nanodose_quantity_format(value * M3_S_PER_PL_MIN, NANODOSE_DIMENSION_RATE,
					 quantity, sizeof(quantity));
		snprintf(text, size, "the sensor reads %s", quantity);
		break;
	case NANODOSE_FAULT_UNDERRUN:
		snprintf(text, size, "after %lld segments", (long long)fault->value);
		break;
	case NANODOSE_FAULT_SUSPEND:
	case NANODOSE_FAULT_UNBIND:
		snprintf(text, size, "in motion");
		break;
	default:
		snprintf(text, size, "line active");
	}
}

/* What the kernel's fault is to a protocol; PROTOCOL_TROUBLES: nothing it has rules for. */
static enum protocol_trouble trouble_of(uint32_t fault)
{
	switch (fault) {
	case NANODOSE_FAULT_OVER_PRESSURE:
	case NANODOSE_FAULT_NO_FLOW:
		return PROTOCOL_OCCLUSION;
	case NANODOSE_FAULT_AIR_IN_LINE:
		return PROTOCOL_AIR;
	case NANODOSE_FAULT_SENSOR_LOST:
		return PROTOCOL_SENSOR_LOST;
	case NANODOSE_FAULT_LIMIT_PLUS:
		return PROTOCOL_EMPTY;
	case NANODOSE_FAULT_FLOW_AT_REST:
		return PROTOCOL_LEAK;
	default:
		return PROTOCOL_TROUBLES;
	}
}

static void take_fault(struct runner *r, struct channel *c,
		       const struct nanodose_fault_record *fault)
{
	char value[80], volume[40];

	describe_fault(fault, value, sizeof(value));
	nanodose_quantity_format(channel_delivered_m3(c), NANODOSE_DIMENSION_VOLUME, volume,
				 sizeof(volume));
	run_event(r, RECORD_FAULT, RECORD_KERNEL, c, lanes_line(r, c),
		  "%s (%s) after %s: %s", nanodose_fault_name(fault->fault), value, volume,
		  nanodose_fault_advice(fault->fault));
	if (trouble_of(fault->fault) == PROTOCOL_TROUBLES || !remedy_begin(r, trouble_of(fault->fault)))
		run_stop(r, NANODOSE_EXIT_FAULT, NANODOSE_STOP_RAMP);
}

static void take_news(struct runner *r, struct channel *c, const struct nanodose_record *record,
		      unsigned int news)
{
	if (news & CHANNEL_DROPPED)
		run_event(r, RECORD_WARNING, RECORD_KERNEL, c, 0,
			  "%llu records were lost: this program was held up too long",
			  (unsigned long long)record->dropped.count);
	if (news & CHANNEL_FAULT)
		take_fault(r, c, &record->fault);
	if (news & CHANNEL_FOREIGN_STOP && r->mode != MODE_STOPPING) {
		run_event(r, RECORD_WARNING, RECORD_OPERATOR, c, 0, "stopped by another program");
		run_stop(r, NANODOSE_EXIT_OPERATOR, NANODOSE_STOP_RAMP);
	}
	/* in motion the driver has told a fault already */
	if (news & CHANNEL_SLEPT && r->mode != MODE_STOPPING) {
		run_event(r, RECORD_FAULT, RECORD_KERNEL, c, 0, "%s: %s",
			  nanodose_fault_name(NANODOSE_FAULT_SUSPEND),
			  nanodose_fault_advice(NANODOSE_FAULT_SUSPEND));
		run_stop(r, NANODOSE_EXIT_FAULT, NANODOSE_STOP_RAMP);
	}
	if (news & CHANNEL_RESTED && r->mode == MODE_RUNNING && !c->faults) {
		/* A device that goes comes to rest first. */
		if (channel_ask(c) && errno == ENODEV) {
			channel_lost(r, c);
			return;
		}
		run_event(r, RECORD_FAULT, RECORD_KERNEL, c, 0,
			  "the pump came to rest before its end");
		run_stop(r, NANODOSE_EXIT_FAULT, NANODOSE_STOP_RAMP);
	}
}

static void take_record(struct runner *r, struct channel *c, const struct nanodose_record *record)
{
	double set_point = channel_set_point_m3_s(c);
	double pump_rate = c->moving ? c->run_rate_nhz / 1e9 * c->step_m3 : 0;
	unsigned int news;

	if (record->time_ns > r->now_ns)
		r->now_ns = record->time_ns;
	if (record->type == NANODOSE_RECORD_FLOW)
		lanes_keep_ratio(r, c);
	news = channel_take(c, record);
	if (news & CHANNEL_FLOW) {
		run_recorded(r, record_sample(r->record, c->index, record, set_point, pump_rate,
					      c->output.flow_m3_s));
		view_sample(r, c);
	} else {
		run_recorded(r, record_kernel(r->record, c->index, record));
	}
	if (news & ~CHANNEL_FLOW)
		take_news(r, c, record, news);
	watch_limits(r, c);
	watch_rig(r, c);
	watch_sensor(r, c);
	calibrated_look(r, c);
}

static void read_channel(struct runner *r, struct channel *c)
{
	struct nanodose_record records[READ_RECORDS];
	ssize_t count;

	do {
		count = nanodose_device_read(c->device, records, READ_RECORDS);
		if (count < 0) {
			if (errno != ENODEV)
				run_event(r, RECORD_FAULT, RECORD_KERNEL, c, 0,
					  "reading records: %s", strerror(errno));
			channel_lost(r, c);
			return;
		}
		for (ssize_t i = 0; i < count; i++)
			take_record(r, c, &records[i]);
	} while (count == READ_RECORDS);
}

/* ---- as time passes --------------------------------------------------------------- */

static void watch_silence(struct runner *r)
{
	for (size_t i = 0; i < r->channel_count; i++) {
		struct channel *c = &r->channels[i];
		double limit_s = fmax(SILENCE_S, 5 * c->period_s);
		uint64_t since_ns = c->flow_ns > r->begin_ns ? c->flow_ns : r->begin_ns;

		if (!channel_senses(c) || c->gone || r->now_ns < since_ns + (uint64_t)(limit_s * 1e9))
			continue;
		run_event(r, RECORD_FAULT, RECORD_INTERLOCK, c, 0, "no flow record for %.0f ms",
			  limit_s * 1e3);
		run_stop(r, NANODOSE_EXIT_FAULT, NANODOSE_STOP_RAMP);
	}
}

/* A line that still relaxes from what was before would make the sensor's zero wrong. */
static bool relaxes(struct runner *r)
{
	bool found = false;

	for (size_t i = 0; i < r->channel_count; i++)
		found = found || (r->channels[i].has_sensor && !channel_rests(&r->channels[i]));
	if (!found)
		return false;
	if (run_elapsed_s(r) >= RELAX_LIMIT_S) {
		run_event(r, RECORD_WARNING, RECORD_PROGRAM, NULL, 0,
			  "a line does not come to rest: the zero of its sensor may be off");
		return false;
	}
	for (size_t i = 0; i < r->channel_count; i++)
		channel_forget_rest(&r->channels[i]);
	r->rest_ns = r->now_ns;
	return true;
}

static bool zeroed(const struct runner *r)
{
	unsigned int enough = r->now_ns < r->rest_ns + (uint64_t)(ZERO_LIMIT_S * 1e9) ? ZERO_READINGS : 1;

	for (size_t i = 0; i < r->channel_count; i++)
		if (r->channels[i].has_sensor && r->channels[i].flow_rest.count < enough)
			return false;
	return true;
}

/* Records come, but none with a reading, since the run began. */
static void watch_mute(struct runner *r)
{
	for (size_t i = 0; i < r->channel_count; i++) {
		struct channel *c = &r->channels[i];

		if (!c->has_sensor || c->readings ||
		    run_elapsed_s(r) < fmax(MUTE_LIMIT_S, 5 * c->period_s))
			continue;
		run_event(r, RECORD_FAULT, RECORD_INTERLOCK, c, 0,
			  "the flow sensor answers with errors only, nothing was dosed: check its cable and its supply, then start again");
		run_stop(r, NANODOSE_EXIT_FAULT, NANODOSE_STOP_RAMP);
	}
}

static void refresh_all(struct runner *r)
{
	for (size_t i = 0; i < r->channel_count; i++) {
		struct channel *c = &r->channels[i];

		if (channel_refresh(c, r->now_ns))
			run_order_failed(r, c, "drive");
		if (c->gone)
			continue;
		if (c->without_sensor ? channel_go_without(c, r->now_ns) : !c->has_sensor && c->moving && channel_ask(c))
			run_order_failed(r, c, "question");
	}
}

/* Somebody is there to press a key. */
static bool attended(const struct runner *r)
{
	for (size_t i = 0; i < r->front_count; i++)
		if (r->fronts[i]->attended ? r->fronts[i]->attended(r->fronts[i]) : !r->unattended)
			return true;
	return false;
}

static void tick(struct runner *r)
{
	switch (r->mode) {
	case MODE_STARTING:
		watch_silence(r);
		watch_mute(r);
		if (r->mode != MODE_STARTING || !zeroed(r) || relaxes(r))
			break;
		run_set_mode(r, MODE_RUNNING);
		if (r->record_bad)
			run_pause(r, NULL);
		if (r->options.past)
			resume_lanes(r);
		else
			lanes_begin(r);
		break;
	case MODE_RUNNING:
		watch_silence(r);
		refresh_all(r);
		if (r->mode == MODE_RUNNING)
			lanes_tick(r);
		break;
	case MODE_PAUSING:
		watch_silence(r);
		if (r->mode == MODE_PAUSING && run_all_rest(r))
			run_set_mode(r, MODE_PAUSED);
		break;
	case MODE_PAUSED:
		watch_silence(r);
		if (r->mode == MODE_PAUSED)
			remedy_tick(r);
		if (r->mode == MODE_PAUSED && r->record_paused && !r->record_bad && !attended(r))
			runner_resume(r, "the runner, as nobody attends");
		break;
	case MODE_STOPPING:
		if (run_all_rest(r)) {
			run_set_mode(r, MODE_OVER);
		} else if (r->now_ns > r->mode_ns + 2 * STOP_LIMIT_NS) {
			/* Closing the device stops it whatever it thinks. */
			run_set_mode(r, MODE_OVER);
		} else if (r->now_ns > r->mode_ns + STOP_LIMIT_NS) {
			stop_all(r, NANODOSE_STOP_NOW);
		}
		break;
	case MODE_OVER:
		break;
	}
	run_retry_record(r);
	run_recorded(r, record_commit(r->record, r->now_ns, 0));
}

static void draw(struct runner *r)
{
	if (!r->front_count)
		return;
	if (r->mode == r->drawn_mode && r->now_ns < r->drawn_ns + DRAW_NS)
		return;
	r->drawn_mode = r->mode;
	r->drawn_ns = r->now_ns;
	view_update(r);
	for (size_t i = 0; i < r->front_count; i++)
		r->fronts[i]->draw(r->fronts[i], &r->view);
}

static void take_signals(struct runner *r)
{
	struct signalfd_siginfo info;

	while (read(r->signal_fd, &info, sizeof(info)) == sizeof(info)) {
		switch (info.ssi_signo) {
		case SIGWINCH:
			for (size_t i = 0; i < r->front_count; i++)
				if (r->fronts[i]->resize)
					r->fronts[i]->resize(r->fronts[i]);
			break;
		case SIGHUP:
			/* The dose does not hang on a terminal. */
			run_event(r, RECORD_WARNING, RECORD_PROGRAM, NULL, 0,
				  "the terminal has gone: the run goes on by itself");
			r->unattended = true;
			break;
		default:
			runner_stop(r, info.ssi_signo == SIGINT ? "interrupt from the keyboard" :
				    "a request to terminate");
		}
	}
}

/*
 * In steady flow the rate asked for does not hang on the newest record, so that
 * a few may wait to be read together: far fewer calls for a long run.
 */
static bool calm(const struct runner *r)
{
	return r->mode == MODE_RUNNING && !r->record_bad && lanes_calm(r);
}

static int wait_ms(const struct runner *r)
{
	for (size_t i = 0; i < r->channel_count; i++)
		if (!channel_senses(&r->channels[i]))
			return TICK_MS;
	return calm(r) ? CALM_MS : SILENCE_S * 1000;
}

static void turn(struct runner *r, struct pollfd *fds)
{
	int own = r->channel_count + 2, count = own, counts[RUNNER_FRONTS] = { 0 }, ready;
	short events = calm(r) ? POLLPRI : POLLIN;
	uint64_t before_ns = r->now_ns;

	for (size_t i = 0; i < r->channel_count; i++)
		fds[i] = (struct pollfd){
			.fd = r->channels[i].gone ? -1 : nanodose_device_fd(r->channels[i].device),
			.events = events,
		};
	fds[r->channel_count] = (struct pollfd){ .fd = r->signal_fd, .events = POLLIN };
	fds[r->channel_count + 1] = (struct pollfd){ .fd = r->wall_fd, .events = POLLIN };
	for (size_t i = 0; i < r->front_count; i++) {
		counts[i] = r->fronts[i]->fds(r->fronts[i], fds + count, FRONT_FDS);
		count += counts[i];
	}
	ready = poll(fds, count, wait_ms(r));
	if (ready > 0 && fds[r->channel_count].revents)
		take_signals(r);
	if (ready > 0 && fds[r->channel_count + 1].revents)
		wall_clock_look(r);
	for (size_t i = 0; ready >= 0 && i < r->channel_count; i++)
		if (!r->channels[i].gone && (fds[i].revents || events == POLLPRI))
			read_channel(r, &r->channels[i]);
	/* Nothing to go by but the clock. */
	if (ready <= 0 && r->now_ns == before_ns)
		r->now_ns = run_clock_ns();
	for (size_t i = 0, next = own; ready >= 0 && i < r->front_count; next += counts[i++])
		if (counts[i])
			r->fronts[i]->handle(r->fronts[i], &r->control, fds + next, counts[i]);
	if (r->readings)
		readings_refresh(r->readings, r->now_ns);
	tick(r);
	draw(r);
}

static void finish(struct runner *r)
{
	char *summary;
	bool whole;

	/* Others may have the pumps while the last picture is still looked at. */
	for (size_t i = 0; i < r->channel_count; i++) {
		if (r->channels[i].gone)
			continue;
		if (r->channels[i].has_sensor)
			nanodose_device_sensor_stop(r->channels[i].device);
		nanodose_device_release(r->channels[i].device);
	}
	if (r->outcome != NANODOSE_EXIT_DONE)
		program_abandon(r->program);
	calibrated_keep(r);
	run_event(r, r->outcome == NANODOSE_EXIT_DONE ? RECORD_INFO : RECORD_WARNING,
		  RECORD_PROGRAM, NULL, 0, "the run is over: %s", run_status_word(r->outcome));
	view_update(r);
	summary = runner_summary_json(r);
	record_finish(r->record, r->now_ns, run_status_word(r->outcome), summary ? summary : "");
	free(summary);
	whole = run_close_record(r);
	r->record = NULL;
	/* The one that may stay on a screen comes last. */
	for (size_t i = r->front_count; i-- > 0;)
		r->fronts[i]->finish(r->fronts[i], &r->view);
	if (!whole && r->outcome == NANODOSE_EXIT_DONE)
		r->outcome = NANODOSE_EXIT_FAULT;
}

/*
 * What is in memory stays there, and no other program comes between a record and
 * its order, where permitted. Pages are locked as they are first used: all of the
 * libraries would be twice as much.
 */
static void prefer_this(struct runner *r)
{
	struct sched_param priority = { .sched_priority = 10 };
	struct rlimit limit;

	/* What reading protocol and units took is given back before it would be locked. */
	malloc_trim(0);
	/* Under a small limit a later allocation would fail instead of this call. */
	if (getrlimit(RLIMIT_MEMLOCK, &limit) || (limit.rlim_cur != RLIM_INFINITY && geteuid()))
		run_event(r, RECORD_WARNING, RECORD_PROGRAM, NULL, 0,
			  "memory is not locked (ulimit -l): paging may delay orders");
	else if (mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT))
		run_event(r, RECORD_WARNING, RECORD_PROGRAM, NULL, 0,
			  "memory is not locked (%s): paging may delay orders", strerror(errno));
	if (sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &priority))
		run_event(r, RECORD_WARNING, RECORD_PROGRAM, NULL, 0,
			  "no real-time priority (%s): a busy machine may delay orders",
			  strerror(errno));
}

static void tell_cleared(struct runner *r)
{
	for (size_t i = 0; i < r->channel_count; i++) {
		struct channel *c = &r->channels[i];

		for (uint32_t bit = 1; bit; bit <<= 1)
			if (c->cleared & bit)
				run_event(r, RECORD_INFO, RECORD_PROGRAM, c, 0,
					  "cleared a fault of before the run: %s",
					  nanodose_fault_name(bit));
		if (c->has_sensor && c->plan->open_loop)
			run_event(r, RECORD_INFO, RECORD_PROTOCOL, c, c->plan->at.line,
				  "control: open: the loop is open, the dose rests on the steps alone");
		if (!c->has_sensor)
			run_event(
				r, RECORD_WARNING, RECORD_PROGRAM, c, 0,
				"no flow sensor: the loop is open, the dose rests on the steps alone");
	}
}

enum nanodose_exit runner_run(struct runner *r)
{
	struct pollfd *fds = calloc(r->channel_count + 2 + RUNNER_FRONTS * FRONT_FDS, sizeof(*fds));

	if (!fds) {
		perror("nanodose");
		return NANODOSE_EXIT_REFUSED;
	}
	r->now_ns = run_clock_ns();
	r->begin_ns = r->now_ns;
	r->rest_ns = r->now_ns;
	run_set_mode(r, MODE_STARTING);
	if (r->options.rehearsal)
		run_event(r, RECORD_INFO, RECORD_PROGRAM, NULL, 0,
			  "this is a rehearsal on a model of the rig, %s; nothing is dosed",
			  r->options.rehearsal);
	tell_cleared(r);
	calibrated_tell(r);
	for (size_t i = 0; r->options.soft_yes && i < r->protocol->soft_count; i++)
		run_event(r, RECORD_WARNING, RECORD_OPERATOR, NULL, 0, "%s said yes to: %s",
			  r->options.soft_yes, r->protocol->soft_texts[i]);
	prefer_this(r);
	while (r->mode != MODE_OVER)
		turn(r, fds);
	finish(r);
	free(fds);
	return r->outcome;
}
