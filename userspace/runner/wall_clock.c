// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The clock on the wall may be set while a run goes on. The run goes by one that
 * nobody sets, and counts its times from when it began; but who reads
 * its record beside other notes has to know.
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "run.h"
#include "wording.h"

#define TOLD_S	1.0	/* less is the work of a time server */
#define FAR_S	(100 * 365 * 86400LL)

/* Wall less the time since boot, which goes on while the system sleeps: that sets no clock. */
static double offset_s(void)
{
	struct timespec wall, steady;

	clock_gettime(CLOCK_REALTIME, &wall);
	clock_gettime(CLOCK_BOOTTIME, &steady);
	return (double)(wall.tv_sec - steady.tv_sec) + (wall.tv_nsec - steady.tv_nsec) * 1e-9;
}

static void arm(struct runner *r)
{
	struct itimerspec never = { .it_value.tv_sec = time(NULL) + FAR_S };

	timerfd_settime(r->wall_fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &never, NULL);
}

void wall_clock_watch(struct runner *r)
{
	r->wall_fd = timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK);
	r->wall_offset_s = offset_s();
	if (r->wall_fd >= 0)
		arm(r);
}

void wall_clock_look(struct runner *r)
{
	double offset = offset_s(), by_s = offset - r->wall_offset_s;
	char by[64];
	uint64_t count;

	if (read(r->wall_fd, &count, sizeof(count)) >= 0 || errno != ECANCELED)
		return;
	arm(r);
	if (fabs(by_s) < TOLD_S)
		return;
	r->wall_offset_s = offset;
	run_event(r, RECORD_WARNING, RECORD_KERNEL, NULL, 0,
		  "the clock was set %s by %s: this record's times, and waits for a time of day, go on as they began",
		  by_s < 0 ? "back" : "forward", format_duration(round(fabs(by_s)), by, sizeof(by)));
}
