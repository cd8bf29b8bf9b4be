#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
# vm: --rig both:step_both_edges=1 --rig wide:pulse_width_ns=20000,dir_setup_ns=50000,dir_hold_ns=90000,max_step_rate_hz=20000 --rig narrow:pulse_width_ns=300,dir_setup_ns=0
"""What the board says of the lines is kept to: pulses and both edges, set-up and
hold; and what it cannot mean is refused with its name."""
import os
import subprocess

from device import Device, of_rig
from exact import HZ, Lines, lateness, list_ns
from rig import Edges, check, end, note, truth, wait_until

GRAIN_NS = 512
LATE_NS = 3 * 256
CONFIG = "/sys/kernel/config/nanodose-sim"


def moves(name, device, lines, rate, accel, way):
    """There and back: exact in count and time, on either kind of line."""
    begin = truth(name, "steps")
    ramp = rate * rate // (2 * accel)
    expected = list_ns([(ramp, 0, rate * HZ), (way - 2 * ramp, rate * HZ, rate * HZ), (ramp, rate * HZ, 0)])
    for sign in (1, -1):
        lines.forget()
        device.records()
        device.set_position(0)
        device.run(sign * rate * HZ, accel * HZ, 10 * HZ, end=sign * way)
        check(f"{name}: the move ends, {sign * way} steps at {rate} steps/s", wait_until(lambda: device.position() == sign * way, 10))
        steps = lines.steps()
        start = device.records()[0][0]
        check(f"{name}: so many steps by the rig, and by the edges",
              len(steps) == way and truth(name, "steps") - begin == (way if sign > 0 else 0), (len(steps), truth(name, "steps")))
        if sign > 0:
            low, high = lateness(steps, expected, start)
            check(f"{name}: each at its exact time within the clock's grain", low >= -GRAIN_NS and high <= LATE_NS, (low, high))


def turns(name, device, lines):
    """Ten reversals at full rate and a slow one, then STOP now in the middle of all."""
    begin = truth(name, "steps") - device.position()
    for turn in range(10):
        device.run((-1) ** turn * 5000 * HZ, 500000 * HZ, 10 * HZ)
        was = device.position()
        wait_until(lambda: abs(device.position() - was) > 200, 5)
    device.run(3 * HZ, 500000 * HZ, 10 * HZ)
    wait_until(lambda: len(lines.steps()) > 2600, 2)
    device.stop(1)
    check(f"{name}: through ten turns the rig counts what the driver counts",
          truth(name, "steps") - begin == device.position(), (truth(name, "steps") - begin, device.position()))


settings = {
    "both": {"both_edges": True, "setup_ns": 1000, "hold_ns": 1000, "pulse_ns": 2000},
    "wide": {"pulse_ns": 20000, "setup_ns": 50000, "hold_ns": 90000},
    "narrow": {"pulse_ns": 300, "setup_ns": 0, "hold_ns": 0},
}
pumps = {}
for rig, keywords in settings.items():
    pump = Device(of_rig(rig))
    pump.claim()
    pumps[rig] = pump, Lines(Edges(rig), **keywords)
for rig, (pump, seen) in pumps.items():
    moves(rig, pump, seen, 1000, 10000, 1001)
    moves(rig, pump, seen, 20000, 400000, 4001)
    turns(rig, pump, seen)
    note(f"{rig}: shortest seen {seen.seen}")
    check(f"{rig}: no pulse, pause, set-up or hold is shorter than configured",
          None not in seen.seen.values() and not seen.too_short(256), (seen.seen, seen.least))

# With both edges the level is the count's parity: letting go and taking over makes no step.
pump, seen = pumps["both"]
if not any(line == 0 for _, line, _ in seen.edges.all) or seen.edges.all[-1][2] == 0:
    pump.set_position(0)
    pump.run(1000 * HZ, 10000 * HZ, HZ, end=1)
    wait_until(lambda: pump.position() == 1, 5)
with open("/sys/kernel/debug/gpio") as file:
    table = file.read().split("nanodose-sim-both")[1]
high = "out hi" in [line for line in table.splitlines() if "|step" in line][0]
check("both: STEP is left high by an odd number of steps", high, table)
before = truth("both", "steps")
node = os.path.basename(of_rig("both"))
bound = os.path.basename(os.readlink(f"/sys/class/nanodose/{node}/device"))
pump.close()
seen.forget()
for action in ("unbind", "bind"):
    with open(f"/sys/bus/platform/drivers/nanodose/{action}", "w") as file:
        file.write(bound)
check("both: unbind and bind make no step", truth("both", "steps") == before and not seen.steps(), seen.edges.all)
again = Device(of_rig("both"))
again.claim()
again.run(1000 * HZ, 10000 * HZ, HZ, end=1)
check("both: and the next step is one step", wait_until(lambda: again.position() == 1, 5) and
      truth("both", "steps") == before + 1 and len(seen.steps()) == 1, (truth("both", "steps"), before))

# What cannot be meant is refused by name, and no pump appears.
for parameter, value, words in (("pulse_width_ns", 99, "pulse-width-ns: 99, must be from 100 to 100000"),
                                ("pulse_width_ns", 100001, "pulse-width-ns: 100001, must be"),
                                ("pulse_width_ns", 10938, "pulse-width-ns: 10938 leaves STEP no time"),
                                ("dir_setup_ns", 1000001, "dir-setup-ns: 1000001, must be from 0 to 1000000"),
                                ("dir_hold_ns", 1000001, "dir-hold-ns: 1000001, must be from 0 to 1000000"),
                                ("max_step_rate_hz", 200001, "max-step-rate-hz: 200001, must be from 1 to 200000")):
    os.mkdir(f"{CONFIG}/wrong")
    with open(f"{CONFIG}/wrong/{parameter}", "w") as file:
        file.write(str(value))
    subprocess.run(["dmesg", "--clear"], check=True)
    with open(f"{CONFIG}/wrong/live", "w") as file:
        file.write("1")
    log = subprocess.run(["dmesg"], capture_output=True, text=True, check=True).stdout
    check(f"{parameter} {value} is refused with its name and range", words in log and not of_rig("wrong"), log)
    os.rmdir(f"{CONFIG}/wrong")
for rig, (pump, seen) in pumps.items():
    check(f"{rig}: no edge was lost on the way to this test", seen.edges.lost == 0, seen.edges.lost)
end()
