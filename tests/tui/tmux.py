# SPDX-License-Identifier: GPL-2.0-or-later
"""A terminal emulator for tests: a program in a tmux of its own."""
import atexit
import os
import re
import subprocess
import time


class Tmux:
    """One program on one terminal; keys go in, pictures come out."""

    count = 0

    def __init__(self, command, columns=80, rows=24, environment=None):
        Tmux.count += 1
        self.name = f"nanodose-{os.getpid()}-{Tmux.count}"
        words = " ".join(f"{name}={value}" for name, value in {"LC_ALL": "C.UTF-8", **(environment or {})}.items())
        # The program begins once tmux has heard how it is to treat it. The shell tells
        # its status, as tmux now and then forgets to look at a child that has ended.
        self.tmux("-f", "/dev/null", "-u", "new-session", "-d", "-x", str(columns), "-y", str(rows),
                  "sh", "-c", f"read go; env {words} {command}; echo \"ended with status $?\"; read stay")
        atexit.register(self.close)
        self.tmux("set-option", "-g", "window-size", "manual")
        self.press("Enter")

    def tmux(self, *arguments):
        return subprocess.run(["tmux", "-L", self.name, *arguments], stdout=subprocess.PIPE, text=True,
                              check=True, env={**os.environ, "LC_ALL": "C.UTF-8"}).stdout

    def rows(self):
        return self.tmux("capture-pane", "-p").split("\n")

    def picture(self):
        return "\n".join(self.rows())

    def press(self, *keys):
        self.tmux("send-keys", *keys)

    def resize(self, columns, rows):
        self.tmux("resize-window", "-x", str(columns), "-y", str(rows))

    def shows(self, pattern):
        """Whether some row matches."""
        return any(re.search(pattern, row) for row in self.rows())

    def wait(self, pattern, limit_s=30):
        return self.until(lambda: self.shows(pattern), limit_s)

    def until(self, condition, limit_s=30):
        """False after the limit, which only a hang reaches."""
        end = time.monotonic() + limit_s
        while not condition():
            if time.monotonic() > end:
                return False
            time.sleep(0.05)
        return True

    def status(self):
        """Exit status once the program has ended, else None."""
        found = re.search(r"^ended with status (\d+)$", self.left(), re.MULTILINE)
        return int(found.group(1)) if found else None

    def ended(self, limit_s=30):
        self.until(lambda: self.status() is not None, limit_s)
        return self.status()

    def left(self):
        """What stands on the terminal, with what has scrolled off."""
        return self.tmux("capture-pane", "-p", "-S", "-")

    def close(self):
        atexit.unregister(self.close)
        self.tmux("kill-server")
