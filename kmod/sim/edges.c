// SPDX-License-Identifier: GPL-2.0-only
/*
 * Edge stream of a simulated rig; see edges.h.
 */
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/poll.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/uaccess.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "edges.h"

#define RING_RECORDS	262144U	/* a power of two; 3 s at 40 000 steps/s, 4 MiB */
#define WAKE_MS		5		/* readers are woken for many at once */

static_assert(sizeof(struct sim_edge) == 16);

struct sim_edges {
	struct kref refs;
	raw_spinlock_t lock;		/* all below, and heads of the readers */
	struct list_head readers;
	u32 sequence;
	bool ended;
};

struct edges_reader {
	struct list_head node;
	struct sim_edges *edges;
	struct sim_edge *ring;
	u32 head;			/* next to be written */
	u32 tail;			/* next to be read, under read_lock */
	struct mutex read_lock;
	wait_queue_head_t wait;
	struct delayed_work wake;	/* a raw context cannot wake by itself */
};

static void edges_free(struct kref *refs)
{
	kfree(container_of(refs, struct sim_edges, refs));
}

struct sim_edges *sim_edges_create(void)
{
	struct sim_edges *edges = kzalloc(sizeof(*edges), GFP_KERNEL);

	if (!edges)
		return NULL;
	kref_init(&edges->refs);
	raw_spin_lock_init(&edges->lock);
	INIT_LIST_HEAD(&edges->readers);
	return edges;
}

void sim_edges_put(struct sim_edges *edges)
{
	kref_put(&edges->refs, edges_free);
}

void sim_edges_end(struct sim_edges *edges)
{
	struct edges_reader *reader;
	unsigned long flags;

	raw_spin_lock_irqsave(&edges->lock, flags);
	edges->ended = true;
	list_for_each_entry(reader, &edges->readers, node)
		mod_delayed_work(system_wq, &reader->wake, 0);
	raw_spin_unlock_irqrestore(&edges->lock, flags);
}

void sim_edges_record(struct sim_edges *edges, u64 time_ns, u8 line, bool value)
{
	struct edges_reader *reader;
	unsigned long flags;

	raw_spin_lock_irqsave(&edges->lock, flags);
	list_for_each_entry(reader, &edges->readers, node) {
		/* room is what the reader gave back; pairs in edges_copy() */
		if (reader->head - smp_load_acquire(&reader->tail) < RING_RECORDS) {
			reader->ring[reader->head % RING_RECORDS] = (struct sim_edge){
				.time_ns = time_ns,
				.line = line,
				.value = value,
				.sequence = edges->sequence,
			};
			/* the record before its number */
			smp_store_release(&reader->head, reader->head + 1);
		}
		if (wq_has_sleeper(&reader->wait))
			queue_delayed_work(system_wq, &reader->wake, msecs_to_jiffies(WAKE_MS));
	}
	edges->sequence++;
	raw_spin_unlock_irqrestore(&edges->lock, flags);
}

static void edges_wake(struct work_struct *work)
{
	struct edges_reader *reader = container_of(to_delayed_work(work), struct edges_reader,
						   wake);

	wake_up_interruptible_all(&reader->wait);
}

static int edges_open(struct inode *inode, struct file *file)
{
	struct sim_edges *edges = inode->i_private;
	struct edges_reader *reader = kzalloc(sizeof(*reader), GFP_KERNEL);
	unsigned long flags;

	if (!reader)
		return -ENOMEM;
	reader->ring = kvmalloc_array(RING_RECORDS, sizeof(*reader->ring), GFP_KERNEL);
	if (!reader->ring) {
		kfree(reader);
		return -ENOMEM;
	}
	mutex_init(&reader->read_lock);
	init_waitqueue_head(&reader->wait);
	INIT_DELAYED_WORK(&reader->wake, edges_wake);
	kref_get(&edges->refs);
	reader->edges = edges;
	raw_spin_lock_irqsave(&edges->lock, flags);
	list_add_tail(&reader->node, &edges->readers);
	raw_spin_unlock_irqrestore(&edges->lock, flags);
	file->private_data = reader;
	return stream_open(inode, file);
}

static int edges_release(struct inode *inode, struct file *file)
{
	struct edges_reader *reader = file->private_data;
	struct sim_edges *edges = reader->edges;
	unsigned long flags;

	raw_spin_lock_irqsave(&edges->lock, flags);
	list_del(&reader->node);
	raw_spin_unlock_irqrestore(&edges->lock, flags);
	cancel_delayed_work_sync(&reader->wake);
	kvfree(reader->ring);
	mutex_destroy(&reader->read_lock);
	kfree(reader);
	sim_edges_put(edges);
	return 0;
}

/* Whole records to user space, 0 if there are none */
static ssize_t edges_copy(struct edges_reader *reader, char __user *buffer, size_t size)
{
	u32 tail = reader->tail, ready, run;
	size_t done = 0;

	/* pairs with the release in sim_edges_record() */
	ready = smp_load_acquire(&reader->head) - tail;
	ready = min_t(size_t, ready, size / sizeof(*reader->ring));
	while (ready) {
		run = min(ready, RING_RECORDS - tail % RING_RECORDS);
		if (copy_to_user(buffer + done, &reader->ring[tail % RING_RECORDS],
				 run * sizeof(*reader->ring)))
			return done ? done : -EFAULT;
		done += run * sizeof(*reader->ring);
		tail += run;
		ready -= run;
		/* pairs in sim_edges_record() */
		smp_store_release(&reader->tail, tail);
	}
	return done;
}

static bool edges_ready(struct edges_reader *reader)
{
	return READ_ONCE(reader->head) != READ_ONCE(reader->tail) ||
	       READ_ONCE(reader->edges->ended);
}

static ssize_t edges_read(struct file *file, char __user *buffer, size_t size, loff_t *offset)
{
	struct edges_reader *reader = file->private_data;
	ssize_t done;
	bool ended;
	int ret;

	if (size < sizeof(struct sim_edge))
		return -EINVAL;
	for (;;) {
		/* what came before the end is still to be read */
		ended = READ_ONCE(reader->edges->ended);
		ret = mutex_lock_interruptible(&reader->read_lock);
		if (ret)
			return ret;
		done = edges_copy(reader, buffer, size);
		mutex_unlock(&reader->read_lock);
		if (done || ended)
			return done;
		if (file->f_flags & O_NONBLOCK)
			return -EAGAIN;
		ret = wait_event_interruptible(reader->wait, edges_ready(reader));
		if (ret)
			return ret;
	}
}

static __poll_t edges_poll(struct file *file, poll_table *table)
{
	struct edges_reader *reader = file->private_data;
	__poll_t mask = 0;

	poll_wait(file, &reader->wait, table);
	if (READ_ONCE(reader->edges->ended))
		mask |= EPOLLHUP;
	if (READ_ONCE(reader->head) != READ_ONCE(reader->tail))
		mask |= EPOLLIN | EPOLLRDNORM;
	return mask;
}

const struct file_operations sim_edges_fops = {
	.owner = THIS_MODULE,
	.open = edges_open,
	.release = edges_release,
	.read = edges_read,
	.poll = edges_poll,
};
