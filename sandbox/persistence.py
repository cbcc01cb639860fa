"""Keep the vendors' state in one file, so that a restart finds the world as it was."""

from __future__ import annotations

import asyncio
import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from sandbox.types import Persistent

KEEP_SECONDS = 0.5


class StateFile:
    """Write all vendors' state as one JSON document, atomically, when something changed."""

    def __init__(self, path: Path | None, vendors: Mapping[str, Persistent]) -> None:
        self.path = path
        self.vendors = vendors
        self._written: dict[str, int] = self._revisions()

    def load(self) -> None:
        """Take up the state of the last run, if there is one."""
        if self.path is None or not self.path.exists():
            return
        state = json.loads(self.path.read_text())
        for name, vendor in self.vendors.items():
            if name in state:
                vendor.load(state[name])
        self._written = self._revisions()

    def save_if_changed(self) -> None:
        """Write the state when any vendor's revision moved."""
        revisions = self._revisions()
        if self.path is None or revisions == self._written:
            return
        state = {name: vendor.dump() for name, vendor in self.vendors.items()}
        _write_atomically(self.path, json.dumps(state))
        self._written = revisions

    async def keep(self) -> None:
        """Save what changes without a request (deliveries, the clock) until cancelled."""
        while True:
            await asyncio.sleep(KEEP_SECONDS)
            self.save_if_changed()

    def _revisions(self) -> dict[str, int]:
        return {name: vendor.revision for name, vendor in self.vendors.items()}


def _write_atomically(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    os.replace(name, path)
