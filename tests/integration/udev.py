#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
# vm: --rig rig0 --rig rig1
"""The udev rules: group and mode of a pump's node, and its name by label."""
import grp
import os
import stat
import subprocess

from rig import check, end, nanodose

GID = 987


def sh(*arguments):
    done = subprocess.run(arguments, capture_output=True, text=True, check=False)
    return done.returncode == 0 or print("# " + " ".join(arguments), done.stdout, done.stderr)


# The group that the rules ask for; /etc cannot be written here.
with open("/etc/group", encoding="utf-8") as file:
    groups = [line for line in file if not line.startswith("nanodose:")]
with open("/tmp/group", "w", encoding="utf-8") as file:
    file.writelines(groups + [f"nanodose:x:{GID}:\n"])
sh("mount", "--bind", "/tmp/group", "/etc/group")
assert grp.getgrnam("nanodose").gr_gid == GID

# The rules are in place already; they are read anew now that the group is known.
sh("udevadm", "control", "--exit")
sh("/lib/systemd/systemd-udevd", "--daemon")
sh("udevadm", "trigger", "--action=add", "--subsystem-match=nanodose")
check("udev settles", sh("udevadm", "settle", "--timeout=30"))

for label in ("rig0", "rig1"):
    link = f"/dev/nanodose/by-label/{label}"
    check(f"{link} leads to a pump", os.path.islink(link) and
          os.path.basename(os.path.realpath(link)).startswith("nanodose"), link)
    node = os.stat(link)
    check(f"{label} belongs to the group nanodose, mode 0660",
          stat.S_ISCHR(node.st_mode) and node.st_gid == GID and stat.S_IMODE(node.st_mode) == 0o660,
          (oct(node.st_mode), node.st_gid))
    status, out, err = nanodose("info", link)
    check(f"{link} opens the pump with that label", status == 0 and f" {label}\n" in out, out + err)

# A member of the group may, others may not and are told the way.
def as_nobody(*groups):
    return subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", *groups, "nanodose", "info", "rig0"],
                          capture_output=True, text=True, check=False)


member, stranger = as_nobody(f"--groups={GID}"), as_nobody("--clear-groups")
check("a member of the group may open the pump", member.returncode == 0, member.stderr)
check("another user may not, and is told to join the group nanodose",
      stranger.returncode == 1 and "usermod -aG nanodose nobody" in stranger.stderr, stranger.stderr)
end()
