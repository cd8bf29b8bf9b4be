#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
# vm: --rig rig0
"""Each fault of the rig in mid-dose: interlocks end the run with status 3 and
say what to do; what no interlock guards is told as a warning, never hidden."""
import time

from rig import check, end, fault, fresh, query, start, steps_moved, truth, wait_until, write_protocol

GOOD = """\
nanodose: 1
name: Faults
channels:
  line: {pump: rig0, syringe: BD Plastipak 1 mL, loaded: 900 uL, fluid: water}
steps:
  - infuse: {channel: line, volume: 100 uL, rate: 600 uL/min}
"""
PROTOCOL = write_protocol("faults.yaml", GOOD)

# fault, words of the message
INTERLOCKS = [
    ("air", ("air in line", "flush the line")),
    ("nack", ("flow sensor lost", "cable")),
    ("crc", ("flow sensor lost", "cable")),
    ("unplug", ("flow sensor lost", "plug")),
    ("estop", ("emergency stop", "release")),
    ("limit", ("end of travel", "refill")),
    ("occlusion", ("occlusion: the flow is", "the pressure is", "look for a clog")),
    ("stall", ("empty syringe: the flow is", "the pressure is", "the motor turns")),
    ("high_flow", ("flow too high", "burst line")),
]
# Open loop: fault, whether liquid still comes out as stepped, words of the warning
UNGUARDED = [
    ("stall", False, ("of the 100 uL that the pump stepped", "stalled pump")),
]


def dose(name, broken=True):
    """Status, standard error, and what left the outlet by the rig's truth, in uL."""
    record = fresh(f"{name}.db")
    before_fl = truth("rig0", "outlet_volume_fl")
    process = start("run", PROTOCOL, "--record", record, "--headless", "--json")
    check(f"{name}: the dose is under way", wait_until(steps_moved("rig0", 4000), 30))
    if broken:
        fault("rig0", name)
    _, err = process.communicate()
    out_ul = (truth("rig0", "outlet_volume_fl") - before_fl) / 1e9
    if broken:
        fault("rig0", name, 0)
    time.sleep(10)      # what was held back leaves
    return process.returncode, err, out_ul, query(record, "SELECT severity, text FROM event")


for name, words in INTERLOCKS:
    status, err, _, events = dose(name)
    told = [text for severity, text in events if severity == "fault"]
    check(f"{name}: status 3", status == 3, (status, err))
    check(f"{name}: one fault in the record, which says what it is and what to do",
          len(told) == 1 and all(word in told[0] for word in words), told)
    check(f"{name}: the same on standard error", told and f"FAULT: {told[0]}" in err, err)

# Without a loop nobody but the driver and the end of the dose looks.
PROTOCOL = write_protocol("faults-open.yaml", GOOD.replace("fluid: water", "fluid: water, control: open"))
status, err, _, events = dose("occlusion")
told = [text for severity, text in events if severity == "fault"]
check("open loop, occlusion: the driver stops it by the pressure", status == 3 and len(told) == 1 and "over-pressure" in told[0] and
      "what blocks the line" in told[0], told)
for name, whole, words in UNGUARDED:
    status, err, out_ul, events = dose(name)
    warned = [text for severity, text in events if severity == "warning"]
    check(f"{name}: the rig delivers {'all' if whole else 'little'} of it", (out_ul > 99) == whole, out_ul)
    check(f"{name}: a dose that may be wrong is not passed over in silence",
          status == 0 and any(all(word in text for word in words) for text in warned), (status, warned, err))

PROTOCOL = write_protocol("faults.yaml", GOOD)

# The system goes to sleep and wakes, in mid-dose and while the pump rests.
with open("/sys/power/pm_test", "w") as file:
    file.write("devices")
RESTS = write_protocol("rests.yaml", GOOD.replace("steps:", "steps:\n  - hold: 60 s"))
for name, protocol, under_way in (("sleep in mid-dose", PROTOCOL, True), ("sleep at rest", RESTS, False)):
    record = fresh("sleep.db")
    process = start("run", protocol, "--record", record, "--headless", "--json")
    if under_way:
        check(f"{name}: the dose is under way", wait_until(steps_moved("rig0", 4000), 30))
    else:
        time.sleep(10)
    steps = truth("rig0", "steps")
    with open("/sys/power/state", "w") as file:
        file.write("freeze")
    _, err = process.communicate()
    told = [text for (text,) in query(record, "SELECT text FROM event WHERE severity = 'fault'")]
    check(f"{name}: status 3, one fault, and what to do", process.returncode == 3 and len(told) == 1 and
          "system went to sleep" in told[0] and "keep it awake" in told[0], (process.returncode, told, err))
    check(f"{name}: nothing moves after it", truth("rig0", "steps") - steps <= (1000 if under_way else 0),
          (truth("rig0", "steps"), steps))

PROTOCOL = write_protocol("faults.yaml", GOOD.replace("BD Plastipak 1 mL", "BD Plastipak 3 mL"))
status, err, out_ul, events = dose("syringe", broken=False)
check("a syringe that is not the one named shows in what the sensor saw",
      out_ul < 50 and any("another syringe" in text for _, text in events), (out_ul, events))

PROTOCOL = write_protocol("faults.yaml", GOOD)
status, err, out_ul, events = dose("sound", broken=False)
check("a dose that the sensor agrees with brings no warning",
      status == 0 and out_ul > 99 and not [text for severity, text in events if severity != "info"], events)
end()
