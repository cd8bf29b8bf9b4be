// SPDX-License-Identifier: GPL-2.0-or-later
/* See shape.h; the closed forms are in model.md. */
#include <math.h>

#include "shape.h"

#define MODEL_ERROR	0.02	/* of a share, besides noise */
#define SURE		6.0	/* logarithm of how many times likelier it has to be */
#define LAGS		7	/* tried, the middle one among them */
#define BAD_FIT		4.0	/* mean squared error over its variance: it is neither */
#define ONSETS		2	/* tried in each record */

void shape_take(struct shape *shape, double share)
{
	shape->shares[shape->next] = share;
	shape->next = (shape->next + 1) % SHAPE_RECORDS;
}

/* What may have happened: so much of the inflow is lost to the outlet; all of it: nothing goes in any more. */
struct fall {
	double lost, tau_s, lag_s;	/* tau_s 0: the outlet is closed */
};

/* What the sensor has had pass since the onset, or before it, below 0: over what a well rig lets pass in a second. */
static double passed_s(const struct fall *f, double time_s)
{
	double by_lag, by_tau;

	if (time_s <= 0)
		return time_s;
	by_lag = 1 - exp(-time_s / f->lag_s);
	if (f->tau_s == 0)
		return f->lag_s * by_lag;
	by_tau = 1 - exp(-time_s / f->tau_s);
	return time_s - f->lost * (time_s - (f->tau_s * f->tau_s * by_tau - f->lag_s * f->lag_s * by_lag) /
						    (f->tau_s - f->lag_s));
}

/* Sum of squared errors over the variance, of the best onset. A reading is the mean of its record. */
static double misfit(const struct shape *shape, unsigned int records, double dt_s, const struct fall *fall, double var)
{
	double best = INFINITY;

	for (unsigned int k = 0; k < ONSETS * records; k++) {
		double time_s = -(double)k / ONSETS * dt_s, before_s = passed_s(fall, time_s), sum = 0;

		for (unsigned int i = 0; i < records && sum < best; i++) {
			double share = shape->shares[(shape->next + SHAPE_RECORDS - records + i) % SHAPE_RECORDS];
			double after_s = passed_s(fall, time_s += dt_s), off = share - (after_s - before_s) / dt_s;

			before_s = after_s;
			sum += off * off;
		}
		best = fmin(best, sum);
	}
	return best / var;
}

enum shape_kind shape_tell(const struct shape *shape, unsigned int records, const struct shape_rig *rig, double noise)
{
	/* A tube that has come off leaves the reading as a closed outlet does. */
	static const double losses[] = { 1, 0.6, 0.4, 0.25 };
	double dt_s = rig->dt_s, tau_s = rig->tau_s;
	double var = noise * noise + MODEL_ERROR * MODEL_ERROR, closed = INFINITY, starved = INFINITY;

	for (int i = 0; i < LAGS; i++) {
		double more = pow(rig->lag_high_s / rig->lag_low_s, (double)i / (LAGS - 1));
		struct fall fall = { .lost = 1, .lag_s = rig->lag_low_s * more };

		closed = fmin(closed, misfit(shape, records, dt_s, &fall, var));
		for (unsigned int k = 0; k < sizeof(losses) / sizeof(*losses); k++) {
			fall.lost = losses[k];
			/* a leak is a way besides the outlet: the chamber is the quicker for it */
			fall.tau_s = losses[k] < 1 ? (1 - losses[k]) * tau_s : tau_s;
			/* The closed form divides by the difference of the two. */
			if (fabs(fall.tau_s - fall.lag_s) < 0.01 * fall.lag_s)
				fall.tau_s = 1.01 * fall.lag_s;
			starved = fmin(starved, misfit(shape, records, dt_s, &fall, var));
		}
	}
	/* A calibration may have taken the one for the other. */
	if (tau_s > rig->lag_low_s && tau_s < rig->lag_high_s)
		closed = fmin(closed, misfit(shape, records, dt_s, &(struct fall){ .lost = 1, .lag_s = tau_s }, var));
	if (fmin(closed, starved) > BAD_FIT * records || fabs(closed - starved) / 2 < SURE)
		return SHAPE_OPEN;
	return closed < starved ? SHAPE_CLOSED : SHAPE_STARVED;
}
