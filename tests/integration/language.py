#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
# host
"""The documents of the protocol language say what the program does: each railroad has the keys that the checker knows,
and each file and command of the tutorial does what stands there."""
import os
import re
import shlex
import subprocess
import tempfile

from rig import TOP, check, end

PROGRAM = os.path.join(TOP, "build/bin/nanodose")
FOLDER = os.path.join(TOP, "userspace/protocol")


def read(name):
    with open(os.path.join(FOLDER, name), encoding="utf-8") as file:
        return file.read()


def run(folder, *arguments):
    done = subprocess.run([PROGRAM, *arguments], cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          check=False, env={**os.environ, "ND_VM_BUILT": "1"})
    return done.returncode, done.stdout + done.stderr


def known(folder, what):
    """What the checker says that it knows in place of one thing that it does not."""
    with open(os.path.join(folder, "ask.yaml"), "w", encoding="ascii") as file:
        file.write("nanodose: 1\nchannels:\n"
                   "  a: {pump: p, syringe: BD Plastipak 1 mL, loaded: 500 uL, fluid: water}\n" + what)
    said = re.search(r"unknown (?:key|step) .*, known are (.*)", run(folder, "check", "ask.yaml")[1])
    return set(said.group(1).split(", ")) if said else set()


with tempfile.TemporaryDirectory() as scratch:
    rails = re.findall(r"^## (.*?)\n\n```\n(.*?)\n```$", read("railroads.md"), re.M | re.S)
    verbs = known(scratch, "steps:\n  - zzzzzzzzzz: 1\n")
    drawn = {verb: rail for names, rail in rails for verb in names.split(", ")}
    check("each step has its railroad, and no other", len(verbs) > 15 and
          verbs == {name for name in drawn if not name.startswith("on: ")}, verbs ^ set(drawn))
    # These hold no fixed keys: a time, and names of branches.
    for verb in sorted(verbs - {"hold", "parallel"}):
        keys = known(scratch, f"steps:\n  - {verb}: {{zzz: 1}}\n")
        # What stands inside of braces and brackets are names and steps, no keys.
        rail = re.sub(r"[{\[].*?[}\]]", "", drawn[verb])
        check(f"the railroad of {verb} has the keys that the checker knows",
              keys and keys == set(re.findall(r"([a-z_]+): ", rail)), (keys, rail))
    keys = known(scratch, "steps:\n  - hold: 1 s\non:\n  air: {retry: 1, zzz: 1}\n")
    check("so has that of a rule", keys == {"retry", "after", "backoff", "release"} and
          all(f"{key}: <" in drawn["on: a trouble"] for key in keys), keys)

with tempfile.TemporaryDirectory() as scratch:
    for lesson in read("tutorial.md").split("\n## ")[1:]:
        title = lesson.split("\n")[0]
        name = re.search(r"^`(\w+\.yaml)`", lesson, re.M).group(1)
        with open(os.path.join(scratch, name), "w", encoding="utf-8") as file:
            file.write(re.search(r"```yaml\n(.*?)```", lesson, re.S).group(1))
        for command in re.search(r"```console\n\$ (.*?)```", lesson, re.S).group(1).split("\n$ "):
            command, *lines = command.strip().split("\n")
            command, _, wanted = command.partition("# status ")
            status, said = run(scratch, *shlex.split(command)[1:])
            check(f"{title}: {command.strip()}", status == int(wanted or 0) and all(line in said for line in lines),
                  (status, said))
end()
