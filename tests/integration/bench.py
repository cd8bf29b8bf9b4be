#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
# vm: --rig rig0
"""The simulated rig itself, without the driver: its lines, bus, channel and
truth as a bench with instruments would find them. Two rigs are made here, the
driver is unbound from them, and the lines are driven through the GPIO
character device."""
import ctypes
import errno
import fcntl
import math
import os
import select
import struct
import threading
import time

import rig

CONFIG = "/sys/kernel/config/nanodose-sim"
INPUT, OUTPUT, RISING, FALLING = 1 << 2, 1 << 3, 1 << 4, 1 << 5
GET_LINE = 0xC250B407       # GPIO_V2_GET_LINE_IOCTL
SET_VALUES = 0xC010B40F     # GPIO_V2_LINE_SET_VALUES_IOCTL
I2C_RDWR = 0x0707


def write(path, value):
    with open(path, "w") as file:
        file.write(f"{value}\n")


def read(path):
    with open(path) as file:
        return file.read().strip()


def refusal(path, value):
    """The errno of a write, 0 if it was taken."""
    try:
        write(path, value)
    except OSError as error:
        return error.errno
    return 0


def make(name, **parameters):
    """A live rig whose devices no driver is bound to; name of the pump's device."""
    os.mkdir(f"{CONFIG}/{name}")
    for key, value in parameters.items():
        write(f"{CONFIG}/{name}/{key}", value)
    write(f"{CONFIG}/{name}/live", 1)
    pump = read(f"{CONFIG}/{name}/dev_name")
    for device in (f"/sys/bus/platform/devices/{pump}", sensor_of(pump)):
        if os.path.exists(f"{device}/driver"):
            write(f"{device}/driver/unbind", os.path.basename(device))
    return pump


def child(pump, prefix):
    """The bench's part whose name begins so."""
    bench = f"/sys/bus/platform/devices/sim-{pump}"
    return next(f"{bench}/{name}" for name in os.listdir(bench) if name.startswith(prefix))


def sensor_of(pump):
    bus = child(pump, "i2c-")
    return f"/sys/bus/i2c/devices/{os.path.basename(bus)[4:]}-0008"


class Lines:
    """Some lines of a gpiochip, as outputs or as inputs with edges."""

    def __init__(self, pump, offsets, flags):
        chip = os.open("/dev/" + os.path.basename(child(pump, "gpiochip")), os.O_RDWR)
        request = bytearray(592)
        struct.pack_into(f"={len(offsets)}I", request, 0, *offsets)
        struct.pack_into("=32s", request, 256, b"bench")
        struct.pack_into("=Q", request, 288, flags)
        struct.pack_into("=I", request, 560, len(offsets))
        fcntl.ioctl(chip, GET_LINE, request)
        self.fd = struct.unpack_from("=i", request, 588)[0]
        os.close(chip)

    def set(self, bits, mask):
        fcntl.ioctl(self.fd, SET_VALUES, struct.pack("=QQ", bits, mask))

    def events(self):
        """(line, rising) of what has come."""
        found = []
        while select.select([self.fd], [], [], 0)[0]:
            data = os.read(self.fd, 48)
            kind, line = struct.unpack_from("=II", data, 8)
            found.append((line, kind == 1))
        return found

    def close(self):
        os.close(self.fd)


class Bus:
    """Plain transfers on the rig's I2C adapter."""

    class Message(ctypes.Structure):
        _fields_ = [("addr", ctypes.c_uint16), ("flags", ctypes.c_uint16),
                    ("len", ctypes.c_uint16), ("buf", ctypes.c_char_p)]

    class Transfer(ctypes.Structure):
        _fields_ = [("msgs", ctypes.c_void_p), ("nmsgs", ctypes.c_uint32)]

    def __init__(self, pump):
        self.fd = os.open("/dev/" + os.path.basename(child(pump, "i2c-")), os.O_RDWR)

    def transfer(self, address, flags, data):
        buffer = ctypes.create_string_buffer(data, len(data))
        message = self.Message(address, flags, len(data), ctypes.cast(buffer, ctypes.c_char_p))
        transfer = self.Transfer(ctypes.cast(ctypes.pointer(message), ctypes.c_void_p), 1)
        fcntl.ioctl(self.fd, I2C_RDWR, transfer)
        return buffer.raw

    def write(self, data, address=8):
        """The errno, 0 if acknowledged."""
        try:
            self.transfer(address, 0, data)
        except OSError as error:
            return error.errno
        return 0

    def read(self, count):
        return self.transfer(8, 1, bytes(count))

    def close(self):
        os.close(self.fd)


def parameters():
    os.mkdir(f"{CONFIG}/probe")
    path = f"{CONFIG}/probe"
    documented = {
        "syringe_diameter_um": 4699, "lead_pitch_nm": 1000000, "microsteps_per_rev": 3200,
        "compliance_fl_per_pa": 10000, "resistance_pa_s_per_ul": 28000, "back_pressure_pa": 0,
        "leak_fl_per_pa_s": 0, "dead_volume_nl": 20000, "backlash_steps": 0,
        "stall_pressure_pa": 0, "sensor_gain_ppm": 0, "sensor_offset_pl_min": 0,
        "sensor_tau_us": 20000, "pressure_noise_pa": 20, "seed": 1,
    }
    found = {key: int(read(f"{path}/{key}")) for key in documented}
    rig.check("parameters have their documented defaults", found == documented, found)
    rig.check("the sensor is a SLF3S-0600F unless told otherwise",
              read(f"{path}/sensor_model") == "slf3s-0600f")
    write(f"{path}/sensor_model", "slf3s-1300f")
    noise = int(read(f"{path}/sensor_noise_pl_min"))
    rig.check("the noise follows the model until it is set", noise == 10000000, noise)
    write(f"{path}/sensor_noise_pl_min", 0)
    rig.check("a noise of nothing is taken", read(f"{path}/sensor_noise_pl_min") == "0")
    refused = [refusal(f"{path}/{key}", value) for key, value in
               (("syringe_diameter_um", 0), ("compliance_fl_per_pa", -1), ("seed", "x"),
                ("microsteps_per_rev", 0), ("sensor_model", "slf4"), ("live", 2),
                ("back_pressure_pa", -100000))]
    rig.check("values without sense are refused", refused == [errno.EINVAL] * 7, refused)
    write(f"{path}/live", 1)
    refused = [refusal(f"{path}/{key}", value) for key, value in
               (("seed", 2), ("sensor_model", "slf3s-0600f"), ("sensor_noise_pl_min", 1))]
    rig.check("a live rig does not change its parameters", refused == [errno.EBUSY] * 3, refused)
    write(f"{path}/live", 0)
    rig.check("at rest again it does", refusal(f"{path}/seed", 2) == 0)
    try:
        os.mkdir(f"{CONFIG}/{'n' * 32}")
        code = 0
    except OSError as error:
        code = error.errno
    rig.check("a name too long for a label is refused", code == errno.ENAMETOOLONG, code)
    os.rmdir(path)


def lines(pump):
    edges = rig.Edges("bench0")
    out = Lines(pump, [0, 1, 2], OUTPUT)        # STEP, DIR, ENABLE
    out.set(0b001, 0b001)
    out.set(0b000, 0b001)
    rig.check("a step without motor power is lost",
              (rig.truth("bench0", "steps"), rig.truth("bench0", "missed_steps")) == (-1, 1))
    out.set(0b110, 0b110)
    before = rig.now_ns()
    for _ in range(300):
        out.set(1, 1)
        out.set(0, 1)
    after = rig.now_ns()
    out.set(0b000, 0b010)
    for _ in range(100):
        out.set(1, 1)
        out.set(0, 1)
    rig.check("steps are counted on the rising edge, by direction",
              rig.truth("bench0", "steps") == 199, rig.truth("bench0", "steps"))
    time.sleep(10)
    expected = 200 * math.pi / 4 * 4699 ** 2 * 1000000 / 3200 / 1000
    volume = rig.truth("bench0", "outlet_volume_fl")
    rig.check("what the plunger moved has left the outlet",
              abs(volume - expected) < 1e-6 * expected, f"{volume}, expected {expected}")
    rises = edges.collect()
    rig.check("each edge is recorded once", len(rises) == 401 and edges.lost == 0, len(rises))
    rig.check("edges carry the time they had",
              all(before <= t <= after for t in rises[1:301]) and rises == sorted(rises))
    order = [(line, value) for _, line, value in edges.all if line != rig.STEP]
    rig.check("direction and enable are recorded too",
              sorted(order[:2]) == [(rig.DIR, 1), (rig.ENABLE, 1)] and order[2] == (rig.DIR, 0),
              order)
    out.close()
    edges.close()

    switches = Lines(pump, [3, 4, 5], INPUT | RISING | FALLING)
    rig.fault("bench0", "estop", 1)
    rig.fault("bench0", "estop", 1)
    rig.fault("bench0", "limit", 1)
    rig.fault("bench0", "limit", 2)
    rig.fault("bench0", "limit", 0)
    rig.fault("bench0", "estop", 0)
    events = switches.events()
    rig.check("switches interrupt at once, at each change",
              events == [(3, True), (4, True), (4, False), (5, True), (5, False), (3, False)],
              events)
    switches.close()


def overflow(pump):
    edges = rig.Edges("bench0")
    out = Lines(pump, [0], OUTPUT)
    for _ in range(140000):
        out.set(1, 1)
        out.set(0, 1)
    edges.collect()
    out.set(1, 1)
    edges.collect()
    # 262 144 fit; the gap shows with the next one recorded
    rig.check("an overflow shows as a gap in the numbers",
              len(edges.all) == 262145 and edges.lost == 280000 - 262144,
              (len(edges.all), edges.lost))
    out.close()
    edges.close()


def bus(pump):
    sensor = Bus(pump)
    kind = read(f"{sensor_of(pump)}/name")
    rig.check("the sensor is on the bus under its type", kind == "slf3s-1300f", kind)
    sensor.write(b"\x3f\xf9")
    time.sleep(0.001)
    sensor.write(b"\x36\x7c")
    sensor.write(b"\xe1\x02")
    number = sensor.read(18)
    rig.check("it tells its product number", number[0:2] + number[3:5] == b"\x07\x03\x02\x02",
              number.hex())
    sensor.write(b"\x36\x08")
    time.sleep(0.02)
    rig.fault("bench0", "free_flow", 5000000000)
    time.sleep(1)
    sensor.read(9)
    time.sleep(1)
    frame = sensor.read(9)
    counts = struct.unpack(">h", frame[:2])[0]
    rig.check("it reads the flow in its own scale", counts == 2500, counts)
    rig.check("truth has the flow that was set",
              rig.truth("bench0", "outlet_flow_pl_min") == 5000000000)
    rig.fault("bench0", "occlusion", 1)
    rig.check("an occluded line has none", rig.truth("bench0", "outlet_flow_pl_min") == 0)
    rig.fault("bench0", "occlusion", 0)
    rig.fault("bench0", "unplug", 1)
    rig.check("unplugged it acknowledges nothing", sensor.write(b"\x3f\xf9") == errno.ENXIO)
    rig.fault("bench0", "unplug", 0)
    time.sleep(0.03)
    rig.check("plugged in again it does", sensor.write(b"\x3f\xf9") == 0)
    rig.check("a command it does not know is not acknowledged to its end",
              sensor.write(b"\x12\x34") == errno.EIO)
    rig.check("general call reset is acknowledged", sensor.write(b"\x06", address=0) == 0)
    rig.fault("bench0", "free_flow", 0)
    sensor.close()


def pressure(pump):
    channel = child(pump, "iio:device")
    scale = float(read(f"{channel}/in_pressure_scale"))
    rig.check("the pressure channel counts pascals", scale == 0.001, scale)
    readings = [int(read(f"{channel}/in_pressure_raw")) for _ in range(200)]
    mean = sum(readings) / len(readings)
    spread = math.sqrt(sum((r - mean) ** 2 for r in readings) / len(readings))
    # 20 kPa against the outlet; five standard errors of 50 Pa rms
    rig.check("it reads the pressure with the noise that was asked for",
              abs(mean - 20000) < 18 and 37 < spread < 63, (mean, spread))
    rig.check("truth has it without", rig.truth("bench0", "pressure_pa") == 20000)


def latency():
    """With interrupts held off a timer comes that much later."""
    timer = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
    rig.fault("bench0", "latency_us", 3000)
    held = time.clock_gettime_ns(time.CLOCK_MONOTONIC) - timer
    rig.check("the processor is held for as long as asked", 3000000 <= held < 4000000, held)


def leaves_while_in_use():
    """Taken down with its files open and a reader asleep."""
    pump = read(f"{CONFIG}/bench1/dev_name")
    edges = os.open(f"{rig.DEBUGFS}/bench1/edges", os.O_RDONLY)
    flow = open(f"{rig.DEBUGFS}/bench1/outlet_flow_pl_min")
    live = os.open(f"{CONFIG}/bench1/live", os.O_RDWR)
    out = Lines(pump, [0, 1, 2], OUTPUT)
    ended = []
    reader = threading.Thread(target=lambda: ended.append(os.read(edges, 1 << 16)))
    reader.start()
    time.sleep(0.1)
    rig.check("a reader without edges waits", not ended)
    out.set(1, 1)
    reader.join(10)
    rig.check("an edge wakes it", len(ended) == 1 and len(ended[0]) == 16, ended)
    reader = threading.Thread(target=lambda: ended.append(os.read(edges, 1 << 16)))
    reader.start()
    time.sleep(0.1)
    # requested lines are not held on to: gpiolib 6.12 loses their labels then
    out.close()
    os.rmdir(f"{CONFIG}/bench1")
    reader.join(10)
    rig.check("a reader of a rig that goes sees the end", ended[1:] == [b""], ended)
    rig.check("the rig is gone", not os.path.exists(f"{rig.DEBUGFS}/bench1"))
    try:
        flow.read()
        code = 0
    except OSError as error:
        code = error.errno
    rig.check("its open files answer with an error", code == errno.EIO, code)
    try:
        os.write(live, b"1\n")
        code = 0
    except OSError as error:
        code = error.errno
    rig.check("it cannot be brought back by an open file", code == errno.ENOENT, code)
    flow.close()
    os.close(edges)
    os.close(live)
    os.mkdir(f"{CONFIG}/bench1")
    write(f"{CONFIG}/bench1/live", 1)
    rig.check("a rig of the same name can be made again",
              rig.truth("bench1", "steps") == 0)


parameters()
bench0 = make("bench0", sensor_model="slf3s-1300f", sensor_noise_pl_min=0, seed=7)
make("bench1")
lines(bench0)
bus(bench0)
overflow(bench0)
latency()
write(f"{CONFIG}/bench0/live", 0)
write(f"{CONFIG}/bench0/back_pressure_pa", 20000)
write(f"{CONFIG}/bench0/pressure_noise_pa", 50)
write(f"{CONFIG}/bench0/live", 1)
pressure(read(f"{CONFIG}/bench0/dev_name"))
leaves_while_in_use()
for name in ("bench0", "bench1"):
    os.rmdir(f"{CONFIG}/{name}")
rig.check("rigs can be removed while live", not os.path.exists(f"{rig.DEBUGFS}/bench0"))
rig.end()
