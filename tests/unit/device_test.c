// SPDX-License-Identifier: GPL-2.0-or-later
/* What libnanodose does without a pump: refusals, names, an empty machine. */
#include <errno.h>
#include <poll.h>

#include "distance.h"
#include "nanodose.h"
#include "test.h"

static int open_error(const char *name)
{
	struct nanodose_device *device;

	errno = 0;
	device = nanodose_device_open(name, true);
	if (device) {
		nanodose_device_close(device);
		return 0;
	}
	return errno;
}

TEST(what_is_no_pump_is_refused_unopened)
{
	CHECK_INT(open_error("/dev/null"), ENODEV);
	CHECK_INT(open_error("/dev/full"), ENODEV);
	CHECK_INT(open_error("/"), ENODEV);
	CHECK_INT(open_error("/proc/self/exe"), ENODEV);
}

TEST(a_name_that_nothing_has_is_not_found)
{
	CHECK_INT(open_error("nanodose4711"), ENOENT);
	CHECK_INT(open_error("/dev/nanodose4711"), ENOENT);
	CHECK_INT(open_error("a label nobody gave"), ENOENT);
	CHECK_INT(open_error("nanodose"), ENOENT);
	CHECK_INT(open_error("nanodose1x"), ENOENT);
	CHECK_INT(open_error(""), ENOENT);
}

TEST(closing_and_freeing_nothing_is_fine)
{
	nanodose_device_close(NULL);
	nanodose_list_free(NULL);
	nanodose_watch_free(NULL);
}

TEST(pumps_are_listed_and_followed_without_any_being_there)
{
	struct nanodose_watch *watch = nanodose_watch_new();
	struct nanodose_list *list = nanodose_list_new();
	struct pollfd poller;
	char name[32];
	bool added;

	CHECK(list);
	CHECK(watch);
	if (watch) {
		poller = (struct pollfd){ .fd = nanodose_watch_fd(watch), .events = POLLIN };
		CHECK_INT(poll(&poller, 1, 0), 0);
		CHECK_INT(nanodose_watch_next(watch, &added, name, sizeof(name)), 0);
	}
	nanodose_list_free(list);
	nanodose_watch_free(watch);
}

TEST(every_fault_has_a_name_and_an_advice_of_its_own)
{
	uint32_t bit, other;

	for (bit = 1; bit <= NANODOSE_FAULT_UNBIND; bit <<= 1) {
		CHECK(strcmp(nanodose_fault_name(bit), nanodose_fault_name(1U << 31)));
		CHECK(strcmp(nanodose_fault_advice(bit), nanodose_fault_advice(1U << 31)));
		for (other = 1; other < bit; other <<= 1) {
			CHECK(strcmp(nanodose_fault_name(bit), nanodose_fault_name(other)));
			CHECK(strcmp(nanodose_fault_advice(bit), nanodose_fault_advice(other)));
		}
	}
}

TEST(numbers_from_a_newer_driver_have_a_name_too)
{
	CHECK_TEXT(nanodose_fault_name(1U << 31), "unknown fault");
	CHECK_TEXT(nanodose_sensor_name(4711), "unknown sensor");
	CHECK_TEXT(nanodose_state_name(4711), "unknown state");
	CHECK_TEXT(nanodose_cause_name(4711), "unknown cause");
	CHECK_TEXT(nanodose_sensor_name(NANODOSE_SENSOR_LD20_2600B), "LD20-2600B");
}

TEST(spelling_distance_counts_slips_of_the_fingers)
{
	CHECK_INT(text_distance("", ""), 0);
	CHECK_INT(text_distance("monitor", "MONITOR"), 0);
	CHECK_INT(text_distance("", "run"), 3);
	CHECK_INT(text_distance("rnu", "run"), 1);	/* swapped */
	CHECK_INT(text_distance("exprt", "export"), 1);	/* left out */
	CHECK_INT(text_distance("stopp", "stop"), 1);	/* doubled */
	CHECK_INT(text_distance("lost", "list"), 1);	/* beside it */
	CHECK_INT(text_distance("kitten", "sitting"), 3);
}

int main(void)
{
	RUN(what_is_no_pump_is_refused_unopened);
	RUN(a_name_that_nothing_has_is_not_found);
	RUN(closing_and_freeing_nothing_is_fine);
	RUN(pumps_are_listed_and_followed_without_any_being_there);
	RUN(every_fault_has_a_name_and_an_advice_of_its_own);
	RUN(numbers_from_a_newer_driver_have_a_name_too);
	RUN(spelling_distance_counts_slips_of_the_fingers);
	return test_end();
}
