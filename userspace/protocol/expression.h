/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Inside of the expressions: what protocol.h does not show. An expression
 * may yield a number, a truth, or a quantity that knows its dimension.
 */
#ifndef EXPRESSION_H
#define EXPRESSION_H

#include <lua.h>

#include "protocol.h"

#define EXPRESSION_UNIT_SIZE 32

enum expression_kind {
	EXPRESSION_NUMBER,
	EXPRESSION_TRUTH,
	EXPRESSION_QUANTITY,
};

struct expression_result {
	enum expression_kind kind;
	double number;				/* SI; truth: 0 or 1 */
	enum nanodose_dimension dimension;
	char unit[EXPRESSION_UNIT_SIZE];	/* as the user wrote it, "" if none is known */
};

/* 0, or -1 and *error, to be freed. */
int expression_result(struct expression *expression, const struct expression_values *values,
		      struct expression_result *result, char **error);

/*
 * expression_names() - each name that @text uses freely
 * @use: called with the name and, where a dot follows, the field ("" if none);
 *	true goes on
 * Returns false when @use did.
 */
bool expression_names(const char *text,
		      bool (*use)(void *user, const char *name, const char *field), void *user);
/* What may change the value of an expression, from nothing up. */
enum expression_change { EXPRESSION_CONSTANT, EXPRESSION_BY_INPUT, EXPRESSION_IN_RUN };
enum expression_change expression_changes(const char *text);
/* An "=" that is no part of a comparison. */
bool expression_lone_equals(const char *text);
/* "5 uL": a number and a name that follows without an operator. */
bool expression_number_with_unit(const char *text);
/* A word of Lua's grammar. */
bool expression_keyword(const char *name);
/* A word with a meaning in expressions, so not free to name an input or a channel. */
bool expression_reserved(const char *name);
/* A name the run's values have in a wait's until: flow, time, ... */
bool expression_run_table(const char *name);	/* by channel */
bool expression_run_scalar(const char *name);
bool expression_signal_table(const char *name);		/* by signal */
bool expression_math_name(const char *name);

/* Whether @name may name an input or a channel: a letter, then letters, digits, _. */
bool expression_good_name(const char *name);

/* ---- the Lua type (lua_quantity.c) ---------------------------------------------- */

struct lua_quantity {
	double value;
	enum nanodose_dimension dimension;
	char unit[EXPRESSION_UNIT_SIZE];
};

/* Registers the type; puts `to`, min, max and abs that know it into the tables given. */
void lua_quantity_register(lua_State *lua, int environment, int math);
/* May raise a Lua error. A number where there is no dimension. */
void lua_quantity_push(lua_State *lua, double value, enum nanodose_dimension dimension,
		       const char *unit);
const struct lua_quantity *lua_quantity_get(lua_State *lua, int index);

#endif /* EXPRESSION_H */
