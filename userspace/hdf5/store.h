/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Columns that grow in an HDF5 file. After a failure all calls do nothing. */
#ifndef STORE_H
#define STORE_H

#include <hdf5.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum store_type { STORE_REAL, STORE_INTEGER, STORE_TEXT };

/* One column, written a block at a time. */
struct store_column {
	hid_t dataset, type;
	enum store_type kind;
	size_t count, stored;
	union {
		double *reals;
		int64_t *integers;
		char **texts;		/* owned */
	};
};

/* False once something could not be written. */
bool store_good(void);

/* unit and note become attributes, NULL: none. */
void store_open(struct store_column *column, hid_t group, const char *name, enum store_type kind,
		const char *unit, const char *note);
void store_real(struct store_column *column, double value);
void store_integer(struct store_column *column, int64_t value);
/* NULL is an empty text. */
void store_text(struct store_column *column, const char *text);
void store_close(struct store_column *column);

void store_attribute_text(hid_t object, const char *name, const char *text);
void store_attribute_real(hid_t object, const char *name, double value);
void store_attribute_integer(hid_t object, const char *name, int64_t value);
hid_t store_group(hid_t parent, const char *name);

#endif /* STORE_H */
