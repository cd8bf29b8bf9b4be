/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Gives the terminal back when the program ends in a way nobody planned: a
 * crash, a signal, exit() from somewhere deep. Handlers that were there before
 * come after it, so that core dumps and sanitizers work as ever.
 */
#ifndef RESCUE_H
#define RESCUE_H

#include <stddef.h>
#include <termios.h>

/*
 * From now on, @reset goes to the terminal and @modes are set on it when the
 * program dies. @fd stays the caller's and must stay open until rescue_off().
 */
void rescue_on(int fd, const struct termios *modes, const char *reset, size_t length);
/* The terminal has been given back properly. */
void rescue_off(void);

#endif /* RESCUE_H */
