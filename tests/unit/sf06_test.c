// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The decoder of the SF06 flow sensors on the host: the maker's figures, and
 * every flow word against floating point.
 */
#include <linux/nanodose.h>

#include "sf06.h"
#include "test.h"

#include "../kunit/sf06_cases.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

TEST(each_scale_factor_is_that_of_the_data_sheet)
{
	size_t i;

	for (i = 0; i < COUNT(sf06_scale_cases); i++) {
		const struct sf06_scale_case *c = &sf06_scale_cases[i];
		const struct sf06_variant *variant = sf06_find_variant(c->number);

		printf("# %s\n", c->name);
		CHECK(variant);
		if (variant)
			CHECK_INT(sf06_flow_pl_min(variant, c->flow), c->pl_min);
	}
}

TEST(each_flow_word_is_the_nearest_picolitre_per_minute)
{
	/* units per 1 uL/min, as the data sheets give them */
	static const struct {
		unsigned int number;
		double units_per_ul_min;
	} sensors[] = {
		{ 0x07030300, 10 },
		{ 0x07030200, 500 / 1e3 },
		{ 0x07030500, 32 / 1e3 },
		{ 0x07010300, 1200 * 60 / 1e3 },
		{ 0x07010200, 20 * 60 / 1e3 },
	};
	size_t i;
	int flow;

	for (i = 0; i < COUNT(sensors); i++) {
		const struct sf06_variant *variant = sf06_find_variant(sensors[i].number);
		double worst = 0, error;

		CHECK(variant);
		for (flow = -32768; variant && flow <= 32767; flow++) {
			error = fabs(sf06_flow_pl_min(variant, flow) -
				     flow * 1e6 / sensors[i].units_per_ul_min);
			worst = fmax(worst, error);
		}
		printf("# %s: at most %.3f pL/min off\n", variant ? variant->name : "?", worst);
		CHECK(worst <= 0.5 + 1e-3);
	}
}

TEST(product_numbers_give_the_models)
{
	size_t i;

	for (i = 0; i < COUNT(sf06_number_cases); i++) {
		const struct sf06_number_case *c = &sf06_number_cases[i];
		const struct sf06_variant *variant = sf06_find_variant(c->number);

		CHECK(variant);
		if (!variant)
			continue;
		CHECK_TEXT(variant->name, c->name);
		CHECK_INT(variant->model, c->model);
		CHECK_INT(variant->has_ipa, c->has_ipa);
	}
	CHECK(!sf06_find_variant(0x07030402));
	CHECK(!sf06_find_variant(0));
	CHECK(!sf06_find_variant(0xffffffff));
}

TEST(check_sum_has_its_published_values)
{
	CHECK_INT(sf06_crc8((const u8 *)"\xbe\xef", 2), 0x92);
	CHECK_INT(sf06_crc8((const u8 *)"123456789", 9), 0xf7);
}

TEST(frames_are_decoded_with_sign_temperature_and_flags)
{
	struct sf06_frame frame;
	size_t i;

	for (i = 0; i < COUNT(sf06_frame_cases); i++) {
		const struct sf06_frame_case *c = &sf06_frame_cases[i];

		printf("# %s\n", c->name);
		CHECK_INT(sf06_decode_frame(c->wire, &frame), 0);
		CHECK_INT(frame.flow, c->flow);
		CHECK_INT(sf06_temperature_mdegc(frame.temperature), c->temperature_mdegc);
		CHECK_INT(frame.flags, c->flags);
	}
}

TEST(frame_with_any_byte_wrong_is_refused_and_gives_nothing)
{
	struct sf06_frame frame, before;
	u8 wire[SF06_FRAME_BYTES];
	size_t i, byte;
	int change;

	memset(&before, 0x5a, sizeof(before));
	for (i = 0; i < COUNT(sf06_frame_cases); i++) {
		for (byte = 0; byte < sizeof(wire); byte++) {
			for (change = 1; change < 256; change++) {
				memcpy(wire, sf06_frame_cases[i].wire, sizeof(wire));
				wire[byte] ^= change;
				frame = before;
				CHECK_INT(sf06_decode_frame(wire, &frame), -EBADMSG);
				CHECK(!memcmp(&frame, &before, sizeof(frame)));
			}
		}
	}
}

TEST(product_id_is_decoded)
{
	u32 number = 0;
	u64 serial = 0;

	CHECK_INT(sf06_decode_product_id(sf06_id_wire, &number, &serial), 0);
	CHECK_INT(number, SF06_ID_NUMBER);
	CHECK_INT(serial, SF06_ID_SERIAL);
}

TEST(product_id_with_any_byte_wrong_is_refused)
{
	u8 wire[SF06_PRODUCT_ID_BYTES];
	size_t byte;
	int change;
	u32 number;
	u64 serial;

	for (byte = 0; byte < sizeof(wire); byte++) {
		for (change = 1; change < 256; change++) {
			memcpy(wire, sf06_id_wire, sizeof(wire));
			wire[byte] ^= change;
			CHECK_INT(sf06_decode_product_id(wire, &number, &serial), -EBADMSG);
		}
	}
}

int main(void)
{
	RUN(each_scale_factor_is_that_of_the_data_sheet);
	RUN(each_flow_word_is_the_nearest_picolitre_per_minute);
	RUN(product_numbers_give_the_models);
	RUN(check_sum_has_its_published_values);
	RUN(frames_are_decoded_with_sign_temperature_and_flags);
	RUN(frame_with_any_byte_wrong_is_refused_and_gives_nothing);
	RUN(product_id_is_decoded);
	RUN(product_id_with_any_byte_wrong_is_refused);
	return test_end();
}
