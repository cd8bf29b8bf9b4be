/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is known of a run before it begins. Inside record/ only. */
#ifndef RECORD_FACTS_H
#define RECORD_FACTS_H

#include <sqlite3.h>
#include <stdint.h>

#include "record.h"

/* Writes protocol, inputs, channels and meta; an SQLite result code. */
int facts_write(sqlite3 *db, const struct protocol *protocol,
		const struct record_channel *channels, size_t channel_count,
		uint64_t start_monotonic_ns, uint64_t start_utc_ns);

#endif /* RECORD_FACTS_H */
