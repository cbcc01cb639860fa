"""How a provider behaves: how long its work takes, what it is out of, what it will fail at."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from sandbox.types import Json


@dataclass
class Conduct:
    """What `POST /_sandbox/settings` changes; a reset brings the defaults back."""

    create_seconds: float = 1.0
    """From the request for a machine until it runs, by the provider's clock."""
    action_seconds: float = 0.3
    """How long every other action takes."""
    server_limit: int = 5000
    """The account's quota of machines."""
    out_of_stock: list[str] = field(default_factory=list)
    """Sizes that are sold out: `size`, or `size@region`."""
    withdrawn: list[str] = field(default_factory=list)
    """Images that are offered no more."""
    failing: dict[str, int] = field(default_factory=dict)
    """Of each command, how many of the next are accepted and fail later."""
    price_percent: int = 100
    """What today's prices are, of the catalogue's."""
    read_only: bool = False
    """Whether the token may only read."""
    locked: bool = False
    """Whether the account is locked, where the provider says so."""
    rate_limit: int = 3600
    """Requests an hour; they come back evenly."""

    def change(self, settings: Mapping[str, Any]) -> None:
        """Take over what is named. Raises ValueError for a setting that does not exist."""
        unknown = sorted(set(settings) - set(asdict(self)))
        if unknown:
            raise ValueError(f"unknown settings: {', '.join(unknown)}")
        for name, value in settings.items():
            setattr(self, name, value)

    def described(self) -> Json:
        """Return the settings as JSON."""
        return asdict(self)

    def is_out_of_stock(self, size: str, region: str) -> bool:
        """Tell whether a size is sold out there."""
        return size in self.out_of_stock or f"{size}@{region}" in self.out_of_stock

    def seconds_of(self, command: str) -> float:
        """Return how long a command takes."""
        return self.create_seconds if command == "create" else self.action_seconds

    def will_fail(self, command: str) -> bool:
        """Tell whether this command is one that fails later, and count it."""
        left = self.failing.get(command, 0)
        if left > 0:
            self.failing[command] = left - 1
        return left > 0

    def priced(self, amount: float) -> float:
        """Return today's price."""
        return amount * self.price_percent / 100


class Bucket:
    """A rate limit whose requests come back one by one."""

    def __init__(self, conduct: Conduct) -> None:
        self.conduct = conduct
        self.used = 0.0
        self.at = time.monotonic()

    def take(self) -> bool:
        """Count one request; False when there is none left."""
        now, limit = time.monotonic(), self.conduct.rate_limit
        self.used = max(0.0, self.used - (now - self.at) * limit / 3600)
        self.at = now
        if self.used + 1 > limit:
            return False
        self.used += 1
        return True

    def headers(self) -> dict[str, str]:
        """Return what every answer says about the limit."""
        limit = self.conduct.rate_limit
        back = time.time() + self.used * 3600 / max(limit, 1)
        return {
            "RateLimit-Limit": str(limit),
            "RateLimit-Remaining": str(max(0, int(limit - self.used))),
            "RateLimit-Reset": str(int(back)),
        }
