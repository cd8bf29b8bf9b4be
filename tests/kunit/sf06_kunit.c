// SPDX-License-Identifier: GPL-2.0-only
/*
 * Frames of the SF06 flow sensors, in the kernel's own arithmetic.
 */
#include <kunit/test.h>
#include <linux/string.h>

#include "../../kmod/sf06.c"
#include "sf06_cases.h"

static void sf06_scale_matches_the_data_sheet(struct kunit *test)
{
	const struct sf06_scale_case *c = test->param_value;
	const struct sf06_variant *variant = sf06_find_variant(c->number);

	KUNIT_ASSERT_NOT_NULL(test, variant);
	KUNIT_EXPECT_EQ(test, sf06_flow_pl_min(variant, c->flow), c->pl_min);
}

static void sf06_number_gives_the_model(struct kunit *test)
{
	const struct sf06_number_case *c = test->param_value;
	const struct sf06_variant *variant = sf06_find_variant(c->number);

	KUNIT_ASSERT_NOT_NULL(test, variant);
	KUNIT_EXPECT_STREQ(test, variant->name, c->name);
	KUNIT_EXPECT_EQ(test, variant->model, c->model);
	KUNIT_EXPECT_EQ(test, variant->has_ipa, c->has_ipa);
}

static void sf06_number_of_another_kind_is_refused(struct kunit *test)
{
	/* SLF3C-1300F, no product at all, and right digits in the wrong place */
	KUNIT_EXPECT_NULL(test, sf06_find_variant(0x07030402));
	KUNIT_EXPECT_NULL(test, sf06_find_variant(0));
	KUNIT_EXPECT_NULL(test, sf06_find_variant(0x070303));
}

static void sf06_check_sum_matches_published_values(struct kunit *test)
{
	const u8 beef[] = { 0xbe, 0xef };
	const u8 digits[] = { '1', '2', '3', '4', '5', '6', '7', '8', '9' };

	KUNIT_EXPECT_EQ(test, sf06_crc8(beef, sizeof(beef)), 0x92);
	KUNIT_EXPECT_EQ(test, sf06_crc8(digits, sizeof(digits)), 0xf7);
}

static void sf06_frame_is_decoded(struct kunit *test)
{
	const struct sf06_frame_case *c = test->param_value;
	struct sf06_frame frame;

	KUNIT_ASSERT_EQ(test, sf06_decode_frame(c->wire, &frame), 0);
	KUNIT_EXPECT_EQ(test, frame.flow, c->flow);
	KUNIT_EXPECT_EQ(test, sf06_temperature_mdegc(frame.temperature), c->temperature_mdegc);
	KUNIT_EXPECT_EQ(test, frame.flags, c->flags);
}

static void sf06_frame_with_any_bit_wrong_is_refused(struct kunit *test)
{
	const struct sf06_frame_case *c = test->param_value;
	u8 wire[SF06_FRAME_BYTES];
	struct sf06_frame frame;
	int bit;

	for (bit = 0; bit < 8 * SF06_FRAME_BYTES; bit++) {
		memcpy(wire, c->wire, sizeof(wire));
		wire[bit / 8] ^= 1 << bit % 8;
		memset(&frame, 0x5a, sizeof(frame));
		KUNIT_EXPECT_EQ_MSG(test, sf06_decode_frame(wire, &frame), -EBADMSG, "bit %d", bit);
		KUNIT_EXPECT_NULL(test, memchr_inv(&frame, 0x5a, sizeof(frame)));
	}
}

static void sf06_product_id_is_decoded(struct kunit *test)
{
	u32 number;
	u64 serial;

	KUNIT_ASSERT_EQ(test, sf06_decode_product_id(sf06_id_wire, &number, &serial), 0);
	KUNIT_EXPECT_EQ(test, number, SF06_ID_NUMBER);
	KUNIT_EXPECT_EQ(test, serial, SF06_ID_SERIAL);
}

static void sf06_product_id_with_any_bit_wrong_is_refused(struct kunit *test)
{
	u8 wire[SF06_PRODUCT_ID_BYTES];
	u32 number;
	u64 serial;
	int bit;

	for (bit = 0; bit < 8 * SF06_PRODUCT_ID_BYTES; bit++) {
		memcpy(wire, sf06_id_wire, sizeof(wire));
		wire[bit / 8] ^= 1 << bit % 8;
		KUNIT_EXPECT_EQ_MSG(test, sf06_decode_product_id(wire, &number, &serial), -EBADMSG,
				    "bit %d", bit);
	}
}

static void sf06_scale_describe(const struct sf06_scale_case *c, char *description)
{
	strscpy(description, c->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(sf06_scale, sf06_scale_cases, sf06_scale_describe);

static void sf06_number_describe(const struct sf06_number_case *c, char *description)
{
	strscpy(description, c->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(sf06_number, sf06_number_cases, sf06_number_describe);

static void sf06_frame_describe(const struct sf06_frame_case *c, char *description)
{
	strscpy(description, c->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(sf06_frame, sf06_frame_cases, sf06_frame_describe);

static struct kunit_case sf06_cases[] = {
	KUNIT_CASE_PARAM(sf06_scale_matches_the_data_sheet, sf06_scale_gen_params),
	KUNIT_CASE_PARAM(sf06_number_gives_the_model, sf06_number_gen_params),
	KUNIT_CASE(sf06_number_of_another_kind_is_refused),
	KUNIT_CASE(sf06_check_sum_matches_published_values),
	KUNIT_CASE_PARAM(sf06_frame_is_decoded, sf06_frame_gen_params),
	KUNIT_CASE_PARAM(sf06_frame_with_any_bit_wrong_is_refused, sf06_frame_gen_params),
	KUNIT_CASE(sf06_product_id_is_decoded),
	KUNIT_CASE(sf06_product_id_with_any_bit_wrong_is_refused),
	{}
};

static struct kunit_suite sf06_suite = {
	.name = "nanodose_sf06",
	.test_cases = sf06_cases,
};

kunit_test_suite(sf06_suite);
