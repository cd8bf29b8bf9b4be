#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
# vm: --rig rig0
"""Buttons and pedals by evdev: what the configuration says they do, their coming and going, and configurations that are
none. The devices are the kernel's own uinput ones."""
import math
import os
import subprocess
import tempfile
import time

from button import Button
from rig import check, end, fresh, nanodose, query, start, truth, wait_until, write_protocol

STEP_UL = math.pi / 4 * 4.699 ** 2 * 1.0 / 3200
PROTOCOL = write_protocol("buttons.yaml", """\
nanodose: 1
channels:
  line: {pump: rig0, syringe: BD Plastipak 1 mL, loaded: 500 uL, fluid: water}
steps:
  - infuse: {channel: line, volume: 10 uL, rate: 60 uL/min}
  - wait: {operator: "Is it well?"}
  - infuse: {channel: line, volume: 2 uL, rate: 60 uL/min}
""")
FOLDER = tempfile.mkdtemp()
CONFIG = os.path.join(FOLDER, "config.yaml")
GOOD = """\
nanodose: 1
buttons:
  - {device: Red Button, key: KEY_STOP, does: emergency_stop}
  - {device: Foot Pedal, key: KEY_PAUSE, does: pause}
  - {device: Foot Pedal, key: KEY_Y, does: "yes"}
"""
environment = {**os.environ, "NANODOSE_CONFIG": CONFIG}


def configure(text):
    with open(CONFIG, "w", encoding="ascii") as file:
        file.write(text)


def begin(name):
    record = fresh(name + ".db")
    process = start("run", PROTOCOL, "--record", record, "--headless", stdin=subprocess.PIPE, env=environment)
    return process, record


def refused():
    before = truth("rig0", "steps")
    status, out, err = nanodose("run", PROTOCOL, "--record", fresh("button-refused.db"), "--headless", env=environment)
    return status == 1 and truth("rig0", "steps") == before, err


def texts(record):
    return [text for (text,) in query(record, "SELECT text FROM event ORDER BY id")]


def moved_ul(since):
    return (truth("rig0", "steps") - since) * STEP_UL


def at_rest():
    before = truth("rig0", "steps")
    time.sleep(1)
    return truth("rig0", "steps") == before


configure(GOOD)
good, err = refused()
check("a button that is not there refuses the run, and is named", good and '"Red Button" is not there' in err and
      '"Foot Pedal" is not there' in err and CONFIG in err, err)
red, pedal = Button("Red Button", "KEY_STOP"), Button("Foot Pedal", "KEY_PAUSE")
good, err = refused()
check("so is a key that it has not", good and '"Foot Pedal" has no KEY_Y' in err, err)
pedal.unplug()
pedal = Button("Foot Pedal", "KEY_PAUSE", "KEY_Y")

since = truth("rig0", "steps")
run, record = begin("button-pedal")
wait_until(lambda: moved_ul(since) > 2, 30)
pedal.press("KEY_PAUSE")
time.sleep(1)
check("a pedal pauses", at_rest() and moved_ul(since) < 4, moved_ul(since))
pedal.press("KEY_PAUSE")
check("and resumes", wait_until(lambda: moved_ul(since) > 5, 30), moved_ul(since))
pedal.unplug()
time.sleep(1)
check("losing it pauses, as somebody relies on it", at_rest() and moved_ul(since) < 9, moved_ul(since))
pedal = Button("Foot Pedal", "KEY_PAUSE", "KEY_Y")
time.sleep(0.5)
pedal.press("KEY_PAUSE")
check("plugged in again it works again", wait_until(lambda: moved_ul(since) > 9.9, 30), moved_ul(since))
check("its keys are the run's alone meanwhile", subprocess.run(
    ["/usr/bin/python3", "-c", "import fcntl, glob\nfor p in glob.glob('/dev/input/event*'):\n"
     "    try: fcntl.ioctl(open(p), 0x40044590, 1)\n    except OSError as e: print(e.errno)"],
    capture_output=True, text=True, check=False).stdout.split() == ["16", "16"])
time.sleep(8)
pedal.press("KEY_Y")
run.communicate()
check("it answers yes, and the run is done", run.returncode == 0 and abs(moved_ul(since) - 12) < STEP_UL,
      (run.returncode, moved_ul(since)))
told = texts(record)
check("the record tells who did it", all(any(part in text for text in told) for part in
                                        ('paused by the button "Foot Pedal"', 'resumed by the button "Foot Pedal"',
                                         'paused by the loss of the button "Foot Pedal"')), told)

since = truth("rig0", "steps")
run, record = begin("button-red")
wait_until(lambda: moved_ul(since) > 2, 30)
red.press("KEY_STOP")
at_press = truth("rig0", "steps")
run.communicate()
check("the red button is the emergency stop", run.returncode == 4 and truth("rig0", "steps") - at_press < 10 and
      any('emergency stop by the button "Red Button"' in text for text in texts(record)),
      (run.returncode, truth("rig0", "steps") - at_press, texts(record)))

for text, said in (("buttons: []\n", ":1:1: error: the configuration begins with its version, 'nanodose: 1'"),
                   ("nanodose: 1\nbuttons: red\n", ":2:10: error: buttons: is a list"),
                   ("nanodose: 1\nbotton: []\n", ":2:1: error: unknown key 'botton' in the configuration"),
                   (GOOD.replace("KEY_STOP", "KEY_CRIMSON"), ":3:31: error: key: \"KEY_CRIMSON\" is no key"),
                   (GOOD.replace("does: pause", "does: dance"), ":4:48: error: does: is one of"),
                   (GOOD.replace(", does: pause", ""), ":4:5: error: a button needs 'does'"),
                   ("nanodose: 1\nbuttons: [\n", "error")):
    configure(text)
    good, err = refused()
    check(f"a configuration that is none: {said}", good and said in err, err)
configure("nanodose: 1\n")
check("one without buttons asks for none", nanodose("run", PROTOCOL, "--record", fresh("button-none.db"), "--headless",
                                                    "--yes", env=environment)[0] == 0)
os.unlink(CONFIG)
good, err = refused()
check("one that was named and is not there is told", good and "cannot be read: No such file" in err, err)
end()
