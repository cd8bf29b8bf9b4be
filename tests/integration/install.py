#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
# host
"""make install into an empty root: what is there works from there, and make uninstall leaves nothing."""
import os
import shutil
import subprocess
import tempfile

from rig import TOP, check, end

SOURCE = """\
#include <nanodose.h>
#include <stdio.h>
int main(void)
{
	double value;

	if (nanodose_quantity_parse("3 uL/min", NANODOSE_DIMENSION_RATE, &value, NULL))
		return 1;
	printf("%.0f %s\\n", value * 60e15, NANODOSE_VERSION);
	return 0;
}
"""


def sh(*command, **keywords):
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False, **keywords)
    return done.returncode, done.stdout + done.stderr


def files(root):
    return sorted(os.path.relpath(os.path.join(folder, name), root) for folder, _, names in os.walk(root) for name in names)


with tempfile.TemporaryDirectory() as root:
    status, said = sh("tests/vm/programs", "install", "PREFIX=/usr", f"DESTDIR={root}", cwd=TOP)
    there = files(root)
    check("make install installs", status == 0 and len(there) > 40, said)
    for name in ("usr/bin/nanodose", "usr/lib/libnanodose.so.0", "usr/lib/libnanodose.so", "usr/include/nanodose.h",
                 "usr/include/linux/nanodose.h", "usr/lib/udev/rules.d/60-nanodose.rules", "usr/share/man/man1/nanodose.1",
                 "usr/share/man/man3/nanodose.3", "usr/share/man/man5/nanodose-config.5",
                 "usr/lib/systemd/system/nanodose@.service", "usr/lib/modprobe.d/nanodose.conf", "usr/lib/tmpfiles.d/nanodose.conf", "usr/lib/sysusers.d/nanodose.conf",
                 "usr/share/bash-completion/completions/nanodose", "usr/share/nanodose/protocols/demo.yaml",
                 "usr/share/nanodose/protocols/rigs/demo-bench.yaml"):
        check(f"{name} is there", name in there, there)
    without = [name for name in os.listdir(os.path.join(root, "usr/bin")) if f"usr/share/man/man1/{name}.1" not in there]
    check("each program has a page of the manual", without == [], without)
    with open(os.path.join(root, "usr/lib/systemd/system/nanodose@.service"), encoding="ascii") as file:
        check("the service starts the program that was installed", "\nExecStart=/usr/bin/nanodose run " in file.read())
    os.makedirs(os.path.join(root, "etc"))
    status, said = sh("systemd-sysusers", f"--root={root}")
    with open(os.path.join(root, "etc/group"), encoding="ascii") as file:
        check("systemd-sysusers makes the user and the group of the pumps", status == 0 and "\nnanodose:x:" in "\n" + file.read(), said)
    status, said = sh("systemd-tmpfiles", f"--root={root}", "--create")
    mode = os.stat(os.path.join(root, "run/nanodose")).st_mode & 0o7777 if os.path.isdir(os.path.join(root, "run/nanodose")) else 0
    check("systemd-tmpfiles makes the folder where runs and screens meet", mode == 0o3775, (said, oct(mode)))
    for made in ("etc", "run"):
        shutil.rmtree(os.path.join(root, made))
    program = os.path.join(root, "usr/bin/nanodose")
    status, said = sh(program, "--version", cwd="/")
    check("the program runs from there", status == 0 and said.startswith("nanodose "), said)
    status, said = sh(program, "check", os.path.join(root, "usr/share/nanodose/protocols/neoantigen-lnp-table.yaml"), cwd="/")
    check("and finds what a protocol calls", status == 0 and "good" in said, said)
    status, said = sh(program, "rehearse", os.path.join(root, "usr/share/nanodose/protocols/demo.yaml"), cwd="/",
                      env={**os.environ, "NANODOSE_MACHINE": ""})
    check("without the virtual machine a rehearsal says what it wants", status == 1 and "NANODOSE_MACHINE" in said, said)

    package = {**os.environ, "PKG_CONFIG_PATH": os.path.join(root, "usr/lib/pkgconfig"), "PKG_CONFIG_SYSROOT_DIR": root,
               "PKG_CONFIG_ALLOW_SYSTEM_CFLAGS": "1", "PKG_CONFIG_ALLOW_SYSTEM_LIBS": "1"}
    status, flags = sh("pkg-config", "--cflags", "--libs", "libnanodose", env=package)
    check("pkg-config knows the library", status == 0 and f"-L{root}/usr/lib" in flags and "-lnanodose" in flags, flags)
    source, client = os.path.join(root, "client.c"), os.path.join(root, "client")
    with open(source, "w", encoding="ascii") as file:
        file.write(SOURCE)
    status, said = sh("gcc", "-Wall", "-Werror", "-o", client, source, *flags.split())
    check("a program builds with it", status == 0, said)
    status, said = sh(client, env={**os.environ, "LD_LIBRARY_PATH": os.path.join(root, "usr/lib")})
    check("and runs with the library that was installed", status == 0 and said == "3000000 " + sh(program, "--version")[1].split()[1] + "\n",
          said)
    status, said = sh("objdump", "-p", client)
    check("which it needs by its soname", "NEEDED               libnanodose.so.0" in said, said)
    os.unlink(source)
    os.unlink(client)

    status, said = sh("tests/vm/programs", "uninstall", "PREFIX=/usr", f"DESTDIR={root}", cwd=TOP)
    check("make uninstall leaves nothing", status == 0 and files(root) == [], (said, files(root)))
end()
