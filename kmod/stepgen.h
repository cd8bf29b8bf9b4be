/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Step times, exact and pure: no clock, no lock, no kernel service. Built in
 * the module, under KUnit and on the host.
 *
 * A segment is a stretch of constant acceleration in time: from v0 to v1 over
 * whole steps, begun with a fraction of a step already done, so that a change
 * of rate between two steps loses nothing. Step n (1 <= n <= steps) is due at
 *
 *	t0 + T(n),  T(n) = 2 (n - f) / (v0 + v_n),  v_n^2 = v0^2 + n' (v1^2 - v0^2)
 *
 * with n' = (n - f) / (steps - f). At constant rate T(n) = (n - f) / v, by
 * quotient and carried remainder, so that errors never add up.
 */
#ifndef _NANODOSE_STEPGEN_H
#define _NANODOSE_STEPGEN_H

#ifdef __KERNEL__
#include <linux/types.h>
#else
#include <stdbool.h>
#include <stdint.h>
typedef uint64_t u64;
typedef uint32_t u32;
typedef int64_t s64;
typedef int32_t s32;
#endif

#define ND_STEPS_UNLIMITED	(~0ULL)

struct nd_segment {
	u64 t0_ns;		/* start */
	u64 v0_nhz, v1_nhz;	/* rates at start and end, magnitudes */
	u64 steps;		/* whole steps to emit; UNLIMITED for open cruise */
	u64 next;		/* number of the next step, from 1 */
	u64 due_ns;		/* when it is due */
	u64 last_ns;		/* when the step before it was due; t0 at first */
	u32 fraction;		/* f at start, in 2^-32 steps */
	/* what follows is the generator's own */
	u64 period_ns, period_rem, acc_rem;	/* cruise */
	u64 v0sq, v1sq;				/* ramp, scaled by 2^(2 shift) Hz^2 */
	u32 shift;
};

/* a * b / c, rounded down, exact; c > 0 and the quotient fits 64 bits. */
u64 nd_mul_div(u64 a, u64 b, u64 c);
/* floor(sqrt(x)) */
u32 nd_sqrt64(u64 x);

/* Start a segment; due_ns of its first step is set. steps >= 1, rates not both 0. */
void nd_segment_cruise(struct nd_segment *segment, u64 t0_ns, u32 fraction, u64 rate_nhz, u64 steps);
void nd_segment_ramp(struct nd_segment *segment, u64 t0_ns, u32 fraction,
		     u64 v0_nhz, u64 v1_nhz, u64 steps);
/* The step `next` was emitted: go on to the one after. False: segment over. */
bool nd_segment_advance(struct nd_segment *segment);
/* Time at which the segment ends: the due time of its last step. */
u64 nd_segment_end_ns(const struct nd_segment *segment);
/* Rate at an instant within the segment. */
u64 nd_segment_rate(const struct nd_segment *segment, u64 now_ns);
/* Part of the step under way at an instant, 2^-32 steps, below one step. */
u32 nd_segment_fraction(const struct nd_segment *segment, u64 now_ns);
/* Steps to get from v0 to v1 at no more than this acceleration, rounded up. */
u64 nd_ramp_steps(u64 v0_nhz, u64 v1_nhz, u64 accel_nhz_s);

#endif /* _NANODOSE_STEPGEN_H */
