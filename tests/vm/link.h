/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The line between host and virtual machine: frames over two pipes, which the
 * guest sees as one raw terminal. The host is silent until LINK_READY.
 */
#ifndef LINK_H
#define LINK_H

#include <stdint.h>

/* Device of the line inside: UML's con1. ND_VM_LINE in the environment names another. */
#define LINK_DEVICE "/dev/tty1"
#define LINK_MAX 8192
/*
 * Bytes of standard input under way and not acknowledged: less than what the
 * guest's terminal layer holds, so nothing can be dropped there.
 */
#define LINK_WINDOW 2048

enum link_type {
	/* guest to host */
	LINK_READY = 'Y',
	LINK_STDOUT = 'O',
	LINK_STDERR = 'R',
	LINK_ACK = 'A',		/* uint32_t: bytes of input consumed */
	LINK_EXIT = 'X',	/* uint32_t: exit status */
	/* host to guest */
	LINK_STDIN = 'I',
	LINK_EOF = 'E',		/* end of standard input */
	LINK_SIZE = 'W',	/* uint16_t rows, columns */
	LINK_SIGNAL = 'S',	/* uint32_t: for the command */
};

struct link_frame {
	uint16_t length;
	uint8_t type;
	uint8_t zero;
	uint8_t data[LINK_MAX];
};

#define LINK_HEADER 4

#endif /* LINK_H */
