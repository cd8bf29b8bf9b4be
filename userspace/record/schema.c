// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Tables hold what the driver said, in its integers; times are nanoseconds
 * since the start of the run, so that the same run twice makes the same rows.
 * What is absolute is in meta. A value that could not be had is NULL. Views,
 * with plural names, show the same in units for people.
 */
#include "schema.h"

const char record_schema[] =
	"CREATE TABLE meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;\n"

	/* The first row is the protocol, each further one a file that it calls. */
	"CREATE TABLE protocol (path TEXT NOT NULL, name TEXT NOT NULL, text TEXT NOT NULL);\n"

	"CREATE TABLE input (name TEXT PRIMARY KEY, dimension TEXT NOT NULL, value REAL NOT NULL,"
	" text TEXT, set_by_user INTEGER NOT NULL) WITHOUT ROWID;\n"

	"CREATE TABLE channel (id INTEGER PRIMARY KEY, name TEXT NOT NULL, pump TEXT NOT NULL,"
	" device TEXT NOT NULL, label TEXT NOT NULL, syringe TEXT, syringe_diameter_m REAL,"
	" medium TEXT, loaded_m3 REAL, concentration_per_m3 REAL, volume_per_step_m3 REAL NOT NULL,"
	" origin_position INTEGER NOT NULL, microsteps_per_rev INTEGER NOT NULL, lead_pitch_nm INTEGER NOT NULL,"
	" max_rate_nhz INTEGER NOT NULL, max_accel_nhz_s INTEGER NOT NULL,"
	" features INTEGER NOT NULL, sensor TEXT, sensor_serial INTEGER,"
	" sensor_full_scale_pl_min INTEGER, fluid TEXT, viscosity_pa_s REAL,"
	" correction_unit_pl_min REAL, correction_a REAL, correction_b REAL, correction_c REAL,"
	" correction_saturation_pl_min REAL, correction_reading_max_pl_min REAL);\n"

	"CREATE TABLE sample (channel INTEGER NOT NULL, time_ns INTEGER NOT NULL,"
	" sequence INTEGER NOT NULL, position INTEGER NOT NULL, flow_pl_min INTEGER,"
	" temperature_mdegc INTEGER, pressure_pa INTEGER, sensor_flags INTEGER,"
	" valid INTEGER NOT NULL, bus_errors INTEGER NOT NULL, setpoint_pl_min INTEGER, pump_rate_pl_min INTEGER,"
	" estimate_pl_min INTEGER);\n"

	"CREATE TABLE kernel_state (channel INTEGER NOT NULL, time_ns INTEGER NOT NULL,"
	" sequence INTEGER NOT NULL, position INTEGER NOT NULL, rate_nhz INTEGER NOT NULL,"
	" state INTEGER NOT NULL, flags INTEGER NOT NULL, faults INTEGER NOT NULL,"
	" cause INTEGER NOT NULL, pid INTEGER);\n"

	"CREATE TABLE kernel_fault (channel INTEGER NOT NULL, time_ns INTEGER NOT NULL,"
	" sequence INTEGER NOT NULL, position INTEGER NOT NULL, rate_nhz INTEGER NOT NULL,"
	" value INTEGER NOT NULL, fault INTEGER NOT NULL, faults INTEGER NOT NULL);\n"

	"CREATE TABLE kernel_dropped (channel INTEGER NOT NULL, time_ns INTEGER NOT NULL,"
	" sequence INTEGER NOT NULL, first_sequence INTEGER NOT NULL, count INTEGER NOT NULL);\n"

	"CREATE TABLE event (id INTEGER PRIMARY KEY, time_ns INTEGER NOT NULL,"
	" severity TEXT NOT NULL, source TEXT NOT NULL, channel INTEGER, line INTEGER,"
	" text TEXT NOT NULL);\n"

	/* No row until the run has ended; a file without one is of a run cut short. */
	"CREATE TABLE result (id INTEGER PRIMARY KEY CHECK (id = 1), time_ns INTEGER NOT NULL,"
	" status TEXT NOT NULL, summary TEXT);\n"

	/* Digests of the tables above; seal.h. Without the whole's the file was not closed. */
	"CREATE TABLE seal (part TEXT NOT NULL, rows INTEGER NOT NULL, sha256 TEXT NOT NULL,"
	" PRIMARY KEY (part, rows)) WITHOUT ROWID;\n"

	/* What flowed where the sensor read that: the correction of another fluid than its own. */
	"CREATE VIEW measured AS SELECT s.rowid AS id, s.*, CASE"
	" WHEN c.correction_unit_pl_min IS NULL THEN s.flow_pl_min"
	" WHEN abs(s.flow_pl_min) <= c.correction_reading_max_pl_min THEN"
	" CAST(round(s.flow_pl_min * (c.correction_a + abs(s.flow_pl_min) / c.correction_unit_pl_min *"
	" (c.correction_b + abs(s.flow_pl_min) / c.correction_unit_pl_min * c.correction_c))) AS INTEGER)"
	" END AS fluid_flow_pl_min FROM sample s JOIN channel c ON c.id = s.channel;\n"

	"CREATE VIEW samples AS SELECT s.time_ns * 1e-9 AS time_s, c.name AS channel,"
	" s.setpoint_pl_min * 1e-6 AS setpoint_ul_min, s.fluid_flow_pl_min * 1e-6 AS flow_ul_min,"
	" s.estimate_pl_min * 1e-6 AS estimate_ul_min, s.pump_rate_pl_min * 1e-6 AS pump_rate_ul_min,"
	" s.position AS position_steps,"
	" (s.position - c.origin_position) * c.volume_per_step_m3 * 1e9 AS delivered_ul,"
	" s.temperature_mdegc * 1e-3 AS temperature_degc, s.pressure_pa * 1e-3 AS pressure_kpa,"
	" s.sensor_flags, s.bus_errors, s.sequence"
	" FROM measured s JOIN channel c ON c.id = s.channel;\n"

	"CREATE VIEW states AS SELECT s.time_ns * 1e-9 AS time_s, c.name AS channel,"
	" CASE s.state WHEN 0 THEN 'at rest' WHEN 1 THEN 'armed' WHEN 2 THEN 'ramping'"
	" WHEN 3 THEN 'moving' WHEN 4 THEN 'stopping' ELSE s.state END AS state,"
	" CASE s.cause WHEN 0 THEN 'opened' WHEN 1 THEN 'claimed' WHEN 2 THEN 'released'"
	" WHEN 3 THEN 'motion begins' WHEN 4 THEN 'stop asked for'"
	" WHEN 5 THEN 'end position reached' WHEN 6 THEN 'came to rest'"
	" WHEN 7 THEN 'faults cleared' WHEN 8 THEN 'position set'"
	" WHEN 10 THEN 'warning' WHEN 11 THEN 'limits set'"
	" WHEN 12 THEN 'system goes to sleep' WHEN 13 THEN 'system is awake again'"
	" WHEN 14 THEN 'home switch changed'"
	" WHEN 9 THEN 'sensor started or stopped' ELSE s.cause END AS cause,"
	" s.position AS position_steps, s.rate_nhz * 1e-9 AS rate_steps_s, s.faults, s.pid"
	" FROM kernel_state s JOIN channel c ON c.id = s.channel;\n"

	"CREATE VIEW faults AS SELECT f.time_ns * 1e-9 AS time_s, c.name AS channel,"
	" CASE f.fault WHEN 1 THEN 'owner silent' WHEN 2 THEN 'flow sensor lost'"
	" WHEN 4 THEN 'air in line' WHEN 8 THEN 'emergency stop'"
	" WHEN 16 THEN 'end of travel, dispensing' WHEN 32 THEN 'end of travel, withdrawing'"
	" WHEN 64 THEN 'steps too late' WHEN 128 THEN 'end of the position window'"
	" WHEN 256 THEN 'motor driver fault' WHEN 512 THEN 'over-pressure'"
	" WHEN 1024 THEN 'flow too high' WHEN 2048 THEN 'no flow'"
	" WHEN 4096 THEN 'flow at rest' WHEN 8192 THEN 'queue ran empty'"
	" WHEN 16384 THEN 'system went to sleep' WHEN 32768 THEN 'driver let go'"
	" ELSE f.fault END AS fault,"
	" f.position AS position_steps, f.rate_nhz * 1e-9 AS rate_steps_s, f.value"
	" FROM kernel_fault f JOIN channel c ON c.id = f.channel;\n"

	"CREATE VIEW events AS SELECT e.time_ns * 1e-9 AS time_s, e.severity, e.source,"
	" c.name AS channel, e.line, e.text FROM event e LEFT JOIN channel c ON c.id = e.channel;\n";
