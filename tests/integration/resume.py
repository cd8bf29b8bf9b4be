#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
# vm: --rig rig0 --rig rig1
"""run --resume: after a killed program both parts together dose what one run would, to the step; what must not go on is
refused with the reason."""
import math
import os
import pty
import re
import shutil
import signal
import subprocess
import time

from rig import check, end, fault, fresh, nanodose, query, start, truth, wait_until, write_protocol

STEP_UL = math.pi / 4 * 4.699 ** 2 * 1.0 / 3200
HEAD = """\
nanodose: 1
name: Resumed
inputs:
  first: {value: 5 uL}
channels:
  a: {pump: rig0, syringe: BD Plastipak 1 mL, loaded: 800 uL, fluid: water}
  b: {pump: rig1, syringe: BD Plastipak 1 mL, loaded: 800 uL, fluid: water}
steps:
"""
BOTH = """\
  - infuse: {channel: a, volume: "${first}", rate: 120 uL/min}
  - repeat:
      times: 3
      steps:
        - infuse: {channel: a, volume: 4 uL, rate: 120 uL/min}
        - withdraw: {channel: a, volume: 1 uL, rate: 120 uL/min}
  - if: {condition: volume.a > 8, then: [{infuse: {channel: b, volume: 2 uL, rate: 120 uL/min}}]}
  - parallel:
      left:
        - infuse: {channel: a, volume: 6 uL, rate: 120 uL/min}
        - hold: 2 s
        - infuse: {channel: a, volume: 6 uL, rate: 120 uL/min}
      right:
        - ramp: {channel: b, from: 10 uL/min, to: 200 uL/min, duration: 6 s}
        - infuse: {channel: b, volume: 1 uL, rate: 60 uL/min}
  - mix: {ratio: {a: 3, b: 1}, total_rate: 200 uL/min, volume: 8 uL}
"""


def steps():
    return truth("rig0", "steps"), truth("rig1", "steps")


def given(since):
    return tuple((now - before) for now, before in zip(steps(), since))


def begin(name, text, *arguments):
    record = fresh(name + ".db")
    return start("run", write_protocol(name + ".yaml", text), "--record", record, "--headless", *arguments), record


def resume(record, name, *arguments):
    second = fresh(name + "-2.db")
    status, out, err = nanodose("run", "--resume", record, "--record", second, "--headless", *arguments)
    return status, second, out + err


def kill(process):
    process.send_signal(signal.SIGKILL)
    process.communicate()
    time.sleep(1)


def texts(record):
    if not os.path.exists(record):
        return []
    return [text for (text,) in query(record, "SELECT text FROM event ORDER BY id")]


since = steps()
whole, record = begin("resume-whole", HEAD + BOTH, "--set", "first=6 uL")
out, err = whole.communicate()
wanted = given(since)
took_s = query(record, "SELECT max(time_ns) / 1e9 FROM sample")[0][0]
check("the run in one piece", whole.returncode == 0 and min(wanted) > 0, (whole.returncode, wanted, err))

for number, share in enumerate((0.06, 0.2, 0.34, 0.45, 0.52, 0.6, 0.7, 0.8, 0.9, 0.97)):
    name = f"resume-{number}"
    since = steps()
    process, record = begin(name, HEAD + BOTH, "--set", "first=6 uL")
    time.sleep(share * took_s)
    kill(process)
    part = given(since)
    status, second, said = resume(record, name, "--yes")
    check(f"killed after {100 * share:.0f} %: both parts together are the whole, to the step",
          status == 0 and given(since) == wanted, (status, part, given(since), wanted, said, texts(second)))
    check("and the second part's record tells the same", status == 0 and
          [query(second, f"SELECT position - origin_position FROM sample s JOIN channel c ON c.id = s.channel WHERE channel = {i}"
                 " ORDER BY s.time_ns DESC LIMIT 1")[0][0] for i in (0, 1)] ==
          [round(value / STEP_UL) for value in (6 + 9 + 12 + 6, 2 + 10.5 + 1 + 2)], said)

ROUNDS = HEAD + """\
  - every: {period: 3 s, times: 3, steps: [{infuse: {channel: a, volume: "${first}", rate: 300 uL/min}}]}
  - pulse: {channel: b, volume: 1 uL, rate: 120 uL/min, period: 2 s, times: 3}
  - while: {condition: volume.a < 25, at_most: 9, steps: [{infuse: {channel: a, volume: 4 uL, rate: 300 uL/min}}]}
  - parallel:
      left:
        - parallel:
            a: [{infuse: {channel: a, volume: 3 uL, rate: 60 uL/min}}, {hold: 1 s}]
            rest: [{hold: 2 s}]
        - infuse: {channel: a, volume: 1 uL, rate: 60 uL/min}
      right: [{agitate: {channel: b, volume: 2 uL, rate: 120 uL/min, times: 2}}]
  - infuse: {channel: b, volume: 1 uL, rate: 60 uL/min}
"""
since = steps()
whole, record = begin("resume-rounds", ROUNDS)
out, err = whole.communicate()
wanted_rounds = given(since)
rounds_s = query(record, "SELECT max(time_ns) / 1e9 FROM sample")[0][0]
check("rounds in one piece", whole.returncode == 0 and wanted_rounds == (round(31 / STEP_UL), round(4 / STEP_UL)),
      (whole.returncode, wanted_rounds, err))
for number, share in enumerate((0.12, 0.3, 0.45, 0.58, 0.68, 0.78, 0.88)):
    name = f"resume-rounds-{number}"
    since = steps()
    process, record = begin(name, ROUNDS)
    time.sleep(share * rounds_s)
    kill(process)
    status, second, said = resume(record, name, "--yes")
    check(f"rounds, killed after {100 * share:.0f} %: the whole, to the step",
          status == 0 and given(since) == wanted_rounds, (status, given(since), wanted_rounds, said, texts(second)))

since = steps()
process, record = begin("resume-twice", HEAD + BOTH, "--set", "first=6 uL")
time.sleep(0.2 * took_s)
kill(process)
again = start("run", "--resume", record, "--record", fresh("resume-twice-2.db"), "--headless", "--yes")
time.sleep(0.4 * took_s)
kill(again)
status, second, said = resume(os.path.join(os.path.dirname(record), "resume-twice-2.db"), "resume-twice-3", "--yes")
check("killed twice: three parts are the whole, to the step", status == 0 and given(since) == wanted,
      (status, given(since), wanted, said, texts(second)))

RESTING = HEAD + "  - infuse: {channel: a, volume: \"${first}\", rate: 120 uL/min}\n  - hold: 20 s\n" \
    "  - infuse: {channel: b, volume: 1 uL, rate: 60 uL/min}\n"
process, record = begin("resume-rest", RESTING)
time.sleep(12)
kill(process)
status, second, said = resume(record, "resume-rest", "--yes")
rested_s = query(record, "SELECT (SELECT max(time_ns) FROM sample) / 1e9 - time_ns / 1e9 FROM event WHERE text = 'hold 20 s'")[0][0]
began_s, ended_s = (query(second, f"SELECT max(time_ns) / 1e9 FROM event WHERE text LIKE '%{text}%'")[0][0]
                    for text in ("goes on after", "infuse b 1 uL"))
check("a rest goes on with what was left of it", status == 0 and 4 < rested_s < 12 and
      abs(rested_s + ended_s - began_s - 20) < 0.1, (status, rested_s, began_s, ended_s, said))

since = steps()
process, record = begin("resume-soon", RESTING.replace("hold: 20 s", "hold: 2 s").replace('"${first}"', '"${first * 4}"'))
wait_until(lambda: given(since)[0] > 6 / STEP_UL, 30)
process.send_signal(signal.SIGTERM)
process.communicate()
status, second, said = resume(record, "resume-soon", "--yes")
check("a line that still relaxes is waited for: the sensor's zero is none of its flow", status == 0 and
      given(since)[0] == round(20 / STEP_UL) and not any("the sensor saw" in text for text in texts(second)),
      (status, given(since), texts(second)))

# ---- what is told, asked and refused ------------------------------------------------------

SIMPLE = HEAD + "  - infuse: {channel: a, volume: \"${first * 6}\", rate: 120 uL/min}\n" \
    "  - infuse: {channel: b, volume: 1 uL, rate: 60 uL/min}\n"
since = steps()
process, record = begin("resume-simple", SIMPLE)
wait_until(lambda: given(since)[0] > 10 / STEP_UL, 30)
kill(process)
before = steps()
status, second, said = resume(record, "resume-simple")
check("without a yes nothing moves", status == 1 and steps() == before and "--yes says it" in said and
      not os.path.exists(second), (status, said))
check("what was given is told, and what else may have been", re.search(r"a: (8|9|10)\.\d+ uL given", said) and "infuses 30 uL in all" in said and
      "was in motion" in said and "has to be where it was" in said, said)



def at_terminal(answer):
    """What somebody at a terminal answers: the status, and whether anything moved."""
    master, slave = pty.openpty()
    os.write(master, answer)
    done = subprocess.run(["nanodose", "run", "--resume", record, "--record", fresh("resume-asked.db"), "--headless"],
                          stdin=slave, capture_output=True, text=True, check=False)
    os.close(master)
    os.close(slave)
    return done.returncode, "Go on from there? [y/n]" in done.stderr, steps() != before


check("at a terminal a person is asked, and n moves nothing", at_terminal(b"n\n") == (4, True, False))
path = os.path.join(os.path.dirname(record), "resume-simple.yaml")
shutil.copy(path, path + ".kept")
with open(path, "a", encoding="ascii") as file:
    file.write("# changed\n")
status, second, said = resume(record, "resume-changed", "--yes")
check("a protocol that has changed is refused", status == 1 and steps() == before and
      "is not what it was when the run began" in said, said)
os.rename(path + ".kept", path)
status, out, err = nanodose("run", "--resume", record, path)
check("--resume takes no file", status == 2 and "takes protocol and inputs from the record" in err, err)

check("y goes on", at_terminal(b"y\n") == (0, True, True) and given(since) == (round(30 / STEP_UL), round(1 / STEP_UL)),
      given(since))

mover, moved_record = begin("resume-mover", HEAD + "  - infuse: {channel: a, volume: \"${first * 6}\", rate: 300 uL/min}\n"
                            "  - infuse: {channel: b, volume: 1 uL, rate: 60 uL/min}\n")
mover.communicate()
before = steps()
status, second, said = resume(record, "resume-moved", "--yes")
check("a pump that has been moved meanwhile is refused", status == 1 and steps() == before and
      "its pump has been moved since" in said, (status, said))
status, second, said = resume(moved_record, "resume-done", "--yes")
check("so is a run that is done", status == 1 and "this run is done" in said, said)
status, second, said = resume("/dev/null", "resume-none", "--yes")
check("and what is no run", status == 1 and "not a run file" in said, said)

since = steps()
process, record = begin("resume-air", SIMPLE)
wait_until(lambda: given(since)[0] > 10 / STEP_UL, 30)
fault("rig0", "air")
process.communicate()
fault("rig0", "air", 0)
status, second, said = resume(record, "resume-air", "--yes")
check("a run that a fault stopped goes on once that is gone", status == 0 and
      given(since) == (round(30 / STEP_UL), round(1 / STEP_UL)), (status, given(since), said))
check("its record says of what it is the second part", any(f"of {record}" in text for text in texts(second)), texts(second))

RESCUED = SIMPLE + "on:\n  air: {rescue: [{infuse: {channel: b, volume: 1 uL, rate: 60 uL/min}}]}\n"
since = steps()
process, record = begin("resume-rescued", RESCUED)
wait_until(lambda: given(since)[0] > 10 / STEP_UL, 30)
fault("rig0", "air")
process.communicate()
fault("rig0", "air", 0)
before = steps()
status, second, said = resume(record, "resume-rescued", "--yes")
check("one that was rescued does not", status == 1 and steps() == before and "those of a rescue" in said, (status, said))

# ---- a time of day that passes while no program runs --------------------------------

for name, away_s, words in (("passed", 60, "it has passed: it goes on at once"), ("to come", 2, "it is still to come: it is waited for")):
    then = time.time() + 30
    clock = time.strftime("%H:%M:%S", time.localtime(then))
    since = steps()
    process, record = begin(f"clock-{away_s}", HEAD + f"""\
  - infuse: {{channel: a, volume: "${{first}}", rate: 120 uL/min}}
  - wait: {{clock: "{clock}"}}
  - infuse: {{channel: b, volume: 5 uL, rate: 120 uL/min}}
""")
    wait_until(lambda: any("o'clock" in text for text in texts(record)), 30)
    time.sleep(3)
    kill(process)
    time.sleep(away_s)
    begin_s = time.time()
    status, second, said = resume(record, f"clock-{away_s}", "--yes")
    ended_s = time.time()
    check(f"a wait for a time of day, {name}: {words}", status == 0 and given(since) == (round(5 / STEP_UL),) * 2 and
          (ended_s < begin_s + 25 if away_s > 30 else then <= ended_s < then + 25), (status, begin_s, ended_s, then, said))

# ---- a priming that the sensor ended, gone on with twice ------------------------------

since = steps()
process, record = begin("primed", HEAD + """\
  - infuse: {channel: b, volume: "${first}", rate: 120 uL/min}
  - prime: {channel: a, volume: 100 uL, rate: 300 uL/min, until: clear}
  - infuse: {channel: a, volume: 20 uL, rate: 120 uL/min}
  - infuse: {channel: a, volume: 20 uL, rate: 120 uL/min}
""")
wait_until(lambda: any("the line is clear after" in text for text in texts(record)), 60)
wait_until(lambda: sum("infuse a 20 uL" in text for text in texts(record)) == 1, 60)
primed = given(since)[0]
time.sleep(3)
kill(process)
second_record = fresh("primed-2.db")
again = start("run", "--resume", record, "--record", second_record, "--headless", "--yes")
time.sleep(12)
kill(again)
status, third, said = resume(second_record, "primed-3", "--yes")
check("a priming that was ended by its sensor: three parts are the whole of what follows", status == 0 and
      abs(given(since)[0] - primed - round(40 / STEP_UL)) <= 20, (status, given(since)[0] - primed, round(40 / STEP_UL), said, texts(third)))
end()
