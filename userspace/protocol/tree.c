// SPDX-License-Identifier: GPL-2.0-or-later
/* YAML text to a tree with positions, on libfyaml's event parser. */
#include <libfyaml.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tree.h"

#define BLOCK_SIZE 65536
#define SMALL_FILE (64u << 10)	/* bytes */

struct block {
	struct block *next;
	size_t used, size;
	_Alignas(16) char bytes[];
};

struct tree {
	struct block *blocks;
	struct node *root;
	const char *source;
	size_t source_size;
	int file;
	struct diagnostics *diagnostics;
	bool document_seen;
	bool fatal;		/* what was read so far cannot be judged */
	/* the last position worked out, to go on from */
	size_t at_offset;
	struct source_position at;
	/* the open collections, and for each mapping the key that waits for its value */
	struct node *open[TREE_MAX_DEPTH];
	struct node *key[TREE_MAX_DEPTH];
	size_t depth;
	size_t read_to;		/* where the last event ended in the source */
	int read_line;		/* from 0 */
};

static void error(struct tree *tree, struct source_position at, const char *text)
{
	diagnostics_add(tree->diagnostics, at, false, "%s", text);
}

static void *allocate(struct tree *tree, size_t size)
{
	struct block *block = tree->blocks;
	void *memory;

	size = (size + 15) & ~(size_t)15;
	if (!block || block->size - block->used < size) {
		size_t room = size > BLOCK_SIZE ? size : BLOCK_SIZE;

		block = calloc(1, sizeof(*block) + room);
		if (!block) {
			error(tree, (struct source_position){ .file = tree->file }, "out of memory");
			return NULL;
		}
		block->size = room;
		block->next = tree->blocks;
		tree->blocks = block;
	}
	memory = block->bytes + block->used;
	block->used += size;
	return memory;
}

static bool begins_character(char byte)
{
	return (byte & 0xc0) != 0x80;
}

/*
 * Column in characters, not in bytes: what editors show. Counted on from the
 * last place asked for: a file may be one long line.
 */
static struct source_position position_at(struct tree *tree, size_t offset, int line)
{
	if (offset > tree->source_size)
		offset = tree->source_size;
	if (tree->at.line != line + 1) {
		size_t start = offset;

		while (start > 0 && tree->source[start - 1] != '\n')
			start--;
		tree->at_offset = start;
		tree->at = (struct source_position){ line + 1, 1, tree->file };
	}
	for (; tree->at_offset < offset; tree->at_offset++)
		tree->at.column += begins_character(tree->source[tree->at_offset]);
	for (; tree->at_offset > offset; tree->at_offset--)
		tree->at.column -= begins_character(tree->source[tree->at_offset - 1]);
	return tree->at;
}

static struct source_position mark_position(struct tree *tree, const struct fy_mark *mark,
					    size_t back)
{
	size_t offset = mark->input_pos >= back ? mark->input_pos - back : 0;

	return position_at(tree, offset, mark->line);
}

/* An item with nothing after its dash has no mark of its own: find the dash. */
static struct source_position empty_position(struct tree *tree)
{
	struct source_position at;

	while (tree->read_to < tree->source_size &&
	       strchr(" \t\r\n#", tree->source[tree->read_to])) {
		if (tree->source[tree->read_to] == '#') {
			while (tree->read_to < tree->source_size &&
			       tree->source[tree->read_to] != '\n')
				tree->read_to++;
		} else {
			tree->read_line += tree->source[tree->read_to] == '\n';
			tree->read_to++;
		}
	}
	at = position_at(tree, tree->read_to, tree->read_line);
	if (tree->read_to < tree->source_size)
		tree->read_to++;
	return at;
}

static struct node *add_node(struct tree *tree, enum node_type type, struct source_position at)
{
	struct node *node = allocate(tree, sizeof(*node));

	if (!node)
		return NULL;
	node->type = type;
	node->at = at;
	return node;
}

static bool same_key(const struct node *mapping, const struct node *key)
{
	return node_get(mapping, key->text) != NULL;
}

/* Puts a finished scalar or a collection just begun where it belongs. */
static bool place(struct tree *tree, struct node *node)
{
	struct node *parent;
	struct node **key;

	if (!tree->depth) {
		tree->root = node;
		return true;
	}
	parent = tree->open[tree->depth - 1];
	key = &tree->key[tree->depth - 1];
	if (parent->type == NODE_MAPPING && !*key) {
		if (node->type != NODE_SCALAR) {
			error(tree, node->at, "a key must be a plain word, not a mapping or a list");
			return false;
		}
		*key = node;
		return true;
	}
	if (parent->type == NODE_MAPPING) {
		node->key = *key;
		*key = NULL;
		if (node->type == NODE_SCALAR && !node->at.line)
			node->at = node->key->at;
		if (same_key(parent, node->key)) {
			diagnostics_add(tree->diagnostics, node->key->at, false,
					"'%.60s' is given twice (first in line %d), remove one",
					node->key->text,
					node_get(parent, node->key->text)->key->at.line);
			return true;
		}
		if (parent->count >= TREE_MAX_KEYS) {
			diagnostics_add(tree->diagnostics, node->key->at, false,
					"more than %d keys in one mapping", TREE_MAX_KEYS);
			return false;
		}
	}
	if (parent->last)
		parent->last->next = node;
	else
		parent->first = node;
	parent->last = node;
	parent->count++;
	return true;
}

static bool open_collection(struct tree *tree, enum node_type type, const struct fy_mark *mark)
{
	struct node *node = add_node(tree, type, mark ? mark_position(tree, mark, 0) :
				     empty_position(tree));

	if (!node || !place(tree, node))
		return false;
	if (tree->depth == TREE_MAX_DEPTH) {
		diagnostics_add(tree->diagnostics, node->at, false,
				"nested more than %d levels deep", TREE_MAX_DEPTH);
		return false;
	}
	tree->open[tree->depth] = node;
	tree->key[tree->depth] = NULL;
	tree->depth++;
	return true;
}

static bool add_scalar(struct tree *tree, struct fy_event *event, const struct fy_mark *mark)
{
	struct fy_token *token = event->scalar.value;
	enum fy_scalar_style style = fy_token_scalar_style(token);
	bool in_quotes = style == FYSS_SINGLE_QUOTED || style == FYSS_DOUBLE_QUOTED;
	struct source_position at = { .file = tree->file };
	const char *text;
	size_t length = 0;
	struct node *node;

	if (mark)
		at = mark_position(tree, mark, in_quotes ? 1 : 0);
	else if (!tree->depth || tree->open[tree->depth - 1]->type == NODE_SEQUENCE ||
		 !tree->key[tree->depth - 1])
		at = empty_position(tree);

	node = add_node(tree, NODE_SCALAR, at);
	if (!node)
		return false;
	text = fy_token_get_text(token, &length);
	node->text = allocate(tree, length + 1);
	if (!node->text)
		return false;
	if (text && length)
		memcpy(node->text, text, length);
	node->quoted = style != FYSS_PLAIN && style != FYSS_ANY;
	if (strlen(node->text) != length) {
		error(tree, at, "a NUL character cannot be part of a value");
		return false;
	}
	return place(tree, node);
}

static void refuse_token(struct tree *tree, struct fy_token *token, const char *text)
{
	const struct fy_mark *mark = token ? fy_token_start_mark(token) : NULL;

	if (mark)	/* the mark is behind the '&', '*' or '!' */
		error(tree, mark_position(tree, mark, tree->source[mark->input_pos] == '!' ? 0 : 1),
		      text);
}

static const char no_anchor[] =
	"anchors and aliases are not part of the protocol language, write the value out";
static const char no_tag[] = "tags are not part of the protocol language, remove it";

/* Returns false when there is no use in going on. */
static bool handle(struct tree *tree, struct fy_event *event)
{
	const struct fy_mark *mark = fy_event_start_mark(event);
	const struct fy_mark *end = fy_event_end_mark(event);
	bool result = true;

	switch (event->type) {
	case FYET_DOCUMENT_START:
		if (tree->document_seen) {
			error(tree, mark ? mark_position(tree, mark, 0) :
			      (struct source_position){ .file = tree->file },
			      "a second document begins here; a protocol is one document");
			return false;
		}
		tree->document_seen = true;
		break;
	case FYET_MAPPING_START:
		refuse_token(tree, event->mapping_start.anchor, no_anchor);
		refuse_token(tree, event->mapping_start.tag, no_tag);
		result = open_collection(tree, NODE_MAPPING, mark);
		break;
	case FYET_SEQUENCE_START:
		refuse_token(tree, event->sequence_start.anchor, no_anchor);
		refuse_token(tree, event->sequence_start.tag, no_tag);
		result = open_collection(tree, NODE_SEQUENCE, mark);
		break;
	case FYET_MAPPING_END:
	case FYET_SEQUENCE_END:
		if (tree->depth)
			tree->depth--;
		break;
	case FYET_SCALAR:
		refuse_token(tree, event->scalar.anchor, no_anchor);
		refuse_token(tree, event->scalar.tag, no_tag);
		result = add_scalar(tree, event, mark);
		break;
	case FYET_ALIAS:
		/* What it stands for is unknown here, so nothing below it can be judged. */
		refuse_token(tree, event->alias.anchor, no_anchor);
		return false;
	default:
		break;
	}
	if (end && end->input_pos > tree->read_to) {
		tree->read_to = end->input_pos;
		tree->read_line = end->line;
	}
	return result;
}

/* An expression in braces without quotes is the likeliest slip; say so. */
static bool line_has_expression(const struct tree *tree, int line)
{
	const char *from = tree->source, *stop = tree->source + tree->source_size, *end;

	while (--line > 0 && from) {
		from = memchr(from, '\n', stop - from);
		from = from ? from + 1 : NULL;
	}
	if (!from)
		return false;
	end = memchr(from, '\n', stop - from);
	return memmem(from, (end ? end : stop) - from, "${", 2) != NULL;
}

static void report_malformed(struct tree *tree, struct fy_diag *diag)
{
	void *previous = NULL;
	struct fy_diag_error *one;
	bool any = false;

	while ((one = fy_diag_errors_iterate(diag, &previous))) {
		diagnostics_add(tree->diagnostics,
				(struct source_position){ one->line, one->column, tree->file }, false,
				"not valid YAML: %.200s%s", one->msg,
				line_has_expression(tree, one->line) ?
				"; an expression inside braces goes in quotes: \"${...}\"" : "");
		any = true;
	}
	if (!any)
		error(tree, empty_position(tree), "not valid YAML from here on");
}

static void parse(struct tree *tree)
{
	struct fy_diag_cfg diag_config;
	struct fy_parse_cfg config = { .flags = FYPCF_QUIET | FYPCF_COLLECT_DIAG };
	struct fy_parser *parser = NULL;
	struct fy_event *event;
	bool going = true;

	/* Its own diagnostics object: else the library prints on stderr itself. */
	fy_diag_cfg_default(&diag_config);
	diag_config.fp = NULL;
	diag_config.level = FYET_ERROR;
	config.diag = fy_diag_create(&diag_config);
	if (config.diag) {
		fy_diag_set_collect_errors(config.diag, true);
		parser = fy_parser_create(&config);
	}
	if (!parser || fy_parser_set_string(parser, tree->source, tree->source_size)) {
		error(tree, (struct source_position){ .file = tree->file }, "out of memory");
		going = false;
	} else {
		while (going && (event = fy_parser_parse(parser))) {
			going = handle(tree, event);
			fy_parser_event_free(parser, event);
		}
		if (going && fy_parser_get_stream_error(parser)) {
			report_malformed(tree, config.diag);
			going = false;
		}
	}
	if (!going)
		tree->fatal = true;
	fy_parser_destroy(parser);
	fy_diag_destroy(config.diag);
}

/* libfyaml reads what it is given; the position of a stray byte is ours to find. */
static bool check_encoding(struct tree *tree)
{
	const unsigned char *s = (const unsigned char *)tree->source;
	size_t i = 0;
	int line = 0;

	while (i < tree->source_size) {
		size_t left = tree->source_size - i, length = 1;
		bool good = true;
		uint32_t code = s[i];

		if (s[i] >= 0xf0)
			length = 4;
		else if (s[i] >= 0xe0)
			length = 3;
		else if (s[i] >= 0x80)
			length = 2;
		if (length > left || s[i] > 0xf4 || (s[i] >= 0x80 && s[i] < 0xc2)) {
			good = false;
		} else if (length > 1) {
			code &= 0x7f >> length;
			for (size_t k = 1; k < length; k++) {
				good = good && (s[i + k] & 0xc0) == 0x80;
				code = code << 6 | (s[i + k] & 0x3f);
			}
			good = good && code >= (length == 2 ? 0x80u : length == 3 ? 0x800u : 0x10000u) &&
			       code <= 0x10ffff && (code < 0xd800 || code > 0xdfff);
		}
		if (!good) {
			error(tree, position_at(tree, i, line),
			      "not UTF-8 text from here on; save the file as UTF-8");
			return false;
		}
		if ((code < 0x20 && code != '\t' && code != '\n' && code != '\r') || code == 0x7f) {
			diagnostics_add(tree->diagnostics, position_at(tree, i, line), false,
					"control character 0x%02x; a protocol is plain text", code);
			return false;
		}
		line += s[i] == '\n';
		i += length;
	}
	return true;
}

struct tree *tree_new(const char *text, size_t size, int file, struct diagnostics *diagnostics)
{
	struct tree *tree = calloc(1, sizeof(*tree));

	if (!tree) {
		diagnostics_add(diagnostics, (struct source_position){ .file = file }, false, "out of memory");
		return NULL;
	}
	tree->source = text;
	tree->source_size = size;
	tree->file = file;
	tree->diagnostics = diagnostics;
	if (!check_encoding(tree))
		tree->fatal = true;
	else
		parse(tree);
	if (tree->fatal) {
		tree_free(tree);
		return NULL;
	}
	return tree;
}

struct tree *tree_read(const char *path, const char *too_large, struct diagnostics *diagnostics)
{
	static const struct source_position whole_file;
	char *text = malloc(SMALL_FILE + 1);
	FILE *file = fopen(path, "re");
	struct tree *tree = NULL;
	size_t size = 0;

	if (text && file)
		size = fread(text, 1, SMALL_FILE + 1, file);
	if (!text || !file || ferror(file))
		diagnostics_add(diagnostics, whole_file, false, "cannot be read: %m");
	else if (size > SMALL_FILE)
		diagnostics_add(diagnostics, whole_file, false, "is larger than %u KiB, which %s",
				SMALL_FILE >> 10, too_large);
	else
		tree = tree_new(text, size, 0, diagnostics);
	if (file)
		fclose(file);
	free(text);
	return tree;
}

void tree_free(struct tree *tree)
{
	if (!tree)
		return;
	while (tree->blocks) {
		struct block *next = tree->blocks->next;

		free(tree->blocks);
		tree->blocks = next;
	}
	free(tree);
}

struct node *tree_root(const struct tree *tree)
{
	return tree->root;
}

struct node *node_get(const struct node *mapping, const char *key)
{
	for (struct node *node = mapping->first; node; node = node->next) {
		if (node->key && !strcmp(node->key->text, key))
			return node;
	}
	return NULL;
}

const char *node_type_name(const struct node *node)
{
	return node->type == NODE_MAPPING ? "a mapping" :
	       node->type == NODE_SEQUENCE ? "a list" : "text";
}
