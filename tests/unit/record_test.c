// SPDX-License-Identifier: GPL-2.0-or-later
/* The run file: what goes in comes out, whatever happens in between. */
#include <errno.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "test.h"
#include "record_fixture.h"

static struct nanodose_record state_record(uint64_t time_ns, uint64_t sequence)
{
	struct nanodose_record data = {
		.time_ns = time_ns, .sequence = sequence, .type = NANODOSE_RECORD_STATE,
		.state = { .position = -7, .rate_nhz = 2500000000, .state = NANODOSE_STATE_RAMP,
			   .flags = NANODOSE_STATUS_OWNED, .cause = NANODOSE_CAUSE_RUN, .pid = 12 },
	};

	return data;
}

static void write_a_run(const char *path)
{
	struct record *record = fixture_create(path, NULL);
	uint64_t start = start_of(path);
	struct nanodose_record data;

	data = state_record(start - 5, 1);
	CHECK(!record_kernel(record, 0, &data));
	data = flow_record(start + SECOND_NS, 2, 100, 60000123);
	data.flow.sensor_flags = NANODOSE_SENSOR_FLAG_AIR;
	CHECK(!record_sample(record, 0, &data, 60 * UL_MIN, 61.5 * UL_MIN, 59.25 * UL_MIN));
	data = flow_record(start + SECOND_NS + 20000000, 3, -5, NANODOSE_NO_VALUE_S64);
	data.flow.temperature_mdegc = NANODOSE_NO_VALUE_S32;
	data.flow.pressure_pa = NANODOSE_NO_VALUE_S32;
	data.flow.valid = 0;
	data.flow.bus_errors = 4;
	CHECK(!record_sample(record, 1, &data, -20 * UL_MIN, NAN, NAN));
	data = (struct nanodose_record){
		.time_ns = start + 2 * SECOND_NS, .sequence = 4, .type = NANODOSE_RECORD_FAULT,
		.fault = { .position = 101, .rate_nhz = 1, .value = 9,
			   .fault = NANODOSE_FAULT_AIR_IN_LINE, .faults = 6 },
	};
	CHECK(!record_kernel(record, 1, &data));
	data = (struct nanodose_record){
		.time_ns = start + 2 * SECOND_NS, .sequence = 9, .type = NANODOSE_RECORD_DROPPED,
		.dropped = { .first_sequence = 5, .count = 4 },
	};
	CHECK(!record_kernel(record, 0, &data));
	CHECK(!record_event(record, start + 2 * SECOND_NS, RECORD_FAULT, RECORD_INTERLOCK, 1, 12,
			    "air in line"));
	CHECK(!record_event(record, start + 3 * SECOND_NS, RECORD_INFO, RECORD_OPERATOR, -1, 0,
			    "said \"go on\", twice"));
	CHECK(!record_finish(record, start + 4 * SECOND_NS, "fault", "{\"status\": \"fault\"}"));
	CHECK(!record_close(record));
}

TEST(everything_recorded_can_be_read_back)
{
	const char *path = in_folder("roundtrip.db");

	write_a_run(path);
	CHECK_QUERY(path, "SELECT * FROM sample",
		    "0|1000000000|2|100|60000123|25120|101325|1|3|0|60000000|61500000|59250000\n"
		    "1|1020000000|3|-5|NULL|NULL|NULL|NULL|0|4|-20000000|NULL|NULL");
	CHECK_QUERY(path, "SELECT * FROM kernel_state", "0|-5|1|-7|2500000000|2|1|0|3|12");
	CHECK_QUERY(path, "SELECT * FROM kernel_fault", "1|2000000000|4|101|1|9|4|6");
	CHECK_QUERY(path, "SELECT * FROM kernel_dropped", "0|2000000000|9|5|4");
	CHECK_QUERY(path, "SELECT * FROM event",
		    "1|2000000000|fault|interlock|1|12|air in line\n"
		    "2|3000000000|info|operator|NULL|NULL|said \"go on\", twice");
	CHECK_QUERY(path, "SELECT * FROM result", "1|4000000000|fault|{\"status\": \"fault\"}");
	CHECK_QUERY(path, "SELECT * FROM protocol", "x.yaml|Test|nanodose: 1\n");
	CHECK_QUERY(path, "SELECT * FROM input", "rate|rate|1.0e-09|60 uL/min|1");
	CHECK_QUERY(path, "SELECT name, pump, device, label, syringe, medium, concentration_per_m3,"
		    " sensor, sensor_serial FROM channel",
		    "aqueous|rig0|/dev/nanodose0|rig0|BD Plastipak 10 mL|water|NULL|SLF3S-0600F|4711\n"
		    "lipid, \"old\"|rig1|/dev/nanodose1|rig1|BD Plastipak 3 mL|ipa|2.5e+18|NULL|NULL");
	CHECK(query_integer(path, "SELECT value FROM meta WHERE key = 'start_utc_ns'") >
	      1700000000LL * 1000000000);
	CHECK_QUERY(path, "PRAGMA integrity_check", "ok");
}

TEST(the_views_show_units_and_words)
{
	const char *path = in_folder("roundtrip.db");

	CHECK_QUERY(path, "SELECT channel, flow_ul_min, setpoint_ul_min, delivered_ul FROM samples",
		    "aqueous|60.000123|60.0|0.5\nlipid, \"old\"|NULL|-20.0|-0.05");
	CHECK_QUERY(path, "SELECT channel, state, cause, rate_steps_s FROM states",
		    "aqueous|ramping|motion begins|2.5");
	CHECK_QUERY(path, "SELECT channel, fault FROM faults", "lipid, \"old\"|air in line");
	CHECK_QUERY(path, "SELECT time_s, channel FROM events",
		    "2.0|lipid, \"old\"\n3.0|NULL");
}

/* The words of the views are SQL of their own; hold them against the library's. */
TEST(the_views_use_the_words_of_the_library)
{
	static const int causes = NANODOSE_CAUSE_HOME, states = NANODOSE_STATE_STOPPING;
	const char *path = in_folder("words.db");
	struct record *record = fixture_create(path, NULL);
	uint64_t start = start_of(path);
	struct nanodose_record data;
	char sql[128];
	uint32_t bit;
	int i;

	for (i = 0; i <= causes; i++) {
		data = state_record(start, 1);
		data.state.cause = (uint32_t)i;
		data.state.state = (uint32_t)(i <= states ? i : states);
		record_kernel(record, 0, &data);
	}
	for (bit = 1; bit <= NANODOSE_FAULT_UNBIND; bit <<= 1) {
		data = (struct nanodose_record){ .type = NANODOSE_RECORD_FAULT, .time_ns = start };
		data.fault.fault = bit;
		record_kernel(record, 0, &data);
	}
	CHECK(!record_close(record));
	for (i = 0; i <= causes; i++) {
		snprintf(sql, sizeof(sql), "SELECT cause FROM states LIMIT 1 OFFSET %d", i);
		CHECK_QUERY(path, sql, nanodose_cause_name((uint32_t)i));
		snprintf(sql, sizeof(sql), "SELECT state FROM states LIMIT 1 OFFSET %d", i);
		CHECK_QUERY(path, sql, nanodose_state_name((uint32_t)(i <= states ? i : states)));
	}
	for (i = 0, bit = 1; bit <= NANODOSE_FAULT_UNBIND; bit <<= 1, i++) {
		snprintf(sql, sizeof(sql), "SELECT fault FROM faults LIMIT 1 OFFSET %d", i);
		CHECK_QUERY(path, sql, nanodose_fault_name(bit));
	}
}

TEST(a_finished_run_is_one_plain_file)
{
	CHECK(!access(in_folder("roundtrip.db"), R_OK));
	CHECK(access(in_folder("roundtrip.db-wal"), F_OK));
	CHECK(access(in_folder("roundtrip.db-shm"), F_OK));
}

TEST(an_existing_file_is_never_overwritten)
{
	const char *path = in_folder("roundtrip.db");
	char *error = NULL;

	errno = 0;
	CHECK(!fixture_create(path, &error));
	CHECK_INT(errno, EEXIST);
	CHECK(error && strstr(error, path) && strstr(error, "never overwritten"));
	free(error);
	CHECK_QUERY(path, "SELECT count(*) FROM sample", "2");
}

TEST(a_folder_that_is_not_there_is_named)
{
	char *error = NULL;

	errno = 0;
	CHECK(!fixture_create(in_folder("no/such.db"), &error));
	CHECK_INT(errno, ENOENT);
	CHECK(error && strstr(error, "no/such.db"));
	free(error);
}

TEST(rows_are_committed_once_a_second_and_can_be_read_meanwhile)
{
	const char *path = in_folder("live.db");
	struct record *record = fixture_create(path, NULL);
	uint64_t start = start_of(path);
	struct nanodose_record data;

	data = flow_record(start + SECOND_NS / 2, 1, 1, 1);
	CHECK(!record_sample(record, 0, &data, 0, 0, 0));
	CHECK_QUERY(path, "SELECT count(*) FROM sample", "0");
	CHECK(!record_commit(record, start + SECOND_NS - 1, 0));
	CHECK_QUERY(path, "SELECT count(*) FROM sample", "0");
	CHECK(!record_commit(record, start + SECOND_NS, 0));
	CHECK_QUERY(path, "SELECT count(*) FROM sample", "1");
	data = flow_record(start + SECOND_NS + 1, 2, 1, 1);
	CHECK(!record_sample(record, 0, &data, 0, 0, 0));
	CHECK_QUERY(path, "SELECT count(*) FROM sample", "1");
	CHECK(!record_commit(record, start + SECOND_NS + 2, 1));
	CHECK_QUERY(path, "SELECT count(*) FROM sample", "2");
	data = flow_record(start + 3 * SECOND_NS, 3, 1, 1);
	CHECK(!record_sample(record, 0, &data, 0, 0, 0));
	CHECK_QUERY(path, "SELECT count(*) FROM sample", "3");
	CHECK(!record_close(record));
}

TEST(a_killed_program_leaves_a_readable_file_with_all_that_was_committed)
{
	const char *path = in_folder("killed.db");
	struct nanodose_record data;
	struct record *record;
	uint64_t start;
	int i, status;
	pid_t child;

	fflush(stdout);
	child = fork();
	if (!child) {
		record = fixture_create(path, NULL);
		start = start_of(path);
		for (i = 0; i <= 150; i++) {
			data = flow_record(start + (uint64_t)i * 20000000, (uint64_t)i, i, i);
			record_sample(record, 0, &data, 0, 0, 0);
		}
		raise(SIGKILL);
	}
	CHECK(waitpid(child, &status, 0) == child && WIFSIGNALED(status));
	CHECK_QUERY(path, "SELECT count(*), max(sequence) FROM sample", "151|150");
	CHECK_QUERY(path, "SELECT count(*) FROM result", "0");
	CHECK_QUERY(path, "PRAGMA integrity_check", "ok");
}

static void limit_file_size(rlim_t bytes)
{
	struct rlimit limit;

	getrlimit(RLIMIT_FSIZE, &limit);
	limit.rlim_cur = bytes;
	setrlimit(RLIMIT_FSIZE, &limit);
}

TEST(a_full_disk_is_told_and_nothing_is_lost_once_there_is_room)
{
	const char *path = in_folder("full.db");
	struct record *record = fixture_create(path, NULL);
	uint64_t start = start_of(path), time_ns = start;
	struct nanodose_record data;
	int written = 0, failed = 0, other = 0, i;

	signal(SIGXFSZ, SIG_IGN);
	limit_file_size(200000);
	for (i = 0; i < 10000; i++) {
		time_ns = start + (uint64_t)i * 20000000;
		data = flow_record(time_ns, (uint64_t)i, i, i);
		errno = 0;
		if (!record_sample(record, 0, &data, 0, 0, 0)) {
			written++;
			other += failed > 0;
		} else {
			failed++;
			other += errno != ENOSPC;
		}
	}
	CHECK(written > 100);
	CHECK(failed > 100);
	CHECK_INT(other, 0);
	CHECK(strstr(record_error(record), "disk is full"));
	CHECK_INT(record_commit(record, time_ns + 1, 0), -1);
	limit_file_size(RLIM_INFINITY);
	signal(SIGXFSZ, SIG_DFL);
	CHECK(!record_commit(record, time_ns + SECOND_NS, 0));
	CHECK_QUERY(path, "SELECT count(*), count(DISTINCT sequence), max(sequence) FROM sample",
		    "10000|10000|9999");
	CHECK_QUERY(path, "SELECT count(*) FROM sample WHERE rowid <> sequence + 1", "0");
	CHECK(!record_close(record));
	CHECK_QUERY(path, "PRAGMA integrity_check", "ok");
}

TEST(a_disk_that_stays_full_is_told_at_the_end)
{
	const char *path = in_folder("stays-full.db");
	struct record *record = fixture_create(path, NULL);
	struct nanodose_record data = flow_record(start_of(path), 1, 1, 1);

	signal(SIGXFSZ, SIG_IGN);
	limit_file_size(1);
	record_sample(record, 0, &data, 0, 0, 0);
	errno = 0;
	CHECK_INT(record_close(record), -1);
	CHECK_INT(errno, ENOSPC);
	limit_file_size(RLIM_INFINITY);
	signal(SIGXFSZ, SIG_DFL);
}

TEST(what_finds_no_room_in_memory_either_is_counted_in_the_record)
{
	const char *path = in_folder("lost.db");
	struct record *record = fixture_create(path, NULL);
	struct nanodose_record data = flow_record(start_of(path), 1, 1, 1);
	int i, refused = 0;

	signal(SIGXFSZ, SIG_IGN);
	limit_file_size(1);
	CHECK_INT(record_commit(record, data.time_ns, 1), 0);	/* nothing to write yet */
	for (i = 0; i < 262144 + 25; i++)
		refused += record_sample(record, 0, &data, 0, 0, 0) < 0;
	CHECK_INT(refused, 25);
	CHECK_INT(record_commit(record, data.time_ns, 1), -1);
	limit_file_size(RLIM_INFINITY);
	signal(SIGXFSZ, SIG_DFL);
	CHECK(!record_close(record));
	CHECK_QUERY(path, "SELECT count(*) FROM sample", "262144");
	CHECK_QUERY(path, "SELECT severity, text FROM event",
		    "warning|25 records were lost: the disk was full for too long");
}

static char *dump(const char *path)
{
	return query(path, "SELECT 's', channel, time_ns, sequence, position, flow_pl_min FROM sample"
		     " UNION ALL SELECT 'k', channel, time_ns, sequence, position, rate_nhz FROM kernel_state"
		     " UNION ALL SELECT 'f', channel, time_ns, sequence, position, value FROM kernel_fault"
		     " UNION ALL SELECT 'd', channel, time_ns, sequence, first_sequence, count FROM kernel_dropped"
		     " UNION ALL SELECT 'e', channel, time_ns, severity, source, text FROM event"
		     " UNION ALL SELECT 'r', id, time_ns, status, summary, NULL FROM result");
}

TEST(the_same_run_at_another_time_makes_the_same_rows)
{
	const char *path = in_folder("again.db");
	char *first = dump(in_folder("roundtrip.db")), *second;

	write_a_run(path);
	second = dump(path);
	CHECK(start_of(path) != start_of(in_folder("roundtrip.db")));
	CHECK(strlen(first) > 100);
	CHECK_TEXT(second, first);
	free(first);
	free(second);
}

/* The last hour of an eight-hour run at 50 samples a second, 5 uL/min, one channel. */
TEST(a_sample_takes_at_most_sixty_bytes_on_the_disk)
{
	const char *path = in_folder("size.db");
	struct record *record = fixture_create(path, NULL);
	uint64_t start = start_of(path);
	struct stat before, after;
	struct nanodose_record data;
	int i, count = 180000;

	CHECK(!stat(path, &before));
	for (i = 0; i < count; i++) {
		data = flow_record(start + 7 * 3600 * SECOND_NS + (uint64_t)i * 20000123,
				   1260000 + (uint64_t)i, 380000 + i / 3, 5000000 + (i * 7919) % 200001 - 100000);
		data.flow.temperature_mdegc = 25000 + i % 300;
		data.flow.pressure_pa = 101000 + (i * 31) % 500;
		CHECK(!record_sample(record, 0, &data, 5 * UL_MIN, 5.0123 * UL_MIN, 4.98765 * UL_MIN));
	}
	CHECK(!record_close(record));
	CHECK(!stat(path, &after));
	printf("# %.1f bytes a sample\n", (double)after.st_size / count);
	CHECK((double)after.st_size / count <= 60);
	CHECK_INT(query_integer(path, "SELECT count(*) FROM sample"), count);
}

int main(void)
{
	folder_make();
	RUN(everything_recorded_can_be_read_back);
	RUN(the_views_show_units_and_words);
	RUN(the_views_use_the_words_of_the_library);
	RUN(a_finished_run_is_one_plain_file);
	RUN(an_existing_file_is_never_overwritten);
	RUN(a_folder_that_is_not_there_is_named);
	RUN(rows_are_committed_once_a_second_and_can_be_read_meanwhile);
	RUN(a_killed_program_leaves_a_readable_file_with_all_that_was_committed);
	RUN(a_full_disk_is_told_and_nothing_is_lost_once_there_is_room);
	RUN(a_disk_that_stays_full_is_told_at_the_end);
	RUN(what_finds_no_room_in_memory_either_is_counted_in_the_record);
	RUN(the_same_run_at_another_time_makes_the_same_rows);
	RUN(a_sample_takes_at_most_sixty_bytes_on_the_disk);
	folder_remove();
	return test_end();
}
