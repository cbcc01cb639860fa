"""The platform's processes, several of each; whoever dies is replaced, as an init system does it.

They are the real ones, begun by multiprocessing's fork server instead of an interpreter each.
"""

import multiprocessing
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import httpx
import uvicorn

from tests.flows import mortal
from wopr.celery import app

ANSWER_SECONDS = 5.0


def api(place: int, port: int) -> None:
    uvicorn.run("wopr.asgi:application", port=port, access_log=False)


def gateway(place: int, port: int) -> None:
    uvicorn.run("gpu.inference.asgi:application", port=port, access_log=False)


def worker(place: int, port: int) -> None:
    mortal.be_impatient()
    name = f"{place}-of-{os.getppid()}@%h"
    app.start(
        ["worker", "--pool=solo", "--without-gossip", "--without-mingle", f"--hostname={name}"]
    )


def beat(place: int, port: int) -> None:
    app.start(["beat", "--pidfile="])


ROLES: dict[str, Callable[[int, int], None]] = {
    "api": api, "gateway": gateway, "worker": worker, "beat": beat,
}  # fmt: skip
DOORS = {"api": "/api/live", "gateway": "/live"}


def live(role: str, place: int, port: int, log: Path) -> None:
    """What one of the processes does for as long as it is let."""
    with log.open("ab") as file:
        os.dup2(file.fileno(), sys.stdout.fileno())
        os.dup2(file.fileno(), sys.stderr.fileno())
    ROLES[role](place, port)


@dataclass
class Herd:
    """Who lives, by role and place."""

    logs: Path
    ports: dict[tuple[str, int], int]
    members: dict[tuple[str, int], ForkServerProcess] = field(default_factory=dict)

    def start(self, role: str, place: int) -> None:
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload([mortal.__name__, __name__])
        port = self.ports.get((role, place), 0)
        log = self.logs / f"{role}-{place}.log"
        member = context.Process(target=live, args=(role, place, port, log))
        member.start()
        self.members[role, place] = member

    def kill(self, role: str, place: int) -> None:
        """By SIGKILL; the next one is there at once."""
        self.members[role, place].kill()
        self.members[role, place].join()
        self.start(role, place)

    def place_of(self, role: str, pid: int | None) -> int | None:
        """Which of a role has this process id."""
        pids = {member.pid: place for (r, place), member in self.members.items() if r == role}
        return pids.get(pid)

    def is_served(self, role: str, *, by_all: bool = False) -> bool:
        """Whether one of a role answers, or all of them."""
        doors = [port for (r, _), port in self.ports.items() if r == role]
        answers = [is_up(f"http://127.0.0.1:{port}{DOORS[role]}") for port in doors]
        return all(answers) if by_all else any(answers)

    def end(self) -> None:
        for member in self.members.values():
            member.kill()
        for member in self.members.values():
            member.join()


def is_up(address: str) -> bool:
    try:
        return httpx.get(address, timeout=ANSWER_SECONDS).status_code == 200
    except httpx.TransportError:
        return False
