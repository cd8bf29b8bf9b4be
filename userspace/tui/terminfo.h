/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the terminal's type can do, by terminfo: apart from the rest, as its
 * header defines common words as macros. After newterm().
 */
#ifndef TERMINFO_H
#define TERMINFO_H

#include <stdbool.h>
#include <stddef.h>

bool terminfo_places_cursor(void);
/* What brings back plain letters, the cursor and the screen before; returns its length. */
size_t terminfo_reset(char *bytes, size_t size);

#endif /* TERMINFO_H */
