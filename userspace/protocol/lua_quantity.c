// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Quantities in Lua: values that carry their dimension through arithmetic, so
 * that a volume cannot end up where a rate belongs. Volume / rate is a time,
 * a count / concentration is a volume; a product that the language has no
 * word for is an error.
 */
#include <lauxlib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "expression.h"
#include "wording.h"

#define TYPE "quantity"

/* Exponents of metre, kilogram, second. Temperatures take no part. */
static const struct {
	signed char m, kg, s;
} exponents[] = {
	[NANODOSE_DIMENSION_NONE] = { 0, 0, 0 },
	[NANODOSE_DIMENSION_VOLUME] = { 3, 0, 0 },
	[NANODOSE_DIMENSION_RATE] = { 3, 0, -1 },
	[NANODOSE_DIMENSION_TIME] = { 0, 0, 1 },
	[NANODOSE_DIMENSION_PRESSURE] = { -1, 1, -2 },
	[NANODOSE_DIMENSION_LENGTH] = { 1, 0, 0 },
	[NANODOSE_DIMENSION_TEMPERATURE] = { 99, 99, 99 },
	[NANODOSE_DIMENSION_NUMBER_CONCENTRATION] = { -3, 0, 0 },
	[NANODOSE_DIMENSION_MASS_CONCENTRATION] = { -3, 1, 0 },
	[NANODOSE_DIMENSION_FREQUENCY] = { 0, 0, -1 },
	[NANODOSE_DIMENSION_MASS] = { 0, 1, 0 },
	[NANODOSE_DIMENSION_ACCELERATION] = { 3, 0, -2 },
	[NANODOSE_DIMENSION_VISCOSITY] = { -1, 1, -1 },
};

#define DIMENSIONS (sizeof(exponents) / sizeof(exponents[0]))

_Static_assert(DIMENSIONS == NANODOSE_DIMENSION_VISCOSITY + 1, "each dimension has its exponents");

const struct lua_quantity *lua_quantity_get(lua_State *lua, int index)
{
	return luaL_testudata(lua, index, TYPE);
}

void lua_quantity_push(lua_State *lua, double value, enum nanodose_dimension dimension,
		       const char *unit)
{
	struct lua_quantity *quantity;

	if (dimension == NANODOSE_DIMENSION_NONE) {
		lua_pushnumber(lua, value);
		return;
	}
	quantity = lua_newuserdatauv(lua, sizeof(*quantity), 0);
	quantity->value = value;
	quantity->dimension = dimension;
	snprintf(quantity->unit, sizeof(quantity->unit), "%s", unit);
	/* A unit that had to be cut would be a wrong one. */
	if (strlen(unit) >= sizeof(quantity->unit))
		quantity->unit[0] = '\0';
	luaL_setmetatable(lua, TYPE);
}

/* A number or a quantity as an operand. */
static struct lua_quantity operand(lua_State *lua, int index)
{
	const struct lua_quantity *quantity = lua_quantity_get(lua, index);
	struct lua_quantity number = { .dimension = NANODOSE_DIMENSION_NONE };

	if (quantity)
		return *quantity;
	if (lua_type(lua, index) != LUA_TNUMBER)
		luaL_error(lua, "arithmetic takes numbers and quantities, not a %s",
			   luaL_typename(lua, index));
	number.value = lua_tonumber(lua, index);
	return number;
}

static const char *name_of(const struct lua_quantity *quantity)
{
	return nanodose_dimension_name(quantity->dimension);
}

static int add_or_subtract(lua_State *lua, int sign)
{
	struct lua_quantity a = operand(lua, 1), b = operand(lua, 2);
	const char *verb = sign > 0 ? "add" : "subtract";

	if (a.dimension != b.dimension)
		return luaL_error(lua, "cannot %s a %s and a %s", verb, name_of(&a), name_of(&b));
	if (a.dimension == NANODOSE_DIMENSION_TEMPERATURE)
		return luaL_error(lua, "cannot %s temperatures", verb);
	lua_quantity_push(lua, a.value + sign * b.value, a.dimension, a.unit);
	return 1;
}

static int add(lua_State *lua)
{
	return add_or_subtract(lua, 1);
}

static int subtract(lua_State *lua)
{
	return add_or_subtract(lua, -1);
}

static int combine(lua_State *lua, int power)
{
	struct lua_quantity a = operand(lua, 1), b = operand(lua, 2);
	double value = power > 0 ? a.value * b.value : a.value / b.value;
	int m = exponents[a.dimension].m + power * exponents[b.dimension].m;
	int kg = exponents[a.dimension].kg + power * exponents[b.dimension].kg;
	int s = exponents[a.dimension].s + power * exponents[b.dimension].s;

	for (size_t i = 0; i < DIMENSIONS; i++) {
		if (exponents[i].m != m || exponents[i].kg != kg || exponents[i].s != s)
			continue;
		if (a.dimension == NANODOSE_DIMENSION_TEMPERATURE ||
		    b.dimension == NANODOSE_DIMENSION_TEMPERATURE)
			break;
		lua_quantity_push(lua, value, i, i == a.dimension ? a.unit :
				  i == b.dimension ? b.unit : "");
		return 1;
	}
	return luaL_error(lua, "a %s %s a %s is no quantity of this language", name_of(&a),
			  power > 0 ? "times" : "divided by", name_of(&b));
}

static int multiply(lua_State *lua)
{
	return combine(lua, 1);
}

static int divide(lua_State *lua)
{
	return combine(lua, -1);
}

static int negate(lua_State *lua)
{
	struct lua_quantity a = operand(lua, 1);

	if (a.dimension == NANODOSE_DIMENSION_TEMPERATURE)
		return luaL_error(lua, "cannot negate a temperature");
	lua_quantity_push(lua, -a.value, a.dimension, a.unit);
	return 1;
}

/* Reads two operands that must be of one dimension. */
static void comparable(lua_State *lua, int first, int second, double *x, double *y)
{
	struct lua_quantity a = operand(lua, first), b = operand(lua, second);
	enum nanodose_dimension only = a.dimension ? a.dimension : b.dimension;

	*x = a.value;
	*y = b.value;
	if (a.dimension == b.dimension)
		return;
	if (a.dimension && b.dimension)
		luaL_error(lua, "cannot compare a %s with a %s", name_of(&a), name_of(&b));
	luaL_error(lua, "cannot compare a %s with a bare number; to(x, \"%s\") gives its number in a unit",
		   nanodose_dimension_name(only), unit_in(nanodose_dimension_example(only)));
}

static int less(lua_State *lua)
{
	double a, b;

	comparable(lua, 1, 2, &a, &b);
	lua_pushboolean(lua, a < b);
	return 1;
}

static int less_or_equal(lua_State *lua)
{
	double a, b;

	comparable(lua, 1, 2, &a, &b);
	lua_pushboolean(lua, a <= b);
	return 1;
}

static int equal(lua_State *lua)
{
	double a, b;

	comparable(lua, 1, 2, &a, &b);
	lua_pushboolean(lua, a == b);
	return 1;
}

/* to(quantity, "unit"): its number in that unit. */
static int to_unit(lua_State *lua)
{
	const struct lua_quantity *quantity = lua_quantity_get(lua, 1);
	double zero, one;
	char text[WORDING_SIZE];
	const char *unit;

	if (!quantity || lua_type(lua, 2) != LUA_TSTRING || lua_gettop(lua) != 2)
		return luaL_error(lua, "to() takes a quantity and a unit, as in to(rate, \"uL/min\")");
	unit = lua_tostring(lua, 2);
	if (strlen(unit) > EXPRESSION_UNIT_SIZE)
		return luaL_error(lua, "to(): the unit is too long");
	snprintf(text, sizeof(text), "0 %s", unit);
	if (nanodose_quantity_parse(text, quantity->dimension, &zero, NULL))
		return luaL_error(lua, "to(): \"%s\" is no unit of a %s", unit, name_of(quantity));
	text[0] = '1';
	if (nanodose_quantity_parse(text, quantity->dimension, &one, NULL))
		return luaL_error(lua, "to(): \"%s\" is no unit of a %s", unit, name_of(quantity));
	lua_pushnumber(lua, (quantity->value - zero) / (one - zero));
	return 1;
}

static int extreme(lua_State *lua, int sign)
{
	int best = 1;

	luaL_checkany(lua, 1);
	for (int i = 1; i <= lua_gettop(lua); i++) {
		double a, b;

		comparable(lua, i, best, &a, &b);
		if (sign * a > sign * b)
			best = i;
	}
	lua_pushvalue(lua, best);
	return 1;
}

static int maximum(lua_State *lua)
{
	return extreme(lua, 1);
}

static int minimum(lua_State *lua)
{
	return extreme(lua, -1);
}

static int absolute(lua_State *lua)
{
	struct lua_quantity a = operand(lua, 1);

	lua_quantity_push(lua, a.value < 0 ? -a.value : a.value, a.dimension, a.unit);
	return 1;
}

void lua_quantity_register(lua_State *lua, int environment, int math)
{
	static const luaL_Reg operations[] = {
		{ "__add", add }, { "__sub", subtract }, { "__mul", multiply },
		{ "__div", divide }, { "__unm", negate }, { "__lt", less },
		{ "__le", less_or_equal }, { "__eq", equal }, { NULL, NULL },
	};
	static const luaL_Reg functions[] = {
		{ "max", maximum }, { "min", minimum }, { "abs", absolute }, { NULL, NULL },
	};

	environment = lua_absindex(lua, environment);
	math = lua_absindex(lua, math);
	luaL_newmetatable(lua, TYPE);
	luaL_setfuncs(lua, operations, 0);
	lua_pop(lua, 1);
	lua_pushvalue(lua, math);
	luaL_setfuncs(lua, functions, 0);
	lua_pop(lua, 1);
	lua_pushcfunction(lua, to_unit);
	lua_setfield(lua, environment, "to");
}
