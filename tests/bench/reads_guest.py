# SPDX-License-Identifier: GPL-2.0-or-later
"""Inside a machine where an instruction takes 1 ns: what read() of a record costs; see reads.bench.

The arguments: the folder of the peers, and that of the kernel's own modules for them.
"""
import glob
import json
import subprocess
import sys

PEERS, MODULES = sys.argv[1:]
BATCH = 24              # what the smallest of the buffers holds, evdev's of 64 events
IIO = "/sys/bus/iio/devices/iio:device*"


def write(path, text):
    with open(path, "w", encoding="ascii") as file:
        file.write(str(text))


def prepare_iio():
    subprocess.run(["insmod", MODULES + "/kfifo_buf.ko"], check=True)
    subprocess.run(["insmod", PEERS + "/iio_source.ko"], check=True)
    for path in glob.glob(IIO):
        with open(path + "/name", encoding="ascii") as file:
            if file.read().strip() == "iio-source":
                break
    for enable in glob.glob(path + "/buffer0/*_en") or glob.glob(path + "/scan_elements/*_en"):
        write(enable, 1)
    write(path + "/buffer0/length", 512)
    write(path + "/buffer0/enable", 1)
    return "/dev/" + path.rsplit("/", 1)[1]


nodes = {"nanodose": "/dev/nanodose0", "evdev": "-", "iio": prepare_iio()}
for per_read in (1, 16):
    for name, node in nodes.items():
        done = subprocess.run([PEERS + "/drain", name, node, str(BATCH), str(per_read)], stdout=subprocess.PIPE,
                              text=True, check=True)
        size, took_ns = map(int, done.stdout.split())
        print(json.dumps({"peer": name, "per_read": per_read, "bytes": size, "ns": took_ns}), flush=True)
