// SPDX-License-Identifier: GPL-2.0-or-later
/* Finds the names in an expression without running it. */
#include <ctype.h>
#include <string.h>

#include "expression.h"
#include "wording.h"

#define LONGEST_NAME 63

static bool is_name(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

/* Copies the name at @text; returns what follows it. */
static const char *take_name(const char *text, char *name)
{
	size_t length = 0;

	for (; is_name(*text); text++) {
		if (length < LONGEST_NAME)
			name[length++] = *text;
	}
	name[length] = '\0';
	return text;
}

static const char *skip_string(const char *text)
{
	char quote = *text++;

	while (*text && *text != quote)
		text += text[0] == '\\' && text[1] ? 2 : 1;
	return *text ? text + 1 : text;
}

static const char *skip_space(const char *text)
{
	return text + strspn(text, " \t\r\n");
}

bool expression_keyword(const char *name)
{
	static const char *const words[] = {
		"and", "break", "do", "else", "elseif", "end", "false", "for", "function", "goto",
		"if", "in", "local", "nil", "not", "or", "repeat", "return", "then", "true",
		"until", "while",
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (!strcmp(name, words[i]))
			return true;
	}
	return false;
}

bool expression_lone_equals(const char *text)
{
	for (; *text; text++) {
		if (*text == '"' || *text == '\'') {
			text = skip_string(text) - 1;
		} else if (*text && strchr("=<>~", *text)) {
			if (*text == '=' && text[1] != '=')
				return true;
			text += text[1] == '=';
		}
	}
	return false;
}

bool expression_number_with_unit(const char *text)
{
	char name[LONGEST_NAME + 1];
	bool number = false;	/* what stands before is one */

	while (*(text = skip_space(text))) {
		if (*text == '"' || *text == '\'') {
			text = skip_string(text);
			number = false;
		} else if (isdigit((unsigned char)*text)) {
			text = unit_in(text);
			number = true;
		} else if (is_name(*text)) {
			text = take_name(text, name);
			if (number && !expression_keyword(name))
				return true;
			number = false;
		} else {
			number = false;
			text++;
		}
	}
	return false;
}

bool expression_names(const char *text,
		      bool (*use)(void *user, const char *name, const char *field), void *user)
{
	char name[LONGEST_NAME + 1], field[LONGEST_NAME + 1];
	const char *next;
	char before = '\0';	/* the last sign that was not white space */

	while (*(text = skip_space(text))) {
		if (*text == '"' || *text == '\'') {
			text = skip_string(text);
			before = '"';
		} else if (isdigit((unsigned char)*text) ||
			   (*text == '.' && isdigit((unsigned char)text[1]))) {
			while (is_name(*text) || *text == '.' ||
			       (strchr("+-", *text) && *text && strchr("eEpP", text[-1])))
				text++;
			before = '0';
		} else if (is_name(*text)) {
			text = take_name(text, name);
			field[0] = '\0';
			if (before == '.' || before == ':' || expression_keyword(name)) {
				before = 'a';
				continue;
			}
			before = 'a';
			next = skip_space(text);
			if (next[0] == '.' && next[1] != '.')
				take_name(skip_space(next + 1), field);
			if (!use(user, name, field))
				return false;
		} else {
			/* ".." joins, it does not select. */
			if (text[0] == '.' && text[1] == '.')
				text++, before = ' ';
			else
				before = *text;
			text++;
		}
	}
	return true;
}

struct signal_use {
	const char *name;
	bool found;
};

static bool look_for_signal(void *user, const char *name, const char *field)
{
	struct signal_use *use = user;

	use->found = use->found || (expression_signal_table(name) && !strcmp(field, use->name));
	return true;
}

bool expression_uses_signal(const char *text, const char *name)
{
	struct signal_use use = { .name = name };

	expression_names(text, look_for_signal, &use);
	return use.found;
}

static bool look_for_change(void *user, const char *name, const char *field)
{
	enum expression_change *change = user;

	(void)field;
	if (expression_run_table(name) || expression_run_scalar(name) || expression_signal_table(name))
		*change = EXPRESSION_IN_RUN;
	else if (*change == EXPRESSION_CONSTANT && strcmp(name, "math") && strcmp(name, "to"))
		*change = EXPRESSION_BY_INPUT;
	return true;
}

enum expression_change expression_changes(const char *text)
{
	enum expression_change change = EXPRESSION_CONSTANT;

	expression_names(text, look_for_change, &change);
	return change;
}

bool expression_good_name(const char *name)
{
	if (!isalpha((unsigned char)*name) || strlen(name) > 31)
		return false;
	for (; *name; name++) {
		if (!is_name(*name))
			return false;
	}
	return true;
}
