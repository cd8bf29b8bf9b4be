/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The short test that tells what a rig is: some volume out, a quarter of it
 * back, which shows the play of the screw, and out again, each with time to die
 * away. Pure: whoever has the pump asks for the next move, makes it, and hands
 * in each record.
 */
#ifndef IDENTIFY_H
#define IDENTIFY_H

#include <stdbool.h>

#include "control.h"
#include "fit.h"

/* Volume that is out in the end, over the rate. */
#define IDENTIFY_PUSH_S		10.0	/* of the rate: the volume where none is asked for */
#define IDENTIFY_PUSHES		4	/* where nobody says how much it may be */
#define IDENTIFY_BACK_SHARE	0.25
/* Data sheets: the sensors' gain is within 5 %. */
#define IDENTIFY_GAIN_ERROR	0.03
#define IDENTIFY_BACKLASH_STEPS	100.0

struct identify_config {
	double volume_m3;
	double step_m3;
	unsigned int most_pushes;	/* of that volume, where a single one does not show */
};

enum identify_next {
	IDENTIFY_WAIT,		/* another record */
	IDENTIFY_MOVE,		/* this volume, signed, at the test's rate; then records again */
	IDENTIFY_DONE,
};

struct identify;

/* NULL with errno ENOMEM. */
struct identify *identify_new(const struct identify_config *config);
void identify_free(struct identify *identify);
/*
 * identify_sample() - a record, from before the first move to the last one
 * @moving: the pump has not come to rest from the move under way
 * @volume_m3: of IDENTIFY_MOVE
 */
enum identify_next identify_sample(struct identify *identify, const struct control_sample *sample,
				   bool moving, double *volume_m3);
/*
 * identify_result() - what the rig is, NAN where the test does not tell
 * @model: what a loop is to know of it; its tau_s is 0 if that is not told
 * @fit: the same as it was found, with what it leaves; may be NULL
 */
void identify_result(const struct identify *identify, struct control_model *model, struct fit *fit);
/* Where the test is, in words. */
const char *identify_doing(const struct identify *identify);

#endif /* IDENTIFY_H */
