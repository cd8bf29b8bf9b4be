/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A rig with a loop in command, as the judge has them. Inside of the judge only. */
#ifndef CONTROL_BENCH_H
#define CONTROL_BENCH_H

#include "control.h"
#include "control_judge.h"

#define FL		1e-18		/* m3 */

struct bench {
	const struct judge_rig *rig;
	enum judge_loop loop;
	struct sim_plant plant;
	struct sim_sensor sensor;
	struct sim_noise noise;
	uint64_t now_ns;
	double rate, asked, wanted;	/* of the pump: now, on its way to, from the next order */
	double phase;			/* of the step under way */
	int64_t steps, end_steps;	/* made, whatever the way */
	int way;			/* 1: out, -1: back */
	int64_t position;
	double looks[JUDGE_LOOKS];	/* outlet flow in the newest period, m3/s, */
	double smooth_looks[JUDGE_LOOKS];	/* and what it were if the pump had no steps */
	double smooth_m3_s, smooth_slack_m3;
	double flow_m3_s;		/* newest reading */
	struct control *control;
	struct control_output output;
	double set_point;
	double kp, ki, integral;	/* of the PI loops */
	bool saturated;			/* the newest reading */
	double read_m3;			/* by the sensor, since the set point */
	bool reverses;
	uint64_t records;
	double cpu_s;
};

static inline double period_s(const struct judge_rig *rig)
{
	return rig->period_ns / 1e9;
}

/* At rest. */
void bench_begin(struct bench *bench, const struct judge_rig *rig, enum judge_loop loop);
/* The steps until then. */
void bench_turn(struct bench *bench, uint64_t until_ns);
void bench_read(struct bench *bench, struct control_sample *sample);
double bench_outlet_m3_s(const struct bench *bench);
/* A record period of its life. */
void bench_live(struct bench *bench);
/* Some rest, then the set point. */
void bench_go(struct bench *bench);
/* No step more. */
void bench_rest(struct bench *bench);

#endif /* CONTROL_BENCH_H */
