// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <nettle/sha2.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "digest.h"
#include "reader.h"

void digest_text(const uint8_t *digest, char text[DIGEST_TEXT_SIZE])
{
	int i;

	for (i = 0; i < SHA256_DIGEST_SIZE; i++)
		sprintf(text + 2 * i, "%02x", digest[i]);
}

/* Committed, but not in the file yet. */
static bool has_log(const char *path)
{
	struct stat status;
	bool found = true;
	char *log;

	if (asprintf(&log, "%s-wal", path) < 0)
		return found;
	found = !stat(log, &status) && status.st_size > 0;
	free(log);
	return found;
}

int digest_file(const char *path, char text[DIGEST_TEXT_SIZE], char **error)
{
	uint8_t buffer[65536], digest[SHA256_DIGEST_SIZE];
	struct sha256_ctx context;
	ssize_t length;
	int fd;

	*text = '\0';
	if (has_log(path))
		return 0;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return reader_fail(error, "%s: %s", path, strerror(errno));
	sha256_init(&context);
	while ((length = read(fd, buffer, sizeof(buffer))) > 0)
		sha256_update(&context, (size_t)length, buffer);
	if (length < 0)
		reader_fail(error, "%s: %s", path, strerror(errno));
	close(fd);
	sha256_digest(&context, sizeof(digest), digest);
	digest_text(digest, text);
	return length < 0 ? -1 : 0;
}
