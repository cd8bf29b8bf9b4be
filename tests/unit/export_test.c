// SPDX-License-Identifier: GPL-2.0-or-later
/* What export makes of a run file, to the letter, and of files that are none. */
#include <fcntl.h>
#include <json-c/json.h>

#include "test.h"
#include "record_fixture.h"

static void execute(const char *path, const char *sql)
{
	sqlite3 *db;

	CHECK(!sqlite3_open(path, &db) && !sqlite3_exec(db, sql, NULL, NULL, NULL));
	sqlite3_close(db);
}

static void write_a_run(const char *path)
{
	struct record *record = fixture_create(path, NULL);
	uint64_t start = start_of(path);
	struct nanodose_record data;

	data = flow_record(start - 1500, 2, -3, -250);
	record_sample(record, 0, &data, 0, 0, 0);
	data = flow_record(start + SECOND_NS, 3, 200000, 60000123);
	data.flow.sensor_flags = NANODOSE_SENSOR_FLAG_HIGH_FLOW;
	record_sample(record, 0, &data, 60 * UL_MIN, 61.5 * UL_MIN, 59.25 * UL_MIN);
	data = flow_record(start + 3600 * SECOND_NS + 20000000, 4, 7, NANODOSE_NO_VALUE_S64);
	data.flow.temperature_mdegc = NANODOSE_NO_VALUE_S32;
	data.flow.pressure_pa = NANODOSE_NO_VALUE_S32;
	data.flow.valid = 0;
	data.flow.bus_errors = 4;
	record_sample(record, 1, &data, NAN, NAN, NAN);
	record_event(record, start, RECORD_INFO, RECORD_PROGRAM, -1, 0, "begins");
	record_event(record, start + SECOND_NS, RECORD_WARNING, RECORD_PROTOCOL, 1, 12,
		     "says \"high\",\nand waits");
	record_finish(record, start + 3601 * SECOND_NS, "done", "{\"duration_s\": 3601}");
	CHECK(!record_close(record));
	/* The start in UTC is the clock's; for a text to compare with it has to be known. */
	execute(path, "UPDATE meta SET value = 1767225599000000000 WHERE key = 'start_utc_ns'");
}

static char *export(int (*function)(const char *path, void *stream, char **error), const char *path)
{
	char *text = NULL, *error = NULL;
	size_t size;
	FILE *stream = open_memstream(&text, &size);
	int result = function(path, stream, &error);

	fclose(stream);
	if (!result) {
		CHECK(!error);
		return text;
	}
	free(text);
	CHECK(error);
	return error;
}

#define CHECK_EXPORT(function, path, expected)                                    \
	do {                                                                      \
		char *exported_ = export(function, path);                         \
		CHECK_TEXT(exported_, expected);                                  \
		free(exported_);                                                  \
	} while (0)

TEST(samples_become_csv_with_units_and_empty_fields_for_what_was_not_had)
{
	CHECK_EXPORT(record_export_csv, in_folder("run.db"),
		     "time_s,utc,channel,setpoint_ul_min,flow_ul_min,estimate_ul_min,pump_rate_ul_min,"
		     "position_steps,delivered_ul,temperature_degc,pressure_kpa,air_in_line,high_flow,"
		     "bus_errors,sequence\n"
		     "-0.0000015,2025-12-31T23:59:58.999998Z,aqueous,0,-0.00025,0,0,-3,-0.015,25.12,"
		     "101.325,0,0,0,2\n"
		     "1,2026-01-01T00:00:00.000000Z,aqueous,60,60.000123,59.25,61.5,200000,1000,25.12,"
		     "101.325,0,1,0,3\n"
		     "3600.02,2026-01-01T00:59:59.020000Z,\"lipid, \"\"old\"\"\",,,,,7,0.25,,,,,4,4\n");
}

TEST(events_become_csv_with_quotes_where_needed)
{
	CHECK_EXPORT(record_export_events_csv, in_folder("run.db"),
		     "time_s,utc,severity,source,channel,line,text\n"
		     "0,2025-12-31T23:59:59.000000Z,info,program,,,begins\n"
		     "1,2026-01-01T00:00:00.000000Z,warning,protocol,\"lipid, \"\"old\"\"\",12,"
		     "\"says \"\"high\"\",\nand waits\"\n");
}

TEST(everything_but_the_samples_becomes_one_json_object)
{
	char *text = export(record_export_json, in_folder("run.db"));
	struct json_object *root = json_tokener_parse(text), *part, *value;

	CHECK(root);
	CHECK(json_object_object_get_ex(root, "start_utc", &part));
	CHECK_TEXT(json_object_get_string(part), "2025-12-31T23:59:59.000000Z");
	CHECK(json_object_object_get_ex(root, "channels", &part));
	CHECK_INT(json_object_array_length(part), 2);
	CHECK(json_object_object_get_ex(json_object_array_get_idx(part, 1), "syringe", &value));
	CHECK_TEXT(json_object_get_string(value), "BD Plastipak 3 mL");
	CHECK(json_object_object_get_ex(root, "events", &part));
	CHECK_INT(json_object_array_length(part), 2);
	CHECK(json_object_object_get_ex(root, "result", &part));
	CHECK(json_object_object_get_ex(part, "status", &value));
	CHECK_TEXT(json_object_get_string(value), "done");
	CHECK(json_object_object_get_ex(part, "summary", &value));
	CHECK(json_object_object_get_ex(value, "duration_s", &value));
	CHECK_INT(json_object_get_int(value), 3601);
	json_object_put(root);
	free(text);
}

TEST(a_run_that_goes_on_can_be_exported)
{
	const char *path = in_folder("live.db");
	struct record *record = fixture_create(path, NULL);
	struct nanodose_record data = flow_record(start_of(path), 1, 1, 1);
	char *text, *line;
	int lines = 0;

	record_sample(record, 0, &data, 0, 0, 0);
	record_commit(record, data.time_ns, 1);
	text = export(record_export_csv, path);
	for (line = text; (line = strchr(line, '\n')); line++)
		lines++;
	CHECK_INT(lines, 2);
	free(text);
	text = export(record_export_json, path);
	CHECK(strstr(text, "\"result\": null"));
	free(text);
	CHECK(!record_close(record));
}

static void write_file(const char *path, const char *text, size_t size)
{
	FILE *file = fopen(path, "w");

	CHECK(file && fwrite(text, 1, size, file) == size && !fclose(file));
}

static void check_refusal(const char *name, const char *says)
{
	char *text = export(record_export_csv, in_folder(name));

	CHECK(strstr(text, name));
	if (!strstr(text, says))
		printf("# %s: the message is: %s\n", name, text);
	CHECK(strstr(text, says));
	free(text);
}

TEST(a_file_that_is_no_run_is_refused_by_what_it_is)
{
	write_file(in_folder("text.db"), "time,flow\n1,2\n and so on", 23);
	write_file(in_folder("empty.db"), "", 0);
	execute(in_folder("other.db"), "CREATE TABLE t (x)");
	execute(in_folder("newer.db"), "PRAGMA application_id = 1852075891; PRAGMA user_version = 3;"
		"CREATE TABLE t (x)");
	execute(in_folder("older.db"), "PRAGMA application_id = 1852075891; PRAGMA user_version = 1;"
		"CREATE TABLE t (x)");
	check_refusal("missing.db", "No such file");
	check_refusal("text.db", "not a run file");
	check_refusal("empty.db", "not a run file");
	check_refusal("other.db", "another program");
	check_refusal("newer.db", "format 3, this program reads format 2; use a newer program");
	check_refusal("older.db", "format 1, this program reads format 2; use the older program that wrote it");
}

TEST(a_damaged_file_is_refused)
{
	static char rubbish[4096];
	int fd;

	write_a_run(in_folder("torn.db"));
	CHECK(!truncate(in_folder("torn.db"), 6000));
	check_refusal("torn.db", "damaged");
	write_a_run(in_folder("scribbled.db"));
	memset(rubbish, 0xa5, sizeof(rubbish));
	fd = open(in_folder("scribbled.db"), O_WRONLY);
	CHECK(pwrite(fd, rubbish, sizeof(rubbish) - 100, 100) > 0);
	close(fd);
	check_refusal("scribbled.db", "damaged");
}

int main(void)
{
	folder_make();
	write_a_run(in_folder("run.db"));
	RUN(samples_become_csv_with_units_and_empty_fields_for_what_was_not_had);
	RUN(events_become_csv_with_quotes_where_needed);
	RUN(everything_but_the_samples_becomes_one_json_object);
	RUN(a_run_that_goes_on_can_be_exported);
	RUN(a_file_that_is_no_run_is_refused_by_what_it_is);
	RUN(a_damaged_file_is_refused);
	folder_remove();
	return test_end();
}
