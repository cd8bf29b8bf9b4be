// SPDX-License-Identifier: GPL-2.0-or-later
#include "terminal.h"

#include <curses.h>
#include <errno.h>
#include <fcntl.h>
#include <langinfo.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "terminfo.h"
#include "rescue.h"

#define GOODBYE_MS	1000	/* how long a terminal may take the last bytes */
#define ESCAPE_MS	10	/* a key's sequence arrives in one piece, or nearly */
#define BITS_A_BYTE	10	/* on a serial line */

struct terminal {
	SCREEN *screen;
	FILE *memory;		/* what ncurses writes to */
	int output;		/* the terminal, not blocking */
	int output_flags;	/* of stdout, to be set again; -1: untouched */
	struct termios before, during;
	struct cells *shown;	/* what ncurses has been told */
	bool all;		/* tell it everything */
	bool gone;
	char *waiting;		/* bytes on their way out */
	size_t waiting_count, waiting_sent, waiting_size;
	double byte_s;		/* that the line needs for one; 0: it does not matter */
	double clear_s;		/* when what was sent will have gone through it */
	struct sigaction ignored_stop;
};

/* By ncurses, but for signals that it would take. */
static const int curses_signals[] = { SIGINT, SIGTERM, SIGTSTP, SIGWINCH };
#define CURSES_SIGNALS ((int)(sizeof(curses_signals) / sizeof(curses_signals[0])))

/* ---- styles ---------------------------------------------------------------------- */

static const struct {
	int colour256, colour8;
	attr_t attributes, monochrome;
} styles[CELL_STYLES] = {
	/* Blue and orange are told apart by every kind of colour vision. */
	[CELL_NORMAL] = { -1, -1, A_NORMAL, A_NORMAL },
	[CELL_DIM] = { -1, -1, A_DIM, A_DIM },
	[CELL_BOLD] = { -1, -1, A_BOLD, A_BOLD },
	[CELL_TITLE] = { -1, -1, A_REVERSE, A_REVERSE },
	[CELL_SETPOINT] = { 208, COLOR_YELLOW, A_NORMAL, A_NORMAL },
	[CELL_FLOW] = { 75, COLOR_CYAN, A_NORMAL, A_BOLD },
	[CELL_GOOD] = { 35, COLOR_GREEN, A_REVERSE, A_REVERSE },
	[CELL_WARNING] = { 208, COLOR_YELLOW, A_REVERSE, A_REVERSE },
	[CELL_FAULT] = { 160, COLOR_RED, A_REVERSE | A_BOLD, A_REVERSE | A_BOLD },
	[CELL_BAR] = { 75, COLOR_CYAN, A_NORMAL, A_NORMAL },
	[CELL_KEY] = { -1, -1, A_BOLD, A_BOLD },
};

static bool wants_colour(void)
{
	const char *no = getenv("NO_COLOR");

	return (!no || !*no) && has_colors();
}

static void set_colours(void)
{
	if (!wants_colour() || start_color() == ERR || COLORS < 8)
		return;
	use_default_colors();
	for (int i = 0; i < CELL_STYLES; i++)
		if (styles[i].colour8 >= 0)
			init_pair(i + 1, COLORS >= 256 ? styles[i].colour256 : styles[i].colour8, -1);
}

static void set_style(int style)
{
	bool colour = wants_colour() && COLORS >= 8;

	attr_set(colour ? styles[style].attributes : styles[style].monochrome,
		 colour && styles[style].colour8 >= 0 ? style + 1 : 0, NULL);
}

/* ---- bytes to the terminal --------------------------------------------------------- */

static double now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec + now.tv_nsec * 1e-9;
}

/*
 * A slow line takes bytes long before they have gone through: seconds of them
 * would lie in the kernel, and what is shown would lag behind by as much. From
 * 38400 on, which terminals without a line claim, it is theirs to say stop.
 */
static void pace(struct terminal *terminal)
{
	static const struct {
		speed_t speed;
		int baud;
	} slow[] = {
		{ B300, 300 }, { B600, 600 }, { B1200, 1200 }, { B2400, 2400 }, { B4800, 4800 }, { B9600, 9600 },
		{ B19200, 19200 },
	};
	speed_t speed = cfgetospeed(&terminal->before);

	for (size_t i = 0; i < sizeof(slow) / sizeof(slow[0]); i++)
		if (slow[i].speed == speed)
			terminal->byte_s = (double)BITS_A_BYTE / slow[i].baud;
}

static void count_sent(struct terminal *terminal, size_t count)
{
	if (!terminal->byte_s)
		return;
	terminal->clear_s = fmax(terminal->clear_s, now_s()) + count * terminal->byte_s;
}

bool terminal_flush(struct terminal *terminal)
{
	while (terminal->waiting_sent < terminal->waiting_count) {
		ssize_t count = write(terminal->output, terminal->waiting + terminal->waiting_sent,
				      terminal->waiting_count - terminal->waiting_sent);

		if (count > 0) {
			terminal->waiting_sent += count;
			count_sent(terminal, count);
		} else if (errno == EAGAIN) {
			return false;
		} else if (errno != EINTR) {
			terminal->gone = true;
			break;
		}
	}
	terminal->waiting_sent = 0;
	terminal->waiting_count = 0;
	return true;
}

/* What ncurses has written since, put behind what waits. */
static void collect(struct terminal *terminal)
{
	int memory = fileno(terminal->memory);
	off_t length = lseek(memory, 0, SEEK_CUR);
	size_t space = terminal->waiting_count + (length > 0 ? length : 0);

	if (length <= 0)
		return;
	if (space > terminal->waiting_size) {
		char *more = realloc(terminal->waiting, space);

		if (more) {
			terminal->waiting = more;
			terminal->waiting_size = space;
		}
	}
	if (space <= terminal->waiting_size &&
	    pread(memory, terminal->waiting + terminal->waiting_count, length, 0) == length)
		terminal->waiting_count = space;
	else
		/* A lost piece leaves a wrong picture: all of it again. */
		terminal->all = true;
	if (ftruncate(memory, 0) || lseek(memory, 0, SEEK_SET))
		terminal->all = true;
}

bool terminal_waits(const struct terminal *terminal)
{
	return terminal->waiting_sent < terminal->waiting_count;
}

/* Waits for the last bytes, but not for a terminal that hangs. */
static void flush_at_the_end(struct terminal *terminal)
{
	struct pollfd room = { .fd = terminal->output, .events = POLLOUT };

	while (!terminal_flush(terminal) && poll(&room, 1, GOODBYE_MS) > 0)
		continue;
}

/* ---- opening and closing ----------------------------------------------------------- */

static void prepare_rescue(struct terminal *terminal)
{
	char reset[256];
	size_t used = terminfo_reset(reset, sizeof(reset));

	rescue_on(terminal->output, &terminal->before, reset, used);
}

static bool set_modes(struct terminal *terminal)
{
	struct termios *modes = &terminal->during;

	*modes = terminal->before;
	modes->c_lflag &= ~(ICANON | ECHO | ECHONL | IEXTEN);
	modes->c_lflag |= ISIG;
	/* Ctrl-S would stop the output, Ctrl-Z the program and with it the dose. */
	modes->c_iflag &= ~(IXON | IXANY | INLCR | IGNCR | ISTRIP);
	modes->c_iflag |= ICRNL;
	modes->c_cc[VSUSP] = _POSIX_VDISABLE;
	modes->c_cc[VQUIT] = _POSIX_VDISABLE;
	modes->c_cc[VMIN] = 1;
	modes->c_cc[VTIME] = 0;
	/* As ncurses takes it to be. */
	modes->c_oflag |= OPOST | ONLCR;
	modes->c_oflag &= ~TABDLY;
	return !tcsetattr(STDIN_FILENO, TCSANOW, modes);
}

/* An open file of our own, as O_NONBLOCK on stdout would be shared with the shell. */
static bool open_output(struct terminal *terminal)
{
	terminal->output_flags = -1;
	terminal->output = open("/proc/self/fd/1", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (terminal->output >= 0)
		return true;
	/* The terminal may belong to someone else, after su. */
	terminal->output = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
	terminal->output_flags = fcntl(STDOUT_FILENO, F_GETFL);
	return terminal->output >= 0 && terminal->output_flags >= 0 &&
	       !fcntl(STDOUT_FILENO, F_SETFL, terminal->output_flags | O_NONBLOCK);
}

static bool open_curses(struct terminal *terminal)
{
	struct sigaction before[CURSES_SIGNALS];
	const char *type = getenv("TERM");
	int memory = memfd_create("nanodose-screen", MFD_CLOEXEC);

	terminal->memory = memory >= 0 ? fdopen(memory, "w") : NULL;
	if (!terminal->memory) {
		perror("nanodose: screen");
		return false;
	}
	for (int i = 0; i < CURSES_SIGNALS; i++)
		sigaction(curses_signals[i], NULL, &before[i]);
	terminal->screen = newterm(NULL, terminal->memory, stdin);
	for (int i = 0; i < CURSES_SIGNALS; i++)
		sigaction(curses_signals[i], &before[i], NULL);
	if (!terminal->screen || !terminfo_places_cursor()) {
		fprintf(stderr,
			"nanodose: the terminal type \"%s\" is not known or cannot place its cursor; set TERM right, or use --headless\n",
			type ? type : "");
		return false;
	}
	return true;
}

static void set_curses(void)
{
	set_escdelay(ESCAPE_MS);
	cbreak();
	noecho();
	nodelay(stdscr, TRUE);
	keypad(stdscr, TRUE);
	meta(stdscr, TRUE);
	/* Waiting keys are no reason to draw half a picture. */
	typeahead(-1);
	scrollok(stdscr, FALSE);
	curs_set(0);
	set_colours();
}

static void release(struct terminal *terminal)
{
	if (terminal->output_flags >= 0)
		fcntl(STDOUT_FILENO, F_SETFL, terminal->output_flags);
	if (terminal->output >= 0)
		close(terminal->output);
	if (terminal->screen)
		delscreen(terminal->screen);
	if (terminal->memory)
		fclose(terminal->memory);
	cells_free(terminal->shown);
	free(terminal->waiting);
	free(terminal);
}

struct terminal *terminal_open(void)
{
	struct terminal *terminal = calloc(1, sizeof(*terminal));
	struct sigaction ignore = { .sa_handler = SIG_IGN };

	if (!terminal) {
		perror("nanodose: screen");
		return NULL;
	}
	terminal->output = -1;
	terminal->output_flags = -1;
	if (!isatty(STDOUT_FILENO) || tcgetattr(STDIN_FILENO, &terminal->before)) {
		fprintf(stderr, "nanodose: the screen needs a terminal on input and output; use --headless\n");
		free(terminal);
		return NULL;
	}
	fflush(stdout);
	if (!open_output(terminal) || !open_curses(terminal)) {
		if (terminal->output < 0)
			perror("nanodose: terminal");
		release(terminal);
		return NULL;
	}
	prepare_rescue(terminal);
	/* Stopped from outside, the program would leave its pumps without a master. */
	sigaction(SIGTSTP, &ignore, &terminal->ignored_stop);
	set_modes(terminal);
	set_curses();
	pace(terminal);
	terminal_resize(terminal);
	return terminal;
}

void terminal_close(struct terminal *terminal)
{
	if (!terminal)
		return;
	set_term(terminal->screen);
	endwin();
	collect(terminal);
	flush_at_the_end(terminal);
	tcsetattr(STDIN_FILENO, TCSANOW, &terminal->before);
	rescue_off();
	sigaction(SIGTSTP, &terminal->ignored_stop, NULL);
	release(terminal);
}

/* ---- the picture --------------------------------------------------------------------- */

bool terminal_utf8(const struct terminal *terminal)
{
	const char *type = getenv("TERM");

	(void)terminal;
	/* The fonts of the kernel's own console have no braille patterns. */
	return !strcmp(nl_langinfo(CODESET), "UTF-8") && (!type || strcmp(type, "linux"));
}

void terminal_size(const struct terminal *terminal, int *rows, int *columns)
{
	(void)terminal;
	*rows = getmaxy(stdscr);
	*columns = getmaxx(stdscr);
}

void terminal_resize(struct terminal *terminal)
{
	struct winsize size;

	/* A line without a size, such as a serial one, gets that of the first terminals. */
	if (ioctl(terminal->output, TIOCGWINSZ, &size) || !size.ws_row || !size.ws_col)
		size = (struct winsize){ .ws_row = 24, .ws_col = 80 };
	resizeterm(size.ws_row, size.ws_col);
	terminal->all = true;
}

void terminal_refresh(struct terminal *terminal)
{
	set_modes(terminal);
	terminal->all = true;
}

/* Tells ncurses the cells from..to of a row, one call a stretch of one style. */
static void put_cells(const struct cells *cells, int row, int from, int to)
{
	const struct cell *line = &cells->grid[row * cells->columns];

	while (from < to) {
		wchar_t text[256];
		int count = 0, style = line[from].style, begin = from;

		for (; from < to && line[from].style == style && count < 256; from++)
			if (line[from].character != CELL_CONTINUED)
				text[count++] = line[from].character;
		set_style(style);
		mvaddnwstr(row, begin, text, count);
	}
}

static bool same_cell(const struct cell *a, const struct cell *b)
{
	return a->character == b->character && a->style == b->style;
}

/* What has changed, from the first cell to the last. */
static void put_row(struct cells *shown, const struct cells *cells, int row, bool all)
{
	const struct cell *now = &cells->grid[row * cells->columns];
	struct cell *before = &shown->grid[row * cells->columns];
	int from = 0, to = cells->columns;

	while (!all && from < to && same_cell(&now[from], &before[from]))
		from++;
	while (!all && to > from && same_cell(&now[to - 1], &before[to - 1]))
		to--;
	/* A wide character is put as a whole. */
	while (from > 0 && from < to && now[from].character == CELL_CONTINUED)
		from--;
	put_cells(cells, row, from, to);
	memcpy(before, now, cells->columns * sizeof(*now));
}

bool terminal_show(struct terminal *terminal, const struct cells *cells)
{
	struct cells *shown = terminal->shown;

	if (!terminal_flush(terminal) || (terminal->byte_s > 0 && now_s() < terminal->clear_s))
		return false;
	if (terminal->gone)
		return true;
	if (!shown || shown->rows != cells->rows || shown->columns != cells->columns) {
		cells_free(shown);
		shown = cells_new(cells->rows, cells->columns, cells->utf8);
		terminal->shown = shown;
		terminal->all = true;
	}
	if (!shown)
		return false;
	if (terminal->all) {
		erase();
		clearok(curscr, TRUE);
	}
	for (int row = 0; row < cells->rows; row++)
		put_row(shown, cells, row, terminal->all);
	terminal->all = false;
	refresh();
	collect(terminal);
	terminal_flush(terminal);
	return true;
}

/* ---- keys ---------------------------------------------------------------------------- */

int terminal_input_fd(const struct terminal *terminal)
{
	(void)terminal;
	return STDIN_FILENO;
}

int terminal_output_fd(const struct terminal *terminal)
{
	return terminal->output;
}

bool terminal_gone(const struct terminal *terminal)
{
	return terminal->gone;
}

int terminal_key(struct terminal *terminal)
{
	struct pollfd input = { .fd = STDIN_FILENO, .events = POLLIN };
	int bytes = 0;
	wint_t key;

	switch (get_wch(&key)) {
	case OK:
		return key == '\r' ? '\n' : (int)key;
	case KEY_CODE_YES:
		break;
	default:
		/* Readable without a byte: the end of it. */
		if (poll(&input, 1, 0) > 0 &&
		    (input.revents & (POLLHUP | POLLERR | POLLNVAL) ||
		     ioctl(STDIN_FILENO, FIONREAD, &bytes) || !bytes))
			terminal->gone = true;
		return TERMINAL_NONE;
	}
	switch (key) {
	case KEY_UP:
		return TERMINAL_UP;
	case KEY_DOWN:
		return TERMINAL_DOWN;
	case KEY_LEFT:
		return TERMINAL_LEFT;
	case KEY_RIGHT:
		return TERMINAL_RIGHT;
	case KEY_BTAB:
		return TERMINAL_BACK_TAB;
	case KEY_PPAGE:
		return TERMINAL_PAGE_UP;
	case KEY_NPAGE:
		return TERMINAL_PAGE_DOWN;
	case KEY_HOME:
		return TERMINAL_HOME;
	case KEY_END:
		return TERMINAL_END;
	case KEY_ENTER:
		return '\n';
	default:
		return TERMINAL_OTHER;
	}
}

void terminal_take_interrupt(struct terminal *terminal, bool on)
{
	if (on)
		terminal->during.c_lflag &= ~ISIG;
	else
		terminal->during.c_lflag |= ISIG;
	tcsetattr(STDIN_FILENO, TCSANOW, &terminal->during);
}
