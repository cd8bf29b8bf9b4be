// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <json-c/json.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "client.h"
#include "meeting.h"
#include "operator.h"
#include "signal_fd.h"

#define ANSWER_MS	5000	/* for the first picture */
#define STOPPED_MS	30000	/* a ramp down, and the record's end */
#define DRAW_MS		100
#define LAST_WORDS_MS	3000	/* of a run that is over, while its record is closed */
#define FRONT_FDS	2
#define MOST_BYTES	(64 << 20)	/* of one line */

struct client_line {
	struct run_control control;
	int fd;
	char *in;
	size_t length, space;
	struct replica replica;
	bool dead, detached;
	char refusal[160];	/* what was last refused; "" */
};

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

static void say(struct client_line *line, const char *command)
{
	struct json_object *object = json_object_new_object();
	const char *text;
	char whole[512], who[64];

	operator_name(who, sizeof(who));
	json_object_object_add(object, "name", json_object_new_string(who));
	json_object_object_add(object, "command", json_object_new_string(command));
	text = json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN);
	snprintf(whole, sizeof(whole), "%s\n", text);
	if (send(line->fd, whole, strlen(whole), MSG_NOSIGNAL) < 0)
		line->dead = true;
	json_object_put(object);
}

/* A screen's key. */
static void command(struct run_control *control, enum run_command command, const char *who)
{
	struct client_line *line = (struct client_line *)control;

	(void)who;	/* the run asks the kernel */
	if (command == RUN_DETACH)
		line->detached = true;
	else
		say(line, wire_command_name(command));
}

/* What was refused stands among the events, as nothing else of it would be seen. */
static void take_refusal(struct client_line *line, struct json_object *object)
{
	struct run_view *view = &line->replica.view;
	struct run_event_view *events =
		reallocarray(line->replica.events, view->event_count + 1, sizeof(*events));
	char *text = strdup(json_object_get_string(object));

	if (events)
		view->events = line->replica.events = events;
	if (!events || !text) {
		free(text);
		return;
	}
	events[view->event_count++] = (struct run_event_view){
		.time_s = view->elapsed_s, .severity = RECORD_WARNING, .source = RECORD_PROGRAM, .text = text,
	};
}

static void take_line(struct client_line *line, const char *text)
{
	struct json_object *object, *why;

	if (!strncmp(text, "{\"refused\"", 10)) {
		object = json_tokener_parse(text);
		if (object && json_object_object_get_ex(object, "refused", &why) && json_object_get_string(why)) {
			snprintf(line->refusal, sizeof(line->refusal), "%s", json_object_get_string(why));
			take_refusal(line, why);
		}
		json_object_put(object);
	} else if (replica_take(&line->replica, text)) {
		line->dead = true;
	}
}

/* All that has come. */
static void hear(struct client_line *line)
{
	char *end, *begin;
	ssize_t got;

	do {
		if (line->space - line->length < 65536) {
			char *more = line->space < MOST_BYTES ? realloc(line->in, line->space + 262144) : NULL;

			if (!more) {
				line->dead = true;
				return;
			}
			line->in = more;
			line->space += 262144;
		}
		got = recv(line->fd, line->in + line->length, line->space - line->length, MSG_DONTWAIT);
		if (got > 0)
			line->length += got;
	} while (got > 0);
	if (!got || (errno != EAGAIN && errno != EINTR))
		line->dead = true;
	begin = line->in;
	while ((end = memchr(begin, '\n', line->in + line->length - begin))) {
		*end = '\0';
		take_line(line, begin);
		begin = end + 1;
	}
	line->length -= begin - line->in;
	memmove(line->in, begin, line->length);
}

static int open_line(struct client_line *line, const char *name, const char *as)
{
	struct pollfd poller;
	int64_t until_ms = now_ms() + ANSWER_MS, left_ms;

	*line = (struct client_line){ .control.command = command, .fd = meeting_connect(name) };
	if (line->fd < 0)
		return -1;
	say(line, as);
	/* The run has sent it away before a word was said: why can still be read. */
	if (line->dead)
		hear(line);
	poller = (struct pollfd){ .fd = line->fd, .events = POLLIN };
	while (!line->replica.told && !line->dead && (left_ms = until_ms - now_ms()) > 0)
		if (poll(&poller, 1, left_ms) > 0)
			hear(line);
	if (line->replica.told)
		return 0;
	errno = *line->refusal ? EACCES : line->dead ? ECONNRESET : ETIMEDOUT;
	return -1;
}

/* After open_line() has failed. */
static const char *why_not(const struct client_line *line)
{
	return *line->refusal ? line->refusal : strerror(errno);
}

static void close_line(struct client_line *line)
{
	int error = errno;

	if (line->fd >= 0)
		close(line->fd);
	free(line->in);
	replica_clear(&line->replica);
	errno = error;
}

int client_glance(const char *name, struct replica *replica)
{
	struct client_line line;
	int result = open_line(&line, name, "watch");

	if (!result) {
		*replica = line.replica;
		line.replica = (struct replica){ .told = false };
	}
	close_line(&line);
	return result;
}

static bool is_over(const struct client_line *line)
{
	return line->replica.view.status >= RUN_DONE;
}

enum nanodose_exit client_stop(const char *name, bool now)
{
	enum nanodose_exit result = NANODOSE_EXIT_DONE;
	int64_t until_ms = now_ms() + STOPPED_MS, left_ms;
	struct client_line line;

	if (open_line(&line, name, "watch")) {
		fprintf(stderr, "nanodose stop: %s: %s\n", name, why_not(&line));
		close_line(&line);
		return NANODOSE_EXIT_REFUSED;
	}
	say(&line, wire_command_name(now ? RUN_EMERGENCY_STOP : RUN_STOP));
	/* The line ends when the record is closed. */
	while (!line.dead && !*line.refusal && (left_ms = until_ms - now_ms()) > 0) {
		struct pollfd poller = { .fd = line.fd, .events = POLLIN };

		if (poll(&poller, 1, left_ms) > 0)
			hear(&line);
	}
	if (*line.refusal) {
		fprintf(stderr, "nanodose stop: %s: %s\n", name, line.refusal);
		result = NANODOSE_EXIT_REFUSED;
	} else if (line.dead && is_over(&line)) {
		fprintf(stderr, "nanodose stop: %s is over: %s\n", name, line.replica.view.status_text);
	} else {
		fprintf(stderr, "nanodose stop: %s does not end; stop its pumps: nanodose stop --all --now\n", name);
		result = NANODOSE_EXIT_FAULT;
	}
	close_line(&line);
	return result;
}

static void take_signals(struct client_line *line, struct run_front *front, int fd)
{
	struct signalfd_siginfo info;

	while (read(fd, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGWINCH)
			front->resize(front);
		else if (info.ssi_signo == SIGINT)
			say(line, wire_command_name(RUN_STOP));
		else
			line->detached = true;
	}
}

static void look(struct client_line *line, struct run_front *front, int signal_fd)
{
	int64_t drawn_ms = 0, over_ms = 0;

	/* Once it is over its last events are still to come. */
	while (!line->dead && !line->detached && !(over_ms && now_ms() - over_ms > LAST_WORDS_MS)) {
		struct pollfd fds[2 + FRONT_FDS] = {
			{ .fd = signal_fd, .events = POLLIN }, { .fd = line->fd, .events = POLLIN },
		};
		int count = front->fds(front, fds + 2, FRONT_FDS);

		/* The terminal has gone; the run has not. */
		if (!count)
			line->detached = true;
		/* Keys wait for the last picture. */
		if (over_ms)
			count = 0;
		if (poll(fds, 2 + count, DRAW_MS) < 0)
			continue;
		if (fds[0].revents)
			take_signals(line, front, signal_fd);
		if (fds[1].revents)
			hear(line);
		if (is_over(line)) {
			over_ms = over_ms ? over_ms : now_ms();
			continue;
		}
		front->handle(front, &line->control, fds + 2, count);
		/* A key shows its effect at once. */
		if (now_ms() - drawn_ms >= DRAW_MS || (count && fds[2].revents)) {
			drawn_ms = now_ms();
			front->draw(front, &line->replica.view);
		}
	}
}

static enum nanodose_exit exit_of(enum run_status status)
{
	switch (status) {
	case RUN_DONE:
		return NANODOSE_EXIT_DONE;
	case RUN_STOPPED_OPERATOR:
		return NANODOSE_EXIT_OPERATOR;
	case RUN_DEVICE_GONE:
		return NANODOSE_EXIT_GONE;
	default:
		return NANODOSE_EXIT_FAULT;
	}
}

void client_attach(const char *name, enum attach_as as, struct run_front *screen, struct attach_end *end)
{
	static const char *const words[] = { "attach", "take", "watch" };
	struct client_line line;
	sigset_t before;
	int signal_fd = signal_fd_open(&before);

	*end = (struct attach_end){ .status = NANODOSE_EXIT_REFUSED };
	if (signal_fd < 0 || open_line(&line, name, words[as])) {
		snprintf(end->text, sizeof(end->text), "%s: %s", name, why_not(&line));
	} else {
		look(&line, screen, signal_fd);
		end->detached = line.detached && !is_over(&line);
		if (is_over(&line))
			screen->finish(screen, &line.replica.view);
		end->status = end->detached ? NANODOSE_EXIT_DONE : exit_of(line.replica.view.status);
		if (end->detached)
			snprintf(end->text, sizeof(end->text),
				 "left %s alone; it goes on: \"nanodose attach %s\" comes back to it", name, name);
		else if (!is_over(&line))
			snprintf(end->text, sizeof(end->text),
				 "the process of %s has gone; its pumps come to rest by themselves, its record is %s",
				 name, line.replica.view.record_path);
	}
	if (signal_fd >= 0) {
		close(signal_fd);
		close_line(&line);
	}
	sigprocmask(SIG_SETMASK, &before, NULL);
}
