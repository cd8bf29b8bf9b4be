/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How a row goes into its table and into the seal. Inside record/ only. */
#ifndef ROWS_H
#define ROWS_H

#include <sqlite3.h>

#include "row_queue.h"
#include "seal.h"

/* The streams of the seal come first, each with its own statement. */
enum rows_statement {
	ROWS_SAMPLE = SEAL_SAMPLE, ROWS_STATE = SEAL_STATE, ROWS_FAULT = SEAL_FAULT,
	ROWS_DROPPED = SEAL_DROPPED, ROWS_EVENT = SEAL_EVENT, ROWS_RESULT, ROWS_STATEMENTS,
};

extern const char *const rows_insertions[ROWS_STATEMENTS];

/*
 * Binds a row to its statement and adds it to the seal. Texts must last until
 * the statement has been stepped. Tells which statement that is.
 */
enum rows_statement rows_bind(const struct row *row, sqlite3_stmt *const *statements,
			      struct seal *seal);

#endif /* ROWS_H */
