/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef RUN_RESUME_H
#define RUN_RESUME_H

#include <stdbool.h>

#include "past.h"
#include "protocol.h"
#include "runner.h"

/* A run that can be gone on with; NULL with a message on stderr. */
struct record_past *run_resume_read(const char *record);
/*
 * Tells what was given and what is left, and asks for a person's yes; @yes is
 * that yes. DONE: go on.
 */
enum nanodose_exit run_resume_ask(const struct record_past *past, const struct protocol *protocol, bool yes);

#endif /* RUN_RESUME_H */
