// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "explain.h"

static void print_pumps(FILE *stream, const struct nanodose_list *list)
{
	size_t i;

	fputs("nanodose: pumps here:", stream);
	for (i = 0; i < nanodose_list_count(list); i++) {
		fprintf(stream, "%s %s", i ? "," : "", nanodose_list_name(list, i));
		if (*nanodose_list_label(list, i))
			fprintf(stream, " (%s)", nanodose_list_label(list, i));
	}
	fputc('\n', stream);
}

static void explain_missing(FILE *stream, const char *name)
{
	struct nanodose_list *list = nanodose_list_new();
	bool any = list && nanodose_list_count(list);

	fprintf(stream, "nanodose: no pump named \"%s\" found\n", name);
	if (any)
		print_pumps(stream, list);
	fprintf(stream, "nanodose: %s; load the driver: \"modprobe nanodose\", or \"modprobe nanodose_sim\" for a simulated rig\n",
		any ? "if it is none of these" : "there is no pump at all");
	nanodose_list_free(list);
}

static void explain_ambiguous(FILE *stream, const char *name)
{
	struct nanodose_list *list = nanodose_list_new();

	fprintf(stream, "nanodose: more than one pump has the label \"%s\"; use the device name instead\n",
		name);
	if (list)
		print_pumps(stream, list);
	nanodose_list_free(list);
}

/* The node behind a name, label or path; false if it is not there (any more). */
static bool node_of(const char *name, struct stat *status, char *path, size_t size)
{
	struct nanodose_list *list = nanodose_list_new();
	size_t i;

	snprintf(path, size, "%s", name);
	for (i = 0; list && i < nanodose_list_count(list); i++)
		if (!strcmp(name, nanodose_list_name(list, i)) ||
		    !strcmp(name, nanodose_list_label(list, i)))
			snprintf(path, size, "%s", nanodose_list_path(list, i));
	nanodose_list_free(list);
	return !stat(path, status);
}

static bool in_database(const char *user, gid_t user_group, gid_t wanted)
{
	int count = 0, i;
	bool found = false;
	gid_t *groups;

	getgrouplist(user, user_group, NULL, &count);
	groups = calloc(count > 0 ? (size_t)count : 1, sizeof(*groups));
	if (!groups)
		return false;
	if (getgrouplist(user, user_group, groups, &count) >= 0)
		for (i = 0; i < count; i++)
			found |= groups[i] == wanted;
	free(groups);
	return found;
}

static bool in_session(gid_t wanted)
{
	gid_t groups[NGROUPS_MAX];
	int count = getgroups(NGROUPS_MAX, groups), i;

	for (i = 0; i < count; i++)
		if (groups[i] == wanted)
			return true;
	return getegid() == wanted;
}

static void explain_permission(FILE *stream, const char *name)
{
	const struct passwd *user = getpwuid(geteuid());
	const char *user_name = user ? user->pw_name : "USER";
	const struct group *group;
	struct stat status;
	char path[256];

	if (!node_of(name, &status, path, sizeof(path))) {
		fprintf(stream, "nanodose: no permission to open %s\n", path);
		return;
	}
	if (status.st_gid == 0 || !(status.st_mode & S_IRGRP)) {
		fprintf(stream, "nanodose: no permission to open %s: it belongs to root and no group of users\n",
			path);
		fprintf(stream, "nanodose: give it to the group nanodose by 60-nanodose.rules of this project in /etc/udev/rules.d, make the group with \"sudo groupadd --system nanodose\", join it with \"sudo usermod -aG nanodose %s\", then log out and in again\n",
			user_name);
		return;
	}
	group = getgrgid(status.st_gid);
	if (!group) {
		fprintf(stream, "nanodose: no permission to open %s: it belongs to group %u, which has no name\n",
			path, status.st_gid);
		return;
	}
	fprintf(stream, "nanodose: no permission to open %s: it belongs to group %s\n", path,
		group->gr_name);
	if (in_session(status.st_gid))
		fprintf(stream, "nanodose: %s is in that group, which may not move the pump; let it by \"sudo chmod g+rw %s\", for good by 60-nanodose.rules of this project in /etc/udev/rules.d\n",
			user_name, path);
	else if (user && in_database(user->pw_name, user->pw_gid, status.st_gid))
		fprintf(stream, "nanodose: %s is in that group, but not yet in this session; log out and in again\n",
			user_name);
	else
		fprintf(stream, "nanodose: join it with \"sudo usermod -aG %s %s\", then log out and in again\n",
			group->gr_name, user_name);
}

int explain_open_error(FILE *stream, const char *name, int error)
{
	switch (error) {
	case ENOENT:
		explain_missing(stream, name);
		break;
	case EACCES:
	case EPERM:
		explain_permission(stream, name);
		break;
	case EEXIST:
		explain_ambiguous(stream, name);
		break;
	case ENODEV:
		fprintf(stream, "nanodose: %s is not a nanodose pump, or it has just gone; \"nanodose list\" shows those there are\n",
			name);
		break;
	default:
		fprintf(stream, "nanodose: %s cannot be opened: %s\n", name, strerror(error));
		break;
	}
	return NANODOSE_EXIT_REFUSED;
}

int explain_claim_error(FILE *stream, struct nanodose_device *device, const char *name, int error)
{
	struct nanodose_status status;

	switch (error) {
	case EBUSY:
		if (!nanodose_device_status(device, &status) &&
		    (status.flags & NANODOSE_STATUS_OWNED))
			fprintf(stream, "nanodose: %s is in use by \"%s\" (process %d); let it end, or stop the pump with \"nanodose stop %s\"\n",
				name, status.owner_label, status.owner_pid, name);
		else
			fprintf(stream, "nanodose: %s was in use a moment ago; try again\n", name);
		return NANODOSE_EXIT_REFUSED;
	case ENODEV:
		fprintf(stream, "nanodose: %s is gone: it was unplugged or its driver unloaded\n", name);
		return NANODOSE_EXIT_GONE;
	case EBADF:
		fprintf(stream, "nanodose: %s was opened for watching only\n", name);
		return NANODOSE_EXIT_REFUSED;
	default:
		fprintf(stream, "nanodose: %s cannot be claimed: %s\n", name, strerror(error));
		return NANODOSE_EXIT_REFUSED;
	}
}
