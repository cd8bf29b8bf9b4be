#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
# vm: --rig rig0
"""What bad input gets from `nanodose run`: a plain message, status 1, no step."""
import os
import re
import subprocess

from device import Device
from rig import check, end, fresh, nanodose, truth, write_protocol

GOOD = """\
nanodose: 1
name: Good
channels:
  line: {pump: rig0, syringe: BD Plastipak 1 mL, loaded: 500 uL, fluid: water}
steps:
  - infuse: {channel: line, volume: 100 uL, rate: 100 uL/min}
"""

# name, what to replace, by what, line of the message, words it must hold
DEFECTS = [
    ("malformed YAML", "{channel: line, volume", "{channel: line, volume: [", 6, ""),
    ("unknown key", "fluid: water", "fluid: water, colour: red", 4, "colour"),
    ("missing unit", "volume: 100 uL", "volume: 100", 6, "unit"),
    ("wrong dimension", "rate: 100 uL/min", "rate: 100 uL", 6, "rate"),
    ("unknown syringe", "BD Plastipak 1 mL", "BD Plastipack 1 mL", 4, "BD Plastipak 1 mL"),
    ("rate beyond syringe and pump", "rate: 100 uL/min", "rate: 100 mL/min", 6, "mL/min"),
    ("volume beyond what is loaded", "volume: 100 uL", "volume: 600 uL", 6, "500 uL"),
    ("duplicate channel", "steps:", "  line: {pump: rig0, syringe: BD Plastipak 1 mL, loaded: 1 uL, fluid: water}\nsteps:", 5, "line"),
    ("expression error", "volume: 100 uL", 'volume: "${1 +} uL"', 6, ""),
]
steps0 = truth("rig0", "steps")
for name, old, new, line, words in DEFECTS:
    text = GOOD.replace(old, new)
    assert text != GOOD
    path = write_protocol("defect.yaml", text)
    status, out, err = nanodose("run", path, "--record", fresh("defect.db"), "--headless")
    found = re.search(rf"^{re.escape(path)}:{line}:\d+: error: .*{re.escape(words)}", err, re.M)
    check(f"{name}: status 1 and file:line:column: error", status == 1 and found, f"status {status}\n{err}")

text = GOOD.replace("volume: 100 uL", "volume: 100").replace("fluid: water", "fluid: water, colour: red")
path = write_protocol("defect.yaml", text)
status, out, err = nanodose("check", path)
check("all errors come in one go", status == 1 and err.count(": error: ") + out.count(": error: ") == 2, out + err)

path = write_protocol("nopump.yaml", GOOD.replace("rig0", "rig9"))
status, out, err = nanodose("run", path, "--record", fresh("nopump.db"), "--headless")
check("unknown pump: status 1, says what to load", status == 1 and "rig9" in err and "modprobe" in err, err)

path = write_protocol("good.yaml", GOOD)
holder = Device("/dev/nanodose0")
holder.claim("bench robot")
status, out, err = nanodose("run", path, "--record", fresh("busy.db"), "--headless")
check("device busy: status 1, says who owns it",
      status == 1 and "bench robot" in err and str(os.getpid()) in err, err)
holder.close()

os.chmod("/dev/nanodose0", 0o660)
status = subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "nanodose", "stop", "nanodose0"],
                        capture_output=True, text=True, check=False)
check("no permission: status 1, says which group", status.returncode == 1 and "group" in status.stderr and
      "usermod" in status.stderr, status.stderr)

status, out, err = nanodose("run", "no-such-file.yaml", "--headless")
check("a missing file: status 1, names it", status == 1 and "no-such-file.yaml" in err, err)
status, out, err = nanodose("rnu", path)
check("a mistyped verb: status 2, did you mean", status == 2 and "run" in err and "did you mean" in err.lower(), err)
status, out, err = nanodose("run")
check("a missing argument: status 2", status == 2, err)
record = fresh("exists.db")
open(record, "w", encoding="ascii").close()
status, out, err = nanodose("run", path, "--record", record, "--headless")
check("a record that exists is not overwritten: status 1", status == 1 and "exists.db" in err, err)
check("nothing has moved in all this", truth("rig0", "steps") == steps0, truth("rig0", "steps") - steps0)
end()
