/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tracepoints; told in ABI.rst. A pump is named by the number of its node.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM nanodose

#if !defined(_NANODOSE_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define _NANODOSE_TRACE_H

#include <linux/tracepoint.h>

#include "nanodose.h"

TRACE_EVENT(nanodose_segment,
	TP_PROTO(const struct nanodose *nd),
	TP_ARGS(nd),
	TP_STRUCT__entry(
		__field(int, id)
		__field(int, direction)
		__field(s64, position)
		__field(s64, steps)
		__field(u64, t0_ns)
		__field(u64, start_rate_nhz)
		__field(u64, end_rate_nhz)
	),
	TP_fast_assign(
		const struct nd_segment *segment = &nd->engine.segment;

		__entry->id = nd->id;
		__entry->direction = nd->engine.heading;
		__entry->position = nd->engine.position;
		__entry->steps = segment->steps == ND_STEPS_UNLIMITED ? -1 : segment->steps;
		__entry->t0_ns = segment->t0_ns;
		__entry->start_rate_nhz = segment->v0_nhz;
		__entry->end_rate_nhz = segment->v1_nhz;
	),
	TP_printk("nanodose%d position=%lld direction=%d steps=%lld t0_ns=%llu start_rate_nhz=%llu end_rate_nhz=%llu",
		  __entry->id, __entry->position, __entry->direction, __entry->steps,
		  __entry->t0_ns, __entry->start_rate_nhz, __entry->end_rate_nhz)
);

TRACE_EVENT(nanodose_late_step,
	TP_PROTO(const struct nanodose *nd, u64 late_ns),
	TP_ARGS(nd, late_ns),
	TP_STRUCT__entry(
		__field(int, id)
		__field(s64, position)
		__field(u64, late_ns)
	),
	TP_fast_assign(
		__entry->id = nd->id;
		__entry->position = nd->engine.position;
		__entry->late_ns = late_ns;
	),
	TP_printk("nanodose%d position=%lld late_ns=%llu",
		  __entry->id, __entry->position, __entry->late_ns)
);

TRACE_EVENT(nanodose_fault,
	TP_PROTO(const struct nanodose *nd, const struct nanodose_record *record),
	TP_ARGS(nd, record),
	TP_STRUCT__entry(
		__field(int, id)
		__field(u32, fault)
		__field(u32, faults)
		__field(s64, value)
		__field(s64, position)
		__field(s64, rate_nhz)
	),
	TP_fast_assign(
		__entry->id = nd->id;
		__entry->fault = record->fault.fault;
		__entry->faults = record->fault.faults;
		__entry->value = record->fault.value;
		__entry->position = record->fault.position;
		__entry->rate_nhz = record->fault.rate_nhz;
	),
	TP_printk("nanodose%d fault=0x%x value=%lld position=%lld rate_nhz=%lld faults=0x%x",
		  __entry->id, __entry->fault, __entry->value, __entry->position,
		  __entry->rate_nhz, __entry->faults)
);

TRACE_EVENT(nanodose_flow,
	TP_PROTO(const struct nanodose *nd, const struct nanodose_record *record),
	TP_ARGS(nd, record),
	TP_STRUCT__entry(
		__field(int, id)
		__field(u16, valid)
		__field(u16, sensor_flags)
		__field(u64, time_ns)
		__field(s64, position)
		__field(s64, flow_pl_min)
		__field(s32, temperature_mdegc)
		__field(s32, pressure_pa)
		__field(u32, bus_errors)
	),
	TP_fast_assign(
		__entry->id = nd->id;
		__entry->valid = record->flow.valid;
		__entry->sensor_flags = record->flow.sensor_flags;
		__entry->time_ns = record->time_ns;
		__entry->position = record->flow.position;
		__entry->flow_pl_min = record->flow.flow_pl_min;
		__entry->temperature_mdegc = record->flow.temperature_mdegc;
		__entry->pressure_pa = record->flow.pressure_pa;
		__entry->bus_errors = record->flow.bus_errors;
	),
	TP_printk("nanodose%d time_ns=%llu position=%lld valid=0x%x flow_pl_min=%lld temperature_mdegc=%d pressure_pa=%d sensor_flags=0x%x bus_errors=%u",
		  __entry->id, __entry->time_ns, __entry->position, __entry->valid,
		  __entry->flow_pl_min, __entry->temperature_mdegc, __entry->pressure_pa,
		  __entry->sensor_flags, __entry->bus_errors)
);

#endif /* _NANODOSE_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
