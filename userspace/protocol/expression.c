// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Expressions: a Lua state of its own for each, with bounded memory and
 * bounded instructions, that knows arithmetic, math and the values handed in.
 * All that can fail in Lua runs inside lua_pcall().
 */
#include <lauxlib.h>
#include <lualib.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "expression.h"
#include "wording.h"

#define MAX_LENGTH		1000	/* characters */
#define MAX_INSTRUCTIONS	100000
#define MAX_MEMORY		(4u << 20)
#define CHUNK			"expression"

struct expression {
	lua_State *lua;
	size_t memory;
	bool run_tables;	/* flow and its kin are in the environment */
	bool signal_table;	/* so is signal */
};

/* Keys in the registry. */
static const char key_function, key_environment;

/* By channel; the order is that of set_channels(). */
static const char *const run_tables[] = {
	"flow", "setpoint", "volume", "pressure", "temperature",
};

#define RUN_TABLES (sizeof(run_tables) / sizeof(run_tables[0]))

/* ---- the sandbox -------------------------------------------------------------------- */

static void *allocate(void *user, void *memory, size_t old_size, size_t new_size)
{
	struct expression *expression = user;

	if (!memory)
		old_size = 0;	/* Lua passes a type here */
	if (!new_size) {
		free(memory);
		expression->memory -= old_size;
		return NULL;
	}
	if (new_size > old_size && expression->memory + new_size - old_size > MAX_MEMORY)
		return NULL;
	memory = realloc(memory, new_size);
	if (memory)
		expression->memory += new_size - old_size;
	return memory;
}

static void too_long(lua_State *lua, lua_Debug *debug)
{
	(void)debug;
	luaL_error(lua, "does not end within %d instructions", MAX_INSTRUCTIONS);
}

static int unknown_name(lua_State *lua)
{
	return luaL_error(lua, "unknown name '%s'", luaL_tolstring(lua, 2, NULL));
}

static int unknown_signal(lua_State *lua)
{
	return luaL_error(lua, "there is no signal '%s'", luaL_tolstring(lua, 2, NULL));
}

static int unknown_channel(lua_State *lua)
{
	return luaL_error(lua, "there is no channel '%s'", luaL_tolstring(lua, 2, NULL));
}

/* Leaves a new table whose missing fields are errors. */
static void push_strict_table(lua_State *lua, lua_CFunction missing)
{
	lua_newtable(lua);
	lua_createtable(lua, 0, 1);
	lua_pushcfunction(lua, missing);
	lua_setfield(lua, -2, "__index");
	lua_setmetatable(lua, -2);
}

/* Arguments: the text. Leaves function and environment in the registry. */
static int set_up(lua_State *lua)
{
	const char *text = lua_touserdata(lua, 1);
	int environment, math;

	push_strict_table(lua, unknown_name);
	environment = lua_gettop(lua);
	luaL_requiref(lua, LUA_MATHLIBNAME, luaopen_math, 0);
	math = lua_gettop(lua);
	/* The same protocol gives the same run. */
	lua_pushnil(lua);
	lua_setfield(lua, math, "random");
	lua_pushnil(lua);
	lua_setfield(lua, math, "randomseed");
	lua_quantity_register(lua, environment, math);
	lua_pushvalue(lua, math);
	lua_setfield(lua, environment, "math");

	lua_pushfstring(lua, "return %s", text);
	if (luaL_loadbufferx(lua, lua_tostring(lua, -1), lua_rawlen(lua, -1), "=" CHUNK, "t"))
		return lua_error(lua);
	lua_pushvalue(lua, environment);
	/* _ENV is the one upvalue of a main chunk; it may go unused. */
	if (!lua_setupvalue(lua, -2, 1))
		lua_pop(lua, 1);
	lua_rawsetp(lua, LUA_REGISTRYINDEX, &key_function);
	lua_pushvalue(lua, environment);
	lua_rawsetp(lua, LUA_REGISTRYINDEX, &key_environment);
	return 0;
}

/* ---- one evaluation ------------------------------------------------------------------ */

struct evaluation {
	struct expression *expression;
	const struct expression_values *values;
	struct expression_result *result;
};

static void set_channels(lua_State *lua, int environment, const struct expression_values *values)
{
	for (size_t t = 0; t < RUN_TABLES; t++) {
		lua_getfield(lua, environment, run_tables[t]);
		for (size_t i = 0; i < values->channel_count; i++) {
			const struct expression_channel *channel = &values->channels[i];
			const double numbers[RUN_TABLES] = {
				channel->flow_ul_min, channel->setpoint_ul_min, channel->volume_ul,
				channel->pressure_kpa, channel->temperature_c,
			};

			if (!channel->name)
				continue;
			lua_pushnumber(lua, numbers[t]);
			lua_setfield(lua, -2, channel->name);
		}
		lua_pop(lua, 1);
	}
	lua_pushnumber(lua, values->time_s);
	lua_setfield(lua, environment, "time");
	lua_pushnumber(lua, values->elapsed_s);
	lua_setfield(lua, environment, "elapsed");
}

static void set_signals(lua_State *lua, struct expression *expression, int environment,
			const struct expression_values *values)
{
	if (!expression->signal_table) {
		push_strict_table(lua, unknown_signal);
		lua_setfield(lua, environment, "signal");
		expression->signal_table = true;
	}
	lua_getfield(lua, environment, "signal");
	for (size_t i = 0; i < values->signal_count; i++) {
		lua_pushnumber(lua, values->signal_values ? values->signal_values[i] : NAN);
		lua_setfield(lua, -2, values->signals[i].name);
	}
	lua_pop(lua, 1);
}

static void set_values(lua_State *lua, struct expression *expression,
		       const struct expression_values *values)
{
	int environment;

	lua_rawgetp(lua, LUA_REGISTRYINDEX, &key_environment);
	environment = lua_gettop(lua);
	if (values->channel_count) {
		for (size_t t = 0; t < RUN_TABLES && !expression->run_tables; t++) {
			push_strict_table(lua, unknown_channel);
			lua_setfield(lua, environment, run_tables[t]);
		}
		expression->run_tables = true;
		set_channels(lua, environment, values);
	}
	if (values->signal_count)
		set_signals(lua, expression, environment, values);
	for (size_t i = 0; i < values->input_count; i++) {
		const struct protocol_input *input = &values->inputs[i];

		lua_quantity_push(lua, input->value, input->dimension,
				  input->text ? unit_in(input->text) : "");
		lua_setfield(lua, environment, input->name);
	}
	lua_pop(lua, 1);
}

static int evaluate(lua_State *lua)
{
	struct evaluation *evaluation = lua_touserdata(lua, 1);
	struct expression_result *result = evaluation->result;
	const struct lua_quantity *quantity;
	int base;

	set_values(lua, evaluation->expression, evaluation->values);
	base = lua_gettop(lua);
	lua_rawgetp(lua, LUA_REGISTRYINDEX, &key_function);
	lua_sethook(lua, too_long, LUA_MASKCOUNT, MAX_INSTRUCTIONS);
	lua_call(lua, 0, LUA_MULTRET);
	lua_sethook(lua, NULL, 0, 0);
	if (lua_gettop(lua) != base + 1)
		return luaL_error(lua, "must give one value");

	*result = (struct expression_result){ .kind = EXPRESSION_NUMBER };
	quantity = lua_quantity_get(lua, -1);
	if (quantity) {
		result->kind = EXPRESSION_QUANTITY;
		result->number = quantity->value;
		result->dimension = quantity->dimension;
		memcpy(result->unit, quantity->unit, sizeof(result->unit));
	} else if (lua_isboolean(lua, -1)) {
		result->kind = EXPRESSION_TRUTH;
		result->number = lua_toboolean(lua, -1);
	} else if (lua_type(lua, -1) == LUA_TNUMBER) {
		result->number = lua_tonumber(lua, -1);
	} else {
		return luaL_error(lua, "gives %s, not a number", luaL_typename(lua, -1));
	}
	return 0;
}

/* A copy in which Lua's "<eof>" is "the end": a user has no file in mind. To be freed. */
static char *plain_words(const char *text)
{
	static const char lua_end[] = "<eof>", end[] = "the end";
	const char *found = strstr(text, lua_end);
	char *copy;

	if (!found)
		return strdup(text);
	if (asprintf(&copy, "%.*s%s%s", (int)(found - text), text, end,
		     found + strlen(lua_end)) < 0)
		return NULL;
	return copy;
}

/* What Lua said, without the place it means: the expression is one line to the user. */
static char *take_error(lua_State *lua, int status)
{
	const char *text = lua_type(lua, -1) == LUA_TSTRING ? lua_tostring(lua, -1) : "fails";
	const char *colon;
	char *copy;

	if (status == LUA_ERRMEM)
		text = "needs too much memory";
	if (!strncmp(text, CHUNK ":", strlen(CHUNK ":"))) {
		colon = strstr(text + strlen(CHUNK ":"), ": ");
		if (colon)
			text = colon + 2;
	}
	copy = plain_words(text);
	lua_settop(lua, 0);
	return copy;
}

/* ---- what the others call ------------------------------------------------------------ */

/* Common libraries and their ways out, refused by name rather than as unknown. */
static const char *const forbidden[] = {
	"_ENV", "_G", "_VERSION", "assert", "collectgarbage", "coroutine", "debug", "dofile",
	"error", "getmetatable", "io", "ipairs", "load", "loadfile", "loadstring", "next", "os",
	"package", "pairs", "pcall", "print", "rawequal", "rawget", "rawlen", "rawset", "require",
	"select", "setmetatable", "string", "table", "tonumber", "tostring", "type", "utf8",
	"warn", "xpcall",
};

static bool is_in(const char *word, const char *const *list, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (!strcmp(word, list[i]))
			return true;
	}
	return false;
}

#define IS_IN(word, list) is_in(word, list, sizeof(list) / sizeof((list)[0]))

bool expression_run_table(const char *name)
{
	return IS_IN(name, run_tables);
}

bool expression_run_scalar(const char *name)
{
	return !strcmp(name, "time") || !strcmp(name, "elapsed");
}

bool expression_signal_table(const char *name)
{
	return !strcmp(name, "signal");
}

bool expression_reserved(const char *name)
{
	return !strcmp(name, "math") || expression_signal_table(name) || !strcmp(name, "to") || expression_keyword(name) ||
	       IS_IN(name, forbidden) || expression_run_table(name) || expression_run_scalar(name);
}

bool expression_math_name(const char *name)
{
	static const char *const names[] = {
		"abs", "acos", "asin", "atan", "ceil", "cos", "deg", "exp", "floor", "fmod",
		"huge", "log", "max", "maxinteger", "min", "mininteger", "modf", "pi", "rad",
		"sin", "sqrt", "tan", "tointeger", "type", "ult",
	};

	return IS_IN(name, names);
}

static bool is_allowed(void *user, const char *name, const char *field)
{
	char **error = user;

	(void)field;
	if (!IS_IN(name, forbidden))
		return true;
	if (asprintf(error, "'%s' is not allowed, only arithmetic, math and the values of the run",
		     name) < 0)
		*error = NULL;
	return false;
}

static struct expression *fail(char **error, const char *text)
{
	if (error)
		*error = strdup(text);
	return NULL;
}

struct expression *expression_new(const char *text, char **error)
{
	struct expression *expression;
	char *message = NULL;
	int status;

	if (!text[strspn(text, " \t\r\n")])
		return fail(error, "is empty");
	if (strlen(text) > MAX_LENGTH)
		return fail(error, "is longer than 1000 characters");
	if (!expression_names(text, is_allowed, &message)) {
		fail(error, message ? message : "out of memory");
		free(message);
		return NULL;
	}
	expression = calloc(1, sizeof(*expression));
	if (expression)
		expression->lua = lua_newstate(allocate, expression);
	if (!expression || !expression->lua) {
		free(expression);
		return fail(error, "out of memory");
	}
	lua_pushcfunction(expression->lua, set_up);
	lua_pushlightuserdata(expression->lua, (void *)text);
	status = lua_pcall(expression->lua, 1, 0, 0);
	if (status) {
		message = take_error(expression->lua, status);
		fail(error, message ? message : "out of memory");
		free(message);
		expression_free(expression);
		return NULL;
	}
	return expression;
}

void expression_free(struct expression *expression)
{
	if (!expression)
		return;
	lua_close(expression->lua);
	free(expression);
}

int expression_result(struct expression *expression, const struct expression_values *values,
		      struct expression_result *result, char **error)
{
	struct evaluation evaluation = { expression, values, result };
	int status;

	lua_pushcfunction(expression->lua, evaluate);
	lua_pushlightuserdata(expression->lua, &evaluation);
	status = lua_pcall(expression->lua, 1, 0, 0);
	if (!status)
		return 0;
	lua_sethook(expression->lua, NULL, 0, 0);
	if (error)
		*error = take_error(expression->lua, status);
	lua_settop(expression->lua, 0);
	return -1;
}

int expression_evaluate(struct expression *expression, const struct expression_values *values,
			double *value, char **error)
{
	struct expression_result result;

	if (expression_result(expression, values, &result, error))
		return -1;
	*value = result.number;
	return 0;
}
