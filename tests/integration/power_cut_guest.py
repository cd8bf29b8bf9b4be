# SPDX-License-Identifier: GPL-2.0-or-later
"""In the machine: a run, and the power cut at an instant; or the rest of it. Called by power_cut.py."""
import ctypes
import os
import sys
import time

from rig import nanodose, start, truth

POWER_OFF = 0x4321fedc


def say(path, text):
    with open(path, "w", encoding="ascii") as file:
        file.write(text)


what, protocol, record, told = sys.argv[1:5]
if what == "rest":
    status, out, err = nanodose("run", "--resume", sys.argv[5], "--record", record, "--headless", "--yes")
    say(told, f"{status} {truth('rig0', 'steps')} {truth('rig0', 'outlet_volume_fl')}\n{out}{err}")
    sys.exit(0)
process = start("run", protocol, "--record", record, "--headless")
if what == "whole":
    process.communicate()
else:
    time.sleep(float(what))
say(told, f"{process.poll()} {truth('rig0', 'steps')} {truth('rig0', 'outlet_volume_fl')}\n")
if what != "whole":
    # Nothing is written back, nobody is told.
    ctypes.CDLL(None).reboot(POWER_OFF)
os._exit(0)
