/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A rig's parameters from the record of a run, afterwards and as a whole: where
 * belief.c guesses while it doses, this has all the time it needs. Pure.
 */
#ifndef FIT_H
#define FIT_H

#include <stddef.h>

#include "control.h"

/* The rig's own where the record does not tell the sensor's lag: 20 ms. */
#define FIT_LAG_S 0.02

/* NAN: the record does not tell. */
struct fit {
	double moved_m3;		/* by the plunger, both ways added up */
	double tau_s;			/* time constant of the flow at the outlet */
	double tau_error;		/* standard deviation of it, share of it */
	double compliance_m3_pa;	/* these three by the pressure */
	double resistance_pa_s_m3;
	double rest_pa;			/* pressure without flow */
	double gain;			/* reading of the flow sensor over flow */
	double zero_m3_s;		/* its reading without flow */
	double lag_s;			/* its time constant */
	double backlash_m3;		/* of the screw, where it was looked for */
	double gain_error;		/* standard deviation, share of it */
	double residual_m3_s;		/* what the model leaves of the readings, rms: of the flow, */
	double residual_pa;		/* and of the pressure */
	/*
	 * What it leaves of them without the noise, as a share of what they tell;
	 * a rig that is none of the model's kind shows here.
	 */
	double misfit;
};

/* What is known beforehand. */
struct fit_prior {
	double backlash_m3;	/* of the screw, at most; 0: none is looked for */
	double gain_error;	/* standard deviation of the sensor's gain about 1; 0: not known */
};

/*
 * fit_rig() - least squares over a whole run
 * @samples: in the order of time; the rig is at rest at the first one
 * @prior: NULL: nothing
 */
void fit_rig(const struct control_sample *samples, size_t count, const struct fit_prior *prior,
	     struct fit *fit);

#endif /* FIT_H */
