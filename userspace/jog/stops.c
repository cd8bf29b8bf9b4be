// SPDX-License-Identifier: GPL-2.0-or-later
#include "stops.h"

#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "buttons.h"
#include "signal_fd.h"

static void stop(struct stops *stops, uint32_t mode)
{
	stops->stopped = true;
	jog_stop(stops->jog, mode);
}

static void command(struct run_control *control, enum run_command command, const char *who)
{
	struct stops *stops = (struct stops *)control;

	(void)who;
	if (command == RUN_EMERGENCY_STOP)
		stop(stops, NANODOSE_STOP_NOW);
	else if (command == RUN_STOP || command == RUN_PAUSE)
		stop(stops, NANODOSE_STOP_RAMP);
}

enum nanodose_exit stops_open(struct stops *stops, struct jog *jog)
{
	/* From the first moment on the loss of a button stops. */
	static const struct run_view moving = { .status = RUN_RUNNING };
	enum nanodose_exit status;

	*stops = (struct stops){ .control = { .command = command }, .jog = jog };
	stops->signal_fd = signal_fd_open(&stops->before);
	if (stops->signal_fd < 0) {
		perror("nanodose: signalfd");
		return NANODOSE_EXIT_REFUSED;
	}
	stops->buttons = buttons_new(&status);
	if (stops->buttons)
		stops->buttons->draw(stops->buttons, &moving);
	return status;
}

void stops_close(struct stops *stops)
{
	buttons_free(stops->buttons);
	if (stops->signal_fd >= 0)
		close(stops->signal_fd);
	sigprocmask(SIG_SETMASK, &stops->before, NULL);
}

int stops_fds(struct stops *stops, struct pollfd *fds, int max)
{
	fds[0] = (struct pollfd){ .fd = stops->signal_fd, .events = POLLIN };
	return 1 + (stops->buttons ? stops->buttons->fds(stops->buttons, fds + 1, max - 1) : 0);
}

void stops_handle(struct stops *stops, const struct pollfd *fds, int count)
{
	struct signalfd_siginfo info;

	while (read(stops->signal_fd, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGWINCH)
			stops->resized = true;
		else
			stop(stops, stops->asked++ ? NANODOSE_STOP_NOW : NANODOSE_STOP_RAMP);
	}
	if (stops->buttons)
		stops->buttons->handle(stops->buttons, &stops->control, fds + 1, count - 1);
}
