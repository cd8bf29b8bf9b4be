#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
# vm: --rig s0600f:sensor_model=slf3s-0600f,sensor_noise_pl_min=0,seed=3 --rig s1300f:sensor_model=slf3s-1300f,sensor_noise_pl_min=0 --rig s4000b:sensor_model=slf3s-4000b,sensor_noise_pl_min=0 --rig l0600l:sensor_model=ld20-0600l,sensor_noise_pl_min=0 --rig l2600b:sensor_model=ld20-2600b,sensor_noise_pl_min=0
"""The five sensors through the driver: which it is, by its product number; its scale, by the data sheets', on a
known flow; media, flags and check sums; and one that was left measuring by a kernel that is no more."""
import errno
import fcntl
import json
import math
import os
import time

from device import FLOW, TYPE_FLOW, Device, of_rig
from exact import HZ
from rig import check, end, fault, nanodose, truth

PERIOD_NS = 20_000_000
AIR, HIGH_FLOW = 1, 2
# name, units of the flow word per uL/min, full scale in uL/min or None, isopropanol. SLF3S: data sheets, table "scale factors";
# LD20: 1200 and 20 per mL/h, Sensirion's sf06_lf_i2c.h; full scale of the -2600B 1000 mL/h.
SENSORS = {
    "s0600f": ("SLF3S-0600F", 10, 2000, True),
    "s1300f": ("SLF3S-1300F", 0.5, 40000, True),
    "s4000b": ("SLF3S-4000B", 0.032, None, True),
    "l0600l": ("LD20-0600L", 1200 * 60 / 1000, None, False),
    "l2600b": ("LD20-2600B", 20 * 60 / 1000, 1e6 / 60, False),
}
# What steps of a BD Plastipak 1 mL, 4.699 mm wide, on a screw of 1 mm come to.
RATE = 1000
FLOW_UL_MIN = RATE * 60 * math.pi / 4 * 4.699 ** 2 * 1.0 / 3200
I2C_SLAVE_FORCE = 0x0706


def flows(device, seconds):
    """(flow in uL/min, flags, valid, bus errors) of so many seconds."""
    device.records()
    time.sleep(seconds)
    return [(flow / 1e6, flags, valid & 1, errors) for _, flow, _, _, errors, flags, valid, _ in
            (FLOW.unpack(payload) for _, _, kind, payload in device.records() if kind == TYPE_FLOW)]


def client(rig):
    """The sensor's device, and its bus' number."""
    bench = "/sys/bus/platform/devices/sim-" + os.path.basename(os.path.realpath(f"/sys/class/nanodose/{os.path.basename(of_rig(rig))}/device"))
    bus = next(name for name in os.listdir(bench) if name.startswith("i2c-"))[4:]
    return f"{bus}-0008", bus


for rig, (name, units, full_ul_min, ipa) in SENSORS.items():
    info = json.loads(nanodose("info", rig, "--json")[1])["info"]
    check(f"{name}: it is known by its product number", info["sensor"] == name, info)
    check(f"{name}: its full scale is the data sheet's", full_ul_min is None or
          abs(info["sensor_full_scale_pl_min"] / 1e6 - full_ul_min) < 1 / units, info["sensor_full_scale_pl_min"])
    pump = Device(of_rig(rig))
    pump.claim()
    pump.sensor(True, PERIOD_NS)
    pump.run(RATE * HZ, 100000 * HZ, 10 * HZ)
    time.sleep(5)
    seen = flows(pump, 1)
    check(f"{name}: a steady flow reads as it is, within half a unit of its scale", len(seen) > 45 and
          all(valid and abs(flow - FLOW_UL_MIN) <= 0.51 / units for flow, _, valid, _ in seen), (FLOW_UL_MIN, seen[:2], 1 / units))
    check(f"{name}: and so says the rig", abs(truth(rig, "outlet_flow_pl_min") / 1e6 - FLOW_UL_MIN) < 0.005 * FLOW_UL_MIN,
          truth(rig, "outlet_flow_pl_min"))
    wrong = [flow for flow, _, _, _ in seen if abs(flow * units - round(flow * units)) > 1e-3]
    check(f"{name}: each reading is a whole number of units", wrong == [], wrong[:3])
    pump.stop()
    time.sleep(5)
    pump.run(-RATE * HZ, 100000 * HZ, 10 * HZ)
    time.sleep(5)
    seen = flows(pump, 0.5)
    check(f"{name}: backwards too, with its sign", seen and all(abs(flow + FLOW_UL_MIN) <= 0.51 / units for flow, _, _, _ in seen), seen[:2])
    pump.stop()
    time.sleep(5)

    # ---- flags and check sums, at rest, where nothing latches ---------------------------------
    fault(rig, "air", 1)
    check(f"{name}: air is flagged", all(flags & AIR for _, flags, _, _ in flows(pump, 0.2)[2:]))
    fault(rig, "air", 0)
    time.sleep(0.1)
    fault(rig, "high_flow", 1)
    check(f"{name}: a flow beyond its range is flagged", all(flags & HIGH_FLOW for _, flags, _, _ in flows(pump, 0.2)[2:]))
    fault(rig, "high_flow", 0)
    time.sleep(0.1)
    check(f"{name}: and both flags go", all(not flags & (AIR | HIGH_FLOW) for _, flags, _, _ in flows(pump, 0.2)[2:]))
    for what in ("crc", "nack"):
        fault(rig, what, 1)
        seen = flows(pump, 0.3)
        fault(rig, what, 0)
        check(f"{name}: with {what} no reading is good, and each is counted", seen and not any(valid for _, _, valid, _ in seen[2:]) and
              [b[3] - a[3] for a, b in zip(seen[2:], seen[3:])] == [1] * (len(seen) - 3), seen[-2:])
    time.sleep(0.1)
    check(f"{name}: then they are again", all(valid for _, _, valid, _ in flows(pump, 0.2)[1:]))
    pump.sensor(False)
    try:
        pump.sensor(True, PERIOD_NS, 1)
        refused = 0
    except OSError as error:
        refused = error.errno
    check(f"{name}: isopropanol is {'taken' if ipa else 'refused, as it has no calibration for it'}",
          refused == (0 if ipa else errno.EOPNOTSUPP), refused)
    pump.close()

    # ---- left measuring, as by a warm reboot -----------------------------------------------------
    device, bus = client(rig)
    for action in ("unbind", "bind"):
        if action == "bind":
            line = os.open(f"/dev/i2c-{bus}", os.O_RDWR)
            fcntl.ioctl(line, I2C_SLAVE_FORCE, 0x08)
            os.write(line, b"\x36\x08")
            os.close(line)
            time.sleep(0.1)
        with open(f"/sys/bus/i2c/drivers/nanodose-sf06/{action}", "w", encoding="ascii") as file:
            file.write(device)
    bound = os.path.exists(f"/sys/bus/i2c/drivers/nanodose-sf06/{device}")
    with open("/sys/bus/platform/drivers/nanodose/unbind", "w", encoding="ascii") as file:
        file.write(os.path.basename(os.path.realpath(f"/sys/class/nanodose/{os.path.basename(of_rig(rig))}/device")))
    here = next(name for name in os.listdir("/sys/bus/platform/devices") if name.startswith("nanodose") and
                not os.path.exists(f"/sys/bus/platform/devices/{name}/driver"))
    with open("/sys/bus/platform/drivers/nanodose/bind", "w", encoding="ascii") as file:
        file.write(here)
    again = json.loads(nanodose("info", rig, "--json")[1])["info"]
    check(f"{name}: left measuring, it is found all the same, with its serial number", bound and again["sensor_serial"] == info["sensor_serial"],
          (bound, again))
end()
