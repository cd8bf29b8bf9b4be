/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Step times, exact and pure: no clock, no lock, no kernel service. Built in
 * the module, under KUnit and on the host.
 *
 * A segment is a stretch of constant acceleration in time: from v0 to v1 over
 * whole steps, begun with a fraction f of a step already done, so that a
 * change of rate between two steps loses nothing. Step n (1 <= n <= steps) is
 * due at
 *
 *	t0 + T(n),  T(n) = 2 (n - f) / (v0 + v_n),  v_n^2 = v0^2 + n' (v1^2 - v0^2)
 *
 * with n' = (n - f) / (steps - f). At constant rate T(n) = (n - f) / v, by
 * quotient and carried remainder, so that errors never add up.
 *
 * Fractions of a step are whole numbers of 1e-18 steps ("asteps"): a rate in
 * 1e-9 steps/s held for 1e-9 s is exactly one of them, so the phase of a rate
 * that changes hundreds of times within one step is kept without rounding.
 */
#ifndef _NANODOSE_STEPGEN_H
#define _NANODOSE_STEPGEN_H

#include "wide.h"

#define ND_STEP_ASTEPS		1000000000000000000ULL	/* one step */
#define ND_STEPS_UNLIMITED	(~0ULL)
#define ND_NEVER_NS		(~0ULL)
#define ND_RATE_MAX_NHZ		200000000000000ULL	/* what the maths is made for */
#define ND_RAMP_STEPS_MAX	0x80000000ULL		/* likewise */
#define ND_RAMP_MAX_S		86400ULL		/* likewise */

struct nd_segment {
	u64 t0_ns;		/* start */
	u64 v0_nhz, v1_nhz;	/* rates at start and end, magnitudes */
	u64 steps;		/* whole steps to emit; UNLIMITED for open cruise */
	u64 next;		/* number of the next step, from 1 */
	u64 due_ns;		/* when it is due */
	u64 last_ns;		/* when the step before it was due; t0 at first */
	u64 fraction_asteps;	/* f, below one step */
	/* what follows is the generator's own */
	u64 period_ns, period_rem, acc_rem;	/* cruise; remainders in asteps */
	u64 duration_ns;			/* ramp: T(steps) */
	u32 duration_sub;			/* and what is below 1 ns, in 2^-32 ns */
	u32 fraction_sub;			/* ramp: f in 2^-32 steps */
	u64 v0sq, v1sq;				/* ramp: (v << shift)^2 >> 64 */
	u32 shift;
};

/* a * b / c, rounded down, exact; c > 0 and the quotient fits 64 bits. */
u64 nd_mul_div(u64 a, u64 b, u64 c);
/*
 * sqrt(x), at most one too small and never too large, for x below 2^110.
 */
u64 nd_sqrt_wide(struct nd_wide x);

/*
 * Start a segment; due_ns of its first step is set. steps >= 1. A cruise has a
 * rate above 0. A ramp has rates that differ, at most ND_RAMP_STEPS_MAX steps,
 * and lasts less than 2^62 ns.
 */
void nd_segment_cruise(struct nd_segment *segment, u64 t0_ns, u64 fraction_asteps,
		       u64 rate_nhz, u64 steps);
void nd_segment_ramp(struct nd_segment *segment, u64 t0_ns, u64 fraction_asteps,
		     u64 v0_nhz, u64 v1_nhz, u64 steps);
/* The whole segment later by this much. */
void nd_segment_delay(struct nd_segment *segment, u64 delay_ns);
/*
 * What is below 1 ns of the instant at which a segment ends, in 2^-32 ns, once
 * its last step was emitted; and the next one, begun at last_ns, later by that:
 * times of a chain of segments are not rounded at each of its joints.
 */
u32 nd_segment_sub_ns(const struct nd_segment *segment);
void nd_segment_carry(struct nd_segment *segment, u32 sub_ns);
/*
 * The step `next` was emitted: go on to the one after. False: that was the
 * last one, last_ns is the end of the segment.
 */
bool nd_segment_advance(struct nd_segment *segment);
/* Rate at an instant within the segment; beyond its ends the rate there. */
u64 nd_segment_rate(const struct nd_segment *segment, u64 now_ns);
/*
 * Part of the step under way, `next`, done at an instant, in asteps, below one
 * step: a step that is overdue is all but done.
 */
u64 nd_segment_fraction(const struct nd_segment *segment, u64 now_ns);
/*
 * Steps to get from v0 to v1 at no more than this acceleration when a fraction
 * of the first is done already, rounded up; ~0 if beyond 64 bits. The fraction
 * may be a whole step. Rates up to ND_RATE_MAX_NHZ.
 */
u64 nd_ramp_steps(u64 v0_nhz, u64 v1_nhz, u64 accel_nhz_s, u64 fraction_asteps);

#endif /* _NANODOSE_STEPGEN_H */
