"""Run one command and let nothing of it outlive whoever asked for it.

The guard is the parent of every process of the stack. It ends its command, and every descendant
of it however daemonised, when it is told to (SIGTERM) or when the process that started it is
gone. The second case is seen by the closing of a pipe, which also works after `kill -9` and on
systems without prctl, or by a lock that nobody else holds any more (`--watch-lock`), which lets
several stacks share one process.

It is run by path with `python -I -S`, so it imports only the standard library and starts fast.
"""

import argparse
import contextlib
import ctypes
import fcntl
import os
import pwd
import select
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
ON_LINUX = sys.platform.startswith("linux")


def prctl(option: int, value: int) -> None:
    """Ask the Linux kernel for a property of this process; elsewhere there is nothing to ask."""
    if ON_LINUX:
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def prepare_child() -> None:
    """Between fork and exec: die with the guard, and hear Ctrl-C, which the guard ignores."""
    prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class Guard:
    """One command, its descendants and the two reasons to end them."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.status: int | None = None
        self.wakeups, wake = os.pipe()
        os.set_blocking(wake, False)
        os.set_blocking(self.wakeups, False)
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
        self.asked_to_stop = False
        signal.signal(signal.SIGTERM, self._on_term)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGCHLD, lambda *_: None)

    def _on_term(self, *_: object) -> None:
        self.asked_to_stop = True

    def run(self) -> int:
        """Run the command until it ends or has to; return its exit code."""
        prctl(PR_SET_CHILD_SUBREAPER, 1)
        self.child = self._spawn()
        watched = watched_descriptor(self.options)
        while self.status is None and not self.asked_to_stop:
            if watched in self._wait([watched], None):
                break
            self._reap()
        if self.status is None:
            self._ask_child_to_end()
        self._kill_descendants()
        return 0 if self.status is None else os.waitstatus_to_exitcode(self.status) % 256

    def _spawn(self) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            self.options.command,
            start_new_session=not self.options.foreground,
            preexec_fn=prepare_child,  # noqa: PLW1509 - the guard has no other thread yet
            **(credentials_of(self.options.user) if self.options.user else {}),
        )

    def _wait(self, descriptors: list[int], timeout: float | None) -> list[int]:
        """Sleep until a descriptor closes, a signal arrives or the time is up."""
        readable, _, _ = select.select([*descriptors, self.wakeups], [], [], timeout)
        if self.wakeups in readable:
            os.read(self.wakeups, 4096)
        return readable

    def _reap(self) -> bool:
        """Collect ended descendants; say whether any are left."""
        try:
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if pid == 0:
                    return True
                if pid == self.child.pid:
                    self.status = status
        except ChildProcessError:
            return False

    def _ask_child_to_end(self) -> None:
        deadline = time.monotonic() + float(self.options.grace)
        self.child.send_signal(signal.Signals[self.options.stop_signal])
        while self.status is None and (left := deadline - time.monotonic()) > 0:
            self._wait([], left)
            self._reap()

    def _kill_descendants(self) -> None:
        """Kill whatever is left; orphans come to us, so a round may bring new ones to light."""
        while self._reap():
            for pid in descendants(os.getpid()) or [self.child.pid]:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            self._wait([], 0.05)
        if not ON_LINUX and not self.options.foreground:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.child.pid, signal.SIGKILL)


def credentials_of(user: str) -> dict[str, Any]:
    """Return what Popen needs to become another user with no group of ours."""
    entry = pwd.getpwnam(user)
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


def descendants(root: int) -> list[int]:
    """Return the ids of all processes below one, as /proc shows them."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
            children.setdefault(parent, []).append(int(stat.parent.name))
    found = list(children.get(root, []))
    for pid in found:
        found.extend(children.get(pid, []))
    return found


def watched_descriptor(options: argparse.Namespace) -> int:
    """Return a descriptor that becomes readable when there is no reason left to live."""
    if options.watch_lock is None:
        return int(options.watch_fd)
    seen, held = os.pipe()
    lock = os.open(options.watch_lock, os.O_RDWR | os.O_CREAT, 0o600)

    def wait_until_unused() -> None:
        fcntl.flock(lock, fcntl.LOCK_EX)
        os.close(held)

    threading.Thread(target=wait_until_unused, daemon=True).start()
    return seen


def parse(arguments: list[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    watch = parser.add_mutually_exclusive_group(required=True)
    watch.add_argument("--watch-fd", type=int, help="end when this descriptor is closed")
    watch.add_argument("--watch-lock", help="end when nobody else holds this lock file")
    parser.add_argument("--grace", type=float, default=5.0, help="seconds before SIGKILL")
    parser.add_argument("--stop-signal", default="SIGTERM")
    parser.add_argument("--user", help="run the command as this user")
    parser.add_argument("--foreground", action="store_true", help="stay in our terminal's group")
    parser.add_argument("command", nargs="+")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(Guard(parse(sys.argv[1:])).run())
