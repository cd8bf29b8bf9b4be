// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>

#include "seal.h"

const struct seal_part seal_parts[SEAL_PARTS] = {
	[SEAL_SAMPLE] = { "sample", "SELECT * FROM sample ORDER BY rowid", 1 },
	[SEAL_STATE] = { "kernel_state", "SELECT * FROM kernel_state ORDER BY rowid", 1 },
	[SEAL_FAULT] = { "kernel_fault", "SELECT * FROM kernel_fault ORDER BY rowid", 1 },
	[SEAL_DROPPED] = { "kernel_dropped", "SELECT * FROM kernel_dropped ORDER BY rowid", 1 },
	[SEAL_EVENT] = { "event", "SELECT time_ns, severity, source, channel, line, text"
				 " FROM event ORDER BY id", 0 },
	{ "meta", "SELECT * FROM meta ORDER BY key", 0 },
	{ "protocol", "SELECT * FROM protocol ORDER BY rowid", 0 },
	{ "input", "SELECT * FROM input ORDER BY name", 0 },
	{ "channel", "SELECT * FROM channel ORDER BY rowid", 0 },
	{ "result", "SELECT * FROM result ORDER BY rowid", 0 },
	/* Names with "sqlite_" are SQLite's own. */
	{ "layout", "SELECT type, name, tbl_name, sql FROM sqlite_schema"
		    " WHERE substr(name, 1, 7) <> 'sqlite_' ORDER BY type, name", 0 },
};

/* ---- hashing ------------------------------------------------------------------------- */

void seal_hash_init(struct seal_hash *hash)
{
	sha256_init(&hash->context);
	hash->rows = 0;
}

/* A letter for the type and eight bytes, the most significant first. */
static void hash_word(struct seal_hash *hash, char type, uint64_t value)
{
	uint8_t bytes[9] = { (uint8_t)type };
	int i;

	for (i = 8; i > 0; i--, value >>= 8)
		bytes[i] = (uint8_t)value;
	sha256_update(&hash->context, sizeof(bytes), bytes);
}

/* The length keeps "ab", "c" from being the same as "a", "bc". */
static void hash_bytes(struct seal_hash *hash, char type, const void *bytes, size_t length)
{
	hash_word(hash, type, length);
	sha256_update(&hash->context, length, bytes);
}

void seal_hash_begin(struct seal_hash *hash, int columns)
{
	hash_word(hash, 'R', (uint64_t)columns);
	hash->rows++;
}

void seal_hash_null(struct seal_hash *hash)
{
	hash_word(hash, 'n', 0);
}

void seal_hash_integer(struct seal_hash *hash, int64_t value)
{
	hash_word(hash, 'i', (uint64_t)value);
}

void seal_hash_text(struct seal_hash *hash, const char *text, size_t length)
{
	hash_bytes(hash, 't', text, length);
}

static void hash_value(struct seal_hash *hash, sqlite3_stmt *row, int column)
{
	uint64_t bits;
	double real;

	switch (sqlite3_column_type(row, column)) {
	case SQLITE_NULL:
		seal_hash_null(hash);
		break;
	case SQLITE_INTEGER:
		seal_hash_integer(hash, sqlite3_column_int64(row, column));
		break;
	case SQLITE_FLOAT:
		real = sqlite3_column_double(row, column);
		memcpy(&bits, &real, sizeof(bits));
		hash_word(hash, 'r', bits);
		break;
	case SQLITE_TEXT:
		hash_bytes(hash, 't', sqlite3_column_text(row, column),
			   (size_t)sqlite3_column_bytes(row, column));
		break;
	default:
		hash_bytes(hash, 'b', sqlite3_column_blob(row, column),
			   (size_t)sqlite3_column_bytes(row, column));
		break;
	}
}

void seal_hash_row(struct seal_hash *hash, sqlite3_stmt *row)
{
	int i, count = sqlite3_column_count(row);

	seal_hash_begin(hash, count);
	for (i = 0; i < count; i++)
		hash_value(hash, row, i);
}

void seal_hash_digest(const struct seal_hash *hash, char text[DIGEST_TEXT_SIZE])
{
	struct sha256_ctx context = hash->context;
	uint8_t digest[SHA256_DIGEST_SIZE];

	sha256_digest(&context, sizeof(digest), digest);
	digest_text(digest, text);
}

static int hash_query(sqlite3 *db, const char *sql, struct seal_hash *hash)
{
	sqlite3_stmt *row;
	int result = sqlite3_prepare_v2(db, sql, -1, &row, NULL);

	seal_hash_init(hash);
	if (result)
		return result;
	while (sqlite3_step(row) == SQLITE_ROW)
		seal_hash_row(hash, row);
	return sqlite3_finalize(row);
}

int seal_whole(sqlite3 *db, char text[DIGEST_TEXT_SIZE])
{
	struct seal_hash hash;
	int result = hash_query(db, "SELECT part, rows, sha256 FROM seal WHERE part <> '" SEAL_WHOLE
				"' ORDER BY part, rows", &hash);

	seal_hash_digest(&hash, text);
	return result;
}

/* ---- writing -------------------------------------------------------------------------- */

int seal_open(struct seal *seal, sqlite3 *db)
{
	int i;

	seal->db = db;
	for (i = 0; i < SEAL_STREAMS; i++)
		seal_hash_init(&seal->streams[i]);
	return sqlite3_prepare_v3(db, "INSERT OR REPLACE INTO seal VALUES (?, ?, ?)", -1,
				  SQLITE_PREPARE_PERSISTENT, &seal->insert, NULL);
}

void seal_close(struct seal *seal)
{
	sqlite3_finalize(seal->insert);
}

void seal_save(struct seal *seal)
{
	memcpy(seal->saved, seal->streams, sizeof(seal->saved));
}

void seal_restore(struct seal *seal)
{
	memcpy(seal->streams, seal->saved, sizeof(seal->streams));
}

static int insert(struct seal *seal, const char *part, int64_t rows, const char *digest)
{
	sqlite3_bind_text(seal->insert, 1, part, -1, SQLITE_STATIC);
	sqlite3_bind_int64(seal->insert, 2, rows);
	sqlite3_bind_text(seal->insert, 3, digest, -1, SQLITE_STATIC);
	sqlite3_step(seal->insert);
	return sqlite3_reset(seal->insert);
}

static int insert_hash(struct seal *seal, size_t part, const struct seal_hash *hash)
{
	char text[DIGEST_TEXT_SIZE];

	seal_hash_digest(hash, text);
	return insert(seal, seal_parts[part].name, hash->rows, text);
}

int seal_row_added(struct seal *seal, enum seal_stream stream)
{
	const struct seal_hash *hash = &seal->streams[stream];

	return hash->rows % SEAL_BLOCK ? SQLITE_OK : insert_hash(seal, stream, hash);
}

int seal_finish(struct seal *seal, char text[DIGEST_TEXT_SIZE])
{
	struct seal_hash hash;
	int result = SQLITE_OK;
	size_t i;

	for (i = 0; !result && i < SEAL_STREAMS; i++)
		result = insert_hash(seal, i, &seal->streams[i]);
	for (; !result && i < SEAL_PARTS; i++) {
		result = hash_query(seal->db, seal_parts[i].rows, &hash);
		if (!result)
			result = insert_hash(seal, i, &hash);
	}
	if (!result)
		result = seal_whole(seal->db, text);
	return result ? result : insert(seal, SEAL_WHOLE, 0, text);
}
