/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The runner owns the devices, the loop and the record of one run. One thread,
 * one poll(). A front (screen, progress lines) sees the run through
 * struct run_view and acts through the runner_* commands; it never touches a
 * device.
 */
#ifndef RUNNER_H
#define RUNNER_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nanodose.h"
#include "protocol.h"
#include "record.h"

/* Exit status of the program, DESIGN.md section 10. */
enum nanodose_exit {
	NANODOSE_EXIT_DONE = 0,
	NANODOSE_EXIT_REFUSED = 1,
	NANODOSE_EXIT_USAGE = 2,
	NANODOSE_EXIT_FAULT = 3,
	NANODOSE_EXIT_OPERATOR = 4,
	NANODOSE_EXIT_GONE = 5,
};

/* ---- what a front sees ---------------------------------------------------------- */

#define RUN_HISTORY 4096	/* samples kept a channel for plots */

struct run_sample {
	double time_s;			/* since the run began */
	float flow_ul_min;		/* NAN: no reading */
	float estimate_ul_min;
	float setpoint_ul_min;
	float pressure_kpa;		/* NAN: no reading */
	float band_ul_min;		/* two standard deviations of the estimate; NAN: not known */
	float delivered_ul;
};

#define RUN_WHOLE 1024		/* and of the whole run */

/* The whole run in at most RUN_WHOLE samples, oldest first: every so manyth of them. */
struct run_whole {
	struct run_sample samples[RUN_WHOLE];
	size_t count;
	unsigned int every, skipped;
};

/* Full, every second one goes. One not newer than the last is left out. */
void run_whole_add(struct run_whole *whole, const struct run_sample *sample);

struct run_channel_view {
	const char *name;
	const char *pump;		/* label or device name */
	const char *device;		/* as the kernel calls it */
	const char *sensor;		/* its flow sensor; "": none */
	double step_ul;			/* volume of a microstep */
	const char *weighed;		/* since when it is by weight; "": by screw and bore */
	const char *calibrated;		/* what is known of the rig from before; "": nothing */
	const char *syringe;
	const char *fluid;		/* "water", "ipa" or the protocol's name */
	double setpoint_ul_min;
	double flow_ul_min;		/* sensor; NAN: none */
	double estimate_ul_min;
	double band_ul_min;		/* two standard deviations of it; NAN: not known */
	double stored_ul;		/* held back by what gives way; NAN: not known */
	double pump_rate_ul_min;	/* by the steps asked for */
	double delivered_ul;		/* by steps, whole run, infused less withdrawn */
	double target_ul;		/* of the whole protocol */
	double peak_ul_min;		/* fastest rate of the whole protocol, either way */
	double particles_delivered;	/* NAN: no concentration given */
	double particles_target;
	double pressure_kpa;		/* NAN: none */
	double temperature_c;		/* NAN: none */
	uint32_t faults;		/* NANODOSE_FAULT_* */
	uint32_t state;			/* NANODOSE_STATE_* */
	uint16_t sensor_flags;
	bool gone;
	/* ring of RUN_HISTORY; entry i of the last n is at (history_end - n + i) % RUN_HISTORY */
	const struct run_sample *history;
	size_t history_count;		/* valid entries, at most RUN_HISTORY */
	size_t history_end;		/* index after the newest */
	const struct run_whole *whole;	/* may be NULL */
};

enum run_step_state { RUN_STEP_TODO, RUN_STEP_ACTIVE, RUN_STEP_DONE, RUN_STEP_SKIPPED };

struct run_step_view {
	const char *text;
	int depth;			/* inside repeats */
	int line;			/* in the protocol file */
	enum run_step_state state;
	double progress;		/* 0..1 of an active one */
	unsigned int round, rounds;	/* repeat: 1-based round of how many, else 0 */
};

struct run_event_view {
	double time_s;
	enum record_severity severity;
	enum record_source source;
	const char *text;
};

enum run_status {
	RUN_STARTING, RUN_RUNNING, RUN_PAUSING, RUN_PAUSED, RUN_WAITING_OPERATOR,
	RUN_STOPPING, RUN_DONE, RUN_STOPPED_OPERATOR, RUN_STOPPED_FAULT, RUN_DEVICE_GONE,
};

struct run_view {
	const char *protocol_name;
	const char *protocol_path;
	const char *record_path;
	enum run_status status;
	const char *status_text;	/* "dosing", "paused: disk full", ... */
	double elapsed_s;		/* of the run */
	double planned_s;		/* of the whole protocol */
	double left_s;			/* estimate */
	double progress;		/* 0..1 of the run */
	const char *question;		/* for the operator, else NULL */
	double question_left_s;		/* until it times out; INFINITY: never */
	struct run_channel_view *channels;
	size_t channel_count;
	struct run_step_view *steps;	/* the protocol's steps in order, flattened by depth */
	size_t step_count;
	size_t step_active;		/* index; step_count when over */
	const struct run_event_view *events;	/* oldest first */
	size_t event_count;
};

/* ---- what a front is -------------------------------------------------------------- */

struct record_past;

enum run_command {
	RUN_PAUSE, RUN_RESUME, RUN_STOP, RUN_EMERGENCY_STOP, RUN_YES, RUN_NO,
	/* of a screen elsewhere: it is the one to give commands; it leaves the run alone */
	RUN_TAKE, RUN_DETACH,
};

/* Where a front's commands go: to the runner beside it, or over a line to one elsewhere. */
struct run_control {
	/* @who: for the record */
	void (*command)(struct run_control *control, enum run_command command, const char *who);
};

struct run_front {
	/* Adds descriptors to poll (at most max); returns how many. */
	int (*fds)(struct run_front *front, struct pollfd *fds, int max);
	/* Called after poll with the same descriptors; may give commands. */
	void (*handle)(struct run_front *front, struct run_control *control,
		       const struct pollfd *fds, int count);
	/* Called at most ten times a second and on changes of status. */
	void (*draw)(struct run_front *front, const struct run_view *view);
	/* SIGWINCH. May be NULL. */
	void (*resize)(struct run_front *front);
	/* The run is over; the front may keep its last picture until a key. */
	void (*finish)(struct run_front *front, const struct run_view *view);
	/* Whether somebody is there to press a key; NULL: as runner_options.unattended says. */
	bool (*attended)(struct run_front *front);
};

/* ---- commands, from a signal, or as a front gives them ------------------------------ */

struct runner;

void runner_pause(struct runner *runner, const char *who);
void runner_resume(struct runner *runner, const char *who);
/* Ramped stop, then the run ends with status 4. */
void runner_stop(struct runner *runner, const char *who);
/* No further step, then as runner_stop(). */
void runner_emergency_stop(struct runner *runner, const char *who);
/* To the question of a wait. */
void runner_answer(struct runner *runner, bool yes, const char *who);

/* ---- a run -------------------------------------------------------------------------- */

struct runner_options {
	const struct protocol *protocol;
	const char *record_path;	/* NULL: RUN-<date>-<protocol's file name>.db in the current folder */
	struct run_front *front;	/* the first; may be NULL, see runner_attach() */
	double sample_rate_hz;		/* flow records a second, 0: 50 */
	bool unattended;		/* nobody can press a key, ever: a rule to hold stops */
	const char *record_called;	/* its path for people, if another; NULL: record_path */
	const char *rehearsal;		/* NULL: a real run; else what is rehearsed */
	const char *soft_yes;		/* who said yes to what goes beyond soft limits; NULL: nobody was asked */
	const struct record_past *past;	/* the run to go on with; NULL: a new one */
	bool yes;			/* --yes: to what is measured beyond a soft limit, too */
};

/* Opens, checks and claims every pump; prints what refuses it. NULL: *status is set. */
struct runner *runner_new(const struct runner_options *options, enum nanodose_exit *status);
/*
 * A front more, of at most RUNNER_FRONTS, before runner_run(): a screen must not
 * be opened while messages of runner_new() may still come.
 */
#define RUNNER_FRONTS 3
void runner_attach(struct runner *runner, struct run_front *front);
/* Runs to the end, SIGINT and SIGTERM included. A SIGHUP does not end it: it goes on unattended. */
enum nanodose_exit runner_run(struct runner *runner);
/* JSON of DESIGN.md section 10, one object; to be freed by the caller. */
char *runner_summary_json(const struct runner *runner);
/* The same for people. */
void runner_summary_print(const struct runner *runner, void *stream);
/* Where its record goes. */
const char *runner_record_path(const struct runner *runner);
void runner_free(struct runner *runner);

#endif /* RUNNER_H */
