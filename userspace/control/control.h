/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One channel's closed loop, pure: no clock, no device. On each flow record it
 * gets the sensor's flow and the steps made since, and says what step rate to
 * ask for. The steps are trusted for volume, the sensor for dynamics.
 */
#ifndef CONTROL_H
#define CONTROL_H

#include <stdbool.h>

#include "diagnosis.h"

/*
 * What is known of the rig beforehand, by calibration; tau_s 0: nothing. Errors
 * are standard deviations, as a share.
 */
struct control_model {
	double tau_s, tau_error;		/* compliance times resistance */
	double compliance_m3_pa, compliance_error;	/* 0: not known */
	double lag_s, lag_error;		/* of the sensor; 0: not known */
	double gain, gain_error;		/* reading over flow */
	double backlash_m3;			/* NAN: not known */
	int taken_up;				/* the way in which the screw's play is, 1 or -1; 0: not known */
};

struct control_config {
	double max_rate_m3_s;		/* pump and syringe, and the protocol's limit */
	double max_pressure_pa;		/* INFINITY if none */
	double sensor_full_scale_m3_s;	/* 0: no sensor, the loop stays open */
	double sample_period_s;
	double step_m3;			/* volume of a microstep; 0: not known */
	struct control_model model;
};

struct control_sample {
	double time_s;			/* monotonic */
	double stepped_m3;		/* steps since the start of the run, as volume, signed */
	double flow_m3_s;		/* NAN: no reading */
	double pressure_pa;		/* NAN: no reading */
};

struct control_output {
	double pump_rate_m3_s;		/* signed: ask the pump for this */
	double flow_m3_s;		/* estimated outlet flow */
	double flow_sd_m3_s;		/* standard deviation of it; NAN: not known yet */
	double stored_m3;		/* estimated volume held back by compliance; NAN: not known yet */
	double unexplained_m3_s;	/* of the reading: more than estimate and noise account for; 0: nothing */
	enum diagnosis_trouble trouble;	/* once the readings part from what a well rig would give */
};

struct control;

/* NULL with errno ENOMEM. */
struct control *control_new(const struct control_config *config);
void control_free(struct control *control);
/*
 * Acceleration of the pump, magnitude, for the orders to come. Until told, and
 * at 0: what reaches the set point in 0.1 s.
 */
void control_set_accel(struct control *control, double accel_m3_s2);
/* New set point, signed; 0 at rest. Bumpless. */
void control_set_point(struct control *control, double time_s, double flow_m3_s);
/*
 * How an outlet is on the way to its set point; all flows are shares of that.
 */
struct control_way {
	double time_s;		/* of which this is */
	double share;		/* of the outlet; NAN: not known, or at rest */
	double in, aim;		/* of the pump, and what it is on its way to, */
	double slew_per_s;	/* so fast */
	double tau_s;
};

/*
 * Channels of a mix keep their ratio on the way: none is to be further than the
 * slowest of the others, which is followed. For the order to come, and the
 * records after.
 */
struct control_way control_way(const struct control *control);
void control_follow(struct control *control, const struct control_way *slowest);
/* Of two ways the one that is further back a while from the newer; one that is not known is not. */
struct control_way control_slower(struct control_way one, struct control_way other);
/* What to ask the pump for at a new set point, until there is a record; signed. */
double control_first_rate_m3_s(struct control *control);
/* One flow record. Never a higher rate than before when the reading is missing. */
void control_sample(struct control *control, const struct control_sample *sample,
		    struct control_output *output);
/* What was read at rest so far was none: the line was still relaxing. Before the first set point. */
void control_forget_rest(struct control *control);
/* Feedback is over until the next set point: the rate asked for is the set point. */
bool control_settled(const struct control *control);
/*
 * control_learned() - what the rig has turned out to be by now
 * False while it has not shown that: before it has settled for the first time,
 * or where the readings leave the time constant open. Play is not told.
 */
bool control_learned(const struct control *control, struct control_model *model);

/* What speaks for the trouble that control_sample() has told. */
const struct diagnosis_evidence *control_evidence(const struct control *control);
/*
 * control_release_m3() - to draw back at rest, so that nothing bursts out when a
 * clog is cleared: what is stored, and the play of the screw before the first of
 * it. 0: nothing, or it is not known.
 */
double control_release_m3(const struct control *control);
/*
 * The trouble is over, and what was stored has been taken back or let out: the rig
 * begins from rest, and is looked at anew once it has settled.
 */
void control_forget_trouble(struct control *control);

#endif /* CONTROL_H */
