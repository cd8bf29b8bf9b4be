/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The seal of a run file: SHA-256 of all that its tables hold, row by row in
 * a form that does not depend on how SQLite lays out a file. Tables that grow
 * are hashed as they are written, so that sealing takes no longer after eight
 * hours than after one second. Every so many rows the digest so far is kept
 * too, which later tells where a difference begins. Inside record/ only.
 *
 * There is no key in it: it shows what happened by accident or carelessness.
 * Who wants to deceive can make a new seal, but not one that is the same as
 * the one that was noted down elsewhere.
 */
#ifndef SEAL_H
#define SEAL_H

#include <nettle/sha2.h>
#include <sqlite3.h>
#include <stddef.h>
#include <stdint.h>

#include "digest.h"

#define SEAL_BLOCK 10000	/* rows */

/* Tables that grow while a run goes on. */
enum seal_stream { SEAL_SAMPLE, SEAL_STATE, SEAL_FAULT, SEAL_DROPPED, SEAL_EVENT, SEAL_STREAMS };

struct seal_part {
	const char *name, *rows;	/* table; query for its rows in their order */
	int time_column;		/* of the query, for streams */
};

/* Streams first. The last one is the layout itself. */
#define SEAL_PARTS 11
extern const struct seal_part seal_parts[SEAL_PARTS];
/* Name in the seal table of the digest over all others. */
#define SEAL_WHOLE "whole"

struct seal_hash {
	struct sha256_ctx context;
	int64_t rows;
};

void seal_hash_init(struct seal_hash *hash);
/* A row by its values: their number, then each. */
void seal_hash_begin(struct seal_hash *hash, int columns);
void seal_hash_null(struct seal_hash *hash);
void seal_hash_integer(struct seal_hash *hash, int64_t value);
void seal_hash_text(struct seal_hash *hash, const char *text, size_t length);
/* The row a statement stands on. */
void seal_hash_row(struct seal_hash *hash, sqlite3_stmt *row);
/* Of all rows until now; more may follow. */
void seal_hash_digest(const struct seal_hash *hash, char text[DIGEST_TEXT_SIZE]);
/* Of the seal table's rows but the whole; an SQLite result code. */
int seal_whole(sqlite3 *db, char text[DIGEST_TEXT_SIZE]);

/* ---- writing --------------------------------------------------------------------- */

struct seal {
	sqlite3 *db;
	sqlite3_stmt *insert;
	struct seal_hash streams[SEAL_STREAMS], saved[SEAL_STREAMS];
};

/* Of a file whose streams are empty; an SQLite result code. */
int seal_open(struct seal *seal, sqlite3 *db);
void seal_close(struct seal *seal);
/* Around a transaction that may fail. */
void seal_save(struct seal *seal);
void seal_restore(struct seal *seal);
/* After a row was hashed and stored, within the transaction; an SQLite result code. */
int seal_row_added(struct seal *seal, enum seal_stream stream);
/* Seals, within the transaction; again if rows were added since. An SQLite result code. */
int seal_finish(struct seal *seal, char text[DIGEST_TEXT_SIZE]);

#endif /* SEAL_H */
