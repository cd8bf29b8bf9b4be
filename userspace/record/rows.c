// SPDX-License-Identifier: GPL-2.0-or-later
#include <math.h>
#include <string.h>

#include "record.h"
#include "rows.h"

#define PL_MIN_PER_M3_S (1e15 * 60)

const char *const rows_insertions[ROWS_STATEMENTS] = {
	[ROWS_SAMPLE] = "INSERT INTO sample VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
	[ROWS_STATE] = "INSERT INTO kernel_state VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
	[ROWS_FAULT] = "INSERT INTO kernel_fault VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
	[ROWS_DROPPED] = "INSERT INTO kernel_dropped VALUES (?, ?, ?, ?, ?)",
	[ROWS_EVENT] = "INSERT INTO event VALUES (NULL, ?, ?, ?, ?, ?, ?)",
	[ROWS_RESULT] = "INSERT OR REPLACE INTO result VALUES (1, ?, ?, ?)",
};

/* A row under way, column by column. */
struct writer {
	sqlite3_stmt *statement;
	struct seal_hash *hash;
	int column;
};

static void put_null(struct writer *writer)
{
	sqlite3_bind_null(writer->statement, ++writer->column);
	seal_hash_null(writer->hash);
}

static void put_integer(struct writer *writer, int64_t value)
{
	sqlite3_bind_int64(writer->statement, ++writer->column, value);
	seal_hash_integer(writer->hash, value);
}

static void put_text(struct writer *writer, const char *text)
{
	size_t length = strlen(text);

	sqlite3_bind_text(writer->statement, ++writer->column, text, (int)length, SQLITE_STATIC);
	seal_hash_text(writer->hash, text, length);
}

static void put_if(struct writer *writer, bool had, int64_t value)
{
	if (had)
		put_integer(writer, value);
	else
		put_null(writer);
}

static void put_rate(struct writer *writer, double rate_m3_s)
{
	bool had = isfinite(rate_m3_s);

	put_if(writer, had, had ? llround(rate_m3_s * PL_MIN_PER_M3_S) : 0);
}

static void put_flow(struct writer *writer, const struct row *row)
{
	const struct nanodose_flow_record *flow = &row->sample.data.flow;
	bool had = flow->valid & NANODOSE_VALID_FLOW;

	put_integer(writer, flow->position);
	put_if(writer, had && flow->flow_pl_min != NANODOSE_NO_VALUE_S64, flow->flow_pl_min);
	put_if(writer, had && flow->temperature_mdegc != NANODOSE_NO_VALUE_S32,
	       flow->temperature_mdegc);
	put_if(writer, flow->valid & NANODOSE_VALID_PRESSURE &&
	       flow->pressure_pa != NANODOSE_NO_VALUE_S32, flow->pressure_pa);
	put_if(writer, had, flow->sensor_flags);
	put_integer(writer, flow->valid);
	put_integer(writer, flow->bus_errors);
	put_rate(writer, row->sample.setpoint_m3_s);
	put_rate(writer, row->sample.pump_rate_m3_s);
	put_rate(writer, row->sample.estimate_m3_s);
}

static void put_state(struct writer *writer, const struct nanodose_state_record *state)
{
	put_integer(writer, state->position);
	put_integer(writer, state->rate_nhz);
	put_integer(writer, state->state);
	put_integer(writer, state->flags);
	put_integer(writer, state->faults);
	put_integer(writer, state->cause);
	put_if(writer, state->pid, state->pid);
}

static void put_fault(struct writer *writer, const struct nanodose_fault_record *fault)
{
	put_integer(writer, fault->position);
	put_integer(writer, fault->rate_nhz);
	put_integer(writer, fault->value);
	put_integer(writer, fault->fault);
	put_integer(writer, fault->faults);
}

static void put_dropped(struct writer *writer, const struct nanodose_dropped_record *dropped)
{
	put_integer(writer, (int64_t)dropped->first_sequence);
	put_integer(writer, (int64_t)dropped->count);
}

static void put_event(struct writer *writer, const struct row *row)
{
	static const char *const severities[] = {
		[RECORD_INFO] = "info", [RECORD_WARNING] = "warning", [RECORD_FAULT] = "fault",
	};
	static const char *const sources[] = {
		[RECORD_OPERATOR] = "operator", [RECORD_PROTOCOL] = "protocol",
		[RECORD_INTERLOCK] = "interlock", [RECORD_KERNEL] = "kernel",
		[RECORD_PROGRAM] = "program",
	};

	put_integer(writer, row->time_ns);
	put_text(writer, severities[row->event.severity]);
	put_text(writer, sources[row->event.source]);
	put_if(writer, row->channel >= 0, row->channel);
	put_if(writer, row->event.line > 0, row->event.line);
	put_text(writer, row->event.text);
}

/* The result may be replaced; the seal takes it at the end. */
static void bind_result(sqlite3_stmt *statement, const struct row *row)
{
	sqlite3_bind_int64(statement, 1, row->time_ns);
	sqlite3_bind_text(statement, 2, row->result.status, -1, SQLITE_STATIC);
	sqlite3_bind_text(statement, 3, row->result.summary, -1, SQLITE_STATIC);
}

static enum rows_statement statement_of(const struct row *row)
{
	if (row->kind == ROW_EVENT)
		return ROWS_EVENT;
	if (row->kind == ROW_RESULT)
		return ROWS_RESULT;
	switch (row->sample.data.type) {
	case NANODOSE_RECORD_FLOW:
		return ROWS_SAMPLE;
	case NANODOSE_RECORD_STATE:
		return ROWS_STATE;
	case NANODOSE_RECORD_FAULT:
		return ROWS_FAULT;
	default:
		return ROWS_DROPPED;
	}
}

enum rows_statement rows_bind(const struct row *row, sqlite3_stmt *const *statements,
			      struct seal *seal)
{
	enum rows_statement which = statement_of(row);
	const struct nanodose_record *data = &row->sample.data;
	struct writer writer = { .statement = statements[which] };

	if (which == ROWS_RESULT) {
		bind_result(statements[which], row);
		return which;
	}
	writer.hash = &seal->streams[which];
	seal_hash_begin(writer.hash, sqlite3_bind_parameter_count(writer.statement));
	if (which == ROWS_EVENT) {
		put_event(&writer, row);
		return which;
	}
	put_integer(&writer, row->channel);
	put_integer(&writer, row->time_ns);
	put_integer(&writer, (int64_t)data->sequence);
	if (which == ROWS_SAMPLE)
		put_flow(&writer, row);
	else if (which == ROWS_STATE)
		put_state(&writer, &data->state);
	else if (which == ROWS_FAULT)
		put_fault(&writer, &data->fault);
	else
		put_dropped(&writer, &data->dropped);
	return which;
}
