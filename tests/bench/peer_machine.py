# SPDX-License-Identifier: GPL-2.0-or-later
"""The emulated machine in which this driver is measured beside others of the kernel: for the *.bench programs.

A kernel of the distribution, one processor, an instruction takes 1 ns: figures are counts. What is compared is counted
in one run: from one to the next the phases of timers differ, and with them what the rig's model has to do. Modules of
the peers that the distribution does not build come from its own source.
"""
import glob
import json
import lzma
import os
import shutil
import subprocess
import sys

TOP = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
OUT = os.path.join(TOP, "build/bench/peers")
SOURCES = os.path.join(TOP, "tests/bench/peers")
KERNEL = "6.12"
FOLDER = os.path.join(TOP, "build/vm/debian", KERNEL + "-amd64")


def run(*command, **keywords):
    keywords = {"cwd": TOP, "stdin": subprocess.DEVNULL, "stdout": sys.stderr, "check": True, **keywords}
    return subprocess.run(command, **keywords)


def build():
    """Modules and programs of the peers; the path of their folder."""
    run(TOP + "/tests/vm/setup", "qemu-amd64")
    run(TOP + "/tests/vm/setup", "bench")
    run(TOP + "/tests/vm/debian", KERNEL, "amd64")
    os.makedirs(OUT, exist_ok=True)
    for path in (SOURCES + "/Kbuild", SOURCES + "/pwm_lines.c", SOURCES + "/iio_source.c",
                 TOP + "/build/vm/source/drivers/pwm/pwm-gpio.c"):
        shutil.copy(path, OUT)
    run("make", "-s", "-C", FOLDER + "/headers", "M=" + OUT, "modules")
    for name, *libraries in (("gpio_loop", "-lgpiod"), ("spin",), ("drain",)):
        run("cc", "-O2", "-Wall", "-I" + TOP + "/kmod/include/uapi", "-o", f"{OUT}/{name}", f"{SOURCES}/{name}.c",
            *libraries)
    packed = glob.glob(FOLDER + "/lib/modules/*/kernel/drivers/iio/buffer/kfifo_buf.ko.xz")[0]
    with lzma.open(packed) as source, open(OUT + "/kfifo_buf.ko", "wb") as target:
        shutil.copyfileobj(source, target)
    return OUT


def measure(script, *arguments):
    """What the script says inside: an object a line."""
    environment = {name: value for name, value in os.environ.items() if name != "ND_VM_BUILT"}
    done = run(TOP + "/tests/vm/qemu", "--kernel", KERNEL, "--smp", "1", "--", "/usr/bin/python3",
               os.path.join(TOP, "tests/bench", script), *arguments, stdout=subprocess.PIPE, text=True, env=environment)
    return [json.loads(line) for line in done.stdout.splitlines()]


def figure(name, value, unit, bound, better, how):
    print(json.dumps({"name": name, "value": value, "unit": unit, "bound": bound, "better": better, "how": how}),
          flush=True)
