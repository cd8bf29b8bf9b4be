# SPDX-License-Identifier: GPL-2.0-or-later
"""Inside a machine with a kernel of the distribution; started by stock_kernels.py.

The argument is the folder of the modules. Each part has modules loaded for it
and a rig of its own, so that both also go away with others to follow.
"""
import math
import os
import re
import subprocess
import sys

from device import CAUSE_END, STATE, TYPE_STATE, Device
from rig import TOP, check, end, run_protocol, truth, wait_until

TRACING = "/sys/kernel/tracing"
RIG = "/sys/kernel/config/nanodose-sim/rig0"
# All but suspend: this machine has nothing that would wake it.
ABI = sorted({name[:-2] for name in os.listdir(os.path.join(TOP, "tests/uapi")) if name.endswith(".c")} - {"suspend"})
# These once more as 32-bit programs: all calls and all records.
ABI_32 = ("malformed", "ownership", "queue", "limits", "sensor", "stream")
# Under emulation each step and each system call takes its time.
SHORTER = {"ND_CYCLES": "5", "ND_CALLS": "5000", "ND_EMULATED": "1"}
RESULT = re.compile(r"^(not )?ok \d+ - (.*)")
# BD Plastipak 1 mL, inner diameter 4.699 mm; 1 mm a turn, 3200 microsteps.
STEP_UL = math.pi / 4 * 4.699 ** 2 * 1.0 / 3200
DOSE = """\
nanodose: 1
name: The first dose, in short
channels:
  line: {pump: rig0, syringe: BD Plastipak 1 mL, loaded: 100 uL, fluid: water}
steps:
  - infuse: {channel: line, volume: 5 uL, rate: 120 uL/min}
  - hold: 1 s
  - infuse: {channel: line, volume: 2 uL, rate: 300 uL/min}
"""


def write(path, text):
    with open(path, "w", encoding="ascii") as file:
        file.write(text)


def command(*arguments):
    done = subprocess.run(arguments, capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else " ".join(arguments) + ": " + done.stderr.strip()


def renew(parameters=()):
    """Takes rig and modules away and makes new ones. What went wrong, if anything."""
    write(RIG + "/live", "0")
    os.rmdir(RIG)
    wrong = [command("rmmod", "nanodose_sim"), command("rmmod", "nanodose"),
             command("insmod", os.path.join(sys.argv[1], "nanodose.ko")),
             command("insmod", os.path.join(sys.argv[1], "sim/nanodose_sim.ko"))]
    os.mkdir(RIG)
    for key, value in parameters:
        write(os.path.join(RIG, key), value)
    write(RIG + "/live", "1")
    if not wait_until(lambda: os.path.exists("/dev/nanodose0"), 10):
        wrong.append("no /dev/nanodose0")
    wrong.append(command("udevadm", "settle"))
    return "\n".join(filter(None, wrong))


def parameters_of(name):
    """What the program wants of its rig, as it says near its top; None if it is none that runs."""
    with open(os.path.join(TOP, "tests/uapi", name + ".c"), encoding="utf-8") as file:
        how = re.search(r"vm: --rig rig0(?::(\S+))?", file.read())
    return how and [pair.split("=") for pair in (how.group(1) or "").split(",") if pair]


def call(name, folder):
    parameters = parameters_of(name)
    if parameters is None:
        return
    wrong = renew(parameters)
    check(f"modules and rig go away and come anew, for {folder}/{name}", not wrong, wrong)
    done = subprocess.run([os.path.join(TOP, "build", folder, name)], capture_output=True, text=True, check=False,
                          env={**os.environ, **SHORTER})
    results = [RESULT.match(line) for line in done.stdout.splitlines()]
    failed = [result.group(2) for result in results if result and result.group(1)]
    passed = sum(1 for result in results if result and not result.group(1))
    check(f"{folder}/{name}: all {passed + len(failed)} tests of the ABI pass", done.returncode == 0 and passed and not failed,
          "\n".join(failed or [done.stdout[-400:]]) + done.stderr)


def calls():
    for name in ABI:
        call(name, "uapi")
    with open(os.path.join(TOP, "build/uapi32/malformed"), "rb") as file:
        check("the kernel is one of 64 bits, and the next programs are of 32", os.uname().machine == "x86_64" and
              file.read(5) == b"\x7fELF\x01")
    for name in ABI_32:
        call(name, "uapi32")


def contexts():
    """Moves the pump under the function tracer: {function: its contexts, a letter each}."""
    command("mount", "-t", "tracefs", "tracefs", TRACING)
    with open(os.path.join(TRACING, "available_filter_functions"), encoding="ascii") as file:
        known = {line.split()[0] for line in file}
    write(TRACING + "/set_ftrace_filter",
          "\n".join(known & {"nd_timer", "rt_spin_lock", "rt_mutex_lock", "mutex_lock", "schedule"}))
    write(TRACING + "/current_tracer", "function")
    pump = Device("/dev/nanodose0")
    pump.claim()
    pump.run(2000 * 10 ** 9, 40000 * 10 ** 9, 10 ** 9, end=500)
    while not any(kind == TYPE_STATE and STATE.unpack(record)[5] == CAUSE_END
                  for _, _, kind, record in pump.records()):
        pump.wait(10)
    write(TRACING + "/tracing_on", "0")
    pump.close()
    found = {}
    with open(TRACING + "/trace", encoding="ascii") as file:
        for line in file:
            # [processor] interrupts-off, reschedule, context, depth
            entry = re.search(r"\[\d+\] (\S)(\S)(\S)\S* +[\d.]+: (\w+)", line)
            if entry:
                found.setdefault(entry.group(4), []).append(entry.group(3))
    write(TRACING + "/current_tracer", "nop")
    return found


def hard_interrupts():
    renew()
    found = contexts()
    fired = found.pop("nd_timer", [])
    check("the tracer sees the engine's timer at each of 500 steps", len(fired) >= 500, len(fired))
    check("always in hard interrupt context", set(fired) <= {"h", "H"}, sorted(set(fired)))
    # Else the next could not fail.
    check("it also sees the other functions that it looks for", "schedule" in found, sorted(found))
    wrong = {name: count for name, letters in found.items() if (count := sum(letter in "hH" for letter in letters))}
    check("nothing sleeps and no sleeping lock is taken in hard interrupt context", not wrong, wrong)


def dose():
    path = "/tmp/dose.yaml"
    renew()
    write(path, DOSE)
    status, summary, err = run_protocol(path, "/tmp/dose.db")
    steps, delivered_ul = truth("rig0", "steps"), truth("rig0", "outlet_volume_fl") * 1e-9
    check("a dose of 7 uL ends with status 0", status == 0 and summary and summary["status"] == "done", err)
    check("its step count is exact", steps == round(7 / STEP_UL), (steps, 7 / STEP_UL))
    check("the outlet delivered it within 0.5 %", abs(delivered_ul - 7) <= 0.005 * 7, delivered_ul)


check("there are two processors", os.cpu_count() == 2, os.cpu_count())
hard_interrupts()
dose()
calls()
end()
