// SPDX-License-Identifier: GPL-2.0-or-later
/* Readings of signals: what comes from a file, a FIFO and a socket, and what is none. */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>

#include "protocol_fixture.h"
#include "readings.h"

#define SECOND_NS 1000000000ULL
#define NOW_NS (1000 * SECOND_NS)

static struct protocol_signal signal_of(enum protocol_signal_source source, char *path)
{
	return (struct protocol_signal){
		.name = (char *)"marker", .source = source, .path = path, .unit = (char *)"ng/mL", .max_age_s = 10,
	};
}

static char path[96];

static struct readings *open_one(enum protocol_signal_source source)
{
	static struct protocol_signal signal;
	static struct protocol protocol;
	struct readings *readings;
	char *error;

	signal = signal_of(source, path);
	protocol = (struct protocol){ .signals = &signal, .signal_count = 1 };
	readings = readings_open(&protocol, &error);
	if (!readings)
		printf("# %s\n", error ? error : "out of memory");
	free(error);
	return readings;
}

static void put(const char *text, int age_s)
{
	struct timespec times[2];
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	CHECK(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	clock_gettime(CLOCK_REALTIME, &times[0]);
	times[0].tv_sec -= age_s;
	times[1] = times[0];
	CHECK(!futimens(fd, times));
	close(fd);
}

static double age_s(const struct reading *reading)
{
	return ((double)NOW_NS - reading->time_ns) / SECOND_NS;
}

TEST(a_file_is_as_old_as_its_last_change_and_then_as_its_next)
{
	struct readings *readings;
	const struct reading *reading;

	unlink(path);
	readings = open_one(PROTOCOL_SIGNAL_FILE);
	reading = readings_get(readings, 0);
	readings_refresh(readings, NOW_NS);
	CHECK(isnan(reading->value) && !reading->time_ns);

	put(" 7.5 \n9\n", 300);
	readings_refresh(readings, NOW_NS);
	CHECK_NEAR(reading->value, 7.5, 1e-12);
	CHECK_NEAR(age_s(reading), 300, 1);

	/* Nothing has changed: it grows older. */
	readings_refresh(readings, NOW_NS + 50 * SECOND_NS);
	CHECK_NEAR(age_s(reading), 300, 1);

	/* What changes while we look is new, whatever its clock says. */
	put("0.002 ug/mL", 4000);
	readings_refresh(readings, NOW_NS);
	CHECK_NEAR(reading->value, 2, 1e-12);
	CHECK_NEAR(age_s(reading), 0, 1e-9);

	/* Emptied, to be written anew: the old one stands. */
	put("", 0);
	readings_refresh(readings, NOW_NS + SECOND_NS);
	CHECK_NEAR(reading->value, 2, 1e-12);
	CHECK_NEAR(age_s(reading), 0, 1e-9);
	readings_close(readings);
	CHECK(!access(path, F_OK));
	unlink(path);
}

TEST(a_file_from_the_future_is_new)
{
	struct readings *readings = open_one(PROTOCOL_SIGNAL_FILE);

	put("3", -5000);
	readings_refresh(readings, NOW_NS);
	CHECK_NEAR(age_s(readings_get(readings, 0)), 0, 1e-9);
	readings_close(readings);
	unlink(path);
}

TEST(what_is_no_number_in_the_unit_is_said_to_be_none)
{
	static const char *const bad[] = {
		"high", "7 uL", "1,5", "nan", "inf", "0x10", "7 7", "-", "7 mL/ng",
		"1111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111"
		"11111111111111111111111111111111111111111111111111111111111111111111111111111111111x",
	};
	struct readings *readings = open_one(PROTOCOL_SIGNAL_FILE);
	const struct reading *reading = readings_get(readings, 0);

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		put(bad[i], 0);
		readings_refresh(readings, NOW_NS + i);
		CHECK(*reading->wrong && isnan(reading->value));
	}
	put("7\n", 0);
	readings_refresh(readings, NOW_NS + 100);
	CHECK(!*reading->wrong);
	CHECK_NEAR(reading->value, 7, 1e-12);
	readings_close(readings);
	unlink(path);
}

TEST(a_fifo_gives_whole_lines)
{
	char zeros[5] = "1\0" "2\n";
	struct readings *readings;
	const struct reading *reading;
	int fd;

	readings = open_one(PROTOCOL_SIGNAL_FIFO);
	reading = readings_get(readings, 0);
	fd = open(path, O_WRONLY | O_NONBLOCK);
	CHECK(fd >= 0);
	CHECK_INT(write(fd, "1\n2\n3", 5), 5);
	readings_refresh(readings, NOW_NS);
	CHECK_NEAR(reading->value, 2, 1e-12);
	CHECK_INT(write(fd, "4\n", 2), 2);
	readings_refresh(readings, NOW_NS + 1);
	CHECK_NEAR(reading->value, 34, 1e-12);
	CHECK_INT(reading->time_ns, NOW_NS + 1);

	/* A line that never ends takes no more room, and is no number. */
	for (int i = 0; i < 1000; i++)
		CHECK_INT(write(fd, "5", 1), 1);
	CHECK_INT(write(fd, "x\n", 2), 2);
	readings_refresh(readings, NOW_NS + 2);
	CHECK(reading->wrong[0]);
	CHECK_INT(write(fd, zeros, 4), 4);
	readings_refresh(readings, NOW_NS + 3);
	CHECK(reading->wrong[0]);

	/* Its writer goes, another comes. */
	close(fd);
	readings_refresh(readings, NOW_NS + 4);
	fd = open(path, O_WRONLY | O_NONBLOCK);
	CHECK_INT(write(fd, "6\n", 2), 2);
	readings_refresh(readings, NOW_NS + 5);
	CHECK_NEAR(reading->value, 6, 1e-12);
	close(fd);
	readings_close(readings);
	CHECK(access(path, F_OK));
}

TEST(a_fifo_that_was_there_stays)
{
	struct readings *readings;

	CHECK(!mkfifo(path, 0600));
	readings = open_one(PROTOCOL_SIGNAL_FIFO);
	CHECK(readings);
	readings_close(readings);
	CHECK(!access(path, F_OK));
	unlink(path);
}

TEST(a_socket_takes_datagrams_and_is_removed)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct readings *readings = open_one(PROTOCOL_SIGNAL_SOCKET);
	const struct reading *reading = readings_get(readings, 0);
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	char longest[400];

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	CHECK(!connect(fd, (struct sockaddr *)&address, sizeof(address)));
	CHECK_INT(send(fd, "8", 1, 0), 1);
	CHECK_INT(send(fd, "9 ng/mL\n", 8, 0), 8);
	readings_refresh(readings, NOW_NS);
	CHECK_NEAR(reading->value, 9, 1e-12);
	memset(longest, '1', sizeof(longest));
	CHECK_INT(send(fd, longest, sizeof(longest), 0), sizeof(longest));
	readings_refresh(readings, NOW_NS);
	CHECK(reading->wrong[0]);
	CHECK_INT(send(fd, "9", 1, 0), 1);
	readings_refresh(readings, NOW_NS);
	CHECK_INT(send(fd, "", 0, 0), 0);
	readings_refresh(readings, NOW_NS + 1);
	CHECK_INT(reading->time_ns, NOW_NS);
	close(fd);
	readings_close(readings);
	CHECK(access(path, F_OK));

	/* One that a killed run has left is in nobody's way; a plain file is. */
	fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	CHECK(!bind(fd, (struct sockaddr *)&address, sizeof(address)));
	close(fd);
	readings = open_one(PROTOCOL_SIGNAL_SOCKET);
	CHECK(readings);
	readings_close(readings);
	put("7", 0);
	CHECK(!open_one(PROTOCOL_SIGNAL_SOCKET));
	CHECK(!open_one(PROTOCOL_SIGNAL_FIFO));
	CHECK(!access(path, F_OK));
	unlink(path);
}

int main(void)
{
	set_up(__FILE__);
	snprintf(path, sizeof(path), "%s/marker", scratch);
	RUN(a_file_is_as_old_as_its_last_change_and_then_as_its_next);
	RUN(a_file_from_the_future_is_new);
	RUN(what_is_no_number_in_the_unit_is_said_to_be_none);
	RUN(a_fifo_gives_whole_lines);
	RUN(a_fifo_that_was_there_stays);
	RUN(a_socket_takes_datagrams_and_is_removed);
	return tear_down();
}
