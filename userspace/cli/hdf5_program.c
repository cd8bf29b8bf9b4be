// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <limits.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hdf5_program.h"

#define OUTPUT_FD 3

extern char **environ;

/* The folder that this program is in has the other one, wherever that is. */
static int find_program(char *path, size_t size)
{
	ssize_t length = readlink("/proc/self/exe", path, size - 1);
	char *slash;

	if (length < 0)
		return -1;
	path[length] = '\0';
	slash = strrchr(path, '/');
	if (!slash || (size_t)(slash + 1 - path) + sizeof("nanodose-hdf5") > size) {
		errno = ENAMETOOLONG;
		return -1;
	}
	strcpy(slash + 1, "nanodose-hdf5");
	return 0;
}

/* 0, or an errno. */
static int start(const char *program, const char *run, int fd, pid_t *process)
{
	char output[] = "/dev/fd/3", *arguments[] = { (char *)program, (char *)run, output, NULL };
	posix_spawn_file_actions_t actions;
	int error = posix_spawn_file_actions_init(&actions);

	if (error)
		return error;
	error = posix_spawn_file_actions_adddup2(&actions, fd, OUTPUT_FD);
	if (!error)
		error = posix_spawn(process, program, &actions, NULL, arguments, environ);
	posix_spawn_file_actions_destroy(&actions);
	return error;
}

static int fail(char **error, const char *what, const char *why)
{
	if (asprintf(error, "%s: %s", what, why) < 0)
		*error = NULL;
	return -1;
}

int export_hdf5(const char *run, void *stream, char **error)
{
	char program[PATH_MAX];
	struct stat file;
	pid_t process;
	int number, status;

	if (fstat(fileno(stream), &file) || !S_ISREG(file.st_mode))
		return fail(error, "HDF5", "it goes to a file; give --output FILE.h5");
	if (find_program(program, sizeof(program)))
		return fail(error, "nanodose-hdf5", strerror(errno));
	number = start(program, run, fileno(stream), &process);
	if (number)
		return fail(error, program, strerror(number));
	while (waitpid(process, &status, 0) < 0)
		if (errno != EINTR)
			return fail(error, program, strerror(errno));
	if (WIFEXITED(status) && !WEXITSTATUS(status))
		return 0;
	/* It has said itself why, unless it was killed. */
	return fail(error, run, WIFEXITED(status) ? "no HDF5 file was made" :
		    "the program that makes the HDF5 file was killed");
}
