// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "readings.h"

#define NSEC_PER_SEC	1000000000LL

struct source {
	const struct protocol_signal *signal;
	struct reading reading;
	int fd;				/* FIFO, socket */
	bool ours;			/* made here, to be removed */
	char line[READING_TEXT_SIZE];	/* FIFO: what has come of one */
	size_t length;
	bool known;			/* file: as it was last */
	struct timespec changed;
	off_t size;
	ino_t inode;
};

struct readings {
	struct source *sources;
	size_t count;
};

static int fail(char **error, const struct protocol_signal *signal, const char *what)
{
	if (asprintf(error, "signal '%s': %s: %s: %s", signal->name, signal->path, what,
		     strerror(errno)) < 0)
		*error = NULL;
	return -1;
}

/* Open for writing too: it then never ends when a writer goes. */
static int open_fifo(struct source *source, char **error)
{
	const char *path = source->signal->path;
	struct stat status;

	if (!mkfifo(path, 0660))
		source->ours = true;
	else if (errno != EEXIST)
		return fail(error, source->signal, "the FIFO cannot be made");
	source->fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (source->fd < 0)
		return fail(error, source->signal, "the FIFO cannot be opened");
	if (fstat(source->fd, &status) || !S_ISFIFO(status.st_mode)) {
		errno = EINVAL;
		return fail(error, source->signal, "this is no FIFO");
	}
	return 0;
}

static int open_socket(struct source *source, char **error)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct stat status;

	/* Of a run that was killed; anything else is not ours to remove. */
	if (!stat(source->signal->path, &status) && S_ISSOCK(status.st_mode))
		unlink(source->signal->path);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", source->signal->path);
	source->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (source->fd < 0 || bind(source->fd, (struct sockaddr *)&address, sizeof(address)))
		return fail(error, source->signal, "the socket cannot be made");
	source->ours = true;
	return 0;
}

struct readings *readings_open(const struct protocol *protocol, char **error)
{
	struct readings *readings = calloc(1, sizeof(*readings));
	int result = 0;

	*error = NULL;
	if (readings)
		readings->sources = calloc(protocol->signal_count + 1, sizeof(*readings->sources));
	if (!readings || !readings->sources) {
		free(readings);
		return NULL;
	}
	for (size_t i = 0; !result && i < protocol->signal_count; i++) {
		struct source *source = &readings->sources[readings->count++];

		source->signal = &protocol->signals[i];
		source->reading.value = NAN;
		source->fd = -1;
		if (source->signal->source == PROTOCOL_SIGNAL_FIFO)
			result = open_fifo(source, error);
		else if (source->signal->source == PROTOCOL_SIGNAL_SOCKET)
			result = open_socket(source, error);
	}
	if (result) {
		readings_close(readings);
		return NULL;
	}
	return readings;
}

void readings_close(struct readings *readings)
{
	if (!readings)
		return;
	for (size_t i = 0; i < readings->count; i++) {
		struct source *source = &readings->sources[i];

		if (source->fd >= 0)
			close(source->fd);
		if (source->ours)
			unlink(source->signal->path);
	}
	free(readings->sources);
	free(readings);
}

/* One text that came; white space around it does not matter, and an empty one is none. */
static void take(struct source *source, char *text, uint64_t time_ns)
{
	struct reading *reading = &source->reading;
	char *error = NULL;
	size_t length;

	/* As long as there is room for: its end may have been cut off. */
	if (strcspn(text, "\r\n") == READING_TEXT_SIZE - 1)
		text[READING_TEXT_SIZE - 2] = '?';
	text += strspn(text, " \t\r\n");
	length = strcspn(text, "\r\n");
	while (length && strchr(" \t", text[length - 1]))
		length--;
	text[length] = '\0';
	if (!length)
		return;
	if (nanodose_reading_parse(text, source->signal->unit, &reading->value, &error)) {
		reading->value = NAN;
		snprintf(reading->wrong, sizeof(reading->wrong), "%s", error ? error : "out of memory");
	} else {
		reading->wrong[0] = '\0';
	}
	reading->time_ns = time_ns;
	free(error);
}

static void refresh_stream(struct source *source, uint64_t now_ns)
{
	char text[READING_TEXT_SIZE];
	ssize_t length;

	while ((length = read(source->fd, text, sizeof(text))) > 0) {
		for (ssize_t i = 0; i < length; i++) {
			if (text[i] != '\n') {
				/* What is too long fills the line, and then is no number. */
				if (source->length + 1 < sizeof(source->line))
					source->line[source->length++] = text[i] ? text[i] : '?';
				continue;
			}
			source->line[source->length] = '\0';
			source->length = 0;
			take(source, source->line, now_ns);
		}
	}
}

static void refresh_datagrams(struct source *source, uint64_t now_ns)
{
	char text[READING_TEXT_SIZE];
	ssize_t length;

	while ((length = recv(source->fd, text, sizeof(text) - 1, 0)) >= 0) {
		text[length] = '\0';
		take(source, text, now_ns);
	}
}

/* By the clock of files, as far as it makes sense: that clock may be set. */
static uint64_t age_ns(const struct timespec *changed)
{
	struct timespec now;
	int64_t age;

	clock_gettime(CLOCK_REALTIME, &now);
	age = (now.tv_sec - changed->tv_sec) * NSEC_PER_SEC + now.tv_nsec - changed->tv_nsec;
	return age > 0 ? age : 0;
}

static void refresh_file(struct source *source, uint64_t now_ns)
{
	char text[READING_TEXT_SIZE];
	struct stat status;
	uint64_t age;
	ssize_t length;
	int fd;

	if (stat(source->signal->path, &status) || !S_ISREG(status.st_mode))
		return;
	if (source->known && status.st_mtim.tv_sec == source->changed.tv_sec &&
	    status.st_mtim.tv_nsec == source->changed.tv_nsec && status.st_size == source->size &&
	    status.st_ino == source->inode)
		return;
	fd = open(source->signal->path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	length = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (fd >= 0)
		close(fd);
	/* Emptied, to be written: what it says next counts. */
	if (length <= 0)
		return;
	text[length] = '\0';
	/* What changes while we look changed just now. */
	age = source->known ? 0 : age_ns(&status.st_mtim);
	source->known = true;
	source->changed = status.st_mtim;
	source->size = status.st_size;
	source->inode = status.st_ino;
	take(source, text, age < now_ns ? now_ns - age : 0);
}

void readings_refresh(struct readings *readings, uint64_t now_ns)
{
	for (size_t i = 0; i < readings->count; i++) {
		struct source *source = &readings->sources[i];

		switch (source->signal->source) {
		case PROTOCOL_SIGNAL_FILE:
			refresh_file(source, now_ns);
			break;
		case PROTOCOL_SIGNAL_FIFO:
			refresh_stream(source, now_ns);
			break;
		case PROTOCOL_SIGNAL_SOCKET:
			refresh_datagrams(source, now_ns);
			break;
		}
	}
}

const struct reading *readings_get(const struct readings *readings, size_t signal)
{
	return &readings->sources[signal].reading;
}
