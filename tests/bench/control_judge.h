/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The judge of the closed loop: rigs drawn at random and the field's named
 * cases, each the plant and the sensor of the simulated rig, a pump that ramps,
 * and a loop in command. What counts is the plant's own outlet.
 */
#ifndef CONTROL_JUDGE_H
#define CONTROL_JUDGE_H

#include <stdbool.h>
#include <stdint.h>

#include "control.h"
#include "sim/sensor.h"

#define JUDGE_NAMED_RIGS	6
#define JUDGE_PERIOD_NS		20000000ULL	/* between flow records, */
#define JUDGE_STIFF_PERIOD_NS	5000000ULL	/* and of a stiff rig that is watched for an occlusion */
#define JUDGE_LOOKS		2		/* at the outlet in each period */

struct judge_rig {
	char name[64];
	struct sim_plant_params params;
	enum sim_sensor_model sensor;
	int64_t sensor_gain_ppm, sensor_offset_pl_min;
	bool has_pressure;
	uint32_t slack_steps;		/* of the backlash, to go before the plunger moves */
	uint64_t seed;
	uint64_t period_ns;		/* between flow records */
	double set_point_m3_s;
	double max_rate_m3_s;		/* of pump, syringe and protocol */
	double accel_m3_s2;
	double step_m3;
	double tau_s;			/* compliance times resistance */
	double full_scale_m3_s;		/* of the sensor */
	struct control_model model;	/* as judge_calibrate() has found it */
};

enum judge_loop {
	JUDGE_OPEN,			/* the set point, nothing else */
	JUDGE_PI_SIMC,			/* PI, tuned by SIMC on the true model */
	JUDGE_PI_FIXED,			/* PI, one tuning for all rigs */
	JUDGE_OURS,			/* first use: nothing known of the rig */
	JUDGE_OURS_CALIBRATED,		/* told what `nanodose calibrate` finds */
	JUDGE_LOOPS,
};

extern const char *const judge_loop_names[JUDGE_LOOPS];

/* A set point kept until open loop would be there too. */
struct judge_flow {
	double settle_s;		/* outlet within 5 % for good; the whole time if never */
	double overshoot;		/* share of the set point, 0 if none */
	double cv;			/* of the outlet late on, microstep ripple taken off */
	bool oscillates, diverges, reverses;
	uint64_t records;
	double cpu_s;			/* spent in the loop */
};

struct judge_dose {
	double error;			/* share of the dose, when the loop says it is over */
	double wait_s;			/* from the pump's rest to then */
};

/* Rig number n of the draw with this seed. */
void judge_draw(struct judge_rig *rig, uint64_t seed, unsigned int n);
/* A case of the field, n below JUDGE_NAMED_RIGS. */
void judge_named(struct judge_rig *rig, unsigned int n);

/* The calibration that `nanodose calibrate` makes, on the rig, into its model. */
void judge_calibrate(struct judge_rig *rig);

/*
 * The least time in which any pump with these limits can bring the outlet
 * within 5 % and keep it there: full rate, and back to the set point at the
 * last moment. At least 50 ms.
 */
double judge_bound_s(const struct judge_rig *rig);

void judge_flow(const struct judge_rig *rig, enum judge_loop loop, struct judge_flow *flow);
/* 100 s at the set point, and what still flows out after. */
void judge_dose(const struct judge_rig *rig, enum judge_loop loop, struct judge_dose *dose);
/*
 * Two rigs mixing for 10 s, calibrated ones as calibration has left them: how far
 * the ratio of their outlets is off, at each look from 50 ms on; errors: microsteps
 * taken off, as of a pump that turns evenly; stepped: as it is. At most `room`
 * numbers go to each; returns how many.
 */
unsigned int judge_mix(const struct judge_rig rigs[2], enum judge_loop loop, double *errors, double *stepped,
		       unsigned int room);

enum judge_fault {
	JUDGE_WELL, JUDGE_CLOSED, JUDGE_STALLED, JUDGE_LEAKS, JUDGE_FREE, JUDGE_SAME, JUDGE_FAULTS,
};

extern const char *const judge_fault_names[JUDGE_FAULTS];

/* A rig that goes well until it has settled, and then does not. */
struct judge_trouble {
	enum diagnosis_trouble named;	/* by the loop; NONE: nothing was said in time */
	bool sure;
	double named_s;			/* since the fault, */
	unsigned int records;		/* and in flow records */
	double bar_s;			/* time for the pressure behind a closed outlet to reach 1 bar */
	double released;		/* of what was stored, what comes when it opens; NAN: not named */
};

/* False where nothing can be judged: it never settled, or flows beyond the sensor's range. */
bool judge_trouble(const struct judge_rig *rig, enum judge_loop loop, enum judge_fault fault,
		   struct judge_trouble *trouble);
/* Hours of a well rig whose set point changes: how often something is said to be wrong; each told on stderr. */
unsigned int judge_false_alarms(const struct judge_rig *rig, enum judge_loop loop, double hours, bool tell);

/* Share p (0 to 1) of the values lies below. Sorts them. */
double judge_percentile(double *values, unsigned int count, double p);

#endif /* CONTROL_JUDGE_H */
