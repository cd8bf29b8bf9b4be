#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
# vm: --rig rig0
"""The program as shells, terminals and other people treat it: pipes that
close, descriptors that are shut, signals, a user who may only read."""
import csv
import io
import math
import os
import signal
import subprocess
import tempfile
import time

from rig import check, end, fresh, nanodose, query, start, steps_moved, truth, wait_until, write_protocol

STEP_UL = math.pi / 4 * 4.699 ** 2 / 3200
PROTOCOL = write_protocol("shell.yaml", """\
nanodose: 1
name: Shell
channels:
  line: {pump: rig0, syringe: BD Plastipak 1 mL, loaded: 900 uL, fluid: water}
steps:
  - infuse: {channel: line, volume: 100 uL, rate: 600 uL/min}
""")
WHOLE = round(100 / STEP_UL)


def shell(command):
    return subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False,
                          stdin=subprocess.DEVNULL)


# ---- verbs and their help

for verb in ("list", "info", "monitor", "check", "run", "stop", "export", "report"):
    status, out, err = nanodose(verb, "--help")
    check(f"{verb} --help: status 0, usage on standard output",
          status == 0 and out.startswith(f"usage: nanodose {verb} ") and not err, out + err)
    check(f"help {verb} says the same", nanodose("help", verb) == (0, out, ""))
    status, out, err = nanodose(verb, "--no-such-option")
    check(f"{verb} with an unknown option: status 2, names it",
          status == 2 and "--no-such-option" in err and not out, out + err)
    result = shell(f"nanodose {verb} --help >/dev/full")
    check(f"{verb} --help to a full disk: status 1, says so",
          result.returncode == 1 and "No space left" in result.stderr, result)
status, out, err = nanodose("mon")
check("the beginning of a verb: did you mean", status == 2 and 'did you mean "monitor"' in err, err)

# ---- output that goes nowhere

for name, redirection in (("all output is closed", ">&- 2>&-"), ("all descriptors are closed", "<&- >&- 2>&-"),
                          ("the reader of its output leaves", "2>&1 | head -n 1"),
                          ("the summary meets a full disk", ">/dev/full 2>/dev/null")):
    record = fresh("shell.db")
    begin = truth("rig0", "steps")
    result = shell(f"set -o pipefail; nanodose run {PROTOCOL} --record {record} --headless {redirection}")
    check(f"a dose is whole when {name}", truth("rig0", "steps") - begin == WHOLE and result.returncode == 0,
          (truth("rig0", "steps") - begin, result))
    check(f"the record is whole when {name}", query(record, "PRAGMA integrity_check") == [("ok",)] and
          query(record, "SELECT status FROM result") == [("done",)])

status, out, err = nanodose("export", record)
rows = list(csv.DictReader(io.StringIO(out)))
check("the delivered volume of a later run begins at nothing, though the pump has moved before",
      begin > 0 and float(rows[0]["delivered_ul"]) == 0, rows[0])
check("the delivered volume of a later run ends at what the steps make",
      abs(float(rows[-1]["delivered_ul"]) - WHOLE * STEP_UL) < 1e-4, rows[-1])

folder = tempfile.mkdtemp()
for _ in range(3):
    time.clock_settime(time.CLOCK_REALTIME, 1767225600)
    result = subprocess.run(["nanodose", "run", PROTOCOL, "--headless"], cwd=folder, capture_output=True, text=True,
                            stdin=subprocess.DEVNULL, check=False)
    check("a run that names no record finds a name for one", result.returncode == 0, result.stderr)
check("runs begun in the same second have a record each", len(os.listdir(folder)) == 3, os.listdir(folder))

watcher = start("monitor", "rig0")
watcher.stdout.readline()
watcher.stdout.close()
check("monitor ends when its reader leaves, though the pump at rest says nothing",
      wait_until(lambda: watcher.poll() is not None, 5), watcher.poll())
watcher.kill()
watcher.wait()

# ---- a question that nobody can answer

QUESTION = write_protocol("question.yaml", """\
nanodose: 1
name: Question
channels:
  line: {pump: rig0, syringe: BD Plastipak 1 mL, loaded: 900 uL, fluid: water}
steps:
  - wait: {operator: "Is the chip in place?"}
  - infuse: {channel: line, volume: 1 uL, rate: 600 uL/min}
""")
for name, redirection in (("closed", "<&-"), ("empty", "</dev/null"), ("endless zeroes", "</dev/zero")):
    begin = truth("rig0", "steps")
    result = shell(f"nanodose run {QUESTION} --record {fresh('question.db')} --headless {redirection}")
    check(f"a question with its input {name}: status 4, says why, nothing moves",
          result.returncode == 4 and "Is the chip in place? [y/n]" in result.stderr and
          "nobody can answer" in result.stderr and truth("rig0", "steps") == begin, result)
result = shell(f"echo y | nanodose run {QUESTION} --record {fresh('question.db')} --headless")
check("a question that is answered by a pipe: the dose goes on", result.returncode == 0, result)

# ---- signals


def dosing(record):
    process = start("run", PROTOCOL, "--record", fresh(record), "--headless")
    check(f"{record}: the dose is under way", wait_until(steps_moved("rig0", 5000), 30))
    return process


process = dosing("terminated.db")
process.send_signal(signal.SIGTERM)
out, err = process.communicate()
check("a request to terminate ends with status 4 and is told", process.returncode == 4 and "terminate" in err, err)

process = dosing("hangup.db")
process.send_signal(signal.SIGHUP)
out, err = process.communicate()
check("a terminal that goes does not end the dose", process.returncode == 0 and "goes on by itself" in err, err)

process = dosing("frozen.db")
process.send_signal(signal.SIGSTOP)
time.sleep(0.5)
rest = truth("rig0", "steps")
time.sleep(5)
check("the pump of a frozen program rests within half a second", truth("rig0", "steps") == rest)
process.send_signal(signal.SIGCONT)
out, err = process.communicate()
check("a frozen program that wakes ends with status 3 and says why",
      process.returncode == 3 and "owner silent" in err and "hold time" in err, err)

process = dosing("stopped.db")
status, said, words = nanodose("stop", "rig0")
out, err = process.communicate()
check("stop from another shell brings the pump to rest", status == 0 and "rig0 is at rest" in words, words)
check("the run that drove it ends with status 4 and says who stopped it",
      process.returncode == 4 and "stopped by another program" in err, err)

process = dosing("busy.db")
second = fresh("second.db")
status, said, words = nanodose("run", PROTOCOL, "--record", second, "--headless")
check("a second run on the pump: status 1, says who has it",
      status == 1 and str(process.pid) in words and "nanodose stop rig0" in words, words)
check("the run that was refused leaves no record", not os.path.exists(second))
out, err = process.communicate()
check("the first run goes on undisturbed", process.returncode == 0, err)

# ---- a group that may only read

os.chown("/dev/nanodose0", 0, 44)
os.chmod("/dev/nanodose0", 0o640)
AS_MEMBER = ["setpriv", "--reuid=65534", "--regid=65534", "--groups=44", "nanodose"]
result = subprocess.run([*AS_MEMBER, "monitor", "rig0", "--count", "1"], capture_output=True, text=True, check=False)
check("who may only read can watch", result.returncode == 0 and "at rest" in result.stdout, result)
result = subprocess.run([*AS_MEMBER, "stop", "rig0"], capture_output=True, text=True, check=False)
check("who may only read is not told to join the group it is in",
      result.returncode == 1 and "usermod" not in result.stderr and "chmod g+rw /dev/nanodose0" in result.stderr,
      result.stderr)
end()
