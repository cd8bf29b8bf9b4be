#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
# host
"""make deb: the packages install on a new Debian 12, DKMS builds the driver there and again for the next kernel, passes over
kernels that cannot have it, and an upgrade and a purge leave what they should."""
import glob
import os
import re
import shutil
import subprocess

from rig import TOP, check, end

ROOT = os.path.join(TOP, "build/deb/root")
NAMES = ("nanodose", "libnanodose0", "libnanodose-dev", "nanodose-dkms")
CLIENT = '#include <nanodose.h>\n#include <linux/nanodose.h>\n#include <stdio.h>\nint main(void)\n{\n\tputs(NANODOSE_VERSION);\n\treturn nanodose_fault_name(NANODOSE_FAULT_ESTOP) ? 0 : 1;\n}\n'


def sh(*command, **keywords):
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", stdin=subprocess.DEVNULL, check=False, **keywords)
    return done.returncode, done.stdout + done.stderr


def inside(command):
    """A shell command in the new system: status and all it said."""
    return sh("unshare", "--mount", "--pid", "--fork", "sh", "-c",
              'mount -t proc proc "$0/proc" && mount --rbind /dev "$0/dev" && exec chroot "$0" /usr/bin/env -i '
              'PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive sh -c "$1"', ROOT, command)


def install(*what):
    return inside("apt-get -q -y --no-install-recommends install " + " ".join(what))


def ours():
    """What is there of ours, but for users, groups and dpkg's own files."""
    found = []
    for folder, folders, names in os.walk(ROOT):
        if os.path.relpath(folder, ROOT) in ("debs", "proc", "dev", "sys", "run", "var/lib/dpkg", "var/lib/apt", "var/cache", "var/log", "etc"):
            folders[:] = []
            continue
        found += [os.path.relpath(os.path.join(folder, name), ROOT) for name in folders + names if "nanodose" in name]
    return sorted(found)


def kernel(release, settings):
    """The build folder of a kernel, as far as DKMS looks at it before it builds."""
    folder = os.path.join(ROOT, "usr/src", release)
    os.makedirs(os.path.join(folder, "include/generated"), exist_ok=True)
    for name in (".config", "include/config/auto.conf"):
        os.makedirs(os.path.dirname(os.path.join(folder, name)), exist_ok=True)
        with open(os.path.join(folder, name), "w", encoding="ascii") as file:
            file.write("".join(f"{one}=y\n" for one in settings))
    os.makedirs(os.path.join(ROOT, "lib/modules", release), exist_ok=True)
    return "/usr/src/" + release


def built():
    """release -> modules that DKMS has put there."""
    return {path.split("/")[-4]: sorted(os.path.basename(one).split(".")[0] for one in glob.glob(os.path.dirname(path) + "/*.ko*"))
            for path in glob.glob(os.path.join(ROOT, "lib/modules/*/updates/dkms/nanodose.ko*"))}


subprocess.run([os.path.join(TOP, "tests/vm/setup"), "deb"], stdin=subprocess.DEVNULL, check=True)
shutil.rmtree(ROOT, ignore_errors=True)
status, said = sh(os.path.join(TOP, "userspace/packaging/deb"))
first = said.split()
check("make deb builds the packages", status == 0 and {one.split("_")[0] for one in first if "dbgsym" not in one} == set(NAMES), said)
status, said = sh(os.path.join(TOP, "userspace/packaging/deb"), "2")
second = said.split()
check("and those of a further revision", status == 0 and len(second) == len(first), said)
for path in glob.glob(os.path.join(TOP, "build/deb/nanodose-dkms_*.deb"))[:1]:
    status, said = sh("dpkg-deb", "-c", path)
    check("the driver's has the overlays, compiled too", "overlays/nanodose-rpi4.dtbo" in said and "overlays/nanodose-beagleplay.dtso" in said, said)

if os.geteuid():
    check("a new system in a folder can only be made by root # SKIP", True)
    end()
status, said = sh("debootstrap", "--variant=minbase", "bookworm", ROOT)
if not check("a new Debian 12 in a folder", status == 0, said[-800:]):
    end()
shutil.copytree("/etc/apt/apt.conf.d", os.path.join(ROOT, "etc/apt/apt.conf.d"), dirs_exist_ok=True)
with open(os.path.join(ROOT, "etc/apt/sources.list"), "a", encoding="ascii") as file:
    file.write("deb http://deb.debian.org/debian-security bookworm-security main\n")
os.makedirs(os.path.join(ROOT, "debs"))
for name in (*first, *second):
    if "dbgsym" not in name:
        shutil.copy(os.path.join(TOP, "build/deb", name), os.path.join(ROOT, "debs"))
before = ours()
check("nothing of ours is there", before == [], before)

status, said = inside("apt-get -q update")
status, said = install("linux-headers-amd64", *("/debs/" + name for name in first if "dbgsym" not in name))
check("they install, and with them what they need", status == 0, said[-1500:])
check("DKMS has built driver and rig for the kernel of this system", list(built().values()) == [["nanodose", "nanodose_sim"]] and
      list(built())[0].startswith("6.1."), (built(), said[-1500:]))
status, said = inside("modinfo -F alias -k " + "".join(built()) + " nanodose")
check("udev loads it by what a tree names", "of:N*T*Cti,drv8825" in said and "of:N*T*Csensirion,slf3s-0600f" in said and
      "i2c:slf3s-1300f" in said, said)
status, said = inside("nanodose --version && nanodose list; getent group nanodose && getent passwd nanodose && ls -ld /run/nanodose")
with_rules = inside("cat /usr/lib/modprobe.d/nanodose.conf")
check("a driver of the kernel's own keeps off the sensors", "blacklist slf3s" in with_rules[1], with_rules)
check("the program runs, user, group and the folder of runs are there", "nanodose 0." in said and "nanodose:x:" in said and
      "drwxrwsr-t" in said, said)
status, said = inside("nanodose check /usr/share/nanodose/protocols/demo.yaml && zcat /usr/share/man/man1/nanodose-run.1.gz | head -3 && "
                      "ls /usr/lib/udev/rules.d/60-nanodose.rules /usr/lib/systemd/system/nanodose@.service")
check("protocols, manual, rules and service are in their places", status == 0, said)
with open(os.path.join(ROOT, "root/client.c"), "w", encoding="ascii") as file:
    file.write(CLIENT)
status, said = inside("cd /root && apt-get -q -y --no-install-recommends install gcc libc6-dev pkgconf > /dev/null && "
                      "gcc -Wall -Werror client.c $(pkg-config --cflags --libs libnanodose) -o client && ./client && ldd client")
check("a program builds with the -dev package and finds the library by its soname", status == 0 and "libnanodose.so.0 => /" in said, said[-600:])

# ---- the next kernel, and kernels that cannot -------------------------------------------------
status, said = inside("apt-cache pkgnames linux-headers-6.12 | grep 'deb12-amd64$' | sort -V | tail -n 1")
status, said = install(said.strip())
check("with the next kernel DKMS builds for that too, by itself", status == 0 and len(built()) == 2 and
      any(one.startswith("6.12.") for one in built()) and all(two == ["nanodose", "nanodose_sim"] for two in built().values()),
      (built(), said[-1500:]))
NEEDED = ("CONFIG_HIGH_RES_TIMERS", "CONFIG_GPIOLIB", "CONFIG_I2C", "CONFIG_MODULES")
for release, settings, what in (("5.10.0-9-amd64", NEEDED, "older than 6.1"), ("6.5.0-9-amd64", NEEDED[1:], "without high-resolution timers")):
    status, said = inside(f"dkms build nanodose/0.1.0 -k {release} --kernelsourcedir {kernel(release, settings)}")
    check(f"a kernel {what} is passed over, with a reason", status == 77 and "BUILD_EXCLUSIVE" in said, (status, said))
    shutil.rmtree(os.path.join(ROOT, "lib/modules", release))

# ---- upgrade and purge ---------------------------------------------------------------------------
status, said = install(*("/debs/" + name for name in second if "dbgsym" not in name))
check("an upgrade replaces all four", status == 0 and re.search("4 upgraded", said), said[-1500:])
status, said = inside("dkms status; ls /usr/src; nanodose --version")
check("DKMS has the new driver and not the old one", "nanodose/0.1.0.2" in said and "nanodose/0.1.0," not in said and
      "nanodose-0.1.0.2" in said and "nanodose-0.1.0\n" not in said, said)
status, said = inside("apt-get -q -y purge " + " ".join(NAMES) + " && dpkg -l 'nanodose*' 'libnanodose*' | grep -v '^un'")
left = ours()
check("a purge leaves nothing of ours, and no module", left == [] and not built(), (left, built(), said[-800:]))
shutil.rmtree(ROOT, ignore_errors=True)
end()
