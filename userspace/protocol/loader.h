/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the parts of the loader share while one file is read. Each part adds
 * its errors and goes on, so that all are told at once; what could not be
 * read is left out of the protocol, which is then thrown away.
 */
#ifndef LOADER_H
#define LOADER_H

#include "protocol.h"
#include "tree.h"

#define LOADER_MAX_CHANNELS	16
#define LOADER_MAX_INPUTS	64
#define LOADER_MAX_SIGNALS	16
#define LOADER_MAX_CHOICES	32
#define LOADER_MAX_CALLS	64
#define LOADER_MAX_REPEATS	16	/* nested */
#define LOADER_MAX_STEPS	100000	/* with every repeat written out */

struct loader_limits {		/* as written */
	char *text[PROTOCOL_LIMITS], *window_text;
	struct source_position at[PROTOCOL_LIMITS];
};

struct loader_channel {
	struct source_position at_loaded;
	struct loader_limits limits[PROTOCOL_STRICTNESSES];
	bool used;		/* by a step */
	bool loaded_known;
};

/* The file at hand, and what its names mean: the protocol's, or that of a call. */
struct loader_scope {
	const struct loader_scope *caller;	/* NULL: it is the protocol */
	const char *path;
	int file;				/* in positions */
	const char *given;			/* how its settings are called: "--set" */
	const struct protocol_setting *settings;
	size_t setting_count;
	struct protocol_input *inputs;
	size_t input_count;
	const struct node *input_nodes;		/* all that the file names; NULL: none */
	const struct node *input_current;	/* the one being read, NULL afterwards */
	struct source_position *input_at;	/* by input, its key */
	bool *input_used;
	char **channel_names;			/* NULL: the channels' own */
};

struct loader {
	struct protocol *protocol;
	struct diagnostics *diagnostics;
	struct loader_scope *scope;
	bool signal_used[LOADER_MAX_SIGNALS];
	bool signals_unknown;			/* one could not be read: its uses are no errors */
	struct loader_channel channels[LOADER_MAX_CHANNELS];
	/* of all channels together: rate, volume, dose, step_dose */
	struct protocol_limits total[PROTOCOL_STRICTNESSES];
	struct loader_limits total_written[PROTOCOL_STRICTNESSES];
	bool total_weighed;		/* its doses are masses */
	/* A step that could not be read might have drawn liquid in: levels are unknown. */
	bool levels_unknown;
	/* It might have used a channel that now seems to be used by none. */
	bool uses_unknown;
	bool no_memory;
};

/* ---- loader.c ---------------------------------------------------------------------- */

void loader_error(struct loader *loader, struct source_position at, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void loader_warning(struct loader *loader, struct source_position at, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* Zeroed; NULL is reported once for the file. */
void *loader_allocate(struct loader *loader, size_t count, size_t size);
char *loader_text(struct loader *loader, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/*
 * loader_keys() - @node must be a mapping with no keys but these
 * @what: for messages, such as "channel 'aqueous'"
 * False if it is no mapping; unknown keys are reported only.
 */
bool loader_keys(struct loader *loader, const struct node *node, const char *what,
		 const char *const *keys, size_t count);
#define LOADER_KEYS(loader, node, what, keys) \
	loader_keys(loader, node, what, keys, sizeof(keys) / sizeof((keys)[0]))
/* The value of a key that has to be there; NULL is reported at @at. */
const struct node *loader_need(struct loader *loader, const struct node *mapping,
			       const char *key, const char *what, struct source_position at);

/*
 * Where a line comes from or goes to (@out): one of the keys file, fifo and
 * socket of @node, with a path. False is reported. @path is to be freed.
 */
bool loader_place(struct loader *loader, const struct node *node, const char *what, bool out,
		  enum protocol_signal_source *place, char **path);
/* A path as the file at hand means it: from its folder. To be freed. */
char *loader_path(struct loader *loader, const char *written);
/*
 * A whole file, a NUL after its last byte; NULL is reported. To be freed.
 * @written: as another file names it, at @at; NULL: it is the protocol
 */
char *loader_read_file(struct loader *loader, const char *path, const char *written, struct source_position at,
		       size_t *size);
/* Reported where it is another than ours. */
void loader_version(struct loader *loader, const struct node *root, const char *what);
void loader_unused_inputs(struct loader *loader);
void loader_scope_clear(struct loader_scope *scope);

/* ---- values.c ---------------------------------------------------------------------- */

/* A value as text; expressions may be of any kind. NULL is reported. To be freed. */
char *value_text(struct loader *loader, const struct node *node, const char *key);
/*
 * value_quantity() - a value with a dimension, in SI
 * @text: if not NULL, what it reads as, "12 mL/min", to be freed
 * False is reported, and then *text is NULL.
 */
bool value_quantity(struct loader *loader, const struct node *node, const char *key,
		    enum nanodose_dimension dimension, double *value, char **text);
/* The same, above zero. */
bool value_positive(struct loader *loader, const struct node *node, const char *key,
		    enum nanodose_dimension dimension, double *value, char **text);
/* What is written as the value of a setting: in exact numbers where text would round them. */
bool value_setting(struct loader *loader, const struct node *node, struct protocol_setting *setting);
/* Reports the names in an expression that it cannot know; marks inputs as used. */
bool value_check_names(struct loader *loader, const char *expression, bool run_values,
		       struct source_position at);

/* ---- inputs.c, signals.c, channels.c, fluid.c, limits.c, steps.c, rules.c, amounts.c ---------------------------------- */

/* Into the scope at hand. */
void inputs_load(struct loader *loader, const struct node *node);
void protocol_input_clear(struct protocol_input *input);
void signals_load(struct loader *loader, const struct node *node);
/* Index, or -1; does not report. */
long signals_find(const struct protocol *protocol, const char *name);
void protocol_signal_clear(struct protocol_signal *signal);
void channels_load(struct loader *loader, const struct node *channels);
/* What is in the channel's syringe, and what the flow sensor makes of it. */
void fluid_load(struct loader *loader, const struct node *node, struct protocol_channel *channel);
/* After the channels, to which they belong. */
void limits_load(struct loader *loader, const struct node *node);
/*
 * limits_judge() - one value against a limit, hard and soft
 * @reported: by strictness, to tell each once; NULL: every time
 * @format: what is asked for, such as "'line' would run at 3 mL/min"
 */
void limits_judge(struct loader *loader, const struct protocol_limits *limits,
		  const struct loader_limits *written, enum protocol_limit limit, double asked,
		  bool *reported, struct source_position at, const char *format, ...)
	__attribute__((format(printf, 8, 9)));
void limits_none(struct protocol_limits *limits);
void limits_clear(struct loader_limits *written);
/* Index, or -1; does not report. Of the protocol's own names, and of those of the file at hand. */
long channels_find(const struct protocol *protocol, const char *name);
long channels_find_here(const struct loader *loader, const char *name);
/* As the file at hand calls it; NULL: it has no name for it. */
const char *channels_name_here(const struct loader *loader, size_t channel);
void steps_load(struct loader *loader, const struct node *node);
/* After the steps, whose verbs they use. */
void rules_load(struct loader *loader, const struct node *node);
/* Sums and levels over the whole protocol, against what is loaded and limits. */
void amounts_check(struct loader *loader);

void protocol_step_clear(struct protocol_step *step);
void protocol_call_clear(struct protocol_call *call, size_t channel_count);

#endif /* LOADER_H */
