/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a Sensirion SF06 liquid flow sensor (SLF3S, LD20) says on its wire, and
 * what that means. Pure: no bus, no lock, no clock. Built in the module, under
 * KUnit and on the host.
 *
 * Commands, frames and check sum: data sheet SLF3S-1300F, version 1.0,
 * section 4; scale factors: sf06_lf_i2c.h of Sensirion's embedded-i2c-sf06-lf.
 */
#ifndef _NANODOSE_SF06_H
#define _NANODOSE_SF06_H

#include <linux/errno.h>
#include <linux/types.h>

#ifndef __KERNEL__
#include <stdbool.h>
#include <stddef.h>
typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;
typedef __s16 s16;
typedef __s32 s32;
typedef __s64 s64;
#endif

#define SF06_ADDRESS			0x08

#define SF06_CMD_START_WATER		0x3608
#define SF06_CMD_START_IPA		0x3615
#define SF06_CMD_STOP			0x3FF9
#define SF06_CMD_PRODUCT_ID_PREPARE	0x367C
#define SF06_CMD_PRODUCT_ID_READ	0xE102

#define SF06_COMMAND_BYTES	2
#define SF06_FRAME_BYTES	9	/* flow, temperature, flags, a check sum after each */
#define SF06_PRODUCT_ID_BYTES	18	/* number, serial, a check sum after each word */

/* One sensor of the family. */
struct sf06_variant {
	const char *name;	/* as the board describes it */
	u32 model;		/* NANODOSE_SENSOR_* */
	u32 product;		/* product number without the revision in its last byte */
	/* One unit of the flow word is pl_min / per picolitres a minute. */
	s32 pl_min;
	s32 per;
	s32 full_scale;		/* in units of the flow word */
	bool has_ipa;		/* isopropanol calibration */
};

struct sf06_frame {
	s16 flow;
	s16 temperature;
	u16 flags;
};

/* The check sum that follows each word. */
u8 sf06_crc8(const u8 *data, size_t count);

/* 0, or -EBADMSG if any of the check sums is wrong; then *frame is untouched. */
int sf06_decode_frame(const u8 wire[SF06_FRAME_BYTES], struct sf06_frame *frame);

/* Likewise for the answer to the two product identifier commands. */
int sf06_decode_product_id(const u8 wire[SF06_PRODUCT_ID_BYTES], u32 *number, u64 *serial);

/* The sensor with this product number, NULL if it is none of the family. */
const struct sf06_variant *sf06_find_variant(u32 number);

/* Rounded to the nearest picolitre a minute, halves away from zero. */
s64 sf06_flow_pl_min(const struct sf06_variant *variant, s32 flow);

s32 sf06_temperature_mdegc(s16 temperature);

#endif /* _NANODOSE_SF06_H */
