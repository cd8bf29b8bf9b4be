# SPDX-License-Identifier: GPL-2.0-or-later
"""The part of arm64.py that runs in the machine."""
import errno
import math
import os
import struct
import sys
import time

from device import RECORD, TYPE_FAULT, Device, of_rig
from exact import HZ
from rig import check, end, nanodose, note, run_protocol, truth, wait_until

STEP_UL = math.pi / 4 * 4.699 ** 2 * 1.0 / 3200     # BD Plastipak 1 mL, 1 mm a turn
DOSE = """\
nanodose: 1
name: The first dose, in short
channels:
  line: {pump: rig, syringe: BD Plastipak 1 mL, loaded: 100 uL, fluid: water}
steps:
  - infuse: {channel: line, volume: 5 uL, rate: 120 uL/min}
  - hold: 1 s
  - infuse: {channel: line, volume: 2 uL, rate: 300 uL/min}
"""
# Places in struct nanodose_status
STEPS_AT, LATE_AT, STATE_AT, FAULTS_AT = 48, 56, 96, 104
DRIVER = "/sys/bus/platform/drivers/nanodose"


def state(device):
    return struct.unpack_from("=I", device.status_bytes(), STATE_AT)[0]


def steps_total(device):
    return struct.unpack_from("=Q", device.status_bytes(), STEPS_AT)[0]


def at_rest(device):
    return wait_until(lambda: state(device) == 0, 20, 0.05)


def open_board():
    device = Device(of_rig("board"))
    device.claim()
    return device


def faults(device):
    return struct.unpack_from("=I", device.status_bytes(), FAULTS_AT)[0]


def moves():
    """With ends of their own: the same edges each time."""
    device = open_board()
    check("the board's pump is at rest, and has made no step", state(device) == 0 and steps_total(device) == 0)
    for rate, accel, end_at in ((1000, 10000, 1000), (5000, 200000, 500), (300, 1000, 600)):
        device.run(rate * HZ if end_at > device.position() else -rate * HZ, accel * HZ, 10 * HZ, end=end_at)
        check(f"it goes to {end_at} at {rate} steps/s", at_rest(device) and device.position() == end_at, device.position())
    device.queue([(200, 0, 2000 * HZ), (300, 2000 * HZ, 2000 * HZ), (200, 2000 * HZ, 0)], 100000 * HZ, 10 * HZ)
    check("it goes through a queue", at_rest(device) and not faults(device))
    late_ns = struct.unpack_from("=Q", device.status_bytes(), LATE_AT)[0]
    note(f"the latest step of all was {late_ns} ns late")
    note(f"counted {steps_total(device)} steps, at {device.position()}")
    device.close()


def to_the_end(device):
    """The records of one that is gone: (type, payload)."""
    while True:
        try:
            data = os.read(device.fd, 64 * 256)
        except OSError as error:
            assert error.errno == errno.ENODEV
            return
        yield from ((kind, payload) for _, _, kind, _, payload in RECORD.iter_unpack(data))


def unbound(device):
    """Goes away in mid-motion, and comes back: steps before, where it was, and the new one."""
    name = os.path.basename(of_rig("board"))
    bound = os.path.basename(os.readlink(f"/sys/class/nanodose/{name}/device"))
    device.run(2000 * HZ, 20000 * HZ, 10 * HZ)
    time.sleep(0.2)
    total, place = steps_total(device), device.position()
    with open(f"{DRIVER}/unbind", "w", encoding="ascii") as file:
        file.write(bound)
    # The fault's record tells where it was when the driver let go.
    last = [struct.unpack_from("=q", payload)[0] for kind, payload in to_the_end(device) if kind == TYPE_FAULT][-1]
    check("unbound in mid-motion it tells where it was", last >= place, (last, place))
    device.close()
    with open(f"{DRIVER}/bind", "w", encoding="ascii") as file:
        file.write(bound)
    device = open_board()
    check("bound again it has made no step", steps_total(device) == 0)
    device.run(-1000 * HZ, 20000 * HZ, 10 * HZ, end=-77)
    check("and goes as before", at_rest(device) and device.position() == -77, device.position())
    return total + last - place, last, device


def stops():
    """Whatever ends a motion: whoever asks, unbind, the emergency stop, sleep."""
    device = open_board()
    for mode, name in ((0, "by a ramp"), (1, "at once")):
        device.run(2000 * HZ, 20000 * HZ, 10 * HZ)
        was = device.position()
        wait_until(lambda was=was: device.position() > was + 300, 20, 0.02)
        device.stop(mode)
        check(f"it stops {name}", at_rest(device) and not faults(device))
    before, place, device = unbound(device)
    note("press")
    # The key is pressed from outside, which takes as long as it takes.
    while not faults(device):
        try:
            device.run(100 * HZ, 100000 * HZ, 10 * HZ)
        except BrokenPipeError:
            break
        time.sleep(1)
    check("the emergency stop is latched, and the pump is at rest", faults(device) & 8 and state(device) == 0, faults(device))
    # The key lets go by itself.
    time.sleep(1)
    device.clear_faults(faults(device))
    device.run(1000 * HZ, 20000 * HZ, 10 * HZ)
    time.sleep(0.2)
    # The board's clock wakes it. From then on no file can be read: the way to the host's is none that outlives a sleep.
    with open("/sys/class/rtc/rtc0/wakealarm", "w", encoding="ascii") as file:
        file.write("+2")
    with open("/sys/power/state", "w", encoding="ascii") as file:
        file.write("freeze")
    check("asleep in mid-motion it comes to rest, with its fault", at_rest(device) and faults(device) & 1 << 14, faults(device))
    device.clear_faults(faults(device))
    here = device.position()
    device.run(1000 * HZ, 20000 * HZ, 10 * HZ, end=here + 100)
    check("awake it goes as before", at_rest(device) and device.position() == here + 100, (device.position(), here, faults(device)))
    note(f"counted {before + steps_total(device)} steps, at {place + device.position()}")


def rig_by_tree():
    status, text, err = nanodose("info", "rig")
    check("the rig's pump has its lines, sensor and pressure by phandles", status == 0 and "home switch" in text and
          "SLF3S-0600F" in text and "pressure sensor" in text, text + err)
    with open("/tmp/dose.yaml", "w", encoding="ascii") as file:
        file.write(DOSE)
    status, summary, err = run_protocol("/tmp/dose.yaml", "/tmp/dose.db")
    check("the first dose runs to its end", status == 0 and summary and summary["status"] == "done", err)
    check("its step count is exact", truth("bench", "steps") == round(7 / STEP_UL), (truth("bench", "steps"), 7 / STEP_UL))
    delivered_ul = truth("bench", "outlet_volume_fl") * 1e-9
    check("the outlet delivered it within 0.5 %", abs(delivered_ul - 7) <= 0.005 * 7, delivered_ul)
    check("no step was missed", truth("bench", "missed_steps") == 0)


note(" ".join(os.uname()))
if sys.argv[1] == "stops":
    stops()
else:
    moves()
    rig_by_tree()
    check("the pump that waits for its sensor is not there", of_rig("waits") is None)
end()
