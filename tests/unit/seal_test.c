// SPDX-License-Identifier: GPL-2.0-or-later
/* The seal of a run file: what was altered is told, what was not is not. */
#include <signal.h>
#include <sys/resource.h>

#include "test.h"
#include "record_fixture.h"

#define SAMPLES 25000

static char sealed[RECORD_DIGEST_SIZE];

static struct record *write_run(const char *path, unsigned long samples)
{
	struct record *record = fixture_create(path, NULL);
	uint64_t start = start_of(path), time_ns = start;
	struct nanodose_record data;
	unsigned long i;

	for (i = 0; i < samples; i++) {
		time_ns = start + i * 20000000;
		data = flow_record(time_ns, i, (int64_t)i, i % 7 ? (int64_t)i * 3 : NANODOSE_NO_VALUE_S64);
		record_sample(record, i & 1, &data, 10 * UL_MIN, NAN, 10 * UL_MIN);
	}
	data = (struct nanodose_record){ .type = NANODOSE_RECORD_STATE, .time_ns = time_ns };
	record_kernel(record, 0, &data);
	data.type = NANODOSE_RECORD_FAULT;
	record_kernel(record, 0, &data);
	data.type = NANODOSE_RECORD_DROPPED;
	record_kernel(record, 1, &data);
	record_event(record, time_ns, RECORD_FAULT, RECORD_INTERLOCK, 1, 12, "air in line");
	record_event(record, time_ns, RECORD_INFO, RECORD_OPERATOR, -1, 0, "Grüße");
	return record;
}

static void close_run(struct record *record)
{
	uint64_t time_ns = start_of(record_path(record)) + 600 * SECOND_NS;

	CHECK(!record_finish(record, time_ns, "done", "{}"));
	strcpy(sealed, record_seal(record));
	CHECK(!record_close(record));
}

/* The verdict; what was said in *said, to be freed. -1 with the error as said. */
static int verdict(const char *path, char **said, char digest[RECORD_DIGEST_SIZE])
{
	char *error = NULL;
	size_t size;
	FILE *out = open_memstream(said, &size);
	int result = record_verify(path, out, digest, &error);

	if (error)
		fputs(error, out);
	free(error);
	fclose(out);
	return result;
}

static void change(const char *path, const char *sql)
{
	sqlite3 *db;

	sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL);
	CHECK_INT(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

/* A copy of the run with this done to it. */
static void check_change(const char *sql, int expected, const char *words)
{
	const char *path = in_folder("run.db"), *copy = in_folder("copy.db");
	char command[320], digest[RECORD_DIGEST_SIZE], *said;

	snprintf(command, sizeof(command), "cp '%s' '%s'", path, copy);
	CHECK(!system(command));
	change(copy, sql);
	CHECK_INT(verdict(copy, &said, digest), expected);
	if (!strstr(said, words) || (expected == RECORD_UNALTERED && *said)) {
		printf("# %s: %s\n", sql, said);
		CHECK(!"the right words");
	}
	free(said);
}

TEST(a_closed_run_is_unaltered)
{
	const char *path = in_folder("run.db");
	char digest[RECORD_DIGEST_SIZE], *said;

	close_run(write_run(path, SAMPLES));
	CHECK_INT(verdict(path, &said, digest), RECORD_UNALTERED);
	CHECK_TEXT(said, "");
	CHECK_INT(strlen(digest), 64);
	CHECK_TEXT(digest, sealed);
	free(said);
}

TEST(one_bit_of_one_sample_is_noticed_and_placed)
{
	check_change("UPDATE sample SET flow_pl_min = flow_pl_min + 1 WHERE rowid = 12345",
		     RECORD_ALTERED,
		     "sample: what rows 10001 to 20000 hold differs (200.000 s to 399.980 s of the run)\n");
	check_change("UPDATE sample SET flow_pl_min = 0 WHERE rowid = 1", RECORD_ALTERED,
		     "sample: what rows 1 to 10000 hold");
	check_change("UPDATE sample SET position = 9 WHERE rowid = 25000", RECORD_ALTERED,
		     "sample: what rows 20001 to 25000 hold");
}

TEST(rows_taken_away_or_added_are_noticed)
{
	check_change("DELETE FROM sample WHERE rowid > 24990", RECORD_ALTERED,
		     "sample: 25000 rows when the run was closed, 24990 now\n");
	check_change("DELETE FROM sample WHERE rowid = 5", RECORD_ALTERED,
		     "sample: what rows 1 to 10000 hold differs");
	check_change("DELETE FROM sample WHERE rowid = 5", RECORD_ALTERED,
		     "sample: 25000 rows when the run was closed, 24999 now\n");
	check_change("INSERT INTO sample SELECT * FROM sample WHERE rowid = 1", RECORD_ALTERED,
		     "sample: 25000 rows when the run was closed, 25001 now\n");
	check_change("DELETE FROM event WHERE severity = 'fault'", RECORD_ALTERED,
		     "event: 2 rows when the run was closed, 1 now\n");
	check_change("DELETE FROM kernel_fault", RECORD_ALTERED,
		     "kernel_fault: 1 rows when the run was closed, 0 now\n");
	check_change("DELETE FROM kernel_state", RECORD_ALTERED, "kernel_state: 1 rows");
	check_change("DELETE FROM kernel_dropped", RECORD_ALTERED, "kernel_dropped: 1 rows");
}

TEST(every_table_is_under_the_seal)
{
	check_change("UPDATE event SET text = 'all well' WHERE id = 1", RECORD_ALTERED,
		     "event: what rows 1 to 2 hold");
	check_change("UPDATE meta SET value = 'x' WHERE key = 'kernel'", RECORD_ALTERED, "meta: ");
	check_change("UPDATE protocol SET text = text || ' '", RECORD_ALTERED, "protocol: ");
	check_change("UPDATE input SET value = 2e-9", RECORD_ALTERED, "input: ");
	check_change("UPDATE channel SET syringe_diameter_m = 0.01 WHERE id = 0", RECORD_ALTERED,
		     "channel: ");
	check_change("UPDATE result SET status = 'done well'", RECORD_ALTERED, "result: ");
	check_change("CREATE TABLE more (x)", RECORD_ALTERED, "layout: ");
	check_change("DROP VIEW samples; CREATE VIEW samples AS SELECT 1", RECORD_ALTERED, "layout: ");
	check_change("UPDATE seal SET sha256 = upper(sha256) WHERE part = 'meta'", RECORD_ALTERED,
		     "seal: ");
	check_change("INSERT INTO seal VALUES ('sample', 3, 'x')", RECORD_ALTERED, "seal: ");
	check_change("DELETE FROM seal WHERE part = 'event'", RECORD_ALTERED, "event: ");
}

TEST(what_changes_nothing_of_the_content_is_no_alteration)
{
	check_change("VACUUM", RECORD_UNALTERED, "");
	check_change("PRAGMA journal_mode = WAL", RECORD_UNALTERED, "");
	check_change("ANALYZE", RECORD_UNALTERED, "");
}

TEST(a_run_without_an_end_is_not_sealed)
{
	const char *path = in_folder("cut.db");
	char digest[RECORD_DIGEST_SIZE], *said;
	struct record *record = write_run(path, 100);

	CHECK_TEXT(record_seal(record), "");
	CHECK(!record_close(record));
	CHECK_INT(verdict(path, &said, digest), RECORD_UNFINISHED);
	CHECK_TEXT(digest, "");
	free(said);
	check_change("DELETE FROM seal", RECORD_UNFINISHED, "");
}

TEST(what_comes_after_the_end_is_sealed_too)
{
	const char *path = in_folder("late.db");
	char digest[RECORD_DIGEST_SIZE], first[RECORD_DIGEST_SIZE], *said;
	struct record *record = write_run(path, 100);
	uint64_t time_ns = start_of(path) + 600 * SECOND_NS;

	CHECK(!record_finish(record, time_ns, "done", "{}"));
	strcpy(first, record_seal(record));
	CHECK_INT(strlen(first), 64);
	CHECK(!record_event(record, time_ns, RECORD_INFO, RECORD_OPERATOR, -1, 0, "one more word"));
	CHECK(!record_close(record));
	CHECK_INT(verdict(path, &said, digest), RECORD_UNALTERED);
	CHECK_TEXT(said, "");
	CHECK(strcmp(digest, first));
	free(said);
}

/* Transactions that failed and were tried again leave no trace in the seal. */
TEST(a_full_disk_on_the_way_does_not_harm_the_seal)
{
	const char *path = in_folder("full.db");
	struct rlimit limit, none;
	char digest[RECORD_DIGEST_SIZE], *said;
	struct record *record = write_run(path, 30000);
	uint64_t time_ns = start_of(path) + 600 * SECOND_NS;
	struct nanodose_record data;
	int i, failed = 0;

	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &none);
	limit = none;
	limit.rlim_cur = 4096;
	setrlimit(RLIMIT_FSIZE, &limit);
	for (i = 0; i < 12000; i++) {
		data = flow_record(time_ns + (uint64_t)i * 20000000, 40000 + i, i, i);
		failed += !!record_sample(record, 0, &data, NAN, NAN, NAN);
	}
	setrlimit(RLIMIT_FSIZE, &none);
	CHECK(failed > 1000);
	CHECK(!record_commit(record, time_ns, 1));
	close_run(record);
	CHECK_INT(query_integer(path, "SELECT count(*) FROM sample"), 42000);
	CHECK_INT(verdict(path, &said, digest), RECORD_UNALTERED);
	CHECK_TEXT(said, "");
	free(said);
}

TEST(a_damaged_file_is_not_called_good)
{
	const char *path = in_folder("run.db"), *copy = in_folder("copy.db");
	char command[320], digest[RECORD_DIGEST_SIZE], *said;
	FILE *file;

	snprintf(command, sizeof(command), "cp '%s' '%s'", path, copy);
	CHECK(!system(command));
	file = fopen(copy, "r+");
	fseek(file, 200 * 4096 + 2048, SEEK_SET);
	fputs("a cosmic ray, a large one", file);
	fclose(file);
	CHECK(verdict(copy, &said, digest) != RECORD_UNALTERED);
	CHECK(*said);
	free(said);
	CHECK(!truncate(copy, 300 * 4096));
	CHECK(verdict(copy, &said, digest) != RECORD_UNALTERED);
	CHECK(*said);
	free(said);
}

int main(void)
{
	folder_make();
	RUN(a_closed_run_is_unaltered);
	RUN(one_bit_of_one_sample_is_noticed_and_placed);
	RUN(rows_taken_away_or_added_are_noticed);
	RUN(every_table_is_under_the_seal);
	RUN(what_changes_nothing_of_the_content_is_no_alteration);
	RUN(a_run_without_an_end_is_not_sealed);
	RUN(what_comes_after_the_end_is_sealed_too);
	RUN(a_full_disk_on_the_way_does_not_harm_the_seal);
	RUN(a_damaged_file_is_not_called_good);
	folder_remove();
	return test_end();
}
