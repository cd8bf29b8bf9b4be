/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The terminal, through ncurses, in a way that can never hold up its caller:
 * ncurses writes into memory, and what it wrote goes out as the terminal takes
 * it. While it takes nothing, pictures are left out.
 */
#ifndef TERMINAL_H
#define TERMINAL_H

#include <stdbool.h>

#include "cells.h"

struct terminal;

enum terminal_key {
	TERMINAL_NONE = -1,	/* no key is waiting */
	/* below 0x110000 it is a character */
	TERMINAL_UP = 0x110000, TERMINAL_DOWN, TERMINAL_PAGE_UP, TERMINAL_PAGE_DOWN,
	TERMINAL_LEFT, TERMINAL_RIGHT, TERMINAL_BACK_TAB, TERMINAL_HOME, TERMINAL_END, TERMINAL_OTHER,
};

/* Takes stdin and stdout; NULL with a message on stderr if they are no terminal. */
struct terminal *terminal_open(void);
/* Gives it back as it was. */
void terminal_close(struct terminal *terminal);

bool terminal_utf8(const struct terminal *terminal);
void terminal_size(const struct terminal *terminal, int *rows, int *columns);
/* Looks at the size again. */
void terminal_resize(struct terminal *terminal);
/* False: the last picture is still on its way, on a slow line by its speed; this one was left out. */
bool terminal_show(struct terminal *terminal, const struct cells *cells);
/* Sends what waits; false if something still waits. */
bool terminal_flush(struct terminal *terminal);
/* Something waits to be sent: poll terminal_output_fd() for POLLOUT. */
bool terminal_waits(const struct terminal *terminal);
int terminal_input_fd(const struct terminal *terminal);
int terminal_output_fd(const struct terminal *terminal);
/* A character, one of enum terminal_key, or TERMINAL_NONE. */
int terminal_key(struct terminal *terminal);
/* Draws all anew with the next picture, sets the modes again. */
void terminal_refresh(struct terminal *terminal);
/* While @on, Ctrl-C is a key, not a signal. */
void terminal_take_interrupt(struct terminal *terminal, bool on);
/* The other end has gone: nothing will ever come from it. */
bool terminal_gone(const struct terminal *terminal);

#endif /* TERMINAL_H */
