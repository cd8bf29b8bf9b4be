// SPDX-License-Identifier: GPL-2.0-only
/*
 * Decoder for the Sensirion SF06 liquid flow sensors, see sf06.h.
 */
#ifdef __KERNEL__
#include <linux/kernel.h>
#else
#define ARRAY_SIZE(array)	(sizeof(array) / sizeof((array)[0]))
#endif

#include "include/uapi/linux/nanodose.h"
#include "sf06.h"

#define SF06_WORD_BYTES		3

/*
 * Product numbers: SLF3x_PRODUCT_NAME and LD20_PRODUCT_NAME in slf_common.py
 * of Sensirion's python-uart-scc1. Full scale, by the data sheets: SLF3S-0600F
 * 2000 uL/min, SLF3S-1300F 40 mL/min, LD20-2600B 1000 mL/h; for the other two
 * the end of the flow word.
 */
static const struct sf06_variant sf06_variants[] = {
	{
		.name = "slf3s-0600f",
		.model = NANODOSE_SENSOR_SLF3S_0600F,
		.product = 0x070303,
		.pl_min = 100000,	/* 10 units are 1 uL/min */
		.per = 1,
		.full_scale = 20000,
		.has_ipa = true,
	}, {
		.name = "slf3s-1300f",
		.model = NANODOSE_SENSOR_SLF3S_1300F,
		.product = 0x070302,
		.pl_min = 2000000,	/* 500 units are 1 mL/min */
		.per = 1,
		.full_scale = 20000,
		.has_ipa = true,
	}, {
		.name = "slf3s-4000b",
		.model = NANODOSE_SENSOR_SLF3S_4000B,
		.product = 0x070305,
		.pl_min = 31250000,	/* 32 units are 1 mL/min */
		.per = 1,
		.full_scale = 32767,
		.has_ipa = true,
	}, {
		.name = "ld20-0600l",
		.model = NANODOSE_SENSOR_LD20_0600L,
		.product = 0x070103,
		.pl_min = 125000,	/* 1200 units are 1 mL/h: 1e9 / (60 * 1200) */
		.per = 9,
		.full_scale = 32767,
	}, {
		.name = "ld20-2600b",
		.model = NANODOSE_SENSOR_LD20_2600B,
		.product = 0x070102,
		.pl_min = 2500000,	/* 20 units are 1 mL/h: 1e9 / (60 * 20) */
		.per = 3,
		.full_scale = 20000,
	},
};

/* Polynomial x^8 + x^5 + x^4 + 1, begun with all ones, high bit first. */
u8 sf06_crc8(const u8 *data, size_t count)
{
	u8 crc = 0xff;
	size_t i;
	int bit;

	for (i = 0; i < count; i++) {
		crc ^= data[i];
		for (bit = 0; bit < 8; bit++)
			crc = crc & 0x80 ? (crc << 1) ^ 0x31 : crc << 1;
	}
	return crc;
}

static bool sf06_words_good(const u8 *wire, size_t words)
{
	size_t i;

	for (i = 0; i < words; i++, wire += SF06_WORD_BYTES) {
		if (sf06_crc8(wire, 2) != wire[2])
			return false;
	}
	return true;
}

static u16 sf06_word(const u8 *wire, size_t index)
{
	wire += index * SF06_WORD_BYTES;
	return wire[0] << 8 | wire[1];
}

int sf06_decode_frame(const u8 wire[SF06_FRAME_BYTES], struct sf06_frame *frame)
{
	if (!sf06_words_good(wire, SF06_FRAME_BYTES / SF06_WORD_BYTES))
		return -EBADMSG;

	frame->flow = (s16)sf06_word(wire, 0);
	frame->temperature = (s16)sf06_word(wire, 1);
	frame->flags = sf06_word(wire, 2);
	return 0;
}

int sf06_decode_product_id(const u8 wire[SF06_PRODUCT_ID_BYTES], u32 *number, u64 *serial)
{
	int i;

	if (!sf06_words_good(wire, SF06_PRODUCT_ID_BYTES / SF06_WORD_BYTES))
		return -EBADMSG;

	*number = (u32)sf06_word(wire, 0) << 16 | sf06_word(wire, 1);
	*serial = 0;
	for (i = 2; i < 6; i++)
		*serial = *serial << 16 | sf06_word(wire, i);
	return 0;
}

const struct sf06_variant *sf06_find_variant(u32 number)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(sf06_variants); i++) {
		if (sf06_variants[i].product == number >> 8)
			return &sf06_variants[i];
	}
	return NULL;
}

/* Divides first, in 32 bits: exact, and cheap on every machine. */
s64 sf06_flow_pl_min(const struct sf06_variant *variant, s32 flow)
{
	s32 whole = flow / variant->per;
	s32 rest = flow % variant->per * variant->pl_min;
	s32 half = variant->per / 2;

	return (s64)whole * variant->pl_min + (rest + (rest < 0 ? -half : half)) / variant->per;
}

/* 200 units are 1 degree Celsius. */
s32 sf06_temperature_mdegc(s16 temperature)
{
	return temperature * 5;
}
