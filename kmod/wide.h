/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The little of 128-bit arithmetic that step times need, without a compiler's
 * help: a 32-bit kernel has neither __int128 nor the library behind it.
 */
#ifndef _NANODOSE_WIDE_H
#define _NANODOSE_WIDE_H

#ifdef __KERNEL__
#include <linux/bitops.h>
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/types.h>
#else
#include <linux/types.h>
#include <stdbool.h>
typedef __u64 u64;
typedef __u32 u32;
typedef __s64 s64;
typedef __s32 s32;

#define min(a, b)	({ typeof(a) a_ = (a); typeof(b) b_ = (b); a_ < b_ ? a_ : b_; })
#define max(a, b)	({ typeof(a) a_ = (a); typeof(b) b_ = (b); a_ > b_ ? a_ : b_; })

static inline u64 div64_u64(u64 dividend, u64 divisor)
{
	return dividend / divisor;
}

static inline u64 div64_u64_rem(u64 dividend, u64 divisor, u64 *remainder)
{
	*remainder = dividend % divisor;
	return dividend / divisor;
}

static inline u64 div_u64_rem(u64 dividend, u32 divisor, u32 *remainder)
{
	*remainder = dividend % divisor;
	return dividend / divisor;
}

static inline int fls64(u64 x)
{
	return x ? 64 - __builtin_clzll(x) : 0;
}
#endif

struct nd_wide {
	u64 hi;
	u64 lo;
};

static inline struct nd_wide nd_wide(u64 lo)
{
	return (struct nd_wide){ .lo = lo };
}

static inline struct nd_wide nd_wide_mul(u64 a, u64 b)
{
	const u64 half = 0xffffffff;
	u64 a0 = a & half, a1 = a >> 32, b0 = b & half, b1 = b >> 32;
	u64 low = a0 * b0;
	u64 mid = a1 * b0 + (low >> 32);
	u64 mid2 = a0 * b1 + (mid & half);

	return (struct nd_wide){
		.hi = a1 * b1 + (mid >> 32) + (mid2 >> 32),
		.lo = mid2 << 32 | (low & half),
	};
}

static inline struct nd_wide nd_wide_add(struct nd_wide a, struct nd_wide b)
{
	u64 lo = a.lo + b.lo;

	return (struct nd_wide){ .hi = a.hi + b.hi + (lo < a.lo), .lo = lo };
}

static inline struct nd_wide nd_wide_sub(struct nd_wide a, struct nd_wide b)
{
	return (struct nd_wide){ .hi = a.hi - b.hi - (a.lo < b.lo), .lo = a.lo - b.lo };
}

/* The product must fit 128 bits. */
static inline struct nd_wide nd_wide_mul_u64(struct nd_wide a, u64 b)
{
	struct nd_wide product = nd_wide_mul(a.lo, b);

	product.hi += a.hi * b;
	return product;
}

static inline bool nd_wide_less(struct nd_wide a, struct nd_wide b)
{
	return a.hi < b.hi || (a.hi == b.hi && a.lo < b.lo);
}

/* 0 <= shift < 128 */
static inline struct nd_wide nd_wide_shl(struct nd_wide a, u32 shift)
{
	if (!shift)
		return a;
	if (shift >= 64)
		return (struct nd_wide){ .hi = a.lo << (shift - 64) };
	return (struct nd_wide){ .hi = a.hi << shift | a.lo >> (64 - shift), .lo = a.lo << shift };
}

static inline struct nd_wide nd_wide_shr(struct nd_wide a, u32 shift)
{
	if (!shift)
		return a;
	if (shift >= 64)
		return (struct nd_wide){ .lo = a.hi >> (shift - 64) };
	return (struct nd_wide){ .hi = a.hi >> shift, .lo = a.lo >> shift | a.hi << (64 - shift) };
}

/*
 * a / d for a quotient that fits 64 bits (a.hi < d): schoolbook division by
 * two digits of 32 bits (Knuth, vol. 2, 4.3.1, algorithm D).
 */
u64 nd_wide_div(struct nd_wide a, u64 d, u64 *remainder);

/* a / d, rounded down, with the whole quotient. */
static inline struct nd_wide nd_wide_div_full(struct nd_wide a, u64 d, u64 *remainder)
{
	struct nd_wide quotient;

	quotient.hi = div64_u64_rem(a.hi, d, &a.hi);
	quotient.lo = nd_wide_div(a, d, remainder);
	return quotient;
}

#endif /* _NANODOSE_WIDE_H */
