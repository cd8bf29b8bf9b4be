// SPDX-License-Identifier: GPL-2.0-only
/*
 * Truth and faults of the simulated rigs, in debugfs under nanodose-sim/RIG/.
 * For tests: nothing that a real bench would tell.
 */
#include <linux/debugfs.h>
#include <linux/delay.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/smp.h>
#include <linux/uaccess.h>

#include "edges.h"
#include "rig.h"

#define LATENCY_MAX_US		1000000
#define STRETCH_MAX_US	100000
#define CALLS_MAX		1000000

static struct dentry *sim_root;

enum sim_truth {
	SIM_OUTLET_VOLUME,
	SIM_OUTLET_FLOW,
	SIM_PRESSURE,
	SIM_STEPS,
	SIM_MISSED_STEPS,
};

static s64 truth_get(struct sim_rig *rig, enum sim_truth truth)
{
	unsigned long flags;
	s64 value = 0;

	raw_spin_lock_irqsave(&rig->lock, flags);
	sim_plant_advance(&rig->plant, sim_now());
	switch (truth) {
	case SIM_OUTLET_VOLUME:
		value = sim_plant_outlet_volume_fl(&rig->plant);
		break;
	case SIM_OUTLET_FLOW:
		value = sim_plant_outlet_flow_pl_min(&rig->plant);
		break;
	case SIM_PRESSURE:
		value = sim_plant_pressure_pa(&rig->plant);
		break;
	case SIM_STEPS:
		value = rig->plant.steps;
		break;
	case SIM_MISSED_STEPS:
		value = rig->plant.missed_steps;
		break;
	}
	raw_spin_unlock_irqrestore(&rig->lock, flags);
	return value;
}

#define TRUTH_FILE(name, truth)						\
static int name##_get(void *data, u64 *value)				\
{									\
	*value = truth_get(data, truth);				\
	return 0;							\
}									\
DEFINE_DEBUGFS_ATTRIBUTE(name##_fops, name##_get, NULL, "%lld\n")

TRUTH_FILE(outlet_volume_fl, SIM_OUTLET_VOLUME);
TRUTH_FILE(outlet_flow_pl_min, SIM_OUTLET_FLOW);
TRUTH_FILE(pressure_pa, SIM_PRESSURE);
TRUTH_FILE(steps, SIM_STEPS);
TRUTH_FILE(missed_steps, SIM_MISSED_STEPS);

static const struct {
	const char *name;
	s64 least, most;
} fault_files[SIM_FAULTS] = {
	[SIM_FAULT_OCCLUSION] = { "occlusion", 0, 1 },
	[SIM_FAULT_AIR] = { "air", 0, 1 },
	[SIM_FAULT_NACK] = { "nack", 0, 1 },
	[SIM_FAULT_CRC] = { "crc", 0, 1 },
	[SIM_FAULT_STUCK] = { "stuck", 0, 1 },
	[SIM_FAULT_UNPLUG] = { "unplug", 0, 1 },
	[SIM_FAULT_HIGH_FLOW] = { "high_flow", 0, 1 },
	[SIM_FAULT_STALL] = { "stall", 0, 1 },
	[SIM_FAULT_ESTOP] = { "estop", 0, 1 },
	[SIM_FAULT_LIMIT] = { "limit", 0, 2 },
	[SIM_FAULT_LEAK] = { "leak", 0, 10000000 },
	[SIM_FAULT_BUBBLE] = { "bubble", 0, 100000000 },
	[SIM_FAULT_FREE_FLOW] = { "free_flow", -1000000000000LL, 1000000000000LL },
	[SIM_FAULT_LATENCY] = { "latency_us", 0, LATENCY_MAX_US },
	[SIM_FAULT_DRIVER] = { "driver", 0, 1 },
	[SIM_FAULT_REFUSE_CALL] = { "refuse_call", 0, CALLS_MAX },
	[SIM_FAULT_HOME] = { "home", 0, 1 },
	[SIM_FAULT_STRETCH] = { "stretch_us", 0, STRETCH_MAX_US },
	[SIM_FAULT_LOCKUP] = { "lockup", 0, 1 },
};

/* No interrupt gets through on any processor for a time. */
static void fault_stall_processor(void *data)
{
	s64 us = *(s64 *)data;

	for (; us > 0; us -= 1000)
		udelay(min_t(s64, us, 1000));
}

static void fault_apply(struct sim_rig *rig, enum sim_fault fault, s64 value)
{
	unsigned long flags;
	u64 now_ns;

	switch (fault) {
	case SIM_FAULT_ESTOP:
		sim_rig_set_input(rig, SIM_ESTOP, value);
		return;
	case SIM_FAULT_LIMIT:
		sim_rig_set_input(rig, SIM_LIMIT_PLUS, value == 1);
		sim_rig_set_input(rig, SIM_LIMIT_MINUS, value == 2);
		return;
	case SIM_FAULT_DRIVER:
		sim_rig_set_input(rig, SIM_DRIVER_FAULT, value);
		return;
	case SIM_FAULT_HOME:
		sim_rig_set_input(rig, SIM_HOME, value);
		return;
	case SIM_FAULT_STRETCH:
		WRITE_ONCE(rig->stretch_us, value);
		return;
	case SIM_FAULT_LOCKUP:
		WRITE_ONCE(rig->locked_up, value);
		return;
	case SIM_FAULT_REFUSE_CALL:
		atomic_set(&rig->refuse_call, value);
		return;
	case SIM_FAULT_LATENCY:
		on_each_cpu(fault_stall_processor, &value, true);
		return;
	default:
		break;
	}

	raw_spin_lock_irqsave(&rig->lock, flags);
	now_ns = sim_now();
	switch (fault) {
	case SIM_FAULT_OCCLUSION:
		sim_plant_set_occluded(&rig->plant, now_ns, value);
		break;
	case SIM_FAULT_AIR:
		sim_plant_set_air(&rig->plant, now_ns, value);
		sim_sensor_air(&rig->sensor, value);
		break;
	case SIM_FAULT_NACK:
		rig->sensor.nack = value;
		break;
	case SIM_FAULT_CRC:
		rig->sensor.bad_crc = value;
		break;
	case SIM_FAULT_STUCK:
		rig->sensor.stuck = value;
		break;
	case SIM_FAULT_UNPLUG:
		sim_sensor_unplug(&rig->sensor, now_ns, value);
		break;
	case SIM_FAULT_HIGH_FLOW:
		rig->sensor.high_flow = value;
		break;
	case SIM_FAULT_STALL:
		sim_plant_set_stalled(&rig->plant, now_ns, value);
		break;
	case SIM_FAULT_LEAK:
		sim_plant_set_leak(&rig->plant, now_ns, value);
		break;
	case SIM_FAULT_BUBBLE:
		sim_plant_set_bubble(&rig->plant, now_ns, value);
		break;
	case SIM_FAULT_FREE_FLOW:
		sim_plant_set_free_flow(&rig->plant, now_ns, value);
		break;
	default:
		break;
	}
	raw_spin_unlock_irqrestore(&rig->lock, flags);
}

static ssize_t fault_read(struct file *file, char __user *buffer, size_t size, loff_t *offset)
{
	struct sim_fault_state *state = file->private_data;
	char text[24];
	int len;

	/* what is left of it: 0 tells that the call has come */
	if (state->fault == SIM_FAULT_REFUSE_CALL)
		WRITE_ONCE(state->value, atomic_read(&state->rig->refuse_call));
	len = scnprintf(text, sizeof(text), "%lld\n", READ_ONCE(state->value));
	return simple_read_from_buffer(buffer, size, offset, text, len);
}

static ssize_t fault_write(struct file *file, const char __user *buffer, size_t size,
			   loff_t *offset)
{
	struct sim_fault_state *state = file->private_data;
	s64 value;
	int ret;

	ret = kstrtoll_from_user(buffer, size, 0, &value);
	if (ret)
		return ret;
	if (value < fault_files[state->fault].least || value > fault_files[state->fault].most)
		return -EINVAL;
	WRITE_ONCE(state->value, value);
	fault_apply(state->rig, state->fault, value);
	return size;
}

static const struct file_operations fault_fops = {
	.owner = THIS_MODULE,
	.open = simple_open,
	.read = fault_read,
	.write = fault_write,
	.llseek = default_llseek,
};

void sim_rig_debugfs_init(struct sim_rig *rig)
{
	struct dentry *faults;
	int i;

	rig->dir = debugfs_create_dir(rig->name, sim_root);
	debugfs_create_file("outlet_volume_fl", 0444, rig->dir, rig, &outlet_volume_fl_fops);
	debugfs_create_file("outlet_flow_pl_min", 0444, rig->dir, rig, &outlet_flow_pl_min_fops);
	debugfs_create_file("pressure_pa", 0444, rig->dir, rig, &pressure_pa_fops);
	debugfs_create_file("steps", 0444, rig->dir, rig, &steps_fops);
	debugfs_create_file("missed_steps", 0444, rig->dir, rig, &missed_steps_fops);
	debugfs_create_file("edges", 0444, rig->dir, rig->edges, &sim_edges_fops);

	faults = debugfs_create_dir("fault", rig->dir);
	for (i = 0; i < SIM_FAULTS; i++) {
		rig->faults[i] = (struct sim_fault_state){ .rig = rig, .fault = i };
		debugfs_create_file(fault_files[i].name, 0644, faults, &rig->faults[i],
				    &fault_fops);
	}
}

void sim_rig_debugfs_exit(struct sim_rig *rig)
{
	/* waits for calls under way in these files */
	debugfs_remove(rig->dir);
}

void sim_debugfs_register(void)
{
	sim_root = debugfs_create_dir("nanodose-sim", NULL);
}

void sim_debugfs_unregister(void)
{
	debugfs_remove(sim_root);
}
