// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Writes of all kinds to the files of a rig in configfs and to its faults: what
 * is refused changes nothing, what is taken is what is read back, nothing
 * changes while the rig is live, and a rig made of such values can be driven
 * and taken down. Another rig takes no notice. 10 000 writes, or ND_CALLS, from
 * the seed ND_SEED.
 *
 * vm: --rig rig0
 */
#include <dirent.h>
#include <glob.h>
#include <limits.h>
#include <sys/stat.h>

#include "hostile_data.h"

#define CALLS		10000
#define CALLS_PER_LIFE	100
#define FILES_MAX	64
#define TEXT_MAX	5000

#define ROOT		"/sys/kernel/config/nanodose-sim/"
#define VICTIM		ROOT "victim"
#define FAULTS		"/sys/kernel/debug/nanodose-sim/victim/fault"

static char *parameters[FILES_MAX], *faults[FILES_MAX];
static size_t parameter_count, fault_count;

static struct {
	unsigned long taken, refused;
	unsigned long changed;		/* by what was refused, or while live */
	unsigned long other;		/* read back other than written */
	unsigned long lives, stillborn, moved;
} seen;

/* ---- files ------------------------------------------------------------------------------ */

static size_t list_files(const char *folder, char *names[])
{
	DIR *dir = opendir(folder);
	struct dirent *entry;
	size_t count = 0;

	if (!dir)
		bail("%s: %s", folder, strerror(errno));
	while ((entry = readdir(dir))) {
		if (entry->d_type == DT_REG && strcmp(entry->d_name, "live") &&
		    strcmp(entry->d_name, "dev_name") && count < FILES_MAX)
			names[count++] = strdup(entry->d_name);
	}
	closedir(dir);
	return count;
}

static void read_file(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t length = fd < 0 ? -1 : read(fd, text, size - 1);

	if (length < 0)
		bail("%s: %s", path, strerror(errno));
	text[length] = '\0';
	close(fd);
}

/* ---- text ------------------------------------------------------------------------------- */

/* Numbers in range and out of it, almost numbers, and no numbers at all. */
static size_t any_text(char text[TEXT_MAX])
{
	static const char * const odd[] = {
		"", "\n", " 7", "7 ", "7\n", "-", "+5", "0x10", "010", "1e3", "1.5", "12 34", "slf3s-1300f",
		"ld20-2600b\n", "9223372036854775808", "-9223372036854775809", "nan", "%s%n", "true", "y",
	};
	long long number = hostile_random() >> hostile_below(64);
	size_t length;

	switch (hostile_below(8)) {
	case 0:
		strcpy(text, odd[hostile_below(COUNT(odd))]);
		return strlen(text);
	case 1:
		length = hostile_below(16);
		hostile_bytes((unsigned char *)text, length);
		return length;
	case 2:
		length = hostile_below(4) ? hostile_below(64) : TEXT_MAX - 1 - hostile_below(1000);
		memset(text, '0' + hostile_below(10), length);
		return length;
	case 3:
		number = -number;
		break;
	case 4:
		number = hostile_below(2);
		break;
	}
	return snprintf(text, TEXT_MAX, "%lld", number);
}

/* ---- a rig's life ------------------------------------------------------------------------ */

/* How much of it was taken: files of configfs take a page at most. */
static size_t write_bytes(const char *path, const char *text, size_t length)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t written;

	if (fd < 0)
		bail("%s: %s", path, strerror(errno));
	written = write(fd, text, length);
	close(fd);
	return written > 0 ? written : 0;
}

static void any_write(bool live)
{
	const char *name = parameters[hostile_below(parameter_count)];
	char path[PATH_MAX], before[128], after[128], text[TEXT_MAX];
	size_t length = any_text(text);

	snprintf(path, sizeof(path), VICTIM "/%s", name);
	read_file(path, before, sizeof(before));
	length = write_bytes(path, text, length);
	if (!length) {
		seen.refused++;
		read_file(path, after, sizeof(after));
		seen.changed += !!strcmp(before, after);
		return;
	}
	seen.taken++;
	seen.changed += live;
	read_file(path, after, sizeof(after));
	text[length] = '\0';
	if (strcmp(name, "sensor_model"))
		seen.other += strtoll(text, NULL, 0) != strtoll(after, NULL, 0);
	else
		seen.other += strncmp(text, after, strcspn(text, "\n"));
}

static void any_fault(void)
{
	char path[PATH_MAX], text[TEXT_MAX];
	size_t length = any_text(text);

	snprintf(path, sizeof(path), FAULTS "/%s", faults[hostile_below(fault_count)]);
	if (write_bytes(path, text, length))
		seen.taken++;
	else
		seen.refused++;
}

/* The node of the pump that the rig has brought; -1 if none came. */
static int open_pump(void)
{
	char device[128], pattern[PATH_MAX], path[PATH_MAX];
	glob_t found;
	int fd = -1;

	read_file(VICTIM "/dev_name", device, sizeof(device));
	device[strcspn(device, "\n")] = '\0';
	snprintf(pattern, sizeof(pattern), "/sys/bus/platform/devices/%s/nanodose/nanodose*", device);
	if (!glob(pattern, 0, NULL, &found)) {
		snprintf(path, sizeof(path), "/dev/%s", strrchr(found.gl_pathv[0], '/') + 1);
		fd = open(path, O_RDWR | O_CLOEXEC);
		globfree(&found);
	}
	return fd;
}

/* Driven as fast as it says it can be, while things go wrong; it need not step. */
static void drive(int fd)
{
	struct nanodose_info info = pump_info(fd);
	struct nanodose_run run = {
		.rate_nhz = hostile_below(2) ? info.max_rate_nhz : 1 + hostile_below(info.max_rate_nhz),
		.accel_nhz_s = info.max_accel_nhz_s,
		.hold_ns = HOLD_NS,
	};
	unsigned int n;

	pump_claim(fd);
	pump_sensor(fd, NANODOSE_SENSOR_START, NANODOSE_MEDIUM_WATER,
		    info.sensor_min_period_ns + hostile_below(10 * NSEC_PER_MSEC));
	if (!ioctl(fd, NANODOSE_IOC_RUN, &run))
		seen.moved++;
	for (n = 0; n < 10; n++) {
		any_fault();
		any_write(true);
		sleep_ms(1);
	}
}

static void live_and_die(void)
{
	int fd;

	if (!write_text(VICTIM "/live", "1")) {
		seen.stillborn++;
		return;
	}
	seen.lives++;
	if (!fault_count)
		fault_count = list_files(FAULTS, faults);
	fd = open_pump();
	if (fd >= 0)
		drive(fd);
	/* Taken down, or all of it removed, moving and held open. */
	if (hostile_below(2)) {
		if (!write_text(VICTIM "/live", "0"))
			bail("live: %s", strerror(errno));
	} else if (rmdir(VICTIM) || mkdir(VICTIM, 0755)) {
		bail(VICTIM ": %s", strerror(errno));
	}
	if (fd >= 0)
		close(fd);
}

/* Names that a file system takes; those that it took are removed. */
static void any_names(void)
{
	char path[PATH_MAX];
	unsigned int n, i, made = 0, left = 0;

	for (n = 0; n < 200; n++) {
		size_t length = 1 + hostile_below(hostile_below(2) ? 260 : 40);

		snprintf(path, sizeof(path), ROOT);
		for (i = 0; i < length; i++)
			path[strlen(ROOT) + i] = hostile_below(2) ? 'a' + hostile_below(26) : 1 + hostile_below(255);
		path[strlen(ROOT) + length] = '\0';
		if (strchr(path + strlen(ROOT), '/') || mkdir(path, 0755))
			continue;
		made++;
		if (hostile_below(4) == 0) {
			snprintf(path + strlen(ROOT) + length, sizeof(path) - strlen(ROOT) - length, "/live");
			write_text(path, "1");
			path[strlen(ROOT) + length] = '\0';
		}
		left += !!rmdir(path);
	}
	test(made && !left, "rigs of any name that is taken can be removed");
	note("%u of %u names were taken", made, n);
}

int main(void)
{
	unsigned long calls = hostile_begin(CALLS), n;
	long long steps;

	steps = rig_truth("steps");
	any_names();
	if (mkdir(VICTIM, 0755))
		bail(VICTIM ": %s", strerror(errno));
	parameter_count = list_files(VICTIM, parameters);
	for (n = 1; n <= calls; n++) {
		any_write(false);
		if (n % CALLS_PER_LIFE == 0)
			live_and_die();
	}
	test(!rmdir(VICTIM), "the rig can be removed");

	note("%lu writes were taken, %lu refused; of %lu rigs %lu did not come to life, and %lu were driven",
	     seen.taken, seen.refused, seen.lives + seen.stillborn, seen.stillborn, seen.moved);
	test(seen.taken > calls / 10 && seen.refused > calls / 10 && seen.moved,
	     "writes of both kinds came, and rigs were driven");
	test(!seen.changed, "what was refused changed nothing, and nothing changed in a live rig");
	test(!seen.other, "what was taken is read back");
	test(rig_truth("steps") == steps && pump_status(pump_open(O_RDONLY)).state == NANODOSE_STATE_REST,
	     "the other rig took no notice");
	return test_end();
}
