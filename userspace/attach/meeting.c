// SPDX-License-Identifier: GPL-2.0-or-later
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "meeting.h"

#define COMMON_FOLDER "/run/nanodose"
#define SUFFIX ".run"
#define PEERS 16
#define LONGEST_BASE 60

/* Folders that runs may be seen in, the own one first. */
#define FOLDERS 2

struct folders {
	char paths[FOLDERS][PATH_MAX];
	size_t count;
};

static void own_folder(char *path, size_t size)
{
	const char *runtime = getenv("XDG_RUNTIME_DIR");

	if (runtime && *runtime == '/')
		snprintf(path, size, "%s/nanodose", runtime);
	else
		snprintf(path, size, "/tmp/nanodose-%u", (unsigned int)geteuid());
}

static void find_folders(struct folders *folders)
{
	const char *named = getenv("NANODOSE_RUNTIME_DIR");

	folders->count = 0;
	if (named && *named == '/') {
		snprintf(folders->paths[folders->count++], PATH_MAX, "%s", named);
		return;
	}
	snprintf(folders->paths[folders->count++], PATH_MAX, "%s", COMMON_FOLDER);
	own_folder(folders->paths[folders->count++], PATH_MAX);
}

/* Nobody else's: what lies in /tmp under our name may be anybody's. */
static bool usable(const char *folder)
{
	bool common = !strcmp(folder, COMMON_FOLDER);
	struct stat status;

	if (!common || !geteuid())
		mkdir(folder, common ? 0755 : 0700);
	return !lstat(folder, &status) && S_ISDIR(status.st_mode) && !access(folder, W_OK | X_OK) &&
	       (common || status.st_uid == geteuid());
}

static bool address_of(const char *folder, const char *name, struct sockaddr_un *address)
{
	*address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	return snprintf(address->sun_path, sizeof(address->sun_path), "%s/%s" SUFFIX, folder, name) <
	       (int)sizeof(address->sun_path);
}

static int try_connect(const char *folder, const char *name)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), error;
	struct sockaddr_un address;

	if (fd < 0)
		return -1;
	if (address_of(folder, name, &address) &&
	    !connect(fd, (struct sockaddr *)&address, sizeof(address)))
		return fd;
	error = errno;
	close(fd);
	/* Of a run that was killed. */
	if (error == ECONNREFUSED)
		unlink(address.sun_path);
	errno = error;
	return -1;
}

static int listen_in(struct meeting *meeting, const char *folder)
{
	int fd;

	if (!address_of(folder, meeting->name, &meeting->address)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	fd = try_connect(folder, meeting->name);
	if (fd >= 0) {
		close(fd);
		errno = EADDRINUSE;
		return -1;
	}
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	/* Who it is that comes the kernel says. */
	if (!bind(fd, (struct sockaddr *)&meeting->address, sizeof(meeting->address)) &&
	    !chmod(meeting->address.sun_path, meeting->all ? 0666 : 0660) && !listen(fd, PEERS))
		return fd;
	close(fd);
	return -1;
}

int meeting_open(struct meeting *meeting, const char *record_path, bool all)
{
	const char *base = strrchr(record_path, '/') ? strrchr(record_path, '/') + 1 : record_path;
	int length = strlen(base);
	struct folders folders;

	if (length > 3 && !strcmp(base + length - 3, ".db"))
		length -= 3;
	if (length > LONGEST_BASE)
		length = LONGEST_BASE;
	find_folders(&folders);
	meeting->fd = -1;
	meeting->all = all;
	errno = EACCES;
	for (size_t i = 0; meeting->fd < 0 && i < folders.count; i++) {
		if (!usable(folders.paths[i]))
			continue;
		snprintf(meeting->name, sizeof(meeting->name), "%.*s", length, base);
		meeting->fd = listen_in(meeting, folders.paths[i]);
		/* A record of the same name in another folder. */
		if (meeting->fd < 0 && errno == EADDRINUSE) {
			snprintf(meeting->name, sizeof(meeting->name), "%.*s-%d", length, base, (int)getpid());
			meeting->fd = listen_in(meeting, folders.paths[i]);
		}
	}
	return meeting->fd < 0 ? -1 : 0;
}

void meeting_close(struct meeting *meeting)
{
	if (meeting->fd < 0)
		return;
	close(meeting->fd);
	unlink(meeting->address.sun_path);
	meeting->fd = -1;
}

int meeting_connect(const char *name)
{
	struct folders folders;
	int fd = -1, error = ENOENT;

	find_folders(&folders);
	for (size_t i = 0; fd < 0 && i < folders.count; i++) {
		fd = try_connect(folders.paths[i], name);
		if (fd < 0 && errno != ENOENT)
			error = errno;
	}
	errno = error;
	return fd;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int add_folder(const char *folder, char ***names, size_t *count)
{
	DIR *open = opendir(folder);
	struct dirent *entry;
	int result = 0;

	while (open && !result && (entry = readdir(open))) {
		size_t length = strlen(entry->d_name), tail = strlen(SUFFIX);
		char **more;

		if (length <= tail || strcmp(entry->d_name + length - tail, SUFFIX))
			continue;
		more = reallocarray(*names, *count + 1, sizeof(**names));
		if (more)
			*names = more;
		if (!more || !(more[*count] = strndup(entry->d_name, length - tail)))
			result = -1;
		else
			++*count;
	}
	if (open)
		closedir(open);
	return result;
}

int meeting_list(char ***names, size_t *count)
{
	struct folders folders;

	*names = NULL;
	*count = 0;
	find_folders(&folders);
	for (size_t i = 0; i < folders.count; i++) {
		if (add_folder(folders.paths[i], names, count)) {
			meeting_free(*names, *count);
			return -1;
		}
	}
	if (*count)
		qsort(*names, *count, sizeof(**names), by_name);
	return 0;
}

void meeting_free(char **names, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(names[i]);
	free(names);
}

/* Those that answer: a socket of a run that was killed goes when it is tried. */
static size_t keep_living(char **names, size_t count)
{
	size_t kept = 0;

	for (size_t i = 0; i < count; i++) {
		int fd = meeting_connect(names[i]);

		if (fd < 0 && (errno == ECONNREFUSED || errno == ENOENT)) {
			free(names[i]);
			continue;
		}
		if (fd >= 0)
			close(fd);
		names[kept++] = names[i];
	}
	return kept;
}

char *meeting_find(const char *wanted, const char *verb, void *stream)
{
	size_t count, found = 0, which = 0;
	char **names, *name = NULL;

	if (meeting_list(&names, &count)) {
		fprintf(stream, "nanodose %s: %s\n", verb, strerror(ENOMEM));
		return NULL;
	}
	count = keep_living(names, count);
	for (size_t i = 0; i < count; i++) {
		if (wanted && !strcmp(names[i], wanted)) {
			which = i;
			found = 1;
			break;
		}
		if (!wanted || strstr(names[i], wanted)) {
			which = i;
			found++;
		}
	}
	if (found == 1) {
		name = strdup(names[which]);
	} else if (!count || !found) {
		fprintf(stream, wanted && count ? "nanodose %s: no run is called \"%s\"; \"nanodose list\" shows them\n" :
						  "nanodose %s: no run is under way\n", verb, wanted);
	} else {
		fprintf(stream, "nanodose %s: say which run:\n", verb);
		for (size_t i = 0; i < count; i++)
			if (!wanted || strstr(names[i], wanted))
				fprintf(stream, "  %s\n", names[i]);
	}
	meeting_free(names, count);
	return name;
}
