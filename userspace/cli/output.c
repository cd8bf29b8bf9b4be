// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "output.h"
#include "runner.h"
#include "verbs.h"

static bool same_file(const char *left, const char *right)
{
	struct stat a, b;

	return !stat(left, &a) && !stat(right, &b) && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

static int refuse(const char *verb, char *error)
{
	fprintf(stderr, "nanodose %s: %s\n", verb, error ? error : strerror(ENOMEM));
	free(error);
	return NANODOSE_EXIT_REFUSED;
}

static int not_written(const char *verb, const char *output)
{
	fprintf(stderr, "nanodose %s: %s cannot be written: %m\n", verb, output);
	return NANODOSE_EXIT_REFUSED;
}

static int to_stdout(const char *verb, const char *run, output_function *function)
{
	char *error = NULL;

	if (function(run, stdout, &error))
		return refuse(verb, error);
	return verb_output_done(verb);
}

/* Into a file beside it first, so that there is never half a result of that name. */
static int to_file(const char *verb, const char *run, const char *output, output_function *function)
{
	char *error = NULL, *draft;
	FILE *stream = NULL;
	int fd, status;
	mode_t mask = umask(0);

	umask(mask);
	if (asprintf(&draft, "%s.XXXXXX", output) < 0)
		return refuse(verb, NULL);
	fd = mkostemp(draft, O_CLOEXEC);
	if (fd >= 0 && !fchmod(fd, 0666 & ~mask))
		stream = fdopen(fd, "w");
	if (!stream) {
		status = not_written(verb, output);
	} else if (function(run, stream, &error)) {
		status = refuse(verb, error);
		fclose(stream);
	} else if (ferror(stream) | fclose(stream) || rename(draft, output)) {
		status = not_written(verb, output);
	} else {
		free(draft);
		return NANODOSE_EXIT_DONE;
	}
	if (fd >= 0)
		unlink(draft);
	free(draft);
	return status;
}

int output_run(const char *verb, const char *run, const char *output, output_function *function)
{
	struct stat status;

	if (!output || !strcmp(output, "-"))
		return to_stdout(verb, run, function);
	if (same_file(run, output)) {
		fprintf(stderr, "nanodose %s: %s is the run itself; give another output\n", verb,
			output);
		return NANODOSE_EXIT_REFUSED;
	}
	if (!stat(output, &status) && !S_ISREG(status.st_mode)) {
		if (!freopen(output, "w", stdout))
			return not_written(verb, output);
		return to_stdout(verb, run, function);
	}
	return to_file(verb, run, output, function);
}
