/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The newest reading of each signal of a protocol, from its file, FIFO or
 * socket. Nothing here waits: what has come is taken when asked.
 *
 * file: its first line; a new reading is a change of the file.
 * fifo: a line is a reading; made if it is not there.
 * socket: a datagram is a reading; the socket is made, and removed at the end.
 */
#ifndef READINGS_H
#define READINGS_H

#include "protocol.h"

#define READING_TEXT_SIZE 128

struct reading {
	double value;		/* in the signal's unit; NAN: none yet */
	uint64_t time_ns;		/* CLOCK_MONOTONIC; when it was made, or came */
	char wrong[READING_TEXT_SIZE + 128];	/* why the newest text is no reading, else empty */
};

struct readings;

/* NULL and *error, to be freed, if a FIFO or a socket cannot be made. */
struct readings *readings_open(const struct protocol *protocol, char **error);
void readings_close(struct readings *readings);
/* Takes what has come until @now_ns. */
void readings_refresh(struct readings *readings, uint64_t now_ns);
const struct reading *readings_get(const struct readings *readings, size_t signal);

#endif /* READINGS_H */
