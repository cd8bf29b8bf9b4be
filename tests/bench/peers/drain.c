// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What read() of a record costs: records are put into a device's buffer, and
 * the time is taken in which they are read again.
 *
 *	drain nanodose NODE BATCH READ     records of 64 bytes
 *	drain evdev    -    BATCH READ     events of 24 bytes, of a device made for it
 *	drain iio      NODE BATCH READ     scans of 64 bytes
 *
 * BATCH are put in at a time, READ asked for in one call. Prints bytes and
 * nanoseconds.
 */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include <linux/nanodose.h>
#include <linux/uinput.h>

#define BATCHES		64
#define PUSH		"/sys/module/iio_source/parameters/push"

static void fail(const char *what)
{
	fprintf(stderr, "drain: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int must_open(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC);

	if (fd < 0)
		fail(path);
	return fd;
}

/* Each change of the position's name is a record. */
static void put_nanodose(int fd, unsigned int count)
{
	struct nanodose_set_position position = {};

	while (count--) {
		position.position = count;
		if (ioctl(fd, NANODOSE_IOC_SET_POSITION, &position))
			fail("SET_POSITION");
	}
}

static int open_nanodose(const char *path)
{
	struct nanodose_claim claim = { .label = "drain" };
	int fd = must_open(path, O_RDWR);

	if (ioctl(fd, NANODOSE_IOC_CLAIM, &claim))
		fail("CLAIM");
	return fd;
}

/* Values that differ each time: others are not passed on. */
static void put_evdev(int fd, unsigned int count)
{
	static int value;
	struct input_event events[2] = { { .type = EV_ABS, .code = ABS_X }, { .type = EV_SYN } };

	while (count--) {
		events[0].value = ++value % 1000;
		if (write(fd, events, sizeof(events)) != sizeof(events))
			fail("uinput");
	}
}

static int open_evdev(int *source)
{
	struct uinput_setup setup = { .name = "drain" };
	struct uinput_abs_setup axis = { .code = ABS_X, .absinfo = { .maximum = 1000 } };
	char name[64], pattern[128];
	glob_t found;

	*source = must_open("/dev/uinput", O_RDWR);
	if (ioctl(*source, UI_SET_EVBIT, EV_ABS) || ioctl(*source, UI_SET_ABSBIT, ABS_X) ||
	    ioctl(*source, UI_ABS_SETUP, &axis) || ioctl(*source, UI_DEV_SETUP, &setup) ||
	    ioctl(*source, UI_DEV_CREATE) || ioctl(*source, UI_GET_SYSNAME(sizeof(name)), name) < 0)
		fail("uinput");
	sleep(1);
	snprintf(pattern, sizeof(pattern), "/sys/class/input/%s/event*", name);
	if (glob(pattern, 0, NULL, &found))
		fail(pattern);
	snprintf(pattern, sizeof(pattern), "/dev/input/%s", strrchr(found.gl_pathv[0], '/') + 1);
	return must_open(pattern, O_RDONLY);
}

static void put_iio(int fd, unsigned int count)
{
	char text[16];
	int length = snprintf(text, sizeof(text), "%u", count);

	if (pwrite(fd, text, length, 0) != length)
		fail(PUSH);
}

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ULL + now.tv_nsec;
}

int main(int argc, char *argv[])
{
	void (*put)(int fd, unsigned int count);
	int from, to;
	size_t size = sizeof(struct nanodose_record), records = 1, per_read, total = 0;
	uint64_t took_ns = 0, begin_ns;
	static char buffer[65536];
	unsigned int batch, n;

	if (argc != 5) {
		fprintf(stderr, "usage: drain nanodose|evdev|iio NODE BATCH READ\n");
		return 2;
	}
	if (!strcmp(argv[1], "nanodose")) {
		put = put_nanodose;
		to = from = open_nanodose(argv[2]);
	} else if (!strcmp(argv[1], "iio")) {
		put = put_iio;
		from = must_open(argv[2], O_RDONLY);
		to = must_open(PUSH, O_WRONLY);
	} else {
		put = put_evdev;
		from = open_evdev(&to);
		size = sizeof(struct input_event);
		records = 2;
	}
	batch = atoi(argv[3]);
	per_read = atoi(argv[4]) * size;
	fcntl(from, F_SETFL, O_NONBLOCK);
	while (read(from, buffer, sizeof(buffer)) > 0)
		continue;
	for (n = 0; n < BATCHES; n++) {
		size_t left = batch * records * size;

		put(to, batch);
		begin_ns = now_ns();
		while (left) {
			ssize_t length = read(from, buffer, per_read < left ? per_read : left);

			if (length <= 0)
				fail("read");
			left -= length;
			total += length;
		}
		took_ns += now_ns() - begin_ns;
	}
	printf("%zu %llu\n", total, (unsigned long long)took_ns);
	return 0;
}
