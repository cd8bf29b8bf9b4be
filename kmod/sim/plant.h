/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The plant: from STEP edges to what leaves the outlet, exact and pure. No
 * clock, no lock, no kernel service; built in the module, under KUnit and on
 * the host.
 *
 *	steps -> nut and screw (backlash, stall) -> plunger -> chamber
 *
 *	            step volume          R
 *	plunger ---------------> C ----/\/\/\----> outlet at back pressure
 *	                         |                  ^
 *	                         G (leak)           free flow
 *
 * The chamber stores C * pressure. A step puts its volume in at once; between
 * steps the pressure relaxes by an exponential, which is advanced by its
 * closed form over any time span, so that there is no integration step and no
 * error that grows. Every femtolitre is accounted for:
 *
 *	injected + free flow + brought by a bubble =
 *		outlet + leaked + (stored - stored at start)
 *
 * The flow sensor's lag is a second chamber in the stream, the sensor reads
 * what leaves it, averaged since the last reading: the sum of its readings is
 * the volume that went through it.
 *
 * Air in the line is a slug that passes the sensor and reaches the outlet one
 * dead volume later; there it is no delivered liquid.
 */
#ifndef _NANODOSE_SIM_PLANT_H
#define _NANODOSE_SIM_PLANT_H

#include "fixed.h"

#define SIM_PLANT_SLUGS		16

struct sim_plant_params {
	u32 syringe_diameter_um;	/* 50 to 60 000 */
	u32 lead_pitch_nm;		/* 1000 to 50 000 000 */
	u32 microsteps_per_rev;		/* 1 to 1 000 000 */
	u32 compliance_fl_per_pa;	/* 10 to 1e8 */
	u32 resistance_pa_s_per_ul;	/* 1 to 1e8 */
	s32 back_pressure_pa;		/* -90 000 to 1e7 */
	u32 leak_fl_per_pa_s;		/* 0 to 1e7 */
	u32 dead_volume_nl;		/* 0 to 1e8 */
	u32 backlash_steps;		/* 0 to 1 000 000 */
	u32 stall_pressure_pa;		/* 0 (never) to 1e8 */
	u32 sensor_tau_us;		/* 0 (none) to 1e7 */
};

struct sim_plant {
	struct sim_plant_params params;

	/* faults */
	bool occluded;
	bool stalled;
	bool air;
	u32 extra_leak_fl_per_pa_s;
	u32 bubble_fl_per_pa;
	s64 free_flow_pl_min;

	/* derived from the two above */
	struct sim_fixed step_fl;	/* volume of one microstep */
	struct sim_fixed rest_fl;	/* stored where the pressure tends to */
	struct sim_fixed seep;		/* outlet to leak at rest, fL/ns */
	struct sim_fixed free;		/* free flow, fL/ns */
	struct sim_fixed constant;	/* at the outlet: free - seep */
	struct sim_rate relax;		/* of the chamber */
	struct sim_rate lag;		/* of the sensor */
	struct sim_rate apart;		/* distance of these two */
	u64 apart_ratio54;		/* relax / apart, 2^-54 */
	u64 lag_ns;			/* time constant of the sensor */
	u64 outlet_share;		/* of what leaves the chamber, 2^-64 */
	bool tight;			/* no leak at all */

	/* state */
	u64 now_ns;
	u32 slack;			/* steps of backlash taken up, plus side */
	struct sim_fixed stored;	/* in the chamber; 0 at pressure 0 */
	struct sim_fixed lagging;	/* in the sensor's lag */
	struct sim_fixed injected;	/* by the plunger */
	struct sim_fixed outlet;	/* left through the sensor, air included */
	struct sim_fixed leaked;
	struct sim_fixed siphoned;	/* free flow so far */
	struct sim_fixed brought;	/* by a bubble, less what went with it */
	s64 steps;			/* net STEP edges, plus dispenses */
	u64 missed_steps;		/* edges that the motor did not follow */

	/* sensor window */
	u64 read_ns;
	struct sim_fixed read_fl;	/* had left the lag at that time */

	/* air slugs, in outlet volume as they pass the sensor */
	s64 slug_from_fl[SIM_PLANT_SLUGS];
	s64 slug_to_fl[SIM_PLANT_SLUGS];
	u32 slugs;
	s64 air_gone_fl;		/* slugs no longer in the table */
};

void sim_plant_init(struct sim_plant *plant, const struct sim_plant_params *params, u64 now_ns);

/* Let time pass. A time before the last one changes nothing. */
void sim_plant_advance(struct sim_plant *plant, u64 now_ns);

/* A STEP edge: +1 dispenses, -1 withdraws. Unpowered, the motor misses it. */
void sim_plant_step(struct sim_plant *plant, u64 now_ns, int direction, bool powered);

/* Faults, from now on. */
void sim_plant_set_occluded(struct sim_plant *plant, u64 now_ns, bool on);
void sim_plant_set_stalled(struct sim_plant *plant, u64 now_ns, bool on);
void sim_plant_set_air(struct sim_plant *plant, u64 now_ns, bool on);
void sim_plant_set_leak(struct sim_plant *plant, u64 now_ns, u32 extra_fl_per_pa_s);
/* Air that gives way besides; it comes, and goes, at the pressure of the line. */
void sim_plant_set_bubble(struct sim_plant *plant, u64 now_ns, u32 compliance_fl_per_pa);
void sim_plant_set_free_flow(struct sim_plant *plant, u64 now_ns, s64 flow_pl_min);

/* As of the last advance. */
s64 sim_plant_outlet_volume_fl(const struct sim_plant *plant);
s64 sim_plant_outlet_flow_pl_min(const struct sim_plant *plant);
s64 sim_plant_pressure_pa(const struct sim_plant *plant);

/* Begin to average now. */
void sim_plant_sensor_begin(struct sim_plant *plant, u64 now_ns);
/* Mean flow since the last reading, behind the sensor's lag; begins the next. */
s64 sim_plant_sensor_read(struct sim_plant *plant, u64 now_ns);

#endif /* _NANODOSE_SIM_PLANT_H */
