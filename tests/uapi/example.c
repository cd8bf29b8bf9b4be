// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A client of the driver, as small as one that is safe can be:
 *
 *	example DEVICE STEPS RATE
 *
 * moves so many microsteps at so many a second, prints the flow meanwhile, and
 * ends with 0 if it came to rest exactly there. What each call means is told in
 * the header and in kmod/ABI.rst.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/nanodose.h>

#define NHZ		1000000000LL
#define HOLD_NS		500000000ULL	/* silent for longer, and the pump stops */
#define RENEW_MS	100

/* 1: done, 0: goes on, -1: failed */
static int take(const struct nanodose_record *record)
{
	switch (record->type) {
	case NANODOSE_RECORD_FLOW:
		if (record->flow.valid & NANODOSE_VALID_FLOW)
			printf("%lld steps, %.3f uL/min\n", (long long)record->flow.position,
			       (double)record->flow.flow_pl_min / 1e6);
		return 0;
	case NANODOSE_RECORD_FAULT:
		warnx("fault 0x%x, value %lld", record->fault.fault,
		      (long long)record->fault.value);
		return -1;
	case NANODOSE_RECORD_STATE:
		return record->state.cause == NANODOSE_CAUSE_END;
	default:
		return 0;
	}
}

int main(int argc, char **argv)
{
	struct nanodose_claim claim = { .label = "example" };
	struct nanodose_set_position zero = { .position = 0 };
	struct nanodose_sensor sensor = {
		.op = NANODOSE_SENSOR_START,
		.medium = NANODOSE_MEDIUM_WATER,
		.period_ns = 100000000,
	};
	struct nanodose_run run = { .hold_ns = HOLD_NS, .flags = NANODOSE_RUN_END_POSITION };
	struct nanodose_record record;
	struct pollfd wait = { .events = POLLIN };
	int done = 0;

	if (argc != 4)
		errx(2, "usage: example DEVICE STEPS RATE");
	run.end_position = atoll(argv[2]);
	run.rate_nhz = atoll(argv[3]) * NHZ * (run.end_position < 0 ? -1 : 1);
	run.accel_nhz_s = 20000 * NHZ;

	/* Closing it, or dying, gives the pump back and stops it. */
	wait.fd = open(argv[1], O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (wait.fd < 0)
		err(1, "%s", argv[1]);
	if (ioctl(wait.fd, NANODOSE_IOC_CLAIM, &claim))
		err(1, "claim");
	if (ioctl(wait.fd, NANODOSE_IOC_SENSOR, &sensor) && errno != EOPNOTSUPP)
		err(1, "sensor");
	if (ioctl(wait.fd, NANODOSE_IOC_SET_POSITION, &zero))
		err(1, "set position");

	while (!done) {
		/* The same order again is the sign of life. */
		if (ioctl(wait.fd, NANODOSE_IOC_RUN, &run) && errno != EPIPE)
			err(1, "run");
		if (poll(&wait, 1, RENEW_MS) < 0)
			err(1, "poll");
		while (!done && read(wait.fd, &record, sizeof(record)) == sizeof(record))
			done = take(&record);
		if (wait.revents & POLLHUP)
			errx(1, "the pump is gone");
	}
	return done < 0;
}
