// SPDX-License-Identifier: GPL-2.0-only
/*
 * Records to openers: a ring each, so that a slow reader harms nobody else.
 *
 * A ring that is full loses the newest records. What it lost is counted, and a
 * DROPPED record takes their place as soon as there is room, so that the
 * reader learns how many were lost and where. Faults have some slots of their
 * own: they get through to a reader whose ring is full of other records.
 */
#include <linux/ktime.h>
#include <linux/mm.h>
#include <linux/poll.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "nanodose.h"

/* Each fault bit once, and a DROPPED record before each of them. */
#define ND_RING_FAULT_SLOTS	32

static u32 nd_ring_next(const struct nd_ring *ring, u32 index)
{
	return index + 1 == ring->slots ? 0 : index + 1;
}

static u32 nd_ring_used(const struct nd_ring *ring)
{
	/* Pairs with the release in nd_client_read(): the slot was read. */
	u32 tail = smp_load_acquire(&ring->tail);

	return ring->head >= tail ? ring->head - tail : ring->head + ring->slots - tail;
}

static void nd_ring_put(struct nd_ring *ring, const struct nanodose_record *record)
{
	ring->records[ring->head] = *record;
	/* Pairs with the acquire in nd_client_read(): the slot was written. */
	smp_store_release(&ring->head, nd_ring_next(ring, ring->head));
}

static void nd_ring_put_dropped(struct nd_ring *ring, u64 time_ns, u64 sequence)
{
	struct nanodose_record record = {
		.time_ns = time_ns,
		.sequence = sequence,
		.type = NANODOSE_RECORD_DROPPED,
		.dropped.first_sequence = ring->first_lost,
		.dropped.count = ring->lost,
	};

	nd_ring_put(ring, &record);
	WRITE_ONCE(ring->lost, 0);
}

/* False: lost. */
static bool nd_ring_push(struct nd_ring *ring, const struct nanodose_record *record)
{
	bool fault = record->type == NANODOSE_RECORD_FAULT;
	u32 limit = fault ? ring->slots - 1 : ring->capacity;

	if (nd_ring_used(ring) + (ring->lost ? 2 : 1) > limit) {
		if (!ring->lost)
			ring->first_lost = record->sequence;
		WRITE_ONCE(ring->lost, ring->lost + 1);
		return false;
	}
	if (ring->lost)
		nd_ring_put_dropped(ring, record->time_ns, record->sequence);
	nd_ring_put(ring, record);
	return true;
}

int nd_ring_alloc(struct nd_ring *ring, u32 records)
{
	u32 slots = records + ND_RING_FAULT_SLOTS + 1;

	*ring = (struct nd_ring) {
		.records = kvcalloc(slots, sizeof(*ring->records), GFP_KERNEL_ACCOUNT),
		.slots = slots,
		.capacity = records,
	};
	return ring->records ? 0 : -ENOMEM;
}

void nd_ring_free(struct nd_ring *ring)
{
	kvfree(ring->records);
	ring->records = NULL;
}

static bool nd_client_wants(struct nd_client *client, u32 type)
{
	if (type == NANODOSE_RECORD_FAULT)
		return true;
	if (!(client->mask & BIT(type)))
		return false;
	if (type != NANODOSE_RECORD_FLOW || client->flow_decimation <= 1)
		return true;
	if (client->flow_skipped) {
		client->flow_skipped--;
		return false;
	}
	client->flow_skipped = client->flow_decimation - 1;
	return true;
}

void nd_stream_push(struct nd_stream *stream, struct nanodose_record *record)
{
	struct nd_client *client;
	unsigned long flags;

	raw_spin_lock_irqsave(&stream->lock, flags);
	if (!stream->shut) {
		record->sequence = stream->sequence++;
		list_for_each_entry(client, &stream->clients, list) {
			if (nd_client_wants(client, record->type) &&
			    !nd_ring_push(&client->ring, record))
				stream->lost++;
		}
		/* A wait queue has a sleeping lock on RT; the work item may take it. */
		if (wq_has_sleeper(&stream->wait))
			stream->wakes += queue_work(system_highpri_wq, &stream->wake);
	}
	raw_spin_unlock_irqrestore(&stream->lock, flags);
}

void nd_stream_wake_writers(struct nd_stream *stream)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&stream->lock, flags);
	if (!stream->shut && wq_has_sleeper(&stream->wait))
		stream->wakes += queue_work(system_highpri_wq, &stream->wake);
	raw_spin_unlock_irqrestore(&stream->lock, flags);
}

u64 nd_stream_sequence(struct nd_stream *stream)
{
	unsigned long flags;
	u64 sequence;

	raw_spin_lock_irqsave(&stream->lock, flags);
	sequence = stream->sequence;
	raw_spin_unlock_irqrestore(&stream->lock, flags);
	return sequence;
}

bool nd_stream_ended(const struct nd_stream *stream)
{
	/* Pairs with the release in nd_stream_shutdown(): the last record, then this. */
	return smp_load_acquire(&stream->shut);
}

static void nd_client_select(struct nd_client *client, const struct nanodose_subscribe *subscribe)
{
	client->mask = subscribe->mask;
	client->flow_decimation = subscribe->flow_decimation;
	client->flow_skipped = 0;
}

bool nd_stream_begin(struct nd_stream *stream, struct nd_client *client, struct nd_ring *ring,
		     const struct nanodose_subscribe *subscribe,
		     const struct nanodose_record *first, u64 sequence)
{
	unsigned long flags;
	bool current_state;

	raw_spin_lock_irqsave(&stream->lock, flags);
	current_state = stream->sequence == sequence;
	if (current_state) {
		nd_client_select(client, subscribe);
		swap(client->ring, *ring);
		if (client->mask & BIT(first->type))
			nd_ring_put(&client->ring, first);
		if (list_empty(&client->list))
			list_add_tail(&client->list, &stream->clients);
	}
	raw_spin_unlock_irqrestore(&stream->lock, flags);
	return current_state;
}

void nd_stream_select(struct nd_stream *stream, struct nd_client *client,
		      const struct nanodose_subscribe *subscribe)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&stream->lock, flags);
	nd_client_select(client, subscribe);
	raw_spin_unlock_irqrestore(&stream->lock, flags);
}

void nd_stream_detach(struct nd_stream *stream, struct nd_client *client)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&stream->lock, flags);
	list_del_init(&client->list);
	raw_spin_unlock_irqrestore(&stream->lock, flags);
}

bool nd_client_readable(const struct nd_client *client)
{
	const struct nd_ring *ring = &client->ring;

	return READ_ONCE(ring->head) != READ_ONCE(ring->tail) || READ_ONCE(ring->lost);
}

/* Now that there is room: tell about what was lost, be there a next record or not. */
static void nd_client_tell_lost(struct nd_client *client)
{
	struct nd_stream *stream = &client->nd->stream;
	struct nd_ring *ring = &client->ring;
	unsigned long flags;

	raw_spin_lock_irqsave(&stream->lock, flags);
	if (ring->lost && nd_ring_used(ring) < ring->capacity)
		nd_ring_put_dropped(ring, ktime_get_ns(), stream->sequence);
	raw_spin_unlock_irqrestore(&stream->lock, flags);
}

ssize_t nd_client_read(struct nd_client *client, char __user *buffer, size_t count)
{
	const size_t size = sizeof(struct nanodose_record);
	struct nd_ring *ring = &client->ring;
	size_t wanted = count / size;
	size_t done = 0;

	while (done < wanted) {
		u32 tail = ring->tail;
		u32 head, chunk;

		if (READ_ONCE(ring->lost))
			nd_client_tell_lost(client);

		/* Pairs with the release in nd_ring_put(). */
		head = smp_load_acquire(&ring->head);
		chunk = head >= tail ? head - tail : ring->slots - tail;
		chunk = min_t(size_t, chunk, wanted - done);
		if (!chunk)
			break;
		if (copy_to_user(buffer + done * size, ring->records + tail, chunk * size))
			return done ? done * size : -EFAULT;

		tail += chunk;
		/* Pairs with the acquire in nd_ring_used(). */
		smp_store_release(&ring->tail, tail == ring->slots ? 0 : tail);
		done += chunk;
	}
	return done * size;
}

static void nd_stream_wake(struct work_struct *work)
{
	struct nd_stream *stream = container_of(work, struct nd_stream, wake);

	wake_up_interruptible_poll(&stream->wait, EPOLLIN | EPOLLRDNORM | EPOLLPRI |
				  EPOLLOUT | EPOLLWRNORM);
}

void nd_stream_init(struct nd_stream *stream)
{
	raw_spin_lock_init(&stream->lock);
	INIT_LIST_HEAD(&stream->clients);
	stream->sequence = 1;
	init_waitqueue_head(&stream->wait);
	INIT_WORK(&stream->wake, nd_stream_wake);
}

void nd_stream_shutdown(struct nd_stream *stream)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&stream->lock, flags);
	/* Pairs with the acquire in nd_stream_ended(). */
	smp_store_release(&stream->shut, true);
	raw_spin_unlock_irqrestore(&stream->lock, flags);

	cancel_work_sync(&stream->wake);
	wake_up_all(&stream->wait);
}
