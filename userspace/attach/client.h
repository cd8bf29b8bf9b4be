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
struct attach_end {
	enum nanodose_exit status;	/* of the run; DONE where it was left alone */
	bool detached;
	char text[512];			/* for people, once the screen is gone; may be empty */
};

/* A screen of a run, until it is over or its operator leaves it alone. */
void client_attach(const char *name, enum attach_as as, struct run_front *screen, struct attach_end *end);

#endif /* CLIENT_H */
