#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
# vm: --rig rig0 --rig rig1:sensor_model=ld20-2600b
"""The verbs list, info, monitor, stop and export on two pumps."""
import json
import os
import re
import subprocess

from device import Device
from rig import check, end, nanodose, start, truth, wait_until

SECOND = 10**9
RATE = 2000 * SECOND        # nano-steps/s
ACCEL = 20000 * SECOND
PLATFORM = "/sys/bus/platform/drivers/nanodose"


def of(label):
    """The device name of a rig's pump, by sysfs."""
    for name in os.listdir("/sys/class/nanodose"):
        with open(f"/sys/class/nanodose/{name}/label", encoding="ascii") as file:
            if file.read().strip() == label:
                return name
    return None


first, second = of("rig0"), of("rig1")

# ---- list

status, out, err = nanodose("list")
lines = out.splitlines()
check("list shows a heading and one line a pump", status == 0 and len(lines) == 3 and not err, out + err)
check("list shows names, labels and sensors",
      re.search(rf"^{first} +rig0 +SLF3S-0600F ", out, re.M) and
      re.search(rf"^{second} +rig1 +LD20-2600B ", out, re.M), out)
check("list is sorted by device number", [line.split()[0] for line in lines[1:]] == sorted([first, second]), out)
holder = Device(f"/dev/{first}")
holder.claim("bench robot")
status, out, err = nanodose("list")
check("list shows who owns a pump", f"bench robot ({os.getpid()})" in out, out)
status, out, err = nanodose("list", "--json")
pumps = {pump["label"]: pump for pump in json.loads(out)}
check("list --json has both pumps with info and status",
      set(pumps) == {"rig0", "rig1"} and all("info" in p and "status" in p for p in pumps.values()), out)
check("list --json tells the owner",
      pumps["rig0"]["status"]["owner"] == {"label": "bench robot", "pid": os.getpid()} and
      pumps["rig1"]["status"]["owner"] is None, pumps["rig0"]["status"])
holder.release()

# ---- info

for name in (first, f"/dev/{first}", "rig0"):
    status, out, err = nanodose("info", name)
    check(f"info finds the pump by {'label' if name == 'rig0' else 'path' if '/' in name else 'name'}",
          status == 0 and re.search(rf"^device +{first}$", out, re.M) and re.search(r"^label +rig0$", out, re.M), out + err)
check("info shows mechanics, sensor and state",
      all(re.search(pattern, out, re.M) for pattern in (
          r"^microsteps/turn +3200$", r"^lead pitch +1 mm$", r"^flow sensor +SLF3S-0600F$",
          r"^state +at rest$", r"^faults +none$")), out)
status, out, err = nanodose("info", "rig0", "--json")
facts = json.loads(out)
check("info --json holds the driver's facts by their own names",
      facts["info"]["microsteps_per_rev"] == 3200 and facts["info"]["lead_pitch_nm"] == 1000000 and
      facts["info"]["sensor"] == "SLF3S-0600F" and facts["path"] == f"/dev/{first}", out)
check("a flow that was never measured is null, not zero", facts["status"]["flow_pl_min"] is None, facts["status"])
status, out, err = nanodose("info", "rig7")
check("info of an unknown pump: status 1, names it and those there are",
      status == 1 and "rig7" in err and first in err and "rig1" in err and not out, err)
status, out, err = nanodose("info", "/dev/null")
check("info of another device: status 1, says it is no pump", status == 1 and "not a nanodose pump" in err, err)
status, out, err = nanodose("info")
check("info without a device: status 2", status == 2 and "usage" in err, err)
status, out, err = nanodose("info", "--help")
check("info --help: status 0, on standard output", status == 0 and out.startswith("usage: nanodose info") and not err, out)

# ---- monitor

status, out, err = nanodose("monitor", first, "--count", "1")
check("monitor begins with the state it finds", status == 0 and out.count("\n") == 1 and "state" in out and
      "at rest" in out, out + err)

watcher = start("monitor", "rig0", "--json")
heard = [json.loads(watcher.stdout.readline())]     # from here on it listens
holder.claim("bench robot")
holder.sensor(True, 20_000_000)
holder.run(RATE, ACCEL, SECOND, end=500)
while heard[-1].get("cause") != "end position reached":
    heard.append(json.loads(watcher.stdout.readline()))
flows = [record for record in heard if record["type"] == "flow"]
check("monitor --json gives one object a record, states and flows",
      {"state", "flow"} <= {record["type"] for record in heard}, heard[-1])
check("monitor shows claim, motion and end as causes",
      [r["cause"] for r in heard if r["type"] == "state" and r["cause"] in ("claimed", "motion begins", "end position reached")] ==
      ["claimed", "motion begins", "end position reached"], [r.get("cause") for r in heard])
check("monitor's last state is at position 500", heard[-1]["position"] == 500 and heard[-1]["state"] == "at rest", heard[-1])
numbers = [record["sequence"] for record in heard[1:]]
check("monitor leaves out no record", numbers == list(range(numbers[0], numbers[0] + len(numbers))), numbers)
check("monitor's positions never go back", [f["position"] for f in flows] == sorted(f["position"] for f in flows))
watcher.terminate()
watcher.communicate()
holder.sensor(False)

status, out, err = nanodose("monitor", first, "--count", "many")
check("monitor with a count that is none: status 2", status == 2 and "many" in err, err)

# ---- stop


def turning(device):
    """Makes a pump turn until told otherwise; True once it does."""
    name = "rig0" if device is holder else "rig1"
    before = truth(name, "steps")
    device.run(RATE, ACCEL, 10 * SECOND)
    return wait_until(lambda: truth(name, "steps") > before + 300, 5)


check("the pump turns", turning(holder))
status, out, err = nanodose("stop", "rig0")
steps = truth("rig0", "steps")
check("stop brings another's pump to rest: status 0, says where",
      status == 0 and re.search(r"rig0 is at rest at position \d+", err), err)
other = Device(f"/dev/{second}")
other.claim("second")
check("the other pump turns", turning(other))
check("the stopped pump has stayed at rest meanwhile", truth("rig0", "steps") == steps, truth("rig0", "steps") - steps)
check("the first pump turns again", turning(holder))
status, out, err = nanodose("stop", "--all", "--now")
both = truth("rig0", "steps"), truth("rig1", "steps")
check("stop --all --now stops both: status 0", status == 0 and err.count("at rest") == 2, err)
wait_until(lambda: False, 0.5)
check("both are at rest afterwards", both == (truth("rig0", "steps"), truth("rig1", "steps")))
status, out, err = nanodose("stop", "rig0")
check("stopping a pump at rest is no error", status == 0, err)
status, out, err = nanodose("stop", "rig0", "rig9")
check("stop with an unknown pump among others: status 1, the others are stopped",
      status == 1 and "rig9" in err and "rig0 is at rest" in err, err)
status, out, err = nanodose("stop")
check("stop without a device: status 2", status == 2, err)
status, out, err = nanodose("stop", "--all", "rig0")
check("stop with devices and --all: status 2", status == 2, err)
holder.close()

# ---- permission

os.chmod(f"/dev/{first}", 0o660)
os.chown(f"/dev/{first}", 0, 44)
denied = subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "nanodose", "info", first],
                        capture_output=True, text=True, check=False)
check("no permission: status 1, names the group that has it and the command that joins it",
      denied.returncode == 1 and "group video" in denied.stderr and "usermod -aG video nobody" in denied.stderr and
      "log out" in denied.stderr, denied.stderr)
denied = subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "nanodose", "list"],
                        capture_output=True, text=True, check=False)
check("list still shows a pump that may not be opened",
      denied.returncode == 0 and re.search(rf"^{first} +rig0 .*Permission denied", denied.stdout, re.M), denied.stdout)

# ---- going away

watcher = start("monitor", "rig1", "--json")
watcher.stdout.readline()
parent = os.path.basename(os.path.realpath(f"/sys/class/nanodose/{second}/device"))
with open(f"{PLATFORM}/unbind", "w", encoding="ascii") as file:
    file.write(parent)
out, err = watcher.communicate()
check("monitor ends with status 5 when the device goes, and says so",
      watcher.returncode == 5 and "gone" in err, f"{watcher.returncode}\n{err}")
status, out, err = nanodose("list")
check("list no longer shows it", status == 0 and "rig1" not in out and "rig0" in out, out)
other.close()

# ---- export, of what is no run

for name, text, words in (("no-such.db", None, "No such file"), ("text.db", "time,flow\n1,2\n" * 9, "not a run file")):
    path = f"/tmp/{name}"
    if text:
        with open(path, "w", encoding="ascii") as file:
            file.write(text)
    status, out, err = nanodose("export", path)
    check(f"export of {name}: status 1, says what is wrong", status == 1 and path in err and words in err and not out, err)
status, out, err = nanodose("export", "x.db", "--format", "xls")
check("export to an unknown format: status 2, names those there are", status == 2 and "csv" in err and "json" in err, err)
end()
