// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Host side of the virtual machine: starts the kernel, carries the streams of
 * the command, sees to it that nothing is left running, and reads the kernel
 * log for reports. Called by the scripts tests/vm/uml and tests/vm/qemu.
 *
 *	vm-host KERNEL MEMORY JOB CHECKOUT MODE LOG SECONDS COMMAND [ARG...]
 *
 * MODE is letters: t time travel, d debug kernel, b no modules and rigs, q QEMU.
 * ND_VM_NAME is what complaints begin with, inside too.
 */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <regex.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "link.h"

#define EXIT_BROKEN 70
/* Wall seconds for the machine to go down after the command's end. */
#define DOWN_WITHIN_S 120
/* Wall seconds for the command to act on a signal; then the machine is killed. */
#define GRACE_S 5
/* The clock of a machine in time travel starts here: 2026-01-01 00:00 UTC. */
#define EPOCH_NS "1767225600000000000"

extern char **environ;

/* What the kernel says when it found a mistake. */
static const char reports[] =
	"WARNING: |BUG: |BUG at |kernel BUG|Oops|KASAN|UBSAN|ODEBUG|Kernel panic|"
	"possible (circular|recursive|irq lock|deadlock)|inconsistent lock state|INFO: |"
	"suspicious RCU|sleeping function|scheduling while atomic|bad unlock balance|"
	"kmemleak: [0-9]+ new|unreferenced object|refcount_t: |list_(add|del) corruption|"
	"general protection|unable to handle|stack-protector";

static struct {
	pid_t machine;
	pid_t guard;
	bool alive;
	int from;
	int to;
	bool terminal;
	struct termios settings;
	bool ready;
	bool ended;		/* the command has */
	int status;
	bool input_open;
	size_t under_way;
	time_t deadline;
	int caught;		/* signal that we are ending for */
	struct link_frame in;
	size_t in_length;
} vm = { .input_open = true };

static void complain(const char *format, ...)
{
	const char *name = getenv("ND_VM_NAME");
	va_list args;

	fprintf(stderr, "%s: ", name ? name : "tests/vm/uml");
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
}

static void die(const char *what)
{
	complain("%s: %s", what, strerror(errno));
	exit(EXIT_BROKEN);
}

static time_t now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec;
}

static void write_all(int fd, const void *data, size_t length)
{
	const char *p = data;

	while (length) {
		ssize_t n = write(fd, p, length);

		if (n > 0) {
			p += n;
			length -= n;
		} else if (errno == EAGAIN) {
			poll(&(struct pollfd){ fd, POLLOUT, 0 }, 1, -1);
		} else if (errno != EINTR) {
			/* Nobody listens any more. */
			vm.caught = errno == EPIPE ? SIGPIPE : SIGTERM;
			vm.deadline = 0;
			return;
		}
	}
}

static void send_frame(uint8_t type, const void *data, size_t length)
{
	struct link_frame frame = { .length = length, .type = type };

	if (length)
		memcpy(frame.data, data, length);
	write_all(vm.to, &frame, LINK_HEADER + length);
}

/* A file of the job folder. */
static FILE *job_file(const char *job, const char *name)
{
	char path[4096];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", job, name);
	file = fopen(path, "we");
	if (!file)
		die(path);
	return file;
}

static bool wanted(const char *variable)
{
	static const char *const names[] = {
		"TERM=", "LANG=", "LC_", "NO_COLOR=", "COLUMNS=", "LINES=", "TZ=", "ND_",
		"COLORTERM="
	};
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (!strncmp(variable, names[i], strlen(names[i])))
			return true;
	return false;
}

static bool in_foreground(int fd)
{
	return isatty(fd) && tcgetpgrp(fd) == getpgrp();
}

static void write_job(const char *job, const char *checkout, char **argv)
{
	FILE *file = job_file(job, "command");
	char folder[4096];
	struct stat st;
	struct winsize size = { 0 };
	int i;

	for (i = 0; argv[i]; i++)
		fwrite(argv[i], 1, strlen(argv[i]) + 1, file);
	fclose(file);

	file = job_file(job, "environment");
	for (i = 0; environ[i]; i++)
		if (wanted(environ[i]))
			fwrite(environ[i], 1, strlen(environ[i]) + 1, file);
	fprintf(file, "HOME=/tmp%cUSER=root%cLOGNAME=root%cPYTHONHASHSEED=0%c", 0, 0, 0, 0);
	fprintf(file, "PYTHONDONTWRITEBYTECODE=1%c", 0);
	fprintf(file, "PATH=%s/build/%sbin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin%c",
		checkout, getenv("ND_VM_PROGRAMS") ? getenv("ND_VM_PROGRAMS") : "", 0);
	fclose(file);

	file = job_file(job, "folder");
	if (!getcwd(folder, sizeof(folder)))
		die("current folder");
	fputs(folder, file);
	fclose(file);

	vm.terminal = in_foreground(0) && isatty(1);
	if (vm.terminal && !ioctl(0, TIOCGWINSZ, &size)) {
		file = job_file(job, "terminal");
		fprintf(file, "%u %u\n", size.ws_row, size.ws_col);
		fclose(file);
	}

	file = job_file(job, "streams");
	if (fstat(0, &st) || (S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3)) ||
	    (isatty(0) && !in_foreground(0)))
		vm.input_open = false;
	fprintf(file, "%s%s\n", vm.input_open ? "i" : "", isatty(2) ? "" : "e");
	fclose(file);
}

/*
 * One core for the whole machine, since it traces itself from process to
 * process. Machines of one checkout share the cores out by locks.
 */
static void choose_core(const char *job)
{
	char path[4096];
	cpu_set_t allowed, one;
	int cores[CPU_SETSIZE], count = 0, i;

	if (sched_getaffinity(0, sizeof(allowed), &allowed))
		return;
	for (i = 0; i < CPU_SETSIZE; i++)
		if (CPU_ISSET(i, &allowed))
			cores[count++] = i;
	CPU_ZERO(&one);
	for (i = 0; i < count; i++) {
		int fd;

		snprintf(path, sizeof(path), "%s/../core%d.lock", job, cores[i]);
		fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
		if (fd >= 0 && !flock(fd, LOCK_EX | LOCK_NB))
			break;
		close(fd);
	}
	if (i == count)
		i = getpid() % count;
	CPU_SET(cores[i], &one);
	sched_setaffinity(0, sizeof(one), &one);
}

static char *text(const char *format, ...)
{
	char *result;
	va_list args;

	va_start(args, format);
	if (vasprintf(&result, format, args) < 0)
		die("memory");
	va_end(args);
	return result;
}

/*
 * Should this process be killed outright, someone must end the machine: its
 * first process dies with us, but the ones that it traces may stay behind.
 */
static void set_guard(pid_t machine)
{
	int ends[2];
	char none;

	if (pipe2(ends, O_CLOEXEC))
		die("pipe");
	vm.guard = fork();
	if (vm.guard < 0)
		die("fork");
	if (!vm.guard) {
		setsid();
		if (dup2(ends[0], 0) < 0)
			_exit(EXIT_BROKEN);
		close_range(1, ~0U, 0);
		/* Until the end of the file, which is the end of our parent. */
		while (read(0, &none, 1) < 0 && errno == EINTR)
			;
		kill(-machine, SIGKILL);
		_exit(0);
	}
	close(ends[0]);
}

static void boot(char **argv, int log)
{
	const char *kernel = argv[1], *job = argv[3], *mode = argv[5];
	char *line[26], *guest = text("%s/build/vm/bin/guest", argv[4]);
	int in[2], out[2], n = 0;
	pid_t parent = getpid();

	if (pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC))
		die("pipe");
	line[n++] = "linux";
	line[n++] = text("mem=%s", argv[2]);
	line[n++] = text("init=%s", guest);
	line[n++] = text("ND_VM_JOB=%s", job);
	line[n++] = text("ND_VM_CHECKOUT=%s", argv[4]);
	line[n++] = text("ND_VM_MODE=%s", mode);
	if (getenv("ND_VM_NAME"))
		line[n++] = text("ND_VM_NAME=%s", getenv("ND_VM_NAME"));
	if (getenv("ND_VM_DTB") && *getenv("ND_VM_DTB"))
		line[n++] = text("dtb=%s", getenv("ND_VM_DTB"));
	if (getenv("ND_VM_APPEND"))
		line[n++] = getenv("ND_VM_APPEND");
	line[n++] = text("uml_dir=%s", job);
	line[n++] = "root=none";
	line[n++] = "rootfstype=hostfs";
	line[n++] = "rootflags=/";
	line[n++] = "ro";
	line[n++] = "con=null";
	line[n++] = "con0=null,fd:1";
	line[n++] = "con1=fd:3,fd:4";
	line[n++] = "console=tty0";
	line[n++] = "ignore_loglevel";
	line[n++] = "norandmaps";
	line[n++] = "noreboot";
	line[n++] = "panic=-1";
	if (strchr(mode, 't')) {
		line[n++] = "time-travel=inf-cpu";
		line[n++] = "time-travel-start=" EPOCH_NS;
	}
	line[n] = NULL;

	vm.machine = fork();
	if (vm.machine < 0)
		die("fork");
	if (!vm.machine) {
		sigset_t none;
		int null = open("/dev/null", O_RDONLY);

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(EXIT_BROKEN);
		setsid();
		sigemptyset(&none);
		sigprocmask(SIG_SETMASK, &none, NULL);
		personality(ADDR_NO_RANDOMIZE);
		/* First out of the way of 0 to 4, then into place. */
		in[0] = fcntl(in[0], F_DUPFD, 10);
		out[1] = fcntl(out[1], F_DUPFD, 10);
		log = fcntl(log, F_DUPFD, 10);
		dup2(null, 0);
		dup2(log, 1);
		dup2(log, 2);
		dup2(in[0], 3);
		dup2(out[1], 4);
		close_range(5, ~0U, 0);
		execv(kernel, line);
		dprintf(2, "%s: %s\n", kernel, strerror(errno));
		_exit(EXIT_BROKEN);
	}
	vm.alive = true;
	set_guard(vm.machine);
	close(in[0]);
	close(out[1]);
	vm.to = in[1];
	vm.from = out[0];
	fcntl(vm.from, F_SETFL, O_NONBLOCK);
}

/* Raw only while a command is at the other end, so that ^C works till then. */
static void raw_terminal(void)
{
	struct termios raw;

	if (!vm.terminal || tcgetattr(0, &vm.settings))
		return;
	raw = vm.settings;
	cfmakeraw(&raw);
	tcsetattr(0, TCSADRAIN, &raw);
}

static void restore_terminal(void)
{
	if (vm.terminal && vm.ready)
		tcsetattr(0, TCSADRAIN, &vm.settings);
}

static void send_size(void)
{
	struct winsize size;
	uint16_t rows_columns[2];

	if (!vm.terminal || !vm.ready || ioctl(0, TIOCGWINSZ, &size))
		return;
	rows_columns[0] = size.ws_row;
	rows_columns[1] = size.ws_col;
	send_frame(LINK_SIZE, rows_columns, sizeof(rows_columns));
}

static void take_frame(const struct link_frame *frame)
{
	uint32_t number;

	memcpy(&number, frame->data, sizeof(number));
	switch (frame->type) {
	case LINK_READY:
		raw_terminal();
		vm.ready = true;
		send_size();
		break;
	case LINK_STDOUT:
		write_all(1, frame->data, frame->length);
		break;
	case LINK_STDERR:
		write_all(2, frame->data, frame->length);
		break;
	case LINK_ACK:
		vm.under_way -= number < vm.under_way ? number : vm.under_way;
		break;
	case LINK_EXIT:
		vm.ended = true;
		vm.status = number;
		vm.deadline = now_s() + DOWN_WITHIN_S;
		break;
	default:
		break;
	}
}

/* False at the end of the line. */
static bool take_line(void)
{
	for (;;) {
		size_t want = LINK_HEADER;
		ssize_t n;

		if (vm.in_length >= LINK_HEADER) {
			if (vm.in.length > LINK_MAX)
				return false;
			want += vm.in.length;
			if (vm.in_length == want) {
				vm.in_length = 0;
				take_frame(&vm.in);
				continue;
			}
		}
		n = read(vm.from, (char *)&vm.in + vm.in_length, want - vm.in_length);
		if (n <= 0)
			return n < 0 && (errno == EAGAIN || errno == EINTR);
		vm.in_length += n;
	}
}

/*
 * The command may come to a clean end; asked twice, or if slow, not. A hang-up
 * is told in two ways, as a signal and as the end of the input: never a second time.
 */
static void ask_to_end(uint32_t number)
{
	if (vm.ready && !vm.ended && !vm.caught) {
		send_frame(LINK_SIGNAL, &number, sizeof(number));
		vm.deadline = now_s() + GRACE_S;
	} else if (number != SIGHUP) {
		vm.deadline = 0;
	}
	vm.caught = number;
}

static void take_input(void)
{
	char data[LINK_WINDOW];
	ssize_t n = read(0, data, LINK_WINDOW - vm.under_way);

	if (n > 0) {
		send_frame(LINK_STDIN, data, n);
		vm.under_way += n;
	} else if (!n || (errno != EAGAIN && errno != EINTR)) {
		vm.input_open = false;
		/* A raw terminal ends only by a hang-up, which is signalled to its first process alone. */
		if (vm.terminal)
			ask_to_end(SIGHUP);
		else
			send_frame(LINK_EOF, NULL, 0);
	}
}

static void take_signal(int signals)
{
	struct signalfd_siginfo info;
	uint32_t number;

	while (read(signals, &info, sizeof(info)) == sizeof(info)) {
		number = info.ssi_signo;
		if (number == SIGCHLD)
			continue;
		if (number == SIGWINCH) {
			send_size();
			continue;
		}
		ask_to_end(number);
	}
}

static void reap(void)
{
	pid_t pid;

	while ((pid = waitpid(-1, NULL, WNOHANG)) > 0)
		if (pid == vm.machine)
			vm.alive = false;
}

/* All processes of the machine are in its session, or have become our children. */
static void end_machine(void)
{
	kill(vm.guard, SIGKILL);
	kill(-vm.machine, SIGKILL);
	kill(vm.machine, SIGKILL);
	while (waitpid(-1, NULL, 0) > 0)
		;
}

static void carry(int signals)
{
	bool line_open = true;

	while (vm.alive || line_open) {
		bool read_input = vm.ready && vm.input_open && !vm.ended &&
				  vm.under_way < LINK_WINDOW;
		struct pollfd fds[] = {
			{ signals, POLLIN, 0 },
			{ line_open ? vm.from : -1, POLLIN, 0 },
			{ read_input ? 0 : -1, POLLIN, 0 },
		};

		if (now_s() >= vm.deadline)
			break;
		poll(fds, 3, 1000);
		if (fds[0].revents)
			take_signal(signals);
		if (fds[1].revents)
			line_open = take_line();
		if (fds[2].revents)
			take_input();
		reap();
		if (!vm.alive && line_open)
			line_open = take_line() && vm.alive;
	}
}

/* The first report in the kernel log, or NULL. */
static char *find_report(FILE *log)
{
	static char line[512];
	regex_t pattern;
	bool found = false;

	if (regcomp(&pattern, reports, REG_EXTENDED | REG_NOSUB))
		die("pattern of the reports");
	while (!found && fgets(line, sizeof(line), log))
		found = !regexec(&pattern, line, 0, NULL, 0);
	regfree(&pattern);
	line[strcspn(line, "\r\n")] = 0;
	return found ? line : NULL;
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *place)
{
	(void)st;
	(void)type;
	(void)place;
	return remove(path);
}

/* The job folder stays only where it holds the log of something gone wrong. */
static void clean_up(const char *job, const char *log, int status)
{
	if (!status || strncmp(log, job, strlen(job)))
		nftw(job, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

static int judge(const char *path, time_t limit, bool killed)
{
	FILE *log = fopen(path, "re");
	char *report = log ? find_report(log) : NULL;

	if (log)
		fclose(log);
	if (report) {
		complain("the kernel reports a mistake: %s (see %s)", report, path);
		return EXIT_BROKEN;
	}
	if (vm.ended && !killed)
		return vm.status;
	if (vm.caught)
		return 128 + vm.caught;
	if (killed)
		complain("not at its end %s, killed (log: %s)",
			 vm.ended ? "long after the command's" :
				    text("after %lld s (ND_VM_TIMEOUT)", (long long)limit), path);
	else
		complain("the machine died before the command's end (see %s)", path);
	return EXIT_BROKEN;
}

int main(int argc, char **argv)
{
	static const int caught[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGWINCH, SIGCHLD };
	int signals, log;
	time_t limit;
	sigset_t set;
	size_t i;
	bool killed;
	int status;

	if (argc < 9) {
		complain("called without its arguments");
		return 2;
	}
	sigemptyset(&set);
	for (i = 0; i < sizeof(caught) / sizeof(*caught); i++)
		sigaddset(&set, caught[i]);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGTTOU, SIG_IGN);
	signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	log = open(argv[6], O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0644);
	if (log < 0)
		die(argv[6]);
	limit = atol(argv[7]);
	vm.deadline = now_s() + limit;
	write_job(argv[3], argv[4], argv + 8);
	choose_core(argv[3]);
	boot(argv, log);
	carry(signals);
	killed = vm.alive;
	end_machine();
	restore_terminal();
	status = judge(argv[6], limit, killed);
	clean_up(argv[3], argv[6], status);
	return status;
}
