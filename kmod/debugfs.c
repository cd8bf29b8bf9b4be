// SPDX-License-Identifier: GPL-2.0-only
/*
 * Counters for tests, in debugfs under nanodose/nanodoseN/; told in ABI.rst.
 * They are read as they are, without a lock.
 */
#include <linux/debugfs.h>

#include "nanodose.h"

static struct dentry *nd_debugfs_root;

void nd_debugfs_add(struct nanodose *nd)
{
	struct dentry *dir = debugfs_create_dir(dev_name(&nd->dev), nd_debugfs_root);

	debugfs_create_u64("interrupts", 0444, dir, &nd->engine.interrupts);
	debugfs_create_u64("segments", 0444, dir, &nd->engine.segments);
	debugfs_create_u64("steps", 0444, dir, &nd->engine.steps_total);
	debugfs_create_u64("late_steps", 0444, dir, &nd->engine.late_steps);
	debugfs_create_u64("late_max_ns", 0444, dir, &nd->engine.late_max_ns);
	debugfs_create_u64("flow_samples", 0444, dir, &nd->flow.samples);
	debugfs_create_u64("records_lost", 0444, dir, &nd->stream.lost);
	debugfs_create_u64("wakes", 0444, dir, &nd->stream.wakes);
	nd->debugfs = dir;
}

void nd_debugfs_remove(struct nanodose *nd)
{
	/* waits for reads under way */
	debugfs_remove(nd->debugfs);
}

void nd_debugfs_init(void)
{
	nd_debugfs_root = debugfs_create_dir("nanodose", NULL);
}

void nd_debugfs_exit(void)
{
	debugfs_remove(nd_debugfs_root);
}
