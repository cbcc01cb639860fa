"""A clock that follows the real one and can be pushed forward."""

from __future__ import annotations

import time


class Clock:
    """Real time plus an offset; it never goes backwards."""

    def __init__(self) -> None:
        self.offset = 0.0

    def now(self) -> int:
        """Return the sandbox's time as whole Unix seconds."""
        return int(time.time() + self.offset)

    def move_to(self, timestamp: float) -> None:
        """Jump to a later moment; an earlier one changes nothing."""
        self.offset = max(self.offset, timestamp - time.time())
