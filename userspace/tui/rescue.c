// SPDX-License-Identifier: GPL-2.0-or-later
#include "rescue.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WAIT_MS	200	/* for a terminal that takes no more bytes */

/* All that end a program unless told otherwise. Blocked ones stay blocked. */
static const int deadly[] = {
	SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGSYS, SIGTRAP, SIGQUIT, SIGHUP, SIGINT, SIGTERM,
	SIGALRM, SIGUSR1, SIGUSR2, SIGVTALRM, SIGPROF, SIGXCPU, SIGXFSZ, SIGPIPE, SIGIO, SIGPWR,
	SIGSTKFLT,
};
#define DEADLY ((int)(sizeof(deadly) / sizeof(deadly[0])))

static struct {
	volatile sig_atomic_t on;
	int fd;
	struct termios modes;
	char reset[512];
	size_t length;
	struct sigaction before[DEADLY];
	bool taken[DEADLY];
	stack_t stack_before;
} rescue;

/* A stack of its own: the crash may be that the other one is full. */
static char rescue_stack[16384];

/* Only what is safe in a signal handler. */
static void give_back(void)
{
	size_t sent = 0;

	if (!rescue.on)
		return;
	rescue.on = 0;
	while (sent < rescue.length) {
		ssize_t count = write(rescue.fd, rescue.reset + sent, rescue.length - sent);
		struct pollfd room = { .fd = rescue.fd, .events = POLLOUT };

		if (count > 0)
			sent += count;
		else if (errno != EAGAIN || poll(&room, 1, WAIT_MS) <= 0)
			break;
	}
	tcsetattr(rescue.fd, TCSANOW, &rescue.modes);
}

static void die(int signal, siginfo_t *info, void *context)
{
	int error = errno;

	(void)context;
	give_back();
	for (int i = 0; i < DEADLY; i++)
		if (rescue.taken[i] && deadly[i] == signal)
			sigaction(signal, &rescue.before[i], NULL);
	/*
	 * A fault happens again as soon as this returns, with all its facts for
	 * the handler before; what was sent has to be sent again.
	 */
	if (info->si_code <= 0 || info->si_code == SI_KERNEL)
		raise(signal);
	errno = error;
}

void rescue_on(int fd, const struct termios *modes, const char *reset, size_t length)
{
	static bool at_exit;
	struct sigaction action = { .sa_sigaction = die, .sa_flags = SA_SIGINFO | SA_ONSTACK };
	stack_t stack = { .ss_sp = rescue_stack, .ss_size = sizeof(rescue_stack) };

	rescue.fd = fd;
	rescue.modes = *modes;
	rescue.length = length < sizeof(rescue.reset) ? length : sizeof(rescue.reset);
	memcpy(rescue.reset, reset, rescue.length);
	if (!at_exit)
		at_exit = !atexit(give_back);
	rescue.on = 1;

	sigaltstack(NULL, &rescue.stack_before);
	if (rescue.stack_before.ss_flags & SS_DISABLE)
		sigaltstack(&stack, NULL);
	sigfillset(&action.sa_mask);
	for (int i = 0; i < DEADLY; i++) {
		sigaction(deadly[i], NULL, &rescue.before[i]);
		rescue.taken[i] = rescue.before[i].sa_handler != SIG_IGN;
		if (rescue.taken[i])
			sigaction(deadly[i], &action, NULL);
	}
}

void rescue_off(void)
{
	rescue.on = 0;
	for (int i = 0; i < DEADLY; i++) {
		if (rescue.taken[i])
			sigaction(deadly[i], &rescue.before[i], NULL);
		rescue.taken[i] = false;
	}
	if (rescue.stack_before.ss_flags & SS_DISABLE)
		sigaltstack(&rescue.stack_before, NULL);
}
