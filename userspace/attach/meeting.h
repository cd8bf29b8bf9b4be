/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where runs and screens meet: a folder of Unix sockets, one a run, named after
 * its record. $NANODOSE_RUNTIME_DIR, else /run/nanodose where one may make
 * sockets there (so that a lab's users see each other's runs), else the user's
 * own folder below $XDG_RUNTIME_DIR or /tmp.
 */
#ifndef MEETING_H
#define MEETING_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/un.h>

struct meeting {
	int fd;			/* listening */
	bool all;
	char name[80];
	struct sockaddr_un address;
};

/*
 * For a run with this record. 0, or -1 with errno; to be ended by meeting_close().
 * @all: whoever can enter the folder may come, as the run itself looks at who it
 *	is; else its group
 */
int meeting_open(struct meeting *meeting, const char *record_path, bool all);
void meeting_close(struct meeting *meeting);

/* The names of all runs that can be seen, sorted; to be freed by meeting_free(). -1: no memory. */
int meeting_list(char ***names, size_t *count);
void meeting_free(char **names, size_t count);

/* A connection to a run. -1 with errno. */
int meeting_connect(const char *name);

/*
 * The one run that @wanted means: its name, a part of it, or with NULL the only
 * one. NULL with a message on @stream (a FILE *); to be freed.
 */
char *meeting_find(const char *wanted, const char *verb, void *stream);

#endif /* MEETING_H */
