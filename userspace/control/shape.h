/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How a flow that was steady comes down: behind a closed outlet the reading falls
 * with the sensor's own lag; where nothing more goes in, or a part goes elsewhere,
 * the chamber has to run empty first. Least squares of both over the newest
 * records, since whenever it fits best. Pure.
 */
#ifndef SHAPE_H
#define SHAPE_H

#define SHAPE_RECORDS	32

enum shape_kind { SHAPE_OPEN, SHAPE_CLOSED, SHAPE_STARVED };

struct shape {
	float shares[SHAPE_RECORDS];	/* readings over what a well rig would give, a ring */
	unsigned int next;
};

/* As it is while it is well. */
struct shape_rig {
	double dt_s;			/* from record to record */
	double tau_s, lag_low_s, lag_high_s;
};

void shape_take(struct shape *shape, double share);
/*
 * shape_tell() - which of the two it is
 * @records: the newest so many are looked at, at most SHAPE_RECORDS
 * @noise: standard deviation of a share
 * SHAPE_OPEN while the records leave both, or fit to neither.
 */
enum shape_kind shape_tell(const struct shape *shape, unsigned int records, const struct shape_rig *rig, double noise);

#endif /* SHAPE_H */
