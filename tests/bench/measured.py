# SPDX-License-Identifier: GPL-2.0-or-later
"""Figures that tests print as they run, for the programs of `make bench`."""
import os
import subprocess
import sys

TOP = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
UML = os.path.join(TOP, "tests/vm/uml")


def options(path):
    """Of the virtual machine, as the test asks for them."""
    with open(path, encoding="utf-8") as file:
        for line in file:
            if line.startswith("# vm:"):
                return line[5:].split()
    return []


def pass_on(name, command):
    """Prints the figures of a test; one that fails ends the program."""
    done = subprocess.run(command, cwd=TOP, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, check=False)
    for line in done.stdout.splitlines():
        if line.startswith("# figure "):
            print(line[len("# figure "):], flush=True)
    if done.returncode:
        sys.exit(f"{name} ended with status {done.returncode}:\n{done.stdout}")


def integration(test):
    path = os.path.join(TOP, "tests/integration", test)
    pass_on(test, [UML, *options(path), "--", "/usr/bin/python3", path])


def unit(test):
    subprocess.run([os.path.join(TOP, "tests/vm/programs"), "unit"], stdin=subprocess.DEVNULL, stdout=sys.stderr, check=True)
    pass_on(test, [os.path.join(TOP, "build/unit", test + "_test")])
