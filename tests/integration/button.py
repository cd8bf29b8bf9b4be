# SPDX-License-Identifier: GPL-2.0-or-later
"""Buttons, pedals and wheels for tests: the kernel's own uinput devices."""
import fcntl
import os
import struct
import subprocess

KEYS = {"KEY_STOP": 128, "KEY_PAUSE": 119, "KEY_Y": 21}
WHEELS = {"REL_DIAL": 7, "REL_WHEEL": 8}
EV_KEY, EV_REL = 1, 2
UI_DEV_CREATE, UI_DEV_DESTROY, UI_SET_EVBIT, UI_SET_KEYBIT = 0x5501, 0x5502, 0x40045564, 0x40045565
UI_DEV_SETUP, UI_SET_RELBIT = 0x405C5503, 0x40045566


class Button:
    """A device with keys."""

    def __init__(self, name, *keys, relative=None):
        self.fd = os.open("/dev/uinput", os.O_WRONLY)
        self.relative = relative
        if keys:
            fcntl.ioctl(self.fd, UI_SET_EVBIT, EV_KEY)
        for key in keys:
            fcntl.ioctl(self.fd, UI_SET_KEYBIT, KEYS[key])
        if relative:
            fcntl.ioctl(self.fd, UI_SET_EVBIT, EV_REL)
            fcntl.ioctl(self.fd, UI_SET_RELBIT, WHEELS[relative])
        fcntl.ioctl(self.fd, UI_DEV_SETUP, struct.pack("HHHH80sI", 3, 1, 1, 1, name.encode(), 0))
        fcntl.ioctl(self.fd, UI_DEV_CREATE)
        subprocess.run(["udevadm", "settle", "--timeout=30"], check=True)

    def send(self, kind, code, value):
        for event in ((kind, code, value), (0, 0, 0)):
            os.write(self.fd, struct.pack("llHHi", 0, 0, *event))

    def press(self, key):
        for value in (1, 0):
            self.send(EV_KEY, KEYS[key], value)

    def turn(self, by):
        self.send(EV_REL, WHEELS[self.relative], by)

    def unplug(self):
        fcntl.ioctl(self.fd, UI_DEV_DESTROY)
        os.close(self.fd)
