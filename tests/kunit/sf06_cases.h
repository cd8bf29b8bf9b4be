/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the maker says of the SF06 sensors, for the tests inside and outside of
 * the kernel.
 *
 * Scale factors: INV_FLOW_SCALE_FACTORS_* in sf06_lf_i2c.h of Sensirion's
 * embedded-i2c-sf06-lf. Product numbers: slf_common.py of its
 * python-uart-scc1. Check sum of 0xBEEF: data sheet SLF3S-1300F, section 4.
 * Check sum of the nine digits: CRC-8/NRSC-5, the same polynomial and start,
 * in the catalogue of parametrised CRC algorithms. Wire bytes: worked out by
 * polynomial division by hand, high bit first.
 */
#ifndef SF06_CASES_H
#define SF06_CASES_H

struct sf06_scale_case {
	const char *name;
	u32 number;		/* product number with some revision */
	s32 flow;		/* flow word */
	s64 pl_min;		/* what it means */
};

static const struct sf06_scale_case sf06_scale_cases[] = {
	{ "SLF3S-0600F: 10 units are 1 uL/min", 0x07030302, 10, 1000000LL },
	{ "SLF3S-0600F: 1 unit", 0x07030301, 1, 100000LL },
	{ "SLF3S-0600F: 20000 units are 2 mL/min", 0x07030302, 20000, 2000000000LL },
	{ "SLF3S-0600F: backwards", 0x07030302, -12345, -1234500000LL },
	{ "SLF3S-1300F: 500 units are 1 mL/min", 0x07030202, 500, 1000000000LL },
	{ "SLF3S-1300F: 1 unit", 0x07030200, 1, 2000000LL },
	{ "SLF3S-1300F: -20000 units are -40 mL/min", 0x07030202, -20000, -40000000000LL },
	{ "SLF3S-4000B: 32 units are 1 mL/min", 0x07030503, 32, 1000000000LL },
	{ "SLF3S-4000B: 1 unit", 0x07030501, 1, 31250000LL },
	{ "SLF3S-4000B: lowest word", 0x07030503, -32768, -1024000000000LL },
	{ "LD20-0600L: 1200 units are 1 mL/h", 0x07010301, 1200, 16666667LL },
	{ "LD20-0600L: 24000 units are 20 mL/h", 0x07010301, 24000, 333333333LL },
	{ "LD20-0600L: 1 unit", 0x07010302, 1, 13889LL },
	{ "LD20-0600L: 9 units", 0x07010302, 9, 125000LL },
	{ "LD20-0600L: backwards", 0x07010301, -1, -13889LL },
	{ "LD20-2600B: 20 units are 1 mL/h", 0x07010201, 20, 16666667LL },
	{ "LD20-2600B: 20000 units are 1000 mL/h", 0x07010201, 20000, 16666666667LL },
	{ "LD20-2600B: 1 unit", 0x07010202, 1, 833333LL },
	{ "LD20-2600B: 2 units", 0x07010202, 2, 1666667LL },
	{ "LD20-2600B: backwards", 0x07010201, -20000, -16666666667LL },
};

struct sf06_number_case {
	const char *name;
	u32 number;
	u32 model;		/* NANODOSE_SENSOR_* */
	bool has_ipa;
};

static const struct sf06_number_case sf06_number_cases[] = {
	{ "slf3s-0600f", 0x07030302, NANODOSE_SENSOR_SLF3S_0600F, true },
	{ "slf3s-1300f", 0x07030202, NANODOSE_SENSOR_SLF3S_1300F, true },
	{ "slf3s-4000b", 0x07030503, NANODOSE_SENSOR_SLF3S_4000B, true },
	{ "ld20-0600l", 0x07010301, NANODOSE_SENSOR_LD20_0600L, false },
	{ "ld20-2600b", 0x07010201, NANODOSE_SENSOR_LD20_2600B, false },
};

struct sf06_frame_case {
	const char *name;
	u8 wire[9];
	s16 flow;
	s32 temperature_mdegc;
	u16 flags;
};

static const struct sf06_frame_case sf06_frame_cases[] = {
	{
		"backwards, 24.75 C, air and smoothing",
		{ 0xfb, 0x2e, 0x1a, 0x13, 0x56, 0x1a, 0x00, 0x21, 0x36 },
		-1234, 24750, 0x0021,
	}, {
		"highest flow, lowest temperature, high flow",
		{ 0x7f, 0xff, 0x8f, 0x80, 0x00, 0xa2, 0x00, 0x02, 0xe3 },
		32767, -163840, 0x0002,
	},
};

static const u8 sf06_id_wire[18] = {
	0x07, 0x03, 0x7c, 0x03, 0x02, 0xce, 0x00, 0x00, 0x81,
	0x00, 0x01, 0xb0, 0x23, 0x45, 0xb8, 0x67, 0x89, 0x88,
};

#define SF06_ID_NUMBER	0x07030302U
#define SF06_ID_SERIAL	0x0000000123456789ULL

#endif /* SF06_CASES_H */
