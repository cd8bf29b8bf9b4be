/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Play between nut and screw: the volume that a turned screw moves no plunger for. */
#ifndef PLAY_H
#define PLAY_H

#include <stdbool.h>

/* Of the volume that the steps stand for, what is taken up. @play_m3: taken up so far, plus side. */
static inline double play_taken_m3(double backlash_m3, double play_m3, double volume_m3)
{
	double room = volume_m3 > 0 ? backlash_m3 - play_m3 : -play_m3;

	return (volume_m3 > 0) == (volume_m3 < room) ? volume_m3 : room;
}

#endif /* PLAY_H */
