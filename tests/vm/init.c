// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * First process of a machine with a distribution's kernel, from its initramfs:
 * loads what is needed to reach the host's files, and hands over to guest.c on
 * them. Linked statically, nothing else is there.
 *
 * /load lists the modules in order. ND_VM_INIT is the program to go on with.
 */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
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
#include <unistd.h>

#ifdef __x86_64__
#define PAUSE() __builtin_ia32_pause()
#else
#define PAUSE() __asm__ volatile("yield")
#endif

#define ROOT "/root"
#define PORTS "/dev/vport*p1"
#define PATIENCE_MS 20000
/* The root does not change while the machine runs: nothing need be asked twice. */
#define ROOT_OPTIONS "trans=virtio,version=9p2000.L,msize=262144,cache=loose"

static void give_up(const char *what, const char *name)
{
	fprintf(stderr, "init: %s %s: %s\n", what, name, strerror(errno));
	reboot(RB_POWER_OFF);
	_exit(1);
}

static void load_modules(void)
{
	char path[PATH_MAX];
	FILE *list = fopen("/load", "re");

	while (list && fgets(path, sizeof(path), list)) {
		int fd;

		path[strcspn(path, "\n")] = 0;
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0 || (syscall(SYS_finit_module, fd, "", 0) && errno != EEXIST))
			give_up("load of", path);
		close(fd);
	}
	if (list)
		fclose(list);
}

/* Devices may come up some time after their driver. */
static void mount_root(void)
{
	int ms;

	for (ms = 0; mount("host", ROOT, "9p", MS_RDONLY, ROOT_OPTIONS); ms++) {
		if (errno != ENOENT || ms == PATIENCE_MS)
			give_up("mount of", "the host's files");
		usleep(1000);
	}
}

static void find_line(char *line, size_t size)
{
	glob_t found;
	int ms;

	for (ms = 0; glob(PORTS, 0, NULL, &found); ms++) {
		errno = ENODEV;
		if (ms == PATIENCE_MS)
			give_up("line to the host", PORTS);
		usleep(1000);
	}
	snprintf(line, size, "%s", found.gl_pathv[0]);
	globfree(&found);
}

/*
 * QEMU before 8.1 shares out instructions unfairly: a processor in a busy loop
 * leaves none to the others unless the loop has a pause in it. The loop in which
 * 6.1 waits for another processor to come up has none; so it comes up late, when
 * there can be a process whose loop has one.
 */
static void start_processors(void)
{
	glob_t found;
	pid_t pauses;
	size_t i;
	int fd;

	mkdir("/sys", 0755);
	if (mount("sysfs", "/sys", "sysfs", 0, NULL))
		give_up("mount of", "/sys");
	pauses = fork();
	while (!pauses)
		PAUSE();
	if (!glob("/sys/devices/system/cpu/cpu[0-9]*/online", 0, NULL, &found)) {
		for (i = 0; i < found.gl_pathc; i++) {
			fd = open(found.gl_pathv[i], O_WRONLY | O_CLOEXEC);
			if (fd < 0 || write(fd, "1", 1) != 1)
				give_up("start of", found.gl_pathv[i]);
			close(fd);
		}
		globfree(&found);
	}
	kill(pauses, SIGKILL);
	waitpid(pauses, NULL, 0);
	umount("/sys");
}

int main(void)
{
	char line[PATH_MAX], *guest = getenv("ND_VM_INIT");

	mkdir("/dev", 0755);
	mkdir(ROOT, 0755);
	if (mount("devtmpfs", "/dev", "devtmpfs", 0, "mode=0755") && errno != EBUSY)
		give_up("mount of", "/dev");
	start_processors();
	load_modules();
	mount_root();
	find_line(line, sizeof(line));
	umount("/dev");
	if (chdir(ROOT) || mount(".", "/", NULL, MS_MOVE, NULL) || chroot(".") || chdir("/"))
		give_up("change to", ROOT);
	setenv("ND_VM_LINE", line, 1);
	if (!guest)
		errno = EINVAL;
	else
		execl(guest, guest, NULL);
	give_up("start of", guest ? guest : "ND_VM_INIT");
	return 1;
}
