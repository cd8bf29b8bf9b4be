#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
# vm: --rig rig0:resistance_pa_s_per_ul=200 --rig rig1:resistance_pa_s_per_ul=200,max_step_rate_hz=997,microsteps_per_rev=51200,lead_pitch_nm=635000 --rig rig2:max_step_rate_hz=4321,microsteps_per_rev=200,lead_pitch_nm=8000000,resistance_pa_s_per_ul=1
"""Requests along the borders of what a pump can do: what INFO says by exact arithmetic, what the checker says and what the
driver says are the same, and what a protocol's own limit allows the driver takes."""
import ctypes
import errno
import json
import math
import os
import random
from fractions import Fraction

from rig import TOP, check, end, nanodose, note, run_protocol

PI = Fraction("3.14159265358979323846264338327950288419716939937510582097494459")
ROUNDS = 60
# Off the border by so much: rounding to binary and to nHz needs 1e-9, and what is nearer is taken as at it.
OFF = (0, 4e-10, -4e-10, 2e-8, -2e-8, 1e-6, -1e-6, 1e-3, -1e-3, 0.3, -0.3)
UNITS = {"uL/min": Fraction(1, 60 * 10**9), "mL/h": Fraction(1, 3600 * 10**6), "nL/s": Fraction(1, 10**12),
         "m3/s": Fraction(1)}
PATH, RECORD = "/tmp/border.yaml", "/tmp/border.db"
STOP_NOW = 1
END_POSITION = 1 << 0

library = ctypes.CDLL(os.path.join(TOP, "build/lib/libnanodose.so"), use_errno=True)
library.nanodose_device_open.restype = ctypes.c_void_p


class Order(ctypes.Structure):
    _fields_ = [("rate_nhz", ctypes.c_int64), ("accel_nhz_s", ctypes.c_uint64), ("hold_ns", ctypes.c_uint64),
                ("end_position", ctypes.c_int64), ("start_ns", ctypes.c_uint64), ("flags", ctypes.c_uint32),
                ("reserved", ctypes.c_uint32 * 5)]


class Pump:
    def __init__(self, number):
        self.label = f"rig{number}"
        info = json.loads(nanodose("info", self.label, "--json")[1])
        self.path, info = info["path"], info["info"]
        self.max_rate_nhz, self.max_accel_nhz_s = info["max_rate_nhz"], info["max_accel_nhz_s"]
        # Of a turn of the screw and a square millimetre of bore, in litres' 1e-6: exact.
        self.step_m = Fraction(info["lead_pitch_nm"], info["microsteps_per_rev"] * 10**9)

    def step_m3(self, diameter_m):
        return PI / 4 * diameter_m * diameter_m * self.step_m

    def takes(self, **order):
        """Whether the driver does; what it took is stopped at once."""
        device = ctypes.c_void_p(library.nanodose_device_open(self.path.encode(), True))
        if library.nanodose_device_claim(device, b"borders"):
            raise OSError(ctypes.get_errno(), self.path)
        order = Order(accel_nhz_s=self.max_accel_nhz_s, hold_ns=10**9, **order)
        taken = not library.nanodose_device_run(device, ctypes.byref(order))
        number = ctypes.get_errno()
        library.nanodose_device_stop(device, STOP_NOW)
        library.nanodose_device_close(device)
        if not taken and number != errno.EDOM:
            raise OSError(number, self.path)
        return taken


pumps = [Pump(number) for number in range(3)]
draw = random.Random(6)


def written(value, unit):
    """A number with enough digits, and what it exactly is in SI."""
    text = f"{float(value / UNITS[unit]):.17g}"
    return f"{text} {unit}", Fraction(text) * UNITS[unit]


def protocol(pump, diameter_m, step, limits=""):
    """A file of this machine's own; one of the same name for all."""
    with open(PATH, "w", encoding="ascii") as file:
        file.write(f"""nanodose: 1
channels:
  line:
    pump: {pump.label}
    syringe: {{diameter: {float(diameter_m) * 1e3:.9f} mm, stroke: 600 mm}}
    loaded: {float(diameter_m**2 * PI / 4 * Fraction(6, 10)) * 1e9:.12g} uL
    fluid: water
{limits}steps:
  - {step}
""")
    return PATH


def record():
    if os.path.exists(RECORD):
        os.unlink(RECORD)
    return RECORD


def bore(pump):
    """Of a syringe whose microstep is no more than the driver's 1 uL."""
    return Fraction(draw.randrange(500, 20000 if pump.step_m < Fraction(1, 10**6) else 5600), 10**6)


def off():
    return Fraction(draw.choice(OFF)) * (1 if draw.random() < 0.7 else Fraction(draw.random()))


# ---- the fastest ---------------------------------------------------------------------

wrong, refused = [], 0
for index in range(ROUNDS):
    pump, part = draw.choice(pumps), off()
    diameter_m = bore(pump)
    step_m3 = pump.step_m3(diameter_m)
    text, rate = written(Fraction(pump.max_rate_nhz, 10**9) * step_m3 * (1 + part), draw.choice(list(UNITS)))
    by_info = rate <= Fraction(pump.max_rate_nhz, 10**9) * step_m3 * (1 + Fraction(1, 10**9))
    volume = float(1000 * step_m3) * 1e9
    status, _, err = nanodose("check", protocol(pump, diameter_m,
                                                f"infuse: {{channel: line, volume: {volume:.9g} uL, rate: {text}}}"))
    by_checker = not status
    rate_nhz = round(rate / step_m3 * 10**9)
    # The runner never asks for more than INFO's maximum: what rounding puts above it.
    by_driver = pump.takes(rate_nhz=min(rate_nhz, pump.max_rate_nhz) if by_info else rate_nhz)
    refused += not by_info
    if not by_info == by_checker == by_driver or (status and "reaches at most" not in err):
        wrong.append((pump.label, text, float(part), by_info, by_checker, by_driver, err))
check(f"the fastest rate: INFO, checker and driver agree on {ROUNDS} requests", not wrong, wrong[:3])
check("some of which were too fast, and some were not", ROUNDS / 5 < refused < ROUNDS * 4 / 5, refused)
note(f"{refused} of {ROUNDS} refused")

# ---- the slowest, and the least ------------------------------------------------------------

wrong, refused = [], 0
for index in range(ROUNDS):
    pump, part = draw.choice(pumps), off()
    diameter_m = bore(pump)
    step_m3 = pump.step_m3(diameter_m)
    text, rate = written(step_m3 / 86400 * (1 + part), draw.choice(list(UNITS)))
    good = rate >= step_m3 / 86400 * (1 - Fraction(1, 10**9))
    if abs(part) < 1e-9:
        text, rate = written(step_m3 / 86400 * (1 + Fraction(1, 10**9)), "uL/min")
        good = True
    status, _, err = nanodose("check", protocol(pump, diameter_m,
                                                f"infuse: {{channel: line, volume: {float(200 * step_m3) * 1e9:.9g} uL, rate: {text}}}"))
    rate_nhz = round(rate / step_m3 * 10**9)
    refused += not good
    # The driver could go slower still: what the checker takes, it takes.
    if good == bool(status) or (good and not pump.takes(rate_nhz=rate_nhz)) or (status and "microstep a day" not in err):
        wrong.append((pump.label, text, float(part), good, status, err))
check(f"a microstep a day: the same, of {refused} too slow and {ROUNDS - refused} others", not wrong and refused > 10, wrong[:3])

wrong, refused = [], 0
for index in range(ROUNDS):
    pump, part = draw.choice(pumps), off()
    diameter_m = bore(pump)
    step_m3 = pump.step_m3(diameter_m)
    volume = step_m3 * (1 + (part if abs(part) > 1e-9 else Fraction(1, 10**8)))
    status, _, err = nanodose("check", protocol(pump, diameter_m,
                                                f"infuse: {{channel: line, volume: {float(volume) * 1e12:.17g} nL, duration: 2 s}}"))
    good = volume >= step_m3
    refused += not good
    steps = round(volume / step_m3)
    if good == bool(status) or (good and not pump.takes(rate_nhz=10**9, end_position=steps, flags=END_POSITION)):
        wrong.append((pump.label, float(part), good, status, err))
check(f"one microstep: the same, of {refused} too small and {ROUNDS - refused} others", not wrong and refused > 10, wrong[:3])

wrong, refused = [], 0
wide = pumps[2]
border_m = math.sqrt(1e-9 / (math.pi / 4 * float(wide.step_m)))
for index in range(ROUNDS // 5):
    diameter_m = Fraction(round(border_m * 1e9 * (1 + float(off()) / 100)), 10**9)
    step_m3 = wide.step_m3(diameter_m)
    good = step_m3 <= Fraction(1, 10**9)
    status, summary, err = run_protocol(protocol(wide, diameter_m,
                                                 "infuse: {channel: line, volume: 200 uL, rate: 1 mL/min}"), record())
    refused += not good
    if status != (0 if good else 1) or (not good and "no more than 1 uL" not in err):
        wrong.append((float(diameter_m), float(step_m3), status, err))
check(f"a microstep of the driver's largest: {refused} refused by the checker, the others run", not wrong and refused > 5,
      wrong[:3])

# ---- a limit of the protocol, in a run ------------------------------------------------------
# Not on the third, whose single steps are bursts to a flow sensor.

wrong, done = [], 0
for index in range(24):
    pump, part = draw.choice(pumps[:2]), off()
    diameter_m = bore(pump)
    step_m3 = pump.step_m3(diameter_m)
    share = Fraction(draw.randrange(100, 900), 1000)
    # Within the range of the flow sensor, which has an interlock of its own.
    top = min(Fraction(pump.max_rate_nhz, 10**9) * step_m3, Fraction(1, 10**8))
    limit_text, limit = written(top * share, draw.choice(list(UNITS)))
    text, rate = written(limit * (1 + min(part, Fraction(1, 20))), draw.choice(list(UNITS)))
    good = rate <= limit * (1 + Fraction(1, 10**9))
    steps = 200 + draw.randrange(200)
    path = protocol(pump, diameter_m,
                    f"infuse: {{channel: line, volume: {float(steps * step_m3) * 1e9:.15g} uL, rate: {text}}}",
                    f"limits: {{line: {{rate: {limit_text}}}}}\n")
    status, summary, err = run_protocol(path, record())
    done += good
    if status != (0 if good else 1) or (good and summary["channels"][0]["steps"] != steps) or \
       (not good and "beyond its limit" not in err):
        wrong.append((pump.label, text, limit_text, float(part), status, err))
check(f"a limit of rate: {done} runs up to it are done to the step, {24 - done} beyond it are refused",
      not wrong and 4 < done < 22, wrong[:3])

wrong, done = [], 0
for index in range(24):
    pump, part = draw.choice(pumps[:2]), off()
    diameter_m = bore(pump)
    step_m3 = pump.step_m3(diameter_m)
    top = min(Fraction(pump.max_rate_nhz, 10**9) * step_m3 / 2, Fraction(1, 10**8))
    # A ramp of two seconds, and a limit that it keeps to or does not.
    slope = top / 2
    limit = slope / (1 + min(part, Fraction(1, 20)))
    good = part <= 0 or abs(part) < 1e-9
    if math.isclose(part, 0, abs_tol=1e-9):
        limit = slope
    path = protocol(pump, diameter_m,
                    f"ramp: {{channel: line, from: {float(top / 1000):.17g} m3/s, to: {float(top / 1000 + top):.17g} m3/s, duration: 2 s}}",
                    f"limits: {{line: {{acceleration: {float(limit):.17g} m3/s2}}}}\n")
    status, summary, err = run_protocol(path, record())
    done += good
    if status != (0 if good else 1) or (not good and "beyond its limit" not in err):
        wrong.append((pump.label, float(limit), float(part), good, status, err))
check(f"a limit of acceleration: {done} ramps up to it are done, {24 - done} beyond it are refused",
      not wrong and 4 < done < 22, wrong[:3])
end()
