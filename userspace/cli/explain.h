/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Why a pump could not be opened or claimed, in words that say what to do.
 * One or more lines to the stream, each beginning with "nanodose: ".
 */
#ifndef EXPLAIN_H
#define EXPLAIN_H

#include <stdio.h>

#include "nanodose.h"
#include "runner.h"

/*
 * explain_open_error() - after nanodose_device_open(name, ...) failed
 * @error: errno as the call left it
 * Returns the exit status to leave with: always NANODOSE_EXIT_REFUSED.
 */
int explain_open_error(FILE *stream, const char *name, int error);

/*
 * explain_claim_error() - after nanodose_device_claim() failed
 * Asks the device who owns it. Returns the exit status to leave with:
 * NANODOSE_EXIT_GONE if the device is gone, else NANODOSE_EXIT_REFUSED.
 */
int explain_claim_error(FILE *stream, struct nanodose_device *device, const char *name,
			int error);

#endif /* EXPLAIN_H */
