/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef RUN_APART_H
#define RUN_APART_H

#include <stdio.h>

#include "runner.h"

/*
 * run_apart() - a run in a process and session of its own, its screen in this one
 * @summarize: prints how it ended to @stream
 * @json: for that
 *
 * The screen's end is not that of the run. Returns how the run ended, DONE
 * where it was left alone, REFUSED before anything moved.
 */
enum nanodose_exit run_apart(const struct runner_options *options,
			     void (*summarize)(const struct runner *runner, bool json, FILE *stream), bool json);

#endif /* RUN_APART_H */
