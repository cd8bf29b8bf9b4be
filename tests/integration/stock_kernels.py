#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
# make stock
"""The distribution's own kernels: the modules build, load, dose and unload there."""
import os
import re
import subprocess
import sys

from rig import TOP, check, end, note

QEMU = os.path.join(TOP, "tests/vm/qemu")
OUT = os.path.join(TOP, "build/test/stock")
MODULES = os.path.join(TOP, "build/modules")
# Static: the machine has no libraries for it. The kernel's headers are the same for both.
CC_32 = "gcc -m32 -static -idirafter /usr/include/x86_64-linux-gnu"
KERNELS = ("6.1", "6.12", "6.12-rt")
RESULT = re.compile(r"^(not )?ok \d+ - (.*)")
# What was built for the other tests is not what is needed here.
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "ND_VM_BUILT"}


def read(*path):
    try:
        with open(os.path.join(*path), encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


def pass_on(kernel, text):
    """The results from inside, under the kernel's name, with what explains them."""
    name, detail = None, []
    for line in text.splitlines() + ["ok 0 - "]:
        result = RESULT.match(line)
        if result and name:
            check(f"{kernel}: {name[1]}", not name[0], "\n".join(detail))
        if result:
            name, detail = (result.group(1), result.group(2)), []
        elif line.startswith("#"):
            detail.append(line[2:])


def boot(kernel):
    out = os.path.join(OUT, kernel)
    done = subprocess.run(
        [QEMU, "--kernel", kernel, "--smp", "2", "--out", out, "--", "/usr/bin/python3",
         os.path.join(TOP, "tests/integration/stock_guest.py"), os.path.join(MODULES, kernel + "-amd64", "kmod")],
        cwd=TOP, env=ENVIRONMENT, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    build = read(MODULES, kernel + "-amd64", "build.log")
    release = read(TOP, "build/vm/debian", kernel + "-amd64", "release").strip()
    note(f"{kernel} is {release}")
    check(f"{kernel}: the modules build without a warning of gcc W=1",
          os.path.exists(os.path.join(MODULES, kernel + "-amd64", "kmod/sim/nanodose_sim.ko")) and
          not re.search("warning|error", build, re.IGNORECASE), build or done.stderr)
    pass_on(kernel, done.stdout)
    check(f"{kernel}: all of it ran", re.search(r"^1\.\.\d+$", done.stdout, re.MULTILINE), done.stdout[-800:])
    check(f"{kernel}: the command's status passes through, and the kernel reports no mistake",
          done.returncode == 0, f"status {done.returncode}\n{done.stderr}")
    log = read(out, "kernel.log")
    check(f"{kernel}: it was that kernel, and it went down in order",
          release and release in log and "reboot: Power down" in log, log[-800:])
    check(f"{kernel}: the modules could be unloaded", "unload of" not in log,
          "\n".join(line for line in log.splitlines() if "unload of" in line))


def build():
    """The tests of the ABI, as programs of 64 bits and of 32. What went wrong."""
    wrong = ""
    for variables in ([], ["OUT=" + os.path.join(TOP, "build/uapi32"), "CC=" + CC_32]):
        done = subprocess.run(["make", "-s", "-C", "tests/uapi", *variables], cwd=TOP, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, check=False)
        if done.returncode:
            wrong += done.stderr
    return wrong


subprocess.run([os.path.join(TOP, "tests/vm/setup"), "qemu-amd64"], stdin=subprocess.DEVNULL, check=True)
if check("the tests of the ABI build, for 64 bits and for 32", not (wrong := build()), wrong):
    for name in sys.argv[1:] or KERNELS:
        boot(name)
end()
