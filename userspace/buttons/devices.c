// SPDX-License-Identifier: GPL-2.0-or-later
#include "devices.h"

#include <libudev.h>
#include <stddef.h>

void input_devices_each(struct udev *udev, void (*take)(void *data, const char *node), void *data)
{
	struct udev_enumerate *all = udev_enumerate_new(udev);
	struct udev_list_entry *entry;

	udev_enumerate_add_match_subsystem(all, "input");
	udev_enumerate_add_match_sysname(all, "event*");
	udev_enumerate_scan_devices(all);
	udev_list_entry_foreach(entry, udev_enumerate_get_list_entry(all)) {
		struct udev_device *device = udev_device_new_from_syspath(udev, udev_list_entry_get_name(entry));
		const char *node = device ? udev_device_get_devnode(device) : NULL;

		if (node)
			take(data, node);
		udev_device_unref(device);
	}
	udev_enumerate_unref(all);
}
