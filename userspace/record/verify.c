// SPDX-License-Identifier: GPL-2.0-or-later
/* Holds a run file against its seal. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reader.h"
#include "record.h"
#include "seal.h"

struct check {
	sqlite3 *db;
	const char *path;
	FILE *out;
	char **error;
	bool altered;
};

/* Rows since the digest before, with the time of the first and last where rows have one. */
struct block {
	int64_t begin_row, begin_ns, end_ns;
};

static void tell_block(struct check *check, size_t part, const struct block *block, int64_t end_row)
{
	const char *name = seal_parts[part].name;

	check->altered = true;
	if (part < SEAL_STREAMS)
		fprintf(check->out, "%s: what rows %lld to %lld hold differs (%.3f s to %.3f s of the run)\n",
			name, (long long)block->begin_row, (long long)end_row,
			(double)block->begin_ns * 1e-9, (double)block->end_ns * 1e-9);
	else if (!strcmp(name, "layout"))
		fprintf(check->out, "layout: a table, view, index or trigger differs or was added\n");
	else
		fprintf(check->out, "%s: what the table holds differs\n", name);
}

static void tell_count(struct check *check, size_t part, int64_t sealed, int64_t found)
{
	check->altered = true;
	fprintf(check->out, "%s: %lld rows when the run was closed, %lld now\n",
		seal_parts[part].name, (long long)sealed, (long long)found);
}

/*
 * Goes through the rows and the digests side by side; the first block that
 * differs is told, those after it would differ as well.
 */
static int check_part(struct check *check, size_t part)
{
	struct block block = { .begin_row = 1 };
	sqlite3_stmt *row, *sealed;
	char text[DIGEST_TEXT_SIZE];
	struct seal_hash hash;
	int64_t last = -1;
	bool differs = false, more = true;
	int result;

	sealed = reader_prepare(check->db, check->path,
				"SELECT rows, sha256 FROM seal WHERE part = ? ORDER BY rows", check->error);
	row = reader_prepare(check->db, check->path, seal_parts[part].rows, check->error);
	if (!row || !sealed) {
		sqlite3_finalize(row);
		sqlite3_finalize(sealed);
		return -1;
	}
	sqlite3_bind_text(sealed, 1, seal_parts[part].name, -1, SQLITE_STATIC);
	seal_hash_init(&hash);
	while (sqlite3_step(sealed) == SQLITE_ROW) {
		last = sqlite3_column_int64(sealed, 0);
		/* A statement that is stepped beyond its end would begin anew. */
		while (more && hash.rows < last && (more = sqlite3_step(row) == SQLITE_ROW)) {
			seal_hash_row(&hash, row);
			block.end_ns = sqlite3_column_int64(row, seal_parts[part].time_column);
			if (hash.rows == block.begin_row)
				block.begin_ns = block.end_ns;
		}
		if (differs || hash.rows < last)
			continue;
		seal_hash_digest(&hash, text);
		differs = strcmp(text, (const char *)sqlite3_column_text(sealed, 1));
		if (differs)
			tell_block(check, part, &block, hash.rows);
		block.begin_row = hash.rows + 1;
	}
	while (more && (more = sqlite3_step(row) == SQLITE_ROW))
		hash.rows++;
	if (last != hash.rows)
		tell_count(check, part, last, hash.rows);
	result = reader_end(check->db, check->path, sealed, check->error);
	return reader_end(check->db, check->path, row, check->error) ? -1 : result;
}

/* The first value of a query as text, to be freed; NULL: none. */
static char *value(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *row;
	char *text = NULL;

	if (sqlite3_prepare_v2(db, sql, -1, &row, NULL))
		return NULL;
	if (sqlite3_step(row) == SQLITE_ROW && sqlite3_column_text(row, 0))
		text = strdup((const char *)sqlite3_column_text(row, 0));
	sqlite3_finalize(row);
	return text;
}

static void check_sound(struct check *check)
{
	char *verdict = value(check->db, "PRAGMA integrity_check(1)");

	if (!verdict || strcmp(verdict, "ok")) {
		check->altered = true;
		fprintf(check->out, "the file is damaged: %s\n", verdict ? verdict : "it cannot be read");
	}
	free(verdict);
}

static int check_parts(struct check *check, const char *sealed)
{
	char text[DIGEST_TEXT_SIZE];
	size_t i;

	check_sound(check);
	for (i = 0; i < SEAL_PARTS; i++)
		if (check_part(check, i))
			return -1;
	if (seal_whole(check->db, text))
		return reader_fail(check->error, "%s: the file is damaged: %s", check->path,
				   sqlite3_errmsg(check->db));
	if (strcmp(text, sealed)) {
		check->altered = true;
		fprintf(check->out, "seal: the seal itself differs from its own digest\n");
	}
	return 0;
}

int record_verify(const char *path, void *stream, char digest[RECORD_DIGEST_SIZE], char **error)
{
	struct check check = { .path = path, .out = stream, .error = error };
	enum record_verdict verdict = RECORD_UNFINISHED;
	char *sealed;
	int result = 0;

	*digest = '\0';
	check.db = reader_open(path, error);
	if (!check.db)
		return -1;
	sealed = value(check.db, "SELECT sha256 FROM seal WHERE part = '" SEAL_WHOLE "'");
	if (sealed) {
		snprintf(digest, RECORD_DIGEST_SIZE, "%s", sealed);
		result = check_parts(&check, sealed);
		verdict = check.altered ? RECORD_ALTERED : RECORD_UNALTERED;
	}
	free(sealed);
	sqlite3_close(check.db);
	return result ? result : (int)verdict;
}
