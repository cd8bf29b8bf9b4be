/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef RUN_WAIT_H
#define RUN_WAIT_H

#include "protocol.h"

/*
 * run_wait() - until every pump of the protocol is there, told on stderr
 * Returns 0, or the exit status: OPERATOR after an interrupt, REFUSED if the
 * coming of pumps cannot be followed.
 */
int run_wait(const struct protocol *protocol);

#endif /* RUN_WAIT_H */
