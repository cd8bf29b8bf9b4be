#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
# vm: --rig rig0
"""The systemd unit: a real systemd starts a run, stops it by a ramp with its record closed, and never gives a dose twice.
Here it is the manager of one user, which cannot become another: the lines that ask for that are left out."""
import glob
import json
import math
import os
import subprocess
import time

from rig import OUT, TOP, check, end, fault, fresh, nanodose, start, truth, wait_until, write_protocol

STEP_UL = math.pi / 4 * 4.699 ** 2 * 1.0 / 3200
RUNTIME = "/run/user/0"
UNITS = RUNTIME + "/systemd/user"
STATE = os.path.join(OUT, "service")
PROTOCOL = """\
nanodose: 1
name: At boot
channels:
  line: {pump: rig0, syringe: BD Plastipak 1 mL, loaded: 500 uL, fluid: water}
steps:
  - infuse: {channel: line, volume: %d uL, rate: 60 uL/min}
"""


def sh(command):
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=False, env=environment)
    return done.returncode, done.stdout + done.stderr


def comes(condition, limit_s):
    """As wait_until(), with longer rests: each look is a program of its own."""
    return wait_until(condition, limit_s, 0.5)


def state(unit):
    said = sh(f"systemctl --user show {unit} -p ActiveState,Result,NRestarts,ExecMainStatus")[1]
    return dict(line.split("=", 1) for line in said.split())


def records():
    return sorted(glob.glob(os.path.join(STATE, "nanodose", "*.db")))


environment = {**os.environ, "XDG_RUNTIME_DIR": RUNTIME, "XDG_CONFIG_HOME": STATE}
os.makedirs(UNITS, exist_ok=True)
os.makedirs("/run/systemd/system", exist_ok=True)       # as where systemd has booted
os.makedirs("/run/nanodose", exist_ok=True)
os.makedirs(STATE, exist_ok=True)
for old in records():
    os.unlink(old)
sh("mount -t cgroup2 none /sys/fs/cgroup")
with open(os.path.join(TOP, "userspace/systemd/nanodose@.service.in"), encoding="ascii") as file:
    unit = file.read()
check("the unit is of the user and group of the pumps", all(line in unit for line in
                                                          ("\nUser=nanodose\n", "\nGroup=nanodose\n", "\nRestart=no\n")))
lines = [line for line in unit.split("\n") if line.split("=")[0] not in ("User", "Group", "SupplementaryGroups")]
with open(UNITS + "/nanodose@.service", "w", encoding="ascii") as file:
    file.write("\n".join(lines).replace("@PREFIX@", os.path.join(TOP, "build")).replace("/etc/nanodose", OUT))
write_protocol("boot.yaml", PROTOCOL % 5)
write_protocol("boot-long.yaml", PROTOCOL % 60)
write_protocol("boot-wrong.yaml", PROTOCOL % 5000)
status, said = sh(f"systemd-analyze --user --man=no verify {UNITS}/nanodose@.service")
check("systemd finds no fault in the unit", status == 0 and "nanodose@" not in said, said)
manager = subprocess.Popen(["/lib/systemd/systemd", "--user"], env=environment)
comes(lambda: sh("systemctl --user is-system-running")[1].strip() in ("running", "degraded"), 30)

before = truth("rig0", "steps")
status, said = sh("systemctl --user start nanodose@boot")
check("it starts", status == 0, said)
check("the run is among those under way", comes(
    lambda: any(run["protocol"] == "At boot" for run in json.loads(nanodose("list", "--runs", "--json")[1] or "[]")), 20))
check("it doses to its end, by the rig", comes(lambda: state("nanodose@boot")["ActiveState"] == "inactive", 60) and
      truth("rig0", "steps") - before == round(5 / STEP_UL), (truth("rig0", "steps") - before, state("nanodose@boot")))
check("once", state("nanodose@boot")["NRestarts"] == "0" and state("nanodose@boot")["Result"] == "success", state("nanodose@boot"))
check("its record is in the state's folder, closed and whole", len(records()) == 1 and nanodose("verify", records()[0])[0] == 0, records())

before = truth("rig0", "steps")
sh("systemctl --user start nanodose@boot-long")
wait_until(lambda: truth("rig0", "steps") > before + 1000, 30)
status, said = sh("systemctl --user stop nanodose@boot-long")
at = truth("rig0", "steps")
time.sleep(2)
check("stop brings the pump to rest before it returns", status == 0 and truth("rig0", "steps") == at and
      at - before < 30 / STEP_UL, (said, at - before))
check("and that record is closed, too", len(records()) == 2 and all(nanodose("verify", one)[0] == 0 for one in records()), records())

before = truth("rig0", "steps")
sh("systemctl --user start nanodose@boot-long")
wait_until(lambda: truth("rig0", "steps") > before + 1000, 30)
fault("rig0", "air")
check("a fault ends it as failed, status 3", comes(lambda: state("nanodose@boot-long")["ActiveState"] == "failed", 30) and
      state("nanodose@boot-long")["ExecMainStatus"] == "3", state("nanodose@boot-long"))
fault("rig0", "air", 0)
at = truth("rig0", "steps")
time.sleep(30)
check("it is not begun again by itself", truth("rig0", "steps") == at and state("nanodose@boot-long")["NRestarts"] == "0")
sh("systemctl --user start nanodose@boot-wrong")
check("a protocol that asks for too much is refused, status 1, and nothing moves",
      comes(lambda: state("nanodose@boot-wrong")["ActiveState"] == "failed", 30) and
      state("nanodose@boot-wrong")["ExecMainStatus"] == "1" and truth("rig0", "steps") == at, state("nanodose@boot-wrong"))
status, said = sh("systemctl --user start nanodose@not-there")
time.sleep(1)
check("one that is not there is not begun", state("nanodose@not-there")["ActiveState"] == "inactive" and truth("rig0", "steps") == at)
run = start("run", os.path.join(OUT, "boot.yaml"), "--record", fresh("service-hand.db"), "--headless")
run.communicate()
check("meanwhile a person can use the pump", run.returncode == 0 and truth("rig0", "steps") - at == round(5 / STEP_UL))
manager.terminate()
manager.wait()
end()
