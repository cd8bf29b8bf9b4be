#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
# vm: --rig rig0 --rig rig1
"""Branches in parallel: each pump goes its own way, and what follows waits for all of them."""
import math
import time

from rig import Edges, check, end, fault, fresh, query, run_protocol, start, truth, wait_until, write_protocol

STEP_UL = math.pi / 4 * 4.699 ** 2 * 1.0 / 3200
HEAD = """\
nanodose: 1
name: Parallel
channels:
  left: {pump: rig0, syringe: BD Plastipak 1 mL, loaded: 500 uL, fluid: water}
  right: {pump: rig1, syringe: BD Plastipak 1 mL, loaded: 500 uL, fluid: water}
steps:
"""
LEFT, RIGHT = round(100 / STEP_UL), round(30 / STEP_UL)


def moved(begin):
    return [truth(f"rig{i}", "steps") - begin[i] for i in range(2)]


def begin_now():
    return [truth(f"rig{i}", "steps") for i in range(2)]


path = write_protocol("both.yaml", HEAD + """\
  - parallel:
      slow:
        - infuse: {channel: left, volume: 100 uL, rate: 300 uL/min}
      fast:
        - repeat:
            times: 3
            steps:
              - infuse: {channel: right, volume: 10 uL, rate: 300 uL/min}
              - hold: 1 s
  - infuse: {channel: right, volume: 30 uL, rate: 300 uL/min}
""")
begin = begin_now()
edges = [Edges("rig0"), Edges("rig1")]
record = fresh("both.db")
time0 = time.monotonic()
status, summary, err = run_protocol(path, record)
took = time.monotonic() - time0
check("both branches and what follows end to the step",
      status == 0 and moved(begin) == [LEFT, round(60 / STEP_UL)], (status, moved(begin), err))
left, right = (one.collect() for one in edges)
check("the second branch moves while the first does", right[0] < left[-1] and left[0] < right[RIGHT // 2],
      (left[0], left[-1], right[0]))
check("and what follows begins when all are over", right[RIGHT + 1] > left[-1], (right[RIGHT + 1], left[-1]))
# 20 s of the slow branch and 6 s of what follows, with what drains and settles; one after the other it would be 9 s more.
check("the time of both is that of the longer one", 26 < took < 26 + 6, took)
texts = [text for (text,) in query(record, "select text from event order by rowid")]
check("the record tells of the parallel", "2 branches in parallel" in texts, texts)

path = write_protocol("asked.yaml", HEAD + """\
  - parallel:
      dose:
        - infuse: {channel: left, volume: 50 uL, rate: 300 uL/min}
      person:
        - wait: {operator: "Seen?"}
        - wait: {until: "setpoint.left > 299", timeout: 5 s, then: continue}
        - infuse: {channel: right, volume: 30 uL, rate: 300 uL/min}
""")
begin = begin_now()
status, summary, err = run_protocol(path, fresh("asked.db"), "--yes")
check("a question in one branch does not hold up the other, which its condition sees moving",
      status == 0 and moved(begin) == [round(50 / STEP_UL), RIGHT] and "did not hold" not in err, (status, moved(begin), err))

path = write_protocol("rule.yaml", HEAD + """\
  - parallel:
      blocked:
        - infuse: {channel: left, volume: 100 uL, rate: 300 uL/min}
      free:
        - infuse: {channel: right, volume: 30 uL, rate: 300 uL/min}
        - infuse: {channel: right, volume: 30 uL, rate: 300 uL/min}
on:
  air: {retry: 3, after: 2 s}
""")
begin = begin_now()
process = start("run", path, "--record", fresh("rule.db"), "--headless", "--json")
check("both move", wait_until(lambda: moved(begin)[0] > 0 and moved(begin)[1] > 0, 30), moved(begin))
fault("rig0", "air")
time.sleep(1.5)
at_rest = moved(begin)
time.sleep(0.2)
check("trouble of one branch brings both to rest", 0 < at_rest[0] < LEFT and moved(begin) == at_rest, (at_rest, moved(begin)))
fault("rig0", "air", 0)
out, err = process.communicate()
check("and after the retry both end to the step",
      process.returncode == 0 and moved(begin) == [LEFT, round(60 / STEP_UL)], (process.returncode, moved(begin), err))
end()
