// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "sync.h"

/*
 * Every so many requests the write-ahead log is copied into the database, so
 * that it stays small; about once a minute of a run.
 */
#define CHECKPOINT_EVERY 60
#define STACK_SIZE (256 * 1024)	/* SQLite's checkpoint needs little; memory may be locked */

struct record_sync {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool requested, ending;
	int error;
	/* used by the thread alone */
	sqlite3 *db;
	char *log_path;
	int log_fd;
	bool on_host;
	unsigned int rounds;
};

/* A descriptor of our own: the locks that SQLite holds are on other files. */
static int open_log(struct record_sync *sync)
{
	struct statfs system;

	sync->log_fd = open(sync->log_path, O_RDWR | O_CLOEXEC);
	if (sync->log_fd < 0 || fstatfs(sync->log_fd, &system))
		return errno;
	sync->on_host = system.f_type == HOSTFS_SUPER_MAGIC;
	return 0;
}

/*
 * In a virtual machine on its host's files it is the machine that can be cut
 * off: what the host has been given survives that. Waiting for the host's disk
 * too would be most of a rehearsal's time.
 */
static int sync_log(struct record_sync *sync)
{
	int error = sync->log_fd < 0 ? open_log(sync) : 0;

	if (error)
		return error;
	if (sync->on_host)
		return sync_file_range(sync->log_fd, 0, 0, SYNC_FILE_RANGE_WRITE_AND_WAIT) ? errno : 0;
	return fdatasync(sync->log_fd) ? errno : 0;
}

static void work(struct record_sync *sync)
{
	int error = sync_log(sync);

	if (!error && ++sync->rounds % CHECKPOINT_EVERY == 0)
		/* Whatever keeps it from being complete, the next one goes on. */
		sqlite3_wal_checkpoint_v2(sync->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
	if (error) {
		pthread_mutex_lock(&sync->lock);
		sync->error = error;
		pthread_mutex_unlock(&sync->lock);
	}
}

static void *serve(void *argument)
{
	struct record_sync *sync = argument;

	pthread_mutex_lock(&sync->lock);
	while (!sync->ending) {
		if (!sync->requested) {
			pthread_cond_wait(&sync->wake, &sync->lock);
			continue;
		}
		sync->requested = false;
		pthread_mutex_unlock(&sync->lock);
		work(sync);
		pthread_mutex_lock(&sync->lock);
	}
	pthread_mutex_unlock(&sync->lock);
	return NULL;
}

/* Ordinary priority, whatever the caller's, and no signals: they are the caller's. */
static int start(struct record_sync *sync)
{
	struct sched_param ordinary = { .sched_priority = 0 };
	sigset_t all, previous;
	pthread_attr_t attributes;
	int error;

	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, STACK_SIZE);
	pthread_attr_setinheritsched(&attributes, PTHREAD_EXPLICIT_SCHED);
	pthread_attr_setschedpolicy(&attributes, SCHED_OTHER);
	pthread_attr_setschedparam(&attributes, &ordinary);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &previous);
	error = pthread_create(&sync->thread, &attributes, serve, sync);
	pthread_sigmask(SIG_SETMASK, &previous, NULL);
	pthread_attr_destroy(&attributes);
	return error;
}

static void destroy(struct record_sync *sync)
{
	if (sync->log_fd >= 0)
		close(sync->log_fd);
	sqlite3_close(sync->db);
	free(sync->log_path);
	pthread_cond_destroy(&sync->wake);
	pthread_mutex_destroy(&sync->lock);
	free(sync);
}

struct record_sync *record_sync_new(const char *path)
{
	struct record_sync *sync = calloc(1, sizeof(*sync));
	int error = 0;

	if (!sync)
		return NULL;
	sync->log_fd = -1;
	pthread_mutex_init(&sync->lock, NULL);
	pthread_cond_init(&sync->wake, NULL);
	if (asprintf(&sync->log_path, "%s-wal", path) < 0) {
		sync->log_path = NULL;
		error = ENOMEM;
	} else if (sqlite3_open_v2(path, &sync->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX,
				   NULL)) {
		error = EIO;
	} else {
		error = start(sync);
	}
	if (error) {
		destroy(sync);
		errno = error;
		return NULL;
	}
	return sync;
}

void record_sync_request(struct record_sync *sync)
{
	pthread_mutex_lock(&sync->lock);
	sync->requested = true;
	pthread_cond_signal(&sync->wake);
	pthread_mutex_unlock(&sync->lock);
}

int record_sync_error(struct record_sync *sync)
{
	int error;

	pthread_mutex_lock(&sync->lock);
	error = sync->error;
	sync->error = 0;
	pthread_mutex_unlock(&sync->lock);
	return error;
}

void record_sync_free(struct record_sync *sync)
{
	if (!sync)
		return;
	pthread_mutex_lock(&sync->lock);
	sync->ending = true;
	pthread_cond_signal(&sync->wake);
	pthread_mutex_unlock(&sync->lock);
	pthread_join(sync->thread, NULL);
	destroy(sync);
}
