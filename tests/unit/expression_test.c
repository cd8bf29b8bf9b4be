// SPDX-License-Identifier: GPL-2.0-or-later
/* Expressions: their values, their dimensions, and the walls around them. */
#include <stdlib.h>

#include "expression.h"
#include "protocol.h"
#include "test.h"

#define UL_MIN (1e-9 / 60)

static struct protocol_input inputs[] = {
	{ "ratio", NANODOSE_DIMENSION_NONE, 3, (char *)"3", false },
	{ "rate", NANODOSE_DIMENSION_RATE, 12000 * UL_MIN, (char *)"12 mL/min", false },
	{ "slow", NANODOSE_DIMENSION_RATE, 500 * UL_MIN, (char *)"0.5 mL/min", false },
	{ "batch", NANODOSE_DIMENSION_VOLUME, 2e-6, (char *)"2 mL", false },
	{ "pause", NANODOSE_DIMENSION_TIME, 90, (char *)"90 s", false },
	{ "strength", NANODOSE_DIMENSION_NUMBER_CONCENTRATION, 1e18, (char *)"1e12 /mL", false },
	{ "warmth", NANODOSE_DIMENSION_TEMPERATURE, 37, (char *)"37 degC", false },
	{ "ceiling", NANODOSE_DIMENSION_PRESSURE, 2e5, (char *)"2 bar", false },
	{ "steepness", NANODOSE_DIMENSION_ACCELERATION, 100 * UL_MIN, (char *)"100 uL/min/s", false },
};

static struct expression_channel channels[] = {
	{ "aqueous", 94.5, 100, 1200, 12.5, 22.25 },
	{ "lipid", NAN, 50, 400, NAN, NAN },
};

static const struct expression_values values = {
	.channels = channels,
	.channel_count = 2,
	.time_s = 4.5,
	.elapsed_s = 61,
	.inputs = inputs,
	.input_count = sizeof(inputs) / sizeof(inputs[0]),
};

static struct expression_result result_of(const char *text)
{
	struct expression_result result = { .number = -12345 };
	char *error = NULL;
	struct expression *expression = expression_new(text, &error);

	if (!expression || expression_result(expression, &values, &result, &error)) {
		test_bad = 1;
		printf("# \"%s\" is refused: %s\n", text, error);
		free(error);
	}
	expression_free(expression);
	return result;
}

static double value_of(const char *text)
{
	return result_of(text).number;
}

/* What an expression is refused with, at compiling or when it runs. */
static const char *refusal_of(const char *text)
{
	static char said[512];
	char *error = NULL;
	struct expression *expression = expression_new(text, &error);
	double value;

	snprintf(said, sizeof(said), "not refused");
	if (expression && !expression_evaluate(expression, &values, &value, &error)) {
		expression_free(expression);
		return said;
	}
	snprintf(said, sizeof(said), "%s", error ? error : "no message");
	free(error);
	expression_free(expression);
	return said;
}

TEST(arithmetic_comparison_and_math)
{
	CHECK_NEAR(value_of("1 + 2 * 3"), 7, 0);
	CHECK_NEAR(value_of("7 // 2"), 3, 0);
	CHECK_NEAR(value_of("2 ^ 0.5"), 1.4142135623730951, 1e-16);
	CHECK_NEAR(value_of("math.sqrt(ratio + 1)"), 2, 0);
	CHECK_NEAR(value_of("math.max(1, ratio, 2)"), 3, 0);
	CHECK_NEAR(value_of("math.min(ratio, 2.5)"), 2.5, 0);
	CHECK_NEAR(value_of("math.abs(-ratio)"), 3, 0);
	CHECK_NEAR(value_of("math.floor(math.pi * 100)"), 314, 0);
	CHECK_NEAR(value_of("ratio > 2 and 10 or 20"), 10, 0);
	CHECK_INT(result_of("ratio > 2").kind, EXPRESSION_TRUTH);
	CHECK_NEAR(value_of("ratio > 2"), 1, 0);
	CHECK_NEAR(value_of("not (ratio > 2)"), 0, 0);
}

TEST(values_of_the_run_by_channel)
{
	CHECK_NEAR(value_of("flow.aqueous"), 94.5, 0);
	CHECK_NEAR(value_of("flow.aqueous > 95"), 0, 0);
	CHECK_NEAR(value_of("flow.aqueous >= 0.9 * setpoint.aqueous"), 1, 0);
	CHECK_NEAR(value_of("volume.aqueous + volume.lipid"), 1600, 0);
	CHECK_NEAR(value_of("pressure.aqueous"), 12.5, 0);
	CHECK_NEAR(value_of("temperature.aqueous"), 22.25, 0);
	CHECK_NEAR(value_of("elapsed - time"), 56.5, 0);
	CHECK_NEAR(value_of("flow.aqueous < to(rate, 'uL/min')"), 1, 0);
}

TEST(a_rate_and_its_change_make_a_time)
{
	CHECK_NEAR(value_of("to(steepness * 2, 'uL/min/s')"), 200, 1e-9);
	CHECK_NEAR(value_of("to(slow / steepness, 's')"), 5, 1e-12);
	CHECK_NEAR(value_of("to(steepness * pause, 'mL/min')"), 9, 1e-12);
	CHECK_NEAR(value_of("to(rate / pause, 'uL/min/s')"), 12000 / 90.0, 1e-9);
	CHECK_TEXT(refusal_of("steepness * rate"),
		   "a change of a rate times a rate is no quantity of this language");
}

TEST(a_reading_that_was_not_had_makes_no_condition_true)
{
	CHECK_NEAR(value_of("flow.lipid > 0"), 0, 0);
	CHECK_NEAR(value_of("flow.lipid < 1e9"), 0, 0);
	CHECK_NEAR(value_of("pressure.lipid <= 100 or pressure.lipid >= 100"), 0, 0);
}

TEST(values_change_from_one_evaluation_to_the_next)
{
	struct expression_channel one = { "a", 1, 0, 0, 0, 0 };
	struct expression_values run = { .channels = &one, .channel_count = 1 };
	struct expression *expression = expression_new("flow.a + time", NULL);
	double value = 0;

	CHECK(expression);
	for (int i = 0; i < 100000; i++) {
		one.flow_ul_min = i;
		run.time_s = 0.5 * i;
		if (expression_evaluate(expression, &run, &value, NULL) || value != 1.5 * i) {
			CHECK_NEAR(value, 1.5 * i, 0);
			break;
		}
	}
	expression_free(expression);
}

TEST(quantities_keep_their_dimension)
{
	struct expression_result result = result_of("rate * 0.5");

	CHECK_INT(result.kind, EXPRESSION_QUANTITY);
	CHECK_INT(result.dimension, NANODOSE_DIMENSION_RATE);
	CHECK_NEAR(result.number, 6000 * UL_MIN, 1e-18);
	CHECK_TEXT(result.unit, "mL/min");

	result = result_of("batch / rate");
	CHECK_INT(result.dimension, NANODOSE_DIMENSION_TIME);
	CHECK_NEAR(result.number, 10, 1e-12);
	result = result_of("slow * pause");
	CHECK_INT(result.dimension, NANODOSE_DIMENSION_VOLUME);
	CHECK_NEAR(result.number, 0.75e-6, 1e-18);
	result = result_of("-(slow - rate) / 23");
	CHECK_INT(result.dimension, NANODOSE_DIMENSION_RATE);
	CHECK_NEAR(result.number, 500 * UL_MIN, 1e-18);
	result = result_of("2e12 / strength");
	CHECK_INT(result.dimension, NANODOSE_DIMENSION_VOLUME);
	CHECK_NEAR(result.number, 2e-6, 1e-18);
	result = result_of("strength * batch");
	CHECK_INT(result.kind, EXPRESSION_NUMBER);
	CHECK_NEAR(result.number, 2e12, 1);
	result = result_of("rate / slow");
	CHECK_INT(result.kind, EXPRESSION_NUMBER);
	CHECK_NEAR(result.number, 24, 1e-12);
	result = result_of("math.max(slow, rate / 12, rate / 48)");
	CHECK_INT(result.dimension, NANODOSE_DIMENSION_RATE);
	CHECK_NEAR(result.number, 1000 * UL_MIN, 1e-18);
	CHECK_NEAR(value_of("rate > slow"), 1, 0);
	CHECK_NEAR(value_of("rate <= slow"), 0, 0);
	CHECK_NEAR(value_of("to(rate, 'uL/s')"), 200, 1e-9);
	CHECK_NEAR(value_of("to(warmth, 'degC')"), 37, 1e-9);
	CHECK_NEAR(value_of("to(warmth, 'degF')"), 98.6, 1e-9);
	CHECK_NEAR(value_of("to(ceiling, 'kPa')"), 200, 1e-9);
}

TEST(what_has_no_dimension_of_its_own_is_refused)
{
	CHECK_TEXT(refusal_of("rate + batch"), "cannot add a rate and a volume");
	CHECK_TEXT(refusal_of("rate - 1"), "cannot subtract a rate and a number without a unit");
	CHECK_TEXT(refusal_of("rate * rate"), "a rate times a rate is no quantity of this language");
	CHECK_TEXT(refusal_of("batch / ceiling"),
		   "a volume divided by a pressure is no quantity of this language");
	CHECK_TEXT(refusal_of("warmth * 2"),
		   "a temperature times a number without a unit is no quantity of this language");
	CHECK_TEXT(refusal_of("rate > batch"), "cannot compare a volume with a rate");
	CHECK_TEXT(refusal_of("flow.aqueous > rate"),
		   "cannot compare a rate with a bare number; to(x, \"mL/min\") gives its number in a unit");
	CHECK_TEXT(refusal_of("to(rate, 'mL')"), "to(): \"mL\" is no unit of a rate");
	CHECK_TEXT(refusal_of("to(3, 'mL')"), "to() takes a quantity and a unit, as in to(rate, \"uL/min\")");
	CHECK(strstr(refusal_of("rate ^ 2"), "quantity value"));
	CHECK(strstr(refusal_of("math.floor(rate)"), "number expected"));
}

TEST(nothing_but_arithmetic_can_be_reached)
{
	static const char *const names[] = {
		"os.execute('true')", "io.open('/etc/passwd')", "require('os')", "load('return 1')()",
		"dofile('/etc/passwd')", "debug.getregistry()", "package.loaded", "_G.os", "_ENV.os",
		"string.rep('x', 1e9)", "table.concat({})", "coroutine.create(1)", "print(1)",
		"collectgarbage()", "getmetatable('').__index", "setmetatable({}, {})",
		"pcall(error)", "rawget(math, 'pi')", "select(1, 2)", "utf8.char(1)",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char *error = NULL;
		struct expression *expression = expression_new(names[i], &error);

		CHECK(!expression);
		CHECK(error && strstr(error, "is not allowed"));
		free(error);
		expression_free(expression);
	}
	/* Other ways round: methods of text, names that are not there, random numbers. */
	CHECK_TEXT(refusal_of("('x'):rep(1e9)"), "attempt to index a string value (constant 'x')");
	CHECK_TEXT(refusal_of("nowhere"), "unknown name 'nowhere'");
	CHECK_TEXT(refusal_of("flow.nowhere"), "there is no channel 'nowhere'");
	CHECK(strstr(refusal_of("math.random()"), "nil value"));
	CHECK(strstr(refusal_of("math.randomseed(1)"), "nil value"));
	/* A precompiled chunk is not text. */
	CHECK(strncmp(refusal_of("\x1bLua"), "not refused", 11));
}

TEST(only_one_expression_is_taken)
{
	CHECK(strstr(refusal_of("1 +"), "unexpected symbol near the end"));
	CHECK(strstr(refusal_of("x = 1"), "near '='"));
	CHECK(strstr(refusal_of("1; x = 2"), "the end"));
	CHECK(strstr(refusal_of("1) + (2"), "near ')'"));
	CHECK_TEXT(refusal_of("1, 2"), "must give one value");
	CHECK_TEXT(refusal_of(""), "is empty");
	CHECK_TEXT(refusal_of("  "), "is empty");
	CHECK_TEXT(refusal_of("nil"), "gives nil, not a number");
	CHECK_TEXT(refusal_of("'text'"), "gives string, not a number");
	CHECK_TEXT(refusal_of("math"), "gives table, not a number");
}

TEST(loops_and_memory_are_bounded)
{
	char text[2000];

	CHECK_TEXT(refusal_of("(function() while true do end end)()"),
		   "does not end within 100000 instructions");
	CHECK_TEXT(refusal_of("(function(f) return f(f) end)(function(f) return f(f) end)"),
		   "does not end within 100000 instructions");
	CHECK_TEXT(refusal_of("(function() local s = 'xxxxxxxx' for i = 1, 40 do s = s .. s end return 1 end)()"),
		   "needs too much memory");
	CHECK_TEXT(refusal_of("(function(f) return 1 + f(f) end)(function(f) return 1 + f(f) end)"),
		   "does not end within 100000 instructions");
	memset(text, '(', 900);
	snprintf(text + 900, sizeof(text) - 900, "1");
	CHECK(strncmp(refusal_of(text), "not refused", 11));
	memset(text, '-', 1500);
	text[1500] = '\0';
	CHECK_TEXT(refusal_of(text), "is longer than 1000 characters");
}

TEST(an_expression_works_again_after_it_failed)
{
	struct expression *expression = expression_new("1 / (flow.aqueous > 95 and nil or 1) + flow.aqueous", NULL);
	char *error = NULL;
	double value = 0;

	CHECK(expression);
	channels[0].flow_ul_min = 94.5;
	CHECK(!expression_evaluate(expression, &values, &value, &error));
	CHECK_NEAR(value, 95.5, 0);
	expression_free(expression);

	expression = expression_new("(function() while flow.aqueous > 95 do end return 7 end)()", NULL);
	CHECK(expression);
	channels[0].flow_ul_min = 96;
	CHECK(expression_evaluate(expression, &values, &value, &error));
	CHECK_TEXT(error, "does not end within 100000 instructions");
	free(error);
	channels[0].flow_ul_min = 94.5;
	CHECK(!expression_evaluate(expression, &values, &value, NULL));
	CHECK_NEAR(value, 7, 0);
	expression_free(expression);
}

struct found {
	char text[200];
};

static bool note_name(void *user, const char *name, const char *field)
{
	struct found *found = user;
	size_t used = strlen(found->text);

	snprintf(found->text + used, sizeof(found->text) - used, "%s%s%s ", name, *field ? "." : "",
		 field);
	return true;
}

static const char *names_in(const char *text)
{
	static struct found found;

	found.text[0] = '\0';
	expression_names(text, note_name, &found);
	return found.text;
}

TEST(the_names_in_an_expression_are_found)
{
	CHECK_TEXT(names_in("a + b.c * math.pi"), "a b.c math.pi ");
	CHECK_TEXT(names_in("flow . x>1e3 and not y or 0x1F"), "flow.x y ");
	CHECK_TEXT(names_in("'os' .. \"a\\\"b\" .. z"), "z ");
	CHECK_TEXT(names_in("1e+5 - e5"), "e5 ");
	CHECK_TEXT(names_in("a..b"), "a b ");
}

int main(void)
{
	RUN(arithmetic_comparison_and_math);
	RUN(values_of_the_run_by_channel);
	RUN(a_rate_and_its_change_make_a_time);
	RUN(a_reading_that_was_not_had_makes_no_condition_true);
	RUN(values_change_from_one_evaluation_to_the_next);
	RUN(quantities_keep_their_dimension);
	RUN(what_has_no_dimension_of_its_own_is_refused);
	RUN(nothing_but_arithmetic_can_be_reached);
	RUN(only_one_expression_is_taken);
	RUN(loops_and_memory_are_bounded);
	RUN(an_expression_works_again_after_it_failed);
	RUN(the_names_in_an_expression_are_found);
	return test_end();
}
