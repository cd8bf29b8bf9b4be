// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "record.h"

#define MOST_OF_A_NAME 99	/* runs of one protocol in one second */

char *record_own_path(const char *kind, const char *protocol_path)
{
	const char *slash = strrchr(protocol_path, '/');
	const char *name = slash ? slash + 1 : protocol_path;
	const char *dot = strrchr(name, '.');
	int length = dot && dot > name ? (int)(dot - name) : (int)strlen(name);
	char date[32], number[16] = "", *path;
	time_t now = time(NULL);
	struct tm local;

	localtime_r(&now, &local);
	strftime(date, sizeof(date), "%Y%m%d-%H%M%S", &local);
	for (int i = 2; ; i++) {
		if (asprintf(&path, "%s-%s-%.*s%s.db", kind, date, length, name, number) < 0)
			return NULL;
		if (access(path, F_OK) || i > MOST_OF_A_NAME)
			return path;
		free(path);
		snprintf(number, sizeof(number), "-%d", i);
	}
}
