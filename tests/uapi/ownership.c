// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Who may do what: readers, writers, the owner; and how ownership ends.
 *
 * vm: --rig rig0
 */
#include <grp.h>
#include <signal.h>
#include <sys/wait.h>

#include "uapi.h"

/* Each call of the owner, with data that is good. */
static const struct {
	const char *name;
	unsigned long request;
	union {
		struct nanodose_run run;
		struct nanodose_clear_faults clear;
		struct nanodose_set_position position;
		struct nanodose_sensor sensor;
		struct nanodose_limits limits;
		struct nanodose_queue queue;
	};
} calls[] = {
	{ "RELEASE", NANODOSE_IOC_RELEASE, {} },
	{ "RUN", NANODOSE_IOC_RUN,
	  { .run = { .rate_nhz = RATE_NHZ, .accel_nhz_s = ACCEL_NHZ_S, .hold_ns = HOLD_NS } } },
	{ "CLEAR_FAULTS", NANODOSE_IOC_CLEAR_FAULTS, {} },
	{ "SET_POSITION", NANODOSE_IOC_SET_POSITION, {} },
	{ "SENSOR", NANODOSE_IOC_SENSOR, { .sensor = { .op = NANODOSE_SENSOR_STOP } } },
	{ "SET_LIMITS", NANODOSE_IOC_SET_LIMITS, {} },
	{ "QUEUE", NANODOSE_IOC_QUEUE, {} },
};

static void reader_may_look_and_nothing_else(void)
{
	int fd = pump_open(O_RDONLY);
	struct nanodose_subscribe subscribe = { .mask = 1U << NANODOSE_RECORD_STATE };
	struct nanodose_claim claim = { .label = "reader" };
	struct nanodose_stop stop = { .mode = NANODOSE_STOP_NOW };
	struct nanodose_status status;
	struct nanodose_info info;
	char name[80];
	size_t i;

	accepted(fd, NANODOSE_IOC_GET_INFO, &info, "GET_INFO on a read-only descriptor");
	accepted(fd, NANODOSE_IOC_GET_STATUS, &status, "GET_STATUS on a read-only descriptor");
	accepted(fd, NANODOSE_IOC_SUBSCRIBE, &subscribe, "SUBSCRIBE on a read-only descriptor");
	refused(fd, NANODOSE_IOC_CLAIM, &claim, EBADF, "CLAIM on a read-only descriptor");
	refused(fd, NANODOSE_IOC_STOP, &stop, EBADF, "STOP on a read-only descriptor");
	for (i = 0; i < COUNT(calls); i++) {
		snprintf(name, sizeof(name), "%s on a read-only descriptor", calls[i].name);
		refused(fd, calls[i].request, (void *)&calls[i].run, EBADF, name);
	}
	close(fd);
}

/* In a process of a user without rights; what it may do all the same, as an exit status. */
static int try_as_nobody(int reader)
{
	static const int modes[] = { O_RDONLY, O_WRONLY, O_RDWR };
	static const char * const folders[] = { "/sys/kernel/debug/nanodose", "/sys/kernel/debug/nanodose-sim" };
	struct nanodose_claim claim = { .label = "nobody" };
	int got = 0;
	size_t i;

	for (i = 0; i < COUNT(modes); i++)
		got += open(pump_path(), modes[i]) >= 0 || errno != EACCES;
	for (i = 0; i < COUNT(folders); i++)
		got += !access(folders[i], R_OK | X_OK);
	got += !ioctl(reader, NANODOSE_IOC_CLAIM, &claim);
	for (i = 0; i < COUNT(calls); i++)
		got += !ioctl(reader, calls[i].request, (void *)&calls[i].run);
	return got;
}

static void unprivileged_can_do_nothing(void)
{
	int reader = pump_open(O_RDONLY), status;
	long long steps = rig_truth("steps");
	pid_t child = fork();

	if (!child) {
		if (setgroups(0, NULL) || setgid(65534) || setuid(65534))
			_exit(100);
		_exit(try_as_nobody(reader));
	}
	waitpid(child, &status, 0);
	if (!test(WIFEXITED(status) && !WEXITSTATUS(status),
		  "a process without rights can open neither node nor truth, nor use a reader's descriptor"))
		note("it ended with %d", WEXITSTATUS(status));
	sleep_ms(100);
	test(rig_truth("steps") == steps && pump_status(reader).state == NANODOSE_STATE_REST,
	     "and it moved nothing");
	close(reader);
}

static void writer_that_does_not_own_is_refused(void)
{
	int fd = pump_open(O_RDWR);
	char name[80];
	size_t i;

	for (i = 0; i < COUNT(calls); i++) {
		snprintf(name, sizeof(name), "%s with no owner", calls[i].name);
		refused(fd, calls[i].request, (void *)&calls[i].run, EPERM, name);
	}
	close(fd);
}

static void there_is_one_owner(void)
{
	int owner = pump_open(O_RDWR), other = pump_open(O_RDWR);
	struct nanodose_claim claim = { .label = "first" };
	struct nanodose_claim again = { .label = "second" };
	struct nanodose_record record;
	struct nanodose_status status;
	char name[80];
	size_t i;

	accepted(owner, NANODOSE_IOC_CLAIM, &claim, "CLAIM of a pump that nobody owns");
	test(pump_await_state(other, NANODOSE_CAUSE_CLAIM, &record) &&
	     record.state.pid == getpid() && record.state.flags & NANODOSE_STATUS_OWNED,
	     "CLAIM is seen by others in a STATE record with the claimer's process");
	status = pump_status(other);
	test(!strcmp(status.owner_label, "first") && status.owner_pid == getpid() &&
	     status.flags & NANODOSE_STATUS_OWNED,
	     "GET_STATUS tells others who owns the pump");

	refused(other, NANODOSE_IOC_CLAIM, &again, EBUSY, "CLAIM of a pump that another owns");
	refused(owner, NANODOSE_IOC_CLAIM, &again, EBUSY, "CLAIM by the owner");
	test(!strcmp(pump_status(other).owner_label, "first"),
	     "a refused CLAIM leaves the owner's label");
	for (i = 0; i < COUNT(calls); i++) {
		snprintf(name, sizeof(name), "%s by another than the owner", calls[i].name);
		refused(other, calls[i].request, (void *)&calls[i].run, EPERM, name);
	}
	test(!pump_stop(other, NANODOSE_STOP_RAMP), "STOP by another than the owner is accepted");

	accepted(owner, NANODOSE_IOC_RELEASE, NULL, "RELEASE by the owner");
	test(pump_await_state(other, NANODOSE_CAUSE_RELEASE, &record) &&
	     !(record.state.flags & NANODOSE_STATUS_OWNED),
	     "RELEASE is seen by others in a STATE record without owner");
	status = pump_status(other);
	test(!status.owner_label[0] && !status.owner_pid &&
	     !(status.flags & NANODOSE_STATUS_OWNED), "after RELEASE nobody owns the pump");
	refused(owner, NANODOSE_IOC_RELEASE, NULL, EPERM, "RELEASE twice");

	accepted(other, NANODOSE_IOC_CLAIM, &again, "CLAIM after RELEASE");
	close(owner);
	test(!strcmp(pump_status(other).owner_label, "second"),
	     "closing a descriptor that no longer owns changes nothing");
	close(other);
}

static void claim_without_label_shows_the_command(void)
{
	int fd = pump_open(O_RDWR);
	struct nanodose_claim claim = {};
	char comm[NANODOSE_NAME_LEN] = "";
	FILE *file = fopen("/proc/self/comm", "re");

	if (!file || !fgets(comm, sizeof(comm), file))
		bail("/proc/self/comm: %s", strerror(errno));
	fclose(file);
	comm[strcspn(comm, "\n")] = '\0';

	accepted(fd, NANODOSE_IOC_CLAIM, &claim, "CLAIM with an empty label");
	test(!strcmp(pump_status(fd).owner_label, comm),
	     "an owner without label is shown by its command name");
	close(fd);
}

static void claim_ends_with_the_last_descriptor(void)
{
	int fd = pump_open(O_RDWR), watcher = pump_open(O_RDONLY), copy;
	struct nanodose_record record;
	int hold[2];
	pid_t child;
	char byte;

	pump_claim(fd);
	copy = dup(fd);
	close(fd);
	test(pump_status(watcher).flags & NANODOSE_STATUS_OWNED,
	     "closing one of two duplicates keeps the claim");
	test(!pump_run(copy, 0, HOLD_NS), "the duplicate is the owner too");
	close(copy);
	test(!(pump_status(watcher).flags & NANODOSE_STATUS_OWNED),
	     "closing the last duplicate releases");

	fd = pump_open(O_RDWR);
	pump_claim(fd);
	if (pipe(hold))
		bail("pipe: %s", strerror(errno));
	child = fork();
	if (!child) {
		close(hold[1]);
		_exit(read(hold[0], &byte, 1) < 0);
	}
	close(fd);
	test(pump_status(watcher).flags & NANODOSE_STATUS_OWNED,
	     "a child that inherited the descriptor keeps the claim");
	pump_drain(watcher);
	close(hold[1]);
	close(hold[0]);
	waitpid(child, NULL, 0);
	test(pump_await_state(watcher, NANODOSE_CAUSE_RELEASE, &record) &&
	     !(record.state.flags & NANODOSE_STATUS_OWNED),
	     "exit of the last process with the descriptor releases");
	close(watcher);
}

/* The owner runs, says so, and waits for its end. */
static pid_t moving_owner(int watcher)
{
	struct nanodose_record record;
	pid_t child = fork();
	int fd;

	if (!child) {
		fd = pump_open(O_RDWR);
		pump_claim(fd);
		if (pump_run(fd, RATE_NHZ, HOLD_NS))
			_exit(1);
		pause();
		_exit(0);
	}
	if (!pump_await_state(watcher, NANODOSE_CAUSE_RUN, &record))
		bail("the owner does not move the pump");
	return child;
}

static void killed_owner_stops_the_pump(void)
{
	int watcher = pump_open(O_RDONLY);
	struct nanodose_status status;
	struct nanodose_record record;
	uint64_t killed_ns;
	long long steps;
	pid_t child;

	pump_drain(watcher);
	child = moving_owner(watcher);
	sleep_ms(100);
	steps = rig_truth("steps");
	killed_ns = now_ns();
	kill(child, SIGKILL);
	test(pump_await_state(watcher, NANODOSE_CAUSE_RELEASE, &record),
	     "SIGKILL of the owner releases the pump");
	test(pump_await_rest(watcher), "after SIGKILL of the owner the pump comes to rest");
	status = pump_status(watcher);
	test(now_ns() - killed_ns < 200 * NSEC_PER_MSEC,
	     "it does so by the release, before the hold time is over");
	test(!(status.faults & NANODOSE_FAULT_OWNER_SILENT),
	     "an owner that was killed is no silent owner");
	test(!(status.flags & NANODOSE_STATUS_ENABLED), "at rest the motor is without power");
	test(rig_truth("steps") > steps, "the rig saw it move before");
	steps = rig_truth("steps");
	sleep_ms(2000);
	test(rig_truth("steps") == steps, "after that the rig sees no step for two seconds");
	waitpid(child, NULL, 0);
	close(watcher);
}

static void any_writer_stops_the_pump(unsigned int mode, const char *name)
{
	int watcher = pump_open(O_RDONLY), writer = pump_open(O_WRONLY);
	struct nanodose_record record;
	long long before;
	pid_t child;

	pump_drain(watcher);
	child = moving_owner(watcher);
	sleep_ms(100);
	before = pump_status(watcher).position;
	test(!pump_stop(writer, mode), "%s by another process with a writable descriptor", name);
	test(pump_await_state(watcher, NANODOSE_CAUSE_STOP, &record),
	     "%s gives a STATE record", name);
	test(pump_await_rest(watcher), "%s brings the pump to rest", name);
	test(pump_status(watcher).position >= before &&
	     pump_status(watcher).position <= before + (mode == NANODOSE_STOP_NOW ? 4 : 80),
	     "%s takes no more steps than it should", name);
	test(pump_status(watcher).flags & NANODOSE_STATUS_OWNED, "%s leaves the owner", name);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	pump_await_state(watcher, NANODOSE_CAUSE_RELEASE, &record);
	close(writer);
	close(watcher);
}

int main(void)
{
	reader_may_look_and_nothing_else();
	unprivileged_can_do_nothing();
	writer_that_does_not_own_is_refused();
	there_is_one_owner();
	claim_without_label_shows_the_command();
	claim_ends_with_the_last_descriptor();
	killed_owner_stops_the_pump();
	any_writer_stops_the_pump(NANODOSE_STOP_RAMP, "STOP ramp");
	any_writer_stops_the_pump(NANODOSE_STOP_NOW, "STOP now");
	return test_end();
}
