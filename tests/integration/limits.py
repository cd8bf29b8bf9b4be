#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
# vm: --rig rig0 --rig high:back_pressure_pa=1200000
"""Limits of acceleration, temperature and pressure in a run, and soft limits: who is asked, and what the record says."""
import math
import os
import pty
import subprocess

from rig import Edges, check, end, fresh, nanodose, query, run_protocol, truth, write_protocol

STEP_UL = math.pi / 4 * 4.699 ** 2 * 1.0 / 3200
HEAD = """\
nanodose: 1
name: Limits
channels:
  line: {pump: rig0, syringe: BD Plastipak 1 mL, loaded: 500 uL, fluid: water}
limits:
  line: %s
steps:
  - infuse: {channel: line, volume: 20 uL, rate: 300 uL/min}
"""


def run(name, limits, *arguments, rig="rig0"):
    path = write_protocol(name + ".yaml", HEAD.replace("rig0", rig) % limits)
    record = fresh(name + ".db")
    begin = truth(rig, "steps")
    status, summary, err = run_protocol(path, record, *arguments)
    told = [text for (text,) in query(record, "select text from event order by id")] if os.path.exists(record) else []
    return status, truth(rig, "steps") - begin, told, err


WHOLE = round(20 / STEP_UL)
edges = Edges("rig0")
status, moved, told, err = run("slow_start", "{acceleration: 60 uL/min/s}")
times = edges.collect()
# V = a t2 / 2 with 1 uL/s2: from the first step, after 0.1 s, to half a microlitre after 1 s.
half = round(0.5 / STEP_UL)
wanted = math.sqrt(2 * half * STEP_UL) - math.sqrt(2 * STEP_UL)
took = (times[half - 1] - times[0]) / 1e9
check("an acceleration is kept by the pump: half a microlitre in the first second at 60 uL/min/s",
      status == 0 and moved == WHOLE and abs(took / wanted - 1) < 0.005, (status, took, wanted, err))
edges.close()
status, moved, told, err = run("free_start", "{rate: 400 uL/min}")
check("without one it starts within a tenth of a second", status == 0 and moved == WHOLE, (status, err))

status, moved, told, err = run("warm", "{temperature: 20 degC}")
check("a temperature above its limit stops the run", status == 3 and 0 <= moved < WHOLE and
      any("temperature" in text and "is above the limit of 20 degC" in text for text in told), (status, moved, told))
status, moved, told, err = run("cool", "{temperature: 60 degC}")
check("one below does not", status == 0 and moved == WHOLE, (status, told))

status, moved, told, err = run("high_none", "{rate: 400 uL/min}", rig="high")
check("against 1.2 MPa the driver stops a protocol that says nothing of pressure at its 1 MPa", status == 3 and
      moved < WHOLE and any("over-pressure (1.2" in text for text in told), (status, moved, told))
status, moved, told, err = run("high_less", "{pressure: 1.1 MPa}", rig="high")
check("and at 1.1 MPa one that allows that", status == 3 and moved < WHOLE, (status, moved, told))
status, moved, told, err = run("high_more", "{pressure: 2 MPa}", rig="high")
check("one that allows 2 MPa is done", status == 0 and moved == WHOLE, (status, moved, told))

status, moved, told, err = run("soft_rate", "{soft: {rate: 200 uL/min}}")
check("what goes beyond a soft limit is not begun where nobody says yes", status == 1 and moved == 0 and
      "beyond its soft limit of 200 uL/min" in err and "--yes" in err and not told, (status, err))
status, moved, told, err = run("soft_rate_yes", "{soft: {rate: 200 uL/min}}", "--yes")
check("--yes says it, and the record tells to what", status == 0 and moved == WHOLE and
      any("--yes said yes to: line 8: 'line' would run at 300 uL/min, beyond its soft limit of 200 uL/min" in text for text in told),
      (status, told, err))

path = write_protocol("soft_person.yaml", HEAD % "{soft: {rate: 200 uL/min}}")
for answer, expected in (("y\n", 0), ("n\n", 4)):
    record = fresh("soft_person.db")
    master, slave = pty.openpty()
    os.write(master, answer.encode())
    done = subprocess.run(["nanodose", "run", path, "--record", record, "--headless", "--json"], stdin=slave,
                          capture_output=True, text=True, check=False)
    os.close(master)
    os.close(slave)
    told = [text for (text,) in query(record, "select text from event")] if os.path.exists(record) else []
    check(f"a person is asked at the terminal: {answer.strip()}", done.returncode == expected and
          "Go beyond these soft limits?" in done.stderr and
          any("root said yes to: " in text for text in told) == (expected == 0), (done.returncode, told, done.stderr))

status, moved, told, err = run("soft_warm", "{soft: {temperature: 20 degC}}")
check("measured beyond a soft limit, the run stops where nobody attends", status == 3 and moved < WHOLE and
      any("nobody attends to say yes" in text for text in told), (status, moved, told))
status, moved, told, err = run("soft_warm_yes", "{soft: {temperature: 20 degC}}", "--yes")
check("and goes on by --yes, told once", status == 0 and moved == WHOLE and
      sum("as --yes says" in text for text in told) == 1, (status, moved, told))
status, out, err = nanodose("check", path)
check("the check warns of it and finds the protocol good", status == 0 and "warning: 'line' would run at 300 uL/min" in err, (status, err))
end()
