"""Machines, bots, and every durable change that is made to them."""

from fleet.models.backup import Backup, BackupRepository
from fleet.models.instance import Instance, Route
from fleet.models.node import Node, Release
from fleet.models.operation import Leak, Operation, Step

__all__ = [
    "Backup",
    "BackupRepository",
    "Instance",
    "Leak",
    "Node",
    "Operation",
    "Release",
    "Route",
    "Step",
]
