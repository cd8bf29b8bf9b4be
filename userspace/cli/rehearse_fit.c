// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A model of the rig from the record of a run on it: what the record says of
 * pump, syringe and sensor as it is, what the sensors saw by least squares
 * (control/fit.c). The result is the text of a rig file.
 */
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fit.h"
#include "reader.h"
#include "record.h"
#include "rehearse.h"

#define M3_S_PER_PL_MIN	(1e-15 / 60)
/* The rig's own, for where no pressure tells it; kmod/sim/configfs.c. */
#define RESISTANCE_PA_S_M3	28000e9
/* What flow may take at most then: no limit of pressure is to stop a guess. */
#define GUESSED_PA		10e3
#define GUESSED_SHARE		0.25	/* of the protocol's limit */
/* Within what a rig takes for its compliance. */
#define COMPLIANCE_LEAST	10e-18
#define COMPLIANCE_MOST		1e-10
/* What the model may leave unexplained of what the readings tell. */
#define MISFIT_MOST	0.2
/* A sensor that is further off than this is not the one of that flow. */
#define GAIN_OFF_MOST	0.5
/* What the loop names began before: so long. */
#define BEFORE_TOLD_NS	"2000000000"
/* Bores are given to a micrometre. */
#define SAME_BORE_M	1e-6

struct recorded {
	const char *path;
	sqlite3 *db;
	char *error;			/* the reader's; NULL where the message is told already */
};

/* Of the channel table. */
struct facts {
	sqlite3_int64 id, origin, microsteps_per_rev, lead_pitch_nm, max_rate_nhz;
	double step_m3, diameter_m;
	char fluid[64], sensor[32];	/* "": not known, none */
	char syringe[64];
};

struct readings {
	struct control_sample *samples;
	size_t count, room;
	double fault_s;			/* they end where a fault came; INFINITY: there was none */
};

static void refuse(const struct recorded *recorded, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void refuse(const struct recorded *recorded, const char *format, ...)
{
	va_list arguments;

	fprintf(stderr, "nanodose rehearse: --rig-from %s: ", recorded->path);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
}

/* ---- the record ------------------------------------------------------------------- */

/* A run that was cut short has no seal, and what it has is good. */
static bool unaltered(struct recorded *recorded)
{
	char digest[RECORD_DIGEST_SIZE], *told = NULL;
	size_t size;
	FILE *out = open_memstream(&told, &size);
	int verdict;

	if (!out)
		return false;
	verdict = record_verify(recorded->path, out, digest, &recorded->error);
	fclose(out);
	if (verdict == RECORD_ALTERED)
		refuse(recorded, "the record is damaged or was altered after the run: %.*s",
		       (int)strcspn(told, "\n"), told);
	free(told);
	return verdict == RECORD_UNALTERED || verdict == RECORD_UNFINISHED;
}

static void copy_text(char *to, size_t size, sqlite3_stmt *row, int column)
{
	const char *text = (const char *)sqlite3_column_text(row, column);

	snprintf(to, size, "%s", text ? text : "");
}

/* 1 if the record has the channel, 0 if not, -1 with the reader's error. */
static int read_facts(struct recorded *recorded, const char *channel, struct facts *facts)
{
	sqlite3_stmt *row = reader_prepare(
		recorded->db, recorded->path,
		"SELECT id, origin_position, microsteps_per_rev, lead_pitch_nm, max_rate_nhz,"
		" volume_per_step_m3, syringe_diameter_m, fluid, sensor, syringe FROM channel WHERE name = ?",
		&recorded->error);
	int found = 0;

	if (!row)
		return -1;
	sqlite3_bind_text(row, 1, channel, -1, SQLITE_STATIC);
	if (sqlite3_step(row) == SQLITE_ROW) {
		found = 1;
		*facts = (struct facts){
			.id = sqlite3_column_int64(row, 0), .origin = sqlite3_column_int64(row, 1),
			.microsteps_per_rev = sqlite3_column_int64(row, 2),
			.lead_pitch_nm = sqlite3_column_int64(row, 3),
			.max_rate_nhz = sqlite3_column_int64(row, 4),
			.step_m3 = sqlite3_column_double(row, 5),
			.diameter_m = sqlite3_column_double(row, 6),
		};
		copy_text(facts->fluid, sizeof(facts->fluid), row, 7);
		copy_text(facts->sensor, sizeof(facts->sensor), row, 8);
		copy_text(facts->syringe, sizeof(facts->syringe), row, 9);
	}
	return reader_end(recorded->db, recorded->path, row, &recorded->error) ? -1 : found;
}

/* What the rig was from its first fault on is not what is wanted. */
static int read_first_fault(struct recorded *recorded, const struct facts *facts, double *fault_s)
{
	sqlite3_stmt *row = reader_prepare(recorded->db, recorded->path,
					   "SELECT min(time_ns) FROM (SELECT time_ns FROM kernel_fault WHERE channel = ?1"
					   " UNION ALL SELECT time_ns - " BEFORE_TOLD_NS " FROM event WHERE channel = ?1"
					   " AND severity = 'fault' AND source = 'interlock')",
					   &recorded->error);

	*fault_s = INFINITY;
	if (!row)
		return -1;
	sqlite3_bind_int64(row, 1, facts->id);
	if (sqlite3_step(row) == SQLITE_ROW && sqlite3_column_type(row, 0) == SQLITE_INTEGER)
		*fault_s = (double)sqlite3_column_int64(row, 0) * 1e-9;
	return reader_end(recorded->db, recorded->path, row, &recorded->error);
}

static bool readings_add(struct readings *readings, const struct control_sample *sample)
{
	struct control_sample *more;

	if (readings->count == readings->room) {
		readings->room = readings->room ? 2 * readings->room : 4096;
		more = realloc(readings->samples, readings->room * sizeof(*more));
		if (!more)
			return false;
		readings->samples = more;
	}
	readings->samples[readings->count++] = *sample;
	return true;
}

static double reading(sqlite3_stmt *row, int column, double factor)
{
	return sqlite3_column_type(row, column) == SQLITE_NULL ? NAN :
	       sqlite3_column_double(row, column) * factor;
}

static int read_samples(struct recorded *recorded, const struct facts *facts, struct readings *readings)
{
	const sqlite3_int64 useless = NANODOSE_SENSOR_FLAG_AIR | NANODOSE_SENSOR_FLAG_HIGH_FLOW;
	sqlite3_stmt *row;
	bool room = true;

	if (read_first_fault(recorded, facts, &readings->fault_s))
		return -1;
	row = reader_prepare(recorded->db, recorded->path,
			     "SELECT time_ns, position, fluid_flow_pl_min, pressure_pa, sensor_flags"
			     " FROM measured WHERE channel = ? ORDER BY time_ns, sequence", &recorded->error);
	if (!row)
		return -1;
	sqlite3_bind_int64(row, 1, facts->id);
	while (room && sqlite3_step(row) == SQLITE_ROW) {
		struct control_sample sample = {
			.time_s = (double)sqlite3_column_int64(row, 0) * 1e-9,
			.stepped_m3 = (double)(sqlite3_column_int64(row, 1) - facts->origin) * facts->step_m3,
			.flow_m3_s = reading(row, 2, M3_S_PER_PL_MIN),
			.pressure_pa = reading(row, 3, 1),
		};

		/* With air in it, or saturated, the sensor does not say what flows. */
		if (sqlite3_column_int64(row, 4) & useless)
			sample.flow_m3_s = NAN;
		if (sample.time_s >= readings->fault_s)
			break;
		room = readings_add(readings, &sample);
	}
	if (!room) {
		sqlite3_finalize(row);
		return reader_fail(&recorded->error, "%s: %s", recorded->path, strerror(ENOMEM));
	}
	return reader_end(recorded->db, recorded->path, row, &recorded->error);
}

/* ---- the rig ---------------------------------------------------------------------- */

/* A whole number for a rig file; 0 has no sign there. */
static double within(double value, double least, double most)
{
	return fmin(fmax(round(value), least), most) + 0.0;
}

static bool name_good(const char *name)
{
	return *name && strlen(name) < 32 &&
	       strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-") == strlen(name);
}

static bool comparable(const struct recorded *recorded, const struct protocol_channel *wanted,
		       const struct facts *facts)
{
	if (!name_good(wanted->pump))
		refuse(recorded, "a rig cannot have the name of pump '%s': letters, digits, _ - . only",
		       wanted->pump);
	else if (!(facts->step_m3 > 0) || !(facts->diameter_m > 0))
		refuse(recorded, "the record does not say which syringe channel '%s' had", wanted->name);
	else if (fabs(facts->diameter_m - wanted->syringe->diameter_m) > SAME_BORE_M)
		refuse(recorded, "channel '%s' ran with %s, %.3f mm, the protocol has %s, %.3f mm; the fit is good for one syringe only",
		       wanted->name, *facts->syringe ? facts->syringe : "a syringe", facts->diameter_m * 1e3,
		       wanted->syringe->name, wanted->syringe->diameter_m * 1e3);
	else if (*facts->fluid && strncmp(facts->fluid, wanted->fluid, sizeof(facts->fluid) - 1))
		refuse(recorded, "channel '%s' ran with %s, the protocol has %s; the resistance is another with it",
		       wanted->name, facts->fluid, wanted->fluid);
	else
		return true;
	return false;
}

/*
 * How the flow follows the steps is a matter of the time constant alone. Only
 * the pressure depends on which resistance is behind it.
 */
static double resistance_of(const struct protocol_channel *wanted, const struct fit *fit)
{
	double most_pa = fmin(GUESSED_PA, GUESSED_SHARE * wanted->limits[PROTOCOL_HARD].most[PROTOCOL_LIMIT_PRESSURE]);
	double resistance = fit->resistance_pa_s_m3;

	if (!isfinite(resistance)) {
		resistance = RESISTANCE_PA_S_M3;
		if (wanted->peak_rate_m3_s > 0)
			resistance = fmin(resistance, most_pa / wanted->peak_rate_m3_s);
		resistance = fmax(resistance, fit->tau_s / COMPLIANCE_MOST);
		resistance = fmin(resistance, fit->tau_s / COMPLIANCE_LEAST);
	}
	/* As the rig file will have it, so that the time constant is right by it. */
	return within(resistance * 1e-9, 1, 1e8) * 1e9;
}

/* A record of a rig that the model can be. */
static bool good(const struct recorded *recorded, const char *channel, const struct readings *readings,
		 const struct fit *fit)
{
	char until[64] = "";

	if (isfinite(readings->fault_s))
		snprintf(until, sizeof(until), ", until its first fault at %.3f s,", readings->fault_s);
	if (!isfinite(fit->tau_s))
		refuse(recorded, "channel '%s' moved %.4g uL%s with %zu records: too little motion, or sensors that do not answer it, to fit a time constant to; take a run with a dose of several time constants",
		       channel, fit->moved_m3 * 1e9, until, readings->count);
	else if (fit->misfit > MISFIT_MOST)
		refuse(recorded, "channel '%s' did not answer its steps as a syringe, a tube and a sensor would: %.0f %% of the flow or pressure cannot be explained; was there a clog, a leak or air?",
		       channel, fit->misfit * 100);
	else if (isfinite(fit->gain) && fabs(fit->gain - 1) > GAIN_OFF_MOST)
		refuse(recorded, "the flow sensor of channel '%s' read %.3g times what the steps put in; are syringe and sensor those of the record?",
		       channel, fit->gain);
	else
		return true;
	return false;
}

static void write_sensor(FILE *out, const struct protocol_channel *wanted, const struct facts *facts,
			 const struct fit *fit)
{
	if (*facts->sensor && !strchr(facts->sensor, ' ')) {
		fputs("  sensor_model: ", out);
		for (const char *letter = facts->sensor; *letter; letter++)
			fputc(tolower((unsigned char)*letter), out);
		fputc('\n', out);
	}
	if (isfinite(fit->gain)) {
		/* The model's sensor knows water only. */
		double gain = fit->gain * protocol_reading_share(wanted);

		fprintf(out, "  sensor_gain_ppm: %.0f\n", within((gain - 1) * 1e6, -500000, 500000));
		/* The rig adds it after the gain, as the fit does. */
		fprintf(out, "  sensor_offset_pl_min: %.0f\n",
			within(fit->zero_m3_s / M3_S_PER_PL_MIN, -1e11, 1e11));
	}
	if (isfinite(fit->lag_s))
		fprintf(out, "  sensor_tau_us: %.0f\n", within(fit->lag_s * 1e6, 0, 1e7));
}

static void write_rig(FILE *out, const struct protocol_channel *wanted, const struct facts *facts,
		      const struct fit *fit, size_t number)
{
	double resistance = resistance_of(wanted, fit);

	fprintf(out, "%s:\n", wanted->pump);
	fprintf(out, "  syringe_diameter_um: %.0f\n", within(facts->diameter_m * 1e6, 50, 60000));
	fprintf(out, "  lead_pitch_nm: %lld\n", (long long)facts->lead_pitch_nm);
	fprintf(out, "  microsteps_per_rev: %lld\n", (long long)facts->microsteps_per_rev);
	fprintf(out, "  max_step_rate_hz: %.0f\n", within((double)facts->max_rate_nhz * 1e-9, 1, 1e6));
	/* 1 Pa s/uL = 1e9 Pa s/m3, 1 fL = 1e-18 m3 */
	fprintf(out, "  resistance_pa_s_per_ul: %.0f\n", resistance * 1e-9);
	fprintf(out, "  compliance_fl_per_pa: %.0f\n", within(fit->tau_s / resistance * 1e18, 10, 1e8));
	if (isfinite(fit->rest_pa))
		fprintf(out, "  back_pressure_pa: %.0f\n", within(fit->rest_pa, -90000, 1e7));
	write_sensor(out, wanted, facts, fit);
	fprintf(out, "  seed: %zu\n", number + 1);
}

/* One line for whoever is to believe it. */
static void tell(const struct recorded *recorded, const struct protocol_channel *wanted,
		 const struct fit *fit)
{
	fprintf(stderr, "%s: fitted from %s: time constant %.3g s", wanted->pump, recorded->path, fit->tau_s);
	if (isfinite(fit->resistance_pa_s_m3))
		fprintf(stderr, ", compliance %.4g fL/Pa, resistance %.4g Pa s/uL, %.0f Pa at rest",
			fit->compliance_m3_pa * 1e18, fit->resistance_pa_s_m3 * 1e-9, round(fit->rest_pa) + 0.0);
	else
		fprintf(stderr, ", resistance taken to be %.0f Pa s/uL as no pressure was recorded, compliance %.4g fL/Pa by it",
			resistance_of(wanted, fit) * 1e-9, fit->tau_s / resistance_of(wanted, fit) * 1e18);
	if (isfinite(fit->gain))
		fprintf(stderr, ", sensor gain %.4f, zero %.3g uL/min", fit->gain,
			fit->zero_m3_s / M3_S_PER_PL_MIN * 1e-6);
	else
		fputs(", no reading of flow", stderr);
	if (isfinite(fit->lag_s))
		fprintf(stderr, ", sensor lag %.3g s", fit->lag_s);
	fputc('\n', stderr);
}

static bool fit_channel(struct recorded *recorded, const struct protocol_channel *wanted, size_t number,
			FILE *out)
{
	struct readings readings = { .count = 0 };
	struct facts facts;
	struct fit fit;
	bool done = false;
	int found = read_facts(recorded, wanted->name, &facts);

	if (!found)
		refuse(recorded, "the protocol's channel '%s' is not in the record", wanted->name);
	if (found != 1 || !comparable(recorded, wanted, &facts))
		return false;
	if (!read_samples(recorded, &facts, &readings)) {
		fit_rig(readings.samples, readings.count, NULL, &fit);
		done = good(recorded, wanted->name, &readings, &fit);
	}
	if (done) {
		tell(recorded, wanted, &fit);
		write_rig(out, wanted, &facts, &fit, number);
	}
	free(readings.samples);
	return done;
}

/* A channel that only the record has is a sign that it is of another set-up. */
static bool no_more_channels(struct recorded *recorded, const struct protocol *protocol)
{
	sqlite3_stmt *row = reader_prepare(recorded->db, recorded->path,
					   "SELECT name FROM channel ORDER BY id", &recorded->error);
	bool same = true;

	if (!row)
		return false;
	while (same && sqlite3_step(row) == SQLITE_ROW) {
		const char *name = (const char *)sqlite3_column_text(row, 0);

		same = false;
		for (size_t i = 0; !same && name && i < protocol->channel_count; i++)
			same = !strcmp(name, protocol->channels[i].name);
		if (!same)
			refuse(recorded, "the record has a channel '%s', the protocol has not", name ? name : "");
	}
	if (reader_end(recorded->db, recorded->path, row, &recorded->error))
		same = false;
	return same;
}

char *rehearse_fit(const char *path, const struct protocol *protocol)
{
	struct recorded recorded = { .path = path };
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	bool done = out && unaltered(&recorded);

	if (done) {
		recorded.db = reader_open(path, &recorded.error);
		done = recorded.db && no_more_channels(&recorded, protocol);
	}
	if (done)
		fputs("# Fitted to the record of a run.\n", out);
	for (size_t i = 0; done && i < protocol->channel_count; i++)
		done = fit_channel(&recorded, &protocol->channels[i], i, out);
	if (recorded.error)
		fprintf(stderr, "nanodose rehearse: --rig-from %s\n", recorded.error);
	free(recorded.error);
	sqlite3_close(recorded.db);
	if (out && fclose(out))
		done = false;
	if (!done) {
		free(text);
		text = NULL;
	}
	return text;
}
