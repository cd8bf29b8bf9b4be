/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The two halves of nanodose calibrate: by the sensors, and by a balance. Inside cli/ only. */
#ifndef CALIBRATE_H
#define CALIBRATE_H

#include "by_hand.h"
#include "calibration.h"

struct calibrate {
	struct by_hand by_hand;
	struct jog *jog;
	struct calibration_key key;
	double volume_m3;	/* to push out */
	int64_t rate_nhz;
};

/* Each returns the exit status. The pump is claimed and at rest. */
int calibrate_by_sensors(struct calibrate *calibrate);
int calibrate_by_weight(struct calibrate *calibrate);

/* The steps of a volume at the test's rate, to their end. DONE, or the exit status after a message. */
enum nanodose_exit calibrate_move(struct calibrate *calibrate, double volume_m3);
/* Answered "y" on a terminal, or --yes. */
bool calibrate_agreed(struct calibrate *calibrate, const char *question);

#endif /* CALIBRATE_H */
