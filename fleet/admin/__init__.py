"""Staff's pages of machines, bots and operations."""

from fleet.admin import instances, machines, operations, releases

__all__ = ["instances", "machines", "operations", "releases"]
