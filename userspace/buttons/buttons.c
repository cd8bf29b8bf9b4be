// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <libevdev/libevdev.h>
#include <libudev.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "buttons.h"
#include "config.h"
#include "devices.h"

#define MOST_DEVICES 8

struct button {
	char *name;		/* of the device, as a rule names it */
	struct libevdev *device;	/* NULL: it is not there */
	int fd;
	bool owed;		/* it went before the run could be paused */
};

struct buttons {
	struct run_front front;
	const struct config *config;
	struct udev *udev;
	struct udev_monitor *monitor;
	struct button list[MOST_DEVICES];	/* one a name */
	size_t count;
	enum run_status status;
};

static struct buttons *buttons_of(struct run_front *front)
{
	return (struct buttons *)front;
}

static void let_go(struct button *button)
{
	libevdev_free(button->device);
	if (button->fd >= 0)
		close(button->fd);
	button->device = NULL;
	button->fd = -1;
}

/* Its keys are for the run alone: a pedal types nothing into a terminal meanwhile. */
static void try_device(void *data, const char *path)
{
	struct buttons *b = data;
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	struct libevdev *device = NULL;

	if (fd < 0 || libevdev_new_from_fd(fd, &device)) {
		if (fd >= 0)
			close(fd);
		return;
	}
	for (size_t i = 0; i < b->count; i++) {
		if (b->list[i].device || strcmp(b->list[i].name, libevdev_get_name(device)) ||
		    libevdev_grab(device, LIBEVDEV_GRAB))
			continue;
		b->list[i].device = device;
		b->list[i].fd = fd;
		return;
	}
	libevdev_free(device);
	close(fd);
}

/* ---- as the run goes on ------------------------------------------------------------------ */

static void draw(struct run_front *front, const struct run_view *view)
{
	buttons_of(front)->status = view->status;
}

/* A key goes down, or a wheel turns. */
static bool meant(const struct button_rule *rule, const struct input_event *event)
{
	if (rule->type != event->type || rule->code != event->code)
		return false;
	if (event->type == EV_KEY)
		return event->value == 1;
	return event->value && (!rule->way || (event->value > 0) == (rule->way > 0));
}

static void press(struct buttons *b, const struct button *button, const struct input_event *event,
		  struct run_control *control)
{
	char who[128];

	snprintf(who, sizeof(who), "the button \"%s\"", button->name);
	for (size_t i = 0; i < b->config->rule_count; i++) {
		const struct button_rule *rule = &b->config->rules[i];
		enum run_command command = rule->command;

		if (!meant(rule, event) || strcmp(rule->device, button->name))
			continue;
		if (command == RUN_PAUSE && (b->status == RUN_PAUSED || b->status == RUN_PAUSING))
			command = RUN_RESUME;
		control->command(control, command, who);
	}
}

static void hear(struct buttons *b, struct button *button, struct run_control *control)
{
	unsigned int flag = LIBEVDEV_READ_FLAG_NORMAL;
	struct input_event event;
	int result;

	for (;;) {
		result = libevdev_next_event(button->device, flag, &event);
		if (result == -EAGAIN && flag == LIBEVDEV_READ_FLAG_SYNC) {
			flag = LIBEVDEV_READ_FLAG_NORMAL;
			continue;
		}
		if (result < 0)
			break;
		/* Some were lost: what follows is how its keys stand. */
		if (result == LIBEVDEV_READ_STATUS_SYNC)
			flag = LIBEVDEV_READ_FLAG_SYNC;
		press(b, button, &event, control);
	}
	if (result == -EAGAIN || result == -EINTR)
		return;
	let_go(button);
	button->owed = true;
}

/* What has not begun cannot be paused yet. */
static void pause_for_lost(struct buttons *b, struct run_control *control)
{
	char who[128];

	for (size_t i = 0; b->status != RUN_STARTING && i < b->count; i++) {
		if (!b->list[i].owed)
			continue;
		b->list[i].owed = false;
		snprintf(who, sizeof(who), "the loss of the button \"%s\"", b->list[i].name);
		control->command(control, RUN_PAUSE, who);
	}
}

static int fds(struct run_front *front, struct pollfd *fds, int max)
{
	struct buttons *b = buttons_of(front);
	int count = 0;

	fds[count++] = (struct pollfd){ .fd = udev_monitor_get_fd(b->monitor), .events = POLLIN };
	for (size_t i = 0; i < b->count && count < max; i++)
		fds[count++] = (struct pollfd){ .fd = b->list[i].fd, .events = POLLIN };
	return count;
}

static void handle(struct run_front *front, struct run_control *control, const struct pollfd *fds, int count)
{
	struct buttons *b = buttons_of(front);
	struct udev_device *device;

	for (int i = 1; i < count; i++)
		if (fds[i].revents && b->list[i - 1].device)
			hear(b, &b->list[i - 1], control);
	pause_for_lost(b, control);
	while (fds[0].revents && (device = udev_monitor_receive_device(b->monitor))) {
		const char *action = udev_device_get_action(device), *node = udev_device_get_devnode(device);

		if (action && !strcmp(action, "add") && node && strstr(node, "/event"))
			try_device(b, node);
		udev_device_unref(device);
	}
}

static void finish(struct run_front *front, const struct run_view *view)
{
	(void)front;
	(void)view;
}

/* A button does not attend: it cannot be asked. */
static bool attended(struct run_front *front)
{
	(void)front;
	return false;
}

/* ---- before it ----------------------------------------------------------------------------- */

static bool add_names(struct buttons *b)
{
	for (size_t i = 0; i < b->config->rule_count; i++) {
		char *name = b->config->rules[i].device;
		size_t k = 0;

		while (k < b->count && strcmp(b->list[k].name, name))
			k++;
		if (k < b->count)
			continue;
		if (b->count == MOST_DEVICES) {
			fprintf(stderr, "%s: more than %d devices with buttons\n", b->config->path, MOST_DEVICES);
			return false;
		}
		b->list[b->count++] = (struct button){ .name = name, .fd = -1 };
	}
	return true;
}

static bool all_there(const struct buttons *b)
{
	bool good = true;

	for (size_t i = 0; i < b->config->rule_count; i++) {
		const struct button_rule *rule = &b->config->rules[i];
		size_t k = 0;

		while (strcmp(b->list[k].name, rule->device))
			k++;
		if (!b->list[k].device)
			fprintf(stderr,
				"nanodose: the button \"%s\" is not there, may not be read, or another program has it: see to it, or take it out of %s\n",
				rule->device, b->config->path);
		else if (!libevdev_has_event_code(b->list[k].device, rule->type, rule->code))
			fprintf(stderr, "nanodose: the button \"%s\" has no %s, which %s asks for\n", rule->device,
				libevdev_event_code_get_name(rule->type, rule->code), b->config->path);
		else
			continue;
		good = false;
	}
	return good;
}

struct run_front *buttons_new(enum nanodose_exit *status)
{
	struct buttons *b = calloc(1, sizeof(*b));

	*status = NANODOSE_EXIT_REFUSED;
	if (!b) {
		perror("nanodose: buttons");
		return NULL;
	}
	b->config = config_get();
	if (!b->config)
		goto fail;
	if (!b->config->rule_count) {
		*status = NANODOSE_EXIT_DONE;
		goto fail;
	}
	b->udev = udev_new();
	b->monitor = b->udev ? udev_monitor_new_from_netlink(b->udev, "udev") : NULL;
	if (!b->monitor || udev_monitor_filter_add_match_subsystem_devtype(b->monitor, "input", NULL) ||
	    udev_monitor_enable_receiving(b->monitor)) {
		fprintf(stderr, "nanodose: the coming and going of buttons cannot be followed: %s\n", strerror(errno));
		goto fail;
	}
	if (!add_names(b))
		goto fail;
	input_devices_each(b->udev, try_device, b);
	if (!all_there(b))
		goto fail;
	*status = NANODOSE_EXIT_DONE;
	b->front = (struct run_front){
		.fds = fds, .handle = handle, .draw = draw, .finish = finish, .attended = attended,
	};
	return &b->front;
fail:
	buttons_free(&b->front);
	return NULL;
}

void buttons_free(struct run_front *front)
{
	struct buttons *b = buttons_of(front);

	if (!front)
		return;
	for (size_t i = 0; i < b->count; i++)
		let_go(&b->list[i]);
	udev_monitor_unref(b->monitor);
	udev_unref(b->udev);
	free(b);
}
