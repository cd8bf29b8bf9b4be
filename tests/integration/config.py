#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
# vm: --rig rig0 --rig rig1:syringe_diameter_um=1030
"""The configuration: what pumps are called and carry, a lab's own syringes, wheels, and who may do what with a run."""
import json
import math
import os
import shutil
import subprocess
import tempfile
import time

from button import Button
from rig import OUT, check, end, fresh, nanodose, query, start, truth, wait_until, write_protocol

FOLDER = tempfile.mkdtemp()
os.chmod(FOLDER, 0o755)
CONFIG = os.path.join(FOLDER, "config.yaml")
RUNS = os.path.join(FOLDER, "runs")
os.mkdir(RUNS)
os.chmod(RUNS, 0o777)
environment = {**os.environ, "NANODOSE_CONFIG": CONFIG, "NANODOSE_RUNTIME_DIR": RUNS}
STEP_MM = 1 / 3200
HEAD = "nanodose: 1\n"
PUMPS = HEAD + """\
syringes:
  Our glass 50 uL: {diameter: 1.03 mm, stroke: 60 mm}
pumps:
  left: {device: rig0, syringe: BD Plastipak 1 mL}
  right: {device: rig1, syringe: Our glass 50 uL}
"""
DOSE = """\
nanodose: 1
name: Configured
channels:
  line: {%s, loaded: %s, fluid: water}
steps:
  - infuse: {channel: line, volume: %s, rate: %s}
"""


def configure(text):
    with open(CONFIG, "w", encoding="utf-8") as file:
        file.write(text)


def run(name, *parts):
    """Exit status, what was said, steps of each rig."""
    before = [truth(rig, "steps") for rig in ("rig0", "rig1")]
    status, out, err = nanodose("run", write_protocol(name + ".yaml", DOSE % parts), "--record", fresh(name + ".db"),
                                "--headless", "--yes", env=environment)
    return status, err, [truth(rig, "steps") - at for rig, at in zip(("rig0", "rig1"), before)]


def steps(volume_ul, bore_mm):
    return round(volume_ul / (math.pi / 4 * bore_mm ** 2 * STEP_MM))


# ---- pumps and syringes -----------------------------------------------------------

configure(PUMPS)
status, err, moved = run("called", "pump: left, syringe: BD Plastipak 1 mL", "500 uL", "5 uL", "60 uL/min")
check("a protocol's pump may be a name of the configuration", status == 0 and moved == [steps(5, 4.699), 0], (status, err, moved))
status, err, moved = run("mounted", "pump: left", "500 uL", "5 uL", "60 uL/min")
check("what is mounted need not be told again", status == 0 and moved == [steps(5, 4.699), 0], (status, err, moved))
status, err, moved = run("own", "pump: right", "40 uL", "1 uL", "6 uL/min")
check("a syringe of the lab's own doses by its own bore", status == 0 and moved == [0, steps(1, 1.03)], (status, err, moved))
status, err, moved = run("own-named", "pump: rig1, syringe: Our glass 50 uL", "40 uL", "1 uL", "6 uL/min")
check("and may be named in a protocol", status == 0 and moved == [0, steps(1, 1.03)], (status, err, moved))
facts = query(os.path.join(OUT, "own-named.db"), "SELECT volume_per_step_m3 FROM channel")
check("the record has its volume per step", math.isclose(facts[0][0], math.pi / 4 * 1.03e-3 ** 2 * 1e-3 / 3200), facts)
for pump in ("left", "rig0", "nanodose0"):
    status, err, moved = run("wrong", f"pump: {pump}, syringe: BD Plastipak 3 mL", "500 uL", "5 uL", "60 uL/min")
    check(f"another syringe than is mounted on {pump} is refused, and both are named", status == 1 and moved == [0, 0] and
          "BD Plastipak 3 mL" in err and "BD Plastipak 1 mL" in err and CONFIG in err, (status, err))
status, err, moved = run("nobody", "pump: middle, syringe: BD Plastipak 1 mL", "500 uL", "5 uL", "60 uL/min")
check("a pump that nobody calls so is told as ever", status == 1 and 'no pump named "middle"' in err, err)
status, out, err = nanodose("info", "left", "--json", env=environment)
check("info takes the name, and tells it", status == 0 and json.loads(out)["info"]["label"] == "rig0" and
      json.loads(out)["configured"] == {"name": "left", "syringe": "BD Plastipak 1 mL"}, err)
status, out, err = nanodose("info", "rig1", env=environment)
check("to people as well, also by another name", status == 0 and "called             right\nsyringe            Our glass 50 uL\n" in out, out)
check("where there is no configuration there is none", json.loads(nanodose("info", "rig1", "--json")[1])["configured"] is None)
status, out, err = nanodose("monitor", "right", "--count", "1", env=environment)
check("so does monitor", status == 0 and "at rest" in out, err)
before = truth("rig0", "steps")
status, out, err = nanodose("jog", "left", "2 uL", env=environment)
check("jog knows the syringe by it", status == 0 and truth("rig0", "steps") - before == steps(2, 4.699), (err, truth("rig0", "steps") - before))
status, out, err = nanodose("stop", "left", env=environment)
check("and stop stops it", status == 0 and "left is at rest" in err, err)
configure("nanodose: 2\n")
status, out, err = nanodose("stop", "rig0", env=environment)
check("no mistake in the file keeps a stop from a pump's own name", status == 0 and "rig0 is at rest" in err, err)

# ---- what is refused ---------------------------------------------------------------

for text, said in (
        ("pumps: [left]\n", ":2:8: error: pumps: is a mapping"),
        ("pumps: {left: {}}\n", ":2:15: error: a pump needs 'device'"),
        ("pumps: {left: {device: rig0, colour: red}}\n", "unknown key 'colour' in a pump, known are device, syringe"),
        ("pumps: {3: {device: rig0}}\n", "a pump's name is a letter"),
        ("pumps: {a: {device: rig0}, b: {device: rig0}}\n", "\"rig0\" is 'a' already"),
        ("pumps: {a: {device: rig0, syringe: BD Plastipack 1 mL}}\n", "near it are BD Plastipak 1 mL"),
        ("syringes: 3\n", "syringes: is a mapping"),
        ("syringes: {Mine: {diameter: 2 mm}}\n", "a syringe needs 'stroke'"),
        ("syringes: {Mine: {diameter: 2 mm, stroke: 60}}\n", "unit"),
        ("syringes: {Mine: {diameter: 2 m, stroke: 60 mm}}\n", "at most 100 mm"),
        ("syringes: {Mine: {diameter: -2 mm, stroke: 60 mm}}\n", "above 0"),
        ("syringes: {BD Plastipak 1 mL: {diameter: 2 mm, stroke: 60 mm}}\n", "is in the table already"),
        ("permissions: [root]\n", "permissions is a mapping of watch, stop, control"),
        ("permissions: {control: [nobody_of_that_name]}\n", 'there is no user "nobody_of_that_name"'),
        ("permissions: {watch: \"@no_group\"}\n", 'there is no group "no_group"'),
        ("permissions: {watch: {a: b}}\n", "is a list of people"),
        ("buttons: [{device: Wheel, key: REL_SPIN+, does: stop}]\n", '"REL_SPIN+" is no key')):
    configure(HEAD + text)
    status, err, moved = run("refused", "pump: rig0, syringe: BD Plastipak 1 mL", "500 uL", "5 uL", "60 uL/min")
    check(f"{text.strip()}: refused with {said}", status == 1 and said in err and moved == [0, 0] and err.count(CONFIG) == 1,
          (status, err))

# ---- a jog wheel -------------------------------------------------------------------

wheel = Button("Jog Wheel", relative="REL_DIAL")
configure(HEAD + "buttons:\n  - {device: Jog Wheel, key: REL_DIAL-, does: emergency_stop}\n")
LONG = ("pump: rig0, syringe: BD Plastipak 1 mL", "500 uL", "50 uL", "60 uL/min")
record = fresh("wheel.db")
process = start("run", write_protocol("wheel.yaml", DOSE % LONG), "--record", record, "--headless", env=environment)
before = truth("rig0", "steps")
wait_until(lambda: truth("rig0", "steps") > before + 500, 30)
wheel.turn(1)
time.sleep(1)
check("a wheel turned the other way does nothing", process.poll() is None)
wheel.turn(-1)
at = truth("rig0", "steps")
process.communicate()
check("turned its way it is the emergency stop", process.returncode == 4 and truth("rig0", "steps") - at < 10, process.returncode)
process = start("jog", "rig0", "20 mm", "--rate", "1 mm/s", env=environment)
before = truth("rig0", "steps")
wait_until(lambda: truth("rig0", "steps") > before + 500, 30)
wheel.turn(-1)
at = truth("rig0", "steps")
process.communicate()
check("also of a pump that is moved by hand", process.returncode == 4 and truth("rig0", "steps") - at < 10, process.returncode)
wheel.unplug()

# ---- permissions -------------------------------------------------------------------


def as_user(user, *arguments, groups=()):
    """The program as another user, who may not touch the device."""
    who = ["setpriv", f"--reuid={user}", f"--regid={user}"]
    who += [f"--groups={','.join(map(str, groups))}"] if groups else ["--clear-groups"]
    done = subprocess.run([*who, "nanodose", *arguments], capture_output=True, text=True, check=False, env=environment)
    return done.returncode, done.stderr, done.stdout


def dosing():
    configured = start("run", write_protocol("people.yaml", DOSE % LONG), "--record", fresh("people.db"), "--headless", env=environment)
    wait_until(lambda: "people.run" in os.listdir(RUNS), 20)
    return configured


def sees(user, groups=()):
    out = as_user(user, "list", "--runs", "--json", groups=groups)[2]
    return any(one.get("protocol") == "Configured" for one in json.loads(out or "[]"))


DAEMON, GAMES, MAIL = 1, 5, 8       # users, and the last one's group, as every Debian has them
configure(HEAD + 'permissions: {watch: [games, "@mail"], stop: daemon}\n')
process = dosing()
check("who is named may see the run", sees(GAMES))
check("so may who is of a group that is", sees(4242, groups=(8,)) and sees(MAIL))
check("and who may stop", sees(DAEMON))
check("others may not", not sees(4242))
status, said, out = as_user(4242, "stop", "people")
check("nor stop it, and are told", status == 1 and "none of those whom the configuration lets watch" in said, said)
status, said, out = as_user(GAMES, "stop", "people")
check("who may watch may not stop, and is told", status == 1 and "does not let you stop" in said and process.poll() is None, said)
status, said, out = as_user(DAEMON, "stop", "people")
process.communicate()
check("who may stop does", status == 0 and process.returncode == 4, (status, said))
configure(HEAD + "permissions: {watch: everybody}\n")
process = dosing()
check("everybody is everybody", sees(4242))
status, said, out = as_user(4242, "stop", "people")
check("to see only", status == 1 and "does not let you stop" in said, said)
status, out, err = nanodose("stop", "people", env=environment)
process.communicate()
check("its own user may do all", status == 0 and process.returncode == 4, (status, err))
shutil.rmtree(FOLDER)
end()
