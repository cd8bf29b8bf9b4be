// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Which pumps there are, and their coming and going, by libudev.
 */
#include <errno.h>
#include <libudev.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "nanodose.h"

#define SUBSYSTEM "nanodose"

struct entry {
	char *name, *path, *label;
	unsigned long number;
};

struct nanodose_list {
	struct entry *entries;
	size_t count;
};

struct nanodose_watch {
	struct udev *udev;
	struct udev_monitor *monitor;
};

static int compare_entries(const void *left, const void *right)
{
	const struct entry *a = left, *b = right;

	return a->number < b->number ? -1 : a->number > b->number;
}

static int add_entry(struct nanodose_list *list, struct udev_device *device)
{
	const char *number = udev_device_get_sysnum(device);
	const char *label = udev_device_get_sysattr_value(device, "label");
	struct entry *entries, *entry;

	entries = realloc(list->entries, (list->count + 1) * sizeof(*entries));
	if (!entries)
		return -1;
	list->entries = entries;
	entry = &entries[list->count++];
	entry->name = strdup(udev_device_get_sysname(device));
	entry->path = strdup(udev_device_get_devnode(device));
	entry->label = strdup(label ? label : "");
	entry->number = number ? strtoul(number, NULL, 10) : 0;
	return entry->name && entry->path && entry->label ? 0 : -1;
}

static int scan(struct nanodose_list *list, struct udev *udev, struct udev_enumerate *enumerate)
{
	struct udev_list_entry *item;
	struct udev_device *device;
	int result = 0;

	if (udev_enumerate_add_match_subsystem(enumerate, SUBSYSTEM) < 0 ||
	    udev_enumerate_scan_devices(enumerate) < 0) {
		errno = EIO;
		return -1;
	}
	udev_list_entry_foreach(item, udev_enumerate_get_list_entry(enumerate)) {
		device = udev_device_new_from_syspath(udev, udev_list_entry_get_name(item));
		if (!device)
			continue;	/* went away since the scan */
		if (udev_device_get_devnode(device))
			result = add_entry(list, device);
		udev_device_unref(device);
		if (result)
			break;
	}
	return result;
}

struct nanodose_list *nanodose_list_new(void)
{
	struct nanodose_list *list = calloc(1, sizeof(*list));
	struct udev *udev = udev_new();
	struct udev_enumerate *enumerate = udev ? udev_enumerate_new(udev) : NULL;
	int error = 0;

	if (!list || !enumerate || scan(list, udev, enumerate))
		error = errno ? errno : ENOMEM;
	else if (list->count)
		qsort(list->entries, list->count, sizeof(*list->entries), compare_entries);
	udev_enumerate_unref(enumerate);
	udev_unref(udev);
	if (error) {
		nanodose_list_free(list);
		errno = error;
		return NULL;
	}
	return list;
}

void nanodose_list_free(struct nanodose_list *list)
{
	size_t i;

	if (!list)
		return;
	for (i = 0; i < list->count; i++) {
		free(list->entries[i].name);
		free(list->entries[i].path);
		free(list->entries[i].label);
	}
	free(list->entries);
	free(list);
}

size_t nanodose_list_count(const struct nanodose_list *list)
{
	return list->count;
}

const char *nanodose_list_name(const struct nanodose_list *list, size_t index)
{
	return list->entries[index].name;
}

const char *nanodose_list_path(const struct nanodose_list *list, size_t index)
{
	return list->entries[index].path;
}

const char *nanodose_list_label(const struct nanodose_list *list, size_t index)
{
	return list->entries[index].label;
}

struct nanodose_watch *nanodose_watch_new(void)
{
	struct nanodose_watch *watch = calloc(1, sizeof(*watch));
	/*
	 * After udev has set owner and links, where udev runs; straight from
	 * the kernel where it does not.
	 */
	const char *source = access("/run/udev/control", F_OK) ? "kernel" : "udev";
	int error;

	if (!watch)
		return NULL;
	watch->udev = udev_new();
	watch->monitor = watch->udev ? udev_monitor_new_from_netlink(watch->udev, source) : NULL;
	if (!watch->monitor)
		goto fail;
	if (udev_monitor_filter_add_match_subsystem_devtype(watch->monitor, SUBSYSTEM, NULL) < 0 ||
	    udev_monitor_enable_receiving(watch->monitor) < 0)
		goto fail;
	return watch;

fail:
	error = errno ? errno : EIO;
	nanodose_watch_free(watch);
	errno = error;
	return NULL;
}

void nanodose_watch_free(struct nanodose_watch *watch)
{
	if (!watch)
		return;
	udev_monitor_unref(watch->monitor);
	udev_unref(watch->udev);
	free(watch);
}

int nanodose_watch_fd(const struct nanodose_watch *watch)
{
	return udev_monitor_get_fd(watch->monitor);
}

int nanodose_watch_next(struct nanodose_watch *watch, bool *added, char *name, size_t name_size)
{
	struct udev_device *device;
	const char *action;
	int result = 0;

	while (!result) {
		device = udev_monitor_receive_device(watch->monitor);
		if (!device)
			return 0;
		action = udev_device_get_action(device);
		if (action && (!strcmp(action, "add") || !strcmp(action, "remove"))) {
			*added = !strcmp(action, "add");
			snprintf(name, name_size, "%s", udev_device_get_sysname(device));
			result = 1;
		}
		udev_device_unref(device);
	}
	return result;
}
