/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The edges of a rig's output lines as a stream of records, a ring for each
 * reader. Outlives its rig as long as a file is open.
 */
#ifndef _NANODOSE_SIM_EDGES_H
#define _NANODOSE_SIM_EDGES_H

#include <linux/fs.h>
#include <linux/types.h>

/* What read() returns, whole records only. A gap in @sequence is an overflow. */
struct sim_edge {
	__u64 time_ns;		/* CLOCK_MONOTONIC */
	__u8 line;		/* 0 STEP, 1 DIR, 2 ENABLE */
	__u8 value;		/* level from now on */
	__u16 zero;
	__u32 sequence;
};

struct sim_edges;

struct sim_edges *sim_edges_create(void);
/* No edge comes any more: readers see the end of the stream. */
void sim_edges_end(struct sim_edges *edges);
void sim_edges_put(struct sim_edges *edges);

/* Any context. */
void sim_edges_record(struct sim_edges *edges, u64 time_ns, u8 line, bool value);

/* For a file whose inode's private data is a struct sim_edges */
extern const struct file_operations sim_edges_fops;

#endif /* _NANODOSE_SIM_EDGES_H */
