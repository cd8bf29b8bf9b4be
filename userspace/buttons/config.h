/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONFIG_H
#define CONFIG_H

#include "runner.h"

struct button_rule {
	char *device;			/* its name, as the kernel has it */
	int key;			/* KEY_*, BTN_* */
	enum run_command command;	/* RUN_PAUSE: or resume, in turn */
};

struct config {
	char *path;			/* NULL: there is no configuration file */
	struct button_rule *rules;
	size_t rule_count;
};

/* False: what is wrong with the file has been printed. To be cleared in any case. */
bool config_load(struct config *config);
void config_clear(struct config *config);

#endif /* CONFIG_H */
