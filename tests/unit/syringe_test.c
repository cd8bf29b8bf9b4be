// SPDX-License-Identifier: GPL-2.0-or-later
/* The syringe table, against figures published by others than its source's table. */
#include <errno.h>

#include "nanodose.h"
#include "test.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static double area_mm2(const char *name)
{
	const struct nanodose_syringe *syringe = nanodose_syringe_find(name);

	return syringe ? M_PI / 4 * syringe->diameter_m * syringe->diameter_m * 1e6 : NAN;
}

/*
 * The Pump 11 Elite's guide tells lowest and highest flow by syringe (appendix
 * B) apart from the diameters (appendix A); its pusher moves 0.15 um/min to
 * 159 mm/min. The lowest flows are rounded there, by up to 2 %.
 */
TEST(bores_give_the_flow_limits_that_the_elite_pump_states)
{
	static const struct { const char *name; double min_nl_min, max_ul_min; } rows[] = {
		{ "Hamilton 10 uL", 0.02826, 29.38 },
		{ "Hamilton 1 mL", 2.553, 2652 },
		{ "BD Plastipak 10 mL", 25.03, 25990 },
		{ "BD Plastipak 60 mL", 85.05, 88320 },
	};
	size_t i;

	for (i = 0; i < COUNT(rows); i++) {
		double area = area_mm2(rows[i].name);

		CHECK_NEAR(area * 159, rows[i].max_ul_min, rows[i].max_ul_min * 1e-3);
		CHECK_NEAR(area * 0.15, rows[i].min_nl_min, rows[i].min_nl_min * 0.03);
	}
}

/* poseidon's bore areas, from its controller's source, first and last. */
TEST(bd_bores_agree_with_the_poseidon_pump)
{
	CHECK_NEAR(area_mm2("BD Plastipak 1 mL"), 17.342, 0.01);
	CHECK_NEAR(area_mm2("BD Plastipak 60 mL"), 554.046, 554.046 * 3e-3);
}

TEST(every_row_is_complete_and_its_stroke_is_possible)
{
	size_t i, j;

	CHECK_INT(nanodose_syringe_count(), 55);
	for (i = 0; i < nanodose_syringe_count(); i++) {
		const struct nanodose_syringe *row = nanodose_syringe_at(i);
		double stroke_mm = row->volume_m3 /
				   (M_PI / 4 * row->diameter_m * row->diameter_m) * 1e3;
		char unit[8];
		double volume;

		CHECK(row->source && *row->source);
		/* A slipped digit in a diameter makes a stroke no syringe has. */
		CHECK(stroke_mm > 30 && stroke_mm < 140);
		CHECK(sscanf(row->name + strcspn(row->name, "0123456789"), "%lf %7s", &volume,
			     unit) == 2);
		CHECK_NEAR(row->volume_m3, volume * (unit[0] == 'u' ? 1e-9 : 1e-6), 1e-15);
		for (j = 0; j < i; j++)
			CHECK(strcmp(row->name, nanodose_syringe_at(j)->name));
	}
	CHECK(!nanodose_syringe_at(nanodose_syringe_count()));
}

TEST(case_and_spaces_do_not_matter)
{
	const struct nanodose_syringe *row = nanodose_syringe_find("BD Plastipak 10 mL");

	CHECK(row);
	CHECK(nanodose_syringe_find("  bd   PLASTIPAK 10 ml ") == row);
	CHECK(nanodose_syringe_find("BD Plastipak 10mL") == row);
	CHECK(nanodose_syringe_find("Hamilton 25 \xc2\xb5L") == nanodose_syringe_find("Hamilton 25 uL"));
	CHECK(nanodose_syringe_find("Hamilton 25 uL"));
}

TEST(an_unknown_name_is_not_found)
{
	static const char *const names[] = {
		"", "BD", "BD Plastipak", "BD Plastipak 11 mL", "BD Plastipak 10", "10 mL",
		"BD Plastipak 10 mL x",
		"a name that is very much longer than any syringe in the table could ever have been given",
	};
	size_t i;

	for (i = 0; i < COUNT(names); i++) {
		errno = 0;
		CHECK(!nanodose_syringe_find(names[i]));
		CHECK_INT(errno, ENOENT);
	}
}

TEST(a_misspelt_name_gets_the_nearest_ones_best_first)
{
	static const struct { const char *name, *best; } cases[] = {
		{ "BD Plastipack 10 mL", "BD Plastipak 10 mL" },
		{ "BD Plastic 3 mL", "BD Plastipak 3 mL" },
		{ "Hamiltom 25uL", "Hamilton 25 uL" },
		{ "Plastipak 20 mL", "BD Plastipak 20 mL" },
		{ "norm-ject 50 mL", "HSW Norm-Ject 50 mL" },
		{ "Termuo 60 mL", "Terumo 60 mL" },
	};
	const char *names[3];
	size_t i;

	for (i = 0; i < COUNT(cases); i++) {
		CHECK_INT(nanodose_syringe_suggest(cases[i].name, names, 3), 3);
		CHECK_TEXT(names[0], cases[i].best);
	}
	CHECK_INT(nanodose_syringe_suggest("x", names, 0), 0);
}

/* Volume quanta published for these pumps: 0.069 um and 0.031 um a step, poseidon's 0.8 mm / 6400. */
TEST(a_step_moves_the_volume_the_makers_state)
{
	double diameter_m = nanodose_syringe_find("BD Plastipak 1 mL")->diameter_m;

	CHECK_NEAR(nanodose_volume_per_step(diameter_m, 69, 1) * 1e12, 1.197, 0.001);
	CHECK_NEAR(nanodose_volume_per_step(diameter_m, 31, 1) * 1e12, 0.538, 0.001);
	CHECK_NEAR(nanodose_volume_per_step(diameter_m, 800000, 6400) * 1e12, 2.17, 0.005);
}

int main(void)
{
	RUN(bores_give_the_flow_limits_that_the_elite_pump_states);
	RUN(bd_bores_agree_with_the_poseidon_pump);
	RUN(every_row_is_complete_and_its_stroke_is_possible);
	RUN(case_and_spaces_do_not_matter);
	RUN(an_unknown_name_is_not_found);
	RUN(a_misspelt_name_gets_the_nearest_ones_best_first);
	RUN(a_step_moves_the_volume_the_makers_state);
	return test_end();
}
