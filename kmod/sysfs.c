// SPDX-License-Identifier: GPL-2.0-only
/*
 * Facts that do not change while the device exists, one a file. They are told
 * in ABI.rst.
 */
#include <linux/sysfs.h>

#include "nanodose.h"

static struct nanodose *nd_of(struct device *dev)
{
	return container_of(dev, struct nanodose, dev);
}

static ssize_t label_show(struct device *dev, struct device_attribute *attribute, char *buffer)
{
	return sysfs_emit(buffer, "%s\n", nd_of(dev)->label);
}
static DEVICE_ATTR_RO(label);

static ssize_t microsteps_per_rev_show(struct device *dev, struct device_attribute *attribute,
				       char *buffer)
{
	return sysfs_emit(buffer, "%u\n", nd_of(dev)->microsteps_per_rev);
}
static DEVICE_ATTR_RO(microsteps_per_rev);

static ssize_t lead_pitch_nm_show(struct device *dev, struct device_attribute *attribute,
				  char *buffer)
{
	return sysfs_emit(buffer, "%u\n", nd_of(dev)->lead_pitch_nm);
}
static DEVICE_ATTR_RO(lead_pitch_nm);

static ssize_t max_step_rate_hz_show(struct device *dev, struct device_attribute *attribute,
				     char *buffer)
{
	return sysfs_emit(buffer, "%u\n", nd_of(dev)->gpio.max_rate_hz);
}
static DEVICE_ATTR_RO(max_step_rate_hz);

static ssize_t pulse_width_ns_show(struct device *dev, struct device_attribute *attribute,
				   char *buffer)
{
	return sysfs_emit(buffer, "%u\n", nd_of(dev)->gpio.pulse_ns);
}
static DEVICE_ATTR_RO(pulse_width_ns);

static ssize_t dir_setup_ns_show(struct device *dev, struct device_attribute *attribute,
				 char *buffer)
{
	return sysfs_emit(buffer, "%u\n", nd_of(dev)->gpio.dir_setup_ns);
}
static DEVICE_ATTR_RO(dir_setup_ns);

static ssize_t dir_hold_ns_show(struct device *dev, struct device_attribute *attribute,
				char *buffer)
{
	return sysfs_emit(buffer, "%u\n", nd_of(dev)->gpio.dir_hold_ns);
}
static DEVICE_ATTR_RO(dir_hold_ns);

static ssize_t step_both_edges_show(struct device *dev, struct device_attribute *attribute,
				    char *buffer)
{
	return sysfs_emit(buffer, "%d\n", nd_of(dev)->gpio.step_both_edges);
}
static DEVICE_ATTR_RO(step_both_edges);

static struct attribute *nd_attrs[] = {
	&dev_attr_label.attr,
	&dev_attr_microsteps_per_rev.attr,
	&dev_attr_lead_pitch_nm.attr,
	&dev_attr_max_step_rate_hz.attr,
	&dev_attr_pulse_width_ns.attr,
	&dev_attr_dir_setup_ns.attr,
	&dev_attr_dir_hold_ns.attr,
	&dev_attr_step_both_edges.attr,
	NULL
};

static const struct attribute_group nd_group = {
	.attrs = nd_attrs,
};

static ssize_t sensor_serial_show(struct device *dev, struct device_attribute *attribute,
				  char *buffer)
{
	return sysfs_emit(buffer, "%llu\n", nd_of(dev)->flow.sensor->serial);
}
static DEVICE_ATTR_RO(sensor_serial);

static ssize_t sensor_full_scale_pl_min_show(struct device *dev,
					     struct device_attribute *attribute, char *buffer)
{
	return sysfs_emit(buffer, "%lld\n", nd_of(dev)->flow.sensor->full_scale_pl_min);
}
static DEVICE_ATTR_RO(sensor_full_scale_pl_min);

static struct attribute *nd_sensor_attrs[] = {
	&dev_attr_sensor_serial.attr,
	&dev_attr_sensor_full_scale_pl_min.attr,
	NULL
};

static umode_t nd_sensor_visible(struct kobject *kobj, struct attribute *attribute, int index)
{
	return nd_of(kobj_to_dev(kobj))->flow.sensor ? attribute->mode : 0;
}

static const struct attribute_group nd_sensor_group = {
	.attrs = nd_sensor_attrs,
	.is_visible = nd_sensor_visible,
};

const struct attribute_group *nd_groups[] = {
	&nd_group,
	&nd_sensor_group,
	NULL
};
