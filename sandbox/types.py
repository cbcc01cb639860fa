"""Names for the shapes that travel through every vendor."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

Json = dict[str, Any]
"""One JSON object."""


class Persistent(Protocol):
    """A vendor whose whole state can be written down and taken up again."""

    revision: int

    def dump(self) -> Json:
        """Return everything worth keeping as JSON."""
        ...

    def load(self, state: Mapping[str, Any]) -> None:
        """Take up a state that `dump` returned earlier."""
        ...

    def reset(self) -> None:
        """Forget everything but the configuration."""
        ...
