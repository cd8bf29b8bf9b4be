#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
# vm: --rig rig0 --rig rig1
"""attach: a run is seen, taken in hand and stopped from other terminals, and does not care when these go."""
import json
import math
import os
import re
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "integration"))

from rig import OUT, check, end, fresh, nanodose, processes, query, start, truth, wait_until, write_protocol  # noqa: E402
from tmux import Tmux  # noqa: E402

STEP_UL = math.pi / 4 * 4.699 ** 2 * 1.0 / 3200
PROTOCOL = """\
nanodose: 1
name: Attached
channels:
  line: {pump: %s, syringe: BD Plastipak 1 mL, loaded: 800 uL, fluid: water}
steps:
  - infuse: {channel: line, volume: 100 uL, rate: 60 uL/min}
  - wait: {operator: "Is it well?"}
  - infuse: {channel: line, volume: 10 uL, rate: 60 uL/min}
"""
# Another user, as far as the kernel is concerned.
OTHER = "setpriv --reuid 4242 --regid 4242 --clear-groups "


def begin(name, rig="rig0"):
    record = fresh(name + ".db")
    process = start("run", write_protocol(name + ".yaml", PROTOCOL % rig), "--record", record, "--headless",
                    stdin=subprocess.PIPE)
    wait_until(lambda: name in runs(), 10)
    return process, record


def runs():
    status, out, err = nanodose("list", "--runs", "--json")
    return {run["name"]: run for run in json.loads(out)} if status == 0 else err


def texts(record):
    return [text for (text,) in query(record, "SELECT text FROM event ORDER BY id")]


def moved_ul(rig, since):
    return (truth(rig, "steps") - since) * STEP_UL


def left_alone(rig):
    """Steps go on for two seconds."""
    before = truth(rig, "steps")
    time.sleep(2)
    return truth(rig, "steps") > before + 1.5 / STEP_UL


check("without a run there is none to attach to", runs() == {} and
      "no run is under way" in nanodose("list", "--runs")[2])
lonely = Tmux("nanodose attach")
check("attach says so", lonely.ended() == 1 and "no run is under way" in lonely.left(), lonely.left())

since = truth("rig0", "steps")
first, record = begin("attached-one")
seen = runs().get("attached-one", {})
check("list tells of a run: its protocol, record, state and that nobody has it in hand",
      seen.get("protocol") == "Attached" and seen.get("record") == os.path.realpath(record) and
      seen.get("controller") is None and seen.get("status"), seen)
status, out, err = nanodose("list")
check("and so it does for people", status == 0 and re.search(r"^RUN +DONE +STATUS", out, re.M) and "attached-one" in out,
      out + err)
status, out, err = nanodose("attach", "attached-one")
check("attach without a terminal is refused with what does without one", status == 1 and "--runs --json" in err, err)

screen = Tmux("nanodose attach")
check("the only run needs no name: its screen comes up, with what went before",
      screen.wait(r"Attached .* dosing") and screen.wait("infuse line 100 uL at 60 uL/min"), screen.picture())
check("the run is now in somebody's hand", wait_until(lambda: runs()["attached-one"]["controller"] == "root (uid 0)", 10),
      runs())
screen.press("Space")
check("space pauses it", screen.wait(r"Attached .* paused"), screen.picture())
watcher = Tmux("nanodose attach attached-one")
check("a second screen comes up beside it and is told whose the run is",
      watcher.wait(r"Attached .* paused") and watcher.wait("only watching: root .* has the run in hand"), watcher.picture())
watcher.press("Space")
time.sleep(1)
check("its space does nothing", screen.shows(r"Attached .* paused") and watcher.shows("only watching: c takes"),
      watcher.picture())
watcher.press("c", "Space")
check("c takes the run over: now it does", watcher.wait(r"Attached .* dosing"), watcher.picture())
screen.press("Space")
check("and the first one only watches", screen.wait("only watching"), screen.picture())

screen.close()
check("a terminal that is closed leaves the run alone", left_alone("rig0"))
watcher.press("d")
check("d leaves it, too, and says so", watcher.ended() == 0 and "left attached-one alone; it goes on" in watcher.left(),
      watcher.left())
check("nobody has it in hand", wait_until(lambda: runs()["attached-one"]["controller"] is None, 10), runs())
killed = Tmux("nanodose attach attached-one")
killed.wait(r"Attached .* dosing")
for pid in processes("nanodose attach"):
    os.kill(pid, signal.SIGKILL)
check("a screen that is killed leaves it alone", killed.ended() == 137 and left_alone("rig0"), killed.left())

own_record = fresh("attached-run.db")
own = Tmux(f"nanodose run {write_protocol('attached-run.yaml', PROTOCOL % 'rig1')} --record {own_record}")
check("run on a terminal shows its screen", own.wait(r"Attached .* dosing"), own.picture())
check("and has itself in hand", wait_until(lambda: runs()["attached-run"]["controller"] == "root (uid 0)", 10), runs())
own.press("d")
check("d leaves the run alone: it says how to come back", own.ended() == 0 and
      'it goes on: "nanodose attach attached-run" comes back to it' in own.left().replace("\n", ""), own.left())
check("and goes on", left_alone("rig1"))
back = Tmux("nanodose attach attached-run")
check("attach comes back to it", back.wait(r"Attached .* dosing") and back.wait("infuse line 100 uL at 60 uL/min"),
      back.picture())
back.press("s")
check("and can end it", back.wait("The operator stopped the run"), back.picture())
back.press("z")
back.ended()
check("its record is closed", wait_until(lambda: "attached-run" not in runs(), 10) and
      nanodose("verify", own_record)[0] == 0, texts(own_record))

own_record = fresh("attached-killed.db")
own = Tmux(f"nanodose run {write_protocol('attached-killed.yaml', PROTOCOL % 'rig1')} --record {own_record}")
own.wait(r"Attached .* dosing")
screen_pid = processes(f"nanodose run {os.path.join(OUT, 'attached-killed.yaml')}")[0]
os.kill(screen_pid, signal.SIGKILL)
check("the screen that began a run is killed: the run goes on", own.ended() == 137 and left_alone("rig1"),
      (screen_pid, own.left()))
check("and is ended by its name", nanodose("stop", "attached-killed")[0] == 0, runs())

second, other_record = begin("attached-two", "rig1")
which = Tmux("nanodose attach attached")
check("with two runs attach asks which", which.ended() == 1 and re.search(r"say which run:\s+attached-one\s+attached-two",
                                                                         which.left()), which.left())
stranger = Tmux(OTHER + "nanodose attach two")
check("another user cannot come where the folder does not let them", stranger.ended() == 1, stranger.left())
os.chmod("/run/nanodose/attached-two.run", 0o666)
stranger = Tmux(OTHER + "nanodose attach two")
check("one who may come watches", stranger.wait(r"Attached .* dosing") and
      stranger.wait("only watching: this run is another user's"), stranger.picture())
stranger.press("Space")
time.sleep(0.5)
check("and cannot pause", stranger.wait(r"Attached .* dosing") and left_alone("rig1"), stranger.picture())
stranger.press("s")
check("but can stop, as at the device", stranger.wait(r"Attached .* stopped"), stranger.picture())
stranger.press("Enter")
check("its status is that of the run", stranger.ended() == 4, stranger.left())
second.communicate()
check("so is that of the run's own process", second.returncode == 4, second.returncode)
check("the record has who, by the kernel's word", any(re.search(r"stopped by .*\(uid 4242\)", text)
                                                    for text in texts(other_record)), texts(other_record))

asked = Tmux("nanodose attach")
check("a question is asked where the run is attached to", asked.wait("waiting for the operator", 120), asked.picture())
asked.press("y")
check("and answered there", asked.wait(r"Attached .* done", 60), asked.picture())
check("its last picture has its last event", asked.wait("the run is over: done"), asked.picture())
asked.press("Enter")
check("attach ends with the run's status", asked.ended() == 0, asked.left())
first.communicate()
check("the dose is whole, to the step", first.returncode == 0 and abs(moved_ul("rig0", since) - 110) < STEP_UL,
      (first.returncode, moved_ul("rig0", since)))
check("the record has who did what", any(text == "paused by root (uid 0)" for text in texts(record)) and
      any(text == "resumed by root (uid 0)" for text in texts(record)), texts(record))

homeless = Tmux(f"nanodose run {write_protocol('homeless.yaml', PROTOCOL % 'rig0')} --record {fresh('homeless.db')}",
                environment={"NANODOSE_RUNTIME_DIR": "/proc/none"})
check("a run on a terminal whose socket cannot be made is refused before anything moves", homeless.ended() == 1 and
      "NANODOSE_RUNTIME_DIR may name a folder for it" in homeless.left().replace("\n", ""), homeless.left())

os.makedirs("/tmp/small", exist_ok=True)
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", "/tmp/small"], check=True)
full = Tmux(f"nanodose run {write_protocol('full.yaml', PROTOCOL % 'rig0')} --record /tmp/small/full.db")
full.wait(r"Attached .* dosing")
with open("/tmp/small/filler", "wb", buffering=0) as filler:
    try:
        while True:
            filler.write(bytes(4096))
    except OSError:
        pass
check("a full disk pauses the run", full.wait("paused: disk full"), full.picture())
full.press("s")
check("stopped there, its end is shown", full.wait("The operator stopped the run"), full.picture())
full.press("z")
check("and that the record is not closed yet, and why", full.until(
    lambda: "make room where its disk is full" in full.left().replace("\n", "")), full.left())
os.unlink("/tmp/small/filler")
check("with room it is closed, and the summary comes", full.ended() == 4 and "stopped by the operator" in full.left() and
      nanodose("verify", "/tmp/small/full.db")[0] == 0, full.left())

third, record = begin("attached-three")
status, out, err = nanodose("stop", "attached-three")
check("when it returns the record is closed", query(record, "SELECT status FROM result") == [("stopped by the operator",)],
      query(record, "SELECT * FROM result"))
third.communicate()
check("stop takes the name of a run", status == 0 and third.returncode == 4 and "attached-three is over" in err,
      (status, third.returncode, err))
fourth, record = begin("attached-four")
status, out, err = nanodose("stop", "--now", "attached-four")
fourth.communicate()
check("stop --now stops it at once", status == 0 and any("emergency stop by root (uid 0)" in text for text in texts(record)),
      (status, err, texts(record)))

fifth, record = begin("attached-five")
witness = Tmux("nanodose attach")
witness.wait(r"Attached .* dosing")
os.kill(fifth.pid, signal.SIGKILL)
fifth.communicate()
check("a run that is killed: its screen says what becomes of pumps and record",
      witness.ended() == 3 and "come to rest by themselves" in witness.left().replace("\n", ""), witness.left())
check("and it is listed no more", "attached-five" not in runs() and
      not os.path.exists("/run/nanodose/attached-five.run"), runs())
end()
