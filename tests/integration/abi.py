#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
# vm: --rig rig0
"""The driver's header as a stranger uses it: alone, from C and C++, for 32 and
64 bits; and the example client, judged by the rig."""
import os
import re
import subprocess

from rig import TOP, check, end, truth

INCLUDE = os.path.join(TOP, "kmod", "include", "uapi")
HEADER = os.path.join(INCLUDE, "linux", "nanodose.h")
EXAMPLE = os.path.join(TOP, "tests", "uapi", "example.c")
OUT = "/tmp/abi"


def structures():
    """(structure, its fields) as the header declares them, unions looked into."""
    with open(HEADER) as file:
        text = re.sub(r"/\*.*?\*/", "", file.read(), flags=re.DOTALL)
    for name, body in re.findall(r"^struct (\w+) \{\n(.*?)^\};", text, re.DOTALL | re.MULTILINE):
        yield name, re.findall(r"(\w+)(?:\[\w+\])?;", body)


def compile_(command, source, *arguments):
    """Diagnostics of a compiler, empty if it takes the source."""
    result = subprocess.run([*command.split(), "-Wall", "-Wextra", "-Wpadded", "-Werror", "-I", INCLUDE,
                             "-isystem", "/usr/include/x86_64-linux-gnu", *arguments, "-c", source],
                            capture_output=True, text=True)
    return result.stderr


os.makedirs(OUT, exist_ok=True)
alone = os.path.join(OUT, "alone.c")
with open(alone, "w") as file:
    file.write("#include <linux/nanodose.h>\n")
for command, name in [("gcc -std=c99", "C, 64 bits"), ("gcc -m32 -std=c99", "C, 32 bits"),
                      ("g++ -x c++ -std=c++11", "C++, 64 bits"), ("g++ -x c++ -m32 -std=c++11", "C++, 32 bits")]:
    said = compile_(command, alone, "-o", "/dev/null")
    check(f"the header alone compiles without padding: {name}", not said, said)

fields = list(structures())
check("every structure of the header was found", len(fields) == len(re.findall(
    r"^struct \w+ \{", open(HEADER).read(), re.MULTILINE)) and len(fields) >= 17, fields)
layout = os.path.join(OUT, "layout.c")
with open(layout, "w") as file:
    file.write("#include <linux/nanodose.h>\nconst unsigned int layout[] = {\n")
    for name, members in fields:
        file.write(f"sizeof(struct {name}),\n")
        for member in members:
            file.write(f"__builtin_offsetof(struct {name}, {member}),\n")
            file.write(f"sizeof(((struct {name} *)0)->{member}),\n")
    file.write("};\n")
images = []
for bits in (32, 64):
    image = os.path.join(OUT, f"layout{bits}")
    said = compile_(f"gcc -m{bits}", layout, "-o", image + ".o")
    check(f"the layout can be asked for: {bits} bits", not said, said)
    subprocess.run(["objcopy", "-O", "binary", "-j", ".rodata", image + ".o", image], check=True)
    with open(image, "rb") as file:
        images.append(file.read())
check("sizes and offsets of every field are the same for 32 and 64 bits",
      images[0] == images[1] and len(images[0]) > 4 * 100, [len(image) for image in images])

with open(EXAMPLE) as file:
    lines = len(file.readlines())
check("the example client is below 100 lines", lines < 100, lines)
client = os.path.join(OUT, "example")
built = subprocess.run(["gcc", "-Wall", "-Wextra", "-Werror", "-I", INCLUDE, "-o", client, EXAMPLE],
                       capture_output=True, text=True)
check("the example client builds from the header alone", not built.returncode, built.stderr)
for steps in (3000, -1500):
    before = truth("rig0", "steps")
    result = subprocess.run([client, "/dev/nanodose0", str(steps), "1000"], capture_output=True, text=True)
    check(f"the example client moves {steps} steps, exactly",
          result.returncode == 0 and truth("rig0", "steps") - before == steps,
          (result.returncode, result.stderr, truth("rig0", "steps") - before))
    check(f"and prints the flow meanwhile ({steps})", result.stdout.count("uL/min") > 10, result.stdout)
end()
