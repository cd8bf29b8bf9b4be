// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Whole runs on pumps without a driver: what is ordered, what is said, how it
 * ends. Volumes are judged by the pumps' own position.
 */
#include <signal.h>
#include <unistd.h>

#include "test.h"
#include "fake_pump.h"
#include "protocol.h"
#include "record.h"
#include "runner.h"

/* ---- a record in memory ------------------------------------------------------------ */

static struct {
	bool full;			/* the disk */
	unsigned int samples, kernel, pending, lost;
	char events[100][300];
	size_t event_count;
	char status[64];
	bool finished, exists;
	uint64_t last_ns;
} book;

struct record { int nothing; };

static int booked(void)
{
	if (!book.full) {
		book.pending = 0;
		return 0;
	}
	book.pending++;
	errno = ENOSPC;
	return -1;
}

struct record *record_create(const char *path, const struct protocol *protocol,
			     const struct record_channel *channels, size_t channel_count,
			     char **error)
{
	static struct record record;

	(void)path, (void)protocol, (void)channels, (void)channel_count;
	if (!book.exists)
		return &record;
	*error = strdup("run.db exists already");
	errno = EEXIST;
	return NULL;
}

int record_sample(struct record *record, size_t channel, const struct nanodose_record *data,
		  double setpoint_m3_s, double pump_rate_m3_s, double estimate_m3_s)
{
	(void)record, (void)channel, (void)setpoint_m3_s, (void)pump_rate_m3_s, (void)estimate_m3_s;
	book.samples++;
	book.last_ns = data->time_ns;
	return booked();
}

int record_kernel(struct record *record, size_t channel, const struct nanodose_record *data)
{
	(void)record, (void)channel, (void)data;
	book.kernel++;
	return booked();
}

int record_event(struct record *record, uint64_t time_ns, enum record_severity severity,
		 enum record_source source, int channel, int line, const char *text)
{
	(void)record, (void)time_ns, (void)severity, (void)source, (void)channel, (void)line;
	if (book.event_count < 100)
		snprintf(book.events[book.event_count++], sizeof(book.events[0]), "%s", text);
	return booked();
}

int record_commit(struct record *record, uint64_t time_ns, int now)
{
	(void)record, (void)time_ns, (void)now;
	return book.full ? booked() : 0;
}

int record_finish(struct record *record, uint64_t time_ns, const char *status, const char *summary)
{
	(void)record, (void)time_ns, (void)summary;
	snprintf(book.status, sizeof(book.status), "%s", status);
	return 0;
}

int record_close(struct record *record)
{
	(void)record;
	book.finished = true;
	return book.full ? booked() : 0;
}

const char *record_path(const struct record *record)
{
	(void)record;
	return "run.db";
}

const char *record_seal(const struct record *record)
{
	(void)record;
	return "";
}

const char *record_error(const struct record *record)
{
	(void)record;
	return "No space left on device";
}

static bool said(const char *words)
{
	for (size_t i = 0; i < book.event_count; i++)
		if (strstr(book.events[i], words))
			return true;
	return false;
}

static void print_events(void)
{
	for (size_t i = 0; i < book.event_count; i++)
		printf("# event: %s\n", book.events[i]);
}

/* ---- a front that does what a test says ------------------------------------------------ */

static struct {
	void (*act)(struct run_control *control);	/* once a turn */
	char question[100], status_text[300];
	enum run_status status;
	double progress;
	unsigned int draws;
	bool finished;
} stage;

static int stage_fds(struct run_front *front, struct pollfd *fds, int max)
{
	(void)front, (void)max;
	fds[0] = (struct pollfd){ .fd = -1 };
	return 1;
}

static void stage_handle(struct run_front *front, struct run_control *control, const struct pollfd *fds,
			 int count)
{
	(void)front, (void)fds, (void)count;
	if (stage.act)
		stage.act(control);
}

static void stage_draw(struct run_front *front, const struct run_view *view)
{
	(void)front;
	stage.draws++;
	stage.status = view->status;
	stage.progress = view->progress;
	snprintf(stage.question, sizeof(stage.question), "%s",
		 view->question ? view->question : "");
	snprintf(stage.status_text, sizeof(stage.status_text), "%s", view->status_text);
}

static void stage_finish(struct run_front *front, const struct run_view *view)
{
	stage_draw(front, view);
	stage.finished = true;
}

static struct run_front front = {
	.fds = stage_fds, .handle = stage_handle, .draw = stage_draw, .finish = stage_finish,
};

/* ---- a run ------------------------------------------------------------------------------ */

#define HEAD "nanodose: 1\nname: Test\nchannels:\n" \
	"  a: {pump: rig0, syringe: BD Plastipak 1 mL, loaded: 900 uL, fluid: water}\n"
#define HEAD2 HEAD "  b: {pump: rig1, syringe: BD Plastipak 1 mL, loaded: 900 uL, fluid: water}\n"

static void begin(void)
{
	fake_reset();
	memset(&book, 0, sizeof(book));
	memset(&stage, 0, sizeof(stage));
}

static char summary[20000];

static enum nanodose_exit run(const char *text, bool unattended)
{
	char path[] = "/tmp/nanodose-runner-test-XXXXXX";
	struct diagnostics diagnostics;
	enum nanodose_exit status;
	struct protocol *protocol;
	struct runner *runner;
	int fd = mkstemp(path);
	char *json;

	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		return NANODOSE_EXIT_USAGE;
	close(fd);
	protocol = protocol_load(path, NULL, 0, &diagnostics);
	unlink(path);
	diagnostics_print(&diagnostics, stdout);
	diagnostics_free(&diagnostics);
	if (!protocol)
		return NANODOSE_EXIT_USAGE;
	summary[0] = '\0';
	runner = runner_new(
		&(struct runner_options){
			.protocol = protocol,
			.record_path = "run.db",
			.front = &front,
			.unattended = unattended,
		},
		&status);
	if (runner) {
		status = runner_run(runner);
		json = runner_summary_json(runner);
		snprintf(summary, sizeof(summary), "%s", json);
		free(json);
		runner_free(runner);
	}
	protocol_free(protocol);
	return status;
}

static long long moved(int pump)
{
	return llround(fake_pumps[pump].position) - 1000;
}

static long long steps_of(double volume_ul)
{
	return llround(volume_ul / fake_step_ul());
}

TEST(a_dose_ends_exactly_and_its_heartbeat_never_misses)
{
	begin();
	CHECK_INT(run(HEAD "steps:\n  - infuse: {channel: a, volume: 100 uL, rate: 100 uL/min}\n",
		      true),
		  0);
	CHECK_INT(moved(0), steps_of(100));
	CHECK(fake_pumps[0].max_gap_ns < 380000000);
	/* one order a third of the hold, a few more at the start */
	CHECK(fake_pumps[0].orders > 60 * 2.5 && fake_pumps[0].orders < 60 * 7.5 + 100);
	CHECK(!fake_pumps[0].open);
	CHECK(strstr(summary, "\"status\": \"done\""));
	CHECK_TEXT(book.status, "done");
	CHECK(book.finished && stage.finished);
	CHECK_NEAR(stage.progress, 1, 0);
	/* 50 a second for a minute and the time to settle */
	CHECK(book.samples > 60 * 50 && book.samples < 70 * 50);
}

TEST(rounding_never_adds_up_over_many_doses)
{
	begin();
	/* 0.1 uL is 18.45 steps */
	CHECK_INT(run(HEAD "steps:\n  - repeat:\n      times: 100\n      steps:\n"
			   "        - infuse: {channel: a, volume: 0.1 uL, rate: 60 uL/min}\n",
		      true),
		  0);
	CHECK_INT(moved(0), steps_of(10));
}

TEST(infuse_and_withdraw_leave_the_difference)
{
	begin();
	CHECK_INT(run(HEAD "steps:\n  - infuse: {channel: a, volume: 50 uL, rate: 300 uL/min}\n"
		      "  - withdraw: {channel: a, volume: 20 uL, rate: 300 uL/min}\n", true), 0);
	CHECK_INT(moved(0), steps_of(30));
}

TEST(a_mix_starts_all_its_pumps_at_one_instant)
{
	begin();
	CHECK_INT(
		run(HEAD2
		    "steps:\n  - mix: {ratio: {a: 3, b: 1}, total_rate: 800 uL/min, volume: 100 uL}\n",
		    true),
		0);
	CHECK_INT(moved(0), steps_of(75));
	CHECK_INT(moved(1), steps_of(25));
	CHECK(fake_pumps[0].first_step_ns == fake_pumps[1].first_step_ns);
	CHECK(fake_pumps[0].max_gap_ns < 380000000 && fake_pumps[1].max_gap_ns < 380000000);
}

static void air_in_b(double t)
{
	if (t > 3 && !fake_pumps[1].faults)
		fake_fault(&fake_pumps[1], NANODOSE_FAULT_AIR_IN_LINE, 1);
}

TEST(a_fault_on_one_pump_stops_all)
{
	begin();
	fake_script = air_in_b;
	CHECK_INT(
		run(HEAD2
		    "steps:\n  - mix: {ratio: {a: 3, b: 1}, total_rate: 800 uL/min, volume: 400 uL}\n",
		    true),
		3);
	CHECK(said("b: air in line"));
	CHECK(said("flush the line"));
	CHECK_INT(fake_pumps[0].stops_ramp, 1);
	CHECK(fake_pumps[0].rest_ns - fake_pumps[1].rest_ns < 2000000);
	CHECK_TEXT(book.status, "stopped by a fault or interlock");
	CHECK(strstr(summary, "\"exit_status\": 3"));
	CHECK(moved(0) > 0 && moved(0) < steps_of(300));
}

static void silence(double t)
{
	fake_pumps[0].silent = t > 3;
}

TEST(records_that_stop_coming_stop_the_pump)
{
	begin();
	fake_script = silence;
	CHECK_INT(run(HEAD "steps:\n  - infuse: {channel: a, volume: 100 uL, rate: 100 uL/min}\n",
		      true),
		  3);
	CHECK(said("no flow record for 200 ms"));
	CHECK(fake_pumps[0].rest_ns < FAKE_BEGIN_NS + 3250000000);
}

static void blind(double t)
{
	if (t > 1.2 && !fake_pumps[0].blind) {
		fake_pumps[0].blind = true;
		fake_pumps[0].highest_rate = fake_pumps[0].rate;
	}
}

TEST(a_sensor_that_never_answers_ends_the_run_before_anything_moves)
{
	begin();
	fake_pumps[0].blind = true;
	CHECK_INT(run(HEAD "steps:\n  - infuse: {channel: a, volume: 10 uL, rate: 100 uL/min}\n",
		      true),
		  3);
	CHECK(said("answers with errors only"));
	CHECK_INT(moved(0), 0);
	CHECK_INT(fake_pumps[0].orders, 0);
}

TEST(missing_readings_never_raise_the_rate)
{
	double rate;

	begin();
	fake_pumps[0].tau_s = 2;
	fake_script = blind;
	CHECK_INT(run(HEAD "steps:\n  - infuse: {channel: a, volume: 20 uL, rate: 100 uL/min}\n",
		      true),
		  0);
	/* in the middle of the overdrive */
	rate = 100. / 60 / fake_step_ul();
	CHECK(fake_pumps[0].highest_rate > 1.1 * rate);
	CHECK(fake_pumps[0].highest_rate < 2.0001 * rate);
	CHECK_INT(moved(0), steps_of(20));
}

static double seen_rate;

static void blind_and_watch(double t)
{
	if (t <= 1.2)
		return;
	if (!fake_pumps[0].blind) {
		fake_pumps[0].blind = true;
		seen_rate = fake_pumps[0].rate;
	}
	CHECK(fake_pumps[0].rate <= seen_rate * 1.000001);
	seen_rate = fake_pumps[0].moving ? fake_pumps[0].rate : seen_rate;
}

TEST(nor_from_one_record_to_the_next)
{
	begin();
	fake_pumps[0].tau_s = 2;
	fake_script = blind_and_watch;
	CHECK_INT(run(HEAD "steps:\n  - infuse: {channel: a, volume: 20 uL, rate: 100 uL/min}\n",
		      true),
		  0);
}

static void unplug_a(double t)
{
	if (t > 3 && !fake_pumps[0].gone) {
		fake_rest(&fake_pumps[0], NANODOSE_CAUSE_REST);
		fake_pumps[0].gone = true;
	}
}

TEST(a_device_that_goes_stops_the_others)
{
	begin();
	fake_script = unplug_a;
	CHECK_INT(
		run(HEAD2
		    "steps:\n  - mix: {ratio: {a: 3, b: 1}, total_rate: 800 uL/min, volume: 400 uL}\n",
		    true),
		5);
	CHECK(said("a: the device /dev/nanodose0 is gone"));
	CHECK_INT(fake_pumps[1].stops_ramp, 1);
	CHECK(strstr(summary, "\"status\": \"device gone\""));
}

static void pause_and_resume(struct run_control *control)
{
	static double paused_s;

	if (fake_time_s() < 2) {
		paused_s = 0;
	} else if (!paused_s) {
		paused_s = fake_time_s();
		control->command(control, RUN_PAUSE, "a test");
	} else if (fake_time_s() > paused_s + 5) {
		control->command(control, RUN_RESUME, "a test");
	}
}

TEST(a_pause_rests_and_goes_on_to_the_same_end)
{
	begin();
	stage.act = pause_and_resume;
	CHECK_INT(
		run(HEAD2
		    "steps:\n  - mix: {ratio: {a: 3, b: 1}, total_rate: 800 uL/min, volume: 100 uL}\n",
		    false),
		0);
	CHECK_INT(moved(0), steps_of(75));
	CHECK_INT(moved(1), steps_of(25));
	CHECK(fake_pumps[0].first_step_ns > FAKE_BEGIN_NS + 7000000000);
	CHECK(fake_pumps[0].first_step_ns == fake_pumps[1].first_step_ns);
	CHECK(said("paused by a test") && said("resumed by a test"));
	CHECK_INT(fake_pumps[0].stops_ramp, 1);
}

TEST(a_pause_holds_the_clock_of_a_hold)
{
	begin();
	stage.act = pause_and_resume;
	CHECK_INT(
		run(HEAD
		    "steps:\n  - hold: 4 s\n  - infuse: {channel: a, volume: 1 uL, rate: 60 uL/min}\n",
		    false),
		0);
	CHECK(fake_pumps[0].first_step_ns >= FAKE_BEGIN_NS + 9400000000);
	CHECK(fake_pumps[0].first_step_ns < FAKE_BEGIN_NS + 9800000000);
}

static void terminate(double t)
{
	if (t > 2 && t < 2.002)
		kill(getpid(), SIGTERM);
}

TEST(a_request_to_terminate_ramps_down_and_ends_with_4)
{
	begin();
	fake_script = terminate;
	CHECK_INT(run(HEAD "steps:\n  - infuse: {channel: a, volume: 100 uL, rate: 100 uL/min}\n",
		      true),
		  4);
	CHECK_INT(fake_pumps[0].stops_ramp, 1);
	CHECK_INT(fake_pumps[0].stops_now, 0);
	CHECK_TEXT(book.status, "stopped by the operator");
}

static void hang_up(double t)
{
	if (t > 2 && t < 2.002)
		kill(getpid(), SIGHUP);
}

TEST(a_terminal_that_goes_does_not_stop_the_dose)
{
	begin();
	fake_script = hang_up;
	CHECK_INT(run(HEAD "steps:\n  - infuse: {channel: a, volume: 10 uL, rate: 100 uL/min}\n",
		      false),
		  0);
	CHECK_INT(moved(0), steps_of(10));
	CHECK(said("the terminal has gone: the run goes on by itself"));
	/* Its fronts are none of a terminal's. */
	CHECK(stage.finished);
}

static void emergency(struct run_control *control)
{
	if (fake_time_s() > 2)
		control->command(control, RUN_EMERGENCY_STOP, "a test");
}

TEST(an_emergency_stop_allows_no_further_step)
{
	begin();
	stage.act = emergency;
	CHECK_INT(run(HEAD2 "steps:\n  - infuse: {channel: a, volume: 100 uL, rate: 100 uL/min}\n"
		      "  - infuse: {channel: b, volume: 100 uL, rate: 100 uL/min}\n", false), 4);
	CHECK(fake_pumps[0].stops_now >= 1 && fake_pumps[1].stops_now >= 1);
	CHECK_INT(moved(1), 0);
}

static void foreign_stop(double t)
{
	struct nanodose_device *p = &fake_pumps[0];

	if (t < 2 || t > 2.0015)
		return;
	fake_state(p, NANODOSE_CAUSE_STOP, 99);
	fake_rest(p, NANODOSE_CAUSE_REST);
}

TEST(a_stop_by_another_program_is_not_overruled)
{
	begin();
	fake_script = foreign_stop;
	CHECK_INT(run(HEAD "steps:\n  - infuse: {channel: a, volume: 100 uL, rate: 100 uL/min}\n",
		      true),
		  4);
	CHECK(said("stopped by another program"));
	CHECK(fake_pumps[0].rest_ns < FAKE_BEGIN_NS + 2050000000);
}

static void disk_fills(double t)
{
	book.full = t > 2 && t < 8;
	if (t > 3 && t < 8) {
		CHECK_NEAR(fake_pumps[0].rate, 0, 0);
		CHECK(strstr(stage.status_text, "disk full"));
		CHECK(strstr(stage.status_text, "run.db"));
	}
}

TEST(a_full_disk_pauses_at_rest_and_unattended_goes_on_by_itself)
{
	begin();
	fake_script = disk_fills;
	CHECK_INT(run(HEAD "steps:\n  - infuse: {channel: a, volume: 10 uL, rate: 100 uL/min}\n",
		      true),
		  0);
	CHECK_INT(moved(0), steps_of(10));
	CHECK(said("disk full"));
	CHECK(said("resumed"));
	CHECK(fake_pumps[0].rest_ns > FAKE_BEGIN_NS + 10000000000);
}

static void resume_late(struct run_control *control)
{
	if (fake_time_s() > 20 || (fake_time_s() > 4 && fake_time_s() < 7))
		control->command(control, RUN_RESUME, "a test");
}

TEST(attended_it_waits_for_its_operator)
{
	begin();
	fake_script = disk_fills;
	stage.act = resume_late;
	CHECK_INT(run(HEAD "steps:\n  - infuse: {channel: a, volume: 10 uL, rate: 100 uL/min}\n",
		      false),
		  0);
	CHECK_INT(moved(0), steps_of(10));
	CHECK(fake_pumps[0].first_step_ns >= FAKE_BEGIN_NS + 20000000000);
}

#define QUESTION "steps:\n  - wait: {operator: \"Vial in place?\"}\n" \
	"  - infuse: {channel: a, volume: 5 uL, rate: 300 uL/min}\n"

static void answer_yes(struct run_control *control)
{
	if (!strcmp(stage.question, "Vial in place?") && fake_time_s() > 3)
		control->command(control, RUN_YES, "a test");
}

static void answer_no(struct run_control *control)
{
	if (stage.status == RUN_WAITING_OPERATOR)
		control->command(control, RUN_NO, "a test");
}

TEST(an_operators_yes_goes_on_and_no_ends_with_4)
{
	begin();
	stage.act = answer_yes;
	CHECK_INT(run(HEAD QUESTION, false), 0);
	CHECK_INT(moved(0), steps_of(5));
	CHECK(fake_pumps[0].first_step_ns > FAKE_BEGIN_NS + 3000000000);
	begin();
	stage.act = answer_no;
	CHECK_INT(run(HEAD QUESTION, false), 4);
	CHECK_INT(moved(0), 0);
}

TEST(a_wait_ends_when_its_expression_holds_or_its_time_is_over)
{
	begin();
	CHECK_INT(run(HEAD "steps:\n  - wait: {until: \"time >= 3\", timeout: 10 s}\n"
		      "  - infuse: {channel: a, volume: 5 uL, rate: 300 uL/min}\n", true), 0);
	CHECK(fake_pumps[0].first_step_ns >= FAKE_BEGIN_NS + 3000000000);
	CHECK(fake_pumps[0].first_step_ns < FAKE_BEGIN_NS + 4000000000);
	begin();
	CHECK_INT(run(HEAD "steps:\n  - wait: {until: \"flow.a > 1000\", timeout: 4 s}\n"
		      "  - infuse: {channel: a, volume: 5 uL, rate: 300 uL/min}\n", true), 3);
	CHECK_INT(moved(0), 0);
	CHECK(said("within 4 s"));
	begin();
	CHECK_INT(run(HEAD
		      "steps:\n  - wait: {until: \"flow.a > 1000\", timeout: 4 s, then: continue}\n"
		      "  - infuse: {channel: a, volume: 5 uL, rate: 300 uL/min}\n",
		      true),
		  0);
	CHECK_INT(moved(0), steps_of(5));
}

static void pressure_rises(double t)
{
	fake_pumps[0].pressure_pa = t < 3 ? 150000 : 210000;
}

TEST(pressure_above_the_protocols_limit_stops_the_run)
{
	begin();
	fake_script = pressure_rises;
	CHECK_INT(run(HEAD "limits:\n  a: {pressure: 2 bar}\n"
			   "steps:\n  - infuse: {channel: a, volume: 100 uL, rate: 100 uL/min}\n",
		      true),
		  3);
	CHECK(said("is above the limit of"));
	CHECK(fake_pumps[0].rest_ns < FAKE_BEGIN_NS + 3100000000);
}

TEST(the_driver_is_told_the_protocols_limits)
{
	begin();
	CHECK_INT(run(HEAD "limits:\n  a: {pressure: 2 bar, rate: 200 uL/min}\n"
			   "steps:\n  - infuse: {channel: a, volume: 10 uL, rate: 100 uL/min}\n",
		      true),
		  0);
	/* bore 4.699 mm, 1 mm a turn, 3200 microsteps: 5.419395 nL a step */
	CHECK_NEAR(fake_pumps[0].limits.step_volume_fl, 5419395, 1);
	CHECK_NEAR(fake_pumps[0].limits.max_rate_nhz, 615074825658, 1000);
	CHECK_INT(fake_pumps[0].limits.over_pressure_pa, 200000);
}

TEST(without_a_sensor_the_dose_rests_on_the_steps)
{
	begin();
	fake_pumps[0].no_sensor = true;
	CHECK_INT(
		run(HEAD
		    "steps:\n  - infuse: {channel: a, volume: 10 uL, rate: 100 uL/min}\n  - hold: 2 s\n",
		    true),
		0);
	CHECK_INT(moved(0), steps_of(10));
	CHECK(said("no flow sensor"));
	CHECK(fake_pumps[0].max_gap_ns < 380000000);
}

TEST(what_refuses_a_run_refuses_it_before_anything_moves)
{
	static const char dose[] = HEAD
		"steps:\n  - infuse: {channel: a, volume: 10 uL, rate: 100 uL/min}\n";

	begin();
	fake_pumps[0].busy = true;
	CHECK_INT(run(dose, true), 1);
	begin();
	fake_pumps[0].estop_active = true;
	CHECK_INT(run(dose, true), 1);
	begin();
	book.exists = true;
	CHECK_INT(run(dose, true), 1);
	CHECK_INT(fake_pumps[0].orders, 0);
	begin();
	CHECK_INT(
		run("nanodose: 1\nname: Test\nchannels:\n"
		    "  a: {pump: rig0, syringe: BD Plastipak 1 mL, loaded: 900 uL, fluid: water}\n"
		    "  b: {pump: nanodose0, syringe: BD Plastipak 1 mL, loaded: 900 uL, fluid: water}\n"
		    "steps:\n  - infuse: {channel: a, volume: 10 uL, rate: 100 uL/min}\n"
		    "  - infuse: {channel: b, volume: 10 uL, rate: 100 uL/min}\n",
		    true),
		1);
	CHECK_INT(fake_pumps[0].orders, 0);
	CHECK(!fake_pumps[0].open);
}

TEST(a_fault_of_the_past_is_cleared_and_told)
{
	begin();
	fake_pumps[0].old_faults = NANODOSE_FAULT_OWNER_SILENT;
	CHECK_INT(run(HEAD "steps:\n  - infuse: {channel: a, volume: 1 uL, rate: 100 uL/min}\n",
		      true),
		  0);
	CHECK(said("cleared a fault of before the run: owner silent"));
}

/* ---- trouble that the protocol has rules for ---------------------------------------- */

#define TWO_WITH_RULE \
	"steps:\n  - mix: {ratio: {a: 3, b: 1}, total_rate: 800 uL/min, volume: 200 uL}\n" \
	"on:\n  air: "

static bool air_came;

static void air_once(double t)
{
	if (t < 1)
		air_came = false;
	if (t > 3 && !air_came) {
		air_came = true;
		fake_fault(&fake_pumps[1], NANODOSE_FAULT_AIR_IN_LINE, 1);
	}
}

static void resume_after_20_s(struct run_control *control)
{
	if (fake_time_s() > 20)
		control->command(control, RUN_RESUME, "a test");
}

TEST(held_for_trouble_it_rests_until_somebody_resumes_and_ends_exactly)
{
	begin();
	fake_script = air_once;
	stage.act = resume_after_20_s;
	CHECK_INT(run(HEAD2 TWO_WITH_RULE "hold\n", false), 0);
	CHECK_INT(moved(0), steps_of(150));
	CHECK_INT(moved(1), steps_of(50));
	CHECK(said("on air: held at rest") && said("resumed by a test"));
	CHECK_INT(fake_pumps[0].stops_ramp, 1);
	CHECK(fake_pumps[0].first_step_ns > FAKE_BEGIN_NS + 20000000000);
	/* Both go on at one instant: the ratio holds. */
	CHECK(fake_pumps[0].first_step_ns == fake_pumps[1].first_step_ns);
	CHECK(!fake_pumps[1].faults);
}

TEST(held_for_trouble_nobody_attends_it_stops)
{
	begin();
	fake_script = air_once;
	CHECK_INT(run(HEAD2 TWO_WITH_RULE "hold\n", true), 3);
	CHECK(said("nobody attends"));
}

TEST(a_retry_waits_and_goes_on_by_itself)
{
	begin();
	fake_script = air_once;
	CHECK_INT(run(HEAD2 TWO_WITH_RULE "{retry: 1, after: 7 s}\n", true), 0);
	CHECK_INT(moved(0), steps_of(150));
	CHECK_INT(moved(1), steps_of(50));
	CHECK(fake_pumps[0].first_step_ns > FAKE_BEGIN_NS + 10000000000);
	CHECK(fake_pumps[0].first_step_ns < FAKE_BEGIN_NS + 11000000000);
}

TEST(retries_are_counted)
{
	begin();
	fake_script = air_in_b;
	CHECK_INT(run(HEAD2 TWO_WITH_RULE "{retry: 2, after: 1 s}\n", true), 3);
	CHECK(said("retry 1 of 2") && said("retry 2 of 2") && said("no retry is left of 2"));
}

static void pressure_for_a_second(double t)
{
	fake_pumps[0].pressure_pa = t > 3 && t < 4 ? 250000 : 1000;
}

TEST(what_a_clog_holds_is_taken_back_and_made_up_for)
{
	begin();
	fake_script = pressure_for_a_second;
	CHECK_INT(run(HEAD "limits:\n  a: {pressure: 2 bar}\n"
			   "steps:\n  - infuse: {channel: a, volume: 50 uL, rate: 300 uL/min}\n"
			   "on:\n  occlusion: {retry: 1, after: 5 s, release: 4 uL}\n",
		      true),
		  0);
	CHECK(said("is above the limit of") && said("on occlusion: at rest, retry 1 of 1"));
	CHECK_INT(moved(0), steps_of(50));
	CHECK_INT(fake_pumps[0].refused, 0);
}

static void pressure_for_a_minute(double t)
{
	fake_pumps[0].pressure_pa = t > 12 && t < 60 ? 250000 : 1000;
}

TEST(and_that_may_take_longer_than_any_hold_of_the_driver)
{
	begin();
	fake_script = pressure_for_a_minute;
	/* 24 s of way back, and the driver holds for 10 s at most. */
	CHECK_INT(run(HEAD "limits:\n  a: {pressure: 2 bar}\n"
			   "steps:\n"
			   "  - infuse: {channel: a, volume: 50 uL, rate: 600 uL/min}\n"
			   "  - infuse: {channel: a, volume: 20 uL, rate: 10 uL/min}\n"
			   "on:\n  occlusion: {retry: 1, after: 60 s, release: 4 uL}\n",
		      true),
		  0);
	CHECK(said("on occlusion: at rest, retry 1 of 1") && !said("owner silent"));
	CHECK_INT(moved(0), steps_of(70));
	CHECK_INT(fake_pumps[0].refused, 0);
}

TEST(rescue_steps_take_over_where_the_run_gives_up)
{
	begin();
	fake_script = air_once;
	CHECK_INT(run(HEAD2 TWO_WITH_RULE
		      "{rescue: [{infuse: {channel: a, volume: 10 uL, rate: 600 uL/min}}]}\n", true), 3);
	CHECK(said("the rescue steps follow") && said("the rescue steps are done"));
	CHECK(moved(0) > steps_of(10) && moved(0) < steps_of(100));
	CHECK(moved(1) > 0 && moved(1) < steps_of(50));
	CHECK(strstr(summary, "\"exit_status\": 3"));
}

TEST(trouble_in_the_rescue_stops_it)
{
	begin();
	fake_script = air_in_b;
	CHECK_INT(run(HEAD2 TWO_WITH_RULE
		      "{rescue: [{infuse: {channel: b, volume: 10 uL, rate: 60 uL/min}}]}\n", true), 3);
	CHECK(said("the rescue steps follow") && !said("the rescue steps are done"));
}

int main(void)
{
	RUN(a_dose_ends_exactly_and_its_heartbeat_never_misses);
	RUN(rounding_never_adds_up_over_many_doses);
	RUN(infuse_and_withdraw_leave_the_difference);
	RUN(a_mix_starts_all_its_pumps_at_one_instant);
	RUN(a_fault_on_one_pump_stops_all);
	RUN(records_that_stop_coming_stop_the_pump);
	RUN(a_sensor_that_never_answers_ends_the_run_before_anything_moves);
	RUN(missing_readings_never_raise_the_rate);
	RUN(nor_from_one_record_to_the_next);
	RUN(a_device_that_goes_stops_the_others);
	RUN(a_pause_rests_and_goes_on_to_the_same_end);
	RUN(a_pause_holds_the_clock_of_a_hold);
	RUN(a_request_to_terminate_ramps_down_and_ends_with_4);
	RUN(a_terminal_that_goes_does_not_stop_the_dose);
	RUN(an_emergency_stop_allows_no_further_step);
	RUN(a_stop_by_another_program_is_not_overruled);
	RUN(a_full_disk_pauses_at_rest_and_unattended_goes_on_by_itself);
	RUN(attended_it_waits_for_its_operator);
	RUN(an_operators_yes_goes_on_and_no_ends_with_4);
	RUN(a_wait_ends_when_its_expression_holds_or_its_time_is_over);
	RUN(pressure_above_the_protocols_limit_stops_the_run);
	RUN(the_driver_is_told_the_protocols_limits);
	RUN(without_a_sensor_the_dose_rests_on_the_steps);
	RUN(what_refuses_a_run_refuses_it_before_anything_moves);
	RUN(a_fault_of_the_past_is_cleared_and_told);
	RUN(held_for_trouble_it_rests_until_somebody_resumes_and_ends_exactly);
	RUN(held_for_trouble_nobody_attends_it_stops);
	RUN(a_retry_waits_and_goes_on_by_itself);
	RUN(retries_are_counted);
	RUN(what_a_clog_holds_is_taken_back_and_made_up_for);
	RUN(and_that_may_take_longer_than_any_hold_of_the_driver);
	RUN(rescue_steps_take_over_where_the_run_gives_up);
	RUN(trouble_in_the_rescue_stops_it);
	if (test_failed)
		print_events();
	fake_reset();
	return test_end();
}
