// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>
#include <string.h>

#include "describe.h"

static const struct {
	uint64_t bit;
	const char *name;
} features[] = {
	{ NANODOSE_FEATURE_ENABLE, "enable" },
	{ NANODOSE_FEATURE_ESTOP, "emergency stop" },
	{ NANODOSE_FEATURE_LIMIT_PLUS, "end of travel, dispensing" },
	{ NANODOSE_FEATURE_LIMIT_MINUS, "end of travel, withdrawing" },
	{ NANODOSE_FEATURE_FLOW, "flow sensor" },
	{ NANODOSE_FEATURE_MEDIUM_IPA, "isopropanol calibration" },
	{ NANODOSE_FEATURE_PRESSURE, "pressure sensor" },
	{ NANODOSE_FEATURE_START_TIME, "start time" },
	{ NANODOSE_FEATURE_HOME, "home switch" },
}, status_flags[] = {
	{ NANODOSE_STATUS_OWNED, "owned" },
	{ NANODOSE_STATUS_SAMPLING, "sampling" },
	{ NANODOSE_STATUS_ENABLED, "enabled" },
	{ NANODOSE_STATUS_ESTOP, "emergency stop" },
	{ NANODOSE_STATUS_LIMIT_PLUS, "end of travel, dispensing" },
	{ NANODOSE_STATUS_LIMIT_MINUS, "end of travel, withdrawing" },
	{ NANODOSE_STATUS_HOME, "at the home switch" },
}, sensor_flags[] = {
	{ NANODOSE_SENSOR_FLAG_AIR, "air" },
	{ NANODOSE_SENSOR_FLAG_HIGH_FLOW, "high flow" },
	{ NANODOSE_SENSOR_FLAG_SMOOTHING, "smoothing" },
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define ADD(object, key, value) json_object_object_add(object, key, value)
#define WORDS(table, bits) words_json(table, COUNT(table), bits)

static struct json_object *words_json(const typeof(features[0]) *table, size_t count, uint64_t bits)
{
	struct json_object *array = json_object_new_array();
	size_t i;

	for (i = 0; i < count; i++)
		if (bits & table[i].bit)
			json_object_array_add(array, json_object_new_string(table[i].name));
	return array;
}

const char *describe_faults(uint32_t faults, char *buffer, size_t size)
{
	size_t length = 0;
	int bit;

	snprintf(buffer, size, "none");
	for (bit = 0; bit < 32; bit++)
		if (faults & (1U << bit) && length < size)
			length += (size_t)snprintf(buffer + length, size - length, "%s%s",
						   length ? ", " : "",
						   nanodose_fault_name(1U << bit));
	return buffer;
}

const char *describe_flow(int64_t flow_pl_min, char *buffer, size_t size)
{
	if (flow_pl_min == NANODOSE_NO_VALUE_S64)
		snprintf(buffer, size, "-");
	else
		nanodose_quantity_format((double)flow_pl_min * (1e-15 / 60),
					 NANODOSE_DIMENSION_RATE, buffer, size);
	return buffer;
}

const char *describe_temperature(int32_t temperature_mdegc, char *buffer, size_t size)
{
	if (temperature_mdegc == NANODOSE_NO_VALUE_S32)
		snprintf(buffer, size, "-");
	else
		nanodose_quantity_format(temperature_mdegc * 1e-3, NANODOSE_DIMENSION_TEMPERATURE,
					 buffer, size);
	return buffer;
}

const char *describe_pressure(int32_t pressure_pa, char *buffer, size_t size)
{
	if (pressure_pa == NANODOSE_NO_VALUE_S32)
		snprintf(buffer, size, "-");
	else
		nanodose_quantity_format(pressure_pa, NANODOSE_DIMENSION_PRESSURE, buffer, size);
	return buffer;
}

static struct json_object *faults_json(uint32_t faults)
{
	struct json_object *array = json_object_new_array();
	int bit;

	for (bit = 0; bit < 32; bit++)
		if (faults & (1U << bit))
			json_object_array_add(array, json_object_new_string(nanodose_fault_name(1U << bit)));
	return array;
}

static struct json_object *s64_json(int64_t value)
{
	return value == NANODOSE_NO_VALUE_S64 ? NULL : json_object_new_int64(value);
}

static struct json_object *s32_json(int32_t value)
{
	return value == NANODOSE_NO_VALUE_S32 ? NULL : json_object_new_int64(value);
}

struct json_object *describe_info_json(const struct nanodose_info *info)
{
	struct json_object *object = json_object_new_object();

	ADD(object, "name", json_object_new_string(info->name));
	ADD(object, "label", json_object_new_string(info->label));
	ADD(object, "features", WORDS(features, info->features));
	ADD(object, "max_rate_nhz", json_object_new_uint64(info->max_rate_nhz));
	ADD(object, "max_accel_nhz_s", json_object_new_uint64(info->max_accel_nhz_s));
	ADD(object, "max_hold_ns", json_object_new_uint64(info->max_hold_ns));
	ADD(object, "max_lag_ns", json_object_new_uint64(info->max_lag_ns));
	ADD(object, "microsteps_per_rev", json_object_new_int64(info->microsteps_per_rev));
	ADD(object, "lead_pitch_nm", json_object_new_int64(info->lead_pitch_nm));
	ADD(object, "sensor", info->sensor_model == NANODOSE_SENSOR_NONE ? NULL :
	    json_object_new_string(nanodose_sensor_name(info->sensor_model)));
	if (info->sensor_model != NANODOSE_SENSOR_NONE) {
		ADD(object, "sensor_serial", json_object_new_uint64(info->sensor_serial));
		ADD(object, "sensor_full_scale_pl_min",
		    json_object_new_int64(info->sensor_full_scale_pl_min));
		ADD(object, "sensor_min_period_ns",
		    json_object_new_uint64(info->sensor_min_period_ns));
	}
	return object;
}

struct json_object *describe_status_json(const struct nanodose_status *status)
{
	struct json_object *object = json_object_new_object();
	struct json_object *owner = NULL;

	if (status->flags & NANODOSE_STATUS_OWNED) {
		owner = json_object_new_object();
		ADD(owner, "label", json_object_new_string(status->owner_label));
		ADD(owner, "pid", json_object_new_int(status->owner_pid));
	}
	ADD(object, "time_ns", json_object_new_uint64(status->time_ns));
	ADD(object, "state", json_object_new_string(nanodose_state_name(status->state)));
	ADD(object, "owner", owner);
	ADD(object, "faults", faults_json(status->faults));
	ADD(object, "flags", WORDS(status_flags, status->flags));
	ADD(object, "position", json_object_new_int64(status->position));
	ADD(object, "rate_nhz", json_object_new_int64(status->rate_nhz));
	ADD(object, "target_rate_nhz", json_object_new_int64(status->target_rate_nhz));
	ADD(object, "end_position", s64_json(status->end_position));
	ADD(object, "steps_total", json_object_new_uint64(status->steps_total));
	ADD(object, "late_max_ns", json_object_new_uint64(status->late_max_ns));
	ADD(object, "sample_period_ns", json_object_new_uint64(status->sample_period_ns));
	ADD(object, "flow_time_ns", status->flow_time_ns ?
	    json_object_new_uint64(status->flow_time_ns) : NULL);
	ADD(object, "flow_pl_min", s64_json(status->flow_pl_min));
	ADD(object, "temperature_mdegc", s32_json(status->temperature_mdegc));
	ADD(object, "pressure_pa", s32_json(status->pressure_pa));
	ADD(object, "bus_errors", json_object_new_int64(status->bus_errors));
	ADD(object, "sequence", json_object_new_uint64(status->sequence));
	return object;
}

static void add_flow(struct json_object *object, const struct nanodose_flow_record *flow)
{
	ADD(object, "position", json_object_new_int64(flow->position));
	ADD(object, "flow_pl_min", s64_json(flow->flow_pl_min));
	ADD(object, "temperature_mdegc", s32_json(flow->temperature_mdegc));
	ADD(object, "pressure_pa", s32_json(flow->pressure_pa));
	ADD(object, "sensor_flags", flow->valid & NANODOSE_VALID_FLOW ?
	    WORDS(sensor_flags, flow->sensor_flags) : NULL);
	ADD(object, "bus_errors", json_object_new_int64(flow->bus_errors));
}

static void add_state(struct json_object *object, const struct nanodose_state_record *state)
{
	ADD(object, "position", json_object_new_int64(state->position));
	ADD(object, "rate_nhz", json_object_new_int64(state->rate_nhz));
	ADD(object, "state", json_object_new_string(nanodose_state_name(state->state)));
	ADD(object, "cause", json_object_new_string(nanodose_cause_name(state->cause)));
	ADD(object, "flags", WORDS(status_flags, state->flags));
	ADD(object, "faults", faults_json(state->faults));
	ADD(object, "pid", state->pid ? json_object_new_int(state->pid) : NULL);
}

static void add_fault(struct json_object *object, const struct nanodose_fault_record *fault)
{
	ADD(object, "position", json_object_new_int64(fault->position));
	ADD(object, "rate_nhz", json_object_new_int64(fault->rate_nhz));
	ADD(object, "fault", json_object_new_string(nanodose_fault_name(fault->fault)));
	ADD(object, "value", json_object_new_int64(fault->value));
	ADD(object, "faults", faults_json(fault->faults));
}

struct json_object *describe_record_json(const struct nanodose_record *record)
{
	static const char *const types[] = {
		[NANODOSE_RECORD_STATE] = "state",
		[NANODOSE_RECORD_FLOW] = "flow",
		[NANODOSE_RECORD_FAULT] = "fault",
		[NANODOSE_RECORD_DROPPED] = "dropped",
	};
	struct json_object *object = json_object_new_object();
	const char *type = record->type < COUNT(types) ? types[record->type] : NULL;

	ADD(object, "time_ns", json_object_new_uint64(record->time_ns));
	ADD(object, "sequence", json_object_new_uint64(record->sequence));
	ADD(object, "type", type ? json_object_new_string(type) : json_object_new_int64(record->type));
	switch (record->type) {
	case NANODOSE_RECORD_FLOW:
		add_flow(object, &record->flow);
		break;
	case NANODOSE_RECORD_STATE:
		add_state(object, &record->state);
		break;
	case NANODOSE_RECORD_FAULT:
		add_fault(object, &record->fault);
		break;
	case NANODOSE_RECORD_DROPPED:
		ADD(object, "first_sequence", json_object_new_uint64(record->dropped.first_sequence));
		ADD(object, "count", json_object_new_uint64(record->dropped.count));
		break;
	}
	return object;
}
