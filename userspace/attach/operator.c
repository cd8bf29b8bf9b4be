// SPDX-License-Identifier: GPL-2.0-or-later
#include <pwd.h>
#include <stdio.h>
#include <unistd.h>

#include "operator.h"

void operator_name(char *who, size_t size)
{
	struct passwd *entry;

	if (!getlogin_r(who, size) && who[0])
		return;
	entry = getpwuid(getuid());
	if (entry)
		snprintf(who, size, "%s", entry->pw_name);
	else
		snprintf(who, size, "user %u", (unsigned int)getuid());
}
