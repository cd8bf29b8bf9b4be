/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Brings what was committed to the disk, in a thread of its own: waiting for
 * a disk can take longer than a pump's owner may be silent. Inside record/ only.
 */
#ifndef RECORD_SYNC_H
#define RECORD_SYNC_H

struct record_sync;

/* @path: of the database, in write-ahead mode. NULL with errno. */
struct record_sync *record_sync_new(const char *path);
/* There is something new to bring to the disk; returns at once. */
void record_sync_request(struct record_sync *sync);
/* The errno of a failure since the last call, or 0. */
int record_sync_error(struct record_sync *sync);
/* Ends what is under way and frees. NULL is fine. */
void record_sync_free(struct record_sync *sync);

#endif /* RECORD_SYNC_H */
