// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Facts in sysfs against GET_INFO and the rig's parameters, and fdinfo.
 *
 * vm: --rig rig0
 */
#include <limits.h>

#include "uapi.h"

static bool fact(const char *name, char *text, size_t size)
{
	char path[PATH_MAX];
	ssize_t length;
	int fd;

	snprintf(path, sizeof(path), "/sys/class/nanodose/%s/%s", strrchr(pump_path(), '/') + 1,
		 name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	length = fd < 0 ? -1 : read(fd, text, size - 1);
	if (fd >= 0)
		close(fd);
	if (length < 0)
		return false;
	text[length] = '\0';
	return true;
}

static void sysfs_tells(const char *name, unsigned long long value)
{
	char text[128], wanted[32];

	snprintf(wanted, sizeof(wanted), "%llu\n", value);
	if (!test(fact(name, text, sizeof(text)) && !strcmp(text, wanted),
		  "sysfs: %s is one number, the right one", name))
		note("got %s, wanted %s", text, wanted);
}

/* The number behind a key of this descriptor's fdinfo, -1 if none. */
static long long fdinfo(int fd, const char *key)
{
	char path[64], line[128];
	long long value = -1;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	file = fopen(path, "re");
	if (!file)
		bail("%s: %s", path, strerror(errno));
	while (fgets(line, sizeof(line), file)) {
		if (!strncmp(line, key, strlen(key)) && line[strlen(key)] == ':')
			value = strtoll(line + strlen(key) + 1, NULL, 0);
	}
	fclose(file);
	return value;
}

static void fdinfo_tells(int fd)
{
	struct nanodose_subscribe subscribe = {
		.mask = 1 << NANODOSE_RECORD_STATE,
		.ring_records = 64,
		.flow_decimation = 5,
	};
	struct nanodose_set_position zero = {};
	int i;

	test(!fdinfo(fd, "nanodose-owner") && fdinfo(fd, "nanodose-ring-records") == 1024 &&
	     fdinfo(fd, "nanodose-mask") == 0x1e && fdinfo(fd, "nanodose-flow-decimation") == 1,
	     "fdinfo: an opener as it begins");
	pump_claim(fd);
	test(fdinfo(fd, "nanodose-owner") == 1, "fdinfo: the owner");
	ioctl(fd, NANODOSE_IOC_SUBSCRIBE, &subscribe);
	test(fdinfo(fd, "nanodose-ring-records") == 64 && fdinfo(fd, "nanodose-mask") == 2 &&
	     fdinfo(fd, "nanodose-flow-decimation") == 5, "fdinfo: what SUBSCRIBE asked for");
	pump_drain(fd);
	for (i = 0; i < 70; i++)
		ioctl(fd, NANODOSE_IOC_SET_POSITION, &zero);
	test(fdinfo(fd, "nanodose-waiting") == 64 && fdinfo(fd, "nanodose-lost") == 6,
	     "fdinfo: what waits in the ring, and what was lost");
	pump_drain(fd);
	test(!fdinfo(fd, "nanodose-waiting") && !fdinfo(fd, "nanodose-lost"),
	     "fdinfo: nothing once all was read");
}

int main(void)
{
	int fd = pump_open(O_RDWR);
	const struct nanodose_info info = pump_info(fd);
	char text[128];

	test(fact("label", text, sizeof(text)) && !strcmp(text, RIG "\n"), "sysfs: the label");
	sysfs_tells("microsteps_per_rev", 3200);
	sysfs_tells("lead_pitch_nm", 1000000);
	sysfs_tells("max_step_rate_hz", 40000);
	sysfs_tells("pulse_width_ns", 2000);
	sysfs_tells("dir_setup_ns", 1000);
	sysfs_tells("dir_hold_ns", 1000);
	sysfs_tells("step_both_edges", 0);
	sysfs_tells("sensor_serial", info.sensor_serial);
	sysfs_tells("sensor_full_scale_pl_min", 2000000000);
	fdinfo_tells(fd);
	close(fd);
	return test_end();
}
