"""Start the parts of the stack in order, wait until each is ready, stop them in reverse."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path

GUARD = Path(__file__).with_name("guard.py")


class StackError(Exception):
    """The stack cannot go on; the message says what happened and what to do."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """One process of the stack, and how to tell that it is ready."""

    name: str
    command: Sequence[str | Path]
    ready: Callable[[], bool] = lambda: True
    environment: Mapping[str, str] = field(default_factory=dict)
    folder: Path | None = None
    user: str | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    grace: float = 5.0
    timeout: float = 60.0


@dataclass(frozen=True)
class Running:
    """A part that was started, with its guard and its log."""

    part: Part
    guard: "subprocess.Popen[bytes]"
    log: Path


class Supervisor:
    """Owner of all processes of one stack. Nothing of it survives this process."""

    def __init__(self, logs: Path) -> None:
        self.logs = logs
        self.logs.mkdir(parents=True, exist_ok=True)
        self.running: list[Running] = []
        self._began = time.monotonic()
        self._lock = threading.Lock()
        self._given_up = False
        # The guards read; only this process can write, so its end closes the pipe.
        self._watched, self._alive = os.pipe()

    def say(self, text: str) -> None:
        """Print a line of progress with the seconds since the start."""
        print(f"[{time.monotonic() - self._began:6.2f}s] {text}", flush=True)

    def start(self, part: Part) -> None:
        """Start a part and return when it is ready."""
        began = time.monotonic()
        running = self._spawn(part)
        with self._lock:
            self.running.append(running)
        wait_until(
            lambda: self._is_ready(running), timeout=part.timeout, what=f"{part.name} to be ready"
        )
        self.say(f"{part.name} ready in {time.monotonic() - began:.2f} s")

    def start_together(self, *steps: Callable[[], object]) -> None:
        """Run independent steps at the same time; the first failure is raised."""
        with ThreadPoolExecutor(max_workers=len(steps)) as pool:
            try:
                for future in as_completed([pool.submit(step) for step in steps]):
                    future.result()
            except BaseException:
                self._given_up = True
                raise

    def run(
        self,
        command: Sequence[str | Path],
        environment: Mapping[str, str],
        *,
        log: str | None = None,
        user: str | None = None,
    ) -> int:
        """Run a command to its end, in the foreground or into a log; return its exit code."""
        part = Part(name=log or "command", command=command, environment=environment, user=user)
        return self._spawn(part, foreground=log is None).guard.wait()

    def must_run(
        self,
        log: str,
        command: Sequence[str | Path],
        environment: Mapping[str, str],
        *,
        user: str | None = None,
    ) -> None:
        """Run a command that has to succeed; on failure show the end of its log."""
        began = time.monotonic()
        code = self.run(command, environment, log=log, user=user)
        if code != 0:
            raise StackError(f"{log} failed with code {code}:\n{self._tail(self._log_of(log))}")
        self.say(f"{log} done in {time.monotonic() - began:.2f} s")

    def wait(self) -> None:
        """Return when interrupted, asked to end, or when a part ends by itself."""
        while True:
            for running in self.running:
                if (code := running.guard.poll()) is not None:
                    tail = self._tail(running.log)
                    raise StackError(f"{running.part.name} ended with code {code}:\n{tail}")
            time.sleep(0.5)

    def stop(self) -> None:
        """Stop all parts, last started first."""
        for running in reversed(self.running):
            began = time.monotonic()
            running.guard.terminate()
            running.guard.wait()
            self.say(f"{running.part.name} stopped in {time.monotonic() - began:.2f} s")
        self.running.clear()

    def _spawn(self, part: Part, *, foreground: bool = False) -> Running:
        options = ["--watch-fd", str(self._watched), "--grace", str(part.grace)]
        options += ["--stop-signal", part.stop_signal.name]
        options += ["--user", part.user] if part.user else []
        options += ["--foreground"] if foreground else []
        log = self._log_of(part.name)
        guard = self._popen(
            [sys.executable, "-I", "-S", str(GUARD), *options, "--", *map(str, part.command)],
            part,
            None if foreground else log,
        )
        return Running(part, guard, log)

    def _popen(self, command: list[str], part: Part, log: Path | None) -> "subprocess.Popen[bytes]":
        environment = {**os.environ, **part.environment}
        if log is None:
            return subprocess.Popen(command, env=environment, pass_fds=[self._watched])
        with log.open("ab") as output:
            return subprocess.Popen(
                command,
                env=environment,
                cwd=part.folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                pass_fds=[self._watched],
                start_new_session=True,
            )

    def _is_ready(self, running: Running) -> bool:
        if self._given_up:
            raise StackError(f"gave up on {running.part.name}, as another part failed")
        if (code := running.guard.poll()) is not None:
            tail = self._tail(running.log)
            raise StackError(f"{running.part.name} ended at once with code {code}:\n{tail}")
        return running.part.ready()

    def _log_of(self, name: str) -> Path:
        return self.logs / f"{name.replace(' ', '-')}.log"

    @staticmethod
    def _tail(log: Path, lines: int = 25) -> str:
        return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])


def wait_until(
    condition: Callable[[], object], *, timeout: float, what: str, pause: float = 0.02
) -> None:
    """Wait for a condition with a deadline, looking at it after every pause (seconds)."""
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            raise StackError(f"waited {timeout:g} s for {what} in vain")
        time.sleep(pause)
