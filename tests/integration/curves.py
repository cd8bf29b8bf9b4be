#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
# vm: --rig rig0 --rig rig1
"""Steps whose rate changes on the way, trains, periods and choices, seen from the rig's own step lines.

Expected volumes are closed forms: of a slope r0 t + (r1 - r0) t^2 / 2T, of a
half-life r0 H / ln 2 (1 - 2^(-t/H)). They are the outlet's; the steps are ahead
of it by what the rig stores, its time constant times the rate.
"""
import bisect
import math

from rig import Edges, check, end, fresh, query, run_protocol, truth, write_protocol

TAU_S = 1e4 * 28000 * 1e-9      # of the rigs as they are
STEP_UL = math.pi / 4 * 4.699 ** 2 * 1.0 / 3200
HEAD = """\
nanodose: 1
name: Curves
channels:
  a: {pump: rig0, syringe: BD Plastipak 1 mL, loaded: 400 uL, fluid: water, dead_volume: 4 uL,
      particles: {concentration: 1e9 /mL}}
  b: {pump: rig1, syringe: BD Plastipak 1 mL, loaded: 400 uL, fluid: water}
limits:
  a: {rate: 330 uL/min}
steps:
  - infuse: {channel: a, volume: 1 uL, rate: 300 uL/min}
  - infuse: {channel: b, volume: 1 uL, rate: 300 uL/min}
"""


class Seen:
    """What both step lines did during a run; steps of the two first infusions left out."""

    def __init__(self, name, steps):
        path = write_protocol(name + ".yaml", HEAD + steps)
        edges = [Edges("rig0"), Edges("rig1")]
        before = [truth(rig, "steps") for rig in ("rig0", "rig1")]
        self.record = fresh(name + ".db")
        self.status, self.summary, self.err = run_protocol(path, self.record)
        self.moved = [truth(rig, "steps") - start for rig, start in zip(("rig0", "rig1"), before)]
        first = round(1 / STEP_UL)
        self.rises = [lines.collect()[first:] for lines in edges]
        self.lost = sum(lines.lost for lines in edges)
        for lines in edges:
            lines.close()

    def volume_ul(self, pump, begin_ns, time_s):
        return bisect.bisect_right(self.rises[pump], begin_ns + time_s * 1e9) * STEP_UL


def worst(seen, pump, begin_ns, duration_s, expected_ul):
    """The greatest distance of the steps from what is out and stored by then, uL."""
    def stepped_ul(time_s):
        rate = (expected_ul(time_s + 0.01) - expected_ul(time_s - 0.01)) / 0.02
        return min(expected_ul(time_s) + TAU_S * rate, expected_ul(duration_s))

    return max(abs(seen.volume_ul(pump, begin_ns, duration_s * i / 50) - stepped_ul(duration_s * i / 50))
               for i in range(1, 51))


# ---- ramp ------------------------------------------------------------------------

seen = Seen("ramp", "  - ramp: {channel: a, from: 60 uL/min, to: 300 uL/min, duration: 40 s}\n")
begin = seen.rises[0][0]
check("a ramp ends at its volume to the step", seen.status == 0 and seen.moved[0] == round((1 + 120) / STEP_UL),
      (seen.status, seen.moved, seen.err))
off = worst(seen, 0, begin, 40, lambda t: t + 4 * t * t / 80)
check("on the way its volume is that of the slope, within 1 % of the whole", off < 1.2, off)
check("it ends in time", abs((seen.rises[0][-1] - begin) / 1e9 - 40) < 1, (seen.rises[0][-1] - begin) / 1e9)
gaps = [b - a for a, b in zip(seen.rises[0], seen.rises[0][1:])]
check("its limit of rate is never exceeded", min(gaps) > STEP_UL / 330 * 60e9 * 0.99, min(gaps))

seen = Seen("stairs", "  - ramp: {channel: a, from: 60 uL/min, to: 240 uL/min, volume: 100 uL, stairs: 4}\n")
begin = seen.rises[0][0]
rates = [(seen.volume_ul(0, begin, 10 * i + 8) - seen.volume_ul(0, begin, 10 * i + 4)) / 4 * 60 for i in range(4)]
check("stairs stand at 60, 120, 180 and 240 uL/min", seen.status == 0 and
      all(abs(rate - 60 * (i + 1)) < 4 for i, rate in enumerate(rates)), (rates, seen.err))

# ---- two channels ------------------------------------------------------------------

seen = Seen("gradient", "  - gradient: {from: {a: 1, b: 0}, to: {a: 0, b: 1}, total_rate: 240 uL/min, duration: 40 s}\n")
begin = min(lines[0] for lines in seen.rises)
check("a gradient delivers both halves to the step", seen.status == 0 and
      seen.moved == [round(81 / STEP_UL)] * 2, (seen.status, seen.moved, seen.err))
off = max(worst(seen, 0, begin, 40, lambda t: 4 * t - t * t / 20), worst(seen, 1, begin, 40, lambda t: t * t / 20))
check("one falls as the other rises, within 1.5 %", off < 1.2, off)

seen = Seen("decay", """\
  - profile: {channel: a, carrier: b, share: "2 ^ (-time / 15)", total_rate: 240 uL/min, duration: 45 s}
""")
begin = min(lines[0] for lines in seen.rises)
drug = lambda t: 4 * 15 / math.log(2) * (1 - 2 ** (-t / 15))
check("a half-life in a carrier delivers its integral within 0.1 %", seen.status == 0 and
      abs((seen.moved[0] * STEP_UL - 1) / drug(45) - 1) < 1e-3, (seen.moved, drug(45), seen.err))
off = max(worst(seen, 0, begin, 45, drug), worst(seen, 1, begin, 45, lambda t: 4 * t - drug(t)))
check("on the way both follow it, within 1.5 %", off < 1.3, off)

with open(write_protocol("table.csv", "time_s,value\n0,60\n20,120\n20,240\n30,240\n"), encoding="ascii"):
    seen = Seen("table", "  - profile: {channel: a, table: table.csv, unit: uL/min}\n")
check("a table is followed to its volume", seen.status == 0 and seen.moved[0] == round((1 + 30 + 40) / STEP_UL),
      (seen.status, seen.moved, seen.err))

# ---- trains ---------------------------------------------------------------------

seen = Seen("pulse", "  - pulse: {channel: a, volume: 4 uL, rate: 300 uL/min, period: 7 s, times: 5}\n")
first = round(4 / STEP_UL)
bursts = [seen.rises[0][0]] + [b for a, b in zip(seen.rises[0], seen.rises[0][1:]) if b - a > 2e9]
check("five boluses of one size", seen.status == 0 and seen.moved[0] == round(21 / STEP_UL), (seen.moved, seen.err))
drift = [(burst - bursts[0]) / 1e9 - 7 * i for i, burst in enumerate(bursts)]
check("each begins on the beat of seven seconds: the period does not drift", len(bursts) == 5 and
      all(abs(one) < 0.1 for one in drift), drift)

seen = Seen("agitate", "  - agitate: {channel: a, volume: 10 uL, rate: 300 uL/min, times: 4}\n")
check("back and forth leaves nothing behind", seen.status == 0 and seen.moved[0] == round(1 / STEP_UL),
      (seen.moved, seen.err))
check("and moves on the way", len(seen.rises[0]) >= 8 * round(10 / STEP_UL) - 16, len(seen.rises[0]))

seen = Seen("line", "  - prime: {channel: a, rate: 300 uL/min}\n  - flush: {channel: a, rate: 300 uL/min}\n"
            "  - park: {channel: a, volume: 2 uL, rate: 300 uL/min}\n"
            "  - infuse: {channel: a, dose: 5e6, rate: 300 uL/min}\n")
check("prime, flush, park and a dose: 4 + 12 - 2 + 5 uL", seen.status == 0 and
      seen.moved[0] == round((1 + 19) / STEP_UL), (seen.moved, seen.err))

# ---- periods and choices -------------------------------------------------------------

seen = Seen("every", """\
  - every:
      period: 20 s
      times: 3
      steps:
        - infuse: {channel: b, volume: 5 uL, rate: 300 uL/min}
        - hold: 3 s
""")
bursts = [seen.rises[1][0]] + [b for a, b in zip(seen.rises[1], seen.rises[1][1:]) if b - a > 2e9]
check("every 20 s, on the beat", seen.status == 0 and len(bursts) == 3 and
      all(abs((burst - bursts[0]) / 1e9 - 20 * i) < 0.1 for i, burst in enumerate(bursts)), (bursts, seen.err))

seen = Seen("choices", """\
  - while: {condition: "volume.a < 20", at_most: 50, steps: [infuse: {channel: a, volume: 4 uL, rate: 300 uL/min}]}
  - if:
      condition: "volume.a > 100"
      then: [infuse: {channel: b, volume: 50 uL, rate: 300 uL/min}]
      else: [infuse: {channel: b, volume: 5 uL, rate: 300 uL/min}]
  - while: {condition: time > 0, at_most: 2, steps: [infuse: {channel: b, volume: 1 uL, rate: 300 uL/min}]}
  - wait: {until: "flow.b < 30", for: 5 s, timeout: 1 min}
""")
check("a while goes round until its condition fails: 1 + 5 x 4 uL", seen.status == 0 and
      seen.moved[0] == round(21 / STEP_UL), (seen.moved, seen.err))
check("an if takes its other way, and a while that never fails ends: 1 + 5 + 2 uL",
      seen.moved[1] == round(8 / STEP_UL), seen.moved)
channels = seen.summary["channels"]
check("the target is that of the way taken", all(abs(one["error_pct"]) < 0.1 for one in channels), channels)
texts = " ".join(text for (text,) in query(seen.record, "select text from event"))
check("the record tells each choice and the round limit", "volume.a > 100: no" in texts and
      "still holds after 2 rounds" in texts, texts)
check("no edge was lost from sight", seen.lost == 0, seen.lost)

seen = Seen("ceiling", "  - ramp: {channel: a, from: 30 uL/min, to: 300 uL/min, duration: 40 s, ceiling: 80 kPa}\n")
check("a ceiling slows a ramp and the volume stays", seen.status == 0 and
      seen.moved[0] == round((1 + 110) / STEP_UL), (seen.status, seen.moved, seen.err))
after = [p for (p,) in query(seen.record, "select pressure_pa from sample where channel = 0 and pressure_pa is not null "
                             "and time_ns > (select min(time_ns) from sample) + 6000000000")]
check("after the first infusion it is below the ceiling all the time", after and max(after) < 80e3, max(after or [0]))
check("it takes longer for that", (seen.rises[0][-1] - seen.rises[0][0]) / 1e9 > 45,
      (seen.rises[0][-1] - seen.rises[0][0]) / 1e9)
end()
