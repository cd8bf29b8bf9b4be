// SPDX-License-Identifier: GPL-2.0-or-later
/* nanodose export: a run file as CSV or JSON. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "record.h"
#include "runner.h"
#include "verbs.h"

typedef int export_function(const char *path, void *stream, char **error);

static bool same_file(const char *left, const char *right)
{
	struct stat a, b;

	return !stat(left, &a) && !stat(right, &b) && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

static int report(char *error)
{
	fprintf(stderr, "nanodose export: %s\n", error ? error : strerror(ENOMEM));
	free(error);
	return NANODOSE_EXIT_REFUSED;
}

static int export_to_stdout(const char *path, export_function *function)
{
	char *error = NULL;

	if (function(path, stdout, &error))
		return report(error);
	return verb_output_done("export");
}

/* Into a file beside it first, so that there is never half an export of that name. */
static int export_to_file(const char *path, const char *output, export_function *function)
{
	char *error = NULL, *draft;
	FILE *stream = NULL;
	int fd, status = NANODOSE_EXIT_REFUSED;
	mode_t mask = umask(0);

	umask(mask);
	if (asprintf(&draft, "%s.XXXXXX", output) < 0)
		return report(NULL);
	fd = mkostemp(draft, O_CLOEXEC);
	if (fd >= 0 && !fchmod(fd, 0666 & ~mask))
		stream = fdopen(fd, "w");
	if (!stream) {
		fprintf(stderr, "nanodose export: %s cannot be written: %m\n", output);
	} else if (function(path, stream, &error)) {
		status = report(error);
		fclose(stream);
	} else if (ferror(stream) | fclose(stream) || rename(draft, output)) {
		fprintf(stderr, "nanodose export: %s cannot be written: %m\n", output);
	} else {
		free(draft);
		return NANODOSE_EXIT_DONE;
	}
	if (fd >= 0)
		unlink(draft);
	free(draft);
	return status;
}

static int export_run(const char *path, const char *output, export_function *function)
{
	struct stat status;

	if (!output || !strcmp(output, "-"))
		return export_to_stdout(path, function);
	if (same_file(path, output)) {
		fprintf(stderr, "nanodose export: %s is the run itself; give another output\n", output);
		return NANODOSE_EXIT_REFUSED;
	}
	if (!stat(output, &status) && !S_ISREG(status.st_mode)) {
		if (!freopen(output, "w", stdout)) {
			fprintf(stderr, "nanodose export: %s cannot be written: %m\n", output);
			return NANODOSE_EXIT_REFUSED;
		}
		return export_to_stdout(path, function);
	}
	return export_to_file(path, output, function);
}

int verb_export(int argc, char **argv)
{
	static const struct option options[] = {
		{ "format", required_argument, NULL, 'f' },
		{ "events", no_argument, NULL, 'e' },
		{ "json", no_argument, NULL, 'j' },
		{ "output", required_argument, NULL, 'o' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	bool json = false, events = false;
	const char *output = NULL;
	int option;

	while ((option = getopt_long(argc, argv, "ho:", options, NULL)) != -1) {
		switch (option) {
		case 'f':
			if (strcmp(optarg, "csv") && strcmp(optarg, "json"))
				return verb_usage_error("export",
							"there is no format \"%s\"; there are csv and json",
							optarg);
			json = !strcmp(optarg, "json");
			break;
		case 'e':
			events = true;
			break;
		case 'j':
			json = true;
			break;
		case 'o':
			output = optarg;
			break;
		case 'h':
			return verb_help("export",
					 "  RUN.db         the file that \"nanodose run\" has written, or is writing\n"
					 "  --format csv   one line a sample, units in the header (the default)\n"
					 "  --events       CSV of the events instead of the samples\n"
					 "  --json         protocol, inputs, channels, events and summary as one object;\n"
					 "                 the same as --format json\n"
					 "  --output FILE  instead of standard output\n");
		default:
			return verb_usage_error("export", NULL);
		}
	}
	if (argc - optind != 1)
		return verb_usage_error("export", "it takes one run file");
	if (json && events)
		return verb_usage_error("export", "either --events or JSON, which has them already");
	return export_run(argv[optind], output, json ? record_export_json :
			  events ? record_export_events_csv : record_export_csv);
}
