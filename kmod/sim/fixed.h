/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Fixed-point numbers for the plant: no floating point, no 128-bit type, no
 * kernel service, the same results on every machine.
 *
 * struct sim_fixed is a signed number with 64 bits before and 64 bits after
 * the point. Volumes are kept in it, so that nothing is lost by adding up
 * 40 000 steps a second for days: the last bit of a femtolitre count is
 * 5e-20 fL, the first one 9e18 fL (nine thousand litres).
 *
 * struct sim_rate is a positive rate per nanosecond with 64 significant bits,
 * and spans all time constants from nanoseconds to years.
 */
#ifndef _NANODOSE_SIM_FIXED_H
#define _NANODOSE_SIM_FIXED_H

#ifdef __KERNEL__
#include <linux/bitops.h>
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/types.h>
#define sim_div_u64(a, b)	div64_u64(a, b)
#define sim_div_s64(a, b)	div64_s64(a, b)
#define sim_clz64(x)		(64 - fls64(x))
#else
#include <stdbool.h>
#include <stdint.h>
typedef uint64_t u64;
typedef uint32_t u32;
typedef uint16_t u16;
typedef uint8_t u8;
typedef int64_t s64;
typedef int32_t s32;
typedef int16_t s16;
#define fallthrough	__attribute__((__fallthrough__))
#define min(a, b)	({ typeof(a) a_ = (a); typeof(b) b_ = (b); a_ < b_ ? a_ : b_; })
#define sim_div_u64(a, b)	((u64)(a) / (u64)(b))
#define sim_div_s64(a, b)	((s64)(a) / (s64)(b))
#define sim_clz64(x)		__builtin_clzll(x)
#endif

struct sim_fixed {
	s64 whole;
	u64 part;		/* 2^-64 */
};

/* mant * 2^exp, the top bit of mant set; mant 0 is the rate 0 */
struct sim_rate {
	u64 mant;
	int exp;
};

static inline void sim_mul128(u64 a, u64 b, u64 *high, u64 *low)
{
	u64 a0 = a & 0xffffffff, a1 = a >> 32, b0 = b & 0xffffffff, b1 = b >> 32;
	u64 p00 = a0 * b0, p01 = a0 * b1, p10 = a1 * b0, p11 = a1 * b1;
	u64 middle = (p00 >> 32) + (p01 & 0xffffffff) + (p10 & 0xffffffff);

	*low = (middle << 32) | (p00 & 0xffffffff);
	*high = p11 + (p01 >> 32) + (p10 >> 32) + (middle >> 32);
}

static inline u64 sim_mul_high(u64 a, u64 b)
{
	u64 high, low;

	sim_mul128(a, b, &high, &low);
	return high;
}

/* (high * 2^64 + low) / divisor for high < divisor. Bit by bit: for set-up. */
static inline u64 sim_div128(u64 high, u64 low, u64 divisor)
{
	u64 quotient = 0;
	int i;

	for (i = 0; i < 64; i++) {
		bool carry = high >> 63;

		high = (high << 1) | (low >> 63);
		low <<= 1;
		quotient <<= 1;
		if (carry || high >= divisor) {
			high -= divisor;
			quotient |= 1;
		}
	}
	return quotient;
}

static inline struct sim_fixed sim_fixed(s64 whole)
{
	return (struct sim_fixed){ .whole = whole };
}

static inline struct sim_fixed sim_add(struct sim_fixed a, struct sim_fixed b)
{
	u64 part = a.part + b.part;

	return (struct sim_fixed){ a.whole + b.whole + (part < a.part), part };
}

static inline struct sim_fixed sim_neg(struct sim_fixed a)
{
	return (struct sim_fixed){ -a.whole - !!a.part, -a.part };
}

static inline struct sim_fixed sim_sub(struct sim_fixed a, struct sim_fixed b)
{
	return sim_add(a, sim_neg(b));
}

/* a * factor / 2^shift, towards zero. The result has to fit. */
static inline struct sim_fixed sim_scale(struct sim_fixed a, u64 factor, unsigned int shift)
{
	bool negative = a.whole < 0;
	u64 h1, l1, h2, l2;
	struct sim_fixed b;

	if (negative)
		a = sim_neg(a);
	/* the product as three words, high to low: h1, l1, l2 */
	sim_mul128(a.whole, factor, &h1, &l1);
	sim_mul128(a.part, factor, &h2, &l2);
	l1 += h2;
	h1 += l1 < h2;
	if (!shift) {
		b = (struct sim_fixed){ l1, l2 };
	} else if (shift < 64) {
		b.whole = (h1 << (64 - shift)) | (l1 >> shift);
		b.part = (l1 << (64 - shift)) | (l2 >> shift);
	} else {
		b = (struct sim_fixed){ h1, l1 };
	}
	return negative ? sim_neg(b) : b;
}

/* a times a fraction in units of 2^-64 */
static inline struct sim_fixed sim_share(struct sim_fixed a, u64 fraction)
{
	return sim_scale(a, fraction, 64);
}

/* a / divisor, towards zero */
static inline struct sim_fixed sim_fixed_div(struct sim_fixed a, u64 divisor)
{
	bool negative = a.whole < 0;
	struct sim_fixed b;

	if (negative)
		a = sim_neg(a);
	b.whole = sim_div_u64(a.whole, divisor);
	b.part = sim_div128((u64)a.whole - (u64)b.whole * divisor, a.part, divisor);
	return negative ? sim_neg(b) : b;
}

/* a / b for normalised numbers */
static inline struct sim_rate sim_rate_div(struct sim_rate a, struct sim_rate b)
{
	struct sim_rate q;

	if (!a.mant)
		return a;
	q.exp = a.exp - b.exp - 64;
	if (a.mant < b.mant) {
		q.mant = sim_div128(a.mant, 0, b.mant);
	} else {
		q.mant = sim_div128(a.mant >> 1, a.mant << 63, b.mant);
		q.exp++;
	}
	return q;
}

static inline struct sim_rate sim_rate_mul(struct sim_rate a, struct sim_rate b)
{
	struct sim_rate p = { .exp = a.exp + b.exp + 64 };
	u64 low;

	sim_mul128(a.mant, b.mant, &p.mant, &low);
	if (p.mant && !(p.mant >> 63)) {
		p.mant = (p.mant << 1) | (low >> 63);
		p.exp--;
	}
	return p;
}

static inline struct sim_rate sim_rate(u64 x)
{
	int shift = x ? sim_clz64(x) : 0;

	return (struct sim_rate){ x << shift, -shift };
}

static inline bool sim_rate_less(struct sim_rate a, struct sim_rate b)
{
	if (!a.mant || !b.mant)
		return !a.mant && b.mant;
	return a.exp < b.exp || (a.exp == b.exp && a.mant < b.mant);
}

/* The distance between two rates */
static inline struct sim_rate sim_rate_distance(struct sim_rate a, struct sim_rate b)
{
	int shift;

	if (sim_rate_less(a, b)) {
		struct sim_rate c = a;

		a = b;
		b = c;
	}
	if (!b.mant || a.exp - b.exp > 63)
		return a;
	a.mant -= b.mant >> (a.exp - b.exp);
	shift = a.mant ? sim_clz64(a.mant) : 0;
	return (struct sim_rate){ a.mant << shift, a.exp - shift };
}

/* The ratio of two rates in units of 2^-54, at most 1023 */
static inline u64 sim_rate_ratio54(struct sim_rate a, struct sim_rate b)
{
	struct sim_rate q = sim_rate_div(a, b);
	int shift = -(q.exp + 54);

	if (!q.mant || shift > 63)
		return 0;
	return shift < 0 ? 1023ULL << 54 : q.mant >> shift;
}

/* Doublings (powers of e to powers of 2): log2(e), and 1/s to 1/ns */
static inline struct sim_rate sim_rate_per_s(struct sim_rate per_s)
{
	struct sim_rate log2_e = { 0xb8aa3b295c17f0bcULL, -63 };

	return sim_rate_div(sim_rate_mul(per_s, log2_e), sim_rate(1000000000));
}

/*
 * What an exponential decay takes away in a time: 1 - 2^(-rate * time), in
 * units of 2^-64. The relative error is below 1e-15 also where the result is
 * small, but for the last bit. Rates are below one halving a nanosecond.
 */
u64 sim_decay(struct sim_rate rate, u64 time_ns);

#endif /* _NANODOSE_SIM_FIXED_H */
