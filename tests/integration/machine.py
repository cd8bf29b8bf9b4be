#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
# host
"""The virtual machine itself: streams, status, terminal, signals, time, reports."""
import fcntl
import hashlib
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios

from rig import TOP, check, end

UML = os.path.join(TOP, "tests/vm/uml")
OUT = os.path.join(TOP, "build/machine")
BARE = {**os.environ, "ND_VM_BARE": "1", "TERM": "xterm-256color"}
WALL_S = 120                        # when to give up; nothing is judged by it


def uml(*arguments, environment=None, **keywords):
    return subprocess.run([UML, *arguments], cwd=TOP, env=environment or BARE, check=False, timeout=WALL_S,
                          capture_output=True, **{"stdin": subprocess.DEVNULL, **keywords})


def shell(script, *options, **keywords):
    return uml(*options, "--", "/bin/sh", "-c", script, **keywords)


def streams():
    data = os.urandom(300_000)
    path = os.path.join(OUT, "bytes")
    with open(path, "wb") as file:
        file.write(data)
    done = shell("cat build/machine/bytes; printf 'to error\\377\\n' >&2; exit 7")
    check("standard output passes through byte for byte", done.stdout == data, len(done.stdout))
    check("standard error passes through apart from it", done.stderr == b"to error\xff\n", done.stderr)
    check("the exit status passes through", done.returncode == 7, done.returncode)
    done = uml("--", "sha256sum", input=data, stdin=None)
    check("standard input passes through byte for byte", done.stdout.split()[0].decode() ==
          hashlib.sha256(data).hexdigest(), done.stdout)
    done = shell("kill -9 $$")
    check("a killed command gives 128 + 9", done.returncode == 137, done.returncode)
    done = uml("--", "no-such-command")
    check("a command that is not there gives 127", done.returncode == 127, done.returncode)
    done = shell("pwd; echo \"$ND_WORD\"; echo \"$PATH\"", environment={**BARE, "ND_WORD": "a  b"})
    lines = done.stdout.decode().splitlines()
    check("the command runs in the caller's folder", lines[:1] == [TOP], done.stdout)
    check("variables beginning with ND_ reach the command", lines[1:2] == ["a  b"], done.stdout)
    check("build/bin is first in the path", lines[2:] and lines[2].startswith(TOP + "/build/bin:"), done.stdout)


def shelter():
    done = shell("for d in / /etc /usr /home; do touch $d/machine-test 2> /dev/null && echo $d; done; "
                 "echo kept > build/machine/kept; echo lost > /tmp/machine-test")
    check("the host's file system is read-only inside", done.stdout == b"", done.stdout)
    with open(os.path.join(OUT, "kept"), encoding="utf-8") as file:
        check("the checkout can be written to", file.read() == "kept\n")
    check("/tmp is the machine's own", not os.path.exists("/tmp/machine-test"))


def usage():
    for arguments in (["--no-such-option", "--", "true"], [], ["true"], ["--rig"]):
        done = uml(*arguments)
        check(f"usage error {arguments} gives 2 and the usage", done.returncode == 2 and b"usage: tests/vm/uml" in done.stderr,
              done.stderr)
    path = os.path.join(OUT, "rigs.yaml")
    with open(path, "w", encoding="utf-8") as file:
        file.write("# a comment\nrig0:\n  seed: 5\n  compliance_fl_per_pa\n")
    done = uml("--rig", path, "--", "true")
    check("a mistake in a rig file is told by file and line", done.returncode == 2 and
          done.stderr.startswith(path.encode() + b":4: "), done.stderr)


def rigs():
    plain = {key: value for key, value in BARE.items() if key != "ND_VM_BARE"}
    path = os.path.join(OUT, "rigs.yaml")
    with open(path, "w", encoding="utf-8") as file:
        file.write("left:\n  seed: 5     # five\n  sensor_model: slf3s-1300f\nright: {}\n")
    done = shell("cd /sys/kernel/config/nanodose-sim; cat left/seed left/sensor_model extra/seed extra/lead_pitch_nm; "
                 "ls /dev/nanodose? | wc -l", "--rig", path, "--rig", "extra:seed=7,lead_pitch_nm=500000",
                 environment=plain)
    check("rigs of a file and of the command line add up, with their parameters",
          done.stdout.split() == [b"5", b"slf3s-1300f", b"7", b"500000", b"3"], done.stdout + done.stderr)
    done = uml("--rig", "rig0:colour=1", "--", "true", environment=plain)
    check("an unknown parameter gives 2, its name and the known ones", done.returncode == 2 and
          b"'colour'" in done.stderr and b"compliance_fl_per_pa" in done.stderr, done.stderr)
    done = uml("--rig", "rig0:seed=many", "--", "true", environment=plain)
    check("a value that the rig refuses gives 2 and names it", done.returncode == 2 and b"'many'" in done.stderr,
          done.stderr)


def reports():
    for words in ("WARNING: CPU: 0 PID: 1 at test", "BUG: KASAN: slab-use-after-free in test",
                  "WARNING: possible circular locking dependency detected", "kmemleak: 1 new suspected memory leaks",
                  "UBSAN: shift-out-of-bounds in test", "INFO: task test blocked for more than 120 seconds"):
        done = shell(f"echo '{words}' > /dev/kmsg", "--out", OUT)
        with open(os.path.join(OUT, "kernel.log"), encoding="utf-8") as file:
            check(f"the report '{words}' is in the kernel log and gives 70",
                  done.returncode == 70 and words in file.read(), done.stderr)
    done = shell("echo harmless > /dev/kmsg")
    check("an ordinary line in the kernel log does not", done.returncode == 0, done.stderr)
    done = uml("--realtime", "--", "sleep", "1000", environment={**BARE, "ND_VM_TIMEOUT": "3"})
    check("a machine that does not end is killed and gives 70", done.returncode == 70, done.stderr)
    # Not by the command reboot, which belongs to systemd and may be absent.
    done = shell("echo said; /usr/bin/python3 -c 'import ctypes; ctypes.CDLL(None).reboot(0x4321fedc)'; sleep 10")
    check("a machine that dies before the command's end gives 70", done.returncode == 70 and b"died" in done.stderr,
          done.stderr)


def clock():
    program = ("import time\nfor i in range(200):\n print(time.clock_gettime_ns(time.CLOCK_MONOTONIC), time.time_ns())\n"
               " time.sleep(i * 0.0137)\n")
    first, second = (uml("--", "/usr/bin/python3", "-c", program) for _ in range(2))
    check("two runs see the same times, to the nanosecond", first.stdout and first.stdout == second.stdout,
          "\n".join(f"{a} {b}" for a, b in zip(first.stdout.splitlines(), second.stdout.splitlines()) if a != b))
    done = shell("read a b < /proc/uptime; sleep 28800; read c d < /proc/uptime; echo ${a%.*} ${c%.*}")
    begin, finish = map(int, done.stdout.split())
    check("eight hours pass inside in one sleep", 28800 <= finish - begin <= 28801, done.stdout)


class Terminal:
    """The machine on a terminal of its own, with a shell inside; maybe started by another program there."""

    def __init__(self, rows, columns, command=("/bin/sh",), starter=False):
        self.pid, self.fd = pty.fork()
        if not self.pid:
            os.chdir(TOP)
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
            below = os.fork() if starter else 0
            if below:
                signal.signal(signal.SIGHUP, signal.SIG_IGN)
                os._exit(os.waitstatus_to_exitcode(os.waitpid(below, 0)[1]))
            os.execve(UML, [UML, "--realtime", "--out", OUT, "--", *command], BARE)
        self.seen = b""

    def resize(self, rows, columns):
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def type(self, text):
        os.write(self.fd, text.encode())

    def expect(self, pattern):
        """Read until the pattern comes; False if it does not."""
        while not re.search(pattern, self.seen):
            if not select.select([self.fd], [], [], WALL_S)[0]:
                return False
            try:
                data = os.read(self.fd, 4096)
            except OSError:
                return False
            self.seen += data
        self.seen = self.seen[re.search(pattern, self.seen).end():]
        return True

    def end(self):
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


def terminal():
    screen = Terminal(33, 101)
    screen.type("echo $((1+1))-$TERM\n")
    check("a shell answers on the terminal, TERM is passed", screen.expect(rb"2-xterm-256color\r"), screen.seen)
    screen.type("stty size; tty\n")
    check("the terminal has the caller's size", screen.expect(rb"33 101\r\n/dev/pts/0\r"), screen.seen)
    screen.type("sh -c 'trap \"stty size; exit\" WINCH; echo set; while :; do sleep 0.05; done'\n")
    check("a program inside waits for a resize", screen.expect(rb"set\r"), screen.seen)
    screen.resize(24, 80)
    check("a resize is followed, and signalled", screen.expect(rb"24 80\r"), screen.seen)
    screen.type("sh -c 'echo start; exec sleep 1000'\n")
    check("a program inside waits for ^C", screen.expect(rb"start\r"), screen.seen)
    screen.type("\x03")
    screen.expect(rb"# ")
    screen.type("echo status-$?\n")
    check("^C interrupts the command inside, not the machine", screen.expect(rb"status-130\r"), screen.seen)
    screen.type("exit 9\n")
    while screen.expect(rb"."):
        pass
    check("the status comes through a terminal too", screen.end() == 9)


def hang_up():
    told = os.path.join(OUT, "hang-up")
    script = f"trap 'echo told > {told}; exit 5' HUP; echo ready; while :; do sleep 0.05; done"
    for starter, name in ((False, "the machine"), (True, "the program that started it, as make does")):
        if os.path.exists(told):
            os.unlink(told)
        screen = Terminal(24, 80, ("/bin/sh", "-c", script), starter)
        screen.expect(rb"ready\r")
        os.close(screen.fd)
        check(f"a terminal that hangs up on {name} lets the command come to its own end",
              screen.end() == 5 and os.path.exists(told), os.path.exists(told))


def start_waiting(script):
    process = subprocess.Popen([UML, "--realtime", "--out", OUT, "--", "/bin/sh", "-c", script], cwd=TOP, env=BARE,
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    process.stdout.readline()
    return process


def children(pid):
    """Processes below pid, pid not included."""
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        direct = [int(word) for word in file.read().split()]
    return direct + [below for child in direct for below in children(child)]


def gone(pids):
    """All ended, or end before long."""
    for pid in pids:
        try:
            fd = os.pidfd_open(pid)
        except OSError:
            continue
        ended = select.select([fd], [], [], WALL_S)[0]
        os.close(fd)
        if not ended:
            return False
    return True


def signals():
    process = start_waiting("trap 'echo tidy; exit 4' TERM; echo ready; while :; do sleep 0.05; done")
    process.terminate()
    check("SIGTERM lets the command come to its own end", process.stdout.read() == b"tidy\n" and process.wait() == 4,
          process.returncode)
    for number, name in ((signal.SIGTERM, "SIGTERM, twice,"), (signal.SIGKILL, "SIGKILL")):
        process = start_waiting("trap '' TERM; echo ready; while :; do sleep 0.05; done")
        pids = children(process.pid)
        process.send_signal(number)
        if number == signal.SIGTERM:
            # The second must find the first one taken, or the two are one.
            while not select.select([process.stdout], [], [], 0.2)[0] and process.poll() is None:
                process.send_signal(number)
        process.wait()
        check(f"{name} to a deaf command ends the machine, no process stays", pids and gone(pids), pids)


os.makedirs(OUT, exist_ok=True)
streams()
shelter()
usage()
rigs()
reports()
clock()
terminal()
hang_up()
signals()
end()
