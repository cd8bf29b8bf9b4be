// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Steps as they are made without a driver: a real-time process that sleeps to
 * absolute times and sets the line through libgpiod.
 *
 *	gpio_loop CHIP-LABEL STEPS-PER-SECOND
 */
#include <gpiod.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

#define NSEC_PER_SEC	1000000000L

static void sleep_to(struct timespec *due, long step_ns)
{
	due->tv_nsec += step_ns;
	while (due->tv_nsec >= NSEC_PER_SEC) {
		due->tv_nsec -= NSEC_PER_SEC;
		due->tv_sec++;
	}
	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, due, NULL);
}

int main(int argc, char *argv[])
{
	struct sched_param priority = { .sched_priority = 80 };
	struct gpiod_chip *chip;
	struct gpiod_line *line;
	struct timespec due;
	long half_ns;

	if (argc != 3) {
		fprintf(stderr, "usage: gpio_loop CHIP-LABEL STEPS-PER-SECOND\n");
		return 2;
	}
	half_ns = NSEC_PER_SEC / 2 / atol(argv[2]);
	chip = gpiod_chip_open_by_label(argv[1]);
	line = chip ? gpiod_chip_get_line(chip, 0) : NULL;
	if (!line || gpiod_line_request_output(line, "gpio_loop", 0)) {
		perror(argv[1]);
		return 1;
	}
	if (mlockall(MCL_CURRENT | MCL_FUTURE) || sched_setscheduler(0, SCHED_FIFO, &priority)) {
		perror("real-time priority");
		return 1;
	}
	clock_gettime(CLOCK_MONOTONIC, &due);
	for (;;) {
		sleep_to(&due, half_ns);
		gpiod_line_set_value(line, 1);
		sleep_to(&due, half_ns);
		gpiod_line_set_value(line, 0);
	}
}
