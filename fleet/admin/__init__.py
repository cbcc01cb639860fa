"""Staff's pages of machines, bots and operations."""

from fleet.admin import (
    agents,
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
    "agents",
    "backups",
    "drift",
    "instances",
    "machines",
    "observing",
    "operations",
    "releases",
    "servers",
]
