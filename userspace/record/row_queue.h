/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Rows on their way to the run file. They stay here until the transaction that
 * holds them has been committed. Inside record/ only.
 */
#ifndef ROW_QUEUE_H
#define ROW_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "record.h"

/* While the disk is full; 80 minutes of one channel at 50 samples/s, 30 MiB. */
#define QUEUE_MAX 262144

enum row_kind { ROW_SAMPLE, ROW_KERNEL, ROW_EVENT, ROW_RESULT };

struct row {
	enum row_kind kind;
	int channel;			/* -1: none */
	int64_t time_ns;		/* since the start of the run */
	union {
		struct {
			struct nanodose_record data;
			double setpoint_m3_s, pump_rate_m3_s, estimate_m3_s;
		} sample;		/* data alone for ROW_KERNEL */
		struct {
			enum record_severity severity;
			enum record_source source;
			int line;
			char *text;
		} event;
		struct {
			char *status;
			char *summary;
		} result;
	};
};

struct queue {
	struct row *rows;
	size_t count, allocated;
	uint64_t lost;			/* rows for which there was no room */
};

/*
 * A new last row to fill in, its kind and channel set; NULL with errno
 * ENOBUFS when full, ENOMEM. Either way the row counts as lost.
 */
struct row *queue_add(struct queue *queue, enum row_kind kind, int channel, int64_t time_ns);
void queue_clear(struct queue *queue);
void queue_free(struct queue *queue);

#endif /* ROW_QUEUE_H */
