// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * A pump's device node: opening it by name, path or label, and its calls.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "nanodose.h"

#define SUBSYSTEM "nanodose"

struct nanodose_device {
	int fd;
	char *path;
};

/* Whether a character device number belongs to the driver. */
static bool is_pump(dev_t number)
{
	char link[64], target[PATH_MAX];
	const char *base;
	ssize_t length;

	snprintf(link, sizeof(link), "/sys/dev/char/%u:%u/subsystem", major(number),
		 minor(number));
	length = readlink(link, target, sizeof(target) - 1);
	if (length < 0)
		return false;
	target[length] = '\0';
	base = strrchr(target, '/');
	return !strcmp(base ? base + 1 : target, SUBSYSTEM);
}

/* "nanodose" and digits, as the driver names its devices. */
static bool is_device_name(const char *name)
{
	size_t prefix = strlen(SUBSYSTEM);

	return !strncmp(name, SUBSYSTEM, prefix) && name[prefix] &&
	       strspn(name + prefix, "0123456789") == strlen(name + prefix);
}

static char *path_of_label(const char *label)
{
	struct nanodose_list *list = nanodose_list_new();
	const char *found = NULL;
	char *path = NULL;
	size_t i;

	if (!list)
		return NULL;
	for (i = 0; i < nanodose_list_count(list); i++) {
		if (strcmp(nanodose_list_label(list, i), label))
			continue;
		if (found) {
			nanodose_list_free(list);
			errno = EEXIST;
			return NULL;
		}
		found = nanodose_list_path(list, i);
	}
	if (found)
		path = strdup(found);
	else
		errno = ENOENT;
	nanodose_list_free(list);
	return path;
}

static char *path_of(const char *name)
{
	char *path;

	if (!*name) {
		errno = ENOENT;
		return NULL;
	}
	/* A link from by-label/ is followed, so that messages name the real node. */
	if (strchr(name, '/'))
		return realpath(name, NULL);
	if (!is_device_name(name))
		return path_of_label(name);
	if (asprintf(&path, "/dev/%s", name) < 0)
		return NULL;
	return path;
}

/*
 * Looks before it opens, as opening some other device can have effects; looks
 * again at what was opened, as the node may have changed in between.
 */
static int open_pump(const char *path, bool writable)
{
	struct stat status;
	int fd;

	if (stat(path, &status))
		return -1;
	if (!S_ISCHR(status.st_mode) || !is_pump(status.st_rdev)) {
		errno = ENODEV;
		return -1;
	}
	fd = open(path, (writable ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0) {
		if (errno == ENXIO)
			errno = ENODEV;
		return -1;
	}
	if (fstat(fd, &status) || !S_ISCHR(status.st_mode) || !is_pump(status.st_rdev)) {
		close(fd);
		errno = ENODEV;
		return -1;
	}
	return fd;
}

struct nanodose_device *nanodose_device_open(const char *name, bool writable)
{
	struct nanodose_device *device;
	int error;

	device = calloc(1, sizeof(*device));
	if (!device)
		return NULL;
	device->fd = -1;
	device->path = path_of(name);
	if (device->path)
		device->fd = open_pump(device->path, writable);
	if (device->fd < 0) {
		error = errno;
		nanodose_device_close(device);
		errno = error;
		return NULL;
	}
	return device;
}

void nanodose_device_close(struct nanodose_device *device)
{
	if (!device)
		return;
	if (device->fd >= 0)
		close(device->fd);
	free(device->path);
	free(device);
}

int nanodose_device_fd(const struct nanodose_device *device)
{
	return device->fd;
}

const char *nanodose_device_path(const struct nanodose_device *device)
{
	return device->path;
}

static int call(const struct nanodose_device *device, unsigned long request, void *argument)
{
	int result;

	do {
		result = ioctl(device->fd, request, argument);
	} while (result < 0 && errno == EINTR);
	return result < 0 ? -1 : 0;
}

int nanodose_device_info(struct nanodose_device *device, struct nanodose_info *info)
{
	if (call(device, NANODOSE_IOC_GET_INFO, info))
		return -1;
	info->name[NANODOSE_NAME_LEN - 1] = '\0';
	info->label[NANODOSE_NAME_LEN - 1] = '\0';
	return 0;
}

int nanodose_device_status(struct nanodose_device *device, struct nanodose_status *status)
{
	if (call(device, NANODOSE_IOC_GET_STATUS, status))
		return -1;
	status->owner_label[NANODOSE_NAME_LEN - 1] = '\0';
	return 0;
}

int nanodose_device_subscribe(struct nanodose_device *device, uint32_t mask,
			      uint32_t ring_records, uint32_t flow_decimation)
{
	struct nanodose_subscribe subscribe = {
		.mask = mask,
		.ring_records = ring_records,
		.flow_decimation = flow_decimation,
	};

	return call(device, NANODOSE_IOC_SUBSCRIBE, &subscribe);
}

int nanodose_device_claim(struct nanodose_device *device, const char *label)
{
	struct nanodose_claim claim = { 0 };

	/* A label is for people; one that is too long is cut, not refused. */
	strncpy(claim.label, label, sizeof(claim.label) - 1);
	return call(device, NANODOSE_IOC_CLAIM, &claim);
}

int nanodose_device_release(struct nanodose_device *device)
{
	return call(device, NANODOSE_IOC_RELEASE, NULL);
}

int nanodose_device_limits(struct nanodose_device *device, struct nanodose_limits *limits)
{
	return call(device, NANODOSE_IOC_GET_LIMITS, limits);
}

int nanodose_device_set_limits(struct nanodose_device *device,
			       const struct nanodose_limits *limits)
{
	struct nanodose_limits copy = *limits;

	return call(device, NANODOSE_IOC_SET_LIMITS, &copy);
}

int nanodose_device_run(struct nanodose_device *device, const struct nanodose_run *run)
{
	struct nanodose_run copy = *run;

	return call(device, NANODOSE_IOC_RUN, &copy);
}

int nanodose_device_queue(struct nanodose_device *device, struct nanodose_queue *queue)
{
	return call(device, NANODOSE_IOC_QUEUE, queue);
}

int nanodose_device_stop(struct nanodose_device *device, uint32_t mode)
{
	struct nanodose_stop stop = { .mode = mode };

	return call(device, NANODOSE_IOC_STOP, &stop);
}

int nanodose_device_clear_faults(struct nanodose_device *device, uint32_t faults)
{
	struct nanodose_clear_faults clear = { .faults = faults };

	return call(device, NANODOSE_IOC_CLEAR_FAULTS, &clear);
}

int nanodose_device_set_position(struct nanodose_device *device, int64_t position)
{
	struct nanodose_set_position set = { .position = position };

	return call(device, NANODOSE_IOC_SET_POSITION, &set);
}

int nanodose_device_sensor_start(struct nanodose_device *device, uint32_t medium,
				 uint64_t period_ns)
{
	struct nanodose_sensor sensor = {
		.op = NANODOSE_SENSOR_START,
		.medium = medium,
		.period_ns = period_ns,
	};

	return call(device, NANODOSE_IOC_SENSOR, &sensor);
}

int nanodose_device_sensor_stop(struct nanodose_device *device)
{
	struct nanodose_sensor sensor = { .op = NANODOSE_SENSOR_STOP };

	return call(device, NANODOSE_IOC_SENSOR, &sensor);
}

ssize_t nanodose_device_read(struct nanodose_device *device, struct nanodose_record *records,
			     size_t max)
{
	ssize_t length;

	do {
		length = read(device->fd, records, max * sizeof(*records));
	} while (length < 0 && errno == EINTR);
	if (length < 0)
		return errno == EAGAIN ? 0 : -1;
	if (length % (ssize_t)sizeof(*records)) {
		errno = EIO;
		return -1;
	}
	if (!length && max) {
		errno = ENODEV;
		return -1;
	}
	return length / (ssize_t)sizeof(*records);
}
