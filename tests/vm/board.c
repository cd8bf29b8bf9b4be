// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * First and only process of an emulated board that reaches no files of the host:
 * loads the modules of its initramfs, samples the flow sensor of the first pump
 * and prints what it reads, a line a record, between BEGIN and END. Linked
 * statically.
 *
 * /load and /load.more list the modules in order; READINGS are asked for.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/nanodose.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define READINGS	8
#define PERIOD_NS	20000000
#define PATIENCE_MS	5000

static void load_modules(const char *name)
{
	char path[256];
	FILE *list = fopen(name, "re");

	while (list && fgets(path, sizeof(path), list)) {
		int fd;

		path[strcspn(path, "\n")] = 0;
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0 || (syscall(SYS_finit_module, fd, "", 0) && errno != EEXIST))
			printf("load of %s: %s\n", path, strerror(errno));
		if (fd >= 0)
			close(fd);
	}
	if (list)
		fclose(list);
}

static int open_pump(void)
{
	int fd, ms;

	for (ms = 0; (fd = open("/dev/nanodose0", O_RDWR | O_CLOEXEC)) < 0 && ms < PATIENCE_MS; ms++)
		usleep(1000);
	return fd;
}

static void print_readings(int fd)
{
	struct nanodose_record record;
	struct pollfd ready = { .fd = fd, .events = POLLIN };
	int left = READINGS;

	while (left && poll(&ready, 1, PATIENCE_MS) > 0 && read(fd, &record, sizeof(record)) == sizeof(record)) {
		if (record.type != NANODOSE_RECORD_FLOW)
			continue;
		printf("reading %" PRId64 " %d 0x%x %d\n", (int64_t)record.flow.flow_pl_min, record.flow.temperature_mdegc,
		       record.flow.sensor_flags, record.flow.valid & NANODOSE_VALID_FLOW);
		left--;
	}
}

static void sample(void)
{
	struct nanodose_sensor start = {
		.op = NANODOSE_SENSOR_START, .medium = NANODOSE_MEDIUM_WATER, .period_ns = PERIOD_NS,
	};
	struct nanodose_claim claim = { .label = "board" };
	struct nanodose_info info;
	int fd = open_pump();

	if (fd < 0 || ioctl(fd, NANODOSE_IOC_GET_INFO, &info) || ioctl(fd, NANODOSE_IOC_CLAIM, &claim) ||
	    ioctl(fd, NANODOSE_IOC_SENSOR, &start)) {
		printf("pump: %s\n", strerror(errno));
		return;
	}
	printf("sensor %u %" PRIu64 "\n", info.sensor_model, (uint64_t)info.sensor_serial);
	print_readings(fd);
}

int main(void)
{
	mkdir("/dev", 0755);
	if (mount("devtmpfs", "/dev", "devtmpfs", 0, "mode=0755") && errno != EBUSY)
		printf("mount of /dev: %s\n", strerror(errno));
	load_modules("/load");
	load_modules("/load.more");
	puts("BEGIN");
	sample();
	puts("END");
	fflush(stdout);
	sync();
	reboot(RB_POWER_OFF);
	return 0;
}
