"""Machines, bots, and every durable change that is made to them."""

from fleet.models.agent import AgentPlan
from fleet.models.backup import Backup, BackupRepository
from fleet.models.drift import Drift
from fleet.models.instance import Instance, Route
from fleet.models.node import Node, Release
from fleet.models.observation import InstanceEvent, Lookout, Sample
from fleet.models.operation import Leak, Operation, Step
from fleet.models.provider import Authority, CatalogueOffer, ProviderChange, ProviderHealth
from fleet.models.residence import Residence
from fleet.models.rollout import Rollout, RolloutMember, TenantPin
from fleet.models.server import Server, ServerMove
from fleet.models.variable import Variable

__all__ = [
    "AgentPlan",
    "Authority",
    "Backup",
    "BackupRepository",
    "CatalogueOffer",
    "Drift",
    "Instance",
    "InstanceEvent",
    "Leak",
    "Lookout",
    "Node",
    "Operation",
    "ProviderChange",
    "ProviderHealth",
    "Release",
    "Residence",
    "Rollout",
    "RolloutMember",
    "Route",
    "Sample",
    "Server",
    "ServerMove",
    "Step",
    "TenantPin",
    "Variable",
]
