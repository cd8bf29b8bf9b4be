/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the tests of the character device share: TAP, the pump, the rig.
 *
 * Each program runs in the virtual machine on one rig, rig0, and speaks to its
 * node with nothing between. Waiting is waiting for a record; the time-outs are
 * there for a driver that never writes it.
 */
#ifndef UAPI_H
#define UAPI_H

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/nanodose.h>

#define RIG		"rig0"
#define PATIENCE_MS	10000

#define NSEC_PER_SEC	1000000000LL
#define NSEC_PER_MSEC	1000000LL

/* A rate and an acceleration that need a ramp of some 50 steps. */
#define RATE_NHZ	(2000LL * NSEC_PER_SEC)
#define ACCEL_NHZ_S	(40000LL * NSEC_PER_SEC)
#define HOLD_NS		(400 * NSEC_PER_MSEC)

#define COUNT(array)	(sizeof(array) / sizeof((array)[0]))

/* One TAP line; the format names what is proved. */
bool test(bool good, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A line that explains, for the reader of a failure. */
void note(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* The plan; the exit status of main. */
int test_end(void);
/* Ends the program: nothing can be tested like this. */
void bail(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

/* The call must fail with this errno; "NAME is refused with EXXX". */
bool refused(int fd, unsigned long request, void *argument, int error, const char *name);
/* The call must succeed; "NAME is accepted". */
bool accepted(int fd, unsigned long request, void *argument, const char *name);

/* The node of the rig's pump. */
const char *pump_path(void);
int pump_open(int flags);
void pump_claim(int fd);
/* Refresh or begin a motion; the call's result. */
int pump_run(int fd, long long rate_nhz, long long hold_ns);
int pump_run_to(int fd, long long rate_nhz, long long hold_ns, long long end);
int pump_stop(int fd, unsigned int mode);
int pump_clear(int fd, unsigned int faults);
int pump_sensor(int fd, unsigned int op, unsigned int medium, unsigned long long period_ns);
struct nanodose_status pump_status(int fd);
struct nanodose_info pump_info(int fd);

struct nanodose_limits pump_limits(int fd);
/* Ends the program if the driver refuses them. */
void pump_set_limits(int fd, const struct nanodose_limits *limits);

/* The next record; false after the time-out or at the end. */
bool pump_next(int fd, struct nanodose_record *record, int timeout_ms);
/* Reads on until there is such a record. */
bool pump_await_state(int fd, unsigned int cause, struct nanodose_record *record);
bool pump_await_fault(int fd, unsigned int fault, struct nanodose_record *record);
bool pump_await_type(int fd, unsigned int type, struct nanodose_record *record);
/* Until the pump is at standstill, by its records or already. */
bool pump_await_rest(int fd);
/* Throws away what is in the ring. */
void pump_drain(int fd);

/*
 * Whether this is a machine whose processor takes its time, as ND_EMULATED says:
 * tests of when things happen then allow for it, and nowhere else.
 */
bool emulated(void);

uint64_t now_ns(void);
void sleep_ms(int ms);

/* The rig: truth, and what goes wrong on it. */
long long rig_truth(const char *name);
void rig_fault(const char *name, long long value);
/*
 * The rig's time-stamped STEP edges: from open on, the time between the last
 * two rises and between the nearest two.
 */
int rig_edges_open(void);
void rig_edges_gaps(int edges, long long *last_ns, long long *least_ns);
/* Write to a file of sysfs; false with errno. */
bool write_text(const char *path, const char *text);
/* Name of the pump's platform device. */
const char *rig_device(void);

#endif /* UAPI_H */
