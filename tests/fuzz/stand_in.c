// SPDX-License-Identifier: GPL-2.0-or-later
/* What the settings say to a user of the command line, who is not here. */
#include "verbs.h"

int verb_usage_error(const char *verb, const char *format, ...)
{
	(void)verb, (void)format;
	return 2;
}
