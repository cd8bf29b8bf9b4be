# SPDX-License-Identifier: GPL-2.0-or-later
"""The part of device_tree.py that runs in the machine with the good tree."""
import glob
import json
import os
import struct
import subprocess
import threading
import time

from device import Device, of_rig
from exact import HZ
from rig import Edges, check, end, fault, fresh, nanodose, start, truth, wait_until, write_protocol

ENABLE, SLEEP, HOME_BIT = 2, 8, 7


def users(supply):
    for path in glob.glob("/sys/class/regulator/*/name"):
        with open(path, encoding="ascii") as file:
            if file.read().strip() == supply:
                with open(os.path.join(os.path.dirname(path), "num_users"), encoding="ascii") as count:
                    return int(count.read())
    return None


def log():
    return subprocess.run(["dmesg"], capture_output=True, text=True, check=True).stdout


# ---- all that a pump can have -------------------------------------------------------------
status, text, err = nanodose("info", "all", "--json")
info = json.loads(text) if status == 0 else {}
check("the pump has all that its node names", {"enable", "emergency stop", "end of travel, dispensing", "end of travel, withdrawing",
                                               "flow sensor", "pressure sensor", "home switch"} <= set(info["info"]["features"]), text + err)
check("nothing has moved", truth("all", "steps") == 0)
on = {name: users(name) for name in ("motor", "logic", "supply-all")}
check("its supplies are on, and its sensor's", all(on.values()), on)

edges = Edges("all")
pump = Device(of_rig("all"))
pump.claim()
pump.run(1000 * HZ, 1000000 * HZ, 10 * HZ, end=100)
check("the first step waits until the motor driver is awake: none is missed", wait_until(lambda: pump.position() == 100, 10) and
      truth("all", "missed_steps") == 0 and truth("all", "steps") == 100, (truth("all", "missed_steps"), truth("all", "steps")))
edges.collect()
slept = [(at, level) for at, line, level in edges.all if line == SLEEP]
rises = edges.rises()
check("1.7 ms lie between nSLEEP and the first step", slept and slept[0][1] == 0 and rises[0] - slept[0][0] >= 1_700_000,
      (slept, rises[:1]))
pump.close()
time.sleep(0.1)
edges.collect()
check("given back, the motor driver sleeps again", [level for _, line, level in edges.all if line == SLEEP] == [0, 1] and
      [level for _, line, level in edges.all if line == ENABLE] == [1, 0], edges.all[-4:])

pump = Device(of_rig("all"))
pump.claim()
pump.run(20000 * HZ, 1000000 * HZ, 10 * HZ)
wait_until(lambda: pump.position() > 2000, 10)
pressed = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
fault("all", "estop", 1)
time.sleep(0.2)
edges.collect()
check("no edge comes after the emergency stop", edges.rises()[-1] <= pressed and edges.rises()[-1] >= pressed - 1_000_000,
      (edges.rises()[-1] - pressed))
fault("all", "estop", 0)
pump.close()
nanodose("stop", "all")

# ---- the home switch -----------------------------------------------------------------------


class Carriage(threading.Thread):
    """Presses the home switch where the rig's steps are below a place."""

    def __init__(self, at):
        super().__init__(daemon=True)
        self.at, self.on, self.go, self.hits = at, False, True, 0
        self.start()

    def run(self):
        while self.go:
            here = truth("all", "steps")
            if self.on != (here <= self.at):
                self.on = not self.on
                self.hits += self.on
                fault("all", "home", int(self.on))
            time.sleep(0.0005)


carriage = Carriage(truth("all", "steps") - 9000)
status, text, err = nanodose("home", "all", "--yes", "--clear", "--rate", "2 mm/s", "--json")
check("home: finds the home switch, backs off and comes back", status == 0 and carriage.hits == 2 and
      json.loads(text)["status"] == 0, (status, text, err, carriage.hits))
zero = truth("all", "steps") - json.loads(nanodose("info", "all", "--json")[1])["status"]["position"]
check("0 is where the switch closed, as near as that is told, though it came to rest by a ramp", 0 <= carriage.at - zero <= 2,
      carriage.at - zero)
check("no fault is latched by it", json.loads(nanodose("info", "all", "--json")[1])["status"]["faults"] == [])
carriage.go = False
carriage.join()
fault("all", "home", 0)
process = start("home", "all", "--yes", "--rate", "2 mm/s")
before = truth("all", "steps")
wait_until(lambda: truth("all", "steps") < before - 3200, 10)
fault("all", "limit", 2)
out, err = process.communicate()
check("the end of travel before the home switch is told", process.returncode == 3 and "without meeting the home switch" in err,
      (process.returncode, err))
fault("all", "limit", 0)
nanodose("stop", "all")

# ---- a sensor that comes later ----------------------------------------------------------------
check("without its sensor there is no pump", of_rig("late") is None)
check("the kernel tells why, once", log().count("reg: no product identifier from address 0x08") == 1, log()[-900:])
with open("/sys/kernel/debug/devices_deferred", encoding="ascii") as file:
    deferred = file.read()
check("and what the pump waits for", "flow-sensor: not there" in deferred, deferred)
fault("late", "unplug", 0)
check("plugged in, the sensor is found and the pump comes", wait_until(lambda: of_rig("late"), 5), log()[-600:])
check("the kernel tells that too, and by the sensor which it is", "the sensor answers now" in log() and
      "described as slf3s-0600f, but is a slf3s-1300f" in log(), log()[-600:])
check("nothing has moved there", truth("late", "steps") == 0)
subprocess.run(["udevadm", "settle", "--timeout=30"], check=True)

# ---- two pumps, two sensors on two buses ----------------------------------------------------------
serials = [json.loads(nanodose("info", name, "--json")[1])["info"]["sensor_serial"] for name in ("all", "late")]
check("each pump has the sensor of its own bus", serials[0] != serials[1], serials)
protocol = write_protocol("two.yaml", """\
nanodose: 1
name: Two pumps
channels:
  first: {pump: all, syringe: BD Plastipak 1 mL, loaded: 900 uL, fluid: water}
  second: {pump: late, syringe: BD Plastipak 1 mL, loaded: 900 uL, fluid: water}
steps:
  - parallel:
      one: [{infuse: {channel: first, volume: 20 uL, rate: 200 uL/min}}]
      two: [{infuse: {channel: second, volume: 10 uL, rate: 100 uL/min}}]
""")
time.sleep(10)      # what homing drew back has been made up for
before = {name: truth(name, "outlet_volume_fl") for name in ("all", "late")}
status, text, err = nanodose("run", protocol, "--record", fresh("two.db"), "--headless", "--json")
time.sleep(5)
out_ul = {name: (truth(name, "outlet_volume_fl") - was) / 1e9 for name, was in before.items()}
check("both doses come to their end", status == 0, err)
check("and are right by the rigs' truth", abs(out_ul["all"] - 20) < 0.1 and abs(out_ul["late"] - 10) < 0.05, out_ul)

# ---- a pedal ---------------------------------------------------------------------------------------
pedal = os.open("/dev/input/event0", os.O_RDONLY | os.O_NONBLOCK)
for level in (1, 0):
    fault("late", "home", level)
    time.sleep(0.1)
events = [event[2:] for event in struct.iter_unpack("llHHi", os.read(pedal, 4096)) if event[2] == 1]
check("a pedal on a line of the board reaches user space", events == [(1, 119, 1), (1, 119, 0)], events)

places = {name: truth(name, "steps") for name in ("all", "late")}
# ---- the supplies go with what they feed -----------------------------------------------------------
for driver, supply in (("/sys/bus/platform/drivers/nanodose", "motor"), ("/sys/bus/i2c/drivers/nanodose-sf06", "supply-all")):
    for name in os.listdir(driver):
        if os.path.islink(os.path.join(driver, name)) and name != "module":
            with open(os.path.join(driver, "unbind"), "w", encoding="ascii") as file:
                file.write(name)
    check(f"unbound, the supply {supply} is let go", users(supply) == on[supply] - 1, users(supply))
check("and nothing was moved by that", {name: truth(name, "steps") for name in places} == places, places)
check("of all steps of this test none was missed", truth("late", "missed_steps") == 0 and truth("all", "missed_steps") == 0)
end()
