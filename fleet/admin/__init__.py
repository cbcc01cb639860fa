"""Staff's pages of machines, bots and operations."""

from fleet.admin import (
    backups,
    drift,
    instances,
    machines,
    observing,
    operations,
    releases,
    servers,
)

__all__ = [
    "backups",
    "drift",
    "instances",
    "machines",
    "observing",
    "operations",
    "releases",
    "servers",
]
