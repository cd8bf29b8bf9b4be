#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
# vm: --rig rig0
"""prime until clear: air does not stop it, its end is where the sensor sees none, and what it spares is not dosed."""
import json
import math
import time

from rig import check, end, fault, fresh, query, start, truth, wait_until, write_protocol

STEP_UL = math.pi / 4 * 4.699 ** 2 * 1.0 / 3200
RATE_UL_S = 5
HEAD = """\
nanodose: 1
channels:
  line: {pump: rig0, syringe: BD Plastipak 1 mL, loaded: 500 uL, fluid: water}
steps:
"""
PRIME = "  - prime: {channel: line, volume: 100 uL, rate: 300 uL/min, until: clear%s}\n"
DOSE = "  - infuse: {channel: line, volume: 10 uL, rate: 300 uL/min}\n"


def begin(name, steps):
    record = fresh(name + ".db")
    return start("run", write_protocol(name + ".yaml", HEAD + steps), "--record", record, "--headless", "--json"), record


def finish(process, record):
    out, err = process.communicate()
    told = [text for (text,) in query(record, "SELECT text FROM event ORDER BY id")]
    return process.returncode, json.loads(out)["channels"][0] if out else {}, told, err


def moved_ul(since):
    return (truth("rig0", "steps") - since) * STEP_UL


before = truth("rig0", "steps")
fault("rig0", "air", 1)
run, record = begin("prime", PRIME % "" + DOSE)
moving = wait_until(lambda: moved_ul(before) > 20, 20)
fault("rig0", "air", 0)
at_clear = moved_ul(before)
status, channel, told, err = finish(run, record)
whole = moved_ul(before)
prime = whole - 10
check("priming goes on in air", moving and at_clear > 20, (at_clear, told))
# a second of clear readings, one of 20 ms before they begin, 50 ms to the order, a ramp of 0.1 s
check("it ends a second after the sensor has become clear", 1 <= (prime - at_clear) / RATE_UL_S < 1.25,
      ((prime - at_clear) / RATE_UL_S, told, err))
check("the dose behind it is whole, to the step", status == 0 and abs(channel["delivered_ul"] - whole) < STEP_UL,
      (status, whole, channel))
check("what was spared is in no target", abs(channel["target_ul"] - channel["delivered_ul"]) < 2 * STEP_UL, channel)
check("the record tells what it took", any(text.startswith("line: the line is clear after ") or
                                           text.startswith("the line is clear after ") for text in told), told)

before = truth("rig0", "steps")
run, record = begin("prime-clear", PRIME % ", for: 3 s" + DOSE)
status, channel, told, err = finish(run, record)
took_s = (moved_ul(before) - 10) / RATE_UL_S
check("a line without air is clear after the time that was asked for", status == 0 and 2.9 < took_s < 3.25,
      (status, took_s, told))

before = truth("rig0", "steps")
fault("rig0", "air", 1)
run, record = begin("prime-never", PRIME % "" + DOSE)
status, channel, told, err = finish(run, record)
check("a line that does not become clear fails the run where the volume ends, and nothing is dosed",
      status == 3 and abs(moved_ul(before) - 100) < STEP_UL and
      any("has not been clear of air for 1 s within 100 uL" in text for text in told), (status, moved_ul(before), told))

before = truth("rig0", "steps")
fault("rig0", "air", 0)
run, record = begin("air-later", PRIME % "" + DOSE * 3)
wait_until(lambda: moved_ul(before) > 12, 20)
time.sleep(0.1)
fault("rig0", "air", 1)
status, channel, told, err = finish(run, record)
check("after it air stops the pump as ever", status == 3 and moved_ul(before) < 30 and
      any("air in line" in text.lower() or "air-in-line" in text for text in told), (status, moved_ul(before), told))
fault("rig0", "air", 0)
end()
