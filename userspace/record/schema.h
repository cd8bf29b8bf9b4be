/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The layout of a run file. Inside record/ only. */
#ifndef RECORD_SCHEMA_H
#define RECORD_SCHEMA_H

#define RECORD_APPLICATION_ID	0x6e646f73	/* "ndos", in the SQLite header */
#define RECORD_FORMAT		2		/* PRAGMA user_version */

/* Statements that make an empty run file. */
extern const char record_schema[];

#endif /* RECORD_SCHEMA_H */
