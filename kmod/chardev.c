// SPDX-License-Identifier: GPL-2.0-only
/*
 * The character device: who may do what, and that what they say is well-formed.
 */
#include <linux/fs.h>
#include <linux/minmax.h>
#include <linux/poll.h>
#include <linux/sched.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "nanodose.h"

#define ND_RING_RECORDS		1024
#define ND_RING_RECORDS_MIN	64
#define ND_RING_RECORDS_MAX	65536

#define ND_SAMPLE_PERIOD_MAX_NS	(10ULL * NSEC_PER_SEC)

#define ND_RECORD_MASK	(BIT(NANODOSE_RECORD_STATE) | BIT(NANODOSE_RECORD_FLOW) | \
			 BIT(NANODOSE_RECORD_FAULT) | BIT(NANODOSE_RECORD_DROPPED))

#define ND_QUEUE_FLAGS	(NANODOSE_QUEUE_TRY | NANODOSE_QUEUE_REPLACE | NANODOSE_QUEUE_START_AT | \
			 NANODOSE_QUEUE_MORE)

#define ND_RUN_FLAGS	(NANODOSE_RUN_END_POSITION | NANODOSE_RUN_START_AT)

/* The ABI: the same for 32-bit and 64-bit callers, and for ever. */
static_assert(sizeof(struct nanodose_info) == 208);
static_assert(offsetof(struct nanodose_info, features) == 64);
static_assert(offsetof(struct nanodose_info, sensor_model) == 128);
static_assert(offsetof(struct nanodose_info, reserved) == 144);
static_assert(sizeof(struct nanodose_status) == 200);
static_assert(offsetof(struct nanodose_status, temperature_mdegc) == 80);
static_assert(offsetof(struct nanodose_status, sequence) == 88);
static_assert(offsetof(struct nanodose_status, owner_label) == 120);
static_assert(offsetof(struct nanodose_status, sample_period_ns) == 152);
static_assert(sizeof(struct nanodose_record) == 64);
static_assert(offsetof(struct nanodose_record, flow) == 24);
static_assert(sizeof(struct nanodose_flow_record) == 40);
static_assert(sizeof(struct nanodose_state_record) == 40);
static_assert(sizeof(struct nanodose_fault_record) == 40);
static_assert(sizeof(struct nanodose_dropped_record) == 40);
static_assert(sizeof(struct nanodose_subscribe) == 16);
static_assert(sizeof(struct nanodose_claim) == 40);
static_assert(sizeof(struct nanodose_run) == 64);
static_assert(offsetof(struct nanodose_run, flags) == 40);
static_assert(sizeof(struct nanodose_limits) == 144);
static_assert(offsetof(struct nanodose_limits, no_flow_ppm) == 88);
static_assert(offsetof(struct nanodose_limits, reserved) == 108);
static_assert(sizeof(struct nanodose_segment) == 24);
static_assert(sizeof(struct nanodose_queue) == 64);
static_assert(offsetof(struct nanodose_queue, bad_index) == 40);
static_assert(sizeof(struct nanodose_stop) == 16);
static_assert(sizeof(struct nanodose_clear_faults) == 16);
static_assert(sizeof(struct nanodose_set_position) == 16);
static_assert(sizeof(struct nanodose_sensor) == 32);
static_assert(offsetof(struct nanodose_sensor, flags) == 16);

static bool nd_is_zero(const void *data, size_t count)
{
	return !memchr_inv(data, 0, count);
}

/*
 * Puts a STATE record first in the client's ring. If the stream went on between
 * looking at the state and joining, the record could be stale: look again.
 */
static int nd_client_begin(struct nd_client *client, struct nd_ring *ring,
			   const struct nanodose_subscribe *subscribe)
{
	struct nanodose *nd = client->nd;
	struct nanodose_record first;
	u64 sequence;

	/* The lines that the state tells of go away after that is set. */
	mutex_lock(&nd->lock);
	if (nd->gone) {
		mutex_unlock(&nd->lock);
		return -ENODEV;
	}
	do {
		sequence = nd_stream_sequence(&nd->stream);
		nd_engine_fill_state(nd, &first, NANODOSE_CAUSE_OPEN, task_tgid_nr(current));
		/* It is this opener's alone: as old as the last record of all. */
		first.sequence = sequence - 1;
	} while (!nd_stream_begin(&nd->stream, client, ring, subscribe, &first, sequence));
	mutex_unlock(&nd->lock);
	return 0;
}

static int nd_open(struct inode *inode, struct file *file)
{
	struct nanodose *nd = container_of(inode->i_cdev, struct nanodose, cdev);
	const struct nanodose_subscribe everything = { .mask = ND_RECORD_MASK };
	struct nd_client *client;
	struct nd_ring ring;
	int ret;

	client = kzalloc(sizeof(*client), GFP_KERNEL_ACCOUNT);
	if (!client)
		return -ENOMEM;
	client->nd = nd;
	INIT_LIST_HEAD(&client->list);
	mutex_init(&client->read_lock);

	ret = nd_ring_alloc(&ring, ND_RING_RECORDS);
	if (ret)
		goto free_client;
	ret = nd_client_begin(client, &ring, &everything);
	if (ret)
		goto free_ring;

	nd_get(nd);
	file->private_data = client;
	return stream_open(inode, file);

free_ring:
	nd_ring_free(&ring);
free_client:
	kfree(client);
	return ret;
}

/* The owner leaves: the pump comes to rest, and nobody is left to watch it. */
static void nd_disown(struct nanodose *nd)
{
	bool sampling = READ_ONCE(nd->flow.period_ns);

	nd->owner = NULL;
	nd->owner_pid = 0;
	memset(nd->owner_label, 0, sizeof(nd->owner_label));
	nd_engine_stop(nd, false, NANODOSE_CAUSE_RELEASE);
	nd_engine_enable(nd, false);
	if (sampling) {
		nd_flow_stop(nd);
		nd_engine_push_state(nd, NANODOSE_CAUSE_SENSOR, 0);
	}
}

static int nd_close(struct inode *inode, struct file *file)
{
	struct nd_client *client = file->private_data;
	struct nanodose *nd = client->nd;

	mutex_lock(&nd->lock);
	if (nd->owner == client && !nd->gone)
		nd_disown(nd);
	mutex_unlock(&nd->lock);

	nd_stream_detach(&nd->stream, client);
	nd_ring_free(&client->ring);
	mutex_destroy(&client->read_lock);
	kfree(client);
	nd_put(nd);
	return 0;
}

static ssize_t nd_read(struct file *file, char __user *buffer, size_t count, loff_t *offset)
{
	struct nd_client *client = file->private_data;
	struct nanodose *nd = client->nd;
	ssize_t ret;

	if (count < sizeof(struct nanodose_record))
		return -EINVAL;

	for (;;) {
		/* Looked at before the ring, so that the last records are not cut off. */
		bool end = nd_stream_ended(&nd->stream);

		if (mutex_lock_interruptible(&client->read_lock))
			return -ERESTARTSYS;
		ret = nd_client_read(client, buffer, count);
		mutex_unlock(&client->read_lock);
		if (ret)
			return ret;
		if (end)
			return -ENODEV;
		if (file->f_flags & O_NONBLOCK)
			return -EAGAIN;

		ret = wait_event_interruptible(nd->stream.wait,
					       nd_client_readable(client) ||
					       nd_stream_ended(&nd->stream));
		if (ret)
			return ret;
	}
}

static __poll_t nd_poll(struct file *file, poll_table *wait)
{
	struct nd_client *client = file->private_data;
	struct nanodose *nd = client->nd;
	__poll_t events = 0;

	poll_wait(file, &nd->stream.wait, wait);
	/* Pairs with wq_has_sleeper() in nd_stream_push(): be seen, then look. */
	smp_mb();

	if (nd_client_readable(client))
		events |= EPOLLIN | EPOLLRDNORM;
	if (READ_ONCE(nd->engine.queue.count) < ND_QUEUE_SEGMENTS)
		events |= EPOLLOUT | EPOLLWRNORM;
	if (READ_ONCE(nd->engine.faults))
		events |= EPOLLPRI;
	if (nd_stream_ended(&nd->stream))
		events |= EPOLLHUP | EPOLLERR;
	return events;
}

static long nd_get_info(struct nanodose *nd, void __user *argument)
{
	const struct nd_flow_sensor *sensor = nd->flow.sensor;
	struct nanodose_info info = {
		.features = NANODOSE_FEATURE_START_TIME | NANODOSE_FEATURE_LIMITS |
			    NANODOSE_FEATURE_QUEUE,
		.max_rate_nhz = nd->engine.max_rate_nhz,
		.max_accel_nhz_s = nd->engine.max_accel_nhz_s,
		.max_hold_ns = ND_MAX_HOLD_NS,
		.max_lag_ns = nd->engine.max_lag_ns,
		.microsteps_per_rev = nd->microsteps_per_rev,
		.lead_pitch_nm = nd->lead_pitch_nm,
		.queue_segments = ND_QUEUE_SEGMENTS,
	};

	strscpy(info.name, dev_name(&nd->dev), sizeof(info.name));
	strscpy(info.label, nd->label, sizeof(info.label));

	if (nd->gpio.enable || nd->gpio.sleep)
		info.features |= NANODOSE_FEATURE_ENABLE;
	if (nd->gpio.estop)
		info.features |= NANODOSE_FEATURE_ESTOP;
	if (nd->gpio.limit_plus)
		info.features |= NANODOSE_FEATURE_LIMIT_PLUS;
	if (nd->gpio.limit_minus)
		info.features |= NANODOSE_FEATURE_LIMIT_MINUS;
	if (nd->gpio.fault)
		info.features |= NANODOSE_FEATURE_DRIVER_FAULT;
	if (nd->gpio.home)
		info.features |= NANODOSE_FEATURE_HOME;
	if (nd->flow.pressure)
		info.features |= NANODOSE_FEATURE_PRESSURE;
	if (sensor) {
		info.features |= NANODOSE_FEATURE_FLOW;
		if (sensor->has_ipa)
			info.features |= NANODOSE_FEATURE_MEDIUM_IPA;
		info.sensor_model = sensor->model;
		info.sensor_serial = sensor->serial;
		info.sensor_full_scale_pl_min = sensor->full_scale_pl_min;
		info.sensor_min_period_ns = sensor->min_period_ns;
	}

	return copy_to_user(argument, &info, sizeof(info)) ? -EFAULT : 0;
}

static void nd_fill_status(struct nanodose *nd, struct nanodose_status *status)
{
	struct nd_motion motion;

	nd_engine_motion(nd, &motion);
	*status = (struct nanodose_status) {
		.time_ns = motion.time_ns,
		.position = motion.position,
		.rate_nhz = motion.rate_nhz,
		.target_rate_nhz = motion.target_rate_nhz,
		.end_position = motion.end_position,
		.hold_until_ns = motion.hold_until_ns,
		.steps_total = motion.steps_total,
		.late_max_ns = motion.late_max_ns,
		.state = motion.state,
		.faults = motion.faults,
		.warnings = motion.warnings,
		.flags = motion.flags,
		.sequence = nd_stream_sequence(&nd->stream),
		.owner_pid = nd->owner_pid,
		.sample_period_ns = nd->flow.period_ns,
		.queued = motion.queued,
	};
	memcpy(status->owner_label, nd->owner_label, sizeof(status->owner_label));

	mutex_lock(&nd->flow.lock);
	status->flow_time_ns = nd->flow.time_ns;
	status->flow_pl_min = nd->flow.flow_pl_min;
	status->temperature_mdegc = nd->flow.temperature_mdegc;
	status->pressure_pa = nd->flow.pressure_pa;
	status->bus_errors = nd->flow.bus_errors;
	mutex_unlock(&nd->flow.lock);
}

static long nd_get_status(struct nanodose *nd, void __user *argument)
{
	struct nanodose_status status;

	mutex_lock(&nd->lock);
	if (nd->gone) {
		mutex_unlock(&nd->lock);
		return -ENODEV;
	}
	nd_fill_status(nd, &status);
	mutex_unlock(&nd->lock);

	return copy_to_user(argument, &status, sizeof(status)) ? -EFAULT : 0;
}

static long nd_get_limits(struct nanodose *nd, void __user *argument)
{
	struct nanodose_limits limits;

	nd_engine_get_limits(nd, &limits);
	return copy_to_user(argument, &limits, sizeof(limits)) ? -EFAULT : 0;
}

static long nd_subscribe(struct nd_client *client, void __user *argument)
{
	struct nanodose_subscribe subscribe;
	struct nd_ring ring;
	long ret;

	if (copy_from_user(&subscribe, argument, sizeof(subscribe)))
		return -EFAULT;
	if (subscribe.flags || subscribe.mask & ~ND_RECORD_MASK)
		return -EINVAL;
	if (subscribe.ring_records &&
	    (subscribe.ring_records < ND_RING_RECORDS_MIN ||
	     subscribe.ring_records > ND_RING_RECORDS_MAX ||
	     !is_power_of_2(subscribe.ring_records)))
		return -EINVAL;

	if (mutex_lock_interruptible(&client->read_lock))
		return -ERESTARTSYS;
	if (!subscribe.ring_records || subscribe.ring_records == client->ring.capacity) {
		nd_stream_select(&client->nd->stream, client, &subscribe);
		ret = 0;
	} else {
		ret = nd_ring_alloc(&ring, subscribe.ring_records);
		if (!ret) {
			ret = nd_client_begin(client, &ring, &subscribe);
			nd_ring_free(&ring);
		}
	}
	mutex_unlock(&client->read_lock);
	return ret;
}

static long nd_claim(struct nd_client *client, const struct nanodose_claim *claim)
{
	struct nanodose *nd = client->nd;
	char comm[TASK_COMM_LEN];

	if (claim->flags || claim->reserved)
		return -EINVAL;
	if (strnlen(claim->label, sizeof(claim->label)) == sizeof(claim->label))
		return -EINVAL;
	if (nd->owner)
		return -EBUSY;

	memset(nd->owner_label, 0, sizeof(nd->owner_label));
	get_task_comm(comm, current);
	strscpy(nd->owner_label, claim->label[0] ? claim->label : comm, sizeof(nd->owner_label));
	nd->owner_pid = task_tgid_nr(current);
	nd->owner = client;
	nd_engine_default_limits(nd);
	nd_engine_push_state(nd, NANODOSE_CAUSE_CLAIM, nd->owner_pid);
	return 0;
}

static long nd_set_limits(struct nanodose *nd, const struct nanodose_limits *limits)
{
	int ret = nd_limits_check(nd, limits);

	return ret ?: nd_engine_set_limits(nd, limits);
}

static long nd_run(struct nanodose *nd, const struct nanodose_run *run)
{
	if (run->flags & ~ND_RUN_FLAGS || !nd_is_zero(run->reserved, sizeof(run->reserved)))
		return -EINVAL;
	return nd_engine_run(nd, run);
}

static long nd_queue(struct nanodose *nd, struct nanodose_queue *request)
{
	struct nanodose_segment *list;
	long ret;

	if (request->flags & ~ND_QUEUE_FLAGS || !request->accel_nhz_s || !request->hold_ns ||
	    !nd_is_zero(request->reserved, sizeof(request->reserved)) ||
	    request->count > ND_QUEUE_SEGMENTS ||
	    (!request->count && request->flags))
		return -EINVAL;

	list = memdup_user(u64_to_user_ptr(request->segments), request->count * sizeof(*list));
	if (IS_ERR(list))
		return PTR_ERR(list);
	ret = nd_engine_queue(nd, request, list);
	kfree(list);
	return ret;
}

static long nd_clear_faults(struct nanodose *nd, const struct nanodose_clear_faults *clear)
{
	if (clear->faults & ~ND_ALL_FAULTS || !nd_is_zero(clear->reserved, sizeof(clear->reserved)))
		return -EINVAL;
	return nd_engine_clear_faults(nd, clear->faults);
}

static long nd_set_position(struct nanodose *nd, const struct nanodose_set_position *set)
{
	if (set->reserved)
		return -EINVAL;
	return nd_engine_set_position(nd, set->position);
}

static long nd_sensor(struct nanodose *nd, const struct nanodose_sensor *request)
{
	const struct nd_flow_sensor *sensor = nd->flow.sensor;
	bool sampling = nd->flow.period_ns;
	int ret = 0;

	if (request->flags || !nd_is_zero(request->reserved, sizeof(request->reserved)) ||
	    request->op > NANODOSE_SENSOR_START || request->medium > NANODOSE_MEDIUM_IPA)
		return -EINVAL;
	if (!sensor)
		return -EOPNOTSUPP;

	if (request->op == NANODOSE_SENSOR_STOP) {
		nd_flow_stop(nd);
	} else {
		if (request->medium == NANODOSE_MEDIUM_IPA && !sensor->has_ipa)
			return -EOPNOTSUPP;
		if (request->period_ns < sensor->min_period_ns ||
		    request->period_ns > ND_SAMPLE_PERIOD_MAX_NS)
			return -EDOM;
		ret = nd_flow_start(nd, request->medium, request->period_ns);
	}
	/* A start that fails in the middle of sampling has ended that. */
	if (!ret || sampling)
		nd_engine_push_state(nd, NANODOSE_CAUSE_SENSOR, nd->owner_pid);
	return ret;
}

/* Any writer may stop, and none has to wait for what the owner is about. */
static long nd_stop(struct nanodose *nd, const void __user *argument)
{
	struct nanodose_stop stop;

	if (copy_from_user(&stop, argument, sizeof(stop)))
		return -EFAULT;
	if (stop.mode > NANODOSE_STOP_NOW || !nd_is_zero(stop.reserved, sizeof(stop.reserved)))
		return -EINVAL;
	nd_engine_stop(nd, stop.mode == NANODOSE_STOP_NOW, NANODOSE_CAUSE_STOP);
	return 0;
}

union nd_argument {
	struct nanodose_claim claim;
	struct nanodose_limits limits;
	struct nanodose_run run;
	struct nanodose_queue queue;
	struct nanodose_clear_faults clear_faults;
	struct nanodose_set_position set_position;
	struct nanodose_sensor sensor;
};

/* The calls of the owner, and becoming it. */
static long nd_owner_call(struct nd_client *client, unsigned int command,
			  union nd_argument *argument)
{
	struct nanodose *nd = client->nd;

	if (command == NANODOSE_IOC_CLAIM)
		return nd_claim(client, &argument->claim);
	if (nd->owner != client)
		return -EPERM;

	switch (command) {
	case NANODOSE_IOC_RELEASE:
		nd_disown(nd);
		return 0;
	case NANODOSE_IOC_SET_LIMITS:
		return nd_set_limits(nd, &argument->limits);
	case NANODOSE_IOC_RUN:
		return nd_run(nd, &argument->run);
	case NANODOSE_IOC_QUEUE:
		return nd_queue(nd, &argument->queue);
	case NANODOSE_IOC_CLEAR_FAULTS:
		return nd_clear_faults(nd, &argument->clear_faults);
	case NANODOSE_IOC_SET_POSITION:
		return nd_set_position(nd, &argument->set_position);
	case NANODOSE_IOC_SENSOR:
		return nd_sensor(nd, &argument->sensor);
	default:
		return -ENOTTY;
	}
}

static long nd_ioctl(struct file *file, unsigned int command, unsigned long parameter)
{
	void __user *user = (void __user *)parameter;
	struct nd_client *client = file->private_data;
	struct nanodose *nd = client->nd;
	union nd_argument argument;
	long ret;

	if (READ_ONCE(nd->gone))
		return -ENODEV;

	switch (command) {
	case NANODOSE_IOC_GET_INFO:
		return nd_get_info(nd, user);
	case NANODOSE_IOC_GET_STATUS:
		return nd_get_status(nd, user);
	case NANODOSE_IOC_GET_LIMITS:
		return nd_get_limits(nd, user);
	case NANODOSE_IOC_SUBSCRIBE:
		return nd_subscribe(client, user);
	case NANODOSE_IOC_STOP:
	case NANODOSE_IOC_CLAIM:
	case NANODOSE_IOC_RELEASE:
	case NANODOSE_IOC_SET_LIMITS:
	case NANODOSE_IOC_RUN:
	case NANODOSE_IOC_QUEUE:
	case NANODOSE_IOC_CLEAR_FAULTS:
	case NANODOSE_IOC_SET_POSITION:
	case NANODOSE_IOC_SENSOR:
		break;
	default:
		return -ENOTTY;
	}

	if (!(file->f_mode & FMODE_WRITE))
		return -EBADF;
	if (command == NANODOSE_IOC_STOP)
		return nd_stop(nd, user);
	if (copy_from_user(&argument, user, _IOC_SIZE(command)))
		return -EFAULT;

	if (mutex_lock_interruptible(&nd->lock))
		return -ERESTARTSYS;
	ret = nd->gone ? -ENODEV : nd_owner_call(client, command, &argument);
	mutex_unlock(&nd->lock);

	/* what was wrong, and how much room is left, also where it was refused for that */
	if (command == NANODOSE_IOC_QUEUE && (!ret || ret == -EDOM || ret == -EAGAIN) &&
	    copy_to_user(user, &argument.queue, sizeof(argument.queue)))
		return -EFAULT;
	return ret;
}

void nd_chardev_gone(struct nanodose *nd)
{
	mutex_lock(&nd->lock);
	nd->owner = NULL;
	nd->owner_pid = 0;
	mutex_unlock(&nd->lock);
	nd_stream_shutdown(&nd->stream);
}

/* What this descriptor is to the pump, for /proc/PID/fdinfo; see ABI.rst. */
static void nd_show_fdinfo(struct seq_file *seq, struct file *file)
{
	struct nd_client *client = file->private_data;
	const struct nd_ring *ring = &client->ring;
	u32 head, tail;

	mutex_lock(&client->read_lock);
	head = READ_ONCE(ring->head);
	tail = ring->tail;
	seq_printf(seq, "nanodose-device:\t%s\n", dev_name(&client->nd->dev));
	seq_printf(seq, "nanodose-owner:\t%d\n", READ_ONCE(client->nd->owner) == client);
	seq_printf(seq, "nanodose-mask:\t0x%x\n", READ_ONCE(client->mask));
	seq_printf(seq, "nanodose-flow-decimation:\t%u\n",
		   max(READ_ONCE(client->flow_decimation), 1U));
	seq_printf(seq, "nanodose-ring-records:\t%u\n", ring->capacity);
	seq_printf(seq, "nanodose-waiting:\t%u\n",
		   head >= tail ? head - tail : head + ring->slots - tail);
	seq_printf(seq, "nanodose-lost:\t%llu\n", READ_ONCE(ring->lost));
	mutex_unlock(&client->read_lock);
}

const struct file_operations nd_fops = {
	.owner = THIS_MODULE,
	.open = nd_open,
	.release = nd_close,
	.read = nd_read,
	.poll = nd_poll,
	.unlocked_ioctl = nd_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.show_fdinfo = nd_show_fdinfo,
};
