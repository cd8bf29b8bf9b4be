/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The front without a screen: progress lines and events on stderr, answers to
 * the operator's questions from stdin, a line each.
 */
#ifndef HEADLESS_H
#define HEADLESS_H

#include "runner.h"

/*
 * @yes: answer yes to every question
 * Without it, and once stdin has ended, a question that has no time-out stops
 * the run: nobody could ever answer it. NULL with errno ENOMEM.
 */
struct run_front *headless_new(bool yes);
void headless_free(struct run_front *front);

#endif /* HEADLESS_H */
