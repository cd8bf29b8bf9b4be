// SPDX-License-Identifier: GPL-2.0-or-later
#include "terminfo.h"

#include <curses.h>
#include <term.h>

static const char *capability(const char *name)
{
	const char *text = tigetstr((char *)name);

	return text == (const char *)-1 ? NULL : text;
}

bool terminfo_places_cursor(void)
{
	return capability("cup");
}

/* Without its padding, which is of the days of teletypes. */
static size_t append(char *to, size_t used, size_t size, const char *text)
{
	while (text && *text && used < size) {
		if (text[0] == '$' && text[1] == '<') {
			while (*text && *text != '>')
				text++;
			text += *text == '>';
			continue;
		}
		to[used++] = *text++;
	}
	return used;
}

size_t terminfo_reset(char *bytes, size_t size)
{
	static const char *const names[] = { "sgr0", "op", "rmkx", "cnorm", "rmcup" };
	size_t used = 0;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		used = append(bytes, used, size, capability(names[i]));
	return append(bytes, used, size, "\r\n");
}
