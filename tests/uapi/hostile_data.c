// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Random data for hostile calls, see hostile_data.h.
 */
#include "hostile_data.h"

static uint64_t state;

unsigned long hostile_begin(unsigned long calls)
{
	const char *seed = getenv("ND_SEED"), *wanted = getenv("ND_CALLS");

	state = (seed ? strtoull(seed, NULL, 0) : 1) * 0x9e3779b97f4a7c15ULL + 1;
	note("seed %s", seed ? seed : "1");
	return wanted ? strtoul(wanted, NULL, 0) : calls;
}

/* splitmix64: every state has a successor, none is stuck at zero */
uint64_t hostile_random(void)
{
	uint64_t mixed = state += 0x9e3779b97f4a7c15ULL;

	mixed = (mixed ^ mixed >> 30) * 0xbf58476d1ce4e5b9ULL;
	mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111ebULL;
	return mixed ^ mixed >> 31;
}

uint64_t hostile_below(uint64_t bound)
{
	return hostile_random() % bound;
}

void hostile_bytes(unsigned char *bytes, size_t size)
{
	size_t i;

	for (i = 0; i < size; i++)
		bytes[i] = hostile_random();
}

void hostile_spoil(unsigned char *bytes, size_t size)
{
	static const uint64_t borders[] = {
		0, 1, -1ULL, INT32_MAX, INT32_MAX + 1ULL, UINT32_MAX, INT64_MAX, 1ULL << 63,
		40000 * NSEC_PER_SEC, 3600 * NSEC_PER_SEC,
	};
	uint64_t word;

	if (!size)
		return;
	switch (hostile_below(3)) {
	case 0:
		bytes[hostile_below(size)] ^= 1 << hostile_below(8);
		return;
	case 1:
		bytes[hostile_below(size)] = hostile_random();
		return;
	}
	if (size < sizeof(word))
		return;
	word = borders[hostile_below(COUNT(borders))] + hostile_below(3) - 1;
	if (hostile_below(2))
		word = -word;
	memcpy(bytes + 8 * hostile_below(size / 8), &word, sizeof(word));
}
