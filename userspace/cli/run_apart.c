// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "buttons.h"
#include "client.h"
#include "run_apart.h"
#include "screen.h"
#include "server.h"

#define NAME_SIZE 128
#define PATIENCE_MS 5000	/* for the summary, once the screen is gone */

/* No word to a terminal that may be another's by then. */
static void be_quiet(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	for (int fd = 0; null >= 0 && fd <= STDERR_FILENO; fd++)
		dup2(null, fd);
}

/* All of the name, or nothing. */
static bool tell_name(int line, const char *name)
{
	char text[NAME_SIZE] = "";

	snprintf(text, sizeof(text), "%s", name);
	return send(line, text, sizeof(text), MSG_NOSIGNAL) == sizeof(text);
}

/* The process of the run. Nothing moves before the other one has a screen. */
static enum nanodose_exit serve(const struct runner_options *options, int line,
				void (*summarize)(const struct runner *runner, bool json, FILE *stream), bool json)
{
	enum nanodose_exit status;
	struct run_front *buttons = buttons_new(&status);
	struct runner *runner = status ? NULL : runner_new(options, &status);
	struct run_front *server = runner ? server_new(runner_record_path(runner)) : NULL;
	FILE *stream;
	char go;

	if (!server || !tell_name(line, server_name(server)) || read(line, &go, 1) != 1) {
		if (runner)
			status = NANODOSE_EXIT_REFUSED;
		server_free(server);
		runner_free(runner);
		buttons_free(buttons);
		return status;
	}
	be_quiet();
	runner_attach(runner, server);
	if (buttons)
		runner_attach(runner, buttons);
	status = runner_run(runner);
	server_free(server);
	buttons_free(buttons);
	stream = fdopen(line, "w");
	if (stream) {
		summarize(runner, json, stream);
		fclose(stream);
	}
	runner_free(runner);
	return status;
}

static enum nanodose_exit status_of(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return NANODOSE_EXIT_FAULT;
	return WIFEXITED(status) ? (enum nanodose_exit)WEXITSTATUS(status) : NANODOSE_EXIT_FAULT;
}

static void copy_rest(int line)
{
	struct pollfd rest = { .fd = line, .events = POLLIN };
	char buffer[4096];
	ssize_t got;

	if (!poll(&rest, 1, PATIENCE_MS))
		fputs("nanodose run: the record cannot be closed yet; make room where its disk is full. Ctrl-C leaves the run's process waiting for that\n",
		      stderr);
	while ((got = read(line, buffer, sizeof(buffer))) > 0)
		fwrite(buffer, 1, got, stdout);
	fflush(stdout);
}

/* The process of the screen. */
static enum nanodose_exit watch(pid_t pid, int line)
{
	struct run_front *screen;
	struct attach_end end;
	char name[NAME_SIZE];

	if (recv(line, name, sizeof(name), MSG_WAITALL) != sizeof(name))
		return status_of(pid);
	screen = screen_new();
	if (!screen || write(line, "g", 1) != 1) {
		/* Without a screen the other one gives up, too. */
		screen_free(screen);
		shutdown(line, SHUT_RDWR);
		status_of(pid);
		return NANODOSE_EXIT_REFUSED;
	}
	client_attach(name, ATTACH_TO_ACT, screen, &end);
	screen_free(screen);
	if (*end.text)
		fprintf(stderr, "nanodose run: %s\n", end.text);
	if (end.detached)
		return NANODOSE_EXIT_DONE;
	copy_rest(line);
	return status_of(pid);
}

enum nanodose_exit run_apart(const struct runner_options *options,
			     void (*summarize)(const struct runner *runner, bool json, FILE *stream), bool json)
{
	enum nanodose_exit status;
	int line[2];
	pid_t pid;

	fflush(NULL);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, line)) {
		perror("nanodose run");
		return NANODOSE_EXIT_REFUSED;
	}
	pid = fork();
	if (pid < 0) {
		perror("nanodose run");
		status = NANODOSE_EXIT_REFUSED;
	} else if (!pid) {
		close(line[0]);
		setsid();
		exit(serve(options, line[1], summarize, json));
	} else {
		close(line[1]);
		line[1] = -1;
		status = watch(pid, line[0]);
	}
	close(line[0]);
	if (line[1] >= 0)
		close(line[1]);
	return status;
}
