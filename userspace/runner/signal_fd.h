/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SIGNAL_FD_H
#define SIGNAL_FD_H

#include <signal.h>

/*
 * signal_fd_open() - what a person or the system asks for, to be read in a loop:
 * SIGINT, SIGTERM, SIGHUP and SIGWINCH, blocked from here on
 * @before: the mask to be set again at the end
 * A non-blocking signalfd, -1 with errno.
 */
int signal_fd_open(sigset_t *before);

#endif /* SIGNAL_FD_H */
