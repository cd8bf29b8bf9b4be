// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdlib.h>
#include <string.h>

#include "store.h"

#define BLOCK 8192		/* values; also a chunk of the file */
#define DEFLATE 4		/* much smaller than 1, not much slower */

static bool failed;

bool store_good(void)
{
	return !failed;
}

static hid_t check(hid_t id)
{
	if (id < 0)
		failed = true;
	return id;
}

static hid_t text_type(void)
{
	hid_t type = check(H5Tcopy(H5T_C_S1));

	check(H5Tset_size(type, H5T_VARIABLE));
	check(H5Tset_cset(type, H5T_CSET_UTF8));
	return type;
}

/* ---- attributes and groups -------------------------------------------------------- */

static void attribute(hid_t object, const char *name, hid_t type, const void *value)
{
	hid_t space, id;

	if (failed)
		return;
	space = check(H5Screate(H5S_SCALAR));
	id = check(H5Acreate2(object, name, type, space, H5P_DEFAULT, H5P_DEFAULT));
	check(H5Awrite(id, type, value));
	H5Aclose(id);
	H5Sclose(space);
}

void store_attribute_text(hid_t object, const char *name, const char *text)
{
	hid_t type = text_type();

	if (text)
		attribute(object, name, type, &text);
	H5Tclose(type);
}

void store_attribute_real(hid_t object, const char *name, double value)
{
	attribute(object, name, H5T_NATIVE_DOUBLE, &value);
}

void store_attribute_integer(hid_t object, const char *name, int64_t value)
{
	attribute(object, name, H5T_NATIVE_INT64, &value);
}

hid_t store_group(hid_t parent, const char *name)
{
	return failed ? -1 : check(H5Gcreate2(parent, name, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
}

/* ---- columns ------------------------------------------------------------------------ */

static size_t value_size(enum store_type kind)
{
	return kind == STORE_TEXT ? sizeof(char *) : sizeof(double);
}

static void create(struct store_column *column, hid_t group, const char *name)
{
	hsize_t none = 0, endless = H5S_UNLIMITED, chunk = BLOCK;
	hid_t space = check(H5Screate_simple(1, &none, &endless));
	hid_t properties = check(H5Pcreate(H5P_DATASET_CREATE));

	check(H5Pset_chunk(properties, 1, &chunk));
	if (column->kind != STORE_TEXT) {
		check(H5Pset_shuffle(properties));
		check(H5Pset_deflate(properties, DEFLATE));
	}
	column->dataset = check(H5Dcreate2(group, name, column->type, space, H5P_DEFAULT, properties,
					   H5P_DEFAULT));
	H5Pclose(properties);
	H5Sclose(space);
}

void store_open(struct store_column *column, hid_t group, const char *name, enum store_type kind,
		const char *unit, const char *note)
{
	*column = (struct store_column){ .dataset = -1, .type = -1, .kind = kind };
	column->reals = calloc(BLOCK, value_size(kind));
	if (!column->reals)
		failed = true;
	if (failed)
		return;
	column->type = kind == STORE_TEXT ? text_type() :
		       H5Tcopy(kind == STORE_REAL ? H5T_NATIVE_DOUBLE : H5T_NATIVE_INT64);
	create(column, group, name);
	store_attribute_text(column->dataset, "unit", unit);
	store_attribute_text(column->dataset, "description", note);
}

static void flush(struct store_column *column)
{
	hsize_t offset = column->stored, count = column->count, size = offset + count;
	hid_t file, memory;
	size_t i;

	if (!count)
		return;
	if (!failed) {
		check(H5Dset_extent(column->dataset, &size));
		file = check(H5Dget_space(column->dataset));
		memory = check(H5Screate_simple(1, &count, NULL));
		check(H5Sselect_hyperslab(file, H5S_SELECT_SET, &offset, NULL, &count, NULL));
		check(H5Dwrite(column->dataset, column->type, memory, file, H5P_DEFAULT,
			       column->reals));
		H5Sclose(memory);
		H5Sclose(file);
	}
	for (i = 0; column->kind == STORE_TEXT && i < column->count; i++)
		free(column->texts[i]);
	column->stored = size;
	column->count = 0;
}

void store_real(struct store_column *column, double value)
{
	if (failed)
		return;
	column->reals[column->count++] = value;
	if (column->count == BLOCK)
		flush(column);
}

void store_integer(struct store_column *column, int64_t value)
{
	if (failed)
		return;
	column->integers[column->count++] = value;
	if (column->count == BLOCK)
		flush(column);
}

void store_text(struct store_column *column, const char *text)
{
	char *copy = strdup(text ? text : "");

	if (!copy)
		failed = true;
	if (failed) {
		free(copy);
		return;
	}
	column->texts[column->count++] = copy;
	if (column->count == BLOCK)
		flush(column);
}

void store_close(struct store_column *column)
{
	flush(column);
	free(column->reals);
	if (column->dataset >= 0 && H5Dclose(column->dataset) < 0)
		failed = true;
	if (column->type >= 0)
		H5Tclose(column->type);
}
