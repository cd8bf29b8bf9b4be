// SPDX-License-Identifier: GPL-2.0-or-later
/* Quantities: what is understood, to the last digit, and what is refused. */
#include <errno.h>
#include <locale.h>
#include <stdlib.h>

#include "nanodose.h"
#include "test.h"

#define NONE		NANODOSE_DIMENSION_NONE
#define VOLUME		NANODOSE_DIMENSION_VOLUME
#define RATE		NANODOSE_DIMENSION_RATE
#define TIME		NANODOSE_DIMENSION_TIME
#define PRESSURE	NANODOSE_DIMENSION_PRESSURE
#define LENGTH		NANODOSE_DIMENSION_LENGTH
#define TEMPERATURE	NANODOSE_DIMENSION_TEMPERATURE
#define NUMBER		NANODOSE_DIMENSION_NUMBER_CONCENTRATION
#define MASS		NANODOSE_DIMENSION_MASS_CONCENTRATION
#define FREQUENCY	NANODOSE_DIMENSION_FREQUENCY
#define MASS_ONLY	NANODOSE_DIMENSION_MASS

static const struct {
	const char *text;
	enum nanodose_dimension dimension;
	double value;
} good[] = {
	{ "3", NONE, 3 }, { "-2.5e-3", NONE, -2.5e-3 }, { " 7 ", NONE, 7 },
	{ "1.5 mL", VOLUME, 1.5e-6 }, { "1.5mL", VOLUME, 1.5e-6 }, { "2 ml", VOLUME, 2e-6 },
	{ "10 uL", VOLUME, 10e-9 }, { "10 \xc2\xb5L", VOLUME, 10e-9 },
	{ "10 \xce\xbcL", VOLUME, 10e-9 }, { "3 nL", VOLUME, 3e-12 }, { "3 pL", VOLUME, 3e-15 },
	{ "1 L", VOLUME, 1e-3 }, { "+.5 mL", VOLUME, 0.5e-6 }, { "-1 mL", VOLUME, -1e-6 },
	{ "1 cm^3", VOLUME, 1e-6 }, { "1 cm3", VOLUME, 1e-6 },
	{ "12 mL/min", RATE, 12e-6 / 60 }, { "12mL/min", RATE, 12e-6 / 60 },
	{ "12 mL / min", RATE, 12e-6 / 60 }, { "12 mL min-1", RATE, 12e-6 / 60 },
	{ "12 mL\xc2\xb7min\xe2\x81\xbb\xc2\xb9", RATE, 12e-6 / 60 },
	{ "5 uL/min", RATE, 5e-9 / 60 }, { "36 mL/h", RATE, 1e-8 }, { "4 uL/s", RATE, 4e-9 },
	{ "1e3 pL/min", RATE, 1e-12 / 60 },
	{ "30 s", TIME, 30 }, { "250 ms", TIME, 0.25 }, { "1.5 min", TIME, 90 },
	{ "8 h", TIME, 28800 }, { "2 hours", TIME, 7200 },
	{ "2 bar", PRESSURE, 2e5 }, { "150 mbar", PRESSURE, 15000 }, { "35 kPa", PRESSURE, 35000 },
	{ "1 psi", PRESSURE, 6894.757293168361 }, { "1 mmHg", PRESSURE, 133.322387415 },
	{ "4.699 mm", LENGTH, 4.699e-3 }, { "69 nm", LENGTH, 69e-9 },
	{ "37 degC", TEMPERATURE, 37 }, { "37 \xc2\xb0" "C", TEMPERATURE, 37 },
	{ "300 K", TEMPERATURE, 26.85 }, { "98.6 degF", TEMPERATURE, 37 },
	{ "2.5e12 /mL", NUMBER, 2.5e18 }, { "2.5e12/mL", NUMBER, 2.5e18 },
	{ "2.5e12 1/mL", NUMBER, 2.5e18 }, { "2.5e12 mL-1", NUMBER, 2.5e18 },
	{ "2.5e12 particles/mL", NUMBER, 2.5e18 },
	{ "1.5 mg/mL", MASS, 1.5 }, { "20 ug/mL", MASS, 0.02 }, { "3 g/L", MASS, 3 },
	{ "50 Hz", FREQUENCY, 50 }, { "2 kHz", FREQUENCY, 2000 }, { "3 /s", FREQUENCY, 3 },
};

static const struct {
	const char *text;
	enum nanodose_dimension dimension;
	int error;
	const char *says;	/* part of the message */
} bad[] = {
	{ "", VOLUME, EINVAL, "not a volume" },
	{ "mL", VOLUME, EINVAL, "not a volume" },
	{ "fast", RATE, EINVAL, "12 mL/min" },
	{ "12", RATE, EINVAL, "no unit; a rate needs one, such as \"12 mL/min\"" },
	{ "12 ", TIME, EINVAL, "no unit; a time needs one" },
	{ "12", TEMPERATURE, EINVAL, "no unit" },
	{ "12 mLL", VOLUME, EINVAL, "\"mLL\" in \"12 mLL\" is not a unit" },
	{ "12 mL/", RATE, EINVAL, "not a unit" },
	{ "12 mL//min", RATE, EINVAL, "not a unit" },
	{ "12 mL/min please", RATE, EINVAL, "not a unit" },
	{ "12 mL 3", VOLUME, EINVAL, "not a unit" },
	{ "12 3 mL", VOLUME, EINVAL, "not a unit" },
	{ "1 h 30 min", TIME, EINVAL, "not a unit" },
	{ "12 (mL)", VOLUME, EINVAL, "not a unit" },
	{ "5 degC @ 3", TEMPERATURE, EINVAL, "not a unit" },
	{ "5 s since 1970", TIME, EINVAL, "not a unit" },
	{ "1,5 mL", VOLUME, EINVAL, "comma" },
	{ "0x10 mL", VOLUME, EINVAL, "not a unit" },
	{ "1e mL", VOLUME, EDOM, "not a volume" },
	{ "1.2.3 mL", VOLUME, EINVAL, "not a unit" },
	{ "--1 mL", VOLUME, EINVAL, "not a volume" },
	{ "5 \xff\xfe", VOLUME, EINVAL, "not a unit" },
	{ "12 mL", RATE, EDOM, "is a volume, but a rate is needed, such as \"12 mL/min\"" },
	{ "12 mL/min", VOLUME, EDOM, "is a rate, but a volume is needed" },
	{ "5 m", TIME, EDOM, "is a length, but a time is needed" },
	{ "5 min/mL", RATE, EDOM, "not a rate" },
	{ "5 /s", TIME, EDOM, "is a frequency" },
	{ "5 s", FREQUENCY, EDOM, "is a time" },
	{ "5 mL", NUMBER, EDOM, "is a volume" },
	{ "5 /mL", VOLUME, EDOM, "is a number concentration" },
	{ "5 kg", VOLUME, EDOM, "is a mass" },
	{ "5 A", VOLUME, EDOM, "not a volume" },
	{ "5 %", VOLUME, EDOM, "is a number without a unit" },
	{ "5 %", NONE, EDOM, "not a number without a unit" },
	{ "3 mL", NONE, EDOM, "is a volume" },
	{ "nan mL", VOLUME, ERANGE, "not a finite number" },
	{ "inf mL", VOLUME, ERANGE, "not a finite number" },
	{ "-Infinity mL", VOLUME, ERANGE, "not a finite number" },
	{ "nan", NONE, ERANGE, "not a finite number" },
	{ "1e999 mL", VOLUME, ERANGE, "not a finite number" },
	{ "1e308 h", TIME, ERANGE, "too large" },
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

TEST(quantities_become_si_values)
{
	double value;
	size_t i;
	char *error;

	for (i = 0; i < COUNT(good); i++) {
		value = NAN;
		error = NULL;
		if (nanodose_quantity_parse(good[i].text, good[i].dimension, &value, &error))
			printf("# \"%s\": %s\n", good[i].text, error);
		CHECK(!error);
		CHECK_NEAR(value, good[i].value, fabs(good[i].value) * 1e-12);
		free(error);
	}
}

TEST(what_is_not_the_quantity_asked_for_is_refused_with_a_reason)
{
	double value;
	size_t i;
	char *error;

	for (i = 0; i < COUNT(bad); i++) {
		value = 4711;
		error = NULL;
		errno = 0;
		CHECK_INT(nanodose_quantity_parse(bad[i].text, bad[i].dimension, &value, &error), -1);
		CHECK_INT(errno, bad[i].error);
		if (!error || !strstr(error, bad[i].says)) {
			printf("# \"%s\": the message is: %s\n", bad[i].text, error);
			CHECK(!"message says what is wrong");
		}
		CHECK(value == 4711);
		free(error);
	}
}

TEST(the_message_may_be_left_out)
{
	double value;

	CHECK_INT(nanodose_quantity_parse("12", RATE, &value, NULL), -1);
}

TEST(numbers_have_a_point_in_a_locale_with_a_comma)
{
	static const char *const names[] = { "de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8" };
	char buffer[64];
	double value = 0;
	size_t i;

	for (i = 0; i < COUNT(names) && !setlocale(LC_ALL, names[i]); i++)
		;
	if (i == COUNT(names))
		printf("# no such locale on this machine; checked in C only\n");
	CHECK(!nanodose_quantity_parse("1.5 mL", VOLUME, &value, NULL));
	CHECK_NEAR(value, 1.5e-6, 1e-18);
	CHECK_TEXT(nanodose_quantity_format(4.5e-9 / 60, RATE, buffer, sizeof(buffer)),
		   "4.5 uL/min");
	setlocale(LC_ALL, "C");
}

TEST(values_are_shown_in_a_unit_of_their_size)
{
	static const struct {
		double value;
		enum nanodose_dimension dimension;
		const char *text;
	} shown[] = {
		{ 4.5e-9 / 60, RATE, "4.5 uL/min" }, { 12e-6 / 60, RATE, "12 mL/min" },
		{ 0, RATE, "0 uL/min" }, { -250e-12 / 60, RATE, "-250 nL/min" },
		{ 0.99999e-6 / 60, RATE, "1 mL/min" }, { 1234.56e-9, VOLUME, "1.235 mL" },
		{ 100e-9, VOLUME, "100 uL" }, { 1e-18, VOLUME, "0.001 pL" },
		{ 30, TIME, "30 s" }, { 90, TIME, "1.5 min" }, { 28800, TIME, "8 h" },
		{ 0.02, TIME, "20 ms" }, { 2e5, PRESSURE, "200 kPa" }, { 0, PRESSURE, "0 kPa" },
		{ 2.5e18, NUMBER, "2.5e+12 /mL" }, { 1.5, MASS, "1.5 mg/mL" },
		{ 20e-9, MASS_ONLY, "20 ug" }, { 1.5e-6, MASS_ONLY, "1.5 mg" },
		{ 36.6, TEMPERATURE, "36.6 degC" }, { 50, FREQUENCY, "50 Hz" }, { 3, NONE, "3" },
		{ NAN, RATE, "no value" }, { INFINITY, PRESSURE, "no limit" },
	};
	char buffer[64];
	size_t i;

	for (i = 0; i < COUNT(shown); i++)
		CHECK_TEXT(nanodose_quantity_format(shown[i].value, shown[i].dimension, buffer,
						    sizeof(buffer)), shown[i].text);
}

TEST(each_dimension_understands_its_own_example)
{
	double value;
	int dimension;

	for (dimension = NONE; dimension <= MASS_ONLY; dimension++) {
		CHECK(*nanodose_dimension_name(dimension));
		CHECK(!nanodose_quantity_parse(nanodose_dimension_example(dimension), dimension,
					       &value, NULL));
	}
}

int main(void)
{
	RUN(quantities_become_si_values);
	RUN(what_is_not_the_quantity_asked_for_is_refused_with_a_reason);
	RUN(the_message_may_be_left_out);
	RUN(numbers_have_a_point_in_a_locale_with_a_comma);
	RUN(values_are_shown_in_a_unit_of_their_size);
	RUN(each_dimension_understands_its_own_example);
	return test_end();
}
