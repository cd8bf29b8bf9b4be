// SPDX-License-Identifier: GPL-2.0-only
/*
 * Facts that do not change while the device exists, one a file.
 */
#include <linux/sysfs.h>

#include "nanodose.h"

static ssize_t label_show(struct device *dev, struct device_attribute *attribute, char *buffer)
{
	return sysfs_emit(buffer, "%s\n", container_of(dev, struct nanodose, dev)->label);
}
static DEVICE_ATTR_RO(label);

static struct attribute *nd_attrs[] = {
	&dev_attr_label.attr,
	NULL
};

static const struct attribute_group nd_group = {
	.attrs = nd_attrs,
};

const struct attribute_group *nd_groups[] = {
	&nd_group,
	NULL
};
