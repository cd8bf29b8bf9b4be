/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Random data for hostile calls, the same for the same seed.
 */
#ifndef HOSTILE_DATA_H
#define HOSTILE_DATA_H

#include "uapi.h"

/* Seeds from ND_SEED. How many calls to make: ND_CALLS, or those. */
unsigned long hostile_begin(unsigned long calls);
uint64_t hostile_random(void);
/* From 0 up to, but not, the bound. */
uint64_t hostile_below(uint64_t bound);
void hostile_bytes(unsigned char *bytes, size_t size);
/* Changes a bit, a byte, or one aligned word to a number that is often a border. */
void hostile_spoil(unsigned char *bytes, size_t size);

#endif /* HOSTILE_DATA_H */
