/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A YAML file as a tree that knows where each node was written. Built from
 * libfyaml's events, so the input's size bounds the memory: no alias is ever
 * expanded, nesting and keys of a mapping are limited.
 */
#ifndef TREE_H
#define TREE_H

#include "protocol.h"

#define TREE_MAX_DEPTH	64	/* nested collections */
#define TREE_MAX_KEYS	256	/* of one mapping */

enum node_type {
	NODE_SCALAR,
	NODE_MAPPING,
	NODE_SEQUENCE,
};

struct node {
	enum node_type type;
	struct source_position at;	/* of a quoted scalar: the quote */
	char *text;			/* scalar; "" where nothing was written */
	bool quoted;			/* scalar in quotes or as a block */
	struct node *key;		/* set in the values of a mapping */
	struct node *first, *next;	/* children in order */
	struct node *last;
	size_t count;
};

struct tree;

/*
 * tree_new() - parse @text
 * @file: what positions say of their file
 * Adds each error to @diagnostics. NULL after one that ends the reading:
 * malformed YAML, not UTF-8, an alias, a second document, nested too deep.
 * After a duplicate key, an anchor or a tag the tree is still there, so that
 * the rest of the file can be judged. Refers to @text only while it reads.
 */
struct tree *tree_new(const char *text, size_t size, int file, struct diagnostics *diagnostics);
/*
 * tree_read() - the same of a small file, up to 64 KiB
 * @too_large: of one that is larger, such as "no inputs are"
 */
struct tree *tree_read(const char *path, const char *too_large, struct diagnostics *diagnostics);
void tree_free(struct tree *tree);
/* NULL: the document is empty. */
struct node *tree_root(const struct tree *tree);
/* The value of a key; NULL if @mapping has none such. */
struct node *node_get(const struct node *mapping, const char *key);
/* "text", "a mapping", "a list" for messages. */
const char *node_type_name(const struct node *node);

#endif /* TREE_H */
