// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Uses up what the others leave of the processor, and counts in a file how often
 * it went round.
 *
 *	spin FILE
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

int main(int argc, char *argv[])
{
	int fd = argc == 2 ? open(argv[1], O_RDWR | O_CREAT | O_TRUNC, 0644) : -1;
	volatile uint64_t *rounds;

	if (fd < 0 || ftruncate(fd, sizeof(*rounds)) || nice(19) < 0) {
		perror("spin");
		return 1;
	}
	rounds = mmap(NULL, sizeof(*rounds), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (rounds == MAP_FAILED) {
		perror("spin");
		return 1;
	}
	for (;;)
		++*rounds;
}
