// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Runs the command inside the virtual machine and carries its streams over the
 * line to the host.
 *
 * Under time travel nobody may sleep for the host's sake, since the clock leaps
 * while all sleep: a full line is waited for by yielding.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "guest.h"
#include "link.h"

/* Something must be waited for, or the clock would leap to its end. */
#define IDLE_MS 10000

static struct {
	int line;
	bool travel;
	struct link_frame in;
	size_t in_length;
	/* the command; -1 where a stream is not there */
	pid_t pid;
	int input;
	int output;
	int error;
	int terminal;
	int slave;		/* held open, or the terminal would look hung up */
	uint8_t pending[LINK_WINDOW];
	size_t pending_length;
	bool eof;
} relay = { .line = -1 };

static void send_bytes(const void *data, size_t length)
{
	const char *p = data;

	while (length) {
		ssize_t n = write(relay.line, p, length);

		if (n > 0) {
			p += n;
			length -= n;
		} else if (n < 0 && errno != EAGAIN && errno != EINTR) {
			return;
		} else if (relay.travel) {
			sched_yield();
		} else {
			poll(&(struct pollfd){ relay.line, POLLOUT, 0 }, 1, 1000);
		}
	}
}

static void send_frame(uint8_t type, const void *data, size_t length)
{
	struct link_frame frame = { .length = length, .type = type };

	if (length)
		memcpy(frame.data, data, length);
	send_bytes(&frame, LINK_HEADER + length);
}

int relay_open(bool travel)
{
	const char *device = getenv("ND_VM_LINE");
	struct termios raw;

	relay.travel = travel;
	relay.line = open(device ? device : LINK_DEVICE, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	if (relay.line < 0)
		return -1;
	if (device)
		return 0;
	if (tcgetattr(relay.line, &raw))
		return -1;
	cfmakeraw(&raw);
	return tcsetattr(relay.line, TCSANOW, &raw);
}

void relay_error(const char *format, ...)
{
	char text[1024];
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (n > (int)sizeof(text) - 1)
		n = sizeof(text) - 1;
	send_frame(LINK_STDERR, text, n);
}

void relay_exit(int status)
{
	uint32_t value = status;

	/* A line that is no terminal has no other way to say that all has gone out. */
	if (!isatty(relay.line))
		fcntl(relay.line, F_SETFL, 0);
	send_frame(LINK_EXIT, &value, sizeof(value));
	tcdrain(relay.line);
}

static void close_input(void)
{
	if (relay.input >= 0)
		close(relay.input);
	relay.input = -1;
}

static void acknowledge(size_t bytes)
{
	uint32_t value = bytes;

	send_frame(LINK_ACK, &value, sizeof(value));
}

/* Give the command what it takes of its input now. */
static void feed(void)
{
	int fd = relay.terminal >= 0 ? relay.terminal : relay.input;
	ssize_t n;

	if (relay.pending_length) {
		n = fd < 0 ? (ssize_t)relay.pending_length :
			     write(fd, relay.pending, relay.pending_length);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n < 0) {
			/* Nobody reads any more; the host may throw the rest away. */
			n = relay.pending_length;
			close_input();
		}
		relay.pending_length -= n;
		memmove(relay.pending, relay.pending + n, relay.pending_length);
		acknowledge(n);
	}
	if (relay.eof && !relay.pending_length)
		close_input();
}

static void take_frame(const struct link_frame *frame)
{
	struct winsize size = { 0 };
	uint16_t rows_columns[2];
	uint32_t number;

	switch (frame->type) {
	case LINK_STDIN:
		if (frame->length > sizeof(relay.pending) - relay.pending_length)
			return;
		memcpy(relay.pending + relay.pending_length, frame->data, frame->length);
		relay.pending_length += frame->length;
		break;
	case LINK_EOF:
		relay.eof = true;
		break;
	case LINK_SIZE:
		memcpy(rows_columns, frame->data, sizeof(rows_columns));
		size.ws_row = rows_columns[0];
		size.ws_col = rows_columns[1];
		if (relay.terminal >= 0)
			ioctl(relay.terminal, TIOCSWINSZ, &size);
		break;
	case LINK_SIGNAL:
		memcpy(&number, frame->data, sizeof(number));
		if (relay.pid > 0)
			kill(relay.pid, number);
		break;
	default:
		break;
	}
}

static void take_line(void)
{
	for (;;) {
		size_t want = relay.in_length < LINK_HEADER ? LINK_HEADER :
							      LINK_HEADER + relay.in.length;
		ssize_t n;

		if (relay.in_length == want && want >= LINK_HEADER) {
			take_frame(&relay.in);
			relay.in_length = 0;
			continue;
		}
		n = read(relay.line, (char *)&relay.in + relay.in_length, want - relay.in_length);
		if (n <= 0)
			return;
		relay.in_length += n;
		if (relay.in_length == LINK_HEADER && relay.in.length) {
			if (relay.in.length > LINK_MAX)
				relay.in_length = 0;
			continue;
		}
	}
}

/* Pass on what is there. False when the stream is at its end. */
static bool take_output(int fd, uint8_t type)
{
	uint8_t data[LINK_MAX];
	ssize_t n;

	do {
		n = read(fd, data, sizeof(data));
		if (n > 0)
			send_frame(type, data, n);
	} while (n > 0);
	return n < 0 && (errno == EAGAIN || errno == EINTR);
}

static int open_terminal(const struct job *job, int *slave)
{
	struct winsize size = { 0 };
	struct termios settings;
	unsigned int rows, columns;
	char *text = job_read(job, "terminal", NULL);
	int master = -1;

	if (!text)
		return -1;
	if (sscanf(text, "%u %u", &rows, &columns) == 2) {
		size.ws_row = rows;
		size.ws_col = columns;
		if (openpty(&master, slave, NULL, NULL, &size))
			master = -1;
		else if (!tcgetattr(*slave, &settings)) {
			settings.c_iflag |= IUTF8;
			tcsetattr(*slave, TCSANOW, &settings);
		}
	}
	free(text);
	return master;
}

/* The strings of a file where each ends in a NUL byte. */
static char **strings(const struct job *job, const char *name)
{
	size_t length, count = 0, i;
	char *text = job_read(job, name, &length);
	char **list;

	if (!text)
		return NULL;
	for (i = 0; i < length; i++)
		count += !text[i];
	list = calloc(count + 1, sizeof(*list));
	for (i = 0; list && i < count; i++) {
		list[i] = text;
		text += strlen(text) + 1;
	}
	return list;
}

static void child(const struct job *job, char **argv, char **envp, int in, int out, int err,
		  int terminal)
{
	char *folder = job_read(job, "folder", NULL);
	char *path;
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	setsid();
	if (terminal >= 0)
		ioctl(terminal, TIOCSCTTY, 0);
	dup2(in, 0);
	dup2(out, 1);
	dup2(err, 2);
	close_range(3, ~0U, 0);
	if (!folder || chdir(folder)) {
		dprintf(2, "%s: %s: %s\n", machine_name, folder ? folder : "folder",
			strerror(errno));
		_exit(EXIT_BROKEN);
	}
	for (char **e = envp; *e; e++) {
		if (!strncmp(*e, "PATH=", 5)) {
			path = *e + 5;
			setenv("PATH", path, 1);
		}
	}
	execvpe(argv[0], argv, envp);
	dprintf(2, "%s: %s: %s\n", machine_name, argv[0], strerror(errno));
	_exit(errno == ENOENT ? 127 : 126);
}

/* A pipe of which this process keeps one end, close-on-exec and non-blocking. */
static int make_pipe(int *theirs, bool keep_reading)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC))
		return -1;
	*theirs = ends[keep_reading];
	fcntl(ends[!keep_reading], F_SETFL, O_NONBLOCK);
	return ends[!keep_reading];
}

static int start(const struct job *job)
{
	char **argv = strings(job, "command"), **envp = strings(job, "environment");
	char *streams = job_read(job, "streams", NULL);
	int slave = -1, in = -1, out = -1, err = -1;

	if (!argv || !argv[0] || !envp || !streams)
		return -1;
	relay.input = -1;
	relay.output = -1;
	relay.error = -1;
	relay.terminal = open_terminal(job, &slave);
	if (relay.terminal >= 0) {
		fcntl(relay.terminal, F_SETFL, O_NONBLOCK);
		fcntl(relay.terminal, F_SETFD, FD_CLOEXEC);
		in = slave;
		out = slave;
		err = slave;
	} else {
		if (strchr(streams, 'i'))
			relay.input = make_pipe(&in, false);
		else
			in = open("/dev/null", O_RDONLY | O_CLOEXEC);
		relay.output = make_pipe(&out, true);
	}
	if (relay.terminal < 0 || strchr(streams, 'e'))
		relay.error = make_pipe(&err, true);
	if (in < 0 || out < 0 || err < 0)
		return -1;
	relay.pid = fork();
	if (!relay.pid)
		child(job, argv, envp, in, out, err, slave);
	relay.slave = slave;
	if (in != slave)
		close(in);
	if (out != slave)
		close(out);
	if (err != slave)
		close(err);
	return relay.pid < 0 ? -1 : 0;
}

/* Reap whoever ended; true and the status if it was the command. */
static bool reap(int *status)
{
	bool done = false;
	int raw;
	pid_t pid;

	while ((pid = waitpid(-1, &raw, WNOHANG)) > 0) {
		if (pid != relay.pid)
			continue;
		*status = WIFEXITED(raw) ? WEXITSTATUS(raw) : 128 + WTERMSIG(raw);
		done = true;
	}
	return done;
}

static void drain(void)
{
	if (relay.output >= 0)
		take_output(relay.output, LINK_STDOUT);
	if (relay.error >= 0)
		take_output(relay.error, LINK_STDERR);
	if (relay.terminal >= 0)
		take_output(relay.terminal, LINK_STDOUT);
}

int relay_run(const struct job *job)
{
	struct signalfd_siginfo info;
	sigset_t signals;
	int status = EXIT_BROKEN, children;
	bool done = false;

	/* What was said before a crash must be out before it. */
	sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK,
			   &(struct sched_param){ .sched_priority = 1 });
	sigemptyset(&signals);
	sigaddset(&signals, SIGCHLD);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	signal(SIGPIPE, SIG_IGN);
	children = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
	if (children < 0 || start(job)) {
		relay_error("%s: the command cannot be started: %s\n", machine_name,
			    strerror(errno));
		return EXIT_BROKEN;
	}
	send_frame(LINK_READY, NULL, 0);
	while (!done) {
		bool fed = relay.pending_length || relay.eof;
		struct pollfd fds[] = {
			{ children, POLLIN, 0 },
			{ relay.line, POLLIN, 0 },
			{ relay.output, POLLIN, 0 },
			{ relay.error, POLLIN, 0 },
			{ relay.terminal, POLLIN | (fed ? POLLOUT : 0), 0 },
			{ fed ? relay.input : -1, POLLOUT, 0 },
		};

		poll(fds, 6, IDLE_MS);
		if (fds[1].revents)
			take_line();
		if (fds[2].revents && !take_output(relay.output, LINK_STDOUT)) {
			close(relay.output);
			relay.output = -1;
		}
		if (fds[3].revents && !take_output(relay.error, LINK_STDERR)) {
			close(relay.error);
			relay.error = -1;
		}
		if (fds[4].revents & (POLLIN | POLLHUP) &&
		    !take_output(relay.terminal, LINK_STDOUT)) {
			/* Hung up: the command is on its way out. */
			close(relay.terminal);
			relay.terminal = -1;
		}
		feed();
		if (fds[0].revents) {
			while (read(children, &info, sizeof(info)) > 0)
				;
			done = reap(&status);
		}
	}
	drain();
	return status;
}
