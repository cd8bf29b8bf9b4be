/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What stops a pump that is moved by hand, whatever its caller does: signals, buttons. */
#ifndef STOPS_H
#define STOPS_H

#include <poll.h>
#include <signal.h>

#include "jog.h"

#define STOPS_FDS 10	/* at most */

struct stops {
	struct run_control control;	/* what the buttons command */
	struct jog *jog;
	struct run_front *buttons;	/* NULL: none are configured */
	int signal_fd;
	sigset_t before;
	unsigned int asked;	/* signals to end: one for a ramp, the next at once */
	bool stopped;		/* by a signal or a button, so far */
	bool resized;		/* of the terminal; for the caller to take back */
};

/* The configured buttons must be there. DONE, or REFUSED after a message. */
enum nanodose_exit stops_open(struct stops *stops, struct jog *jog);
void stops_close(struct stops *stops);
int stops_fds(struct stops *stops, struct pollfd *fds, int max);
void stops_handle(struct stops *stops, const struct pollfd *fds, int count);

#endif /* STOPS_H */
