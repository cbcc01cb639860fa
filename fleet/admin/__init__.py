"""Staff's pages of machines, bots and operations."""

from fleet.admin import drift, instances, machines, observing, operations, releases

__all__ = ["drift", "instances", "machines", "observing", "operations", "releases"]
