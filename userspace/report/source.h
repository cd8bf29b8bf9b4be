/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A run file read in for the report. Inside report/ only. */
#ifndef SOURCE_H
#define SOURCE_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#include "chart.h"
#include "curves.h"

/* What the run itself said of a channel at its end; NAN: nothing. */
struct source_summary {
	double target_m3, delivered_m3, error_pct;
	double settle_s, overshoot_pct, flow_cv_pct, max_pressure_pa;
	double particles_target, particles_delivered;
};

struct source_channel {
	char *name, *pump, *device, *label, *syringe, *fluid, *medium, *sensor;
	double diameter_m, loaded_m3, concentration_per_m3, step_m3, viscosity_pa_s;
	double correction_unit_m3_s;	/* NAN: the sensor's reading is the flow; else with these */
	double correction_a, correction_b, correction_c, saturation_m3_s;
	int64_t microsteps_per_rev, lead_pitch_nm, max_rate_nhz, sensor_full_scale_pl_min;
	uint64_t sensor_serial;
	struct source_summary summary;
	struct curves curves;
	struct chart_mark *marks;	/* faults and warnings, of the whole run too */
	size_t mark_count;
};

struct source {
	const char *path;
	sqlite3 *db;
	int64_t start_utc_ns, end_ns;	/* end: since the start */
	char *status;			/* NULL: the run has not come to its end */
	char *title, *protocol_path, *protocol;
	struct source_channel *channels;
	size_t channel_count;
	char sha256[65];		/* of the file; empty while it may still change */
	char *seal;			/* NULL: not closed */
};

/* 0, or -1 and *error. Free it in both cases. */
int source_read(struct source *source, const char *path, char **error);
void source_free(struct source *source);

#endif /* SOURCE_H */
