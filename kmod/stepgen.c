// SPDX-License-Identifier: GPL-2.0-only
/*
 * Step times, exact and pure. The method is told in stepgen.h.
 */
#ifdef __KERNEL__
#include <linux/string.h>
#else
#include <string.h>
#endif

#include "stepgen.h"

u64 nd_wide_div(struct nd_wide a, u64 d, u64 *remainder)
{
	u64 q1, q0, r1, r0, digit;
	u32 shift, d1, d0, rest;

	if (!a.hi)
		return div64_u64_rem(a.lo, d, remainder);

	shift = 64 - fls64(d);
	d <<= shift;
	a = nd_wide_shl(a, shift);
	d1 = d >> 32;
	d0 = (u32)d;

	/* Each digit is guessed from the leading one, at most two too large. */
	q1 = div_u64_rem(a.hi, d1, &rest);
	r1 = rest;
	digit = a.lo >> 32;
	while (q1 >> 32 || q1 * d0 > (r1 << 32 | digit)) {
		q1--;
		r1 += d1;
		if (r1 >> 32)
			break;
	}
	a.hi = (a.hi << 32 | digit) - q1 * d;

	q0 = div_u64_rem(a.hi, d1, &rest);
	r0 = rest;
	digit = (u32)a.lo;
	while (q0 >> 32 || q0 * d0 > (r0 << 32 | digit)) {
		q0--;
		r0 += d1;
		if (r0 >> 32)
			break;
	}
	*remainder = ((a.hi << 32 | digit) - q0 * d) >> shift;
	return (q1 << 32) + q0;
}

u64 nd_mul_div(u64 a, u64 b, u64 c)
{
	u64 remainder;

	return nd_wide_div(nd_wide_mul(a, b), c, &remainder);
}

/*
 * sqrt(x) for 2^60 <= x < 2^62, right to 2^-30: the chord from 2^60 to 2^62 is
 * 6 % off at most, and each Newton step, (root + x / root) / 2, squares and
 * halves that.
 */
static u32 nd_sqrt_near(u64 x)
{
	u32 root = ((1U << 30) + (u32)(x >> 31)) / 3 * 2;
	u32 rest;

	root = (root + div_u64_rem(x, root, &rest)) / 2;
	root = (root + div_u64_rem(x, root, &rest)) / 2;
	return (root + div_u64_rem(x, root, &rest)) / 2;
}

/*
 * sqrt(x) * 2^32 for 0 < x < 2^62, right to a few parts in 2^60 for any x: the
 * root of x moved up to 62 bits, and one more Newton step, with its fraction.
 */
static u64 nd_sqrt_scaled(u64 x)
{
	u32 shift = (62 - fls64(x)) & ~1U;
	u32 root, rest;
	u64 quotient;

	x <<= shift;
	root = nd_sqrt_near(x);
	quotient = div_u64_rem(x, root, &rest);
	quotient = (quotient << 31) + div_u64_rem((u64)rest << 31, root, &rest);
	return (((u64)root << 31) + quotient) >> (shift / 2);
}

u64 nd_sqrt_wide(struct nd_wide x)
{
	u32 bits = x.hi ? 64 + fls64(x.hi) : fls64(x.lo);
	u32 shift = bits > 62 ? (bits - 61) & ~1U : 0;
	u64 root;

	x = nd_wide_shr(x, shift);
	if (!x.lo)
		return 0;
	/* the Newton step comes out too large, by at most a few units */
	root = nd_sqrt_scaled(x.lo) - 8;
	return root >> (32 - shift / 2);
}

void nd_segment_cruise(struct nd_segment *segment, u64 t0_ns, u64 fraction_asteps,
		       u64 rate_nhz, u64 steps)
{
	u64 first_ns;

	memset(segment, 0, sizeof(*segment));
	segment->t0_ns = t0_ns;
	segment->v0_nhz = rate_nhz;
	segment->v1_nhz = rate_nhz;
	segment->steps = steps;
	segment->next = 1;
	segment->last_ns = t0_ns;
	segment->fraction_asteps = fraction_asteps;
	segment->period_ns = div64_u64_rem(ND_STEP_ASTEPS, rate_nhz, &segment->period_rem);
	first_ns = div64_u64_rem(ND_STEP_ASTEPS - fraction_asteps, rate_nhz, &segment->acc_rem);
	segment->due_ns = t0_ns + first_ns;
}

/* T(n) of a ramp inside of it, rounded down. */
static u64 nd_ramp_time(const struct nd_segment *segment, u64 n)
{
	struct nd_wide way = nd_wide_sub(nd_wide_mul(n, ND_STEP_ASTEPS),
					 nd_wide(segment->fraction_asteps));
	u64 part = (n << 32) - segment->fraction_sub;
	u64 whole = (segment->steps << 32) - segment->fraction_sub;
	u64 sum, sq, remainder;

	if (segment->v1sq >= segment->v0sq)
		sq = segment->v0sq + nd_mul_div(segment->v1sq - segment->v0sq, part, whole);
	else
		sq = segment->v0sq - nd_mul_div(segment->v0sq - segment->v1sq, part, whole);

	sum = segment->v0_nhz << segment->shift;
	if (sq)
		sum += nd_sqrt_scaled(sq);
	return nd_wide_div(nd_wide_shl(way, segment->shift + 1), sum, &remainder);
}

/* T(steps): exact, its rest in units of 2^-32 ns. */
static void nd_ramp_duration(struct nd_segment *segment)
{
	struct nd_wide way = nd_wide_sub(nd_wide_mul(segment->steps, ND_STEP_ASTEPS),
					 nd_wide(segment->fraction_asteps));
	u64 sum = segment->v0_nhz + segment->v1_nhz;
	u64 remainder;

	segment->duration_ns = nd_wide_div(nd_wide_shl(way, 1), sum, &remainder);
	segment->duration_sub = nd_mul_div(remainder, 1ULL << 32, sum);
}

static u64 nd_ramp_due_ns(const struct nd_segment *segment)
{
	return segment->t0_ns + (segment->next < segment->steps ?
				 nd_ramp_time(segment, segment->next) : segment->duration_ns);
}

void nd_segment_ramp(struct nd_segment *segment, u64 t0_ns, u64 fraction_asteps,
		     u64 v0_nhz, u64 v1_nhz, u64 steps)
{
	u64 v0, v1;

	memset(segment, 0, sizeof(*segment));
	segment->t0_ns = t0_ns;
	segment->v0_nhz = v0_nhz;
	segment->v1_nhz = v1_nhz;
	segment->steps = steps;
	segment->next = 1;
	segment->last_ns = t0_ns;
	segment->fraction_asteps = fraction_asteps;
	segment->fraction_sub = nd_mul_div(fraction_asteps, 1ULL << 32, ND_STEP_ASTEPS);
	/* 63 bits for the larger rate: the sum of two still fits 64 */
	segment->shift = 63 - fls64(max(v0_nhz, v1_nhz));
	v0 = v0_nhz << segment->shift;
	v1 = v1_nhz << segment->shift;
	segment->v0sq = nd_wide_mul(v0, v0).hi;
	segment->v1sq = nd_wide_mul(v1, v1).hi;
	nd_ramp_duration(segment);
	segment->due_ns = nd_ramp_due_ns(segment);
}

void nd_segment_delay(struct nd_segment *segment, u64 delay_ns)
{
	segment->t0_ns += delay_ns;
	segment->due_ns += delay_ns;
	segment->last_ns += delay_ns;
}

void nd_segment_carry(struct nd_segment *segment, u32 sub_ns)
{
	u64 sum;

	if (segment->v0_nhz != segment->v1_nhz) {
		sum = (u64)segment->duration_sub + sub_ns;
		segment->duration_ns += sum >> 32;
		segment->duration_sub = sum;
		segment->due_ns = nd_ramp_due_ns(segment);
		return;
	}
	segment->acc_rem += nd_mul_div(sub_ns, segment->v0_nhz, 1ULL << 32);
	if (segment->acc_rem >= segment->v0_nhz) {
		segment->acc_rem -= segment->v0_nhz;
		segment->due_ns++;
	}
}

u32 nd_segment_sub_ns(const struct nd_segment *segment)
{
	if (segment->v0_nhz != segment->v1_nhz)
		return segment->duration_sub;
	return nd_mul_div(segment->acc_rem, 1ULL << 32, segment->v0_nhz);
}

bool nd_segment_advance(struct nd_segment *segment)
{
	segment->last_ns = segment->due_ns;
	if (segment->next++ >= segment->steps)
		return false;

	if (segment->v0_nhz != segment->v1_nhz) {
		segment->due_ns = nd_ramp_due_ns(segment);
		return true;
	}
	segment->due_ns += segment->period_ns;
	segment->acc_rem += segment->period_rem;
	if (segment->acc_rem >= segment->v0_nhz) {
		segment->acc_rem -= segment->v0_nhz;
		segment->due_ns++;
	}
	return true;
}

u64 nd_segment_rate(const struct nd_segment *segment, u64 now_ns)
{
	u64 v0 = segment->v0_nhz, v1 = segment->v1_nhz;
	u64 elapsed_ns;

	if (v0 == v1 || now_ns <= segment->t0_ns)
		return v0;
	elapsed_ns = now_ns - segment->t0_ns;
	if (elapsed_ns >= segment->duration_ns)
		return v1;
	if (v1 > v0)
		return v0 + nd_mul_div(v1 - v0, elapsed_ns, segment->duration_ns);
	return v0 - nd_mul_div(v0 - v1, elapsed_ns, segment->duration_ns);
}

u64 nd_segment_fraction(const struct nd_segment *segment, u64 now_ns)
{
	struct nd_wide way, done;
	u64 left;

	if (now_ns <= segment->last_ns)
		return segment->next == 1 ? segment->fraction_asteps : 0;
	if (now_ns > segment->due_ns)
		now_ns = segment->due_ns;

	if (segment->v0_nhz == segment->v1_nhz) {
		/* due_ns is rounded down by acc_rem */
		left = (segment->due_ns - now_ns) * segment->v0_nhz + segment->acc_rem;
		if (left >= ND_STEP_ASTEPS)
			return 0;
		return ND_STEP_ASTEPS - (left ? left : 1);
	}
	if (now_ns == segment->due_ns)
		return ND_STEP_ASTEPS - 1;

	way = nd_wide_mul(segment->v0_nhz + nd_segment_rate(segment, now_ns),
			  now_ns - segment->t0_ns);
	way = nd_wide_add(nd_wide_shr(way, 1), nd_wide(segment->fraction_asteps));
	done = nd_wide_mul(segment->next - 1, ND_STEP_ASTEPS);
	if (nd_wide_less(way, done))
		return 0;
	way = nd_wide_sub(way, done);
	return way.hi || way.lo >= ND_STEP_ASTEPS ? ND_STEP_ASTEPS - 1 : way.lo;
}

u64 nd_ramp_steps(u64 v0_nhz, u64 v1_nhz, u64 accel_nhz_s, u64 fraction_asteps)
{
	u64 difference = v0_nhz > v1_nhz ? v0_nhz - v1_nhz : v1_nhz - v0_nhz;
	struct nd_wide way;
	u64 remainder;

	/* |v1^2 - v0^2| / 2a, in nHz^2 s / nHz = 1e-9 steps = 1e9 asteps */
	way = nd_wide_mul_u64(nd_wide_mul(difference, v0_nhz + v1_nhz), 1000000000);
	way = nd_wide_div_full(way, 2 * accel_nhz_s, &remainder);
	if (remainder)
		way = nd_wide_add(way, nd_wide(1));
	way = nd_wide_add(way, nd_wide(fraction_asteps));
	way = nd_wide_div_full(way, ND_STEP_ASTEPS, &remainder);
	if (remainder)
		way = nd_wide_add(way, nd_wide(1));
	return way.hi ? ~0ULL : way.lo;
}
