/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Buttons, pedals, jog wheels: a front of a run that gives commands where the
 * configuration says so. They come and go; one that goes pauses the run, as
 * somebody relies on it.
 */
#ifndef BUTTONS_H
#define BUTTONS_H

#include "runner.h"

/*
 * As the configuration says. NULL with *status DONE: no buttons are asked for; REFUSED:
 * what is wrong has been printed, a button that is not there included.
 */
struct run_front *buttons_new(enum nanodose_exit *status);
void buttons_free(struct run_front *front);

#endif /* BUTTONS_H */
