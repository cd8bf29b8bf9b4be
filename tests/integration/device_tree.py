#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
# host
"""Pumps by a device tree, on the real driver: each line, supply and phandle does what its binding says; a tree that cannot be
meant is refused by the name of what is wrong, and nothing moves."""
import json
import os
import re
import subprocess

from rig import OUT, TOP, check, end
from trees import compiled, pump, rig, tree

ALL = ("step", "dir", "enable", "sleep", "estop", "limit-plus", "limit-minus", "fault")
RANGES = (("microsteps-per-revolution", 0, 1, 10000000), ("microsteps-per-revolution", 10000001, 1, 10000000),
          ("lead-pitch-nanometers", 999, 1000, 100000000), ("lead-pitch-nanometers", 100000001, 1000, 100000000),
          ("pulse-width-ns", 99, 100, 100000), ("pulse-width-ns", 100001, 100, 100000),
          ("dir-setup-ns", 1000001, 0, 1000000), ("dir-hold-ns", 1000001, 0, 1000000), ("wake-up-us", 100001, 0, 100000),
          ("max-step-rate-hz", 0, 1, 200000), ("max-step-rate-hz", 200001, 1, 200000))

# name -> the node's own words, and what the kernel says of it
WRONG = {f"{key.split('-')[0]}-{value}": ({key: f"<{value}>"}, f"{key}: {value}, must be from {least} to {most}")
         for key, value, least, most in RANGES}
WRONG.update({
    "timing": ({"pulse-width-ns": "<20000>"}, "pulse-width-ns: 20000 leaves STEP no time for the next level at max-step-rate-hz 40000, must be at most 10934"),
    "long": ({"label": '"a name that is longer than 31 characters"'}, "label: longer than 31 characters"),
    "number": ({"label": "<7>"}, "label: is empty, must be a string"),
    "lines": ({"step-gpios": "<&bad 99 0>"}, "step-gpios: cannot get the line"),
    "taken": ({"enable-gpios": "<&bad 0 0>"}, "enable-gpios: cannot get the line"),
    "sleeps": ({"step-gpios": "<&expander 0 0>"}, "step-gpios: this GPIO controller sleeps"),
    "output": ({"estop-gpios": "<&bad 8 0>"}, "estop-gpios: the line has no interrupt"),
    "ends": ({"limit-plus-gpios": "<&pressed 4 0>", "limit-minus-gpios": "<&pressed 5 0>"},
             "limit-plus-gpios, limit-minus-gpios: both end switches are active, at most one can be"),
    "temperature": ({"io-channels": "<&bad 1>", "io-channel-names": '"pressure"'},
                    "io-channels: the channel measures no pressure, must be of that type"),
    "pressure": ({"io-channels": "<&bad 9>", "io-channel-names": '"pressure"'}, "io-channels: no channel by the name of pressure"),
})
for line in ("step-gpios", "dir-gpios"):
    WRONG["no-" + line] = (None, f"{line}: missing, must name a line")
for number in ("microsteps-per-revolution", "lead-pitch-nanometers"):
    WRONG["no-" + number] = (None, f"{number}: missing, must be a number")


def bad_pump(name, properties):
    if properties is None:
        return pump(name, "bad", without=(name[3:],))
    return pump(name, "bad", **properties)


GOOD = tree(
    rig("all"),
    pump("all", "all", (*ALL, "home"), **{"vm-supply": "<&supply_motor>", "vio-supply": "<&supply_logic>",
                                          "io-channels": "<&all 0>", "io-channel-names": '"pressure"'}),
    rig("late", sensor_unplugged=True, sensor_model='"slf3s-1300f"'),
    pump("late", "late", ALL),
    # On the line of the rig's home switch, which this pump does not have.
    "\tgpio-keys {\n\t\tcompatible = \"gpio-keys\";\n\t\tpedal {\n\t\t\tlabel = \"pedal\";\n\t\t\tlinux,code = <119>;\n"
    "\t\t\tgpios = <&late 7 0>;\n\t\t\tdebounce-interval = <0>;\n\t\t};\n\t};\n",
    *("\tsupply_%s: regulator-%s {\n\t\tcompatible = \"regulator-fixed\";\n\t\tregulator-name = \"%s\";\n\t\tregulator-min-microvolt = <5000000>;\n"
      "\t\tregulator-max-microvolt = <5000000>;\n\t};\n" % (name, name, name) for name in ("motor", "logic")))
BAD = tree(rig("bad"), rig("expander", gpio_sleeps=True), rig("pressed", lines_high="<0x30>"),
           rig("stranger", sensor_product_number="<0x07020101>"), rig("absent", sensor_unplugged=True),
           *(bad_pump(name, properties) for name, (properties, _) in WRONG.items()),
           pump("stranger", "stranger"), pump("absent", "absent"), pump("held", "bad", **{"flow-sensor": "<&other_bad>"}))


def machine(dtb, command, append=None):
    """Status, standard output and the kernel's log."""
    out = os.path.join(OUT, "device_tree")
    environment = dict(os.environ, **({"ND_VM_APPEND": append} if append else {}))
    done = subprocess.run([os.path.join(TOP, "tests/vm/uml"), "--dtb", dtb, "--out", out, "--", *command], cwd=TOP, env=environment,
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    with open(os.path.join(out, "kernel.log"), encoding="utf-8", errors="replace") as file:
        log = file.read()
    return done, log


# ---- what is right -----------------------------------------------------------------------
dtb = compiled(GOOD, os.path.join(OUT, "good.dtb"))
done, log = machine(dtb, ["/usr/bin/python3", os.path.join(TOP, "tests/integration/device_tree_guest.py")])
results = re.findall(r"^(not )?ok \d+ - (.*)((?:\n# .*)*)", done.stdout, re.M)
for wrong, name, detail in results:
    check(name, not wrong, detail)
check("all of it ran, and the kernel reports no mistake", done.returncode == 0 and re.search(r"^1\.\.\d+$", done.stdout, re.M),
      (done.returncode, done.stdout[-500:], done.stderr[-500:]))

# ---- what is wrong -----------------------------------------------------------------------
dtb = compiled(BAD, os.path.join(OUT, "bad.dtb"))
LOOK = """
import glob, json, os
print(json.dumps({"pumps": os.listdir("/sys/class/nanodose"),
                  "deferred": open("/sys/kernel/debug/devices_deferred").read(),
                  "steps": [int(open(path).read()) for path in glob.glob("/sys/kernel/debug/nanodose-sim/*/steps")]}))
"""
done, log = machine(dtb, ["/usr/bin/python3", "-c", LOOK])
seen = json.loads(done.stdout) if done.returncode == 0 else {}
check("no pump comes of a bad tree", seen.get("pumps") == [], (done.stdout, done.stderr))
check("and none of the five rigs is stepped", seen.get("steps") == [0] * 5, seen)
for name, (_, words) in WRONG.items():
    # The kernel adds one of its own, without a reason.
    said = [line for line in log.splitlines() if f"nanodose pump-{name}:" in line and not re.search("probe (of|with driver) ", line)]
    # gpiolib takes a line beyond the last for one that may still come.
    if not said:
        said = [line for line in seen.get("deferred", "").splitlines() if line.startswith(f"pump-{name}\t")]
    check(f"{name}: one line, \"{words}\"", len(said) == 1 and words in said[0], said)
check("a sensor that another driver has is told, with what to do",
      re.search(r"nanodose pump-held: flow-sensor: \S+ has the driver dummy, must have nanodose-sf06: unbind it, and blacklist its module", log))
check("a sensor of another kind is told by its number",
      "reg: what answers at 0x08 has the product number 0x07020101, which is no SLF3S or LD20 sensor" in log)
check("a sensor that is absent is told, and looked for", "reg: no product identifier from address 0x08" in log)

done, log = machine(compiled(tree(rig("one"), pump("one", "one")), os.path.join(OUT, "one.dtb")),
                    ["/usr/bin/python3", "-c", "import os; print(os.listdir('/sys/class/nanodose'))"], "highres=off")
check("without high-resolution timers no pump comes, and the kernel says what would be right",
      done.stdout.strip() == "[]" and "no high-resolution timers" in log and "CONFIG_HIGH_RES_TIMERS" in log, (done.stdout, done.stderr, log[-600:]))
end()
