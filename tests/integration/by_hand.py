#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
# vm: --rig rig0
"""jog, prime and home: a pump moved by hand goes as far as it was told, by the rig's truth, and no further."""
import json
import math
import os
import signal
import subprocess
import threading
import time

from device import Device
from rig import check, end, fault, fresh, nanodose, start, truth, wait_until, write_protocol

SCREW_MM, MICROSTEPS, BORE_MM = 1.0, 3200, 4.699
STEP_UL = math.pi / 4 * BORE_MM ** 2 * SCREW_MM / MICROSTEPS
SYRINGE = ("--syringe", "BD Plastipak 1 mL")
LIMIT_PLUS, LIMIT_MINUS = 1, 2


def told(*arguments, **keywords):
    """Exit status, the result, what was said, steps by the rig."""
    before = truth("rig0", "steps")
    status, out, err = nanodose(*arguments, "--json", **keywords)
    return status, json.loads(out) if out else None, err, truth("rig0", "steps") - before


# ---- jog ------------------------------------------------------------------------

for way, steps in (("1 mm", 3200), ("250 um", 800), ("37 steps", 37), ("1 step", 1), ("10 uL", round(10 / STEP_UL)),
                   ("0.01 mL", round(10 / STEP_UL))):
    status, result, err, moved = told("jog", "rig0", way, *SYRINGE, "--rate", "1 mm/s")
    check(f"jog {way}: so many steps by the rig, and so it is told",
          status == 0 and moved == steps and result["steps"] == steps and result["status"] == 0 and
          math.isclose(result["way_mm"], steps / MICROSTEPS) and
          math.isclose(result["volume_ul"], steps * STEP_UL, rel_tol=1e-3), (status, moved, result, err))
status, result, err, moved = told("jog", "rig0", "0.5 mm", "--withdraw")
check("--withdraw is the other way; without a syringe no volume is told",
      status == 0 and moved == -1600 and result["volume_ul"] is None and "withdrew 500 um (1600 steps)" in err,
      (moved, result, err))
begin = time.monotonic()
status, result, err, moved = told("jog", "rig0", "320 steps", "--rate", "320 steps/s")
took_s = time.monotonic() - begin
check("--rate in steps a second", status == 0 and moved == 320 and 1 < took_s < 1.6, (status, took_s))
begin = time.monotonic()
status, result, err, moved = told("jog", "rig0", "10 uL", *SYRINGE, "--rate", "600 uL/min")
took_s = time.monotonic() - begin
check("and in volume", status == 0 and moved == round(10 / STEP_UL) and 1 < took_s < 1.6, (status, took_s))

# ---- what is refused ----------------------------------------------------------------

REFUSED = [
    (("jog",), 2, "name the pump"),
    (("jog", "rig0"), 2, "the keys need a terminal"),
    (("jog", "rig0", "1", "mm"), 2, "one way"),
    (("jog", "rig0", "3"), 2, '"0.5 mm"'),
    (("jog", "rig0", "3 kg"), 2, '"0.5 mm"'),
    (("jog", "rig0", "3 stepss"), 2, '"1600 steps"'),
    (("jog", "rig0", "3 steps/s"), 2, '"1600 steps"'),
    (("jog", "rig0", "1 mm", "--rate", "3 steps"), 2, '"320 steps/s"'),
    (("jog", "rig0", "0.1 steps"), 2, "from 1 step"),
    (("jog", "rig0", "201 mm"), 2, "200 mm"),
    (("jog", "rig0", "nan mm"), 2, "should be"),
    (("jog", "rig0", "10 uL"), 2, "name the --syringe"),
    (("jog", "rig0", "1 mm", "--rate", "10 uL/min"), 2, "name the --syringe"),
    (("jog", "rig0", "1 mm", "--rate", "5"), 2, '"0.1 mm/s"'),
    (("jog", "rig0", "1 mm", "--rate", "0 mm/s"), 2, "above 0"),
    (("jog", "rig0", "1 mm", "--rate", "900 mm/s"), 2, "at most"),
    (("jog", "rig0", "1 mm", "--syringe", "BD Plastipack 1 mL"), 2, 'did you mean "BD Plastipak 1 mL"'),
    (("jog", "rig0", "1 mm", "--fluid", "oil"), 2, "water and ipa"),
    (("jog", "rig9", "1 mm"), 1, 'no pump named "rig9"'),
    (("prime", "rig0"), 2, "the most it may give"),
    (("home", "rig0"), 1, "--yes says it"),
    (("home", "rig0", "far"), 2, "one pump"),
]
before = truth("rig0", "steps")
for arguments, expected, words in REFUSED:
    status, out, err = nanodose(*arguments)
    check(f"{' '.join(arguments)}: refused, and told what would be right", status == expected and words in err and not out,
          (status, err))
status, out, err = nanodose("jog", "rig0", "-200 steps")
check("a negative way is told to be --withdraw's", status == 2 and out == "", err)
status, out, err = nanodose("jog", "rig0", "--", "-200 steps")
check("also where it is taken for a way", status == 2 and "--withdraw turns the way" in err, err)
holder = Device("/dev/nanodose0")
holder.claim("bench robot")
status, out, err = nanodose("jog", "rig0", "1 mm")
check("a pump that somebody has is refused with the name", status == 1 and "bench robot" in err and str(os.getpid()) in err, err)
holder.close()
check("and nothing of all this moved it", truth("rig0", "steps") == before)

run = start("run", write_protocol("by-hand.yaml", """\
nanodose: 1
name: By hand
channels:
  line: {pump: rig0, syringe: BD Plastipak 1 mL, loaded: 500 uL, fluid: water}
steps:
  - infuse: {channel: line, volume: 10 uL, rate: 60 uL/min}
"""), "--record", fresh("by-hand.db"), "--headless")
before = truth("rig0", "steps")
wait_until(lambda: truth("rig0", "steps") > before + 100, 10)
for verb in (("jog", "rig0", "1 mm"), ("prime", "rig0", "1 mm"), ("home", "rig0", "--yes")):
    status, out, err = nanodose(*verb)
    check(f"{verb[0]} is refused while a run owns the pump, which is named", status == 1 and "in use by \"nanodose run\"" in err and
          str(run.pid) in err, err)
run.communicate()
check("the run was not disturbed", run.returncode == 0 and abs((truth("rig0", "steps") - before) * STEP_UL - 10) < 2 * STEP_UL)

# ---- stops --------------------------------------------------------------------------

for signals, name in (((signal.SIGINT,), "Ctrl-C"), ((signal.SIGTERM,), "SIGTERM"), ((signal.SIGINT, signal.SIGINT), "twice Ctrl-C")):
    before = truth("rig0", "steps")
    process = start("jog", "rig0", "20 mm", "--rate", "1 mm/s", "--json")
    wait_until(lambda: truth("rig0", "steps") > before + 1600, 10)
    for one in signals:
        process.send_signal(one)
    out, err = process.communicate()
    moved = truth("rig0", "steps") - before
    check(f"{name} stops it, status 4, and what was moved is told to the step",
          process.returncode == 4 and 1600 < moved < 1600 + 3200 and json.loads(out)["steps"] == moved and "then was stopped" in err,
          (process.returncode, moved, out, err))
before = truth("rig0", "steps")
process = start("jog", "rig0", "20 mm", "--rate", "1 mm/s")
wait_until(lambda: truth("rig0", "steps") > before + 1600, 10)
process.kill()
process.communicate()
time.sleep(1)
at = truth("rig0", "steps")
time.sleep(1)
check("killed, it comes to rest by the driver", truth("rig0", "steps") == at and at - before < 4 * 3200, at - before)
process = start("jog", "rig0", "20 mm", "--rate", "1 mm/s")
before = truth("rig0", "steps")
wait_until(lambda: truth("rig0", "steps") > before + 1600, 10)
status, out, err = nanodose("stop", "rig0")
out, err = process.communicate()
check("nanodose stop ends it, status 4", status == 0 and process.returncode == 4 and "then was stopped" in err, err)

process = start("jog", "rig0", "20 mm", "--rate", "1 mm/s")
before = truth("rig0", "steps")
wait_until(lambda: truth("rig0", "steps") > before + 1600, 10)
fault("rig0", "estop")
out, err = process.communicate()
check("the emergency stop ends it, status 3, with what to do", process.returncode == 3 and "emergency stop: make sure" in err, err)
status, out, err = nanodose("jog", "rig0", "1 mm")
check("then it is refused, with the fault's name and how to clear it", status == 1 and "stopped by a fault: emergency stop" in err and
      "--clear clears it" in err, (status, err))
status, out, err = nanodose("jog", "rig0", "1 mm", "--clear")
check("--clear is refused while the button is pressed", status == 1 and "still pressed" in err, (status, err))
fault("rig0", "estop", 0)
status, result, err, moved = told("jog", "rig0", "1 mm", "--clear")
check("and good once it is released", status == 0 and moved == 3200, (status, err))

# ---- prime ------------------------------------------------------------------------------

fault("rig0", "air")
before = truth("rig0", "steps")
process = start("prime", "rig0", "200 uL", *SYRINGE, "--rate", "300 uL/min", "--json")
wait_until(lambda: (truth("rig0", "steps") - before) * STEP_UL > 20, 20)
fault("rig0", "air", 0)
at_clear = (truth("rig0", "steps") - before) * STEP_UL
out, err = process.communicate()
whole = (truth("rig0", "steps") - before) * STEP_UL
check("prime goes on in air and ends a second after the line is clear",
      process.returncode == 0 and 1 <= (whole - at_clear) / 5 < 1.3 and "the line is clear" in err and
      math.isclose(json.loads(out)["volume_ul"], whole, rel_tol=1e-3), (process.returncode, at_clear, whole, err))
fault("rig0", "air")
status, result, err, moved = told("prime", "rig0", "10 uL", *SYRINGE, "--rate", "300 uL/min")
check("air to the end is told, status 3, and no more was given", status == 3 and moved == round(10 / STEP_UL) and
      "still not clear of air" in err, (status, moved, err))
status, result, err, moved = told("jog", "rig0", "5 mm")
check("a jog after it is stopped by air again", status == 3 and "air in line" in err, (status, err))
fault("rig0", "air", 0)
process = start("prime", "rig0", "200 uL", *SYRINGE, "--rate", "300 uL/min", "--clear")
before = truth("rig0", "steps")
fault("rig0", "air")
wait_until(lambda: truth("rig0", "steps") > before + 1000, 20)
fault("rig0", "unplug")
out, err = process.communicate()
check("a sensor that is lost ends it, status 3", process.returncode == 3 and "flow sensor lost" in err, (process.returncode, err))
status, result, err, moved = told("prime", "rig0", "50 uL", *SYRINGE, "--clear")
check("then there is no priming, and jog is named", status == 1 and moved == 0 and "jog gives a volume" in err, (status, err))
status, result, err, moved = told("jog", "rig0", "1 mm", "--clear")
check("a jog does without it, and says so", status == 0 and moved == 3200 and "does not answer" in err, (status, err))
fault("rig0", "unplug", 0)
fault("rig0", "air", 0)

# ---- home -------------------------------------------------------------------------------


class Switch(threading.Thread):
    """A switch on the carriage's way, at so many steps of the rig."""

    def __init__(self, at, side, play=40):
        super().__init__(daemon=True)
        self.at, self.side, self.play, self.on, self.go = at, side, play, False, True
        self.hits = []
        self.start()

    def run(self):
        while self.go:
            beyond = self.at - truth("rig0", "steps") if self.side == LIMIT_MINUS else truth("rig0", "steps") - self.at
            if beyond >= 0 and not self.on or beyond < -self.play and self.on:
                self.on = not self.on
                fault("rig0", "limit", self.side if self.on else 0)
                if self.on:
                    self.hits.append(truth("rig0", "steps"))
            time.sleep(0.0005)

    def stop(self):
        self.go = False
        self.join()
        fault("rig0", "limit", 0)


with open("/sys/kernel/debug/nanodose-sim/rig0/fault/limit", encoding="ascii") as file:
    check("no switch is pressed to begin with", int(file.read()) == 0)
for side, flag, way in ((LIMIT_MINUS, (), -1), (LIMIT_PLUS, ("--plus",), 1)):
    switch = Switch(truth("rig0", "steps") + way * 9000, side)
    status, result, err, moved = told("home", "rig0", "--yes", "--clear", "--rate", "2 mm/s", *flag)
    switch.stop()
    check(f"home {' '.join(flag)}: meets its switch, once fast and once slowly", status == 0 and len(switch.hits) == 2 and
          "this place is 0 now" in err, (status, err, switch.hits))
    # Half a millisecond of the switch at 640 steps/s, and one step
    check("it stands where the switch closed, as near as that is told", 0 <= (truth("rig0", "steps") - switch.at) * way <= 2,
          truth("rig0", "steps") - switch.at)
    check("that place is 0", result and result["position"] == 0, result)
    check("no fault is left", json.loads(nanodose("info", "rig0", "--json")[1])["status"]["faults"] == [],
          nanodose("info", "rig0", "--json")[1])

switch = Switch(truth("rig0", "steps") + 100, LIMIT_MINUS)
wait_until(lambda: switch.on, 5)
status, result, err, moved = told("home", "rig0", "--yes", "--clear")
switch.stop()
check("it begins on its switch: it backs off first", status == 0 and "this place is 0 now" in err, (status, err, switch.hits))
fault("rig0", "limit", LIMIT_MINUS)
status, result, err, moved = told("home", "rig0", "--yes", "--clear", "--rate", "2 mm/s")
fault("rig0", "limit", 0)
check("a switch that does not let go is told, after 10 mm", status == 3 and "does not let go" in err and moved == 10 * 3200,
      (status, err, moved))
status, result, err, moved = told("home", "rig0", "--yes", "--clear", "--rate", "12 mm/s")
check("a switch that never comes is told, after 200 mm", status == 3 and "no switch was met within 200 mm" in err and
      moved == -200 * 3200, (status, err, moved))
switch = Switch(truth("rig0", "steps") - 9000, LIMIT_MINUS)
process = start("home", "rig0", "--yes", "--rate", "1 mm/s")
before = truth("rig0", "steps")
wait_until(lambda: truth("rig0", "steps") < before - 3200, 10)
process.send_signal(signal.SIGINT)
out, err = process.communicate()
switch.stop()
check("Ctrl-C ends it on the way, status 4", process.returncode == 4 and "then was stopped" in err and not switch.hits, (err, switch.hits))

process = start("jog", "rig0", "20 mm", "--rate", "1 mm/s")
before = truth("rig0", "steps")
wait_until(lambda: truth("rig0", "steps") > before + 1600, 10)
subprocess.run(["sh", "-c", "rmdir /sys/kernel/config/nanodose-sim/rig0"], check=False)
out, err = process.communicate()
check("a pump that is unplugged ends it, status 5", process.returncode == 5 and "rig0 is gone" in err, (process.returncode, err))
end()
