/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What stands beside the pumps, from the configuration file: how they are called
 * and what is mounted on them, a lab's own syringes, buttons, and who may do
 * what with a run. nanodose-config(5) has the file.
 */
#ifndef CONFIG_H
#define CONFIG_H

#include <sys/types.h>

#include "runner.h"

struct button_rule {
	char *device;			/* its name, as the kernel has it */
	unsigned int type;		/* EV_KEY, or EV_REL of a wheel */
	int code;			/* KEY_*, BTN_*; REL_* */
	int way;			/* of a wheel: 1 or -1, 0: either */
	enum run_command command;	/* RUN_PAUSE: or resume, in turn */
};

struct config_pump {
	char *name;			/* for protocols and commands */
	char *device;			/* what the kernel or the board calls it */
	const struct nanodose_syringe *syringe;	/* that is mounted; NULL: not told */
};

/* Each may do what those before it may. */
enum config_right { CONFIG_WATCH, CONFIG_STOP, CONFIG_CONTROL, CONFIG_RIGHTS };

struct config_people {
	bool everybody;
	uid_t *users;
	size_t user_count;
	gid_t *groups;
	size_t group_count;
};

struct config {
	char *path;			/* NULL: there is no configuration file */
	struct button_rule *rules;
	size_t rule_count;
	struct config_pump *pumps;
	size_t pump_count;
	struct nanodose_syringe *syringes;
	size_t syringe_count;
	bool has_permissions;
	struct config_people people[CONFIG_RIGHTS];
};

/*
 * config_get() - that of this program, read when it is first asked for
 * From $NANODOSE_CONFIG, else the user's own, else /etc/nanodose.yaml. Without a
 * file it is empty. NULL: what is wrong with the file has been printed, once.
 */
const struct config *config_get(void);
/* Where a user's own is written to; to be freed. NULL: errno. */
char *config_own_path(void);
/* Whether the file at @path is one; what is wrong is printed. */
bool config_check(const char *path);

/* The pump that is called so, or whose device is. NULL: none, or no good configuration. */
const struct config_pump *config_pump(const char *name);
/* The same of a pump that is open: by @name, as it was asked for, its label or its device. */
const struct config_pump *config_pump_of(const char *name, const struct nanodose_info *info);
/* What is mounted on it. NULL: it is not told. */
const struct nanodose_syringe *config_mounted(const char *name, const struct nanodose_info *info);
/* From the table of libnanodose, else the lab's own. NULL: none. */
const struct nanodose_syringe *config_syringe(const char *name);
/*
 * config_open_pump() - nanodose_device_open(), then by the configuration's name
 * What the kernel and the board call a pump comes first, so that no mistake in
 * the file keeps anybody from a stop.
 */
struct nanodose_device *config_open_pump(const char *name, bool writable);
/*
 * config_may() - whether somebody may do that with a run
 * @groups: all of theirs, @count of them
 * Without permissions in the file whoever comes to the run may watch and stop it,
 * as the rights of the device and of the socket's folder say; the user of the run
 * and root may always do all.
 */
bool config_may(const struct config *config, enum config_right right, uid_t user, const gid_t *groups,
		size_t count);

/* ---- the parts of the file, for config.c ------------------------------------------- */

struct node;
struct diagnostics;

/* False after a message: @node is no mapping, or has a key that is none of @keys. */
bool config_known_keys(const struct node *node, const char *what, const char *const *keys, size_t count,
		       struct diagnostics *diagnostics);
/* The text of a key; NULL after a message: "@what needs '@key'". */
const char *config_text(const struct node *mapping, const char *what, const char *key,
			struct diagnostics *diagnostics);
void config_load_buttons(struct config *config, const struct node *node, struct diagnostics *diagnostics);
void config_load_syringes(struct config *config, const struct node *node, struct diagnostics *diagnostics);
void config_load_pumps(struct config *config, const struct node *node, struct diagnostics *diagnostics);
void config_load_permissions(struct config *config, const struct node *node, struct diagnostics *diagnostics);

#endif /* CONFIG_H */
