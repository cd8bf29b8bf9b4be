#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
# host
"""The distribution's arm64 kernels on an emulated board, with a device tree: a pump on the board's own GPIO controller, whose
every edge the emulator counts, and a rig with pump and sensor wired by phandles. With "6.1" only that kernel, else both."""
import json
import os
import re
import socket
import subprocess
import sys

from rig import OUT, TOP, check, end, note
from trees import compiled, overlay, pump, rig

QEMU = os.path.join(TOP, "tests/vm/qemu")
GUEST = os.path.join(TOP, "tests/integration/arm64_guest.py")
STEP, DIR, ESTOP, WRONG_STEP = 0, 1, 3, 5
# The board's pump has no sensor. The other waits for one that never comes: it gets its lines and gives them back.
BOARD = overlay(
    pump("board", "gpio", ("step", "dir", "enable", "estop"), without=("flow-sensor",)),
    rig("bench"), pump("rig", "bench", ("step", "dir", "enable", "sleep", "estop", "limit-plus", "limit-minus", "fault", "home"),
                       **{"io-channels": "<&bench 0>", "io-channel-names": '"pressure"'}),
    rig("empty", sensor_unplugged=True),
    pump("waits", "empty", (), **{"step-gpios": "<&gpio 5 0>", "dir-gpios": "<&gpio 6 0>", "enable-gpios": "<&gpio 7 0>"}))


def boot(kernel, name, monitor=None):
    """Status, output, the kernel's log and the changes of the lines: (line, level, whether an input)."""
    out = os.path.join(OUT, f"arm64-{kernel}-{name}")
    log = os.path.join(out, "gpio.log")
    if os.path.exists(log):
        os.unlink(log)
    # Other tests may have been built for; this machine is not.
    environment = {key: value for key, value in os.environ.items() if key != "ND_VM_BUILT"}
    if monitor:
        environment["ND_VM_MONITOR"] = monitor
    # What waits for the host after a sleep would keep a second processor from all else: see tests/vm/init.c.
    process = subprocess.Popen([QEMU, "--kernel", kernel, "--arch", "arm64", "--smp", "1" if monitor else "2", "--overlay", dtbo, "--out", out, "--", "/usr/bin/python3",
                                GUEST, name], cwd=TOP, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True)
    before = press(process, monitor) if monitor else ""
    stdout, stderr = process.communicate()
    stdout = before + stdout
    with open(os.path.join(out, "kernel.log"), encoding="utf-8", errors="replace") as file:
        kernel_log = file.read()
    return process.returncode, stdout, stderr, kernel_log, changes(log)


def changes(log):
    with open(log, encoding="ascii") as file:
        return [(int(line), int(level), kind == "input_change") for kind, line, level in
                re.findall(r"pl061_(set_output|input_change) \S+ (?:setting output|input) (\d+) (?:to|changed to) (\d+)", file.read())]


def rises(seen, line=STEP):
    return sum(1 for which, level, is_input in seen if which == line and level and not is_input)


def press(process, monitor):
    """The board's power key, whose line is the emergency stop's, once the pump is well under way; what was said until the end
    of the test. Its way to the host's files does not outlive a sleep, so the machine cannot go down in order: it is switched off."""
    said = ""
    for until in ("^# press", r"^1\.\."):
        while not re.search(until, said, re.M):
            more = process.stdout.readline()
            said += more
            if not more:
                return said
        if "press" in until:
            with socket.socket(socket.AF_UNIX) as line:
                line.connect(monitor)
                for command in ("qmp_capabilities", "system_powerdown"):
                    line.sendall(json.dumps({"execute": command}).encode() + b"\n")
                    line.recv(4096)
                while b"POWERDOWN" not in line.recv(4096):
                    pass
    process.kill()
    return said


def net(seen):
    """Where the pump is, by STEP and DIR."""
    direction, position = 0, 0
    for line, level, is_input in seen:
        if line == DIR:
            direction = level
        elif line == STEP and level and not is_input:
            position += 1 if direction else -1
    return position


def counts(what, stdout, seen):
    counted = re.search(r"^# counted (\d+) steps, at (-?\d+)$", stdout, re.M)
    check(f"{what} the emulator saw as many steps as the driver counted", counted and rises(seen) == int(counted.group(1)) > 300,
          (counted and counted.group(0), rises(seen)))
    check(f"{what} it is where the edges lead", counted and net(seen) == int(counted.group(2)), (counted and counted.group(0), net(seen)))


def results(kernel, stdout):
    found = re.findall(r"^(not )?ok \d+ - (.*)((?:\n# .*)*)", stdout, re.M)
    for wrong, name, detail in found:
        check(f"{kernel}: {name}", not wrong, detail)
    return bool(found) and bool(re.search(r"^1\.\.\d+$", stdout, re.M))


def cross_built():
    """The modules by the command of the page for boards."""
    subprocess.run([os.path.join(TOP, "tests/vm/debian"), "6.12", "arm64"], stdin=subprocess.DEVNULL, check=True)
    done = subprocess.run(["make", "-s", "modules", "KDIR=build/vm/debian/6.12-arm64/headers", "ARCH=arm64", "CROSS_COMPILE=aarch64-linux-gnu-"],
                          cwd=TOP, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    with open(os.path.join(TOP, "build/vm/debian/6.12-arm64/release"), encoding="ascii") as file:
        built = os.path.join(TOP, "build/modules", file.read().strip(), "kmod/nanodose.ko")
    machine = b""
    if os.path.exists(built):
        with open(built, "rb") as file:
            machine = file.read(20)[18:]
    check("make modules KDIR= ARCH=arm64 CROSS_COMPILE= builds for arm64, without a word", done.returncode == 0 and machine == b"\xb7\0" and
          "warning" not in done.stderr, done.stdout + done.stderr)


subprocess.run([os.path.join(TOP, "tests/vm/setup"), "qemu-arm64"], stdin=subprocess.DEVNULL, check=True)
cross_built()
dtbo = compiled(BOARD, os.path.join(OUT, "board.dtbo"))
for kernel in sys.argv[1:] or ("6.12", "6.1"):
    status, stdout, stderr, log, seen = boot(kernel, "moves")
    whole = results(kernel, stdout)
    check(f"{kernel}: all of it ran, and the kernel reports no mistake", whole and status == 0, (status, stdout[-600:], stderr[-800:], log[-600:]))
    release = re.search(r"Linux version (\S+)", log)
    check(f"{kernel}: it is the distribution's kernel, on the emulated processor", release and release.group(1).startswith(kernel) and
          "aarch64" in stdout, release)
    counts(f"{kernel}: through ramps, cruise and turns", stdout, seen)
    check(f"{kernel}: a pump that waits for its sensor makes no step", rises(seen, WRONG_STEP) == 0)
    if kernel == "6.12":
        again = boot(kernel, "moves")
        # Files come from outside at times of their own; with them goes how late the latest step was, and nothing else.
        words = [re.sub(r"^# the latest step.*$", "", text, flags=re.M) for text in (stdout, again[1])]
        check(f"{kernel}: run twice, the same edges in the same order, and the same words", again[4] == seen and words[0] == words[1],
              (len(again[4]), len(seen), again[1][-600:]))
        note(f"{kernel}: " + "; ".join(re.findall(r"^# (the latest step.*)$", stdout + again[1], re.M)))

    monitor = os.path.join("/tmp", f"nanodose-arm64-{os.getpid()}")
    status, stdout, stderr, log, seen = boot(kernel, "stops", monitor=monitor)
    results(kernel, stdout)
    pressed = next((i for i, change in enumerate(seen) if change == (ESTOP, 1, True)), None)
    released = next((i for i, change in enumerate(seen) if change == (ESTOP, 0, True) and i > (pressed or 0)), None)
    check(f"{kernel}: the emergency stop is a change of a line of the board", pressed is not None and released is not None,
          (status, stderr[-400:], log[-400:]))
    after = rises(seen[pressed:released]) if released else None
    check(f"{kernel}: after it no step comes, or the one that was due", after is not None and after <= 1, after)
    counts(f"{kernel}: through stops, unbind, emergency stop, sleep and awakening", stdout, seen)
    if os.path.exists(monitor):
        os.unlink(monitor)
end()
