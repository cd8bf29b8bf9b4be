// SPDX-License-Identifier: GPL-2.0-or-later
#include "text.h"

#include <stddef.h>

struct range {
	uint32_t first, last;
};

static const struct range wide[] = {
	{ 0x1100, 0x115f }, { 0x2e80, 0x303e }, { 0x3041, 0xa4cf }, { 0xac00, 0xd7a3 },
	{ 0xf900, 0xfaff }, { 0xfe30, 0xfe6f }, { 0xff00, 0xff60 }, { 0xffe0, 0xffe6 },
	{ 0x1f300, 0x1f64f }, { 0x1f680, 0x1f6ff }, { 0x1f900, 0x1faff }, { 0x20000, 0x3fffd },
};

static const struct range combining[] = {
	{ 0x0300, 0x036f }, { 0x0483, 0x0489 }, { 0x0591, 0x05bd }, { 0x064b, 0x065f },
	{ 0x1ab0, 0x1aff }, { 0x1dc0, 0x1dff }, { 0x200b, 0x200f }, { 0x202a, 0x202e },
	{ 0x2060, 0x2064 }, { 0x20d0, 0x20ff }, { 0xfe00, 0xfe0f }, { 0xfe20, 0xfe2f },
	{ 0xfeff, 0xfeff },
};

static bool in_ranges(const struct range *ranges, size_t count, uint32_t character)
{
	for (size_t i = 0; i < count; i++)
		if (character >= ranges[i].first && character <= ranges[i].last)
			return true;
	return false;
}

uint32_t text_next(const char **text)
{
	const unsigned char *s = (const unsigned char *)*text;
	uint32_t character, least;
	int more;

	if (s[0] < 0x80) {
		*text += 1;
		/* Control characters would let a file's text steer the terminal. */
		return s[0] < 0x20 || s[0] == 0x7f ? TEXT_BAD : s[0];
	}
	if (s[0] >= 0xc2 && s[0] <= 0xdf) {
		more = 1;
		character = s[0] & 0x1f;
		least = 0x80;
	} else if (s[0] >= 0xe0 && s[0] <= 0xef) {
		more = 2;
		character = s[0] & 0x0f;
		least = 0x800;
	} else if (s[0] >= 0xf0 && s[0] <= 0xf4) {
		more = 3;
		character = s[0] & 0x07;
		least = 0x10000;
	} else {
		*text += 1;
		return TEXT_BAD;
	}
	for (int i = 1; i <= more; i++) {
		if ((s[i] & 0xc0) != 0x80) {
			*text += i;
			return TEXT_BAD;
		}
		character = character << 6 | (s[i] & 0x3f);
	}
	*text += more + 1;
	if (character < least || character > 0x10ffff ||
	    (character >= 0xd800 && character <= 0xdfff) || (character >= 0x80 && character < 0xa0))
		return TEXT_BAD;
	return character;
}

int text_character_columns(uint32_t character)
{
	if (character < 0x300)
		return 1;
	if (in_ranges(combining, sizeof(combining) / sizeof(combining[0]), character))
		return 0;
	return in_ranges(wide, sizeof(wide) / sizeof(wide[0]), character) ? 2 : 1;
}

int text_columns(const char *text)
{
	int columns = 0;

	while (*text)
		columns += text_character_columns(text_next(&text));
	return columns;
}

uint32_t text_to_ascii(uint32_t character)
{
	static const struct {
		uint32_t from;
		char to;
	} table[] = {
		{ 0xa0, ' ' }, { 0xb5, 'u' }, { 0x3bc, 'u' }, { 0xb7, '.' }, { 0xd7, 'x' },
		{ 0x2010, '-' }, { 0x2011, '-' }, { 0x2012, '-' }, { 0x2013, '-' }, { 0x2014, '-' },
		{ 0x2018, '\'' }, { 0x2019, '\'' }, { 0x201c, '"' }, { 0x201d, '"' },
		{ 0x2022, '*' }, { 0x2026, '~' }, { 0x2192, '>' }, { 0x2212, '-' },
	};

	if (character < 0x80)
		return character;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (table[i].from == character)
			return table[i].to;
	return '?';
}

int text_encode(uint32_t character, char bytes[4])
{
	if (character < 0x80) {
		bytes[0] = character;
		return 1;
	}
	if (character < 0x800) {
		bytes[0] = 0xc0 | character >> 6;
		bytes[1] = 0x80 | (character & 0x3f);
		return 2;
	}
	if (character < 0x10000) {
		bytes[0] = 0xe0 | character >> 12;
		bytes[1] = 0x80 | (character >> 6 & 0x3f);
		bytes[2] = 0x80 | (character & 0x3f);
		return 3;
	}
	bytes[0] = 0xf0 | character >> 18;
	bytes[1] = 0x80 | (character >> 12 & 0x3f);
	bytes[2] = 0x80 | (character >> 6 & 0x3f);
	bytes[3] = 0x80 | (character & 0x3f);
	return 4;
}

int text_wrap(const char *text, int columns, const char **next)
{
	const char *at = text, *blank = NULL;
	int used = 0;

	while (*at) {
		const char *before = at;
		uint32_t character = text_next(&at);
		int width = text_character_columns(character);

		if (character == ' ' && (before == text || before[-1] != ' '))
			blank = before;
		/* A line takes one character even where none fits: it must end. */
		if (used + width > columns && before != text) {
			if (blank && blank != text) {
				for (*next = blank; **next == ' ';)
					++*next;
				return blank - text;
			}
			*next = before;
			return before - text;
		}
		used += width;
	}
	*next = at;
	return at - text;
}
