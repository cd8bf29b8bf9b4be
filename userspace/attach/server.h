/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A front of a run for screens elsewhere: any number may watch, one of them has
 * the run in hand. The kernel tells who comes, config_may() what they may do.
 */
#ifndef SERVER_H
#define SERVER_H

#include "runner.h"

/* NULL with a message on stderr: nobody can attach, and the run does without. */
struct run_front *server_new(const char *record_path);
/* How the run is called for "nanodose attach". */
const char *server_name(const struct run_front *front);
void server_free(struct run_front *front);

#endif /* SERVER_H */
