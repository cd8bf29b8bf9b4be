/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which button somebody presses, to write it into a configuration. */
#ifndef PRESS_H
#define PRESS_H

struct press {
	char device[128];	/* its name, as the kernel has it */
	char code[64];		/* "KEY_STOP", "REL_DIAL" */
};

/*
 * press_await() - until a button is pressed, a wheel turned or a line typed
 * Keyboards do not count: this line is typed on one. Returns 1 with *press, 0
 * once there is something to read on stdin, -1 at once where there is no button
 * that may be read.
 */
int press_await(struct press *press);

#endif /* PRESS_H */
