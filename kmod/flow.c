// SPDX-License-Identifier: GPL-2.0-only
/*
 * The sampler: reads flow sensor and pressure on an absolute schedule and makes
 * a FLOW record of each reading, with the step position at the same instant.
 * Also keeps the list of flow sensors, in which a pump finds its own.
 */
#include <linux/err.h>
#include <linux/i2c.h>
#include <linux/kthread.h>
#include <linux/ktime.h>
#include <linux/list.h>
#include <linux/math64.h>
#include <linux/mutex.h>
#include <linux/platform_device.h>
#include <linux/property.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "nanodose.h"
#include "trace.h"

static LIST_HEAD(nd_flow_sensors);
static DEFINE_MUTEX(nd_flow_sensors_lock);

void nd_flow_sensor_init(struct nd_flow_sensor *sensor)
{
	mutex_init(&sensor->lock);
	kref_init(&sensor->refs);
	INIT_LIST_HEAD(&sensor->list);
}

/* A pump that was probed before its sensor had been found has no driver yet. */
static int nd_flow_bind_waiting(struct device *dev, void *data)
{
	struct nd_flow_sensor *sensor = data;
	struct fwnode_handle *fwnode;

	if (dev->driver || !device_property_present(dev, "flow-sensor"))
		return 0;
	fwnode = fwnode_find_reference(dev_fwnode(dev), "flow-sensor", 0);
	if (IS_ERR(fwnode))
		return 0;
	fwnode_handle_put(fwnode);
	if (fwnode == dev_fwnode(sensor->dev) && device_attach(dev) < 0)
		dev_dbg(dev, "could not be bound\n");
	return 0;
}

void nd_flow_sensor_add(struct nd_flow_sensor *sensor)
{
	mutex_lock(&nd_flow_sensors_lock);
	list_add_tail(&sensor->list, &nd_flow_sensors);
	mutex_unlock(&nd_flow_sensors_lock);
}

void nd_flow_sensor_bind_pumps(struct nd_flow_sensor *sensor)
{
	bus_for_each_dev(&platform_bus_type, NULL, sensor, nd_flow_bind_waiting);
}

static void nd_flow_sensor_free(struct kref *refs)
{
	struct nd_flow_sensor *sensor = container_of(refs, struct nd_flow_sensor, refs);

	mutex_destroy(&sensor->lock);
	sensor->ops->free(sensor);
}

void nd_flow_sensor_remove(struct nd_flow_sensor *sensor)
{
	mutex_lock(&nd_flow_sensors_lock);
	list_del_init(&sensor->list);
	mutex_unlock(&nd_flow_sensors_lock);

	mutex_lock(&sensor->lock);
	sensor->dev = NULL;
	mutex_unlock(&sensor->lock);
	nd_flow_sensor_put(sensor);
}

/* The kernel from 7.3 on has a driver of its own for some; only one can have it. */
static void nd_flow_tell_other(struct device *dev, struct fwnode_handle *fwnode)
{
	struct device *sensor = bus_find_device_by_fwnode(&i2c_bus_type, fwnode);

	if (!sensor)
		return;
	/* Who holds it may wait for this pump; then the next try tells. */
	if (!device_trylock(sensor))
		goto put;
	if (sensor->driver && sensor->driver != &nd_flow_sf06_driver.driver)
		dev_warn(dev, "flow-sensor: %s has the driver %s, must have %s: unbind it, and blacklist its module\n",
			 dev_name(sensor), sensor->driver->name,
			 nd_flow_sf06_driver.driver.name);
	device_unlock(sensor);
put:
	put_device(sensor);
}

struct nd_flow_sensor *nd_flow_sensor_get(struct device *dev)
{
	struct nd_flow_sensor *sensor, *found = NULL;
	struct fwnode_handle *fwnode;

	if (!device_property_present(dev, "flow-sensor"))
		return NULL;
	fwnode = fwnode_find_reference(dev_fwnode(dev), "flow-sensor", 0);
	/* A software node that is referred to may still be to come. */
	if (PTR_ERR_OR_ZERO(fwnode) == -ENOENT)
		return ERR_PTR(-EPROBE_DEFER);
	if (IS_ERR(fwnode))
		return ERR_CAST(fwnode);

	mutex_lock(&nd_flow_sensors_lock);
	list_for_each_entry(sensor, &nd_flow_sensors, list) {
		if (dev_fwnode(sensor->dev) == fwnode) {
			kref_get(&sensor->refs);
			found = sensor;
			break;
		}
	}
	mutex_unlock(&nd_flow_sensors_lock);
	if (!found)
		nd_flow_tell_other(dev, fwnode);
	fwnode_handle_put(fwnode);
	return found ?: ERR_PTR(-EPROBE_DEFER);
}

void nd_flow_sensor_put(struct nd_flow_sensor *sensor)
{
	if (sensor)
		kref_put(&sensor->refs, nd_flow_sensor_free);
}

static int nd_flow_sensor_start(struct nd_flow_sensor *sensor, u32 medium)
{
	int ret;

	mutex_lock(&sensor->lock);
	ret = sensor->dev ? sensor->ops->start(sensor, medium) : -ENODEV;
	mutex_unlock(&sensor->lock);
	return ret;
}

static void nd_flow_sensor_stop(struct nd_flow_sensor *sensor)
{
	mutex_lock(&sensor->lock);
	if (sensor->dev)
		sensor->ops->stop(sensor);
	mutex_unlock(&sensor->lock);
}

static int nd_flow_sensor_read(struct nd_flow_sensor *sensor, struct nd_flow_reading *reading)
{
	int ret;

	mutex_lock(&sensor->lock);
	ret = sensor->dev ? sensor->ops->read(sensor, reading) : -ENODEV;
	mutex_unlock(&sensor->lock);
	return ret;
}

/* What GET_STATUS shows. */
static void nd_flow_keep(struct nd_flow *flow, const struct nanodose_record *record)
{
	mutex_lock(&flow->lock);
	flow->flow_pl_min = record->flow.flow_pl_min;
	flow->temperature_mdegc = record->flow.temperature_mdegc;
	flow->pressure_pa = record->flow.pressure_pa;
	flow->bus_errors = record->flow.bus_errors;
	if (record->flow.valid & NANODOSE_VALID_FLOW)
		flow->time_ns = record->time_ns;
	mutex_unlock(&flow->lock);
}

static void nd_flow_sample(struct nanodose *nd)
{
	struct nd_flow *flow = &nd->flow;
	struct nanodose_record record = {
		.type = NANODOSE_RECORD_FLOW,
		.flow.flow_pl_min = NANODOSE_NO_VALUE_S64,
		.flow.temperature_mdegc = NANODOSE_NO_VALUE_S32,
		.flow.pressure_pa = NANODOSE_NO_VALUE_S32,
		.flow.bus_errors = flow->bus_errors,
	};
	struct nd_flow_reading reading = {};
	struct nd_motion before, after;
	s32 pressure_pa;
	int error;

	/* The sensor averages up to the transfer: the middle of it is the instant. */
	nd_engine_motion(nd, &before);
	error = nd_flow_sensor_read(flow->sensor, &reading);
	nd_engine_motion(nd, &after);
	record.time_ns = before.time_ns + (after.time_ns - before.time_ns) / 2;
	record.flow.position = before.position + (after.position - before.position) / 2;

	if (error) {
		record.flow.bus_errors++;
	} else {
		record.flow.flow_pl_min = reading.flow_pl_min;
		record.flow.temperature_mdegc = reading.temperature_mdegc;
		record.flow.sensor_flags = reading.flags;
		record.flow.valid |= NANODOSE_VALID_FLOW;
	}
	if (flow->pressure && !nd_pressure_read(nd, &pressure_pa)) {
		record.flow.pressure_pa = pressure_pa;
		record.flow.valid |= NANODOSE_VALID_PRESSURE;
	}

	flow->samples++;
	trace_nanodose_flow(nd, &record);
	nd_flow_keep(flow, &record);
	nd_stream_push(&nd->stream, &record);
	nd_guard_sample(nd, &record);
}

/* False: the sampler is to end. */
static bool nd_flow_wait(u64 due_ns)
{
	bool stop;

	for (;;) {
		ktime_t due = ns_to_ktime(due_ns);

		set_current_state(TASK_IDLE);
		stop = kthread_should_stop();
		if (stop || ktime_get_ns() >= due_ns)
			break;
		schedule_hrtimeout(&due, HRTIMER_MODE_ABS);
	}
	__set_current_state(TASK_RUNNING);
	return !stop;
}

static int nd_flow_sampler(void *data)
{
	struct nanodose *nd = data;
	u64 period_ns = nd->flow.period_ns;
	u64 due_ns = nd->flow.first_ns;
	u64 now_ns;

	sched_set_fifo_low(current);
	while (nd_flow_wait(due_ns)) {
		nd_flow_sample(nd);

		/* Too slow for this period: leave some out, keep to the raster. */
		now_ns = ktime_get_ns();
		due_ns += period_ns;
		if (due_ns <= now_ns)
			due_ns += (div64_u64(now_ns - due_ns, period_ns) + 1) * period_ns;
	}
	return 0;
}

static void nd_flow_forget(struct nd_flow *flow)
{
	mutex_lock(&flow->lock);
	flow->flow_pl_min = NANODOSE_NO_VALUE_S64;
	flow->temperature_mdegc = NANODOSE_NO_VALUE_S32;
	flow->pressure_pa = NANODOSE_NO_VALUE_S32;
	mutex_unlock(&flow->lock);
}

int nd_flow_start(struct nanodose *nd, u32 medium, u64 period_ns)
{
	struct nd_flow *flow = &nd->flow;
	struct task_struct *thread;
	int ret;

	nd_flow_stop(nd);
	ret = nd_flow_sensor_start(flow->sensor, medium);
	if (ret)
		return ret;

	flow->first_ns = ktime_get_ns() + flow->sensor->start_ns;
	WRITE_ONCE(flow->period_ns, period_ns);
	nd_guard_start(nd, flow->first_ns, period_ns);
	thread = kthread_run(nd_flow_sampler, nd, "%s-flow", dev_name(&nd->dev));
	if (IS_ERR(thread)) {
		nd_guard_stop(nd);
		WRITE_ONCE(flow->period_ns, 0);
		nd_flow_sensor_stop(flow->sensor);
		return PTR_ERR(thread);
	}
	WRITE_ONCE(flow->thread, thread);
	return 0;
}

void nd_flow_stop(struct nanodose *nd)
{
	struct nd_flow *flow = &nd->flow;

	if (!flow->thread)
		return;
	nd_guard_stop(nd);
	kthread_stop(flow->thread);
	WRITE_ONCE(flow->thread, NULL);
	WRITE_ONCE(flow->period_ns, 0);
	nd_flow_sensor_stop(flow->sensor);
	nd_flow_forget(flow);
}

int nd_flow_probe(struct nanodose *nd)
{
	struct nd_flow *flow = &nd->flow;
	struct nd_flow_sensor *sensor;

	mutex_init(&flow->lock);
	nd_flow_forget(flow);

	sensor = nd_flow_sensor_get(nd->parent);
	if (IS_ERR(sensor))
		return dev_err_probe(nd->parent, PTR_ERR(sensor), "flow-sensor: not there\n");
	flow->sensor = sensor;
	return 0;
}

void nd_flow_remove(struct nanodose *nd)
{
	nd_flow_sensor_put(nd->flow.sensor);
	nd->flow.sensor = NULL;
}
