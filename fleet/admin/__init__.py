"""Staff's pages of machines, bots and operations."""

from fleet.admin import instances, machines, operations

__all__ = ["instances", "machines", "operations"]
