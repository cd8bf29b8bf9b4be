// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Process 1 of the virtual machine: file systems, udev, modules, rigs; then the
 * command (relay.c); then everything away again, so that the way out of the
 * modules is walked in every run.
 *
 * What is printed here goes to the kernel log of the host's DIR.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "guest.h"

#define CONFIGFS "/sys/kernel/config"
#define RIGS CONFIGFS "/nanodose-sim"
#define CLASS "/sys/class/nanodose"
#define UDEVD "/lib/systemd/systemd-udevd"
#define KMEMLEAK "/sys/kernel/debug/kmemleak"
/* Nothing kept but for mapped files: host and machine both write there. */
#define CHECKOUT_9P "trans=virtio,version=9p2000.L,msize=262144,cache=mmap"
/*
 * Points in time that the way up waits for under time travel, so that what
 * follows starts at the same instant in each run.
 */
#define MODULES_AT_S 10
#define COMMAND_AT_S 20
#define NODES_WITHIN_MS 10000
/* kmemleak looks at what is older than 5 s. */
#define LEAK_AGE_S 6

const char *machine_name = "tests/vm/uml";

char *job_read(const struct job *job, const char *name, size_t *length)
{
	char path[PATH_MAX], *text;
	struct stat st;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", job->folder, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return NULL;
	text = fstat(fd, &st) ? NULL : malloc(st.st_size + 1);
	n = text ? read(fd, text, st.st_size) : -1;
	close(fd);
	if (n < 0) {
		free(text);
		return NULL;
	}
	text[n] = 0;
	if (length)
		*length = n;
	return text;
}

static void power_off(void)
{
	sync();
	reboot(RB_POWER_OFF);
	_exit(EXIT_BROKEN);
}

static void give_up(const char *what, const char *name)
{
	int error = errno;

	relay_error("%s: %s %s: %s\n", machine_name, what, name, strerror(error));
	relay_exit(EXIT_BROKEN);
	power_off();
}

static void make_folders(const char *path)
{
	char part[PATH_MAX];
	size_t i;

	for (i = 1; path[i - 1] && i < sizeof(part); i++) {
		if (path[i] && path[i] != '/')
			continue;
		memcpy(part, path, i);
		part[i] = 0;
		mkdir(part, 0755);
	}
}

static void mount_at(const char *type, const char *path, unsigned long flags, const char *options)
{
	if (mount(type, path, type, flags, options) && errno != EBUSY)
		give_up("mount", path);
}

static bool below(const char *path, const char *folder)
{
	size_t n = strlen(folder);

	return !strncmp(path, folder, n) && (!path[n] || path[n] == '/');
}

/* The host's file system is the root, read-only; this is what differs. */
static void mount_all(const struct job *job)
{
	static const char *const scratch[] = { "/tmp", "/run", "/var" };
	static const char *const folders[] = {
		"/var/tmp", "/var/log", "/var/lib", "/run/lock", "/run/udev/rules.d"
	};
	char *folder = job_read(job, "folder", NULL);
	bool hidden = false;
	int tree = -1;
	size_t i;

	mount_at("proc", "/proc", 0, NULL);
	mount_at("sysfs", "/sys", 0, NULL);
	mkdir("/dev/pts", 0755);
	mkdir("/dev/shm", 0755);
	mount_at("devpts", "/dev/pts", 0, "ptmxmode=0666,mode=0620");
	mount_at("tmpfs", "/dev/shm", 0, "mode=1777");
	symlink("/proc/self/fd", "/dev/fd");
	symlink("/proc/self/fd/0", "/dev/stdin");
	symlink("/proc/self/fd/1", "/dev/stdout");
	symlink("/proc/self/fd/2", "/dev/stderr");
	mount_at("configfs", CONFIGFS, 0, NULL);
	mount_at("debugfs", "/sys/kernel/debug", 0, NULL);
	/* The caller's folder may lie where the scratch space will be. */
	for (i = 0; i < sizeof(scratch) / sizeof(*scratch); i++)
		hidden |= folder && below(folder, scratch[i]) && !below(folder, job->checkout);
	if (hidden)
		tree = open_tree(AT_FDCWD, folder, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	for (i = 0; i < sizeof(scratch) / sizeof(*scratch); i++)
		mount_at("tmpfs", scratch[i], 0, "mode=1777");
	for (i = 0; i < sizeof(folders) / sizeof(*folders); i++)
		make_folders(folders[i]);
	symlink("/run", "/var/run");
	if (hidden) {
		make_folders(folder);
		if (move_mount(tree, "", AT_FDCWD, folder, MOVE_MOUNT_F_EMPTY_PATH))
			give_up("mount of", folder);
		close(tree);
	}
	make_folders(job->checkout);
	if (!job->emulated)
		mount_at("hostfs", job->checkout, 0, job->checkout);
	else if (mount("checkout", job->checkout, "9p", 0, CHECKOUT_9P))
		give_up("mount of", job->checkout);
	free(folder);
}

static int run(char *const argv[])
{
	int status = -1;
	pid_t pid = fork();

	if (!pid) {
		execv(argv[0], argv);
		_exit(127);
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid ? status : -1;
}

static int settle(void)
{
	return run((char *[]){ "/usr/bin/udevadm", "settle", "--timeout=30", NULL });
}

/*
 * udevd spreads its timers over the second by the identity of the boot, which
 * is a random number: under time travel, the same one each time.
 */
static void fix_boot_id(void)
{
	static const char id[] = "00000000-0000-4000-8000-000000000001\n", file[] = "/run/boot_id";
	int fd = open(file, O_WRONLY | O_CREAT | O_CLOEXEC, 0444);

	if (fd < 0 || write(fd, id, strlen(id)) < 0)
		give_up("write of", file);
	close(fd);
	if (mount(file, "/proc/sys/kernel/random/boot_id", NULL, MS_BIND, NULL))
		give_up("mount of", file);
}

static void start_udev(const struct job *job)
{
	char from[PATH_MAX], to[PATH_MAX];
	struct dirent *entry;
	DIR *rules;

	snprintf(from, sizeof(from), "%s/userspace/udev", job->checkout);
	rules = opendir(from);
	while (rules && (entry = readdir(rules))) {
		if (!strstr(entry->d_name, ".rules"))
			continue;
		snprintf(from, sizeof(from), "%s/userspace/udev/%s", job->checkout, entry->d_name);
		snprintf(to, sizeof(to), "/run/udev/rules.d/%s", entry->d_name);
		symlink(from, to);
	}
	if (rules)
		closedir(rules);
	if (run((char *[]){ UDEVD, "--daemon", NULL }))
		give_up("start of", UDEVD);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec * 1e-9;
}

static void sleep_until(const struct job *job, time_t second)
{
	struct timespec t = { .tv_sec = second };

	if (job->travel)
		while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == EINTR)
			;
}

static void load_modules(const struct job *job)
{
	char *list = job_read(job, "modules", NULL), *path, *rest = NULL;

	for (path = list ? strtok_r(list, "\n", &rest) : NULL; path;
	     path = strtok_r(NULL, "\n", &rest)) {
		char *parameters = strchr(path, ' ');
		int fd;

		if (parameters)
			*parameters++ = 0;
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0 || syscall(SYS_finit_module, fd, parameters ? parameters : "", 0))
			give_up("load of", path);
		close(fd);
	}
	free(list);
}

/* The last loaded first; how many stay. */
static int unload_in_turn(const struct job *job, bool tell)
{
	char *list = job_read(job, "modules", NULL), *path;
	int left = 0;

	while (list && *list && (path = strrchr(list, '\n'))) {
		char *name, *dot;

		*path = 0;
		path = strrchr(list, '\n');
		path = path ? path + 1 : list;
		name = strrchr(path, '/');
		name = name ? name + 1 : path;
		dot = strchr(name, '.');
		if (dot)
			*dot = 0;
		if (syscall(SYS_delete_module, name, O_NONBLOCK) && errno != ENOENT) {
			left++;
			if (tell)
				fprintf(stderr, "unload of %s: %s\n", name, strerror(errno));
		}
		*path = 0;
	}
	free(list);
	return left;
}

/* Rigs of a device tree are there for as long as the pumps on their lines are. */
static void unload_modules(const struct job *job)
{
	if (unload_in_turn(job, false))
		unload_in_turn(job, true);
}

/* Returns 0 or an errno value. */
static int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	int error = 0;

	if (fd < 0)
		return errno;
	if (write(fd, text, strlen(text)) < 0)
		error = errno;
	close(fd);
	return error;
}

/* What the rig offers to be set; root may write to anything, so by the mode. */
static bool is_parameter(const char *rig, const char *name)
{
	char path[PATH_MAX];
	struct stat st;

	snprintf(path, sizeof(path), RIGS "/%s/%s", rig, name);
	return strcmp(name, "live") && !stat(path, &st) && S_ISREG(st.st_mode) &&
	       (st.st_mode & S_IWUSR);
}

static void refuse_parameter(const char *rig, const char *key)
{
	char path[PATH_MAX], known[2048] = "";
	struct dirent **entries;
	int count, i;

	snprintf(path, sizeof(path), RIGS "/%s", rig);
	count = scandir(path, &entries, NULL, alphasort);
	for (i = 0; i < count; i++) {
		const char *name = entries[i]->d_name;

		if (!is_parameter(rig, name))
			continue;
		if (strlen(known) + strlen(name) + 2 < sizeof(known)) {
			strcat(known, " ");
			strcat(known, name);
		}
	}
	relay_error("%s: rig %s: there is no parameter '%s'; there are:%s\n", machine_name, rig,
		    key, known);
	relay_exit(EXIT_USAGE);
	power_off();
}

static void set_parameter(const char *rig, const char *key, const char *value)
{
	char path[PATH_MAX];
	int error;

	snprintf(path, sizeof(path), RIGS "/%s/%s", rig, key);
	if (!is_parameter(rig, key))
		refuse_parameter(rig, key);
	error = write_file(path, value);
	if (!error)
		return;
	relay_error("%s: rig %s: %s cannot be '%s': %s\n", machine_name, rig, key, value,
		    strerror(error));
	relay_exit(EXIT_USAGE);
	power_off();
}

/* Lines "rig NAME" and "set NAME KEY VALUE". Returns how many rigs. */
static int make_rigs(const struct job *job)
{
	char *list = job_read(job, "rigs", NULL), *line, *rest = NULL;
	char rig[NAME_MAX + 1], key[NAME_MAX + 1], value[NAME_MAX + 1], path[PATH_MAX];
	int count = 0;

	for (line = list ? strtok_r(list, "\n", &rest) : NULL; line;
	     line = strtok_r(NULL, "\n", &rest)) {
		if (sscanf(line, "rig %255s", rig) == 1) {
			snprintf(path, sizeof(path), RIGS "/%s", rig);
			if (mkdir(path, 0755) && errno != EEXIST)
				give_up("rig", rig);
			count++;
		} else if (sscanf(line, "set %255s %255s %255s", rig, key, value) == 3) {
			set_parameter(rig, key, value);
		} else if (sscanf(line, "live %255s", rig) == 1) {
			snprintf(path, sizeof(path), RIGS "/%s/live", rig);
			errno = write_file(path, "1");
			if (errno)
				give_up("rig", rig);
		}
	}
	free(list);
	return count;
}

static int count_entries(const char *path)
{
	struct dirent *entry;
	DIR *folder = opendir(path);
	int count = 0;

	while (folder && (entry = readdir(folder)))
		count += entry->d_name[0] != '.';
	if (folder)
		closedir(folder);
	return count;
}

/* A deferred probe takes its time. */
static void wait_for_nodes(int count)
{
	double until = now() + NODES_WITHIN_MS * 1e-3;

	while (count_entries(CLASS) < count && now() < until)
		usleep(1000);
	if (count_entries(CLASS) < count) {
		relay_error("%s: %d of %d rigs came up as a device; the kernel log says more\n",
			    machine_name, count_entries(CLASS), count);
		relay_exit(EXIT_BROKEN);
		power_off();
	}
	settle();
}

static void remove_rigs(void)
{
	char path[PATH_MAX];
	struct dirent **entries;
	int count = scandir(RIGS, &entries, NULL, alphasort), i;

	for (i = 0; i < count; i++) {
		if (entries[i]->d_name[0] == '.' || entries[i]->d_type != DT_DIR)
			continue;
		snprintf(path, sizeof(path), RIGS "/%s/live", entries[i]->d_name);
		write_file(path, "0");
		snprintf(path, sizeof(path), RIGS "/%s", entries[i]->d_name);
		rmdir(path);
	}
}

static void look_for_leaks(void)
{
	char text[4096];
	size_t n;
	FILE *found;

	/* Twice: only what is seen leaked two times is surely leaked. */
	for (int i = 0; i < 2; i++) {
		sleep(LEAK_AGE_S);
		write_file(KMEMLEAK, "scan");
	}
	found = fopen(KMEMLEAK, "r");
	while (found && (n = fread(text, 1, sizeof(text), found)))
		fwrite(text, 1, n, stdout);
	if (found)
		fclose(found);
	fflush(stdout);
}

static void end_everybody(void)
{
	kill(-1, SIGKILL);
	while (waitpid(-1, NULL, 0) > 0)
		;
}

int main(void)
{
	const char *folder = getenv("ND_VM_JOB"), *checkout = getenv("ND_VM_CHECKOUT");
	const char *mode = getenv("ND_VM_MODE");
	struct job job = { .folder = folder, .checkout = checkout };
	int status, rigs = 0;

	if (!folder || !checkout || !mode)
		power_off();
	if (getenv("ND_VM_NAME"))
		machine_name = getenv("ND_VM_NAME");
	job.travel = strchr(mode, 't');
	job.emulated = strchr(mode, 'q');
	job.debug = strchr(mode, 'd');
	job.bare = strchr(mode, 'b');
	/* The line is a device, and its device file is not there before. */
	if (mount("devtmpfs", "/dev", "devtmpfs", 0, "mode=0755") || relay_open(job.travel))
		power_off();
	sethostname("nanodose-vm", strlen("nanodose-vm"));
	mount_all(&job);
	if (job.travel)
		fix_boot_id();
	start_udev(&job);
	if (!job.bare) {
		if (job.debug)
			write_file(KMEMLEAK, "clear");
		sleep_until(&job, MODULES_AT_S);
		load_modules(&job);
		rigs = make_rigs(&job);
		wait_for_nodes(rigs);
	}
	sleep_until(&job, COMMAND_AT_S);
	status = relay_run(&job);
	relay_exit(status);
	end_everybody();
	if (!job.bare) {
		remove_rigs();
		unload_modules(&job);
	}
	if (job.debug)
		look_for_leaks();
	power_off();
	return 0;
}
