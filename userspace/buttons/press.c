// SPDX-License-Identifier: GPL-2.0-or-later
#include "press.h"

#include <fcntl.h>
#include <libevdev/libevdev.h>
#include <libudev.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

#include "devices.h"

#define MOST 32

struct listening {
	struct libevdev *devices[MOST];
	struct pollfd fds[MOST + 1];	/* the last one: stdin */
	int count;
};

static void add(void *data, const char *node)
{
	struct listening *l = data;
	struct libevdev *device = NULL;
	int fd = l->count < MOST ? open(node, O_RDONLY | O_NONBLOCK | O_CLOEXEC) : -1;

	if (fd < 0)
		return;
	if (libevdev_new_from_fd(fd, &device) || libevdev_has_event_code(device, EV_KEY, KEY_ENTER)) {
		libevdev_free(device);
		close(fd);
		return;
	}
	l->devices[l->count] = device;
	l->fds[l->count++] = (struct pollfd){ .fd = fd, .events = POLLIN };
}

static bool hear(struct libevdev *device, struct press *press)
{
	struct input_event event;

	while (libevdev_next_event(device, LIBEVDEV_READ_FLAG_NORMAL, &event) == LIBEVDEV_READ_STATUS_SUCCESS) {
		const char *name = libevdev_event_code_get_name(event.type, event.code);
		bool turned = event.type == EV_REL && (event.code == REL_DIAL || event.code == REL_WHEEL ||
						       event.code == REL_HWHEEL);

		if (!name || !(turned || (event.type == EV_KEY && event.value == 1)))
			continue;
		snprintf(press->device, sizeof(press->device), "%s", libevdev_get_name(device));
		snprintf(press->code, sizeof(press->code), "%s", name);
		return true;
	}
	return false;
}

int press_await(struct press *press)
{
	struct listening l = { .count = 0 };
	struct udev *udev = udev_new();
	int result = -1;

	if (udev)
		input_devices_each(udev, add, &l);
	udev_unref(udev);
	l.fds[l.count] = (struct pollfd){ .fd = STDIN_FILENO, .events = POLLIN };
	while (l.count && result < 0 && poll(l.fds, l.count + 1, -1) > 0) {
		for (int i = 0; result < 0 && i < l.count; i++) {
			if (l.fds[i].revents & POLLIN && hear(l.devices[i], press))
				result = 1;
			/* One that is pulled out says no more. */
			if (l.fds[i].revents & (POLLHUP | POLLERR))
				l.fds[i].events = 0, l.fds[i].fd = -1;
		}
		if (result < 0 && l.fds[l.count].revents)
			result = 0;
	}
	for (int i = 0; i < l.count; i++) {
		int fd = libevdev_get_fd(l.devices[i]);

		libevdev_free(l.devices[i]);
		close(fd);
	}
	return result;
}
