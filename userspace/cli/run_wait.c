// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "config.h"
#include "run_wait.h"
#include "runner.h"

/* Anything but that it is missing the run itself tells better. */
static bool is_there(const char *pump)
{
	struct nanodose_device *device = config_open_pump(pump, false);
	bool there = device || (errno != ENOENT && errno != ENODEV);

	nanodose_device_close(device);
	return there;
}

static const char *missing(const struct protocol *protocol)
{
	for (size_t i = 0; i < protocol->channel_count; i++)
		if (!is_there(protocol->channels[i].pump))
			return protocol->channels[i].pump;
	return NULL;
}

static int wait_for(const struct protocol *protocol, struct nanodose_watch *watch, int signal_fd)
{
	struct pollfd fds[2] = {
		{ .fd = nanodose_watch_fd(watch), .events = POLLIN }, { .fd = signal_fd, .events = POLLIN },
	};
	const char *told = NULL, *pump;
	struct signalfd_siginfo info;
	char name[NANODOSE_NAME_LEN];
	bool added;

	while ((pump = missing(protocol))) {
		if (pump != told)
			fprintf(stderr, "nanodose run: waiting for pump \"%s\" to be plugged in; nothing moves yet\n", pump);
		told = pump;
		poll(fds, 2, -1);
		/* Read, so that it does not end the program once it is let through again. */
		if (fds[1].revents && read(signal_fd, &info, sizeof(info)) > 0) {
			fputs("nanodose run: no longer waiting; nothing was moved\n", stderr);
			return NANODOSE_EXIT_OPERATOR;
		}
		while (nanodose_watch_next(watch, &added, name, sizeof(name)) > 0)
			continue;
	}
	return 0;
}

int run_wait(const struct protocol *protocol)
{
	struct nanodose_watch *watch;
	sigset_t signals, before;
	int signal_fd, status = NANODOSE_EXIT_REFUSED;

	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigprocmask(SIG_BLOCK, &signals, &before);
	signal_fd = signalfd(-1, &signals, SFD_CLOEXEC);
	/* Before it is looked for: one that comes in between is not missed. */
	watch = nanodose_watch_new();
	if (watch && signal_fd >= 0)
		status = wait_for(protocol, watch, signal_fd);
	else
		fprintf(stderr, "nanodose run: the coming of pumps cannot be followed: %m\n");
	nanodose_watch_free(watch);
	if (signal_fd >= 0)
		close(signal_fd);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return status;
}
