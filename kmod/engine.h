/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Between the engine's files; all with engine.lock held.
 */
#ifndef _NANODOSE_ENGINE_H
#define _NANODOSE_ENGINE_H

#include "nanodose.h"

static inline bool nd_moving(const struct nd_engine *engine)
{
	return engine->state != NANODOSE_STATE_REST && engine->state != NANODOSE_STATE_ARMED;
}

void nd_push_state(struct nanodose *nd, u64 now_ns, u32 cause, pid_t pid);
void nd_push_fault(struct nanodose *nd, u64 now_ns, u32 fault, s64 value);

#endif /* _NANODOSE_ENGINE_H */
