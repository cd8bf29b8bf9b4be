/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Inside of the runner: one struct runner, its parts in files of their own.
 *
 *	runner	- opening, the poll loop, commands, pause, stop, faults
 *	lanes	- courses of steps at the same time: the run's, and those of branches
 *	steps	- what the present step of one wants of the channels
 *	condition - expressions that steps wait for or choose by
 *	remedy	- what the protocol says to do in trouble
 *	watch	- limits of what is measured
 *	readings - the signals that expressions may use
 *	notice	- lines to other programs
 *	curve	- rates that change on the way
 *	priming	- infusing until there is no air in the line
 *	channel	- one pump
 *	program	- which step comes next
 *	resume	- going on with a run that did not come to its end
 *	log	- events, and a record that cannot be written
 *	view	- what a front sees
 *	summary	- what is said at the end
 */
#ifndef RUN_H
#define RUN_H

#include <signal.h>

#include "channel.h"
#include "program.h"
#include "readings.h"
#include "record.h"
#include "runner.h"

/* What the run is doing; the step says the rest. */
enum run_mode { MODE_STARTING, MODE_RUNNING, MODE_PAUSING, MODE_PAUSED, MODE_STOPPING, MODE_OVER };

/* Where the present step is. */
enum step_phase {
	STEP_NONE,
	STEP_MOVING,		/* pumps are on their way */
	STEP_DRAINING,		/* pumps rest, what is held back flows out */
	STEP_WAITING,		/* for time, an answer, an expression */
};

struct step_run {
	const struct protocol_step *step;
	enum step_phase phase;
	uint64_t begin_ns;		/* moved on by pauses */
	uint64_t drain_ns;		/* since when draining */
	double drain_limit_s;
	double ramp_s;			/* of all its channels */
	double curve_s;			/* of a curve: how far it has come, in its own time */
	double slow;			/* and how fast that goes, 0..1: pressure holds it back */
	uint64_t curve_ns;		/* when that was */
	uint64_t due_ns;		/* wait for a time of day, end of a period */
	uint64_t held_ns;		/* since when the condition has held, 0: it does not */
	struct expression *until;
	struct expression_channel *values;
	bool answered;
	bool batch_begun, batch_over;	/* a mix with waste: told of already */
	bool cleared;			/* until clear: it is */
};

struct lane {
	struct program_cursor cursor;
	bool told;		/* following a record: it has the event of the present step */
	struct step_run step;
	struct lane *branches;		/* the present step is a parallel: of its branches */
	size_t branch_count;
	bool over;
};

struct runner {
	struct runner_options options;
	const struct protocol *protocol;
	struct run_control control;
	struct run_front *fronts[RUNNER_FRONTS];	/* one whose terminal has gone is taken out */
	size_t front_count;
	bool unattended;

	struct channel *channels;
	size_t channel_count;
	struct program *program;
	struct program *given_up;	/* for a rescue: what the run was to do; NULL: nothing */
	const struct protocol_rule *remedy;	/* of the trouble at hand; NULL: none */
	enum protocol_trouble trouble;
	unsigned int retries[PROTOCOL_TROUBLES];
	bool releasing;			/* what a clog holds is being taken back, or has been */
	unsigned int release_rounds;	/* so often */
	uint64_t release_ns;		/* not again before */
	bool rescuing;			/* the program is that of a rescue */
	struct readings *readings;	/* of signals; NULL: none */
	bool following;			/* a record to where it ends: nothing moves, nothing is told */
	int64_t following_utc_ns;	/* when that was, which is followed; 0: not known */
	int64_t clear_steps;		/* where a priming ended that a record before the one followed has seen */
	bool clear_known;
	double past_s;			/* of the run before, that this one goes on with */
	struct record *record;
	char *record_path;
	char seal[RECORD_DIGEST_SIZE];	/* of the closed record, empty: none */
	bool record_bad;		/* disk full, or worse */
	bool record_paused;		/* and the pause is for that */
	uint64_t record_try_ns;

	int signal_fd;
	sigset_t old_signals;
	int wall_fd;			/* tells that the clock on the wall was set; -1: nobody does */
	double wall_offset_s;		/* of that clock, from the time since boot */

	uint64_t now_ns;		/* newest record, or the clock */
	uint64_t begin_ns;		/* of the run */
	uint64_t tick_ns;		/* newest time the step was looked after */
	uint64_t rest_ns;		/* before the first motion: since when readings of rest are taken */
	enum run_mode mode;
	uint64_t mode_ns;		/* since when */
	enum nanodose_exit outcome;	/* when stopping or over */
	struct lane lane;

	struct run_view view;
	enum run_mode drawn_mode;
	uint64_t drawn_ns;
	double history_s;		/* time between two samples kept for plots */
	struct run_sample *history;	/* RUN_HISTORY a channel */
	struct run_whole *wholes;	/* one a channel */
	struct run_event_view *events;
	size_t event_count, event_space;
	char status_text[256];
};

/* runner.c */
/* The clock that records are stamped with. */
uint64_t run_clock_ns(void);
void run_set_mode(struct runner *runner, enum run_mode mode);
/* A front's command. */
void run_command(struct run_control *control, enum run_command command, const char *who);
/* Everything to rest, without a word. */
void run_rest(struct runner *runner);
bool run_all_rest(const struct runner *runner);
/* Everything to rest, to be gone on with; who: NULL if the record is the reason. */
void run_pause(struct runner *runner, const char *who);
/*
 * Everything to rest, then the run ends with this. The first reason stands,
 * except that a device that is gone explains a fault.
 */
void run_stop(struct runner *runner, enum nanodose_exit outcome, uint32_t stop_mode);
/* A pump could not be told what to do: errno says why. */
void run_order_failed(struct runner *runner, struct channel *channel, const char *what);
double run_elapsed_s(const struct runner *runner);
const char *run_status_word(enum nanodose_exit outcome);

/* lanes.c */
/* The program's first step, after whatever was under way. */
void lanes_begin(struct runner *runner);
/* The present step is a parallel: its branches begin. */
void lanes_split(struct runner *runner, struct lane *lane);
/* Its branches are over: on behind the parallel. */
void lanes_join(struct runner *runner, struct lane *lane);
/* A lane has no step left; with the run's own one the run is done. */
void lanes_over(struct runner *runner, struct lane *lane);
/* Looks after the present steps, after new records or as time passes. */
void lanes_tick(struct runner *runner);
/* Nothing is decided from one record to the next: they may be read some at a time. */
bool lanes_calm(const struct runner *runner);
/* After a pause. */
void lanes_resume(struct runner *runner, uint64_t paused_ns);
/* What the operator is asked, NULL: nothing; until that times out, INFINITY: never. */
const char *lanes_question(const struct runner *runner);
double lanes_question_left_s(const struct runner *runner);
void lanes_answer(struct runner *runner, bool yes, const char *who);
/* Before a flow record is taken in: in a mix none runs ahead of the slowest of the others. */
void lanes_keep_ratio(struct runner *runner, struct channel *channel);
/* Of the step that moves a channel, else of the present one: its line, 0: none. */
int lanes_line(const struct runner *runner, const struct channel *channel);
/* In a word or two, for people. */
const char *lanes_doing(const struct runner *runner);
void lanes_show_progress(struct runner *runner);
void lanes_free(struct runner *runner);

/* steps.c */
/* How events begin, by which a record can be followed. */
#define STEPS_STILL_HOLDS	"the condition still holds after"
/* Goes on to the lane's next step. */
void steps_next(struct runner *runner, struct lane *lane);
void steps_tick(struct runner *runner, struct lane *lane);
bool steps_calm(const struct runner *runner, const struct lane *lane);
void steps_resume(struct runner *runner, struct lane *lane, uint64_t paused_ns);
/* The present step's share done, 0..1. */
double steps_progress(const struct runner *runner, const struct lane *lane);
/* Until the present step times out; INFINITY: never. */
double steps_left_s(const struct runner *runner, const struct lane *lane);
void steps_forget(struct lane *lane);

/* condition.c */
/* The present step's expression is made ready; where it cannot be, the run stops. */
void condition_begin(struct runner *runner, struct lane *lane);
enum condition {
	CONDITION_HOLDS,
	CONDITION_FAILS,
	CONDITION_UNKNOWN,	/* a signal has yet to come */
	CONDITION_FAILED,	/* it could not be worked out, and the run stops */
};

enum condition condition_holds(struct runner *runner, struct lane *lane);
/* The signals that the present step's choice was made by, as events. */
void condition_tell_signals(struct runner *runner, struct lane *lane);
void condition_end(struct lane *lane);

/* remedy.c */
#define REMEDY_RESCUE_FOLLOWS	"at rest, the rescue steps follow"
/*
 * Trouble: true if the protocol has a rule for it, by which the run is being
 * brought to rest; false: it is to stop.
 */
bool remedy_begin(struct runner *runner, enum protocol_trouble trouble);
/* Before a run that trouble paused goes on: false: the cause is still there. */
bool remedy_ready(struct runner *runner);
/* While paused. */
void remedy_tick(struct runner *runner);

/* watch.c */
/* The newest readings of a channel: beyond a hard limit the run stops, beyond a soft one it asks. */
void watch_limits(struct runner *runner, struct channel *channel);
/* What the loop says of its rig: told with its evidence, and gone by the protocol's rules. */
void watch_rig(struct runner *runner, struct channel *channel);
/* A sensor that the protocol does without while it is lost: that it is, and that it is back. */
void watch_sensor(struct runner *runner, struct channel *channel);
/* Somebody resumes a run that asked: from now on that may be. */
void watch_allow(struct runner *runner, const char *who);

/* calibrated.c */
/* What is kept of the rigs, before they are started. False: it cannot be read, printed. */
bool calibrated_load(struct runner *runner);
/* As events: with what the run begins. */
void calibrated_tell(struct runner *runner);
/* Once a rig has shown what it is: whether it is the one that was calibrated. */
void calibrated_look(struct runner *runner, struct channel *channel);
/* At the end: what the run has refined is kept. */
void calibrated_keep(struct runner *runner);

/* curve.c */
/* Before the pumps of a curve start, and as they go. */
void curve_begin(struct runner *runner, struct lane *lane);
void curve_tick(struct runner *runner, struct lane *lane);
/* One that has come so far already, by its volume. */
void curve_resume(struct runner *runner, struct lane *lane);

/* priming.c */
/* While the pump of a step that ends when its line is clear moves. */
void priming_tick(struct runner *runner, struct lane *lane);
/* It has come to rest. False: the line is not clear, and the run stops. */
bool priming_end(struct runner *runner, struct lane *lane);

/* resume.c */
/* Where the pumps were in the run before; false: they cannot go on, printed. */
bool resume_channels(struct runner *runner);
/* In place of lanes_begin(). */
void resume_lanes(struct runner *runner);

/* log.c */
/* channel: NULL for the run as a whole; line 0: none. */
void run_event(struct runner *runner, enum record_severity severity, enum record_source source,
	       const struct channel *channel, int line, const char *format, ...)
	__attribute__((format(printf, 6, 7)));
/* A record_*() result: pauses the run where it failed. */
void run_recorded(struct runner *runner, int result);
/* Tries again once a second while the record cannot be written. */
void run_retry_record(struct runner *runner);
/* Waits until all is written or the operator gives up; then closes. False: something is lost. */
bool run_close_record(struct runner *runner);

/* view.c; 0, or -1 with errno */
int view_init(struct runner *runner);
/* A motion has spared some of its volume: what each channel is to give. */
void view_targets(struct runner *runner);
/* What the devices are, once they have told. */
void view_devices(struct runner *runner);
/* The steps that a front is shown are those of another program now. */
void view_program(struct runner *runner);
void view_sample(struct runner *runner, const struct channel *channel);
/* Brings the view up to date. */
void view_update(struct runner *runner);
void view_free(struct runner *runner);

/* wall_clock.c */
void wall_clock_watch(struct runner *runner);
/* Once wall_fd is readable. */
void wall_clock_look(struct runner *runner);

#endif /* RUN_H */
