/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DEVICES_H
#define DEVICES_H

struct udev;

/* @take gets the node of each input device there is, "/dev/input/event3". */
void input_devices_each(struct udev *udev, void (*take)(void *data, const char *node), void *data);

#endif /* DEVICES_H */
