/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the driver reports, as JSON and as words; shared by list, info and
 * monitor. A value that could not be had is null in JSON and "-" in text.
 */
#ifndef DESCRIBE_H
#define DESCRIBE_H

#include <json-c/json.h>
#include <stddef.h>

#include "nanodose.h"

#define DESCRIBE_SIZE 256	/* enough for any text below */

/* "air in line, flow sensor lost", or "none". Returns buffer. */
const char *describe_faults(uint32_t faults, char *buffer, size_t size);
/* "4.5 uL/min", "25.1 degC", "12 kPa" from the driver's integers. Return buffer. */
const char *describe_flow(int64_t flow_pl_min, char *buffer, size_t size);
const char *describe_temperature(int32_t temperature_mdegc, char *buffer, size_t size);
const char *describe_pressure(int32_t pressure_pa, char *buffer, size_t size);

/* New objects, to be put by the caller. */
struct json_object *describe_info_json(const struct nanodose_info *info);
struct json_object *describe_status_json(const struct nanodose_status *status);
struct json_object *describe_record_json(const struct nanodose_record *record);

#endif /* DESCRIBE_H */
