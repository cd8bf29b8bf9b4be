/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A run to record and ways to look into its file. Shared by the record's tests. */
#ifndef RECORD_FIXTURE_H
#define RECORD_FIXTURE_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "nanodose.h"
#include "protocol.h"
#include "record.h"

#define SECOND_NS 1000000000ULL
#define UL_MIN (1e-9 / 60)	/* m3/s */

static char folder[64];

static void folder_make(void)
{
	strcpy(folder, "/tmp/nanodose-record-XXXXXX");
	if (!mkdtemp(folder)) {
		perror("mkdtemp");
		exit(1);
	}
}

/* A path in the test's folder; four at a time. */
static const char *in_folder(const char *name)
{
	static char paths[4][128];
	static int next;
	char *path = paths[next++ % 4];

	snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
	return path;
}

static void folder_remove(void)
{
	char command[96];

	snprintf(command, sizeof(command), "rm -rf '%s'", folder);
	if (system(command))
		perror(command);
}

static struct record *fixture_create(const char *path, char **error)
{
	static struct protocol_input input = {
		.name = (char *)"rate", .dimension = NANODOSE_DIMENSION_RATE, .value = 1e-9,
		.text = (char *)"60 uL/min", .set = true,
	};
	static struct protocol_channel wanted[2];
	static struct record_channel channels[2];
	static struct protocol protocol;
	int i;

	wanted[0] = (struct protocol_channel){
		.name = (char *)"aqueous", .pump = (char *)"rig0", .loaded_m3 = 4e-6,
		.syringe = nanodose_syringe_find("BD Plastipak 10 mL"),
	};
	wanted[1] = (struct protocol_channel){
		.name = (char *)"lipid, \"old\"", .pump = (char *)"rig1", .loaded_m3 = 2e-6,
		.syringe = nanodose_syringe_find("BD Plastipak 3 mL"),
		.medium = NANODOSE_MEDIUM_IPA, .concentration_per_m3 = 2.5e18,
	};
	protocol = (struct protocol){
		.path = (char *)"x.yaml", .text = (char *)"nanodose: 1\n", .name = (char *)"Test",
		.inputs = &input, .input_count = 1, .channels = wanted, .channel_count = 2,
	};
	for (i = 0; i < 2; i++) {
		channels[i] = (struct record_channel){
			.name = wanted[i].name, .pump = wanted[i].pump,
			.device_path = i ? "/dev/nanodose1" : "/dev/nanodose0",
			.volume_per_step_m3 = i ? 2.5e-11 : 5e-12,
			.origin = i ? -3 : 0,
			.info = { .microsteps_per_rev = 3200, .lead_pitch_nm = 1000000,
				  .max_rate_nhz = 40000000000000, .sensor_serial = 4711,
				  .sensor_full_scale_pl_min = 2000000000,
				  .sensor_model = i ? NANODOSE_SENSOR_NONE : NANODOSE_SENSOR_SLF3S_0600F },
		};
		strcpy(channels[i].info.label, wanted[i].pump);
	}
	return record_create(path, &protocol, channels, 2, error);
}

static struct nanodose_record flow_record(uint64_t time_ns, uint64_t sequence, int64_t position,
					  int64_t flow_pl_min)
{
	struct nanodose_record data = {
		.time_ns = time_ns, .sequence = sequence, .type = NANODOSE_RECORD_FLOW,
		.flow = { .position = position, .flow_pl_min = flow_pl_min,
			  .temperature_mdegc = 25120, .pressure_pa = 101325,
			  .valid = NANODOSE_VALID_FLOW | NANODOSE_VALID_PRESSURE },
	};

	return data;
}

/* One value as SQLite's quote() writes it, columns joined by "|", rows by "\n"; to be freed. */
static char *query(const char *path, const char *sql)
{
	sqlite3_stmt *statement;
	sqlite3 *db;
	size_t size = 0;
	char *text = NULL;
	FILE *stream = open_memstream(&text, &size);
	int i, rows = 0;

	if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL) ||
	    sqlite3_prepare_v2(db, sql, -1, &statement, NULL)) {
		fprintf(stream, "error: %s", sqlite3_errmsg(db));
	} else {
		while (sqlite3_step(statement) == SQLITE_ROW) {
			fputs(rows++ ? "\n" : "", stream);
			for (i = 0; i < sqlite3_column_count(statement); i++)
				fprintf(stream, "%s%s", i ? "|" : "",
					sqlite3_column_type(statement, i) == SQLITE_NULL ? "NULL" :
					(const char *)sqlite3_column_text(statement, i));
		}
		sqlite3_finalize(statement);
	}
	sqlite3_close(db);
	fclose(stream);
	return text;
}

static long long query_integer(const char *path, const char *sql)
{
	char *text = query(path, sql), *end;
	long long value = strtoll(text, &end, 10);

	if (end == text || *end) {
		printf("# %s: %s\n", sql, text);
		value = -1;
	}
	free(text);
	return value;
}

#define CHECK_QUERY(path, sql, expected)                                          \
	do {                                                                      \
		char *text_ = query(path, sql);                                   \
		CHECK_TEXT(text_, expected);                                      \
		free(text_);                                                      \
	} while (0)

/* The instant that the file's times count from. */
static uint64_t start_of(const char *path)
{
	return (uint64_t)query_integer(path, "SELECT value FROM meta WHERE key = 'start_monotonic_ns'");
}

#endif /* RECORD_FIXTURE_H */
