/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLIENT_H
#define CLIENT_H

#include "runner.h"
#include "wire.h"

enum attach_as { ATTACH_TO_ACT, ATTACH_TO_TAKE, ATTACH_TO_WATCH };

/* What a run is doing right now, once. -1 with errno. */
int client_glance(const char *name, struct replica *replica);
/* Stops it and waits until it is over. The exit status, of the command that asked. */
enum nanodose_exit client_stop(const char *name, bool now);
/*
 * A screen of a run, until it is over or its operator leaves it alone; how the
 * run ended, DONE after a detach. @detached tells which.
 */
enum nanodose_exit client_attach(const char *name, enum attach_as as, bool *detached);

#endif /* CLIENT_H */
