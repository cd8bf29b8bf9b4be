// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The driver is unbound, as when hardware is pulled, with descriptors open,
 * blocked, polled, and the pump moving; and is bound again.
 *
 * vm: --rig rig0
 */
#include <limits.h>
#include <pthread.h>

#include "uapi.h"

#define DRIVER	"/sys/bus/platform/drivers/nanodose"

static char device[NAME_MAX + 1], node[NAME_MAX + 1];

static void driver_write(const char *file)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), DRIVER "/%s", file);
	if (!write_text(path, device))
		bail("%s: %s", path, strerror(errno));
}

struct reader {
	int fd;
	ssize_t got;
	int error;
	int records;
};

/* Reads until that fails. */
static void *read_on(void *data)
{
	struct reader *reader = data;
	struct nanodose_record record;

	while ((reader->got = read(reader->fd, &record, sizeof(record))) > 0)
		reader->records++;
	reader->error = errno;
	return NULL;
}

struct poller {
	int fd;
	short events;
};

static void *poll_on(void *data)
{
	struct poller *poller = data;
	/* HUP and ERR come unasked; the fault that comes first would be PRI */
	struct pollfd wanted = { .fd = poller->fd };

	poll(&wanted, 1, PATIENCE_MS);
	poller->events = wanted.revents;
	return NULL;
}

static void gone_device_refuses(int fd)
{
	struct nanodose_run run = { .accel_nhz_s = ACCEL_NHZ_S, .hold_ns = HOLD_NS };
	struct nanodose_subscribe subscribe = { .mask = 2 };
	struct nanodose_claim claim = {};
	struct nanodose_stop stop = {};
	struct nanodose_clear_faults clear = {};
	struct nanodose_set_position position = {};
	struct nanodose_sensor sensor = {};
	struct nanodose_info info;
	struct nanodose_status status;

	refused(fd, NANODOSE_IOC_GET_INFO, &info, ENODEV, "GET_INFO of a gone device");
	refused(fd, NANODOSE_IOC_GET_STATUS, &status, ENODEV, "GET_STATUS of a gone device");
	refused(fd, NANODOSE_IOC_SUBSCRIBE, &subscribe, ENODEV, "SUBSCRIBE to a gone device");
	refused(fd, NANODOSE_IOC_CLAIM, &claim, ENODEV, "CLAIM of a gone device");
	refused(fd, NANODOSE_IOC_RELEASE, NULL, ENODEV, "RELEASE of a gone device");
	refused(fd, NANODOSE_IOC_RUN, &run, ENODEV, "RUN of a gone device");
	refused(fd, NANODOSE_IOC_STOP, &stop, ENODEV, "STOP of a gone device");
	refused(fd, NANODOSE_IOC_CLEAR_FAULTS, &clear, ENODEV, "CLEAR_FAULTS of a gone device");
	refused(fd, NANODOSE_IOC_SET_POSITION, &position, ENODEV, "SET_POSITION of a gone device");
	refused(fd, NANODOSE_IOC_SENSOR, &sensor, ENODEV, "SENSOR of a gone device");
}

static void unbind_while_all_is_in_use(void)
{
	int owner = pump_open(O_RDWR), idle = pump_open(O_RDONLY | O_NONBLOCK), again;
	struct reader reader = { .fd = pump_open(O_RDONLY) };
	struct poller poller = { .fd = pump_open(O_RDONLY) };
	struct pollfd wanted = { .fd = idle, .events = POLLIN };
	struct nanodose_record record, fault = {};
	pthread_t reading, polling;
	long long steps;
	int records = 0;

	pump_claim(owner);
	if (pump_sensor(owner, NANODOSE_SENSOR_START, NANODOSE_MEDIUM_WATER, 10 * NSEC_PER_MSEC) ||
	    pump_run(owner, RATE_NHZ, HOLD_NS))
		bail("start: %s", strerror(errno));
	pthread_create(&reading, NULL, read_on, &reader);
	pthread_create(&polling, NULL, poll_on, &poller);
	sleep_ms(100);
	test(pump_status(owner).state == NANODOSE_STATE_CRUISE, "the pump moves");

	driver_write("unbind");
	steps = rig_truth("steps");
	pthread_join(reading, NULL);
	pthread_join(polling, NULL);
	test(reader.got == -1 && reader.error == ENODEV, "a blocked read ends with ENODEV");
	test(reader.records > 5, "it got the records of before");
	test((poller.events & (POLLHUP | POLLERR)) == (POLLHUP | POLLERR),
	     "a blocked poll ends with HUP and ERR");

	test(poll(&wanted, 1, 0) == 1 && wanted.revents == (POLLIN | POLLHUP | POLLERR),
	     "poll says IN, HUP and ERR while there are records left");
	while (read(idle, &record, sizeof(record)) == sizeof(record)) {
		records++;
		if (record.type == NANODOSE_RECORD_FAULT)
			fault = record;
	}
	test(errno == ENODEV && records >= reader.records,
	     "read gives all that is left, and then ENODEV");
	test(fault.fault.fault == NANODOSE_FAULT_UNBIND && fault.fault.value == 1 &&
	     fault.fault.rate_nhz == RATE_NHZ && fault.fault.position == steps,
	     "the fault UNBIND tells that it moved, how fast and where");
	test(record.type == NANODOSE_RECORD_STATE && record.state.cause == NANODOSE_CAUSE_REST &&
	     record.state.faults == NANODOSE_FAULT_UNBIND && record.state.position == steps &&
	     record.state.state == NANODOSE_STATE_REST, "the last record says that it rests");
	test(poll(&wanted, 1, 0) == 1 && wanted.revents == (POLLHUP | POLLERR),
	     "poll says HUP and ERR, without IN, once all is read");
	gone_device_refuses(owner);
	sleep_ms(1000);
	test(rig_truth("steps") == steps, "the rig sees no step after the unbind");
	test(access(node, F_OK) == -1 && errno == ENOENT, "the node is gone");

	driver_write("bind");
	again = pump_open(O_RDWR);
	pump_claim(again);
	test(!pump_run_to(again, RATE_NHZ, HOLD_NS, 100) &&
	     pump_await_state(again, NANODOSE_CAUSE_END, &record) && record.state.position == 100,
	     "bound again, the pump moves, with the old descriptors still open");
	test(rig_truth("steps") == steps + 100, "the rig saw those steps and no other");
	refused(owner, NANODOSE_IOC_RELEASE, NULL, ENODEV, "RELEASE on the old descriptor");
	close(poller.fd);
	close(reader.fd);
	close(idle);
	close(owner);
	test(pump_status(again).flags & NANODOSE_STATUS_OWNED,
	     "closing the old owner's descriptor leaves the new owner");
	close(again);
}

static void unbind_with_nobody_there(void)
{
	driver_write("unbind");
	test(access(node, F_OK) == -1, "unbind without an open descriptor");
	driver_write("bind");
	test(access(node, F_OK) == 0, "and bind again");
}

struct opener {
	pthread_t thread;
	int patience_ms;
	int opened, gone;
};

static bool enough;

/* Opens, claims, runs and closes, whatever becomes of the device. */
static void *open_on(void *data)
{
	struct opener *opener = data;
	struct nanodose_claim claim = {};
	struct nanodose_record record;

	while (!__atomic_load_n(&enough, __ATOMIC_RELAXED)) {
		int fd = open(node, O_RDWR | O_NONBLOCK | O_CLOEXEC);

		if (fd < 0) {
			sleep_ms(1);
			continue;
		}
		opener->opened++;
		ioctl(fd, NANODOSE_IOC_CLAIM, &claim);
		pump_sensor(fd, NANODOSE_SENSOR_START, NANODOSE_MEDIUM_WATER, 2 * NSEC_PER_MSEC);
		pump_run(fd, RATE_NHZ, HOLD_NS);
		while (pump_next(fd, &record, opener->patience_ms))
			continue;
		opener->gone += read(fd, &record, sizeof(record)) < 0 && errno == ENODEV;
		close(fd);
	}
	return NULL;
}

static void unbind_and_bind_under_use(void)
{
	/* From one that comes and goes to one that stays to the end. */
	struct opener openers[] = {
		{ .patience_ms = 1 },
		{ .patience_ms = 5 },
		{ .patience_ms = 100 },
	};
	int opened = 0, gone = 0, fd;
	size_t i;

	for (i = 0; i < COUNT(openers); i++)
		pthread_create(&openers[i].thread, NULL, open_on, &openers[i]);
	for (i = 0; i < 50; i++) {
		sleep_ms(30);
		driver_write("unbind");
		sleep_ms(3);
		driver_write("bind");
	}
	__atomic_store_n(&enough, true, __ATOMIC_RELAXED);
	for (i = 0; i < COUNT(openers); i++) {
		pthread_join(openers[i].thread, NULL);
		opened += openers[i].opened;
		gone += openers[i].gone;
	}
	note("%d times open, %d times gone in use", opened, gone);
	test(opened > 150 && gone >= 50,
	     "fifty times unbound and bound while three threads open, claim, run and close");
	fd = pump_open(O_RDONLY);
	test(pump_await_rest(fd) && !pump_status(fd).owner_pid, "and then it rests, without owner");
	close(fd);
}

int main(void)
{
	snprintf(device, sizeof(device), "%s", rig_device());
	snprintf(node, sizeof(node), "%s", pump_path());
	unbind_while_all_is_in_use();
	unbind_with_nobody_there();
	unbind_and_bind_under_use();
	return test_end();
}
