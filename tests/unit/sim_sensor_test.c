// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The rig's flow sensor, byte for byte against what the SF06 data sheets and
 * Sensirion's own drivers say. Nothing of the driver is used.
 */
#include <stdlib.h>

#include "sim/sensor.h"
#include "test.h"

#define MS	1000000ULL

static const u8 start_water[] = { 0x36, 0x08 };
static const u8 start_ipa[] = { 0x36, 0x15 };
static const u8 stop[] = { 0x3f, 0xf9 };
static const u8 sleep_now[] = { 0x36, 0x77 };
static const u8 id_1[] = { 0x36, 0x7c };
static const u8 id_2[] = { 0xe1, 0x02 };
static const u8 reset[] = { 0x06 };

static struct sim_sensor sensor;
static struct sim_plant plant;

static void power(enum sim_sensor_model model)
{
	static const struct sim_plant_params bench = {
		4699, 1000000, 3200, 10000, 28000, 0, 0, 20000, 0, 0, 0,
	};

	sim_plant_init(&plant, &bench, 0);
	sim_sensor_init(&sensor, model, 0x0123456789abcdefULL, 1, 0);
	sensor.noise_pl_min = 0;
}

static int command(u64 now_ns, const u8 *bytes)
{
	return sim_sensor_write(&sensor, &plant, now_ns, 0x08, bytes, 2);
}

static bool frame(u64 now_ns, u8 *bytes)
{
	return sim_sensor_read(&sensor, &plant, now_ns, bytes, 9);
}

static int word(const u8 *bytes)
{
	return (int16_t)(bytes[0] << 8 | bytes[1]);
}

/* Bit by bit from the definition: polynomial 0x131, start 0xff */
static u8 crc(const u8 *bytes)
{
	unsigned int value = 0xff;
	int i, bit;

	for (i = 0; i < 2; i++) {
		value ^= bytes[i];
		for (bit = 0; bit < 8; bit++)
			value = value & 0x80 ? (value << 1 ^ 0x131) & 0xff : value << 1;
	}
	return value;
}

static bool crcs_good(const u8 *bytes, int words)
{
	int i;

	for (i = 0; i < words; i++) {
		if (crc(bytes + 3 * i) != bytes[3 * i + 2])
			return false;
	}
	return true;
}

/* A steady flow at the outlet, without a step */
static int counts_at(enum sim_sensor_model model, s64 pl_min, int *flags)
{
	u8 bytes[9];

	power(model);
	sim_plant_set_free_flow(&plant, 0, pl_min);
	CHECK_INT(command(0, start_water), 2);
	CHECK(frame(100 * MS, bytes));
	CHECK(crcs_good(bytes, 3));
	if (flags)
		*flags = word(bytes + 6);
	return word(bytes);
}

TEST(check_sum_of_the_data_sheet)
{
	const u8 beef[] = { 0xbe, 0xef };

	CHECK_INT(crc(beef), 0x92);
}

TEST(counts_per_unit_of_each_model)
{
	/* 10 /(uL/min), 500 and 32 /(mL/min), 1200 and 20 /(mL/h) */
	CHECK_INT(counts_at(SIM_SLF3S_0600F, 100000000, NULL), 1000);
	CHECK_INT(counts_at(SIM_SLF3S_1300F, 2000000000, NULL), 1000);
	CHECK_INT(counts_at(SIM_SLF3S_4000B, 10000000000, NULL), 320);
	CHECK_INT(counts_at(SIM_LD20_0600L, 5000000000 / 60, NULL), 6000);
	CHECK_INT(counts_at(SIM_LD20_2600B, 300000000000 / 60, NULL), 6000);
	CHECK_INT(counts_at(SIM_SLF3S_0600F, -100000000, NULL), -1000);
	/* rounded to the nearest count */
	CHECK_INT(counts_at(SIM_SLF3S_0600F, 149000, NULL), 1);
	CHECK_INT(counts_at(SIM_SLF3S_0600F, -151000, NULL), -2);
}

TEST(output_saturates_with_the_high_flow_flag)
{
	int flags;

	CHECK_INT(counts_at(SIM_SLF3S_0600F, 5000000000, &flags), 32767);
	CHECK_INT(flags, 2);
	CHECK_INT(counts_at(SIM_SLF3S_0600F, -5000000000, &flags), -32767);
	CHECK_INT(flags, 2);
	/* LD20-2600B: 1300 mL/h */
	CHECK_INT(counts_at(SIM_LD20_2600B, 2000000000000 / 60, &flags), 26000);
	CHECK_INT(flags, 2);
	CHECK_INT(counts_at(SIM_LD20_2600B, 1299000000000 / 60, &flags), 25980);
	CHECK_INT(flags, 0);
}

TEST(gain_and_offset)
{
	u8 bytes[9];

	power(SIM_SLF3S_0600F);
	sensor.gain_ppm = -50000;
	sensor.offset_pl_min = 2000000;
	sim_plant_set_free_flow(&plant, 0, 100000000);
	command(0, start_water);
	CHECK(frame(100 * MS, bytes));
	CHECK_INT(word(bytes), 970);
}

TEST(temperature_of_a_room_in_200ths_of_a_degree)
{
	u8 bytes[9];
	u64 t;

	power(SIM_SLF3S_0600F);
	command(0, start_water);
	for (t = 100 * MS; t < 3600000 * MS; t += 9999 * MS) {
		CHECK(frame(t, bytes));
		CHECK(word(bytes + 3) > 21.9 * 200 && word(bytes + 3) < 25.1 * 200);
	}
}

TEST(no_frame_before_the_first_sample_nor_without_measurement)
{
	u8 bytes[9];

	power(SIM_SLF3S_1300F);
	CHECK(!frame(MS, bytes));
	CHECK_INT(command(MS, start_water), 2);
	CHECK(!frame(12 * MS, bytes));
	CHECK(frame(13 * MS, bytes));
	CHECK_INT(command(20 * MS, stop), 2);
	CHECK(!frame(30 * MS, bytes));
}

TEST(measuring_it_acknowledges_stop_alone)
{
	power(SIM_SLF3S_0600F);
	command(0, start_water);
	CHECK_INT(command(20 * MS, id_1), 1);
	CHECK_INT(command(20 * MS, start_ipa), 1);
	CHECK_INT(command(20 * MS, stop), 2);
	/* stop takes up to 0.5 ms */
	CHECK_INT(command(20 * MS + 100000, id_1), -1);
	CHECK_INT(command(21 * MS, id_1), 2);
}

TEST(product_and_serial_number)
{
	static const u32 numbers[] = { 0x07030302, 0x07030202, 0x07030501, 0x070103, 0x070102 };
	u8 bytes[20];
	int model;
	u32 number;

	for (model = 0; model < SIM_SENSOR_MODELS; model++) {
		power(model);
		CHECK_INT(command(0, id_1), 2);
		CHECK_INT(command(0, id_2), 2);
		CHECK(sim_sensor_read(&sensor, &plant, 0, bytes, 20));
		CHECK(crcs_good(bytes, 6));
		number = (u32)bytes[0] << 24 | bytes[1] << 16 | bytes[3] << 8 | bytes[4];
		if (numbers[model] >> 24)
			CHECK_INT(number, numbers[model]);
		else
			CHECK_INT(number >> 8, numbers[model]);
		CHECK_INT(bytes[6] << 8 | bytes[7], 0x0123);
		CHECK_INT(bytes[15] << 8 | bytes[16], 0xcdef);
		/* beyond its answer the bus stays high */
		CHECK_INT(bytes[18], 0xff);
	}
	power(SIM_SLF3S_0600F);
	CHECK_INT(command(0, id_2), 1);
	CHECK(!sim_sensor_read(&sensor, &plant, 0, bytes, 18));
}

TEST(isopropanol_is_for_the_slf3s_alone)
{
	power(SIM_SLF3S_4000B);
	CHECK_INT(command(0, start_ipa), 2);
	power(SIM_LD20_2600B);
	CHECK_INT(command(0, start_ipa), 1);
	CHECK_INT(command(0, start_water), 2);
}

TEST(general_call_resets_and_the_sensor_takes_25_ms)
{
	u8 bytes[9];

	power(SIM_SLF3S_0600F);
	command(0, start_water);
	CHECK_INT(sim_sensor_write(&sensor, &plant, 20 * MS, 0, reset, 1), 1);
	CHECK(!frame(30 * MS, bytes));
	CHECK_INT(command(40 * MS, start_water), -1);
	CHECK_INT(command(46 * MS, start_water), 2);
	CHECK(frame(60 * MS, bytes));
}

TEST(asleep_it_wakes_by_its_address_unacknowledged)
{
	power(SIM_LD20_0600L);
	CHECK_INT(command(0, sleep_now), 2);
	CHECK_INT(command(1000 * MS, start_water), -1);
	CHECK_INT(command(1010 * MS, start_water), -1);
	CHECK_INT(command(1026 * MS, start_water), 2);
}

TEST(other_addresses_and_unknown_commands_are_not_acknowledged)
{
	const u8 unknown[] = { 0x12, 0x34 };

	power(SIM_SLF3S_0600F);
	CHECK_INT(sim_sensor_write(&sensor, &plant, 0, 0x09, start_water, 2), -1);
	CHECK_INT(sim_sensor_write(&sensor, &plant, 0, 0, unknown, 2), 0);
	CHECK_INT(command(0, unknown), 1);
}

TEST(reading_is_the_mean_since_the_one_before)
{
	u8 bytes[9];

	power(SIM_SLF3S_0600F);
	command(0, start_water);
	sim_plant_set_free_flow(&plant, 50 * MS, 100000000);
	sim_plant_set_free_flow(&plant, 75 * MS, 0);
	/* 100 uL/min for a quarter of the time */
	CHECK(frame(100 * MS, bytes));
	CHECK_INT(word(bytes), 250);
	CHECK(frame(120 * MS, bytes));
	CHECK_INT(word(bytes), 0);
}

TEST(air_is_flagged_at_least_once)
{
	u8 bytes[9];

	power(SIM_SLF3S_0600F);
	command(0, start_water);
	CHECK(frame(20 * MS, bytes));
	CHECK_INT(word(bytes + 6), 0);
	/* comes and goes between two readings */
	sim_plant_set_air(&plant, 25 * MS, true);
	sim_sensor_air(&sensor, true);
	sim_plant_set_air(&plant, 26 * MS, false);
	sim_sensor_air(&sensor, false);
	CHECK(frame(40 * MS, bytes));
	CHECK_INT(word(bytes + 6), 1);
	CHECK(frame(60 * MS, bytes));
	CHECK_INT(word(bytes + 6), 0);
	sim_plant_set_air(&plant, 70 * MS, true);
	sim_sensor_air(&sensor, true);
	CHECK(frame(80 * MS, bytes));
	CHECK(frame(100 * MS, bytes));
	CHECK_INT(word(bytes + 6), 1);
}

TEST(faults_do_what_they_say)
{
	u8 bytes[9], again[9];
	int wrong[3] = { 0 }, i, k;

	power(SIM_SLF3S_0600F);
	sensor.noise_pl_min = 5000000;
	command(0, start_water);
	sensor.bad_crc = true;
	for (i = 0; i < 30; i++) {
		CHECK(frame((20 + 20 * i) * MS, bytes));
		for (k = 0; k < 3; k++)
			wrong[k] += !crcs_good(bytes + 3 * k, 1);
	}
	/* each word in turn, never two at once */
	for (k = 0; k < 3; k++)
		CHECK_INT(wrong[k], 10);
	sensor.bad_crc = false;

	CHECK(frame(1000 * MS, bytes));
	sensor.stuck = true;
	for (i = 0; i < 5; i++) {
		CHECK(frame((1020 + 20 * i) * MS, again));
		CHECK(!memcmp(bytes, again, 9));
	}
	sensor.stuck = false;
	CHECK(frame(1200 * MS, again));
	CHECK(memcmp(bytes, again, 9));

	sensor.high_flow = true;
	CHECK(frame(1300 * MS, bytes));
	CHECK_INT(abs(word(bytes)), 32767);
	CHECK_INT(word(bytes + 6), 2);
	sensor.high_flow = false;

	sensor.nack = true;
	CHECK(!frame(1400 * MS, bytes));
	sensor.nack = false;
	CHECK(frame(1500 * MS, bytes));

	sim_sensor_unplug(&sensor, 1600 * MS, true);
	CHECK(!frame(1620 * MS, bytes));
	CHECK_INT(command(1620 * MS, stop), -1);
	CHECK_INT(sim_sensor_write(&sensor, &plant, 1620 * MS, 0, reset, 1), -1);
	sim_sensor_unplug(&sensor, 1700 * MS, false);
	CHECK_INT(command(1720 * MS, stop), -1);
	CHECK_INT(command(1726 * MS, stop), 2);
	/* it was without power: no longer measuring */
	CHECK(!frame(1800 * MS, bytes));
}

TEST(noise_is_normal_enough_and_repeats_with_its_seed)
{
	struct sim_noise one = { .state = 1 }, same = { .state = 1 }, other = { .state = 2 };
	double sum = 0, squares = 0;
	int i, differ = 0;

	for (i = 0; i < 100000; i++) {
		s64 x = sim_noise(&one, 500000);

		CHECK_INT(x, sim_noise(&same, 500000));
		differ += x != sim_noise(&other, 500000);
		sum += x;
		squares += (double)x * x;
	}
	/* four standard errors */
	CHECK_NEAR(sum / i, 0, 4 * 500000 / sqrt(i));
	CHECK_NEAR(sqrt(squares / i), 500000, 4 * 500000 / sqrt(2.0 * i));
	CHECK(differ > 99000);
}

int main(void)
{
	RUN(check_sum_of_the_data_sheet);
	RUN(counts_per_unit_of_each_model);
	RUN(output_saturates_with_the_high_flow_flag);
	RUN(gain_and_offset);
	RUN(temperature_of_a_room_in_200ths_of_a_degree);
	RUN(no_frame_before_the_first_sample_nor_without_measurement);
	RUN(measuring_it_acknowledges_stop_alone);
	RUN(product_and_serial_number);
	RUN(isopropanol_is_for_the_slf3s_alone);
	RUN(general_call_resets_and_the_sensor_takes_25_ms);
	RUN(asleep_it_wakes_by_its_address_unacknowledged);
	RUN(other_addresses_and_unknown_commands_are_not_acknowledged);
	RUN(reading_is_the_mean_since_the_one_before);
	RUN(air_is_flagged_at_least_once);
	RUN(faults_do_what_they_say);
	RUN(noise_is_normal_enough_and_repeats_with_its_seed);
	return test_end();
}
