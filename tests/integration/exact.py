# SPDX-License-Identifier: GPL-2.0-or-later
"""When each step of a motion is due, by the definition of the ABI, with exact
fractions and square roots of 60 digits: nothing of the driver's own arithmetic.
And what may never happen on the lines, whatever the motion."""
from fractions import Fraction
from math import isqrt

from rig import DIR, STEP

HZ = 10**9                          # nano-steps per second in a step per second
DIGITS = 10**30


def root(square):
    """Square root of a fraction, rounded down to 30 digits behind the point."""
    return Fraction(isqrt(square.numerator * DIGITS * DIGITS // square.denominator), DIGITS)


def segment_ns(steps, v0_nhz, v1_nhz):
    """Times of the steps of one segment from its start, in ns, as fractions."""
    v0, v1 = Fraction(v0_nhz, HZ), Fraction(v1_nhz, HZ)
    if v0 == v1:
        return [n * HZ / v0 for n in range(1, steps + 1)]
    times = [2 * n * HZ / (v0 + root(v0 * v0 + Fraction(n, steps) * (v1 * v1 - v0 * v0)))
             for n in range(1, steps)]
    return times + [2 * steps * HZ / (v0 + v1)]


def list_ns(segments):
    """Times of all steps of a list of (steps, v0_nhz, v1_nhz), which does not turn."""
    times, begin = [], Fraction(0)
    for steps, v0, v1 in segments:
        times += [begin + t for t in segment_ns(abs(steps), v0, v1)]
        begin = times[-1]
    return times


def lateness(steps, expected, start):
    """Smallest and largest difference between edges and expected times, ns."""
    late = [t - start - float(e) for t, e in zip(steps, expected)]
    return min(late), max(late)


class Judge:
    """Steps as they come against times as they should be, without keeping them:
    a million of each is too much to hold."""

    def __init__(self, lines, expected, start):
        self.lines, self.expected, self.start = lines, iter(expected), start
        self.count = self.extra = 0
        self.early, self.late = float("inf"), float("-inf")

    def take(self):
        for t in self.lines.take():
            due = next(self.expected, None)
            if due is None:
                self.extra += 1
                continue
            self.count += 1
            late = t - self.start - float(due)
            self.early, self.late = min(self.early, late), max(self.late, late)
        return self.count


def cruise_ns(steps, rate_nhz, begin=0):
    """As segment_ns for a cruise of many steps, rounded down to whole ns."""
    return (begin + n * 10**18 // rate_nhz for n in range(1, steps + 1))


class Lines:
    """What the lines of one rig did, and whether it was allowed."""

    def __init__(self, edges, both_edges=False, pulse_ns=2000, setup_ns=1000, hold_ns=1000):
        self.edges = edges
        self.both_edges = both_edges
        self.least = {"high": pulse_ns, "low": pulse_ns, "set-up of DIR": setup_ns, "hold of DIR": hold_ns}
        self.seen = dict.fromkeys(self.least)
        self.gap_ns = None          # shortest between two steps
        self.looked_at = 0
        self.level_ns = {}          # line -> (time_ns, value) of its last change

    def steps(self):
        """Times of all steps since the edges were last forgotten."""
        self.edges.collect()
        self.look()
        return [t for t, line, value in self.edges.all if line == STEP and (value or self.both_edges)]

    def take(self):
        """As steps(), and forgets them."""
        found = self.steps()
        self.edges.all.clear()
        self.looked_at = 0
        return found

    def forget(self):
        self.edges.collect()
        self.look()
        self.edges.all.clear()
        self.looked_at = 0

    def note(self, what, duration_ns):
        if self.seen[what] is None or duration_ns < self.seen[what]:
            self.seen[what] = duration_ns

    def look(self):
        for t, line, value in self.edges.all[self.looked_at:]:
            before = self.level_ns.get(line)
            if line == STEP:
                if before:
                    self.note("low" if value else "high", t - before[0])
                if (value or self.both_edges) and DIR in self.level_ns:
                    self.note("set-up of DIR", t - self.level_ns[DIR][0])
                if value or self.both_edges:
                    if "step" in self.level_ns:
                        gap_ns = t - self.level_ns["step"][0]
                        self.gap_ns = min(self.gap_ns or gap_ns, gap_ns)
                    self.level_ns["step"] = (t, value)
            elif line == DIR and "step" in self.level_ns:
                self.note("hold of DIR", t - self.level_ns["step"][0])
            self.level_ns[line] = (t, value)
        self.looked_at = len(self.edges.all)

    def too_short(self, grain_ns):
        """What was shorter than allowed, by more than the clock that stamps can tell."""
        self.steps()
        return {what: seen for what, seen in self.seen.items()
                if seen is not None and seen <= self.least[what] - grain_ns}
