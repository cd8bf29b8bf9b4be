/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is wrong with a rig whose readings part from its model: a single model,
 * driven by the steps alone, that no reading moves. Pure.
 */
#ifndef DIAGNOSIS_H
#define DIAGNOSIS_H

#include <stdbool.h>

#include "shape.h"

enum diagnosis_trouble {
	DIAGNOSIS_NONE,
	DIAGNOSIS_OCCLUSION,	/* the flow stops or drops at once, pressure rises */
	DIAGNOSIS_EMPTY,	/* no more comes from the syringe: flow and pressure die away together */
	DIAGNOSIS_LEAK,		/* some of it goes elsewhere: flow and pressure stay low */
	DIAGNOSIS_FREE_FLOW,	/* more comes out than was ever put in */
	DIAGNOSIS_BUBBLE,	/* the flow follows, but far slower than it did */
	DIAGNOSIS_STUCK,	/* the sensor says the same, whatever happens */
	DIAGNOSIS_TROUBLES,
};

/* The rig while it is well. Errors are standard deviations, as a share. */
struct diagnosis_model {
	double tau_s, tau_error, lag_s, gain, gain_error;
	double lag_low_s, lag_high_s;	/* it may be anything between */
	double stiffness_pa_m3;		/* 0: no pressure tells */
	double backlash_m3;		/* as far as it is known, */
	double backlash_most_m3;	/* and at most */
};

struct diagnosis_record {
	double dt_s, volume_m3;		/* since the record before; of the steps, signed */
	double flow_m3_s, flow_sd;	/* zero taken off; NAN: none */
	double zero_sd;			/* of the zero that was taken off */
	double flow_noise;		/* standard deviation that was seen at rest; 0: none was */
	double pressure_pa, pressure_sd;	/* likewise */
};

struct diagnosis_evidence {
	double expected_m3_s, seen_m3_s;	/* flow, by the sensor's gain */
	double expected_pa, seen_pa;	/* NAN: no pressure */
	double for_s;			/* since it began */
	double missing_m3;		/* of the flow, since then; below 0: too much */
	double stored_m3;		/* held back, of an occlusion: as of the newest record */
	bool sure;			/* else another trouble would look the same */
};

struct diagnosis {
	struct diagnosis_model model;
	bool on;			/* there is a model */
	double q, s, mean_s;		/* of the model: at the outlet, as the sensor has it, as it is read */
	double now_s, calm_s;		/* no judgement before */
	double inflow_m3_s;		/* smoothed, as steps come whole */
	double steady_s;		/* so long the flow has been steady by the model */
	double direction, play_m3;	/* of the screw: taken up, plus side */
	double to_go_m3;		/* that may have to be taken up yet, at most */
	struct shape shape;
	double uneven;			/* share by which readings were off while it was well; NAN: not known yet */
	double uneven_lately, lately_s;	/* of this while */
	double off_mean;		/* share by which they are off, averaged */
	double pressure_share;		/* pressure over the model's in steady flow, averaged; 0: not had yet */
	/* low and high: suspicion by records, since when, and what has come since */
	struct {
		double sum, early_sum;		/* early: dates it, by a small margin */
		double since_s, volume_m3;
		double q, s, empty_q, empty_s;	/* at that time, and without inflow since */
		double lowest_m3_s;	/* reading, smoothed */
		bool starved;		/* its shape says that the outlet is open */
	} low, high;
	double gain_seen, gain_expected, gain_s;	/* of steady flow, summed up until the gain is known */
	bool gain_known;		/* and in the model */
	double slow_ratio, slow_s;	/* readings over model, averaged; for how long it has been off */
	double smooth_m3_s;		/* readings, over some records */
	double pressure_pa;		/* likewise, since there is trouble */
	double last_m3_s, expected_then_m3_s, least_change_m3_s;	/* of a sensor that may be stuck */
	unsigned int same;
	double way;			/* of the motion that met with trouble: 1, -1 */
	unsigned int pressed;		/* records in a row with more pressure than steps can explain, */
	unsigned int pressed_steadily;	/* or with more than there was */
	enum diagnosis_trouble trouble;	/* stays until diagnosis_begin() */
	struct diagnosis_evidence evidence;
};

/* "occlusion" */
const char *diagnosis_name(enum diagnosis_trouble trouble);
/* The rig is well now, and so it is when it is well. @flow_m3_s: at its outlet */
void diagnosis_begin(struct diagnosis *diagnosis, const struct diagnosis_model *model, double flow_m3_s);
/* Trouble is over: the same rig, at rest, nothing stored, its play to be taken up anew. */
void diagnosis_again(struct diagnosis *diagnosis);
/*
 * The next record. What is wrong by now; it stays, and of an occlusion what is
 * stored goes on to be reckoned, whatever the pump does.
 */
enum diagnosis_trouble diagnosis_take(struct diagnosis *diagnosis, const struct diagnosis_record *record);

#endif /* DIAGNOSIS_H */
