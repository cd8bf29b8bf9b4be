/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libnanodose: dosing pumps of the Linux driver nanodose, from user space.
 *
 * Opaque objects, created by _open/_new and freed by _close/_free (NULL is
 * fine). Functions return 0 or a pointer on success, -1 or NULL with errno on
 * failure; the errno values of the driver pass through unchanged and are
 * listed in <linux/nanodose.h>. A NULL object is a programming error.
 * Quantities are doubles in SI units unless the name says otherwise.
 */
#ifndef NANODOSE_H
#define NANODOSE_H

#include <linux/nanodose.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define NANODOSE_API __attribute__((visibility("default")))

#define NANODOSE_VERSION "0.1.0"

/* ---- devices ---------------------------------------------------------------- */

struct nanodose_device;

/*
 * nanodose_device_open() - open a pump
 * @name: device name ("nanodose0"), path ("/dev/nanodose0") or label ("rig0");
 *	labels are looked up through udev
 * @writable: false opens read-only: watch, never move or stop
 *
 * errno: ENOENT no such device, EACCES no permission, ENODEV the path is
 * something else, EEXIST the label names more than one device.
 */
NANODOSE_API struct nanodose_device *nanodose_device_open(const char *name, bool writable);
/* Releases, and thereby stops, a claimed pump. */
NANODOSE_API void nanodose_device_close(struct nanodose_device *device);
/* For poll(); non-blocking. POLLIN records, POLLPRI fault latched, POLLHUP gone. */
NANODOSE_API int nanodose_device_fd(const struct nanodose_device *device);
/* Path below /dev; belongs to the device object. */
NANODOSE_API const char *nanodose_device_path(const struct nanodose_device *device);

/*
 * The driver's calls, one function each. Units, ranges and further errors are
 * those of the structs in <linux/nanodose.h>. All of them: ENODEV once the
 * device is gone. Those that change something: EBADF if the pump was opened
 * for reading only and, but for the stop, EPERM if this object has not claimed it.
 */

/* What the pump is; the strings are terminated. */
NANODOSE_API int nanodose_device_info(struct nanodose_device *device, struct nanodose_info *info);
/* How it stands: one consistent snapshot. */
NANODOSE_API int nanodose_device_status(struct nanodose_device *device, struct nanodose_status *status);
/*
 * Which records this object gets: @mask of 1 << NANODOSE_RECORD_*, a ring of
 * so many (a power of two from 64 to 65536; 0 keeps it), every so manyth flow
 * record. EINVAL.
 */
NANODOSE_API int nanodose_device_subscribe(struct nanodose_device *device, uint32_t mask,
					   uint32_t ring_records, uint32_t flow_decimation);
/*
 * Become the owner, who alone may move it. @label tells others who that is; it
 * is cut to NANODOSE_NAME_LEN - 1 bytes. EBUSY: owned by another, whom
 * nanodose_device_status() names.
 */
NANODOSE_API int nanodose_device_claim(struct nanodose_device *device, const char *label);
/* Give it back; a pump in motion ramps to rest. */
NANODOSE_API int nanodose_device_release(struct nanodose_device *device);
/* What holds now; the defaults, right after a claim. */
NANODOSE_API int nanodose_device_limits(struct nanodose_device *device,
					struct nanodose_limits *limits);
/* By the owner at rest: change what nanodose_device_limits() gave. */
NANODOSE_API int nanodose_device_set_limits(struct nanodose_device *device,
					    const struct nanodose_limits *limits);
/* An order to move: it holds for run->hold_ns, to be renewed before. EDOM, EINVAL, EPIPE. */
NANODOSE_API int nanodose_device_run(struct nanodose_device *device, const struct nanodose_run *run);
/* Step a list of segments. Sets bad_index with EDOM, and room. EAGAIN, EBUSY, EINVAL, EPIPE. */
NANODOSE_API int nanodose_device_queue(struct nanodose_device *device,
				       struct nanodose_queue *queue);
/* NANODOSE_STOP_RAMP or _NOW, by whoever has opened it writable. */
NANODOSE_API int nanodose_device_stop(struct nanodose_device *device, uint32_t mode);
/* At rest: unlatch these. EBUSY in motion, EPIPE while the emergency stop is pressed. */
NANODOSE_API int nanodose_device_clear_faults(struct nanodose_device *device, uint32_t faults);
/* At rest: where it stands is called @position, in microsteps. EBUSY in motion. */
NANODOSE_API int nanodose_device_set_position(struct nanodose_device *device, int64_t position);
/*
 * Sample the flow sensor: @medium NANODOSE_MEDIUM_*, a record every @period_ns.
 * EOPNOTSUPP: no sensor, or not calibrated for that. EDOM: more often than it
 * can, or too rarely.
 */
NANODOSE_API int nanodose_device_sensor_start(struct nanodose_device *device, uint32_t medium,
					      uint64_t period_ns);
NANODOSE_API int nanodose_device_sensor_stop(struct nanodose_device *device);
/*
 * nanodose_device_read() - take records out of this opener's ring
 * Returns how many were stored, 0 if none are waiting; -1 with errno ENODEV
 * once the device is gone and the ring is empty, EIO for a short record.
 */
NANODOSE_API ssize_t nanodose_device_read(struct nanodose_device *device,
					  struct nanodose_record *records, size_t max);

/* Names for messages: never NULL. */
NANODOSE_API const char *nanodose_fault_name(uint32_t fault_bit);	/* "air in line" */
NANODOSE_API const char *nanodose_fault_advice(uint32_t fault_bit);	/* what to do about it */
NANODOSE_API const char *nanodose_sensor_name(uint32_t model);		/* "SLF3S-0600F" */
NANODOSE_API const char *nanodose_state_name(uint32_t state);
NANODOSE_API const char *nanodose_cause_name(uint32_t cause);

/* ---- discovery (libudev) -------------------------------------------------------- */

struct nanodose_list;

/* All pumps of this machine, sorted by device number. Empty is not an error. */
NANODOSE_API struct nanodose_list *nanodose_list_new(void);
NANODOSE_API void nanodose_list_free(struct nanodose_list *list);
NANODOSE_API size_t nanodose_list_count(const struct nanodose_list *list);
NANODOSE_API const char *nanodose_list_name(const struct nanodose_list *list, size_t index);
NANODOSE_API const char *nanodose_list_path(const struct nanodose_list *list, size_t index);
NANODOSE_API const char *nanodose_list_label(const struct nanodose_list *list, size_t index);

struct nanodose_watch;

/* Follows the coming and going of pumps. fd for poll(). */
NANODOSE_API struct nanodose_watch *nanodose_watch_new(void);
NANODOSE_API void nanodose_watch_free(struct nanodose_watch *watch);
NANODOSE_API int nanodose_watch_fd(const struct nanodose_watch *watch);
/* 1: an event; *added tells which way, name has the device name. 0: none waiting. */
NANODOSE_API int nanodose_watch_next(struct nanodose_watch *watch, bool *added,
				     char *name, size_t name_size);

/* ---- units ------------------------------------------------------------------------ */

enum nanodose_dimension {
	NANODOSE_DIMENSION_NONE,		/* 1 */
	NANODOSE_DIMENSION_VOLUME,		/* m3 */
	NANODOSE_DIMENSION_RATE,		/* m3/s */
	NANODOSE_DIMENSION_TIME,		/* s */
	NANODOSE_DIMENSION_PRESSURE,		/* Pa */
	NANODOSE_DIMENSION_LENGTH,		/* m */
	NANODOSE_DIMENSION_TEMPERATURE,		/* degree Celsius (not kelvin) */
	NANODOSE_DIMENSION_NUMBER_CONCENTRATION,	/* 1/m3 */
	NANODOSE_DIMENSION_MASS_CONCENTRATION,	/* kg/m3 */
	NANODOSE_DIMENSION_FREQUENCY,		/* Hz */
	NANODOSE_DIMENSION_MASS,		/* kg */
	NANODOSE_DIMENSION_ACCELERATION,	/* of a flow, m3/s2 */
	NANODOSE_DIMENSION_VISCOSITY,		/* dynamic, Pa s */
};

/*
 * nanodose_quantity_parse() - "12 mL/min" to SI, by UDUNITS-2
 * @text: a decimal number, optional white space, a unit; nothing after it
 * @dimension: what it must be
 * @value: in the SI unit above
 * @error: on failure a message naming what is wrong and what would be right,
 *	to be freed by the caller; may be NULL
 *
 * errno: EINVAL not a quantity, unknown unit, missing unit; EDOM wrong
 * dimension; ERANGE not finite.
 */
NANODOSE_API int nanodose_quantity_parse(const char *text, enum nanodose_dimension dimension,
					 double *value, char **error);
/* "4.5 uL/min": a unit that suits the size, 4 significant digits. Returns buffer. */
NANODOSE_API const char *nanodose_quantity_format(double value, enum nanodose_dimension dimension,
						  char *buffer, size_t size);
/* Whether UDUNITS-2 knows @unit; "1" is that of bare numbers. */
NANODOSE_API bool nanodose_unit_known(const char *unit);
/*
 * nanodose_reading_parse() - "12.5" or "12.5 ng/mL" to a number in @unit
 * @unit: one that is known; a unit in @text must be convertible to it
 * @error: as above
 *
 * errno: as above.
 */
NANODOSE_API int nanodose_reading_parse(const char *text, const char *unit, double *value,
					char **error);
/* Name and an example of a dimension, for messages: "rate", "12 mL/min". */
NANODOSE_API const char *nanodose_dimension_name(enum nanodose_dimension dimension);
NANODOSE_API const char *nanodose_dimension_example(enum nanodose_dimension dimension);

/* ---- syringes ----------------------------------------------------------------------- */

/* One row of the table; all static. */
struct nanodose_syringe {
	const char *name;		/* "BD Plastipak 10 mL" */
	double volume_m3;		/* nominal */
	double diameter_m;		/* inner */
	const char *source;
};

/* Case and repeated spaces do not matter. NULL with errno ENOENT. */
NANODOSE_API const struct nanodose_syringe *nanodose_syringe_find(const char *name);
/* The nearest names to a misspelt one, best first; returns how many were stored. */
NANODOSE_API size_t nanodose_syringe_suggest(const char *name, const char **names, size_t max);
NANODOSE_API size_t nanodose_syringe_count(void);
NANODOSE_API const struct nanodose_syringe *nanodose_syringe_at(size_t index);

/*
 * nanodose_volume_per_step() - m3 moved by one microstep
 * Bore area times travel of one microstep.
 */
NANODOSE_API double nanodose_volume_per_step(double diameter_m, uint32_t lead_pitch_nm,
					     uint32_t microsteps_per_rev);

#ifdef __cplusplus
}
#endif

#endif /* NANODOSE_H */
