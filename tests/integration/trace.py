#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
# vm: --rig rig0
"""Tracepoints, read through tracefs, and the counters in debugfs, against what
the rig and the records say of the same motion."""
import os
import re
import struct

from device import FLOW, STATE, TYPE_DROPPED, TYPE_FAULT, TYPE_FLOW, TYPE_STATE, Device
from exact import HZ
from rig import check, end, fault, truth, wait_until

TRACING = "/sys/kernel/debug/tracing"
COUNTERS = "/sys/kernel/debug/nanodose/nanodose0"
ESTOP = 8
LINE = re.compile(r" nanodose_(\w+): (nanodose\d+) (.*)")


def write(path, text):
    with open(f"{TRACING}/{path}", "w") as file:
        file.write(text)


def trace():
    """What was traced since the last call: (event, device, fields as numbers)."""
    with open(f"{TRACING}/trace") as file:
        lines = [LINE.search(line) for line in file if not line.startswith("#")]
    write("trace", "")
    return [(line.group(1), line.group(2), {key: int(value, 0) for key, value in
             (field.split("=") for field in line.group(3).split())}) for line in lines if line]


def of(events, name):
    return [fields for event, _, fields in events if event == name]


def counters():
    found = {}
    for name in os.listdir(COUNTERS):
        with open(f"{COUNTERS}/{name}") as file:
            found[name] = int(file.read())
    return found


def gained(before):
    return {name: value - before[name] for name, value in counters().items()}


device = Device("/dev/nanodose0")
device.claim()
events = sorted(name for name in os.listdir(f"{TRACING}/events/nanodose") if name.startswith("nanodose_"))
check("there are tracepoints for segment, late step, fault and flow sample",
      events == ["nanodose_fault", "nanodose_flow", "nanodose_late_step", "nanodose_segment"], events)
write("events/nanodose/enable", "1")
check("all counters begin at zero", set(counters().values()) == {0}, counters())

# A move: 1000 steps/s at 10000 steps/s^2 is 50 steps up, 50 down.
trace()
before = counters()
device.run(1000 * HZ, 10000 * HZ, 10 * HZ, end=1000)
wait_until(lambda: device.position() == 1000, 10)
found = trace()
begin = [t for t, _, kind, payload in device.records() if kind == TYPE_STATE and STATE.unpack(payload)[5] == 3][0]
check("a move is three segments: up, along, down, with their steps and rates",
      [(s["position"], s["direction"], s["steps"], s["start_rate_nhz"], s["end_rate_nhz"]) for s in of(found, "segment")] ==
      [(0, 1, 50, 0, 1000 * HZ), (50, 1, 900, 1000 * HZ, 1000 * HZ), (950, 1, 50, 1000 * HZ, 0)], found)
starts = [s["t0_ns"] for s in of(found, "segment")]
check("they begin 100 ms and 1 s after the motion does", starts[1] - starts[0] - 100_000_000 in range(0, 5000)
      and starts[2] - starts[1] == 900_000_000 and starts[0] - begin in range(-1000, 5000), (starts, begin))
check("nothing else is traced, all of it for this pump", len(found) == 3 and {e[1] for e in found} == {"nanodose0"}, found)
gain = gained(before)
check("the counters agree with the rig", gain["steps"] == 1000 == truth("rig0", "steps") and gain["segments"] == 3
      and gain["late_steps"] == 0, gain)
check("two interrupts a step, for its edges, and few more", 2000 <= gain["interrupts"] <= 2010, gain)

# Without an end, from an open segment into a fault.
trace()
device.run(-1000 * HZ, 10000 * HZ, 10 * HZ)
wait_until(lambda: device.position() < 800, 10)
check("a motion without an end is a segment without one", of(trace(), "segment")[-1]["steps"] == -1)

# A processor that takes no interrupt for 3 ms delays three steps; the rest catch up.
before = counters()
fault("rig0", "latency_us", 3000)
wait_until(lambda: device.position() < 700, 10)
late = of(trace(), "late_step")
gain = gained(before)
check("steps that hold up the next are traced, each less late than the one before",
      late and len(late) == gain["late_steps"] and 2_000_000 < late[0]["late_ns"] < 3_100_000
      and all(a["late_ns"] > b["late_ns"] for a, b in zip(late, late[1:])), late)
check("by an eighth of a step each, as each is made up", len(late) in range(15, 26), len(late))
check("the latest is counted", gain["late_max_ns"] + before["late_max_ns"] == late[0]["late_ns"], (gain, late[:1]))

fault("rig0", "estop", 1)
fault("rig0", "estop", 0)
found = of(trace(), "fault")
record = [struct.unpack("=qqqIIQ", payload) for _, _, kind, payload in device.records() if kind == TYPE_FAULT]
check("a fault is traced as it is recorded", len(found) == len(record) == 1 and
      [found[0][name] for name in ("position", "rate_nhz", "value", "fault", "faults")] == list(record[0][:5])
      and found[0]["fault"] == ESTOP, (found, record))
device.clear_faults(ESTOP)

# Flow samples, one for each record, bad ones included.
trace()
before = counters()
device.sensor(True, 10_000_000)
wait_until(lambda: gained(before)["flow_samples"] >= 20, 5)
fault("rig0", "crc", 1)
wait_until(lambda: gained(before)["flow_samples"] >= 25, 5)
device.sensor(False)
fault("rig0", "crc", 0)
found = of(trace(), "flow")
names = ("position", "flow_pl_min", "temperature_mdegc", "pressure_pa", "bus_errors", "sensor_flags", "valid")
records = [dict(zip(names, FLOW.unpack(payload)), time_ns=t) for t, _, kind, payload in device.records() if kind == TYPE_FLOW]
check("each flow sample is traced as it is recorded, good or bad", found == records and len(records) >= 25 and
      {r["valid"] for r in records} == {2, 3}, (found[:2], records[:2], len(found), len(records)))
check("and counted", gained(before)["flow_samples"] == len(records), (gained(before), len(records)))

# Records that a full ring loses.
device.subscribe(1 << TYPE_STATE, 64)
device.records()
before = counters()
for _ in range(100):
    device.set_position(0)
dropped = [struct.unpack_from("=QQ", payload)[1] for _, _, kind, payload in device.records() if kind == TYPE_DROPPED]
check("what a full ring loses is counted", gained(before)["records_lost"] == 36 and dropped == [36], (gained(before), dropped))

write("events/nanodose/enable", "0")
with open("/sys/bus/platform/drivers/nanodose/unbind", "w") as file:
    file.write(os.path.basename(os.readlink("/sys/class/nanodose/nanodose0/device")))
check("the counters go with the pump", not os.path.exists(COUNTERS))
end()
