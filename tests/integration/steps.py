#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
# vm: --rig rig0
"""Each kind of step does what it says, seen from the rig."""
import math
import os
import subprocess
import time

from rig import Edges, check, end, fresh, nanodose, note, query, run_protocol, start, truth, wait_until, write_protocol

STEP_UL = math.pi / 4 * 4.699 ** 2 * 1.0 / 3200
HEAD = """\
nanodose: 1
name: Steps
inputs:
  dose: {value: 10 uL, min: 1 uL, max: 20 uL}
channels:
  line: {pump: rig0, syringe: BD Plastipak 1 mL, loaded: 500 uL, fluid: water}
steps:
"""


def run(name, steps, *arguments, **keywords):
    path = write_protocol(name + ".yaml", HEAD + steps)
    begin = truth("rig0", "steps")
    time0 = time.monotonic()
    status, summary, err = run_protocol(path, fresh(name + ".db"), *arguments, **keywords)
    return status, truth("rig0", "steps") - begin, time.monotonic() - time0, err


status, moved, _, err = run("withdraw", """\
  - infuse: {channel: line, volume: 50 uL, rate: 300 uL/min}
  - withdraw: {channel: line, volume: 20 uL, rate: 300 uL/min}
""")
check("infuse then withdraw leaves the difference", status == 0 and moved == round(30 / STEP_UL), (status, moved, err))

status, moved, took, err = run("repeat", """\
  - repeat:
      times: 7
      steps:
        - infuse: {channel: line, volume: "${dose}", rate: 300 uL/min}
        - hold: 2 s
""")
check("seven doses of 10 uL are 70 uL to the step: rounding never adds up",
      status == 0 and moved == round(70 / STEP_UL), (status, moved, round(70 / STEP_UL), err))
check("seven holds of two seconds pass", took >= 7 * (2 + 2), took)

status, moved, _, err = run("input", """\
  - infuse: {channel: line, volume: "${dose}", rate: 300 uL/min}
""", "--set", "dose=20 uL")
check("--set changes an input", status == 0 and moved == round(20 / STEP_UL), (status, moved, err))

status, moved, _, err = run("outside", """\
  - infuse: {channel: line, volume: "${dose}", rate: 300 uL/min}
""", "--set", "dose=21 uL")
check("--set beyond the input's maximum is refused", status == 1 and moved == 0 and "20 uL" in err, (status, moved, err))

path = write_protocol("weighed.yaml", """\
nanodose: 1
name: Weighed
inputs:
  level: {value: 20 ug, choices: [10 ug, 20 ug, 40 ug]}
channels:
  line: {pump: rig0, syringe: {diameter: 2.303 mm, stroke: 60 mm}, loaded: 100 uL, fluid: water,
         particles: {concentration: 1.5 mg/mL}}
steps:
  - infuse: {channel: line, dose: "${level}", rate: 60 uL/min}
""")
begin = truth("rig0", "steps")
status, summary, err = run_protocol(path, fresh("weighed.db"), "--set", "level=0.01 mg")
own_step_ul = math.pi / 4 * 2.303 ** 2 * 1.0 / 3200
check("a dose by mass from a syringe by its measures: 10 ug of 1.5 mg/mL, to the step",
      status == 0 and truth("rig0", "steps") - begin == round(10 / 1.5 / own_step_ul), (status, err))
check("the summary has the mass", summary and abs(summary["channels"][0]["mass_delivered_ug"] - 10) < 0.01, summary)

status, moved, took, err = run("wait", """\
  - wait: {time: 5 s}
  - infuse: {channel: line, volume: 5 uL, rate: 300 uL/min}
""")
check("wait for a time", status == 0 and took >= 6, (status, took, err))

status, moved, took, err = run("until", """\
  - wait: {until: "time >= 3", timeout: 10 s}
  - infuse: {channel: line, volume: 5 uL, rate: 300 uL/min}
""")
check("wait until an expression holds", status == 0 and 4 <= took < 8 and moved == round(5 / STEP_UL), (status, took, err))

status, moved, took, err = run("timeout_stop", """\
  - wait: {until: "flow.line > 1000", timeout: 4 s}
  - infuse: {channel: line, volume: 5 uL, rate: 300 uL/min}
""")
check("a wait that times out stops the run before anything moves", status != 0 and moved == 0, (status, moved, err))

status, moved, took, err = run("timeout_continue", """\
  - wait: {until: "flow.line > 1000", timeout: 4 s, then: continue}
  - infuse: {channel: line, volume: 5 uL, rate: 300 uL/min}
""")
check("or goes on where the protocol says so", status == 0 and took >= 5 and moved == round(5 / STEP_UL), (status, took, err))

path = write_protocol("operator.yaml", HEAD + """\
  - wait: {operator: "Vial in place?"}
  - infuse: {channel: line, volume: 5 uL, rate: 300 uL/min}
""")
for answer, expected, steps in (("y\n", 0, round(5 / STEP_UL)), ("n\n", 4, 0)):
    begin = truth("rig0", "steps")
    done = subprocess.run(["nanodose", "run", path, "--record", fresh("operator.db"), "--headless", "--json"],
                          input=answer, capture_output=True, text=True, check=False)
    check(f"the operator's answer {answer.strip()} ends with status {expected}",
          done.returncode == expected and truth("rig0", "steps") - begin == steps, done.stderr)

# The record's disk: 256 KiB that a fast recording fills in seconds.
os.makedirs("/tmp/small", exist_ok=True)
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=320k", "tmpfs", "/tmp/small"], check=True)
path = write_protocol("full.yaml", HEAD + """\
  - infuse: {channel: line, volume: 200 uL, rate: 120 uL/min}
""")
edges = Edges("rig0")
begin = truth("rig0", "steps")
process = start("run", path, "--record", "/tmp/small/run.db", "--headless", "--json")


def resting():
    count = len(edges.collect())
    time.sleep(2)
    return count and count == len(edges.collect())


rested = wait_until(resting, 120)
moved = truth("rig0", "steps") - begin
check("a full disk brings the pump to rest in mid-dose", rested and 0 < moved < round(200 / STEP_UL) and process.poll() is None,
      (rested, moved, process.poll()))
subprocess.run(["mount", "-o", "remount,size=64m", "/tmp/small"], check=True)
out, err = process.communicate()
check("it says so", "full" in err.lower() and "/tmp/small" in err, err)
check("with space again the dose is finished to the step",
      process.returncode == 0 and truth("rig0", "steps") - begin == round(200 / STEP_UL),
      (process.returncode, truth("rig0", "steps") - begin, err))
numbers = [n for (n,) in query("/tmp/small/run.db", "select sequence from sample order by sequence")]
others = [n for (n,) in query("/tmp/small/run.db", "select sequence from kernel_state union select sequence from kernel_fault")]
every = sorted(set(numbers) | set(others))
check("no record is missing", every == list(range(every[0], every[-1] + 1)),
      f"{len(every)} of {every[-1] - every[0] + 1}")
end()
