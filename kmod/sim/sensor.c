// SPDX-License-Identifier: GPL-2.0-only
/*
 * The flow sensor of a simulated rig; see sensor.h. Section numbers are those
 * of the SLF3S-1300F data sheet, version 1.0 of June 2019.
 */
#include "sensor.h"

#define COMMAND_WATER		0x3608
#define COMMAND_IPA		0x3615
#define COMMAND_STOP		0x3ff9
#define COMMAND_SLEEP		0x3677
#define COMMAND_ID_1		0x367c
#define COMMAND_ID_2		0xe102
#define GENERAL_CALL_RESET	0x06

#define POWER_UP_NS		25000000ULL	/* also after reset and wake-up */
#define FIRST_SAMPLE_NS		12000000ULL
#define STOP_NS			500000ULL
#define SAMPLE_NS		500000ULL	/* 2 kHz within the sensor */

#define COUNTS_PER_DEGC		200
#define FLOW_MAX_PL_MIN		4000000000000LL

/*
 * Scale factors: SLF3S data sheets, table "scale factors", and Sensirion's
 * embedded-i2c-sf06-lf for the LD20. Product numbers: SLF3S data sheets, table
 * "product number"; LD20 as Sensirion's python-uart-scc1 knows them, whose last
 * byte, a revision, is 1 here. Output limit of the LD20: its data sheet; the
 * SLF3S saturate where their word does. Full scale: data sheets; that of the
 * SLF3S-4000B is assumed, it only sets its noise.
 */
const struct sim_sensor_type sim_sensor_types[SIM_SENSOR_MODELS] = {
	[SIM_SLF3S_0600F] = {
		.name = "slf3s-0600f",
		.product_number = 0x07030302,
		.scale = 10,			/* per uL/min */
		.per_pl_min = 1000000,
		.limit_counts = 32767,
		.full_scale_pl_min = 2000000000,
		.has_ipa = true,
	},
	[SIM_SLF3S_1300F] = {
		.name = "slf3s-1300f",
		.product_number = 0x07030202,
		.scale = 500,			/* per mL/min */
		.per_pl_min = 1000000000,
		.limit_counts = 32767,
		.full_scale_pl_min = 40000000000,
		.has_ipa = true,
	},
	[SIM_SLF3S_4000B] = {
		.name = "slf3s-4000b",
		.product_number = 0x07030501,
		.scale = 32,			/* per mL/min */
		.per_pl_min = 1000000000,
		.limit_counts = 32767,
		.full_scale_pl_min = 600000000000,
		.has_ipa = true,
	},
	[SIM_LD20_0600L] = {
		.name = "ld20-0600l",
		.product_number = 0x07010301,
		.scale = 1200 * 60,		/* per mL/h */
		.per_pl_min = 1000000000,
		.limit_counts = 25 * 1200,
		.full_scale_pl_min = 20 * 1000000000LL / 60,
	},
	[SIM_LD20_2600B] = {
		.name = "ld20-2600b",
		.product_number = 0x07010201,
		.scale = 20 * 60,		/* per mL/h */
		.per_pl_min = 1000000000,
		.limit_counts = 1300 * 20,
		.full_scale_pl_min = 1000 * 1000000000LL / 60,
	},
};

/*
 * Repeatability below full scale, 0.025 % of full scale: LD20-2600B data
 * sheet. Taken for the family, whose chip is the same.
 */
s64 sim_sensor_typical_noise_pl_min(enum sim_sensor_model model)
{
	return sim_div_s64(sim_sensor_types[model].full_scale_pl_min, 4000);
}

/* Vigna's splitmix64 */
static u64 noise_next(struct sim_noise *noise)
{
	u64 z = noise->state += 0x9e3779b97f4a7c15ULL;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

s64 sim_noise(struct sim_noise *noise, s64 rms)
{
	s64 sum = -6 * 0x10000LL;
	int i;

	if (!rms)
		return 0;
	for (i = 0; i < 3; i++) {
		u64 z = noise_next(noise);

		sum += (z & 0xffff) + (z >> 16 & 0xffff) + (z >> 32 & 0xffff) + (z >> 48);
	}
	return sim_div_s64(rms * sum, 0x10000);
}

/* x^8 + x^5 + x^4 + 1, from 0xff, high bit first (section 4.4) */
static u8 sensor_crc(u16 word)
{
	u8 crc = 0xff;
	int bit;

	for (bit = 15; bit >= 0; bit--) {
		bool one = (crc >> 7) ^ (word >> bit & 1);

		crc = (u8)(crc << 1) ^ (one ? 0x31 : 0);
	}
	return crc;
}

static void sensor_put(u8 *bytes, u16 word)
{
	bytes[0] = word >> 8;
	bytes[1] = word;
	bytes[2] = sensor_crc(word);
}

static void sensor_power_up(struct sim_sensor *sensor, u64 now_ns)
{
	sensor->state = SIM_SENSOR_IDLE;
	sensor->ready_ns = now_ns + POWER_UP_NS;
	sensor->last_command = 0;
	sensor->id_selected = false;
	sensor->have_frame = false;
}

void sim_sensor_init(struct sim_sensor *sensor, enum sim_sensor_model model, u64 serial,
		     u64 seed, u64 now_ns)
{
	*sensor = (struct sim_sensor){
		.type = &sim_sensor_types[model],
		.product_number = sim_sensor_types[model].product_number,
		.serial = serial,
		.noise_pl_min = sim_sensor_typical_noise_pl_min(model),
		.noise.state = seed,
	};
	/* the bench has been under power for long */
	sensor->ready_ns = now_ns;
}

void sim_sensor_air(struct sim_sensor *sensor, bool on)
{
	sensor->air_seen |= on;
}

void sim_sensor_unplug(struct sim_sensor *sensor, u64 now_ns, bool on)
{
	if (sensor->unplugged && !on)
		sensor_power_up(sensor, now_ns);
	sensor->unplugged = on;
}

static bool sensor_command(struct sim_sensor *sensor, struct sim_plant *plant, u64 now_ns,
			   u16 command)
{
	u16 last = sensor->last_command;

	sensor->last_command = command;
	sensor->id_selected = false;
	/* section 4.3: a measuring sensor takes no command but stop */
	if (sensor->state == SIM_SENSOR_MEASURING && command != COMMAND_STOP)
		return false;
	switch (command) {
	case COMMAND_IPA:
		if (!sensor->type->has_ipa)
			return false;
		fallthrough;
	case COMMAND_WATER:
		sensor->state = SIM_SENSOR_MEASURING;
		sensor->first_sample_ns = now_ns + FIRST_SAMPLE_NS;
		sensor->have_frame = false;
		sim_plant_sensor_begin(plant, now_ns);
		return true;
	case COMMAND_STOP:
		if (sensor->state == SIM_SENSOR_MEASURING)
			sensor->ready_ns = now_ns + STOP_NS;
		sensor->state = SIM_SENSOR_IDLE;
		return true;
	case COMMAND_SLEEP:
		sensor->state = SIM_SENSOR_ASLEEP;
		return true;
	case COMMAND_ID_1:
		return true;
	case COMMAND_ID_2:
		sensor->id_selected = last == COMMAND_ID_1;
		return sensor->id_selected;
	default:
		return false;
	}
}

int sim_sensor_write(struct sim_sensor *sensor, struct sim_plant *plant, u64 now_ns,
		     u8 address, const u8 *bytes, int count)
{
	if (sensor->unplugged)
		return -1;
	if (address == 0) {
		if (count < 1 || bytes[0] != GENERAL_CALL_RESET)
			return 0;
		sensor_power_up(sensor, now_ns);
		return 1;
	}
	if (address != SIM_SENSOR_ADDRESS)
		return -1;
	if (sensor->state == SIM_SENSOR_ASLEEP) {
		/* its own address wakes it, unacknowledged */
		sensor_power_up(sensor, now_ns);
		return -1;
	}
	if (now_ns < sensor->ready_ns)
		return -1;
	if (count < 2)
		return count;
	if (!sensor_command(sensor, plant, now_ns, bytes[0] << 8 | bytes[1]))
		return 1;
	return 2;
}

/* Room air, 23.5 degC, up and down by 1.5 degC in 20 minutes */
static s16 sensor_temperature(struct sim_sensor *sensor, u64 now_ns)
{
	const u64 half_ns = 600000000000ULL;
	u64 cycle = sim_div_u64(now_ns, half_ns);
	s64 swing = sim_div_u64((now_ns - cycle * half_ns) * 3 * COUNTS_PER_DEGC, half_ns);

	if (cycle & 1)
		swing = 3 * COUNTS_PER_DEGC - swing;
	return 22 * COUNTS_PER_DEGC + swing + sim_noise(&sensor->noise, 2);
}

static s16 sensor_flow(struct sim_sensor *sensor, s64 pl_min, bool *saturated)
{
	const struct sim_sensor_type *type = sensor->type;
	s64 counts;

	if (pl_min > FLOW_MAX_PL_MIN)
		pl_min = FLOW_MAX_PL_MIN;
	if (pl_min < -FLOW_MAX_PL_MIN)
		pl_min = -FLOW_MAX_PL_MIN;
	/* air carries little heat: most of the signal is gone */
	if (sensor->air_seen)
		pl_min = sim_div_s64(pl_min, 16);
	pl_min = sim_div_s64(pl_min * (1000000 + sensor->gain_ppm), 1000000);
	pl_min += sensor->offset_pl_min + sim_noise(&sensor->noise, sensor->noise_pl_min);
	counts = pl_min * 2 * type->scale + (pl_min < 0 ? -(s64)type->per_pl_min :
						      (s64)type->per_pl_min);
	counts = sim_div_s64(counts, 2 * (s64)type->per_pl_min);
	*saturated = sensor->high_flow || counts > type->limit_counts ||
		     counts < -type->limit_counts;
	if (*saturated)
		counts = counts < 0 ? -type->limit_counts : type->limit_counts;
	return counts;
}

static void sensor_sample(struct sim_sensor *sensor, struct sim_plant *plant, u64 now_ns)
{
	s64 pl_min = sim_plant_sensor_read(plant, now_ns);
	bool saturated;
	u16 flags;

	sensor->air_seen |= plant->air;
	sensor_put(sensor->frame, sensor_flow(sensor, pl_min, &saturated));
	sensor_put(sensor->frame + 3, sensor_temperature(sensor, now_ns));
	flags = (sensor->air_seen ? SIM_SENSOR_AIR : 0) | (saturated ? SIM_SENSOR_HIGH_FLOW : 0);
	sensor_put(sensor->frame + 6, flags);
	sensor->air_seen = plant->air;
	sensor->sampled_ns = now_ns;
	sensor->have_frame = true;
}

static u8 sensor_id_byte(const struct sim_sensor *sensor, int i)
{
	u16 words[SIM_SENSOR_ID_LEN / 3] = {
		sensor->product_number >> 16, sensor->product_number,
		sensor->serial >> 48, sensor->serial >> 32, sensor->serial >> 16, sensor->serial,
	};
	u8 bytes[3];

	sensor_put(bytes, words[i / 3]);
	return bytes[i % 3];
}

bool sim_sensor_read(struct sim_sensor *sensor, struct sim_plant *plant, u64 now_ns,
		     u8 *bytes, int count)
{
	int i;

	if (sensor->unplugged)
		return false;
	if (sensor->state == SIM_SENSOR_ASLEEP) {
		sensor_power_up(sensor, now_ns);
		return false;
	}
	if (sensor->nack || now_ns < sensor->ready_ns)
		return false;
	if (sensor->id_selected) {
		for (i = 0; i < count; i++)
			bytes[i] = i < SIM_SENSOR_ID_LEN ? sensor_id_byte(sensor, i) : 0xff;
		sensor->id_selected = false;
		return true;
	}
	if (sensor->state != SIM_SENSOR_MEASURING || now_ns < sensor->first_sample_ns)
		return false;
	/* averaged until read; between two internal samples there is no news */
	if (!sensor->have_frame ||
	    (!sensor->stuck && now_ns - sensor->sampled_ns >= SAMPLE_NS))
		sensor_sample(sensor, plant, now_ns);
	for (i = 0; i < count; i++)
		bytes[i] = i < SIM_SENSOR_FRAME_LEN ? sensor->frame[i] : 0xff;
	if (sensor->bad_crc) {
		/* each of the three in turn: all have to be checked */
		i = 2 + 3 * (int)(sensor->frames % 3);
		if (i < count)
			bytes[i] ^= 0x5a;
	}
	sensor->frames++;
	return true;
}
