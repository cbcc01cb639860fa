"""Machines, their actions, keys and firewalls, in words that belong to no vendor."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.clock import Clock
from sandbox.machines.conduct import Bucket, Conduct
from sandbox.types import Json

RUNNING, DONE, FAILED = "running", "success", "error"


@dataclass(frozen=True)
class MachineConfig:
    """What the sandbox is told when it starts; a reset keeps it."""

    token: str
    network: str
    """The first two numbers of the machines' addresses, on loopback: `127.49`."""
    first_id: int


class MachineWorld:
    """Plain functions on one event loop, so each call is atomic.

    Time passes only when somebody asks: `settle` ends the actions that are due.
    """

    def __init__(self, config: MachineConfig) -> None:
        self.config = config
        self.revision = 0
        self.clock = Clock()
        self._forget()

    def _forget(self) -> None:
        self.clock.offset = 0.0
        self.conduct = Conduct()
        self.bucket = Bucket(self.conduct)
        self.number = self.config.first_id
        self.machines: dict[str, Json] = {}
        self.actions: dict[str, Json] = {}
        self.keys: dict[str, Json] = {}
        self.firewalls: dict[str, Json] = {}
        self.tags: dict[str, Json] = {}

    def now(self) -> float:
        """Return the provider's time."""
        return time.time() + self.clock.offset

    def next_number(self) -> int:
        """Return an id that nothing else has; vendors never give one twice."""
        self.number += 1
        self.revision += 1
        return self.number

    def settle(self) -> None:
        """End every action whose time has come, in order."""
        now = self.now()
        due = [a for a in self.actions.values() if a["status"] == RUNNING and a["due"] <= now]
        for action in sorted(due, key=lambda action: (action["due"], action["id"])):
            self._finish(action)

    def _finish(self, action: Json) -> None:
        self.revision += 1
        action["status"] = FAILED if action["doomed"] else DONE
        action["finished"] = action["due"]
        machine = self.machines.get(str(action["machine"]))
        if machine is None:
            return
        change = action["otherwise"] if action["doomed"] else action["change"]
        if change.get("gone"):
            del self.machines[str(machine["id"])]
        else:
            machine.update(change)

    def begin(self, command: str, machine: Json, change: Json, otherwise: Json) -> Json:
        """Start an action that changes the machine when it ends, one way or the other."""
        started = self.now()
        action: Json = {
            "id": self.next_number(),
            "command": command,
            "machine": machine["id"],
            "region": machine["region"],
            "started": started,
            "due": started + self.conduct.seconds_of(command),
            "finished": None,
            "status": RUNNING,
            "doomed": self.conduct.will_fail(command),
            "change": change,
            "otherwise": otherwise,
        }
        self.actions[str(action["id"])] = action
        self.settle()
        return action

    def add_machine(self, **facts: Any) -> tuple[Json, Json]:
        """Create a machine, which runs later, or is left broken if that fails."""
        number = self.next_number()
        machine: Json = {
            "id": number,
            "status": "creating",
            "created": self.now(),
            **self._addresses(number),
            **facts,
        }
        self.machines[str(number)] = machine
        action = self.begin("create", machine, {"status": "running"}, {"status": "off"})
        return machine, action

    def _addresses(self, number: int) -> Json:
        """Return addresses that this host can connect from: all of 127/8 is loopback."""
        offset = number - self.config.first_id
        high, low = divmod(offset, 250)
        return {
            "address": f"{self.config.network}.{high % 250 + 1}.{low + 1}",
            "private_address": f"10.{49 + high // 250}.{high % 250}.{low + 1}",
            "address6": f"2001:db8:{high:x}:{low:x}::",
        }

    def is_busy(self, machine: Json) -> bool:
        """Tell whether an action on the machine is under way."""
        return any(action["status"] == RUNNING for action in self.actions_of(machine))

    def actions_of(self, machine: Json) -> Iterator[Json]:
        """Return the machine's actions, oldest first."""
        return (a for a in self.actions.values() if a["machine"] == machine["id"])

    def dump(self) -> Json:
        """Return everything as JSON."""
        return {
            "offset": self.clock.offset,
            "conduct": self.conduct.described(),
            "number": self.number,
            "machines": self.machines,
            "actions": self.actions,
            "keys": self.keys,
            "firewalls": self.firewalls,
            "tags": self.tags,
        }

    def load(self, state: Mapping[str, Any]) -> None:
        """Take up a state."""
        self.clock.offset, self.number = state["offset"], state["number"]
        self.conduct.change(state["conduct"])
        self.machines, self.actions = state["machines"], state["actions"]
        self.keys, self.firewalls = state["keys"], state["firewalls"]
        self.tags = state["tags"]

    def reset(self) -> None:
        """Start again with an empty account."""
        self._forget()
        self.revision += 1


def fingerprint(public_key: str) -> str:
    """Return a key's fingerprint as both vendors write it."""
    body = public_key.split()[1] if len(public_key.split()) > 1 else public_key
    digest = hashlib.md5(body.encode(), usedforsecurity=False).hexdigest()
    return ":".join(digest[i : i + 2] for i in range(0, 32, 2))
