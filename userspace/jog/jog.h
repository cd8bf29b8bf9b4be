/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One pump moved by hand, outside any run: so far (jog), until its line is
 * clear of air (prime), to its end-of-travel switch (home). One thing at a time.
 * The caller polls jog_fd() and calls jog_tick() after it, at least every
 * JOG_TICK_MS: an order to the pump holds for a few of these, so should the
 * caller hang or die, the pump comes to rest by itself.
 */
#ifndef JOG_H
#define JOG_H

#include <stdbool.h>
#include <stdint.h>

#include "nanodose.h"
#include "runner.h"

#define JOG_TICK_MS	50

/* Speeds of the plunger, unless others are asked for. */
#define JOG_SPEED_M_S	1e-4	/* 0.1 mm/s: 0.1 mL/min in a syringe of 1 mL */
#define JOG_HOME_M_S	1e-3

enum jog_task { JOG_REST, JOG_MOVE, JOG_PRIME, JOG_HOME_SEEK, JOG_HOME_BACK, JOG_HOME_SLOW };

struct jog;

/* What is known of the pump; as of the last jog_tick(). */
struct jog_view {
	const char *name;		/* as it was asked for */
	struct nanodose_info info;
	struct nanodose_status status;
	double step_m;			/* way of the plunger by a microstep */
	double step_m3;			/* what it moves; NAN: the syringe was not named */
	const struct nanodose_syringe *syringe;	/* NULL: likewise */
	enum jog_task task;
	int64_t begin_position;		/* of the task */
	uint16_t sensor_flags;
	enum nanodose_exit result;	/* of the last task */
	char message[320];		/* how it ended; what is wrong */
};

/*
 * jog_open() - claim a pump and start its sensor, if it has one
 * @name: as config_open_pump() takes it
 * @syringe: what is mounted, to tell volumes; NULL: what the configuration says is
 * @medium: NANODOSE_MEDIUM_*, what the sensor measures
 * @status: of the program, when NULL is returned; why has been printed
 */
struct jog *jog_open(const char *name, const struct nanodose_syringe *syringe, uint32_t medium,
		     enum nanodose_exit *status);
/* Releases it; a pump in motion ramps to rest. */
void jog_close(struct jog *jog);
int jog_fd(const struct jog *jog);
const struct jog_view *jog_view(const struct jog *jog);

/* From now on each flow record is told, by jog_tick(), before the task is looked after. NULL: no more. */
void jog_listen(struct jog *jog, void (*hear)(void *whom, const struct nanodose_record *record), void *whom);

/* The step rate of a plunger's speed, within what the pump can; not 0. */
int64_t jog_rate_nhz(const struct jog *jog, double speed_m_s);

/*
 * Each begins a task; false: it was refused, jog_view() tells why.
 * jog_move(): @steps, positive infuses. While it already moves that way the end
 * is set anew, so far from where it is now: keys that are held down add up to
 * no way that is still to come once they are let go.
 */
bool jog_move(struct jog *jog, int64_t steps, int64_t rate_nhz);
/* Infuse until the sensor has seen no air for a second, at most @steps. */
bool jog_prime(struct jog *jog, int64_t steps, int64_t rate_nhz);
/*
 * To the switch at the withdrawn end, or with @plus at the dispensed one; back
 * off it, come back at a tenth of the rate, call that place 0.
 */
bool jog_home(struct jog *jog, bool plus, int64_t rate_nhz);
/* Ends the task. @mode: NANODOSE_STOP_* */
void jog_stop(struct jog *jog, uint32_t mode);
/* At rest. */
bool jog_clear_faults(struct jog *jog);
bool jog_zero(struct jog *jog);

/* Takes in what came, renews the order. False: the pump is gone. */
bool jog_tick(struct jog *jog);

#endif /* JOG_H */
