/* SPDX-License-Identifier: GPL-2.0-or-later */
/* SHA-256 of a run file's bytes. For record/ and report/. */
#ifndef DIGEST_H
#define DIGEST_H

#include <stdint.h>

#define DIGEST_TEXT_SIZE 65	/* 64 hexadecimal digits */

/* @digest (32 bytes) in hexadecimal. */
void digest_text(const uint8_t *digest, char text[DIGEST_TEXT_SIZE]);
/*
 * The file as `sha256sum` sees it; an empty text while part of it is still in
 * its write-ahead log. 0, or -1 and *error.
 */
int digest_file(const char *path, char text[DIGEST_TEXT_SIZE], char **error);

#endif /* DIGEST_H */
