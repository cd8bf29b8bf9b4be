#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
# vm: --rig rig0
"""What happens to labs in mid-dose: the pump is unplugged and plugged again, the sensor is lost and comes back, the program
is killed, the clock is set back a day, the system sleeps. Each ends in a state that is told, nothing moves unasked, and
where a dose is cut short the rest of it can be given, once."""
import csv
import io
import json
import math
import signal
import time

from rig import check, end, fault, fresh, nanodose, plug, query, start, truth, unplug, wait_until, write_protocol

STEP_UL = math.pi / 4 * 4.699 ** 2 * 1.0 / 3200
WHOLE = round(40 / STEP_UL)
PROTOCOL = write_protocol("troubles.yaml", """\
nanodose: 1
name: Troubles
channels:
  line: {pump: rig0, syringe: BD Plastipak 1 mL, loaded: 800 uL, fluid: water}
steps:
  - infuse: {channel: line, volume: 40 uL, rate: 240 uL/min}
""")
DAY_S = 86400


def begin(name, steps=2000):
    """A run that has made that many steps."""
    record = fresh(name + ".db")
    process = start("run", PROTOCOL, "--record", record, "--headless", "--json")
    before = truth("rig0", "steps")
    check(f"{name}: the dose is under way", wait_until(lambda: truth("rig0", "steps") - before > steps, 30))
    return process, record, before


def resume(name, record):
    second = fresh(name + "-2.db")
    status, out, err = nanodose("run", "--resume", record, "--record", second, "--headless", "--yes")
    return status, second, err


def at_rest():
    before = truth("rig0", "steps")
    time.sleep(3)
    return truth("rig0", "steps") == before


def events(record, severity=None):
    return [text for told, text in query(record, "SELECT severity, text FROM event ORDER BY id") if severity in (None, told)]


def given_by(record):
    return query(record, "SELECT max(position - origin_position) FROM sample s JOIN channel c ON c.id = s.channel")[0][0]


def whole(record):
    return query(record, "PRAGMA integrity_check") == [("ok",)]


# ---- the pump goes, and comes back ------------------------------------------------

process, record, before = begin("unplugged")
at = truth("rig0", "steps") - before
values = unplug("rig0")
out, err = process.communicate()
told = events(record)
check("unplugged: the run ends with status 5 and says so", process.returncode == 5 and "is gone" in err, (process.returncode, err))
check("unplugged: its record is whole, closed, and tells", whole(record) and any("gone" in text for text in told) and
      nanodose("verify", record)[0] == 0, told)
first = given_by(record)
# A record of each 20 ms, at 738 steps/s
check("unplugged: what was given is known within a record's steps", at - 20 <= first <= at + 40, (first, at))
status, out, err = nanodose("run", PROTOCOL, "--record", fresh("unplugged-none.db"), "--headless")
check("unplugged: another run is refused, and told what is missing", status == 1 and 'no pump named "rig0"' in err, err)
plug("rig0", values)
check("plugged again: nothing moves by itself", truth("rig0", "steps") == 0 and at_rest() and truth("rig0", "steps") == 0)
status, second, err = resume("unplugged", record)
check("plugged again: the rest is given, by what is known", status == 0 and -20 <= at + truth("rig0", "steps") - WHOLE <= 20,
      (status, at, truth("rig0", "steps"), WHOLE, err))

# ---- the sensor goes, and comes back ----------------------------------------------

process, record, before = begin("sensor-lost")
fault("rig0", "unplug")
out, err = process.communicate()
first = truth("rig0", "steps") - before
check("sensor lost: status 3, the fault and what to do", process.returncode == 3 and
      any("flow sensor lost" in text and "plug, cable" in text for text in events(record, "fault")), (err, events(record)))
status, second, err = resume("sensor-lost", record)
check("sensor lost: while it is away going on is refused, and nothing moves", status == 1 and "flow sensor" in err and at_rest() and
      truth("rig0", "steps") - before == first, (status, err))
fault("rig0", "unplug", 0)
check("sensor back: nothing moves by itself", at_rest())
status, second, err = resume("sensor-lost", record)
check("sensor back: the rest is given, to the step", status == 0 and truth("rig0", "steps") - before == WHOLE,
      (status, truth("rig0", "steps") - before, WHOLE, err))

# ---- the program is killed ----------------------------------------------------------

process, record, before = begin("killed")
process.send_signal(signal.SIGKILL)
process.communicate()
time.sleep(0.5)
check("killed: the pump rests by itself within half a second", at_rest())
first = truth("rig0", "steps") - before
status, out, err = nanodose("info", "rig0", "--json")
check("killed: the pump is nobody's, and its fault is told", json.loads(out)["status"]["owner"] is None and
      json.loads(out)["status"]["state"] == "at rest", out)
check("killed: the record can be read", whole(record) and given_by(record) <= first)
status, out, err = nanodose("verify", record)
check("killed: it was never closed, which verify says", status == 1 and "closed" in out + err, (status, out + err))
status, second, err = resume("killed", record)
check("killed: the rest is given, to the step", status == 0 and truth("rig0", "steps") - before == WHOLE,
      (status, truth("rig0", "steps") - before, WHOLE, err))

# ---- the clock is set back a day ------------------------------------------------------

process, record, before = begin("clock-back")
now = time.time()
time.clock_settime(time.CLOCK_REALTIME, now - DAY_S)
out, err = process.communicate()
summary = json.loads(out)
check("clock set back: the dose is whole", process.returncode == 0 and truth("rig0", "steps") - before == WHOLE,
      (process.returncode, truth("rig0", "steps") - before, err))
check("clock set back: it took what it took", 10 < summary["duration_s"] < 60, summary["duration_s"])
times = [time_ns for (time_ns,) in query(record, "SELECT time_ns FROM sample ORDER BY rowid")]
check("clock set back: the record's time only goes forward", times == sorted(times) and times[-1] < 60 * 10**9, times[-1])
rows = list(csv.DictReader(io.StringIO(nanodose("export", record)[1])))
stamps = [row["utc"] if "utc" in row else row[next(name for name in row if "utc" in name)] for row in rows]
check("clock set back: so does what is exported, in UTC too", stamps == sorted(stamps), (stamps[0], stamps[-1]))
check("clock set back: the record is sealed and whole", nanodose("verify", record)[0] == 0)
check("clock set back: the record says that it was", any("the clock was set back by 24 h" in text for text in events(record)), events(record))
status, out, err = nanodose("report", record)
check("clock set back: a report can be made", status == 0 and "Troubles" in out, err)
process, record, before = begin("clock-killed")
process.send_signal(signal.SIGKILL)
process.communicate()
time.clock_settime(time.CLOCK_REALTIME, time.time() - DAY_S)
time.sleep(1)
status, second, err = resume("clock-killed", record)
check("clock set back before a run is resumed: the rest is given, to the step", status == 0 and
      truth("rig0", "steps") - before == WHOLE, (status, truth("rig0", "steps") - before, err))
time.clock_settime(time.CLOCK_REALTIME, now)

# ---- the system sleeps ------------------------------------------------------------------

with open("/sys/power/pm_test", "w", encoding="ascii") as file:
    file.write("devices")
process, record, before = begin("asleep")
with open("/sys/power/state", "w", encoding="ascii") as file:
    file.write("freeze")
out, err = process.communicate()
check("asleep: status 3, and what to do", process.returncode == 3 and
      any("system went to sleep" in text for text in events(record, "fault")), (process.returncode, events(record)))
check("awake: nothing moves by itself", at_rest())
status, second, err = resume("asleep", record)
check("awake: the rest is given, to the step", status == 0 and truth("rig0", "steps") - before == WHOLE,
      (status, truth("rig0", "steps") - before, WHOLE, err))
end()
