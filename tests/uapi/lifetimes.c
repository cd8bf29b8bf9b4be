// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What may go goes while it is in use: the driver from its device, the module
 * (it must refuse), the sensor from its bus, the whole rig; while somebody
 * reads, is blocked, polls, moves the pump, is inside an ioctl, and has each file
 * of sysfs and debugfs open and reads it, all at once. 200 times, or ND_CYCLES.
 *
 * vm: --rig rig0
 */
#include <ftw.h>
#include <limits.h>
#include <pthread.h>
#include <sys/syscall.h>

#include "uapi.h"

#define CYCLES		200
#define FILES_MAX	128
#define FLOW_NS		(2 * NSEC_PER_MSEC)

#define DRIVER		"/sys/bus/platform/drivers/nanodose/"
#define LIVE		"/sys/kernel/config/nanodose-sim/" RIG "/live"

/* One of those at it in a cycle, and what they saw. */
struct scene {
	int owner;		/* claimed; the sensor measures */
	int fd;			/* of the thread */
	pthread_t thread;
	bool enough;		/* the thread may end */
	int error;		/* what its last call failed with, 0 if it ended otherwise */
	short events;
	int files[FILES_MAX];
	int file_count;
};

static bool enough(struct scene *scene)
{
	return __atomic_load_n(&scene->enough, __ATOMIC_RELAXED);
}

/* ---- what is going on ------------------------------------------------------------------ */

static void *read_on(void *data)
{
	struct scene *scene = data;
	struct nanodose_record record;

	while (!enough(scene)) {
		if (read(scene->fd, &record, sizeof(record)) < 0) {
			scene->error = errno;
			break;
		}
	}
	return NULL;
}

static void *poll_on(void *data)
{
	struct scene *scene = data;
	struct pollfd wanted = { .fd = scene->fd };	/* HUP and ERR come unasked */

	while (!enough(scene) && poll(&wanted, 1, 20) == 0)
		continue;
	scene->events = wanted.revents;
	if (wanted.revents & POLLHUP)
		scene->error = ENODEV;
	return NULL;
}

/* Starting and stopping the sensor waits for the bus, inside the call. */
static void *command_on(void *data)
{
	struct scene *scene = data;

	while (!enough(scene)) {
		int ret = pump_sensor(scene->owner, NANODOSE_SENSOR_STOP, 0, 0);

		if (!ret || errno == EIO)
			ret = pump_sensor(scene->owner, NANODOSE_SENSOR_START,
					  NANODOSE_MEDIUM_WATER, FLOW_NS);
		if (ret && errno == ENODEV) {
			struct nanodose_status status;

			/* No device, or no sensor on it? */
			if (ioctl(scene->owner, NANODOSE_IOC_GET_STATUS, &status)) {
				scene->error = errno;
				break;
			}
		}
	}
	return NULL;
}

static void *run_on(void *data)
{
	struct scene *scene = data;

	while (!enough(scene)) {
		if (pump_run(scene->owner, RATE_NHZ, HOLD_NS) && errno == ENODEV) {
			scene->error = errno;
			break;
		}
		sleep_ms(1);
	}
	return NULL;
}

static struct scene *collecting;

static bool answers(int file)
{
	char text[256];

	lseek(file, 0, SEEK_SET);
	return read(file, text, sizeof(text)) >= 0 || errno == EAGAIN;
}

/* Some files of sysfs, of power management, never answer. */
static int collect(const char *path, const struct stat *status, int type, struct FTW *place)
{
	int fd;

	(void)status;
	(void)place;
	if (type != FTW_F || collecting->file_count == FILES_MAX)
		return 0;
	fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd >= 0 && answers(fd))
		collecting->files[collecting->file_count++] = fd;
	else if (fd >= 0)
		close(fd);
	return 0;
}

static void open_files(struct scene *scene)
{
	const char *node = strrchr(pump_path(), '/') + 1;
	char path[PATH_MAX];

	collecting = scene;
	snprintf(path, sizeof(path), "/sys/class/nanodose/%s/", node);
	nftw(path, collect, 8, FTW_PHYS);
	snprintf(path, sizeof(path), "/sys/kernel/debug/nanodose/%s", node);
	nftw(path, collect, 8, FTW_PHYS);
	nftw("/sys/kernel/debug/nanodose-sim/" RIG, collect, 8, FTW_PHYS);
}

static void *read_files_on(void *data)
{
	struct scene *scene = data;
	int i;

	while (!enough(scene)) {
		for (i = 0; i < scene->file_count; i++)
			answers(scene->files[i]);
		sleep_ms(1);
	}
	return NULL;
}

static const struct use {
	const char *name;
	void *(*work)(void *scene);
	unsigned int mask;	/* of records for the thread; 0: the usual ones */
} uses[] = {
	{ "while somebody reads", read_on, 0 },
	{ "while somebody is blocked in read", read_on, 1u << NANODOSE_RECORD_FAULT },
	{ "while somebody polls", poll_on, 0 },
	{ "while the pump moves", run_on, 0 },
	{ "while somebody is in an ioctl", command_on, 0 },
	{ "while every file of sysfs and debugfs is open and read", read_files_on, 0 },
};

/* ---- what goes ------------------------------------------------------------------------- */

static char device[NAME_MAX + 1];

static void must_write(const char *path, const char *text)
{
	if (!write_text(path, text))
		bail("%s: %s", path, strerror(errno));
}

/* The pump must rest, and nothing of it may move any more. */
static bool rests(void)
{
	long long steps = rig_truth("steps");

	sleep_ms(2);
	return rig_truth("steps") == steps;
}

static bool unbind(void)
{
	must_write(DRIVER "unbind", device);
	return rests();
}

static void bind_again(void)
{
	must_write(DRIVER "bind", device);
}

/* Descriptors of the node are open: no module may go. */
static bool remove_modules(void)
{
	static const char * const modules[] = { "nanodose", "nanodose_sim" };
	bool good = true;
	size_t i;

	for (i = 0; i < COUNT(modules); i++) {
		good &= syscall(SYS_delete_module, modules[i], O_NONBLOCK) < 0 &&
			(errno == EWOULDBLOCK || errno == EBUSY);
	}
	return good;
}

static bool unplug_sensor(void)
{
	rig_fault("unplug", 1);
	sleep_ms(10);
	return true;
}

static void plug_sensor(void)
{
	rig_fault("unplug", 0);
}

static bool remove_rig(void)
{
	char node[PATH_MAX];

	snprintf(node, sizeof(node), "%s", pump_path());
	must_write(LIVE, "0");
	return access(node, F_OK) < 0;
}

static void make_rig(void)
{
	must_write(LIVE, "1");
	snprintf(device, sizeof(device), "%s", rig_device());
}

static void nothing(void)
{
}

static const struct loss {
	const char *name;
	bool (*take)(void);	/* false: not as it should be */
	void (*restore)(void);
	bool device_gone;
} losses[] = {
	{ "unbind", unbind, bind_again, true },
	{ "rmmod is refused", remove_modules, nothing, false },
	{ "the sensor is unplugged", unplug_sensor, plug_sensor, false },
	{ "the rig is removed", remove_rig, make_rig, true },
};

/* ---- one after the other ---------------------------------------------------------------- */

static bool begin(struct scene *scene, const struct use *use, int owner)
{
	struct nanodose_subscribe subscribe = { .mask = use->mask };

	*scene = (struct scene){ .owner = owner, .fd = open(pump_path(), O_RDONLY | O_CLOEXEC) };
	if (scene->fd < 0 || (use->mask && ioctl(scene->fd, NANODOSE_IOC_SUBSCRIBE, &subscribe)))
		return false;
	if (use->work == read_files_on)
		open_files(scene);
	return !pthread_create(&scene->thread, NULL, use->work, scene);
}

/* A record for whoever waits for one: a fault, told to all. */
static void wake(int owner)
{
	struct nanodose_record record;

	rig_fault("estop", 1);
	pump_await_fault(owner, NANODOSE_FAULT_ESTOP, &record);
	rig_fault("estop", 0);
	pump_await_rest(owner);
	pump_clear(owner, pump_status(owner).faults);
}

/* Files of what is gone say so; all others still answer. */
static bool close_files(struct scene *scene, bool gone)
{
	int refusals = 0, i;
	bool good = scene->file_count;

	for (i = 0; i < scene->file_count; i++) {
		if (!answers(scene->files[i])) {
			good &= errno == ENODEV || errno == EIO;
			refusals++;
		}
		close(scene->files[i]);
	}
	return good && gone == !!refusals;
}

/* All of them at once; who saw what they should is counted. */
static void cycle(const struct loss *loss, int good[COUNT(uses)])
{
	struct scene scenes[COUNT(uses)];
	int owner = pump_open(O_RDWR);
	bool taken;
	size_t i;

	pump_claim(owner);
	if (pump_sensor(owner, NANODOSE_SENSOR_START, NANODOSE_MEDIUM_WATER, FLOW_NS))
		bail("%s: the sensor does not start: %s", loss->name, strerror(errno));
	for (i = 0; i < COUNT(uses); i++) {
		if (!begin(&scenes[i], &uses[i], owner))
			bail("%s %s: cannot begin: %s", loss->name, uses[i].name, strerror(errno));
	}
	sleep_ms(4);
	taken = loss->take();
	for (i = 0; i < COUNT(uses); i++) {
		if (!loss->device_gone || uses[i].work == read_files_on)
			__atomic_store_n(&scenes[i].enough, true, __ATOMIC_RELAXED);
	}
	if (!loss->device_gone)
		wake(owner);
	for (i = 0; i < COUNT(uses); i++) {
		pthread_join(scenes[i].thread, NULL);
		if (uses[i].work == read_files_on)
			good[i] += taken && close_files(&scenes[i], loss->device_gone);
		else
			good[i] += taken && scenes[i].error == (loss->device_gone ? ENODEV : 0);
		close(scenes[i].fd);
	}
	loss->restore();
	close(owner);
}

int main(void)
{
	int cycles = getenv("ND_CYCLES") ? atoi(getenv("ND_CYCLES")) : CYCLES;
	size_t i, j;
	int n;

	snprintf(device, sizeof(device), "%s", rig_device());
	for (i = 0; i < COUNT(losses); i++) {
		int good[COUNT(uses)] = {};

		for (n = 0; n < cycles; n++)
			cycle(&losses[i], good);
		for (j = 0; j < COUNT(uses); j++) {
			if (!test(good[j] == cycles, "%s %s, %d times", losses[i].name, uses[j].name, cycles))
				note("as it should be %d times", good[j]);
		}
	}
	return test_end();
}
