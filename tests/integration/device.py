# SPDX-License-Identifier: GPL-2.0-or-later
"""The character device, driven straight from Python by its documented ABI."""
import ctypes
import fcntl
import glob
import os
import select
import struct

MAGIC = 0xBD
RECORD = struct.Struct("=QQII40s")
FLOW = struct.Struct("=qqiiIHHQ")
STATE = struct.Struct("=qqIIIIiI")
TYPE_STATE, TYPE_FLOW, TYPE_FAULT, TYPE_DROPPED = 1, 2, 3, 4
END_POSITION, START_AT = 1, 2
QUEUE_REPLACE, QUEUE_START_AT = 2, 4
CAUSE_END = 5
FAULT_OVER_PRESSURE, FAULT_HIGH_FLOW = 1 << 9, 1 << 10
LIMITS_WARN_FAULTS = 100


def _ioc(direction, number, size):
    return direction << 30 | size << 16 | MAGIC << 8 | number


def of_rig(label):
    """Path of the node of a rig's pump; None if there is none."""
    for path in glob.glob("/sys/class/nanodose/*/label"):
        with open(path) as file:
            if file.read().strip() == label:
                return "/dev/" + path.split("/")[-2]
    return None


class Device:
    """One open descriptor of /dev/nanodoseN."""

    def __init__(self, path):
        self.fd = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)

    def claim(self, label="test"):
        fcntl.ioctl(self.fd, _ioc(1, 0x03, 40), struct.pack("=32sII", label.encode(), 0, 0))

    def release(self):
        fcntl.ioctl(self.fd, _ioc(0, 0x04, 0))

    def subscribe(self, mask, ring=0, decimation=0):
        fcntl.ioctl(self.fd, _ioc(1, 0x02, 16), struct.pack("=IIII", mask, ring, decimation, 0))

    def run(self, rate_nhz, accel_nhz_s, hold_ns, end=None, start_ns=None):
        flags = (END_POSITION if end is not None else 0) | (START_AT if start_ns is not None else 0)
        fcntl.ioctl(self.fd, _ioc(1, 0x06, 64),
                    struct.pack("=qQQqQI5I", rate_nhz, accel_nhz_s, hold_ns, end or 0, start_ns or 0,
                                flags, 0, 0, 0, 0, 0))

    def stop(self, mode=0):
        fcntl.ioctl(self.fd, _ioc(1, 0x08, 16), struct.pack("=4I", mode, 0, 0, 0))

    def clear_faults(self, faults):
        fcntl.ioctl(self.fd, _ioc(1, 0x09, 16), struct.pack("=4I", faults, 0, 0, 0))

    def set_position(self, position):
        fcntl.ioctl(self.fd, _ioc(1, 0x0A, 16), struct.pack("=qQ", position, 0))

    def sensor(self, start, period_ns=0, medium=0):
        fcntl.ioctl(self.fd, _ioc(1, 0x0B, 32),
                    struct.pack("=IIQIIII", int(start), medium, period_ns, 0, 0, 0, 0))

    def warn_only(self, faults):
        """The limits as they are, but for these sensor faults, which only warn."""
        limits = bytearray(144)
        fcntl.ioctl(self.fd, _ioc(2, 0x0C, 144), limits)
        struct.pack_into("=I", limits, LIMITS_WARN_FAULTS, faults)
        fcntl.ioctl(self.fd, _ioc(1, 0x05, 144), limits)

    def queue(self, segments, accel_nhz_s, hold_ns, flags=0, start_ns=0):
        """A list of (steps, v0_nhz, v1_nhz)."""
        self.segments = ctypes.create_string_buffer(b"".join(struct.pack("=qQQ", *segment) for segment in segments))
        fcntl.ioctl(self.fd, _ioc(3, 0x07, 64),
                    struct.pack("=QQQQIIII4I", ctypes.addressof(self.segments), hold_ns, accel_nhz_s, start_ns,
                                len(segments), flags, 0, 0, 0, 0, 0, 0))

    def position(self):
        return struct.unpack_from("=q", self.status_bytes(), 8)[0]

    def status_bytes(self):
        buffer = bytearray(200)
        fcntl.ioctl(self.fd, _ioc(2, 0x01, 200), buffer)
        return bytes(buffer)

    def records(self):
        """All that wait: (time_ns, sequence, type, payload bytes)."""
        found = []
        while True:
            try:
                data = os.read(self.fd, 64 * 256)
            except BlockingIOError:
                return found
            for time_ns, sequence, kind, _, payload in RECORD.iter_unpack(data):
                found.append((time_ns, sequence, kind, payload))

    def wait(self, timeout_s):
        poll = select.poll()
        poll.register(self.fd, select.POLLIN | select.POLLPRI)
        return poll.poll(timeout_s * 1000)

    def close(self):
        os.close(self.fd)
