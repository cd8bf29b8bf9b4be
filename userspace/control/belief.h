/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is believed of the rig, as many weighed guesses, each a whole rig: play
 * in the screw, time constant, sensor's lag and gain, resistance. Every guess
 * is driven by the steps alone; readings of flow and pressure only shift weight
 * between guesses. Pure; the same input gives the same belief.
 */
#ifndef BELIEF_H
#define BELIEF_H

#include <stdbool.h>
#include <stdint.h>

#define BELIEF_GUESSES	480

struct guess {
	double weight;
	/* what does not change */
	double ln_tau, ln_lag;		/* s */
	double backlash_m3;
	double gain, gain_var;		/* of the sensor: reading over flow, */
	double zero, zero_var;		/* what is left of its zero, */
	double gain_zero;		/* and the covariance of the two */
	/* least squares of pressure over stored volume, weighed by the readings' variance */
	double stored_stored, stored_pressure, pressure_pressure, misfit;
	bool stiffness_known;		/* beforehand: it has to be paid for what was not expected of it */
	bool doubted;			/* one of those that a calibrated rig may be instead */
	/* state */
	double play_m3;			/* of the backlash taken up, plus side */
	double q, q_by_tau;		/* outlet flow, and its derivative by ln_tau */
	double s;			/* flow as the sensor has it */
	double read;			/* mean of s since the last record */
	/* of the record's length */
	double tau_s, lag_s, tau_kept, lag_kept, cross, share;
};

struct belief_prior {
	double tau_low_s, tau_high_s;	/* evenly in the logarithm */
	double lag_low_s, lag_high_s;
	double backlash_m3;		/* 0 to this, any part of it to go, */
	int taken_up;			/* unless the play is known to be this way, 1 or -1 */
	double gain_var;
	double zero_var;		/* of the sensor's zero, as it was found at rest */
	double stiffness, stiffness_var;	/* pressure over stored volume; 0, 0: not known */
	double gain;
};

/* Of now, NAN where there is none: without the sensors' zeros. */
struct belief_readings {
	double flow, flow_var;		/* variance of one reading */
	double pressure_pa, pressure_var;
};

struct belief {
	struct guess guesses[BELIEF_GUESSES];
	uint64_t seed;
	double cached_s;		/* the record's length that the guesses' shares are of */
	double pressure;		/* newest reading */
	double elapsed_s;		/* of readings */
	double surprise;		/* squared error of prediction over expected, running mean */
	double likely_q, likely_ln_tau;	/* means over the kind of guesses, doubted or not, that weighs more */
	/* means over the guesses, and standard deviations */
	double q, q_sd, read, stored_m3;
	double ln_tau, ln_tau_sd, ln_lag, ln_lag_sd, gain, gain_sd;
	double stiffness, stiffness_sd;	/* Pa/m3; 0: no pressure tells it */
};

/* @doubt: what the rig may be if it is none of @prior; NULL: there is no such doubt */
void belief_begin(struct belief *belief, const struct belief_prior *prior, const struct belief_prior *doubt,
		  int direction, double flow);
/* At rest a bubble may have come: what pressures told before counts little from now on. */
void belief_doubt_stiffness(struct belief *belief);
/* Time passes, the pump puts in a volume, signed. */
void belief_advance(struct belief *belief, double dt_s, double volume_m3);
/*
 * belief_times() - means of time constant and sensor's lag themselves
 * Where readings leave open which of the two is which, their sum is still known, and
 * so is what the rig holds; means of the logarithms would make less of it.
 */
void belief_times(const struct belief *belief, double *tau_s, double *lag_s);
void belief_weigh(struct belief *belief, const struct belief_readings *readings, double set_point);

#endif /* BELIEF_H */
