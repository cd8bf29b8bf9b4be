/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Segments that wait to be stepped, and whether a list of them may be.
 *
 * A list is taken as a whole or not at all, and what is taken ends at
 * standstill: the queue cannot run empty in motion.
 */
#ifndef _NANODOSE_QUEUE_H
#define _NANODOSE_QUEUE_H

#include <linux/types.h>

#include "include/uapi/linux/nanodose.h"
#include "stepgen.h"

#define ND_QUEUE_SEGMENTS	256

/* The axis between two segments. */
struct nd_junction {
	s64 position;
	u64 rate_nhz;		/* 0 at rest */
	int direction;		/* +1, -1 */
};

struct nd_queue {
	struct nanodose_segment segments[ND_QUEUE_SEGMENTS];
	u32 head;		/* the next to be stepped */
	u32 count;
	u32 taken;		/* since the motion began */
	struct nd_junction end;	/* after the last of them, and what is stepped now */
};

/*
 * 0 if the list may follow on @from, and where it ends; -EDOM and the index of
 * the first segment that is wrong.
 */
int nd_queue_check(const struct nd_junction *from, const struct nanodose_segment *list, u32 count,
		   u64 accel_nhz_s, const struct nanodose_limits *limits,
		   struct nd_junction *end, u32 *bad_index);
/* There is room for it; the list ends there. */
void nd_queue_put(struct nd_queue *queue, const struct nanodose_segment *list, u32 count,
		  const struct nd_junction *end);
/* The next one, from now on, and its direction; false if there is none. */
bool nd_queue_take(struct nd_queue *queue, u64 now_ns, struct nd_segment *segment, int *direction);

#endif /* _NANODOSE_QUEUE_H */
