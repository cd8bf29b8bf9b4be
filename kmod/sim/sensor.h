/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A liquid flow sensor of Sensirion's SF06 family as its bus master sees it,
 * byte for byte. Pure: no clock, no lock, no kernel service.
 *
 * Written from the sensors' data sheets alone, not from the driver, so that a
 * misreading there shows.
 */
#ifndef _NANODOSE_SIM_SENSOR_H
#define _NANODOSE_SIM_SENSOR_H

#include "plant.h"

#define SIM_SENSOR_ADDRESS	0x08
#define SIM_SENSOR_FRAME_LEN	9	/* flow, temperature, flags, each with CRC */
#define SIM_SENSOR_ID_LEN	18	/* product number and serial number with CRCs */

/* Signalling flags, the third word of a frame */
#define SIM_SENSOR_AIR		0x0001
#define SIM_SENSOR_HIGH_FLOW	0x0002

enum sim_sensor_model {
	SIM_SLF3S_0600F,
	SIM_SLF3S_1300F,
	SIM_SLF3S_4000B,
	SIM_LD20_0600L,
	SIM_LD20_2600B,
	SIM_SENSOR_MODELS,
};

struct sim_sensor_type {
	const char *name;		/* also the I2C device's type */
	u32 product_number;
	/* counts = flow in pL/min * scale / per_pl_min */
	u32 scale;
	u32 per_pl_min;
	s32 limit_counts;		/* the output saturates here */
	s64 full_scale_pl_min;
	bool has_ipa;
};

extern const struct sim_sensor_type sim_sensor_types[SIM_SENSOR_MODELS];

/* Noise of one reading (rms) as good as the data sheet promises. */
s64 sim_sensor_typical_noise_pl_min(enum sim_sensor_model model);

enum sim_sensor_state {
	SIM_SENSOR_IDLE,
	SIM_SENSOR_MEASURING,
	SIM_SENSOR_ASLEEP,
};

/* A deterministic source of noise */
struct sim_noise {
	u64 state;
};

/* About normal, mean 0: the sum of twelve uniform numbers. |rms| <= 1e12 */
s64 sim_noise(struct sim_noise *noise, s64 rms);

struct sim_sensor {
	const struct sim_sensor_type *type;
	u32 product_number;
	u64 serial;
	s64 gain_ppm;
	s64 offset_pl_min;
	s64 noise_pl_min;
	struct sim_noise noise;

	/* faults */
	bool nack;			/* does not acknowledge reads */
	bool bad_crc;			/* one CRC of each frame is wrong */
	bool stuck;			/* repeats its last frame */
	bool unplugged;			/* answers nothing, has no power */
	bool high_flow;			/* flag, output saturated */

	/* state */
	enum sim_sensor_state state;
	u64 ready_ns;			/* acknowledges nothing before */
	u64 first_sample_ns;		/* no reading before */
	u64 sampled_ns;			/* when the frame below was made */
	u16 last_command;
	bool id_selected;
	bool air_seen;			/* since the last readout */
	u32 frames;
	bool have_frame;
	u8 frame[SIM_SENSOR_FRAME_LEN];
};

void sim_sensor_init(struct sim_sensor *sensor, enum sim_sensor_model model, u64 serial,
		     u64 seed, u64 now_ns);

/* The flow channel fills with air, or with liquid again. */
void sim_sensor_air(struct sim_sensor *sensor, bool on);

void sim_sensor_unplug(struct sim_sensor *sensor, u64 now_ns, bool on);

/*
 * A write to the sensor's address, or to the general call address 0. Returns
 * how many bytes were acknowledged; -1 if not even the address.
 */
int sim_sensor_write(struct sim_sensor *sensor, struct sim_plant *plant, u64 now_ns,
		     u8 address, const u8 *bytes, int count);
/* A read of any length; false if the address is not acknowledged. */
bool sim_sensor_read(struct sim_sensor *sensor, struct sim_plant *plant, u64 now_ns,
		     u8 *bytes, int count);

#endif /* _NANODOSE_SIM_SENSOR_H */
