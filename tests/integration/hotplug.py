#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
# vm: --rig rig0 --rig rig1
"""Pumps come and go: list --watch tells of each by real udev events, run --wait begins once all are there."""
import json
import math
import signal
import time

from rig import check, end, fresh, nanodose, plug, start, truth, unplug, wait_until, write_protocol

STEP_UL = math.pi / 4 * 4.699 ** 2 * 1.0 / 3200
PROTOCOL = write_protocol("hotplug.yaml", """\
nanodose: 1
name: Hot-plug
channels:
  one: {pump: rig0, syringe: BD Plastipak 1 mL, loaded: 500 uL, fluid: water}
  two: {pump: rig1, syringe: BD Plastipak 1 mL, loaded: 500 uL, fluid: water}
steps:
  - infuse: {channel: one, volume: 5 uL, rate: 60 uL/min}
  - infuse: {channel: two, volume: 5 uL, rate: 60 uL/min}
""")

watcher = start("list", "--watch", "--json")
people = start("list", "--watch")
there = [json.loads(watcher.stdout.readline()) for _ in range(2)]
check("list --watch begins with those that are there", [(one["event"], one["label"], one["sensor"]) for one in there] ==
      [("there", "rig0", "SLF3S-0600F"), ("there", "rig1", "SLF3S-0600F")], there)
name = there[1]["name"]
values = unplug("rig1")
went = json.loads(watcher.stdout.readline())
check("one that goes is told", went == {"event": "went", "name": name, "label": None, "sensor": None}, went)

begin = truth("rig0", "steps")
status, out, err = nanodose("run", PROTOCOL, "--record", fresh("hotplug-none.db"), "--headless")
check("a run without it is refused", status == 1 and 'no pump named "rig1"' in err and "pumps here: nanodose0 (rig0)" in err, err)
given_up = start("run", PROTOCOL, "--record", fresh("hotplug-up.db"), "--headless", "--wait")
said = given_up.stderr.readline()
check("run --wait says what it waits for", 'waiting for pump "rig1" to be plugged in' in said, said)
given_up.send_signal(signal.SIGINT)
out, err = given_up.communicate()
check("an interrupt ends that, status 4, and nothing has moved", given_up.returncode == 4 and "nothing was moved" in err and
      truth("rig0", "steps") == begin, err)
waiting = start("run", PROTOCOL, "--record", fresh("hotplug.db"), "--headless", "--wait")
waiting.stderr.readline()
time.sleep(20)
check("while it waits nothing moves", waiting.poll() is None and truth("rig0", "steps") == begin)
plug("rig1", values)
came = json.loads(watcher.stdout.readline())
check("one that comes is told, with what it is", (came["event"], came["label"], came["sensor"]) == ("came", "rig1", "SLF3S-0600F"), came)
out, err = waiting.communicate()
check("and the run begins and doses both", waiting.returncode == 0 and
      [truth("rig0", "steps") - begin, truth("rig1", "steps")] == [round(5 / STEP_UL)] * 2,
      (waiting.returncode, truth("rig0", "steps") - begin, truth("rig1", "steps"), err))
status, out, err = nanodose("run", PROTOCOL, "--record", fresh("hotplug-there.db"), "--headless", "--wait")
check("where all are there --wait changes nothing", status == 0 and "waiting" not in err, err)
watcher.terminate()
watcher.communicate()
people.terminate()
told = [line.split() for line in people.communicate()[0].splitlines()]
check("people are told the same", [line[0] for line in told] == ["there", "there", "went", "came"] and told[3][2:] == ["rig1", "SLF3S-0600F"],
      told)
reader = start("list", "--watch")
reader.stdout.readline()
reader.stdout.close()
values = unplug("rig1")
check("it ends when its reader leaves", wait_until(lambda: reader.poll() is not None, 5), reader.poll())
status, out, err = nanodose("list", "--watch", "--runs")
check("--watch is of pumps, not of runs", status == 2 and "not both" in err, err)
end()
