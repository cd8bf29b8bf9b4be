#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
# vm: --rig rig0 --rig rig1
"""The engine's motion by the rig's edges: times, counts, directions, stops.

Expected times are worked out here with exact fractions. The virtual machine's
clock has a grain of 256 ns and a timer fires up to one grain after its time,
so an edge may be that much late; never early beyond the grain.
"""
import errno
import struct
import time
from fractions import Fraction
from math import isqrt

from device import STATE, TYPE_FAULT, TYPE_STATE, Device
from rig import DIR, STEP, Edges, check, end, fault, note, truth, wait_until

HZ = 10**9
GRAIN_NS = 256
LATE_NS = 3 * GRAIN_NS
SETUP_NS = 1000
PULSE_NS = 2000
CAUSE_RUN, CAUSE_STOP, CAUSE_END, CAUSE_REST = 3, 4, 5, 6
REST, ARMED, RAMP, CRUISE, STOPPING = range(5)
SILENT, ESTOP, LIMIT_PLUS, LIMIT_MINUS = 1, 8, 16, 32
FAULT = struct.Struct("=qqqIIQ")
STATUS = struct.Struct("=QqqqqQQQQqiiQIIII")

device = Device("/dev/nanodose0")
device.claim()
edges = Edges("rig0")


def status():
    values = STATUS.unpack(device.status_bytes()[:STATUS.size])
    names = ("time_ns position rate_nhz target_rate_nhz end_position hold_until_ns steps_total late_max_ns "
             "flow_time_ns flow_pl_min temperature_mdegc pressure_pa sequence state flags faults bus_errors")
    return dict(zip(names.split(), values))


def at_rest():
    return status()["state"] == REST


def records():
    """What the device told since the last call: (time_ns, type, fields)."""
    found = []
    for time_ns, _, kind, payload in device.records():
        if kind == TYPE_STATE:
            position, rate, state, flags, faults, cause, pid, _ = STATE.unpack(payload)
            found.append((time_ns, "state", {"position": position, "rate": rate, "state": state, "cause": cause,
                                             "faults": faults, "pid": pid}))
        elif kind == TYPE_FAULT:
            position, rate, value, bit, faults, _ = FAULT.unpack(payload)
            found.append((time_ns, "fault", {"position": position, "rate": rate, "value": value, "fault": bit}))
    return found


def causes(found):
    return [fields["cause"] if kind == "state" else -fields["fault"] for _, kind, fields in found]


def fresh_edges():
    """Forgets what was; returns the count of all rises before."""
    edges.collect()
    edges.all.clear()
    records()


def settle(timeout_s=30):
    done = wait_until(at_rest, timeout_s)
    edges.collect()
    return done


def refused(number, *arguments, **keywords):
    try:
        device.run(*arguments, **keywords)
    except OSError as error:
        return error.errno == number or error.errno
    return "accepted"


def ramp_ns(v0, v1, steps, n):
    """Time of step n by the definition: v squared is linear in the steps."""
    square = Fraction(v0) ** 2 + Fraction(n, steps) * (Fraction(v1) ** 2 - Fraction(v0) ** 2)
    scale = 10**12
    root = Fraction(isqrt(int(square * scale * scale)), scale) if n < steps else Fraction(v1)
    return 2 * n / (v0 + root) * 10**9


def lateness(rises, expected, start):
    """Smallest and largest difference between edges and expected times."""
    late = [float(t - start - e) for t, e in zip(rises, expected)]
    return min(late), max(late)


# A move with an end: up, cruise, down, each step on time.
position = status()["position"]
fresh_edges()
device.run(1000 * HZ, 10000 * HZ, 10 * HZ, end=position + 1000)
check("a move with an end comes to rest", settle())
rises = edges.rises()
found = records()
begin = found[0][0]
check("it makes exactly its steps", len(rises) == 1000 and status()["position"] == position + 1000, len(rises))
check("it is told by RUN and END", causes(found) == [CAUSE_RUN, CAUSE_END], found)
up = [ramp_ns(0, 1000, 50, n) for n in range(1, 51)]
flat = [up[-1] + n * 10**6 for n in range(1, 901)]
down = [flat[-1] + ramp_ns(1000, 0, 50, n) for n in range(1, 51)]
low, high = lateness(rises, up + flat + down, begin)
note(f"edges against exact times: {low:.0f} to {high:.0f} ns")
check("each edge is at its exact time within the clock's grain", -GRAIN_NS <= low and high <= LATE_NS, (low, high))
falls = [t for t, line, value in edges.all if line == STEP and not value]
widths = [b - a for a, b in zip(rises, falls)]
check("no pulse is shorter than configured", min(widths) >= PULSE_NS - GRAIN_NS, min(widths))

# Back, with the direction changed.
fresh_edges()
device.run(-1000 * HZ, 10000 * HZ, 10 * HZ, end=position)
settle()
turns = [(t, value) for t, line, value in edges.all if line == DIR]
rises = edges.rises()
check("the way back makes the same steps", len(rises) == 1000 and status()["position"] == position, len(rises))
check("DIR changes once, and before the first step by its set-up time",
      len(turns) == 1 and rises[0] - turns[0][0] >= SETUP_NS - GRAIN_NS, (turns, rises[:1]))

# Reversal under way.
fresh_edges()
device.run(2000 * HZ, 8000 * HZ, 10 * HZ)
wait_until(lambda: status()["position"] >= position + 1000, 10)
device.run(-2000 * HZ, 8000 * HZ, 10 * HZ, end=position)
settle()
turns = [(t, value) for t, line, value in edges.all if line == DIR]
rises = edges.rises()
check("a reversal ends where asked", status()["position"] == position, status())
last = [t for t in rises if t < turns[-1][0]][-1]
first = [t for t in rises if t > turns[-1][0]][0]
check("a reversal goes through rest: slow steps before and after the turn",
      last - rises[rises.index(last) - 1] > 5e6 and first - last > 5e6, (last, first))
check("DIR is kept after the last step and set up before the next",
      turns[-1][0] - last >= SETUP_NS and first - turns[-1][0] >= SETUP_NS - GRAIN_NS, (last, turns[-1], first))

# A silent owner.
fresh_edges()
device.run(4000 * HZ, 40000 * HZ, 300_000_000)
settle()
found = records()
stopped = edges.rises()[-1] - found[0][0]
check("a silent owner's pump rests after the hold and the ramp",
      300_000_000 < stopped <= 300_000_000 + 100_000_000 + 2_000_000, stopped)
check("it is told as RUN, OWNER_SILENT, REST", causes(found) == [CAUSE_RUN, -SILENT, CAUSE_REST], found)
check("the fault tells the hold", found[1][2]["value"] == 300_000_000 and found[1][2]["rate"] == 4000 * HZ, found[1])
check("with a fault latched RUN is refused", refused(errno.EPIPE, 100 * HZ, 1000 * HZ, HZ) is True)
device.clear_faults(SILENT)
check("it is accepted once cleared", refused(0, 100 * HZ, 1000 * HZ, HZ) == "accepted")
device.stop(1)

# Refreshed with a changing rate: what is made is the integral of what was asked.
for low_hz, high_hz, period_s, seconds in ((15.2, 15.6, 0.02, 60), (0.5, 1.5, 0.002, 20), (300, 900, 0.005, 10)):
    settle()
    fresh_edges()
    origin = status()["position"]
    asked = []
    rate = low_hz
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        rate = low_hz + (rate - low_hz + 0.37 * (high_hz - low_hz)) % (high_hz - low_hz)
        device.run(int(rate * HZ), 2_000_000 * HZ // 2, HZ)
        asked.append((status(), rate))
        time.sleep(period_s)
    device.stop(1)
    ended = status()
    times = [s["time_ns"] for s, _ in asked] + [ended["time_ns"]]
    integral = sum(rate * (b - a) / 1e9 for (_, rate), a, b in zip(asked, times, times[1:]))
    moved = ended["position"] - origin
    check(f"{len(asked)} changes of rate between {low_hz} and {high_hz} steps/s make the integral of the rate",
          abs(moved - integral) <= 1 + 1e-5 * integral, (moved, integral))
    check("one RUN record, not one for each refresh", causes(records()).count(CAUSE_RUN) == 1)

# Stops.
fresh_edges()
device.run(5000 * HZ, 20000 * HZ, 10 * HZ)
origin = status()["position"]
wait_until(lambda: status()["position"] >= origin + 2000, 10)
device.stop(1)
after = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
time.sleep(0.1)
edges.collect()
check("STOP now: no step after it returns", edges.rises()[-1] < after and at_rest())
check("STOP now is told by one record at rest", causes(records()) == [CAUSE_RUN, CAUSE_STOP])
fresh_edges()
device.run(5000 * HZ, 20000 * HZ, 10 * HZ)
origin = status()["position"]
wait_until(lambda: status()["position"] >= origin + 2000, 10)
before = status()
device.stop(0)
settle()
found = records()
rises = edges.rises()
gaps = [b - a for a, b in zip(rises, rises[1:])]
check("STOP ramps down over the way that its acceleration takes",
      625 <= status()["position"] - before["position"] <= 628, status()["position"] - before["position"])
check("its steps come slower and slower",
      all(b >= a - 2 * LATE_NS for a, b in zip(gaps[-600:], gaps[-599:])))
check("it is told when asked and when at rest",
      causes(found) == [CAUSE_RUN, CAUSE_STOP, CAUSE_REST] and found[1][2]["state"] == STOPPING
      and found[2][2]["state"] == REST, found)

# Refusals leave the motion as it is.
fresh_edges()
device.run(2000 * HZ, 2000 * HZ, 10 * HZ)
wait_until(lambda: status()["rate_nhz"] == 2000 * HZ, 10)
here = status()["position"]
check("an end nearer than the way to stop is refused", refused(errno.EDOM, 2000 * HZ, 2000 * HZ, HZ, end=here + 500) is True)
check("an end behind is refused", refused(errno.EINVAL, 2000 * HZ, 2000 * HZ, HZ, end=here - 5) is True)
check("a rate beyond the maximum is refused", refused(errno.EDOM, 40001 * HZ, 2000 * HZ, HZ) is True)
check("no acceleration is refused", refused(errno.EINVAL, 100 * HZ, 0, HZ) is True)
check("no hold is refused", refused(errno.EINVAL, 100 * HZ, 2000 * HZ, 0) is True)
check("a hold beyond the maximum is refused", refused(errno.EDOM, 100 * HZ, 2000 * HZ, 11 * HZ) is True)
check("a start time while moving is refused",
      refused(errno.EINVAL, 2000 * HZ, 2000 * HZ, HZ, start_ns=status()["time_ns"] + HZ) is True)
now = status()
check("none of them changed the motion",
      now["rate_nhz"] == 2000 * HZ and now["target_rate_nhz"] == 2000 * HZ and now["state"] == CRUISE, now)
device.stop(1)

# Slow rates: react at once, stop at once.
settle()
fresh_edges()
device.run(HZ // 100, 1000 * HZ, 10 * HZ)
time.sleep(5)
check("a step that takes 100 s is not made after 5 s", not edges.collect())
device.run(10 * HZ, 1000 * HZ, 10 * HZ)
began = status()["time_ns"]
time.sleep(1)
rises = edges.collect()
check("a faster rate takes over what was done of the slow step",
      len(rises) == 10 and abs(rises[0] - began - 95_000_000) < 100_000, [t - began for t in rises])
device.run(HZ // 100, 1000 * HZ, 10 * HZ)
device.stop(0)
check("a slow axis stops at once", at_rest())

# Start times: two pumps together.
other = Device("/dev/nanodose1")
other.claim()
other_edges = Edges("rig1")
fresh_edges()
start = status()["time_ns"] + 2 * HZ
device.run(1234 * HZ, 50000 * HZ, HZ, start_ns=start)
other.run(1234 * HZ, 50000 * HZ, HZ, start_ns=start)
check("with a start time it is armed", status()["state"] == ARMED)
wait_until(lambda: status()["time_ns"] > start + HZ // 2, 10)
one, two = edges.collect(), other_edges.collect()
first = ramp_ns(0, 1234, 16, 1)
check("the first step is due after the start time by the ramp",
      -GRAIN_NS <= float(one[0] - start - first) <= LATE_NS, float(one[0] - start - first))
check("two pumps with one start time step together within 1 us", abs(one[0] - two[0]) <= 1000, (one[0], two[0]))
device.stop(1)
other.stop(1)
fresh_edges()
device.run(100 * HZ, 1000 * HZ, HZ, start_ns=status()["time_ns"] + HZ)
device.stop(0)
time.sleep(2)
check("STOP while armed: no step at all", at_rest() and not edges.collect())
check("a start time in the past is refused",
      refused(errno.EDOM, 100 * HZ, 1000 * HZ, HZ, start_ns=status()["time_ns"] - 1) is True)

# End switches stop one direction only.
fresh_edges()
device.run(1000 * HZ, 10000 * HZ, 10 * HZ)
wait_until(lambda: len(edges.collect()) > 200, 10)
fault("rig0", "limit", 1)
pressed = status()["time_ns"]
time.sleep(0.5)
found = records()
check("the plus end switch stops the motion at once",
      edges.collect()[-1] < pressed and -LIMIT_PLUS in causes(found), (causes(found), edges.rises()[-1], pressed))
check("towards the switch is refused even with the fault cleared",
      device.clear_faults(LIMIT_PLUS) is None and refused(errno.EPIPE, 100 * HZ, 1000 * HZ, HZ) is True)
check("away from it is allowed", refused(0, -100 * HZ, 1000 * HZ, HZ) == "accepted")
time.sleep(0.5)
check("and moves", len(edges.collect()) > 10 and not status()["faults"])
device.stop(1)
fault("rig0", "limit", 0)

# Emergency stop.
fresh_edges()
device.run(1000 * HZ, 10000 * HZ, 10 * HZ)
wait_until(lambda: len(edges.collect()) > 200, 10)
fault("rig0", "estop", 1)
pressed = status()["time_ns"]
time.sleep(0.5)
check("no step comes after the emergency stop", edges.collect()[-1] < pressed)
try:
    device.clear_faults(ESTOP)
    cleared = "cleared"
except OSError as error:
    cleared = error.errno
check("its fault cannot be cleared while it is pressed", cleared == errno.EPIPE, cleared)
fault("rig0", "estop", 0)
device.clear_faults(ESTOP)
check("released and cleared, it moves again", refused(0, 100 * HZ, 1000 * HZ, HZ) == "accepted")
device.stop(1)

note(f"largest lateness {status()['late_max_ns']} ns")
check("the driver found no step later than 1 ms", status()["late_max_ns"] < 1_000_000, status()["late_max_ns"])
check("no edge was lost on the way to this test", edges.lost == 0, edges.lost)
check("the rig and the driver count the same steps", truth("rig0", "steps") == status()["position"] - position,
      (truth("rig0", "steps"), status()["position"]))
end()
