#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
# vm: --rig rig0
"""A killed controller, a pulled sensor, an interrupt: judged by the edges."""
import os
import signal
import time

from rig import (Edges, check, end, fault, figure, fresh, now_ns, query, start, steps_moved, truth,
                 wait_until, write_protocol)

PROTOCOL = write_protocol("steady.yaml", """\
nanodose: 1
name: Steady flow
channels:
  line: {pump: rig0, syringe: BD Plastipak 1 mL, loaded: 900 uL, fluid: water}
steps:
  - infuse: {channel: line, volume: 800 uL, rate: 600 uL/min}
""")


# 600 uL/min through the default rig's 28 kPa s/uL is 2.8 bar.
CEILING = write_protocol("ceiling.yaml", open(PROTOCOL, encoding="ascii").read().replace(
    "steps:", "limits:\n  line: {pressure: 4 bar}\nsteps:"))


def dosing(record, protocol=PROTOCOL):
    """A run well under way, with its edges."""
    edges = Edges("rig0")
    process = start("run", protocol, "--record", fresh(record), "--headless", "--json")
    moving = wait_until(steps_moved("rig0", 10000), 30)
    check(f"{record}: the dose is under way", moving, process.stderr.read() if not moving else "")
    return process, edges


def settle(edges):
    """Waits until no step comes for a second; the STEP rises."""
    count = -1
    while count != len(edges.collect()):
        count = len(edges.rises())
        time.sleep(1)
    return edges.rises()


process, edges = dosing("killed.db")
killed_ns = now_ns()
process.send_signal(signal.SIGKILL)
process.wait()
rises = settle(edges)
figure("sigkill/rest", max(0, (rises[-1] - killed_ns) / 1e6), "ms", 500, "lower",
       "last edge by the rig after SIGKILL of the controller")
check("after SIGKILL of the controller the pump rests within 500 ms", rises[-1] - killed_ns <= 500_000_000,
      (rises[-1] - killed_ns) / 1e6)
check("no edge was lost on the way to this test", edges.lost == 0, edges.lost)
edges.close()

process, edges = dosing("unplugged.db")
edges.collect()
before = edges.rises()[-200:]
cruise_ns = (before[-1] - before[0]) / (len(before) - 1)
pulled_ns = now_ns()
fault("rig0", "unplug", 1)
out, err = process.communicate()
rises = settle(edges)
after = [t for t in rises if t > pulled_ns]
gaps = [(b - a, b) for a, b in zip(after, after[1:])]
slower = next((t for gap, t in gaps if gap > 1.05 * cruise_ns), None)
figure("sensor_unplugged/ramp_down", ((slower or after[-1]) - pulled_ns) / 1e6, "ms", 200, "lower",
       "first slower step by the rig after the sensor left the bus")
check("with the sensor unplugged the pump ramps down within 200 ms",
      slower is not None and slower - pulled_ns <= 200_000_000, slower)
check("with the sensor unplugged the rate is never higher than before",
      min(gap for gap, _ in gaps) >= 0.97 * cruise_ns, (min(gap for gap, _ in gaps), cruise_ns))
check("with the sensor unplugged the exit status is 3", process.returncode == 3, process.returncode)
check("the message names the lost sensor", "sensor" in err.lower(), err)
record = os.path.join(os.path.dirname(PROTOCOL), "unplugged.db")
samples = query(record, "select position from sample where valid & 1 order by time_ns")
check("the record is complete up to the loss", len(samples) > 50 * 0.3, len(samples))
faults = query(record, "select count(*) from kernel_fault")
check("the record holds the fault", faults[0][0] == 1, faults)
fault("rig0", "unplug", 0)
edges.close()

process, edges = dosing("interrupted.db")
process.send_signal(signal.SIGINT)
out, err = process.communicate()
rises = settle(edges)
gaps = [b - a for a, b in zip(rises, rises[1:])]
check("an interrupt ends with status 4", process.returncode == 4, (process.returncode, err))
check("an interrupt ramps down instead of stopping dead", gaps[-1] > 2 * min(gaps), gaps[-5:])
edges.close()

process, edges = dosing("estop.db")
pressed_ns = now_ns()
fault("rig0", "estop", 1)
out, err = process.communicate()
rises = settle(edges)
check("no edge comes after the emergency stop line", rises[-1] <= pressed_ns, rises[-1] - pressed_ns)
check("an emergency stop ends with status 3", process.returncode == 3, (process.returncode, err))
check("the message names the emergency stop", "emergency" in err.lower(), err)
status = start("run", PROTOCOL, "--record", fresh("refused.db"), "--headless")
out, err = status.communicate()
check("a run is refused while the emergency stop is pressed", status.returncode == 1 and "emergency" in err.lower(),
      (status.returncode, err))
fault("rig0", "estop", 0)
edges.close()

process, edges = dosing("occluded.db", CEILING)
clogged_ns = now_ns()
fault("rig0", "occlusion", 1)
out, err = process.communicate()
rises = settle(edges)
check("a clog under a pressure limit ends with status 3", process.returncode == 3, (process.returncode, err))
check("the message names the pressure, with its value", "over-pressure (4" in err.lower() and "kPa" in err, err)
check("the driver itself stopped at the protocol's limit",
      query(os.path.join(os.path.dirname(PROTOCOL), "occluded.db"), "select fault, value from kernel_fault")[0][1] > 400_000,
      err)
check("the pump rests within 300 ms of the clog", rises[-1] - clogged_ns <= 300_000_000, rises[-1] - clogged_ns)
fault("rig0", "occlusion", 0)
edges.close()

process, edges = dosing("gone.db")
with open("/sys/kernel/config/nanodose-sim/rig0/live", "w") as file:
    file.write("0\n")
out, err = process.communicate()
check("a device that goes away ends the run with status 5", process.returncode == 5, (process.returncode, err))
end()
