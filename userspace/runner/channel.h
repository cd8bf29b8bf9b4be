/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One pump of a run: its device, its loop, where it is and where it goes.
 * What must not add up over a run is kept here: the target is the exact sum
 * of all volumes so far, and each motion ends at that sum in whole steps.
 */
#ifndef CHANNEL_H
#define CHANNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "calibration.h"
#include "control.h"
#include "measured.h"
#include "metrics.h"
#include "nanodose.h"
#include "protocol.h"
#include "rest.h"

/* After this much silence the pump ramps down, within 0.1 s: at rest within half a second. */
#define CHANNEL_HOLD_NS		380000000ULL

/* What a kernel record meant to the channel; bits. */
#define CHANNEL_FLOW		(1U << 0)	/* a flow record */
#define CHANNEL_ENDED		(1U << 1)	/* came to rest at its end position */
#define CHANNEL_RESTED		(1U << 2)	/* came to rest on the way */
#define CHANNEL_FAULT		(1U << 3)	/* a fault was latched */
#define CHANNEL_FOREIGN_STOP	(1U << 4)	/* somebody else stopped it */
#define CHANNEL_DROPPED		(1U << 5)	/* records were lost */
#define CHANNEL_SLEPT		(1U << 6)	/* the system goes to sleep */

struct channel {
	const struct protocol_channel *plan;
	size_t index;
	struct nanodose_device *device;
	struct nanodose_info info;
	int owner_pid;			/* we, as the driver sees us */
	uint32_t cleared;		/* faults of the past, cleared before the run */
	struct control *control;
	struct control_output output;	/* of the newest flow record */
	double step_m3;			/* volume per step, as weighed if it was */
	struct calibration_weighing weighing;	/* share 0: it was not */
	struct calibration calibration;	/* tau_s 0: none */
	char weighed_text[32], calibrated_text[256];	/* of both, for people; empty: none */
	bool learned;			/* what the run has learned of the rig was looked at, since it settled */
	struct control_model known;	/* what it was before; tau_s 0: not known */
	bool known_by_run;		/* and that this run has found out itself */
	uint64_t max_accel_nhz_s;	/* of the pump, or less by a limit */
	double period_s;		/* of flow records */
	bool has_sensor;
	bool gone;

	int64_t origin;			/* position when the run began */
	int64_t position;		/* newest known */
	int64_t turned_position;	/* where it last changed its way, */
	int way;			/* from which it has gone this way; 0: it has not moved */
	double target_m3;		/* exact sum of all motions begun, since origin */
	double spared_m3;		/* of what motions were to move at most */
	bool trouble_told;		/* of the loop's, which stays */
	bool distrusted;		/* its readings are not gone by: stuck, and the protocol goes on */
	uint64_t sensor_try_ns;		/* when a lost sensor was last tried */
	bool without_sensor;		/* the protocol goes on while it is lost */
	bool air_allowed;		/* air in the line is a warning, no fault */

	/* the motion under way */
	bool moving;			/* asked to move, not known to rest */
	bool stopping;			/* asked to stop, or taking back */
	bool taking_back;		/* on the way to back_position, the aim kept */
	int64_t back_position;
	bool ended;			/* at its end position */
	int64_t end_position;
	double set_point_m3_s;		/* signed; 0 at rest */
	double top_m3_s;		/* the highest that it will be in this motion */
	double aim_m3;			/* where the motion began: the target before it */
	uint64_t accel_nhz_s;
	uint64_t start_ns;		/* 0: at once */
	uint64_t first_sequence;	/* records before it tell of the past */
	uint64_t run_ns;		/* when the last order was given */
	int64_t run_rate_nhz;

	/* newest readings; NAN: not had */
	uint64_t flow_ns;		/* time of the newest flow record, 0: none */
	unsigned int readings;		/* good ones so far */
	struct rest flow_rest, pressure_rest;	/* before the first motion */
	unsigned int over[PROTOCOL_STRICTNESSES][PROTOCOL_LIMITS];	/* readings above a limit in a row */
	bool asked[PROTOCOL_LIMITS], allowed[PROTOCOL_LIMITS];		/* of soft ones: what a person says */
	double flow_m3_s, pressure_pa, temperature_c;
	uint16_t sensor_flags;
	unsigned int missing;		/* records without a reading, in a row */
	bool flags_valid;		/* they came with a reading */
	uint32_t state, faults;

	struct metrics metrics;
	struct measured measured;	/* of the motion under way */
	int64_t mark_position;		/* where that motion began */
};

/* Fresh from the claim: loop, origin and sensor. -1 with errno. */
int channel_start(struct channel *channel, double sample_rate_hz);
void channel_free(struct channel *channel);

/* Once the volume of a step is known: the protocol's limit of acceleration in steps. */
void channel_limit_accel(struct channel *channel);
/* A reading that is measured against limits: of pressure, of temperature. */
double channel_reading(const struct channel *channel, enum protocol_limit limit);
/* The pump's, or less by a limit of the protocol: what the driver is told, and no order goes beyond. */
uint64_t channel_max_rate_nhz(const struct channel *channel);
/* Steps a rate stands for, signed, no more than that. */
int64_t channel_rate_nhz(const struct channel *channel, double rate_m3_s);
/* What it is to flow at; 0 at rest and on the way there. */
double channel_set_point_m3_s(const struct channel *channel);
/* Delivered since the run began, by steps. */
double channel_delivered_m3(const struct channel *channel);
/* Delivered at the end of the motion under way: whole steps. */
double channel_end_m3(const struct channel *channel);

/*
 * channel_aim() - the next motion: a volume more (or less, if negative) at a
 * rate above 0. Nothing moves yet.
 */
void channel_aim(struct channel *channel, double volume_m3, double rate_m3_s);
/*
 * channel_prepare() - the loop is told of the motion aimed at; nothing moves yet
 * @ramp_s: time to reach the rate
 * @start_ns: CLOCK_MONOTONIC, when it will
 * Already there: ended at once. -1 with errno as the driver gave it.
 */
int channel_prepare(struct channel *channel, double ramp_s, uint64_t start_ns);
/*
 * channel_go() - start, or go on with, what was prepared, at the loop's first rate
 * @start_ns: when, 0 for now
 * @now_ns: CLOCK_MONOTONIC
 * -1 with errno as the driver gave it.
 */
int channel_go(struct channel *channel, uint64_t start_ns, uint64_t now_ns);
/*
 * channel_refresh() - the heartbeat, and a new rate if the loop asks for one
 * Does nothing where nothing is due. -1 with errno, never for an order that
 * came after the motion had ended.
 */
int channel_refresh(struct channel *channel, uint64_t now_ns);
/* Bring to rest, NANODOSE_STOP_RAMP or _NOW; the aim is kept. -1 with errno. */
int channel_stop(struct channel *channel, uint32_t mode, uint64_t now_ns);
/* Before the first motion, after REST_READINGS: whether flow and pressure have stayed the same. */
bool channel_rests(const struct channel *channel);
/* They were no rest; the next ones are looked at. */
void channel_forget_rest(struct channel *channel);
/* The sensor once more, as at the start. -1 with errno. */
int channel_restart_sensor(struct channel *channel);
/*
 * This much back, at the rate of the motion under way, whose aim is kept;
 * channel_refresh() is its heartbeat, too. -1 with errno.
 */
int channel_take_back(struct channel *channel, double volume_m3, uint64_t now_ns);
/* The motion under way is given up: the next one counts from here. */
void channel_forget_aim(struct channel *channel);
/* Air in the line stops the pump, or does not. At rest only. -1 with errno. */
int channel_allow_air(struct channel *channel, bool allowed);
/*
 * The motion under way ends as soon as the pump can come to rest; what it
 * was to move beyond that is spared. -1 with errno, EDOM: not now, try again.
 */
int channel_end_soon(struct channel *channel, uint64_t now_ns);
/* The motion under way is over at this position: what it was to move beyond is spared. */
void channel_spare_to(struct channel *channel, int64_t position);
/* Another rate on the way, above 0 and up to what was aimed at; the sign stays. */
void channel_set_rate(struct channel *channel, double rate_m3_s, uint64_t now_ns);
/* The motion's last volume has left the outlet: the set point is 0. */
void channel_set_rest(struct channel *channel, uint64_t now_ns);

/* The motion under way, from here to its rest, in steps and as the sensor sees it. */
void channel_mark(struct channel *channel);
double channel_stepped_m3(const struct channel *channel);

/* The way in which the play of its screw is taken up, 1 or -1; 0: it may be anywhere. */
int channel_taken_up(const struct channel *channel);

/* Take in a kernel record; returns CHANNEL_* bits. */
unsigned int channel_take(struct channel *channel, const struct nanodose_record *record);
/* It has a sensor, which is not lost: flow records come. */
bool channel_senses(const struct channel *channel);
/* A pump without a sensor has no flow records: ask it where it is. -1 with errno. */
int channel_ask(struct channel *channel);
/*
 * The same while the sensor is lost: the loop goes on by its model, and now and
 * then the sensor is tried again. -1 with errno.
 */
int channel_go_without(struct channel *channel, uint64_t now_ns);

#endif /* CHANNEL_H */
