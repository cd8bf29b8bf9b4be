#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
# vm: --rig rig0 --rig rig1
"""What a protocol says to do in trouble: retry with rest and pressure release, rescue steps, hold, stop."""
import math
import os
import time

from rig import OUT, check, end, fault, fresh, query, start, truth, wait_until, write_protocol

COMPLIANCE_FL_PA = 10000
STEP_UL = math.pi / 4 * 4.699 ** 2 * 1.0 / 3200
HEAD = """\
nanodose: 1
name: On
channels:
  line: {pump: rig0, syringe: BD Plastipak 1 mL, loaded: 500 uL, fluid: water}
limits:
  line: {pressure: 2 bar}
steps:
  - infuse: {channel: line, volume: 20 uL, rate: 60 uL/min}
on:
"""


class Run:
    """A protocol, started; what is known of it afterwards."""

    def __init__(self, name, text):
        self.record = fresh("on-" + name + ".db")
        self.outlet = truth("rig0", "outlet_volume_fl")
        self.begin = {rig: truth(rig, "steps") for rig in ("rig0", "rig1")}
        self.process = start("run", write_protocol("on-" + name + ".yaml", text), "--record", self.record,
                             "--headless", "--yes")

    def moved_ul(self, rig="rig0"):
        return (truth(rig, "steps") - self.begin[rig]) * STEP_UL

    def reach(self, volume_ul, rig="rig0"):
        return wait_until(lambda: self.moved_ul(rig) >= volume_ul, 120)

    def rests(self):
        """Until nothing has moved for a quarter of a second."""
        def same():
            before = self.moved_ul()
            time.sleep(0.25)
            return self.moved_ul() == before
        return wait_until(same, 60)

    def end(self):
        _, self.err = self.process.communicate()
        self.told = [text for (text,) in query(self.record, "SELECT text FROM event")]
        return self.process.returncode

    def says(self, text):
        return sum(text in line for line in self.told)


def exact(run, volume_ul):
    return truth("rig0", "steps") - run.begin["rig0"] == round(volume_ul / STEP_UL)


run = Run("retry", HEAD + "  occlusion: {retry: 3, after: 20 s}\n")
run.reach(5)
fault("rig0", "occlusion")
run.rests()
held_ul = run.moved_ul()
fault("rig0", "occlusion", 0)
status = run.end()
check("a clog that goes away: at rest, one retry, and the dose ends exactly", status == 0 and 4 < held_ul < 6 and
      exact(run, 20), (status, held_ul, run.moved_ul(), run.err))
check("the record tells of trouble and retry", run.says("on occlusion: at rest, retry 1 of 3 in 20 s") == 1, run.told)
check("the outlet delivered it", abs(truth("rig0", "outlet_volume_fl") * 1e-9 - 20) < 0.1, truth("rig0", "outlet_volume_fl"))

check("what says so, and long before any limit of pressure",
      run.says("occlusion: the flow is") == 1 and run.says("look for a clog") == 1 and not run.says("above the limit"), run.told)


def taken_back(run):
    """The clog is met, then the rest: most that was moved, highest pressure; what was moved and pressure then."""
    run.reach(5)
    fault("rig0", "occlusion")
    peak_ul = peak_pa = 0
    for _ in range(600):
        peak_ul, peak_pa = max(peak_ul, run.moved_ul()), max(peak_pa, truth("rig0", "pressure_pa"))
        time.sleep(0.005)
    run.rests()
    return peak_ul, peak_pa, run.moved_ul(), truth("rig0", "pressure_pa")


for rule in ("{retry: 1, after: 10 s, release: 2 uL}", "{retry: 1, after: 10 s}"):
    run = Run("release", HEAD + f"  occlusion: {rule}\n")
    peak_ul, peak_pa, released_ul, released_pa = taken_back(run)
    before_fl = truth("rig0", "outlet_volume_fl")
    fault("rig0", "occlusion", 0)
    time.sleep(1)
    out_ul, held_ul = (truth("rig0", "outlet_volume_fl") - before_fl) * 1e-9, peak_pa * 1e-9 * COMPLIANCE_FL_PA
    status = run.end()
    check(f"{rule}: what the clog holds is taken back, and no more", 0.9 * held_ul < peak_ul - released_ul < 1.3 * held_ul and
          abs(released_pa) < 0.02 * peak_pa, (peak_ul, released_ul, held_ul, peak_pa, released_pa))
    check("so that next to nothing bursts out when it goes", abs(out_ul) < 0.02 * held_ul, (out_ul, held_ul))
    check("the dose makes up for it, to the step", status == 0 and exact(run, 20), (status, run.moved_ul(), run.err))

run = Run("stays", HEAD + "  occlusion: {retry: 2, after: 2 s, backoff: 3}\n")
run.reach(5)
fault("rig0", "occlusion")
status = run.end()
fault("rig0", "occlusion", 0)
check("a clog that stays: two retries, and the run stops", status == 3 and run.says("no retry is left of 2") == 1 and
      run.says("at rest, retry") == 2 and not exact(run, 20), (status, run.told))
check("backoff: the second rest is three times as long", run.says("retry 1 of 2 in 2 s") == 1 and
      run.says("retry 2 of 2 in 6 s") == 1, run.told)
rests = [time_ns / 1e9 for (time_ns,) in query(run.record, "SELECT time_ns FROM event WHERE text LIKE '%at rest, retry%'"
                                               " OR text LIKE 'resumed by %' ORDER BY time_ns")]
check("and so they are in time", len(rests) == 4 and 2 <= rests[1] - rests[0] < 3 and 6 <= rests[3] - rests[2] < 7, rests)

run = Run("air", HEAD + "  air: {retry: 5, after: 1 s}\n")
run.reach(5)
fault("rig0", "air")
run.rests()
time.sleep(2.2)
fault("rig0", "air", 0)
status = run.end()
check("air that passes: retried until it has gone", status == 0 and 2 <= run.says("on air: at rest, retry") <= 4 and
      exact(run, 20), (status, run.told))
check("begun while the clog's pressure still went down, it ends when the outlet has come to rest",
      abs(truth("rig0", "pressure_pa")) < 1000, truth("rig0", "pressure_pa"))

run = Run("sensor", HEAD + "  sensor_lost: {retry: 1, after: 3 s}\n")
run.reach(5)
fault("rig0", "unplug")
run.rests()
time.sleep(0.5)
fault("rig0", "unplug", 0)
status = run.end()
check("a sensor that is plugged in again is started again, and the dose ends exactly", status == 0 and exact(run, 20),
      (status, run.told, run.err))
check("and so it is by the outlet", abs(truth("rig0", "pressure_pa")) < 1000, truth("rig0", "pressure_pa"))

run = Run("open", HEAD + "  sensor_lost: open\n")
run.reach(5)
fault("rig0", "unplug")
time.sleep(4)
run.reach(10)
fault("rig0", "unplug", 0)
status = run.end()
rates = {round(rate / 1e4) for (rate,) in query(run.record, "SELECT pump_rate_pl_min FROM sample WHERE flow_pl_min IS NULL")}
check("sensor_lost: open: the dose goes on without the sensor, to the step", status == 0 and exact(run, 20), (status, run.told))
check("that is told, and that the sensor is back", run.says("on by the steps and what is known of the rig") == 1 and
      run.says("the flow sensor is back") == 1, run.told)
check("the rate does not jump meanwhile", len(rates) == 1 and rates.pop() == 6000, rates)
delivered_ul = (truth("rig0", "outlet_volume_fl") - run.outlet) * 1e-9
check("the outlet delivered it", abs(delivered_ul - 20) < 0.1, delivered_ul)

run = Run("open-late", HEAD + "  sensor_lost: open\n")
wait_until(lambda: truth("rig0", "steps") > run.begin["rig0"] + 20, 60)
fault("rig0", "nack")
status = run.end()
fault("rig0", "nack", 0)
rates = [rate for (rate,) in query(run.record, "SELECT pump_rate_pl_min FROM sample WHERE flow_pl_min IS NULL ORDER BY time_ns")]
check("lost on the way to the set point and for good: the dose ends exactly", status == 0 and exact(run, 20), (status, run.told))
check("and nothing is made faster without a reading", all(later <= sooner for sooner, later in zip(rates, rates[1:])) and rates, rates[:40])
path = write_protocol("open.yaml", HEAD.replace("fluid: water", "fluid: water, control: open") + "  air: hold\n")
text = open(path, encoding="utf-8").read()
run = Run("control-open", text)
status = run.end()
rates = {rate for (rate,) in query(run.record, "SELECT pump_rate_pl_min FROM sample WHERE pump_rate_pl_min > 0")}
check("control: open: the pump gets the set point, and nothing else", status == 0 and exact(run, 20) and
      len({round(rate / 1e5) for rate in rates}) == 1 and run.says("control: open: the loop is open") == 1, (rates, run.told))

run = Run("other", HEAD + "  air: {retry: 5, after: 1 s}\n")
run.reach(5)
fault("rig0", "unplug")
status = run.end()
fault("rig0", "unplug", 0)
check("trouble without a rule stops the run", status == 3 and not run.says("retry"), (status, run.told))

run = Run("emergency", HEAD + "  occlusion: {retry: 5, after: 1 s}\n")
run.reach(5)
fault("rig0", "estop")
status = run.end()
fault("rig0", "estop", 0)
check("the emergency stop is no trouble that a protocol may go on from", status == 3 and not run.says("retry"),
      (status, run.told))

run = Run("hold", HEAD + "  occlusion: hold\n")
run.reach(5)
fault("rig0", "occlusion")
status = run.end()
fault("rig0", "occlusion", 0)
check("hold, with nobody there to resume: the run stops and says so", status == 3 and run.says("nobody attends") == 1,
      (status, run.told))

MARKER = os.path.join(OUT, "toxicity.txt")
with open(MARKER, "w", encoding="ascii") as file:
    file.write("1\n")
RESCUE = f"""\
nanodose: 1
name: Rescue
signals:
  toxicity: {{file: {MARKER}, unit: 1, max_age: 10 s}}
channels:
  drug: {{pump: rig0, syringe: BD Plastipak 1 mL, loaded: 500 uL, fluid: water}}
  buffer: {{pump: rig1, syringe: BD Plastipak 1 mL, loaded: 500 uL, fluid: water}}
steps:
  - repeat:
      times: 30
      steps:
        - infuse: {{channel: drug, volume: 2 uL, rate: 120 uL/min}}
        - if: {{condition: signal.toxicity > 5, then: [{{hold: 1 s}}]}}
on:
  signal_lost:
    rescue:
      - infuse: {{channel: buffer, volume: 10 uL, rate: 300 uL/min}}
"""
run = Run("rescue", RESCUE)
status = run.end()
drug_ul, buffer_ul = run.moved_ul(), run.moved_ul("rig1")
check("a signal that is lost: the rescue steps run, to the step, and then the run has failed", status == 3 and
      truth("rig1", "steps") - run.begin["rig1"] == round(10 / STEP_UL), (status, buffer_ul, run.told))
check("what was dosed before stays where it was", 2 <= drug_ul < 60 and run.says("the rescue steps follow") == 1,
      (drug_ul, run.told))
end()
