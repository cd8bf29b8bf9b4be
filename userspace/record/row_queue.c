// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdlib.h>

#include "row_queue.h"

#define FIRST 256

static int grow(struct queue *queue)
{
	size_t wanted = queue->allocated ? queue->allocated * 2 : FIRST;
	struct row *rows;

	if (wanted > QUEUE_MAX) {
		errno = ENOBUFS;
		return -1;
	}
	rows = realloc(queue->rows, wanted * sizeof(*rows));
	if (!rows)
		return -1;
	queue->rows = rows;
	queue->allocated = wanted;
	return 0;
}

struct row *queue_add(struct queue *queue, enum row_kind kind, int channel, int64_t time_ns)
{
	struct row *row;

	if (queue->count == queue->allocated && grow(queue)) {
		queue->lost++;
		return NULL;
	}
	row = &queue->rows[queue->count++];
	row->kind = kind;
	row->channel = channel;
	row->time_ns = time_ns;
	return row;
}

void queue_clear(struct queue *queue)
{
	size_t i;

	for (i = 0; i < queue->count; i++) {
		if (queue->rows[i].kind == ROW_EVENT) {
			free(queue->rows[i].event.text);
		} else if (queue->rows[i].kind == ROW_RESULT) {
			free(queue->rows[i].result.status);
			free(queue->rows[i].result.summary);
		}
	}
	queue->count = 0;
}

void queue_free(struct queue *queue)
{
	queue_clear(queue);
	free(queue->rows);
	queue->rows = NULL;
	queue->allocated = 0;
}
