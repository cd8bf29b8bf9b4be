// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "notice.h"

static int send_to(int fd, const char *path, const char *line, size_t length)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	return sendto(fd, line, length, MSG_DONTWAIT | MSG_NOSIGNAL, (struct sockaddr *)&address,
		      sizeof(address)) < 0 ? -1 : 0;
}

/* A line is below PIPE_BUF: it goes whole or not at all. */
static int write_to(int fd, bool fifo, const char *line, size_t length)
{
	struct stat status;
	ssize_t written;

	if (fstat(fd, &status))
		return -1;
	if (fifo ? !S_ISFIFO(status.st_mode) : !S_ISREG(status.st_mode)) {
		errno = EINVAL;
		return -1;
	}
	written = write(fd, line, length);
	if (written >= 0 && (size_t)written < length)
		errno = ENOSPC;
	return written == (ssize_t)length ? 0 : -1;
}

int notice_send(enum protocol_signal_source place, const char *path, const char *text)
{
	int fd, result = -1, error;
	char *line = NULL;
	int length;

	switch (place) {
	case PROTOCOL_SIGNAL_FILE:
		fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK | O_CLOEXEC, 0666);
		break;
	case PROTOCOL_SIGNAL_FIFO:
		fd = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
		break;
	default:
		fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		break;
	}
	if (fd < 0)
		return -1;
	length = asprintf(&line, "%s\n", text);
	if (length >= 0)
		result = place == PROTOCOL_SIGNAL_SOCKET ? send_to(fd, path, line, length) :
			 write_to(fd, place == PROTOCOL_SIGNAL_FIFO, line, length);
	error = errno;
	if (length >= 0)
		free(line);
	close(fd);
	errno = error;
	return result;
}

const char *notice_reason(enum protocol_signal_source place, int error)
{
	if (place == PROTOCOL_SIGNAL_FIFO && (error == ENXIO || error == ENOENT))
		return "nobody reads from it";
	if (place == PROTOCOL_SIGNAL_FIFO && error == EINVAL)
		return "this is no FIFO";
	if (place == PROTOCOL_SIGNAL_FILE && (error == EINVAL || error == ENXIO))
		return "this is no plain file";
	if (place == PROTOCOL_SIGNAL_SOCKET && (error == ENOENT || error == ECONNREFUSED))
		return "nobody listens to it";
	if (error == EAGAIN)
		return "its reader does not keep up";
	return strerror(error);
}
