/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A protocol: what a researcher wrote, parsed, with every value resolved and
 * checked. All quantities are SI doubles (m3, m3/s, s, Pa, 1/m3).
 *
 * protocol_load() reads and checks everything that can be known without a
 * device. protocol_check_device() adds what a real pump's facts can refuse.
 * Both report all errors at once.
 */
#ifndef PROTOCOL_H
#define PROTOCOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nanodose.h"

/* ---- messages -------------------------------------------------------------- */

struct source_position {
	int line;	/* from 1; 0: the file as a whole */
	int column;	/* from 1 */
	int file;	/* 0: the protocol itself, else from 1 the file of a call */
};

struct diagnostic {
	struct source_position at;
	bool warning;
	char *text;		/* "what, and what would be right" */
};

struct diagnostics_file {	/* one that a call has read */
	char *path;
	char *source;
};

struct diagnostics {
	const char *file;
	char *source;		/* its text, for underlining; NULL: not had */
	struct diagnostics_file *called;
	size_t called_count;
	struct diagnostic *list;
	size_t count;
	size_t errors;
};

void diagnostics_add(struct diagnostics *diagnostics, struct source_position at, bool warning,
		     const char *format, ...) __attribute__((format(printf, 4, 5)));
/* A message's file is one that was called; its number for positions, 0: no memory. */
int diagnostics_called(struct diagnostics *diagnostics, const char *path, const char *source);
const char *diagnostics_path(const struct diagnostics *diagnostics, int file);
/* By position; messages about one place stay in order. */
void diagnostics_sort(struct diagnostics *diagnostics);
/* "file:line:column: error: text", sorted by position, one a line. */
void diagnostics_print(const struct diagnostics *diagnostics, void *stream);
/* The same, with the line of the file under each message and the place marked. */
void diagnostics_print_marked(const struct diagnostics *diagnostics, void *stream);
void diagnostics_free(struct diagnostics *diagnostics);

/* ---- the protocol ------------------------------------------------------------ */

struct protocol_setting {	/* --set name=value, or what a call gives */
	const char *name;
	const char *value;
	bool exact;		/* a quantity that @value shows rounded: it is this */
	enum nanodose_dimension dimension;
	double number;
};

struct protocol_input {
	char *name;
	enum nanodose_dimension dimension;
	double value;		/* in use: the default or what --set gave */
	char *text;		/* as written, "12 mL/min" */
	bool set;		/* by --set */
};

enum protocol_signal_source { PROTOCOL_SIGNAL_FILE, PROTOCOL_SIGNAL_FIFO, PROTOCOL_SIGNAL_SOCKET };

struct protocol_call {		/* a file whose steps are done as one of ours */
	char *path;
	char *text;		/* the file as read */
	struct protocol_input *inputs;	/* its own; in its steps ours are not known */
	size_t input_count;
	char **channel_names;	/* as it calls ours, by index; NULL: it has no name for it */
};

struct protocol_signal {	/* a value from outside of the run */
	char *name;
	enum protocol_signal_source source;
	char *path;
	char *unit;		/* of its numbers; "1" for bare ones */
	double max_age_s;	/* older than this it is an error to use it */
	struct source_position at;
};

enum protocol_limit {
	PROTOCOL_LIMIT_RATE,		/* m3/s */
	PROTOCOL_LIMIT_ACCELERATION,	/* m3/s2 */
	PROTOCOL_LIMIT_VOLUME,		/* m3, in the run */
	/* of particles, as the m3 that hold them, in total as number or kg: */
	PROTOCOL_LIMIT_DOSE,		/* in the run, */
	PROTOCOL_LIMIT_STEP_DOSE,	/* in one step, */
	PROTOCOL_LIMIT_WINDOW_DOSE,	/* and within a time */
	PROTOCOL_LIMIT_PRESSURE,	/* Pa */
	PROTOCOL_LIMIT_SHEAR,		/* Pa, at the wall of the chip */
	PROTOCOL_LIMIT_TEMPERATURE,	/* degree Celsius */
	PROTOCOL_LIMITS,
};

enum protocol_strictness {
	PROTOCOL_HARD,		/* refuses, and stops a run */
	PROTOCOL_SOFT,		/* asks */
	PROTOCOL_STRICTNESSES,
};

struct protocol_limits {
	double most[PROTOCOL_LIMITS];	/* INFINITY: none */
	double window_s;
};

/*
 * From what a flow sensor reads, with the calibration for water or isopropanol,
 * to the flow of another fluid: x in units of @unit_m3_s, flow = a x + b x2 + c x3
 * in the same; the other way round the same with both signs turned. Beyond
 * saturation_m3_s the flow is not known.
 */
struct protocol_correction {
	double unit_m3_s;	/* 0: what the sensor reads is what flows */
	double a, b, c;
	double saturation_m3_s, saturated_reading_m3_s;	/* a flow, and what the sensor reads there */
};

struct protocol_channel {
	char *name;
	char *pump;			/* device name or label */
	const struct nanodose_syringe *syringe;	/* of the table, or the one below */
	struct nanodose_syringe own_syringe;	/* by diameter and stroke; its name is ours */
	double loaded_m3;
	char *fluid;			/* "water", "ipa", or the protocol's own name for it */
	uint32_t medium;		/* NANODOSE_MEDIUM_*, that the sensor is read with */
	struct protocol_correction correction;
	double concentration_per_m3;	/* particles, 0 if none given */
	double mass_concentration_kg_m3;	/* or their mass, likewise */
	bool open_loop;			/* no feedback: the pump gets the set point */
	double dead_volume_m3;		/* from the syringe to the chip, 0 if not given */
	double chip_width_m, chip_height_m, chip_length_m;	/* a rectangular channel; 0: not given */
	double viscosity_pa_s;		/* of the fluid, at 20 degC */
	struct protocol_limits limits[PROTOCOL_STRICTNESSES];
	struct source_position at;	/* the channel's key */
	struct source_position at_pump;
	struct source_position at_limits;
	char *loaded_text;		/* as written: the unit to answer in */
	/* worked out by the check */
	double infused_m3;		/* all the protocol dispenses */
	double peak_rate_m3_s;
	struct source_position at_peak;	/* the value that asks for it */
	char *peak_text;		/* a rate in the unit written there */
};

enum protocol_verb {
	PROTOCOL_INFUSE,
	PROTOCOL_WITHDRAW,
	PROTOCOL_MIX,
	PROTOCOL_CURVE,		/* ramp, gradient, profile: rates change on the way */
	PROTOCOL_HOLD,
	PROTOCOL_WAIT_TIME,
	PROTOCOL_WAIT_OPERATOR,
	PROTOCOL_WAIT_UNTIL,
	PROTOCOL_WAIT_CLOCK,	/* for a time of day */
	PROTOCOL_NOTIFY,	/* one line to another program */
	PROTOCOL_PERIOD,	/* last in the rounds of a repeat with a period: until it is over */
	PROTOCOL_REPEAT,	/* and every, pulse, agitate */
	PROTOCOL_WHILE,
	PROTOCOL_IF,
	PROTOCOL_PARALLEL,	/* its steps are branches, all at the same time */
	PROTOCOL_BRANCH,
};

struct protocol_point {		/* of a curve: the rate between two of them is on a line */
	double time_s;		/* since the step began; never falls */
	double rate_m3_s;	/* 0 or above */
};

struct protocol_flow {		/* one channel's part in an infuse, withdraw or mix */
	size_t channel;		/* index */
	double volume_m3;	/* above 0 */
	double rate_m3_s;	/* above 0; of a curve the highest */
	struct protocol_point *points;		/* of a curve, else NULL */
	size_t point_count;
	struct source_position at_volume;	/* the value it was written as, or worked out from */
	struct source_position at_rate;
};

struct protocol_step {
	enum protocol_verb verb;
	struct source_position at;
	char *text;			/* for people: "infuse aqueous 0.5 mL at 3 mL/min" */
	struct protocol_flow *flows;	/* infuse, withdraw: 1; mix: 2 or more */
	size_t flow_count;
	double duration_s;		/* hold, wait for a time; of flows: volume / rate; parallel: as planned */
	double start_waste_m3;		/* mix: of its volume, before and after the batch; 0: none */
	double end_waste_m3;
	double timeout_s;		/* wait; INFINITY if none */
	bool timeout_continues;		/* then: continue, else stop */
	char *message;			/* wait for the operator: the question; notify: the line */
	char *notify_path;		/* and where it goes */
	enum protocol_signal_source notify_place;
	char *until;			/* wait until, while, if: the Lua expression */
	size_t call;			/* whose names that knows: from 1 a call's, 0: the protocol's */
	double held_s;			/* wait until, until clear: so long without a break */
	bool until_clear;		/* infuse: it ends when the sensor sees no air, the volume is the most */
	int clock_s;			/* wait for a time of day: seconds since local midnight */
	double ceiling_pa;		/* of a curve: slower where the pressure comes near; INFINITY */
	unsigned int times;		/* repeat; while: at most */
	double period_s;		/* repeat: from round to round; 0: one after the other */
	struct protocol_step *steps;	/* repeat, while, parallel, branch; if: then */
	size_t step_count;
	struct protocol_step *others;	/* if: else */
	size_t other_count;
};

enum protocol_trouble {
	PROTOCOL_OCCLUSION,	/* over-pressure, or steps without flow */
	PROTOCOL_AIR,
	PROTOCOL_SENSOR_LOST,
	PROTOCOL_EMPTY,		/* end of travel */
	PROTOCOL_LEAK,		/* flow at rest */
	PROTOCOL_SIGNAL_LOST,	/* too old, or no reading */
	PROTOCOL_TROUBLES,
};

enum protocol_remedy {
	PROTOCOL_REMEDY_STOP,
	PROTOCOL_REMEDY_HOLD,		/* at rest, until somebody resumes */
	PROTOCOL_REMEDY_RETRY,
	PROTOCOL_REMEDY_RESCUE,
	PROTOCOL_REMEDY_OPEN,		/* of a lost sensor: on without it, by the steps and the model */
};

struct protocol_rule {		/* what to do in trouble */
	enum protocol_remedy remedy;
	unsigned int retries;		/* retry: at most, in the whole run */
	double release_m3;		/* taken back, once at rest; 0: nothing */
	double after_s;			/* and at rest for so long */
	double backoff;			/* times this with each retry */
	struct protocol_step *steps;	/* rescue: these, and then the run has failed */
	size_t step_count;
	struct source_position at;
};

struct protocol {
	char *path;
	char *text;			/* the file as read */
	char *name;
	char *rig;			/* path of the rig file, resolved; NULL if none */
	struct protocol_input *inputs;
	size_t input_count;
	struct protocol_call *calls;
	size_t call_count;
	struct protocol_signal *signals;
	size_t signal_count;
	struct protocol_channel *channels;
	size_t channel_count;
	struct protocol_step *steps;
	size_t step_count;
	struct protocol_rule rules[PROTOCOL_TROUBLES];
	char **soft_texts;		/* what goes beyond a soft limit: a run asks before it begins */
	size_t soft_count;
	double duration_s;		/* of all steps; waits for people count 0 */
};

/*
 * protocol_load() - read, parse, resolve, check
 * Returns NULL if there was any error; @diagnostics holds them all, and the
 * warnings. @diagnostics is initialised here and freed by the caller. The
 * program's LC_NUMERIC must be "C".
 */
struct protocol *protocol_load(const char *path, const struct protocol_setting *settings,
			       size_t setting_count, struct diagnostics *diagnostics);
void protocol_free(struct protocol *protocol);
/* All signals from files of their names in @folder. False: no memory. */
bool protocol_signals_from(struct protocol *protocol, const char *folder);

/*
 * protocol_check_device() - what this pump cannot do for that channel
 * Adds errors such as a peak rate beyond the pump, with the maximum.
 */
void protocol_check_device(const struct protocol *protocol, size_t channel,
			   const struct nanodose_info *info, struct diagnostics *diagnostics);

/* How long a retry, from 1, is at rest before it goes on; no more than a day by its back-off. */
double protocol_retry_after_s(const struct protocol_rule *rule, unsigned int retry);

/* What flows where the channel's sensor reads that; NAN where it does not say. */
double protocol_flow_m3_s(const struct protocol_channel *channel, double reading_m3_s);
/* The other way round, what the sensor reads of what flows: as a share of it, at the peak rate. */
double protocol_reading_share(const struct protocol_channel *channel);

/* Of a curve: its rate at a time since the step began, and what has flowed by then. */
double protocol_curve_rate(const struct protocol_flow *flow, double time_s);
double protocol_curve_volume(const struct protocol_flow *flow, double time_s);
/*
 * What a rate means at the channel's chip, laminar, in a rectangle: wall shear
 * 6 u Q / (w h2) and pressure drop 12 u L Q / (w h3 (1 - 0.63 h / w)), h being
 * the smaller side. NAN without a chip.
 */
double protocol_shear_pa(const struct protocol_channel *channel, double rate_m3_s);
double protocol_chip_pressure_pa(const struct protocol_channel *channel, double rate_m3_s);

/*
 * protocol_walk() - each step that is no loop or choice, in order, with the
 * planned time since the start. A while is taken to go all its rounds, an if
 * its then. The branches of a parallel come one after the other, each from the
 * time that all begin.
 */
void protocol_walk(const struct protocol *protocol,
		   void (*visit)(void *user, double begin_s, const struct protocol_step *step),
		   void *user);

/* As protocols name it: "occlusion". */
const char *protocol_trouble_name(enum protocol_trouble trouble);

/* How the step moves a channel: 1 dispenses, -1 draws in. */
int protocol_step_sign(const struct protocol_step *step);

/* Fastest rate of pump and syringe together, m3/s. */
double protocol_max_rate_m3_s(const struct protocol_channel *channel,
			      const struct nanodose_info *info);

/* ---- expressions -------------------------------------------------------------- */

/*
 * Lua 5.4 with arithmetic, comparisons, math and the values handed in, and
 * nothing else; bounded instructions and memory. An input without a unit is a
 * number. One with a unit carries its dimension through +, -, *, /, comparison,
 * math.min, math.max and math.abs: volume / rate is a time, rate / rate a
 * number, rate + volume an error. to(x, "uL/min") is its number in a unit. In a wait's `until`, the run's values
 * are tables by channel name, SI units turned to what people write:
 * flow.NAME (uL/min), setpoint.NAME (uL/min), volume.NAME (uL delivered by
 * steps), pressure.NAME (kPa), temperature.NAME (degC), and time (s since the
 * step began), elapsed (s since the run began). signal.NAME is the number of a
 * signal in its unit.
 */
struct expression_channel {
	const char *name;	/* NULL: the expression has none for it */
	double flow_ul_min, setpoint_ul_min, volume_ul, pressure_kpa, temperature_c;	/* NAN: not had */
};

struct expression_values {
	const struct expression_channel *channels;
	size_t channel_count;
	const struct protocol_signal *signals;
	const double *signal_values;	/* of each; NAN: not had */
	size_t signal_count;
	double time_s, elapsed_s;
	const struct protocol_input *inputs;	/* by name, with their dimension */
	size_t input_count;
};

struct expression;

/* Whether @text uses signal.NAME, by name; an index into protocol.signals tells which. */
bool expression_uses_signal(const char *text, const char *name);

/* Compile; NULL and *error (to be freed) on a syntax error or a forbidden name. */
struct expression *expression_new(const char *text, char **error);
void expression_free(struct expression *expression);
/* 0, or -1 and *error. *value: numbers as they are, quantities in SI, false 0, true 1. */
int expression_evaluate(struct expression *expression, const struct expression_values *values,
			double *value, char **error);

#endif /* PROTOCOL_H */
