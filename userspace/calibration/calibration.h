/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What has been found out about rigs, from one run to the next: an SQLite file,
 * /var/lib/nanodose/calibrations.db where that can be written, else one of the
 * user's own; $NANODOSE_CALIBRATIONS names another. The newest of what both have
 * counts. nanodose-calibrate(1) tells people.
 */
#ifndef CALIBRATION_H
#define CALIBRATION_H

#include <stdbool.h>
#include <stdint.h>

#include "control.h"
#include "nanodose.h"

/* A rig is another one when one of these is. */
struct calibration_key {
	char pump[NANODOSE_NAME_LEN];	/* its label, or else its device */
	const char *syringe;
	uint64_t sensor_serial;		/* 0: it has none, or does not tell */
	const char *fluid;		/* "water", "ipa", as protocols call it */
};

struct calibration {
	struct control_model model;
	bool by_run;			/* a run has refined it since it was made */
	int64_t utc_ns;
};

/* By weight: what the liquid weighed, over what the steps stand for. */
struct calibration_weighing {
	double share;			/* volume moved over bore times way */
	int64_t utc_ns;
};

/*
 * Where a motion that took up the play of the screw has left it. Still so if the
 * pump stands there and the machine has not been booted since.
 */
struct calibration_screw {
	char boot_id[64];
	int64_t position;
	int taken_up;			/* the way of that motion, 1 or -1; 0: the play may be anywhere */
};

void calibration_key(struct calibration_key *key, const struct nanodose_info *info,
		     const struct nanodose_syringe *syringe, const char *fluid);
/*
 * Each: 1 found or saved, 0 there is none, -1 with *error (to be freed): the
 * file cannot be read, or written. Weighing and screw are of pump and syringe alone.
 */
int calibration_load(const struct calibration_key *key, struct calibration *calibration, char **error);
int calibration_save(const struct calibration_key *key, const struct control_model *model, bool by_run,
		     char **error);
int calibration_load_weighing(const struct calibration_key *key, struct calibration_weighing *weighing,
			      char **error);
int calibration_save_weighing(const struct calibration_key *key, double share, char **error);
int calibration_load_screw(const struct calibration_key *key, struct calibration_screw *screw, char **error);
int calibration_save_screw(const struct calibration_key *key, const struct calibration_screw *screw,
			   char **error);
/* The file that is written to, to be freed. NULL: errno. */
char *calibration_path(void);

#endif /* CALIBRATION_H */
