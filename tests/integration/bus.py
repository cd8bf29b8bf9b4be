#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
# vm: --rig rig0
"""A bus in trouble: a sensor that holds the clock, for a while or for good. What can be read is read; what cannot is a lost
sensor, never a zero, and the pump is let down gently."""
import json
import time

from device import FLOW, TYPE_FLOW, Device, of_rig
from exact import HZ
from rig import Edges, check, end, fault, fresh, nanodose, now_ns, start, steps_moved, wait_until, write_protocol

PERIOD_NS = 20_000_000
PROTOCOL = write_protocol("bus.yaml", """\
nanodose: 1
name: A bus in trouble
channels:
  line: {pump: rig0, syringe: BD Plastipak 1 mL, loaded: 900 uL, fluid: water}
steps:
  - infuse: {channel: line, volume: 100 uL, rate: 300 uL/min}
""")


def readings(device, seconds):
    """(good, bad) frames of so many seconds."""
    device.records()
    time.sleep(seconds)
    found = [FLOW.unpack(payload)[5:7] for _, _, kind, payload in device.records() if kind == TYPE_FLOW]
    return sum(valid & 1 for _, valid in found), sum(not valid & 1 for _, valid in found)


pump = Device(of_rig("rig0"))
pump.claim()
pump.sensor(True, PERIOD_NS)
time.sleep(0.2)
good, bad = readings(pump, 1)
check("each frame of a second is read", good in (49, 50, 51) and bad == 0, (good, bad))
fault("rig0", "stretch_us", 5000)
good, bad = readings(pump, 1)
check("a sensor that holds the clock for 5 ms is waited for: no frame is lost", good in (49, 50, 51) and bad == 0, (good, bad))
fault("rig0", "stretch_us", 15000)
good, bad = readings(pump, 1)
check("for 15 ms too", good in (49, 50, 51) and bad == 0, (good, bad))
fault("rig0", "stretch_us", 30000)
time.sleep(0.1)
good, bad = readings(pump, 1)
check("longer than the controller waits, there is no reading, and none is made up", good == 0 and bad >= 20, (good, bad))
fault("rig0", "stretch_us", 0)
good, bad = readings(pump, 1)
check("let go, it is as before", good in (48, 49, 50, 51) and bad <= 2, (good, bad))
fault("rig0", "lockup", 1)
begin = now_ns()
pump.sensor(False)
check("the sensor of a bus that is locked up can be stopped, in a time", now_ns() - begin < 500_000_000, now_ns() - begin)
try:
    pump.sensor(True, PERIOD_NS)
    refused = None
except OSError as error:
    refused = error
check("and not be started: the error says so", refused is not None, refused)
fault("rig0", "lockup", 0)
pump.sensor(True, PERIOD_NS)
time.sleep(0.2)
check("free again, it starts", readings(pump, 1)[0] >= 48)
pump.close()

process, edges = start("run", PROTOCOL, "--record", fresh("bus.db"), "--headless", "--json"), Edges("rig0")
check("a dose is under way", wait_until(steps_moved("rig0", 4000), 30))
fault("rig0", "lockup", 1)
locked_ns = now_ns()
out, err = process.communicate()
edges.collect()
rises = edges.rises()
gaps = [b - a for a, b in zip(rises, rises[1:])]
check("the bus locks up in mid-dose: status 3, and the sensor is named", process.returncode == 3 and "flow sensor lost" in err,
      (process.returncode, err))
check("the pump comes down by a ramp, within a second and a half", rises[-1] - locked_ns < 1_500_000_000 and gaps[-1] > 2 * min(gaps),
      (rises[-1] - locked_ns, gaps[-4:]))
fault("rig0", "lockup", 0)
check("no fault is left for the next run to stumble over",
      nanodose("run", PROTOCOL, "--record", fresh("bus2.db"), "--headless")[0] == 0,
      json.loads(nanodose("info", "rig0", "--json")[1])["status"])
end()
