// SPDX-License-Identifier: GPL-2.0-or-later
#include "calibration.h"

#include <errno.h>
#include <math.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define SYSTEM_FOLDER	"/var/lib/nanodose"
#define FILE_NAME	"calibrations.db"
#define APPLICATION_ID	0x6e646361	/* "ndca" */
#define FORMAT		2
#define FORMAT_WITHOUT_SCREWS	1
#define BUSY_MS		2000

/* What was found stays: a rig that drifts shows in the rows. */
static const char schema[] =
	"BEGIN IMMEDIATE;"
	"CREATE TABLE IF NOT EXISTS rig (id INTEGER PRIMARY KEY, utc_ns INTEGER NOT NULL, by_run INTEGER NOT NULL,"
	" pump TEXT NOT NULL, syringe TEXT NOT NULL, sensor_serial INTEGER NOT NULL, fluid TEXT NOT NULL,"
	" tau_s REAL NOT NULL, tau_error REAL NOT NULL, compliance_m3_pa REAL, compliance_error REAL,"
	" lag_s REAL, lag_error REAL, gain REAL NOT NULL, gain_error REAL NOT NULL, backlash_m3 REAL);"
	"CREATE TABLE IF NOT EXISTS weighing (id INTEGER PRIMARY KEY, utc_ns INTEGER NOT NULL,"
	" pump TEXT NOT NULL, syringe TEXT NOT NULL, share REAL NOT NULL);"
	"CREATE TABLE IF NOT EXISTS screw (pump TEXT NOT NULL, syringe TEXT NOT NULL, utc_ns INTEGER NOT NULL,"
	" boot_id TEXT NOT NULL, position INTEGER NOT NULL, taken_up INTEGER NOT NULL, PRIMARY KEY (pump, syringe));"
	"PRAGMA application_id = 1852072801; PRAGMA user_version = 2;"
	"COMMIT;";
_Static_assert(APPLICATION_ID == 1852072801 && FORMAT == 2, "as the schema has them");

static int __attribute__((format(printf, 2, 3))) fail(char **error, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	if (vasprintf(error, format, arguments) < 0)
		*error = NULL;
	va_end(arguments);
	return -1;
}

/* ---- where ------------------------------------------------------------------------- */

static char *own_path(void)
{
	const char *named = getenv("NANODOSE_CALIBRATIONS"), *home = getenv("HOME"), *data = getenv("XDG_DATA_HOME");
	char *path = NULL;

	if (named && *named)
		return strdup(named);
	if (data && *data == '/' ? asprintf(&path, "%s/nanodose/" FILE_NAME, data) < 0 :
				   asprintf(&path, "%s/.local/share/nanodose/" FILE_NAME, home ? home : "") < 0)
		return NULL;
	return path;
}

char *calibration_path(void)
{
	const char *named = getenv("NANODOSE_CALIBRATIONS");

	if (!(named && *named) && !access(SYSTEM_FOLDER, W_OK))
		return strdup(SYSTEM_FOLDER "/" FILE_NAME);
	return own_path();
}

static void make_folders(const char *path)
{
	char *part = strdup(path);

	for (char *slash = part ? strchr(part + 1, '/') : NULL; slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		mkdir(part, 0777);
		*slash = '/';
	}
	free(part);
}

/* ---- the file ------------------------------------------------------------------------ */

static long long pragma(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *row;
	long long value = -1;

	if (sqlite3_prepare_v2(db, sql, -1, &row, NULL))
		return -1;
	if (sqlite3_step(row) == SQLITE_ROW)
		value = sqlite3_column_int64(row, 0);
	sqlite3_finalize(row);
	return value;
}

/* The format, or 0. */
static long long format_of(sqlite3 *db)
{
	long long format = pragma(db, "PRAGMA user_version");

	return pragma(db, "PRAGMA application_id") == APPLICATION_ID && format <= FORMAT ? format : 0;
}

static int not_ours(const char *path, char **error)
{
	return fail(error, "%s: this is no file of calibrations, or that of a newer program: move it away, or name another by NANODOSE_CALIBRATIONS",
		    path);
}

static int go_wrong(sqlite3 *db, const char *path, const char *what, char **error)
{
	return fail(error, "%s: the calibration cannot be %s: %s", path, what, sqlite3_errmsg(db));
}

/* NULL without *error: the file is not there. */
static sqlite3 *open_to_read(const char *path, char **error)
{
	sqlite3 *db = NULL;

	if (access(path, F_OK))
		return NULL;
	if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL)) {
		go_wrong(db, path, "read", error);
	} else {
		sqlite3_busy_timeout(db, BUSY_MS);
		if (format_of(db))
			return db;
		/* one that is just being made is empty, too */
		if (pragma(db, "SELECT count(*) FROM sqlite_schema") != 0)
			not_ours(path, error);
	}
	sqlite3_close(db);
	return NULL;
}

static sqlite3 *open_to_write(const char *path, char **error)
{
	sqlite3 *db = NULL;

	make_folders(path);
	if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL)) {
		go_wrong(db, path, "written", error);
	} else {
		sqlite3_busy_timeout(db, BUSY_MS);
		if (!format_of(db) && pragma(db, "SELECT count(*) FROM sqlite_schema") != 0)
			not_ours(path, error);
		else if (format_of(db) != FORMAT && sqlite3_exec(db, schema, NULL, NULL, NULL))
			go_wrong(db, path, "written", error);
		else
			return db;
	}
	sqlite3_close(db);
	return NULL;
}

static int64_t utc_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static void bind_key(sqlite3_stmt *row, const struct calibration_key *key, bool whole)
{
	sqlite3_bind_text(row, 1, key->pump, -1, SQLITE_STATIC);
	sqlite3_bind_text(row, 2, key->syringe, -1, SQLITE_STATIC);
	if (!whole)
		return;
	sqlite3_bind_int64(row, 3, key->sensor_serial);
	sqlite3_bind_text(row, 4, key->fluid, -1, SQLITE_STATIC);
}

/*
 * The newest row of both files, told to @take if it is newer than what *utc_ns
 * says. A file of one's own that is not there is no error.
 */
static int newest(const struct calibration_key *key, bool whole, const char *sql,
		  void (*take)(void *into, sqlite3_stmt *row), void *into, char **error)
{
	char *paths[] = { own_path(), getenv("NANODOSE_CALIBRATIONS") ? NULL : strdup(SYSTEM_FOLDER "/" FILE_NAME) };
	int64_t newest_ns = INT64_MIN;
	int found = 0;

	*error = NULL;
	for (size_t i = 0; i < 2 && found >= 0; i++) {
		sqlite3 *db = paths[i] ? open_to_read(paths[i], error) : NULL;
		sqlite3_stmt *row = NULL;
		int step = SQLITE_DONE;

		if (!db) {
			found = *error ? -1 : found;
			continue;
		}
		if (!sqlite3_prepare_v2(db, sql, -1, &row, NULL)) {
			bind_key(row, key, whole);
			step = sqlite3_step(row);
		}
		if (!row && format_of(db) == FORMAT_WITHOUT_SCREWS)
			step = SQLITE_DONE;
		else if (!row || (step != SQLITE_ROW && step != SQLITE_DONE)) {
			found = go_wrong(db, paths[i], "read", error);
		} else if (step == SQLITE_ROW && sqlite3_column_int64(row, 0) > newest_ns) {
			newest_ns = sqlite3_column_int64(row, 0);
			take(into, row);
			found = 1;
		}
		sqlite3_finalize(row);
		sqlite3_close(db);
	}
	free(paths[0]);
	free(paths[1]);
	return found;
}

static int insert(const char *sql, void (*bind)(const void *what, sqlite3_stmt *row), const void *what,
		  const struct calibration_key *key, bool whole, char **error)
{
	char *path = calibration_path();
	sqlite3_stmt *row = NULL;
	sqlite3 *db;
	int result = 1;

	*error = NULL;
	if (!path)
		return fail(error, "%s", strerror(ENOMEM));
	db = open_to_write(path, error);
	if (!db) {
		free(path);
		return -1;
	}
	if (!sqlite3_prepare_v2(db, sql, -1, &row, NULL)) {
		bind_key(row, key, whole);
		bind(what, row);
	}
	if (!row || sqlite3_step(row) != SQLITE_DONE)
		result = go_wrong(db, path, "written", error);
	sqlite3_finalize(row);
	sqlite3_close(db);
	free(path);
	return result;
}

/* ---- rigs ------------------------------------------------------------------------------ */

void calibration_key(struct calibration_key *key, const struct nanodose_info *info,
		     const struct nanodose_syringe *syringe, const char *fluid)
{
	*key = (struct calibration_key){ .syringe = syringe->name, .sensor_serial = info->sensor_serial,
					 .fluid = fluid };
	snprintf(key->pump, sizeof(key->pump), "%s", *info->label ? info->label : info->name);
}

static double real(sqlite3_stmt *row, int column, double none)
{
	return sqlite3_column_type(row, column) == SQLITE_NULL ? none : sqlite3_column_double(row, column);
}

static void take_rig(void *into, sqlite3_stmt *row)
{
	struct calibration *calibration = into;

	*calibration = (struct calibration){
		.utc_ns = sqlite3_column_int64(row, 0),
		.by_run = sqlite3_column_int(row, 1),
		.model = {
			.tau_s = real(row, 2, 0), .tau_error = real(row, 3, 0),
			.compliance_m3_pa = real(row, 4, 0), .compliance_error = real(row, 5, 0),
			.lag_s = real(row, 6, 0), .lag_error = real(row, 7, 0),
			.gain = real(row, 8, 1), .gain_error = real(row, 9, 0),
			.backlash_m3 = real(row, 10, NAN),
		},
	};
}

int calibration_load(const struct calibration_key *key, struct calibration *calibration, char **error)
{
	return newest(key, true,
		      "SELECT utc_ns, by_run, tau_s, tau_error, compliance_m3_pa, compliance_error, lag_s, lag_error,"
		      " gain, gain_error, backlash_m3 FROM rig WHERE pump = ? AND syringe = ? AND sensor_serial = ?"
		      " AND fluid = ? ORDER BY id DESC LIMIT 1",
		      take_rig, calibration, error);
}

static void bind_real(sqlite3_stmt *row, int parameter, double value, bool known)
{
	if (known)
		sqlite3_bind_double(row, parameter, value);
	else
		sqlite3_bind_null(row, parameter);
}

static void bind_rig(const void *what, sqlite3_stmt *row)
{
	const struct calibration *calibration = what;
	const struct control_model *m = &calibration->model;

	sqlite3_bind_int64(row, 5, calibration->utc_ns);
	sqlite3_bind_int(row, 6, calibration->by_run);
	bind_real(row, 7, m->tau_s, true);
	bind_real(row, 8, m->tau_error, true);
	bind_real(row, 9, m->compliance_m3_pa, m->compliance_m3_pa > 0);
	bind_real(row, 10, m->compliance_error, m->compliance_m3_pa > 0);
	bind_real(row, 11, m->lag_s, m->lag_s > 0);
	bind_real(row, 12, m->lag_error, m->lag_s > 0);
	bind_real(row, 13, m->gain, true);
	bind_real(row, 14, m->gain_error, true);
	bind_real(row, 15, m->backlash_m3, !isnan(m->backlash_m3));
}

int calibration_save(const struct calibration_key *key, const struct control_model *model, bool by_run,
		     char **error)
{
	const struct calibration calibration = { .model = *model, .by_run = by_run, .utc_ns = utc_now_ns() };

	return insert("INSERT INTO rig (pump, syringe, sensor_serial, fluid, utc_ns, by_run, tau_s, tau_error,"
		      " compliance_m3_pa, compliance_error, lag_s, lag_error, gain, gain_error, backlash_m3)"
		      " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
		      bind_rig, &calibration, key, true, error);
}

/* ---- weighings ------------------------------------------------------------------------- */

static void take_weighing(void *into, sqlite3_stmt *row)
{
	struct calibration_weighing *weighing = into;

	weighing->utc_ns = sqlite3_column_int64(row, 0);
	weighing->share = sqlite3_column_double(row, 1);
}

int calibration_load_weighing(const struct calibration_key *key, struct calibration_weighing *weighing,
			      char **error)
{
	return newest(key, false,
		      "SELECT utc_ns, share FROM weighing WHERE pump = ? AND syringe = ? ORDER BY id DESC LIMIT 1",
		      take_weighing, weighing, error);
}

static void bind_weighing(const void *what, sqlite3_stmt *row)
{
	const struct calibration_weighing *weighing = what;

	sqlite3_bind_int64(row, 3, weighing->utc_ns);
	sqlite3_bind_double(row, 4, weighing->share);
}

int calibration_save_weighing(const struct calibration_key *key, double share, char **error)
{
	const struct calibration_weighing weighing = { .share = share, .utc_ns = utc_now_ns() };

	return insert("INSERT INTO weighing (pump, syringe, utc_ns, share) VALUES (?, ?, ?, ?)", bind_weighing,
		      &weighing, key, false, error);
}

/* ---- screws ---------------------------------------------------------------------------- */

static void take_screw(void *into, sqlite3_stmt *row)
{
	struct calibration_screw *screw = into;

	snprintf(screw->boot_id, sizeof(screw->boot_id), "%s", (const char *)sqlite3_column_text(row, 1));
	screw->position = sqlite3_column_int64(row, 2);
	screw->taken_up = sqlite3_column_int(row, 3);
}

int calibration_load_screw(const struct calibration_key *key, struct calibration_screw *screw, char **error)
{
	return newest(key, false,
		      "SELECT utc_ns, boot_id, position, taken_up FROM screw WHERE pump = ? AND syringe = ?",
		      take_screw, screw, error);
}

static void bind_screw(const void *what, sqlite3_stmt *row)
{
	const struct calibration_screw *screw = what;

	sqlite3_bind_int64(row, 3, utc_now_ns());
	sqlite3_bind_text(row, 4, screw->boot_id, -1, SQLITE_STATIC);
	sqlite3_bind_int64(row, 5, screw->position);
	sqlite3_bind_int(row, 6, screw->taken_up);
}

int calibration_save_screw(const struct calibration_key *key, const struct calibration_screw *screw, char **error)
{
	return insert("INSERT OR REPLACE INTO screw (pump, syringe, utc_ns, boot_id, position, taken_up)"
		      " VALUES (?, ?, ?, ?, ?, ?)",
		      bind_screw, screw, key, false, error);
}
