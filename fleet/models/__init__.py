"""Machines, bots, and every durable change that is made to them."""

from fleet.models.backup import Backup, BackupRepository
from fleet.models.drift import Drift
from fleet.models.instance import Instance, Route
from fleet.models.node import Node, Release
from fleet.models.observation import InstanceEvent, Lookout, Sample
from fleet.models.operation import Leak, Operation, Step
from fleet.models.rollout import Rollout, RolloutMember, TenantPin
from fleet.models.variable import Variable

__all__ = [
    "Backup",
    "BackupRepository",
    "Drift",
    "Instance",
    "InstanceEvent",
    "Leak",
    "Lookout",
    "Node",
    "Operation",
    "Release",
    "Rollout",
    "RolloutMember",
    "Route",
    "Sample",
    "Step",
    "TenantPin",
    "Variable",
]
