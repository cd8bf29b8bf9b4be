// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The rigs that the closed loop is judged on, and what physics allows on each.
 *
 * Drawn: compliance 1e3 to 2e7 fL/Pa and resistance 1e2 to 2e6 Pa s/uL, evenly
 * in their logarithms, drawn again unless the time constant is 0.02 to 600 s;
 * a sensor whose range the rig can use; set point 2 to 100 % of that range or
 * of what 200 kPa drives; gain error up to 5 %, offset up to 0.25 % of full
 * scale (LD20-2600B data sheet), noise by data sheet; sensor time constant 5 to
 * 100 ms; backlash 0 to 50 steps, any part of it to go; a pump that can do 1.2
 * to 20 times the set point and takes 0.1 s to reach the set point, as the
 * runner has it; a pressure sensor on every other rig. The microstep is small
 * enough that it is no more than 1 % of the flow at the outlet.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "control_judge.h"

#define UL_MIN		(1e-9 / 60)	/* m3/s */
#define PL_MIN		(1e-15 / 60)
#define MAX_PRESSURE_PA	200e3
#define RAMP_S		0.1
#define BAND		0.05
#define FLOOR_S		0.05
#define DIAMETER_UM	4699
#define PITCH_NM	1000000

static double uniform(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15ULL;	/* Vigna's splitmix64 */

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	z ^= z >> 31;
	return ((z >> 11) + 0.5) / 9007199254740992.0;
}

static double between(uint64_t *state, double low, double high)
{
	return low + (high - low) * uniform(state);
}

static double log_between(uint64_t *state, double low, double high)
{
	return low * pow(high / low, uniform(state));
}

static double sensor_range(enum sim_sensor_model model)
{
	return sim_sensor_types[model].full_scale_pl_min * PL_MIN;
}

/*
 * A microstep so that the rate at the set point is what the ripple at the
 * outlet, one step in rate * tau, asks for, and at least 400 steps/s.
 */
static void choose_microstep(struct judge_rig *rig)
{
	double bore_m = DIAMETER_UM * 1e-6, turn_m3 = M_PI / 4 * bore_m * bore_m * PITCH_NM * 1e-9;
	double steps_s = fmax(400, 100 / rig->tau_s), micro;

	/* Of a larger syringe the same microstep is a smaller part of a turn. */
	micro = ceil(turn_m3 * steps_s / rig->set_point_m3_s);
	rig->params.syringe_diameter_um = DIAMETER_UM;
	rig->params.lead_pitch_nm = PITCH_NM;
	if (micro > 1000000) {
		rig->params.lead_pitch_nm = ceil(PITCH_NM * 1e6 / micro);
		micro = 1000000;
	}
	if (micro < 10) {
		rig->params.lead_pitch_nm = PITCH_NM * 20;
		micro = ceil(20 * turn_m3 * steps_s / rig->set_point_m3_s);
	}
	rig->params.microsteps_per_rev = micro;
	rig->step_m3 = M_PI / 4 * bore_m * bore_m * rig->params.lead_pitch_nm * 1e-9 / micro;
}

static void finish(struct judge_rig *rig, uint64_t *state)
{
	rig->tau_s = 1e-9 * rig->params.compliance_fl_per_pa * rig->params.resistance_pa_s_per_ul;
	rig->full_scale_m3_s = sensor_range(rig->sensor);
	rig->sensor_gain_ppm = between(state, -50000, 50000);
	rig->sensor_offset_pl_min = between(state, -1, 1) * 0.0025 *
				    sim_sensor_types[rig->sensor].full_scale_pl_min;
	rig->params.sensor_tau_us = log_between(state, 5e3, 100e3);
	rig->params.backlash_steps = between(state, 0, 51);
	rig->slack_steps = between(state, 0, rig->params.backlash_steps + 1);
	rig->params.dead_volume_nl = 20000;
	rig->max_rate_m3_s = rig->set_point_m3_s * log_between(state, 1.2, 20);
	rig->accel_m3_s2 = rig->set_point_m3_s / RAMP_S;
	rig->seed = *state;
	rig->period_ns = JUDGE_PERIOD_NS;
	choose_microstep(rig);
}

void judge_draw(struct judge_rig *rig, uint64_t seed, unsigned int n)
{
	enum sim_sensor_model fits[SIM_SENSOR_MODELS];
	unsigned int fit_count = 0;
	double tau_s, most;
	uint64_t state = seed * 1000003 + n;

	*rig = (struct judge_rig){ .has_pressure = n % 2 };
	snprintf(rig->name, sizeof(rig->name), "drawn %u", n);
	do {
		rig->params.compliance_fl_per_pa = log_between(&state, 1e3, 2e7);
		rig->params.resistance_pa_s_per_ul = log_between(&state, 1e2, 2e6);
		tau_s = 1e-9 * rig->params.compliance_fl_per_pa * rig->params.resistance_pa_s_per_ul;
	} while (tau_s < 0.02 || tau_s > 600);
	/* uL/s to m3/s is 1e-9 */
	most = MAX_PRESSURE_PA / rig->params.resistance_pa_s_per_ul * 1e-9;
	for (int model = 0; model < SIM_SENSOR_MODELS; model++)
		if (0.02 * sensor_range(model) <= most)
			fits[fit_count++] = model;
	rig->sensor = fit_count ? fits[(unsigned int)between(&state, 0, fit_count)] :
				  SIM_LD20_0600L;
	most = fmin(most, sensor_range(rig->sensor));
	rig->set_point_m3_s = log_between(&state, 0.02 * most, most);
	finish(rig, &state);
}

void judge_named(struct judge_rig *rig, unsigned int n)
{
	/*
	 * Compliance 0.9 to 2.1 mL/bar of a 50 mL plastic syringe (Snijder
	 * 2015, Weiss), in proportion to the plunger's area; water at 1 bar
	 * in 1 uL of air is 1e4 fL/Pa; resistances of chips of 100 x 50 um x
	 * 20 mm, 200 x 80 um x 30 mm and 400 x 100 um x 50 mm, and of tubes of
	 * 0.25 and 0.5 mm bore, 1 m, with water.
	 */
	static const struct {
		const char *name;
		double compliance_fl_per_pa, resistance_pa_s_per_ul;
		enum sim_sensor_model sensor;
		double rate_ul_min;
	} cases[JUDGE_NAMED_RIGS] = {
		{ "50 mL plastic into 100 x 50 um chip", 9e6, 28000, SIM_LD20_0600L, 100 },
		{ "50 mL plastic, soft, into 100 x 50 um chip", 21e6, 28000, SIM_LD20_0600L, 100 },
		{ "50 mL plastic into 200 x 80 um chip", 9e6, 4700, SIM_SLF3S_0600F, 500 },
		{ "1 uL of air before a 100 x 50 um chip", 1e4, 28000, SIM_SLF3S_0600F, 100 },
		{ "1 mL plastic, 0.25 mm tube, 400 x 100 um chip", 2.8e5, 12220, SIM_SLF3S_0600F, 100 },
		{ "3 mL plastic, 0.5 mm tube", 9.4e5, 652, SIM_SLF3S_0600F, 600 },
	};
	uint64_t state = 77 + n;

	*rig = (struct judge_rig){
		.params = {
			.compliance_fl_per_pa = cases[n].compliance_fl_per_pa,
			.resistance_pa_s_per_ul = cases[n].resistance_pa_s_per_ul,
		},
		.sensor = cases[n].sensor,
		.set_point_m3_s = cases[n].rate_ul_min * UL_MIN,
		.has_pressure = n % 2,
	};
	snprintf(rig->name, sizeof(rig->name), "%s", cases[n].name);
	finish(rig, &state);
}

/* The outlet's way when full rate is given up at switch_s. */
static double rush(const struct judge_rig *rig, double switch_s, double h, double *peak)
{
	double q = 0, rate = 0, slack = rig->slack_steps * rig->step_m3, reached_s = INFINITY;
	double most = rig->max_rate_m3_s, aim = rig->set_point_m3_s;
	double kept = exp(-h / rig->tau_s), slew = rig->accel_m3_s2 * h;

	for (double t = 0; t < switch_s || rate > aim; t += h) {
		double before = rate, in;

		rate = t < switch_s ? fmin(rate + slew, most) : fmax(rate - slew, aim);
		in = (before + rate) / 2;
		if (slack > 0) {
			slack -= in * h;
			in = 0;
		}
		q = in + (q - in) * kept;
		if (q >= (1 - BAND) * aim && isinf(reached_s))
			reached_s = t + h;
		if (q > (1 + BAND) * aim)
			break;
	}
	*peak = q;
	return reached_s;
}

double judge_bound_s(const struct judge_rig *rig)
{
	double head = rig->max_rate_m3_s / rig->set_point_m3_s;
	double guess_s = RAMP_S + rig->slack_steps * rig->step_m3 / rig->set_point_m3_s +
			 fmax(2 * sqrt(RAMP_S * rig->tau_s), rig->tau_s * log(head / (head - 1)));
	double low = 0, high = 2 * guess_s, h = guess_s / 4000, peak, reached_s;

	for (int i = 0; i < 24; i++) {
		double middle = (low + high) / 2;

		rush(rig, middle, h, &peak);
		if (peak > (1 + BAND) * rig->set_point_m3_s)
			high = middle;
		else
			low = middle;
	}
	reached_s = rush(rig, low, h, &peak);
	return fmax(FLOOR_S, reached_s);
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double judge_percentile(double *values, unsigned int count, double p)
{
	double at = p * (count - 1);
	unsigned int below = at;

	qsort(values, count, sizeof(*values), by_size);
	if (below + 1 >= count)
		return values[count - 1];
	return values[below] + (at - below) * (values[below + 1] - values[below]);
}
