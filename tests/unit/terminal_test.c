// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The screen on a pseudo-terminal, with a runner that only tells what it is
 * asked for. Keys go in at one end; orders, bytes and terminal modes are looked
 * at from the other.
 *
 *	build/unit/terminal_test SCENE		shows a made-up run on this terminal
 */
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>
#include <utmp.h>

#include "test.h"

#include "../tui/scenes.c"

#define HANG_MS	60000	/* only a hang lasts this long, even on a busy machine */

/* ---- the child: a runner without pumps ---------------------------------------------- */

static int reports = -1;	/* pipe to the parent: a line an order */
static struct scene *scene;

static char orders[256];	/* told once the picture shows what they did */

static void report(const char *text)
{
	if (reports >= 0 && (write(reports, text, strlen(text)) < 0 || write(reports, "\n", 1) < 0))
		_exit(99);
}

static void order(const char *text)
{
	snprintf(orders + strlen(orders), sizeof(orders) - strlen(orders), "%s%s", *orders ? "\n" : "",
		 text);
}

static void take_command(struct run_control *control, enum run_command command, const char *who)
{
	(void)control;
	switch (command) {
	case RUN_PAUSE:
		scene->view.status = RUN_PAUSED;
		order(who && *who ? "pause" : "pause by nobody");
		break;
	case RUN_RESUME:
		scene->view.status = RUN_RUNNING;
		order("resume");
		break;
	case RUN_STOP:
		scene->view.status = RUN_STOPPED_OPERATOR;
		order("stop");
		break;
	case RUN_EMERGENCY_STOP:
		scene->view.status = RUN_STOPPED_OPERATOR;
		order("emergency stop");
		break;
	case RUN_YES:
	case RUN_NO:
		scene->view.question = NULL;
		order(command == RUN_YES ? "yes" : "no");
		break;
	case RUN_TAKE:
	case RUN_DETACH:
		order("of a screen elsewhere");
		break;
	}
}

static struct run_control control = { .command = take_command };

static int take_signals(void)
{
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGHUP);
	sigaddset(&signals, SIGWINCH);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	return signalfd(-1, &signals, SFD_NONBLOCK | SFD_CLOEXEC);
}

/* A run as the runner has it, until it is over or its terminal has gone. */
static void serve(struct run_front *front)
{
	int signal_fd = take_signals();

	front->draw(front, &scene->view);
	report("drawn");
	while (scene->view.status < RUN_DONE) {
		struct pollfd fds[3] = { { .fd = signal_fd, .events = POLLIN } };
		struct signalfd_siginfo info;
		int count = front->fds(front, fds + 1, 2);

		if (!count) {
			report("terminal gone");
			return;
		}
		poll(fds, count + 1, -1);
		while (read(signal_fd, &info, sizeof(info)) == sizeof(info)) {
			if (info.ssi_signo == SIGWINCH) {
				front->resize(front);
				report("resized");
			} else if (info.ssi_signo == SIGINT) {
				report("interrupt");
			}
		}
		front->handle(front, &control, fds + 1, count);
		front->draw(front, &scene->view);
		if (*orders)
			report(orders);
		*orders = '\0';
	}
	front->finish(front, &scene->view);
	report("finished");
}

static void child_runs(struct run_front *front)
{
	serve(front);
}

static void child_aborts(struct run_front *front)
{
	front->draw(front, &scene->view);
	abort();
}

static void child_exits(struct run_front *front)
{
	front->draw(front, &scene->view);
	exit(3);
}

static void child_is_terminated(struct run_front *front)
{
	front->draw(front, &scene->view);
	raise(SIGTERM);
}

/* A real fault of memory, not one sent. */
static void child_crashes(struct run_front *front)
{
	char *page = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	front->draw(front, &scene->view);
	*(volatile char *)page = 1;
}

/* Much more than any terminal holds; nobody reads it. */
static void child_draws_a_lot(struct run_front *front)
{
	for (int i = 0; i < 400; i++) {
		scene_free(scene);
		scene = scene_new(i % 2 ? "four" : "lost", -1);
		front->draw(front, &scene->view);
	}
	report("drew on");
	serve(front);
}

/* ---- the parent ---------------------------------------------------------------------- */

struct session {
	pid_t pid;
	int terminal, reports;
	struct termios before;
	char bytes[1 << 20];	/* what came from the screen */
	size_t count;
	char lines[4096];	/* reports not looked at yet */
};

static const struct winsize usual = { .ws_row = 24, .ws_col = 80 };

static void start(struct session *session, const char *name, const char *type,
		  const struct winsize *size, void (*run)(struct run_front *front))
{
	int ends[2], slave;

	session->count = 0;
	session->lines[0] = '\0';
	if (openpty(&session->terminal, &slave, NULL, NULL, size) || pipe(ends) ||
	    tcgetattr(slave, &session->before)) {
		perror("terminal_test");
		exit(2);
	}
	fcntl(session->terminal, F_SETFD, FD_CLOEXEC);
	fflush(stdout);
	session->pid = fork();
	if (!session->pid) {
		struct run_front *front;

		close(session->terminal);
		close(ends[0]);
		reports = ends[1];
		login_tty(slave);
		setenv("TERM", type, 1);
		scene = scene_new(name, -1);
		front = screen_new();
		if (!front) {
			report("no screen");
			_exit(1);
		}
		run(front);
		screen_free(front);
		scene_free(scene);
		_exit(0);
	}
	close(ends[1]);
	close(slave);
	session->reports = ends[0];
}

static bool read_bytes(struct session *session)
{
	ssize_t count;

	if (session->count == sizeof(session->bytes) - 1)
		session->count = 0;
	count = read(session->terminal, session->bytes + session->count,
		     sizeof(session->bytes) - 1 - session->count);
	if (count > 0)
		session->count += count;
	session->bytes[session->count] = '\0';
	return count > 0;
}

/* The next order or event of the child; reads the screen meanwhile, if asked to. */
static const char *next_report(struct session *session, bool reading)
{
	static char line[256];

	for (;;) {
		struct pollfd fds[2] = {
			{ .fd = session->reports, .events = POLLIN },
			{ .fd = reading ? session->terminal : -1, .events = POLLIN },
		};
		size_t have = strlen(session->lines);
		char *end = strchr(session->lines, '\n');
		ssize_t count;

		if (end) {
			snprintf(line, sizeof(line), "%.*s", (int)(end - session->lines), session->lines);
			memmove(session->lines, end + 1, strlen(end + 1) + 1);
			return line;
		}
		if (poll(fds, 2, HANG_MS) <= 0)
			return "nothing: it hangs";
		if (fds[1].revents & POLLIN)
			read_bytes(session);
		if (!fds[0].revents)
			continue;
		count = read(session->reports, session->lines + have, sizeof(session->lines) - 1 - have);
		if (count <= 0)
			return "nothing: it has ended";
		session->lines[have + count] = '\0';
	}
}

static void press(struct session *session, const char *keys)
{
	CHECK(write(session->terminal, keys, strlen(keys)) == (ssize_t)strlen(keys));
}

/* Reads the screen until it shows @text; the bytes are kept. */
static bool wait_for_bytes(struct session *session, const char *text)
{
	while (!memmem(session->bytes, session->count, text, strlen(text))) {
		struct pollfd fd = { .fd = session->terminal, .events = POLLIN };

		if (poll(&fd, 1, HANG_MS) <= 0 || !(fd.revents & POLLIN))
			return false;
		read_bytes(session);
	}
	return true;
}

/* Reads all to the end; the exit status as from wait(). */
static int finish(struct session *session)
{
	int status = -1, count;

	for (;;) {
		struct pollfd fd = { .fd = session->terminal, .events = POLLIN };

		count = poll(&fd, 1, HANG_MS);
		/* The last bytes may arrive between poll's look for them and for the end. */
		if (count <= 0 || !read_bytes(session))
			break;
	}
	if (count == 0)
		kill(session->pid, SIGKILL);
	waitpid(session->pid, &status, 0);
	return status;
}

static void end(struct session *session)
{
	close(session->terminal);
	close(session->reports);
}

static bool given_back(struct session *session)
{
	struct termios now;
	bool same;

	/* The master end tells the modes of the line. */
	if (tcgetattr(session->terminal, &now))
		return false;
	same = now.c_iflag == session->before.c_iflag && now.c_oflag == session->before.c_oflag &&
	       now.c_lflag == session->before.c_lflag &&
	       !memcmp(now.c_cc, session->before.c_cc, sizeof(now.c_cc));
	return same && memmem(session->bytes, session->count, "\033[?1049l", 8) &&
	       memmem(session->bytes, session->count, "\033[?25h", 6);
}

static struct session session;

TEST(space_pauses_and_resumes_and_s_stops)
{
	start(&session, "two", "xterm-256color", &usual, child_runs);
	CHECK_TEXT(next_report(&session, true), "drawn");
	press(&session, " ");
	CHECK_TEXT(next_report(&session, true), "pause");
	press(&session, " ");
	CHECK_TEXT(next_report(&session, true), "resume");
	press(&session, "s");
	CHECK_TEXT(next_report(&session, true), "stop");
	CHECK(wait_for_bytes(&session, "leaves"));
	press(&session, "z");
	CHECK_TEXT(next_report(&session, true), "finished");
	CHECK_INT(finish(&session), 0);
	CHECK(given_back(&session));
	end(&session);
}

TEST(q_asks_first_and_only_y_stops)
{
	start(&session, "two", "xterm-256color", &usual, child_runs);
	CHECK_TEXT(next_report(&session, true), "drawn");
	press(&session, "qn \n");
	/* What follows the n is a key for the run again; Enter answers nothing. */
	CHECK_TEXT(next_report(&session, true), "pause");
	press(&session, "q \nq ");
	/* Neither blank nor Enter confirms; the second q takes the question back. */
	CHECK_TEXT(next_report(&session, true), "resume");
	press(&session, "qy");
	CHECK_TEXT(next_report(&session, true), "stop");
	/* Who has quit is not kept waiting before a last picture. */
	CHECK_TEXT(next_report(&session, true), "finished");
	CHECK_INT(finish(&session), 0);
	end(&session);
}

TEST(emergency_stop_takes_one_key_whatever_is_on_the_screen)
{
	static const char *const keys[] = { "x", "!", "?x", "q!" };

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		start(&session, "question", "xterm", &usual, child_runs);
		CHECK_TEXT(next_report(&session, true), "drawn");
		press(&session, keys[i]);
		CHECK_TEXT(next_report(&session, true), "emergency stop");
		CHECK(wait_for_bytes(&session, "leaves"));
		press(&session, "\n");
		CHECK_TEXT(next_report(&session, true), "finished");
		CHECK_INT(finish(&session), 0);
		end(&session);
	}
}

TEST(letters_beyond_ascii_are_no_keys)
{
	start(&session, "two", "xterm", &usual, child_runs);
	CHECK_TEXT(next_report(&session, true), "drawn");
	/* In UTF-8 these end in 0xa1, 0xa0 and 0xb3: '!', blank and '3' but for the top bit. */
	press(&session, "\u00e1\u00e0\u00f3 ");
	CHECK_TEXT(next_report(&session, true), "pause");
	press(&session, "s");
	CHECK_TEXT(next_report(&session, true), "stop");
	CHECK(wait_for_bytes(&session, "leaves"));
	press(&session, "\n");
	CHECK_INT(finish(&session), 0);
	end(&session);
}

TEST(questions_are_answered_by_y_n_and_enter)
{
	static const struct {
		const char *keys, *answer;
	} cases[] = { { "y", "yes" }, { "\r", "yes" }, { "n", "no" } };

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		start(&session, "question", "xterm", &usual, child_runs);
		CHECK_TEXT(next_report(&session, true), "drawn");
		press(&session, cases[i].keys);
		CHECK_TEXT(next_report(&session, true), cases[i].answer);
		press(&session, "x");
		CHECK_TEXT(next_report(&session, true), "emergency stop");
		CHECK(wait_for_bytes(&session, "leaves"));
		press(&session, "\n");
		CHECK_INT(finish(&session), 0);
		end(&session);
	}
}

TEST(looking_around_moves_nothing)
{
	start(&session, "four", "xterm", &usual, child_runs);
	CHECK_TEXT(next_report(&session, true), "drawn");
	/* help and out of it by any key, all the ways to scroll, then a key that acts */
	press(&session, "? \033[A\033[B\033[5~\033[6~\033[H\033[F\033OA\014zzz ");
	CHECK_TEXT(next_report(&session, true), "pause");
	press(&session, "s");
	CHECK_TEXT(next_report(&session, true), "stop");
	CHECK(wait_for_bytes(&session, "leaves"));
	press(&session, "\033[A?\n\033[Az");
	CHECK_TEXT(next_report(&session, true), "finished");
	CHECK_INT(finish(&session), 0);
	end(&session);
}

TEST(control_c_interrupts_but_control_z_and_s_do_nothing)
{
	start(&session, "two", "xterm", &usual, child_runs);
	CHECK_TEXT(next_report(&session, true), "drawn");
	press(&session, "\x1a\x13\x1c ");
	CHECK_TEXT(next_report(&session, true), "pause");
	press(&session, "\x03");
	CHECK_TEXT(next_report(&session, true), "interrupt");
	press(&session, "s");
	CHECK_TEXT(next_report(&session, true), "stop");
	CHECK(wait_for_bytes(&session, "leaves"));
	/* Then it is a key like any other. */
	press(&session, "\x03");
	CHECK_TEXT(next_report(&session, true), "finished");
	CHECK_INT(finish(&session), 0);
	end(&session);
}

TEST(a_resize_is_followed)
{
	struct winsize larger = { .ws_row = 37, .ws_col = 101 };

	start(&session, "two", "xterm", &usual, child_runs);
	CHECK_TEXT(next_report(&session, true), "drawn");
	CHECK(wait_for_bytes(&session, "EMERGENCY"));
	CHECK(!memmem(session.bytes, session.count, "\033[37", 4));
	session.count = 0;
	CHECK_INT(ioctl(session.terminal, TIOCSWINSZ, &larger), 0);
	CHECK_TEXT(next_report(&session, true), "resized");
	/* The key line is now in row 37. */
	CHECK(wait_for_bytes(&session, "EMERGENCY"));
	CHECK(memmem(session.bytes, session.count, "\033[37", 4));
	press(&session, "x");
	CHECK_TEXT(next_report(&session, true), "emergency stop");
	CHECK(wait_for_bytes(&session, "leaves"));
	press(&session, "z");
	CHECK_INT(finish(&session), 0);
	end(&session);
}

TEST(the_terminal_is_given_back_after_every_kind_of_death)
{
	static const struct {
		void (*run)(struct run_front *front);
		bool signalled;
		int number;
	} cases[] = {
		{ child_aborts, true, SIGABRT }, { child_exits, false, 3 },
		{ child_is_terminated, true, SIGTERM }, { child_crashes, false, 0 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int status;

		start(&session, "two", "xterm-256color", &usual, cases[i].run);
		status = finish(&session);
		CHECK(memmem(session.bytes, session.count, "\033[?1049h", 8));
		CHECK(given_back(&session));
		/* The sanitizer has its own way to die of a crash, after us. */
		if (cases[i].run == child_crashes)
			CHECK(status != 0);
		else if (cases[i].signalled)
			CHECK(WIFSIGNALED(status) && WTERMSIG(status) == cases[i].number);
		else
			CHECK(WIFEXITED(status) && WEXITSTATUS(status) == cases[i].number);
		end(&session);
	}
}

TEST(a_terminal_that_hangs_holds_up_nothing)
{
	static const struct winsize large = { .ws_row = 100, .ws_col = 300 };

	start(&session, "two", "xterm-256color", &large, child_draws_a_lot);
	CHECK_TEXT(next_report(&session, false), "drew on");
	CHECK_TEXT(next_report(&session, false), "drawn");
	press(&session, " ");
	CHECK_TEXT(next_report(&session, false), "pause");
	/* Once it moves again, so does the screen. */
	press(&session, "s");
	CHECK_TEXT(next_report(&session, false), "stop");
	CHECK(wait_for_bytes(&session, "leaves"));
	press(&session, "z");
	CHECK_TEXT(next_report(&session, true), "finished");
	CHECK_INT(finish(&session), 0);
	CHECK(given_back(&session));
	end(&session);
}

TEST(a_terminal_that_has_gone_ends_the_screen_not_the_run)
{
	start(&session, "two", "xterm", &usual, child_runs);
	CHECK_TEXT(next_report(&session, true), "drawn");
	close(session.terminal);
	session.terminal = -1;
	CHECK_TEXT(next_report(&session, false), "terminal gone");
	waitpid(session.pid, NULL, 0);
	close(session.reports);
}

/* A colour of letters is set: ESC [ with a part of 30 to 38, m at its end. */
static bool has_colour(const struct session *shown)
{
	for (size_t i = 0; i + 1 < shown->count; i++) {
		const char *part = shown->bytes + i + 2, *end = part + strspn(part, "0123456789;");

		if (shown->bytes[i] != '\033' || shown->bytes[i + 1] != '[' || *end != 'm')
			continue;
		for (; part < end; part += strcspn(part, ";m") + 1)
			if (atoi(part) >= 30 && atoi(part) <= 38)
				return true;
	}
	return false;
}

static void show_once(const char *type)
{
	start(&session, "fault", type, &usual, child_runs);
	CHECK_TEXT(next_report(&session, true), "drawn");
	CHECK(wait_for_bytes(&session, "leaves"));
	press(&session, "z");
	CHECK_INT(finish(&session), 0);
}

TEST(colours_are_blue_and_orange_unless_not_wanted)
{
	show_once("xterm-256color");
	CHECK(memmem(session.bytes, session.count, "38;5;75m", 8));
	CHECK(memmem(session.bytes, session.count, "38;5;208m", 9));
	CHECK(has_colour(&session));
	end(&session);

	show_once("xterm");
	CHECK(has_colour(&session));
	end(&session);

	setenv("NO_COLOR", "1", 1);
	show_once("xterm-256color");
	CHECK(!has_colour(&session));
	end(&session);
	unsetenv("NO_COLOR");

	show_once("vt100");
	CHECK(!has_colour(&session));
	end(&session);
}

TEST(without_utf8_not_one_byte_is_beyond_ascii)
{
	bool ascii = true;

	show_once("xterm");
	CHECK(memmem(session.bytes, session.count, "\u2595", 3));
	end(&session);

	setenv("LC_ALL", "C", 1);
	setlocale(LC_ALL, "");
	show_once("xterm");
	for (size_t i = 0; i < session.count; i++)
		if (session.bytes[i] & 0x80)
			ascii = false;
	CHECK(ascii);
	CHECK(memchr(session.bytes, '#', session.count));
	end(&session);
	setenv("LC_ALL", "C.UTF-8", 1);
	setlocale(LC_ALL, "");
}

TEST(what_is_no_terminal_is_refused)
{
	int status;

	start(&session, "two", "dumb", &usual, child_runs);
	CHECK_TEXT(next_report(&session, true), "no screen");
	CHECK(wait_for_bytes(&session, "\"dumb\""));
	status = finish(&session);
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 1);
	end(&session);

	fflush(stdout);
	session.pid = fork();
	if (!session.pid) {
		int null = open("/dev/null", O_RDWR);

		dup2(null, STDIN_FILENO);
		dup2(null, STDOUT_FILENO);
		dup2(null, STDERR_FILENO);
		_exit(screen_new() ? 1 : 0);
	}
	waitpid(session.pid, &status, 0);
	CHECK_INT(status, 0);
}

/* ---- to be looked at ------------------------------------------------------------------- */

static double clock_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec + now.tv_nsec / 1e9;
}

static int show(const char *name)
{
	double begin_s = clock_s(), offset_s;
	struct run_front *front;

	scene = scene_new(name, -1);
	if (!scene) {
		fprintf(stderr, "no scene is called \"%s\"\n", name);
		return 2;
	}
	front = screen_new();
	if (!front)
		return 1;
	offset_s = scene->view.elapsed_s;
	while (scene->view.status < RUN_DONE) {
		struct scene *next = scene_new(name, offset_s + clock_s() - begin_s);
		struct pollfd fds[2];
		int count = front->fds(front, fds, 2);

		if (scene->view.status == RUN_PAUSED)
			next->view.status = RUN_PAUSED;
		scene_free(scene);
		scene = next;
		poll(fds, count, 100);
		front->handle(front, &control, fds, count);
		front->resize(front);
		front->draw(front, &scene->view);
		if (*orders)
			report(orders);
		*orders = '\0';
	}
	front->finish(front, &scene->view);
	screen_free(front);
	scene_free(scene);
	return 0;
}

int main(int count, char **arguments)
{
	if (count > 1) {
		setlocale(LC_ALL, "");
		return show(arguments[1]);
	}
	setenv("LC_ALL", "C.UTF-8", 1);
	setlocale(LC_ALL, "");
	unsetenv("NO_COLOR");
	unsetenv("LINES");
	unsetenv("COLUMNS");
	RUN(space_pauses_and_resumes_and_s_stops);
	RUN(q_asks_first_and_only_y_stops);
	RUN(emergency_stop_takes_one_key_whatever_is_on_the_screen);
	RUN(letters_beyond_ascii_are_no_keys);
	RUN(questions_are_answered_by_y_n_and_enter);
	RUN(looking_around_moves_nothing);
	RUN(control_c_interrupts_but_control_z_and_s_do_nothing);
	RUN(a_resize_is_followed);
	RUN(the_terminal_is_given_back_after_every_kind_of_death);
	RUN(a_terminal_that_hangs_holds_up_nothing);
	RUN(a_terminal_that_has_gone_ends_the_screen_not_the_run);
	RUN(colours_are_blue_and_orange_unless_not_wanted);
	RUN(without_utf8_not_one_byte_is_beyond_ascii);
	RUN(what_is_no_terminal_is_refused);
	return test_end();
}
