// SPDX-License-Identifier: GPL-2.0-only
/*
 * The lines of a simulated rig: STEP, DIR, ENABLE and SLEEP to the motor driver,
 * its fault output, emergency stop, end-of-travel and home switches from the
 * bench. All are active high. DIR high dispenses.
 */
#include <linux/interrupt.h>
#include <linux/irq.h>
#include <linux/irqdesc.h>
#include <linux/irqdomain.h>
#include <linux/module.h>
#include <linux/platform_device.h>

#include "../compat.h"
#include "edges.h"
#include "rig.h"

/* A DRV8825 takes no step for so long after nSLEEP: its data sheet, table 7.6. */
#define WAKE_UP_NS	1700000

static void gpio_drive(struct sim_rig *rig, unsigned int line, bool level)
{
	unsigned long flags;
	u64 now_ns;

	raw_spin_lock_irqsave(&rig->lock, flags);
	if (rig->driven[line] && rig->level[line] != level) {
		now_ns = sim_now();
		rig->level[line] = level;
		sim_edges_record(rig->edges, now_ns, line, level);
		if (line == SIM_STEP && (level || rig->params.step_both_edges))
			sim_plant_step(&rig->plant, now_ns, rig->level[SIM_DIR] ? 1 : -1,
				       rig->level[SIM_ENABLE] && !rig->level[SIM_SLEEP] &&
				       now_ns >= rig->awake_ns);
		if (line == SIM_SLEEP && !level)
			rig->awake_ns = now_ns + WAKE_UP_NS;
	}
	raw_spin_unlock_irqrestore(&rig->lock, flags);
}

static ND_GPIO_SET_RESULT rig_gpio_set(struct gpio_chip *gpio, unsigned int line, int level)
{
	gpio_drive(gpiochip_get_data(gpio), line, level);
	return ND_GPIO_SET_OK;
}

static int rig_gpio_request(struct gpio_chip *gpio, unsigned int line)
{
	return sim_rig_refuses(gpiochip_get_data(gpio)) ? -EIO : 0;
}

static int rig_gpio_get(struct gpio_chip *gpio, unsigned int line)
{
	struct sim_rig *rig = gpiochip_get_data(gpio);

	if (sim_rig_refuses(rig))
		return -EIO;
	return READ_ONCE(rig->level[line]);
}

static int rig_gpio_get_direction(struct gpio_chip *gpio, unsigned int line)
{
	struct sim_rig *rig = gpiochip_get_data(gpio);

	return rig->driven[line] ? GPIO_LINE_DIRECTION_OUT : GPIO_LINE_DIRECTION_IN;
}

static int rig_gpio_direction_input(struct gpio_chip *gpio, unsigned int line)
{
	struct sim_rig *rig = gpiochip_get_data(gpio);

	if (sim_rig_refuses(rig))
		return -EIO;
	/* the motor driver pulls its inputs down */
	if (sim_is_output(line))
		gpio_drive(rig, line, false);
	WRITE_ONCE(rig->driven[line], false);
	return 0;
}

static int rig_gpio_direction_output(struct gpio_chip *gpio, unsigned int line, int level)
{
	struct sim_rig *rig = gpiochip_get_data(gpio);

	/* a switch is not to be driven */
	if (!sim_is_output(line))
		return -EPERM;
	if (sim_rig_refuses(rig))
		return -EIO;
	WRITE_ONCE(rig->driven[line], true);
	gpio_drive(rig, line, level);
	return 0;
}

/*
 * The interrupts have a domain of their own: the help gpiolib has for it is
 * not in every kernel.
 */
static int rig_gpio_to_irq(struct gpio_chip *gpio, unsigned int line)
{
	struct sim_rig *rig = gpiochip_get_data(gpio);
	unsigned int irq;

	if (sim_is_output(line) || sim_rig_refuses(rig))
		return -ENXIO;
	irq = irq_create_mapping(rig->interrupts, line);
	return irq ? irq : -ENXIO;
}

static int rig_irq_request(struct irq_data *data)
{
	struct sim_rig *rig = irq_data_get_irq_chip_data(data);

	if (sim_rig_refuses(rig))
		return -EIO;
	return gpiochip_reqres_irq(&rig->gpio, irqd_to_hwirq(data));
}

static void rig_irq_release(struct irq_data *data)
{
	struct sim_rig *rig = irq_data_get_irq_chip_data(data);

	gpiochip_relres_irq(&rig->gpio, irqd_to_hwirq(data));
}

static void rig_irq_nothing(struct irq_data *data)
{
	/* what comes masked is kept pending by the flow handler */
}

static int rig_irq_set_type(struct irq_data *data, unsigned int type)
{
	struct sim_rig *rig = irq_data_get_irq_chip_data(data);

	if (type & ~IRQ_TYPE_EDGE_BOTH || sim_rig_refuses(rig))
		return -EINVAL;
	WRITE_ONCE(rig->trigger[irqd_to_hwirq(data)], type);
	return 0;
}

static struct irq_chip rig_irq_chip = {
	.name = "nanodose-sim",
	.irq_ack = rig_irq_nothing,
	.irq_mask = rig_irq_nothing,
	.irq_unmask = rig_irq_nothing,
	.irq_set_type = rig_irq_set_type,
	.irq_request_resources = rig_irq_request,
	.irq_release_resources = rig_irq_release,
};

static int rig_irq_map(struct irq_domain *domain, unsigned int irq, irq_hw_number_t line)
{
	irq_set_chip_data(irq, domain->host_data);
	irq_set_chip_and_handler(irq, &rig_irq_chip, handle_edge_irq);
	irq_set_noprobe(irq);
	return 0;
}

static const struct irq_domain_ops rig_irq_ops = {
	.map = rig_irq_map,
};

void sim_rig_set_input(struct sim_rig *rig, enum sim_line line, bool level)
{
	unsigned int edge = level ? IRQ_TYPE_EDGE_RISING : IRQ_TYPE_EDGE_FALLING;
	unsigned long flags;
	bool changed;

	raw_spin_lock_irqsave(&rig->lock, flags);
	changed = rig->level[line] != level;
	WRITE_ONCE(rig->level[line], level);
	raw_spin_unlock_irqrestore(&rig->lock, flags);
	if (!changed || !(READ_ONCE(rig->trigger[line]) & edge))
		return;
	/* as by hardware: on this CPU, interrupts off, now */
	local_irq_save(flags);
	generic_handle_domain_irq(rig->interrupts, line);
	local_irq_restore(flags);
}

int sim_rig_gpio_init(struct sim_rig *rig)
{
	struct gpio_chip *gpio = &rig->gpio;
	int ret;

	gpio->label = rig->gpio_label;
	gpio->owner = THIS_MODULE;
	gpio->parent = rig->bench;
	gpio->base = -1;
	gpio->ngpio = SIM_LINES;
	gpio->can_sleep = device_property_read_bool(rig->bench, "gpio-sleeps");
	gpio->request = rig_gpio_request;
	gpio->get = rig_gpio_get;
	gpio->set = rig_gpio_set;
	gpio->get_direction = rig_gpio_get_direction;
	gpio->direction_input = rig_gpio_direction_input;
	gpio->direction_output = rig_gpio_direction_output;
	gpio->to_irq = rig_gpio_to_irq;

	rig->interrupts = irq_domain_create_linear(NULL, SIM_LINES, &rig_irq_ops, rig);
	if (!rig->interrupts)
		return -ENOMEM;
	ret = gpiochip_add_data(gpio, rig);
	if (ret)
		irq_domain_remove(rig->interrupts);
	return ret;
}

void sim_rig_gpio_exit(struct sim_rig *rig)
{
	int line;

	gpiochip_remove(&rig->gpio);
	for (line = SIM_OUTPUTS; line < SIM_LINES; line++)
		irq_dispose_mapping(irq_find_mapping(rig->interrupts, line));
	irq_domain_remove(rig->interrupts);
}
