/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NOTICE_H
#define NOTICE_H

#include "protocol.h"

/*
 * One line to another program: to the end of a file, into a FIFO that somebody
 * reads, as a datagram to a Unix socket. Never waits. 0, or -1 with errno.
 */
int notice_send(enum protocol_signal_source place, const char *path, const char *text);
/* Why it was not taken, for people. */
const char *notice_reason(enum protocol_signal_source place, int error);

#endif /* NOTICE_H */
