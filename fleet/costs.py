"""Selector: what the fleet costs a month, each server, and each tenant's share of it.

A tenant's share of a server is that of its memory which the tenant's bots reserve; what nobody
reserves is nobody's. A machine of a tenant's own is its own altogether.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django.db.models import Sum

from fleet import own_machines
from fleet.models import Instance, Server


@dataclass
class ServerCost:
    server: Server
    shares: dict[str, Decimal] = field(default_factory=dict)
    remark: str = ""

    @property
    def idle(self) -> Decimal:
        return self.server.monthly - sum(self.shares.values(), Decimal())


@dataclass
class Costs:
    servers: list[ServerCost]

    @property
    def totals(self) -> dict[str, Decimal]:
        """By currency: nothing is converted."""
        return _summed((cost.server.currency, cost.server.monthly) for cost in self.servers)

    @property
    def tenants(self) -> dict[tuple[str, str], Decimal]:
        """By tenant and currency."""
        return _summed(
            ((slug, cost.server.currency), share)
            for cost in self.servers
            for slug, share in cost.shares.items()
        )

    def described(self) -> dict[str, Any]:
        return {
            "monthly": {currency: str(sum_) for currency, sum_ in self.totals.items()},
            "servers": [
                {
                    "server": cost.server.name,
                    "node": cost.server.node.name if cost.server.node else None,
                    "provider": cost.server.provider,
                    "size": cost.server.size,
                    "monthly": str(cost.server.monthly),
                    "currency": cost.server.currency,
                    "tenants": {slug: str(share) for slug, share in cost.shares.items()},
                    "idle": str(cost.idle),
                    "remark": cost.remark,
                }
                for cost in self.servers
            ],
        }


def costs() -> Costs:
    """Of every server that costs money now."""
    paid = Server.objects.filter(status__in=Server.PAID).select_related("node", "tenant")
    reserved, remarks = _reserved(), own_machines.remarks()
    return Costs(
        [ServerCost(each, _shares(each, reserved), remarks.get(each.pk, "")) for each in paid]
    )


def _reserved() -> dict[Any, dict[str, int]]:
    """Node to tenant to the memory that its bots have there."""
    alive = Instance.objects.exclude(status=Instance.Status.TERMINATED)
    found: dict[Any, dict[str, int]] = defaultdict(dict)
    rows = alive.values_list("node", "tenant__slug").annotate(sum=Sum("memory_mb"))
    for node, slug, memory in rows.order_by("tenant__slug"):
        found[node][slug] = memory
    return found


def _shares(server: Server, reserved: dict[Any, dict[str, int]]) -> dict[str, Decimal]:
    if server.tenant is not None:
        return {server.tenant.slug: server.monthly}
    on_it = reserved.get(server.node_id, {}) if server.node_id else {}
    whole = max(server.memory_mb, sum(on_it.values()))
    cent = Decimal("0.0001")
    return {slug: (server.monthly * mb / whole).quantize(cent) for slug, mb in on_it.items()}


def _summed(parts: Any) -> dict[Any, Decimal]:
    sums: dict[Any, Decimal] = defaultdict(Decimal)
    for key, amount in parts:
        sums[key] += amount
    return dict(sums)
