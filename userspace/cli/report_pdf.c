// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A browser lays out pages better than any library of ours would; it prints the
 * same file that people open in it. The page has no script and fetches nothing.
 */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "report.h"
#include "report_pdf.h"

extern char **environ;

static int __attribute__((format(printf, 2, 3))) fail(char **error, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	if (vasprintf(error, format, arguments) < 0)
		*error = NULL;
	va_end(arguments);
	return -1;
}

static int write_page(const char *run, const char *path, char **error)
{
	FILE *page = fopen(path, "we");

	if (!page)
		return fail(error, "%s: %s", path, strerror(errno));
	if (report_write(run, page, error)) {
		fclose(page);
		return -1;
	}
	if (ferror(page) | fclose(page))
		return fail(error, "%s: %s", path, strerror(errno));
	return 0;
}

/* 0, or an errno. What a browser says of itself is of no use here. */
static int start(const char *browser, char *const *arguments, pid_t *process)
{
	posix_spawn_file_actions_t actions;
	int error = posix_spawn_file_actions_init(&actions);

	for (int fd = STDIN_FILENO; !error && fd <= STDERR_FILENO; fd++)
		error = posix_spawn_file_actions_addopen(&actions, fd, "/dev/null", O_RDWR, 0);
	if (!error)
		error = posix_spawnp(process, browser, &actions, NULL, arguments, environ);
	posix_spawn_file_actions_destroy(&actions);
	return error;
}

/* The first of them that is installed. */
static int print_page(const char *folder, char **error)
{
	static const char *const browsers[] = { "chromium", "chromium-browser", "google-chrome" };
	char profile[128], pdf[128], page[128];
	char *arguments[] = {
		NULL, "--headless", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--no-pdf-header-footer", profile, pdf, page,
		/* It will not be confined by root; nothing in the page runs. */
		geteuid() ? NULL : "--no-sandbox", NULL,
	};
	int number = ENOENT, status;
	pid_t process;

	snprintf(profile, sizeof(profile), "--user-data-dir=%s/profile", folder);
	snprintf(pdf, sizeof(pdf), "--print-to-pdf=%s/page.pdf", folder);
	snprintf(page, sizeof(page), "file://%s/page.html", folder);
	for (size_t i = 0; number == ENOENT && i < sizeof(browsers) / sizeof(browsers[0]); i++) {
		arguments[0] = (char *)browsers[i];
		number = start(browsers[i], arguments, &process);
	}
	if (number)
		return fail(error, "a PDF is printed by the browser chromium, which is not installed; \"sudo apt install chromium\", or --output FILE.html");
	while (waitpid(process, &status, 0) < 0)
		if (errno != EINTR)
			return fail(error, "%s: %s", arguments[0], strerror(errno));
	if (WIFEXITED(status) && !WEXITSTATUS(status))
		return 0;
	return fail(error, "%s could not print the page; --output FILE.html makes the page itself", arguments[0]);
}

static int copy(const char *path, FILE *out, char **error)
{
	FILE *in = fopen(path, "re");
	char buffer[65536];
	size_t got, all = 0;

	if (!in)
		return fail(error, "the browser has printed nothing: %s", strerror(errno));
	while ((got = fread(buffer, 1, sizeof(buffer), in))) {
		if (fwrite(buffer, 1, got, out) != got)
			break;
		all += got;
	}
	fclose(in);
	return all ? 0 : fail(error, "the browser has printed nothing");
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *where)
{
	(void)status, (void)type, (void)where;
	remove(path);
	return 0;
}

int report_pdf(const char *run, void *stream, char **error)
{
	const char *temporary = getenv("TMPDIR");
	char folder[80], page[96], pdf[96];
	bool good;

	if (!temporary || *temporary != '/' || strlen(temporary) > 48)
		temporary = "/tmp";
	snprintf(folder, sizeof(folder), "%s/nanodose-report.XXXXXX", temporary);
	if (!mkdtemp(folder))
		return fail(error, "%s: %s", folder, strerror(errno));
	snprintf(page, sizeof(page), "%s/page.html", folder);
	snprintf(pdf, sizeof(pdf), "%s/page.pdf", folder);
	good = !write_page(run, page, error) && !print_page(folder, error) && !copy(pdf, stream, error);
	nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	return good ? 0 : -1;
}
