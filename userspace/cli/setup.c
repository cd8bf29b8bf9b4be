// SPDX-License-Identifier: GPL-2.0-or-later
/* nanodose setup: asks what a configuration needs, and writes it. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config.h"
#include "expression.h"
#include "press.h"
#include "verbs.h"
#include "wording.h"

#define LINE_SIZE 256

struct walk {
	FILE *file;		/* the configuration as it grows */
	char *text;
	size_t size;
	bool ended;		/* of the answers */
	bool buttons;		/* there is one */
};

/* One line without its end and blanks around; false once there are no more. */
static bool ask(struct walk *walk, const char *question, char line[LINE_SIZE])
{
	size_t length;
	char *begin;

	printf("%s ", question);
	fflush(stdout);
	if (!fgets(line, LINE_SIZE, stdin)) {
		walk->ended = true;
		return false;
	}
	begin = line + strspn(line, " \t");
	length = strlen(begin);
	while (length && strchr(" \t\r\n", begin[length - 1]))
		length--;
	memmove(line, begin, length);
	line[length] = '\0';
	return true;
}

static bool ask_yes(struct walk *walk, const char *question)
{
	char line[LINE_SIZE];

	return ask(walk, question, line) && (!strcasecmp(line, "y") || !strcasecmp(line, "yes"));
}

/* A scalar of YAML, whatever is in it. */
static void quoted(FILE *file, const char *text)
{
	putc('"', file);
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			putc('\\', file);
		if ((unsigned char)*text >= ' ')
			putc(*text, file);
	}
	putc('"', file);
}

/* ---- pumps ------------------------------------------------------------------------------ */

/* @taken: names so far, a line each, with an empty one before */
static bool is_taken(const char *taken, const char *name)
{
	char line[LINE_SIZE + 2];

	snprintf(line, sizeof(line), "\n%s\n", name);
	return strstr(taken, line);
}

static bool ask_name(struct walk *walk, const char *fallback, const char *taken, char name[LINE_SIZE])
{
	char question[LINE_SIZE];

	snprintf(question, sizeof(question), "  How is it to be called in protocols? [%s]", fallback);
	while (ask(walk, question, name)) {
		if (!*name)
			snprintf(name, LINE_SIZE, "%s", fallback);
		if (!expression_good_name(name))
			puts("  A name is a letter and then letters, digits or _, at most 31.");
		else if (is_taken(taken, name))
			puts("  That name is taken.");
		else
			return true;
	}
	return false;
}

static const struct nanodose_syringe *ask_syringe(struct walk *walk)
{
	const struct nanodose_syringe *syringe;
	char line[LINE_SIZE], list[200];
	const char *near[5];

	while (ask(walk, "  Which syringe is mounted on it? (Enter: protocols say it)", line) && *line) {
		syringe = nanodose_syringe_find(line);
		if (syringe)
			return syringe;
		printf("  There is no \"%s\" in the table. Near it are: %s.\n", line,
		       join_words(near, nanodose_syringe_suggest(line, near, 5), list, sizeof(list)));
	}
	return NULL;
}

static void ask_pump(struct walk *walk, const char *device, const char *label, int number, char *taken, size_t size)
{
	const struct nanodose_syringe *syringe;
	char name[LINE_SIZE], fallback[40];
	size_t used = strlen(taken);

	printf("Pump %s%s%s\n", device, *label ? ", labelled " : "", label);
	if (*label && expression_good_name(label))
		snprintf(fallback, sizeof(fallback), "%s", label);
	else
		snprintf(fallback, sizeof(fallback), "pump%d", number);
	if (!ask_name(walk, fallback, taken, name))
		return;
	syringe = ask_syringe(walk);
	/* A label stays where device numbers may change with the order of plugs. */
	fprintf(walk->file, "  %s: {device: ", name);
	quoted(walk->file, *label ? label : device);
	if (syringe) {
		fputs(", syringe: ", walk->file);
		quoted(walk->file, syringe->name);
	}
	fputs("}\n", walk->file);
	snprintf(taken + used, size - used, "%s\n", name);
}

static void ask_pumps(struct walk *walk)
{
	struct nanodose_list *list = nanodose_list_new();
	size_t count = list ? nanodose_list_count(list) : 0;
	char taken[1024] = "\n";

	if (!count)
		puts("There is no pump on this machine now. \"nanodose setup\" can be called again once there is.");
	else
		fputs("pumps:\n", walk->file);
	for (size_t i = 0; i < count && !walk->ended; i++)
		ask_pump(walk, nanodose_list_name(list, i), nanodose_list_label(list, i), i, taken, sizeof(taken));
	nanodose_list_free(list);
}

/* ---- buttons ---------------------------------------------------------------------------- */

static void ask_button(struct walk *walk, const char *purpose, const char *deed)
{
	char line[LINE_SIZE];
	struct press press;
	int result;

	printf("A button, pedal or wheel %s: press it now, or Enter for none. ", purpose);
	fflush(stdout);
	result = press_await(&press);
	if (result < 0)
		puts("(there is none that may be read)");
	if (result == 0)
		walk->ended = !fgets(line, sizeof(line), stdin);
	if (result <= 0)
		return;
	printf("%s of \"%s\"\n", press.code, press.device);
	if (!walk->buttons)
		fputs("buttons:\n", walk->file);
	walk->buttons = true;
	fputs("  - {device: ", walk->file);
	quoted(walk->file, press.device);
	fprintf(walk->file, ", key: %s, does: %s}\n", press.code, deed);
}

/* ---- people ----------------------------------------------------------------------------- */

static void write_people(FILE *file, const char *right, char *line)
{
	const char *between = "";
	char *rest, *one;

	fprintf(file, "  %s: [", right);
	for (one = strtok_r(line, " ,", &rest); one; one = strtok_r(NULL, " ,", &rest)) {
		fputs(between, file);
		quoted(file, one);
		between = ", ";
	}
	fputs("]\n", file);
}

static void ask_people(struct walk *walk)
{
	char watch[LINE_SIZE], control[LINE_SIZE], everybody[] = "everybody";

	puts("Who else may see your runs, and who may pause and stop them, too?\nWrite users, @groups or everybody.");
	if (!ask(walk, "  See them (Enter: whoever may read the pump):", watch) ||
	    !ask(walk, "  Control them (Enter: nobody):", control) || (!*watch && !*control))
		return;
	fputs("permissions:\n", walk->file);
	write_people(walk->file, "watch", *watch ? watch : everybody);
	if (*control)
		write_people(walk->file, "control", control);
}

/* ---- the file --------------------------------------------------------------------------- */

static bool make_folders(char *path)
{
	for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(path, 0755) && errno != EEXIST) {
			fprintf(stderr, "nanodose setup: the folder %s cannot be made: %m\n", path);
			*slash = '/';
			return false;
		}
		*slash = '/';
	}
	return true;
}

/* All of it or nothing, whatever happens. */
static int write_file(char *path, const char *text)
{
	char *fresh = NULL;
	bool good;
	int fd;

	if (!make_folders(path) || asprintf(&fresh, "%s.new", path) < 0)
		return NANODOSE_EXIT_REFUSED;
	fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	good = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text) && !fsync(fd);
	if (!good)
		fprintf(stderr, "nanodose setup: %s cannot be written: %m\n", fresh);
	if (fd >= 0)
		close(fd);
	if (good && !config_check(fresh)) {
		fputs("nanodose setup: nothing was kept; call it again and write that otherwise\n", stderr);
		good = false;
	}
	if (good && rename(fresh, path)) {
		fprintf(stderr, "nanodose setup: %s cannot be written: %m\n", path);
		good = false;
	}
	if (!good)
		unlink(fresh);
	free(fresh);
	return good ? NANODOSE_EXIT_DONE : NANODOSE_EXIT_REFUSED;
}

static int finish(struct walk *walk, char *path)
{
	char question[LINE_SIZE + 64];
	int status;

	fclose(walk->file);
	if (walk->ended) {
		fputs("\nnanodose setup: the answers ended before all was asked; nothing was written\n", stderr);
		return NANODOSE_EXIT_REFUSED;
	}
	printf("\n%s\n", walk->text);
	snprintf(question, sizeof(question), "Write this to %s? [y/n]", path);
	if (!ask_yes(walk, question)) {
		fputs("nanodose setup: nothing was written\n", stderr);
		return NANODOSE_EXIT_OPERATOR;
	}
	status = write_file(path, walk->text);
	if (!status)
		printf("It is written. Change it with any editor; \"man nanodose-config\" has all that it may hold.\n"
		       "Next: \"nanodose list\" shows the pumps, \"nanodose jog NAME\" moves one by hand, and\n"
		       "\"nanodose run FILE\" doses.\n");
	return status;
}

static int walk_through(char *path)
{
	struct walk walk = { .text = NULL };
	int status;

	walk.file = open_memstream(&walk.text, &walk.size);
	if (!walk.file) {
		perror("nanodose setup");
		return NANODOSE_EXIT_REFUSED;
	}
	fputs("# Pumps, syringes, buttons and people of nanodose: man nanodose-config\nnanodose: 1\n", walk.file);
	/* A line that is not asked for yet stays where press_await() sees it. */
	setvbuf(stdin, NULL, _IONBF, 0);
	puts("This asks for what stands beside the pumps and writes it to a file.\nNothing moves.");
	ask_pumps(&walk);
	if (!walk.ended)
		ask_button(&walk, "for the emergency stop", "emergency_stop");
	if (!walk.ended)
		ask_button(&walk, "to pause and resume", "pause");
	if (!walk.ended)
		ask_people(&walk);
	status = finish(&walk, path);
	free(walk.text);
	return status;
}

int verb_setup(int argc, char **argv)
{
	static const struct option options[] = {
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	char *path;
	int option, status;

	while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (option == 'h')
			return verb_help("setup",
					 "Asks how the pumps are to be called, which syringes are mounted, for buttons and\n"
					 "for who may watch, and writes a configuration: to $NANODOSE_CONFIG, else to\n"
					 "~/.config/nanodose.yaml. One that is there already is left alone.\n");
		return verb_usage_error("setup", NULL);
	}
	if (optind < argc)
		return verb_usage_error("setup", "it takes no arguments");
	path = config_own_path();
	if (!path) {
		perror("nanodose setup");
		return NANODOSE_EXIT_REFUSED;
	}
	if (!access(path, F_OK)) {
		fprintf(stderr, "nanodose setup: %s is there already; change it with an editor, or move it away first\n", path);
		status = NANODOSE_EXIT_REFUSED;
	} else {
		status = walk_through(path);
	}
	free(path);
	return status;
}
