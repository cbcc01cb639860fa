"""Tools for servers: what there is and what can be bought; ordering, rebooting, giving back."""

from dataclasses import asdict
from uuid import UUID

from django.contrib.admin.models import ADDITION, CHANGE, DELETION
from django.db import transaction
from django.db.models import Count

from fleet import orders, server_services
from fleet.agents.desk import CHANGES, DESTROYS, READS, SPENDS, Desk, Facts, tool
from fleet.models import CatalogueOffer, Instance, Server
from fleet.offers import priced
from fleet.providers import registry
from wopr.common.errors import Refused

OVER = (Server.Status.GONE, Server.Status.FAILED)
MOST_OFFERS = 200


class ServerTools(Desk):
    @tool("fleet.view_server", READS)
    def list_servers(self, with_former: bool = False) -> list[Facts]:
        """Servers that were ordered, with state, address, price and number of bots."""
        found = Server.objects.select_related("node")
        bots = _bots()
        return [
            {**_facts(server), "bots": bots.get(server.pk, 0)}
            for server in (found if with_former else found.exclude(status__in=OVER))
        ]

    @tool("fleet.view_catalogueoffer", READS)
    def list_offers(
        self, provider: str = "", region: str = "", min_memory_mb: int = 0
    ) -> list[Facts]:
        """What can be bought now, the cheapest first, at prices before tax. At most 200."""
        offers = CatalogueOffer.objects.filter(
            available=True, memory_mb__gte=min_memory_mb, provider__in=registry.sellers()
        )
        asked = {"provider": provider, "region": region}
        offers = offers.filter(**{name: value for name, value in asked.items() if value})
        fields = (
            "provider", "region", "size", "memory_mb", "cpus", "disk_gb", "architecture", "gpu",
            "hourly", "monthly", "currency",
        )  # fmt: skip
        return [dict(row) for row in priced(offers).values(*fields)[:MOST_OFFERS]]

    @tool("fleet.add_server", SPENDS)
    def order_server(
        self, provider: str, region: str, size: str, dry_run: bool = False, plan_id: str = ""
    ) -> Facts:
        """Buys a server that becomes a node, of what list_offers lists.

        It costs money from then on. Call with dry_run=true first: it returns the price and the
        plan_id for the real call.
        """
        there = _offer(provider, region, size)
        target = f"{provider} {region} {size}"
        if dry_run:
            return self.plan("order_server", target, there, _price(there))
        with transaction.atomic():
            self.use(plan_id, "order_server", target, there)
            server = server_services.server_request(
                provider=provider, region=region, size=size, cause=self.cause
            )
            self.note(server, ADDITION, "Ordered")
        return _facts(server)

    @tool("fleet.change_server", CHANGES)
    def reboot_server(self, server_id: str) -> Facts:
        """Reboots a server that is ready; every bot on it stops and starts with the machine."""
        server = _server(server_id)
        operation = server_services.server_reboot(server=server, cause=self.cause)
        self.note(server, CHANGE, "Reboot")
        return {"operation": str(operation.pk), "state": operation.state}

    @tool("fleet.change_server", DESTROYS)
    def destroy_server(self, server_id: str, dry_run: bool = False, plan_id: str = "") -> Facts:
        """Gives a server back; the machine and everything on it is destroyed, for ever.

        Call with dry_run=true first: it returns the effects and the plan_id for the real call.
        """
        server = _server(server_id)
        there = _there(server)
        if dry_run:
            self._try_out(server)
            effects = _effects(server)
            return self.plan("destroy_server", str(server.pk), there, effects)
        with transaction.atomic():
            self.use(plan_id, "destroy_server", str(server.pk), there)
            operation = server_services.server_destroy(server=server, cause=self.cause)
            self.note(server, DELETION, "Given back")
        return {"operation": str(operation.pk), "state": operation.state}

    def _try_out(self, server: Server) -> None:
        """Refuses what the real call would refuse, and leaves nothing behind."""
        with transaction.atomic():
            server_services.server_destroy(server=server, cause=self.cause)
            transaction.set_rollback(True)


def _offer(provider: str, region: str, size: str) -> Facts:
    """What it costs now; a plan for another price is stale. Refused for what is not on offer."""
    offer = orders.offer_named(provider, region, size)
    fields = ("provider", "region", "size", "memory_mb", "hourly", "monthly", "currency")
    return {name: str(getattr(offer, name)) for name in fields}


def _price(offer: Facts) -> str:
    return (
        f"A {offer['size']} in {offer['region']} at {offer['provider']} is bought; it costs"
        f" {offer['monthly']} {offer['currency']} a month before tax until it is given back."
    )


def _server(server_id: str) -> Server:
    try:
        return Server.objects.select_related("node").get(pk=UUID(server_id))
    except (ValueError, Server.DoesNotExist) as error:
        raise Refused("unknown_server", f"There is no server {server_id}.", status=404) from error


def _facts(server: Server) -> Facts:
    return {
        "id": str(server.pk),
        "name": server.name,
        "provider": server.provider,
        "region": server.region,
        "size": server.size,
        "status": server.status,
        "reason": server.reason,
        "address": server.address,
        "node": server.node.name if server.node else "",
        "monthly": str(server.monthly),
        "currency": server.currency,
    }


def _bots() -> dict[UUID, int]:
    live = Instance.objects.exclude(status=Instance.Status.TERMINATED)
    counted = live.filter(node__server__isnull=False).values_list("node__server")
    return dict(counted.annotate(Count("pk")))


def _there(server: Server) -> Facts:
    """The row, its bots, and the machine as the provider tells of it now."""
    machine = None
    if server.provider_id:
        machine = registry.provider(server.provider).get(server.provider_id)
    return {
        "row": {**_facts(server), "machine": server.provider_id, "tenant": server.tenant_id},
        "bots": _bots().get(server.pk, 0),
        "machine": asdict(machine) if machine else None,
    }


def _effects(server: Server) -> str:
    return (
        f"{server} ({server.size} in {server.region} at {server.provider},"
        f" {server.address or 'no address yet'}) is destroyed with everything on it, for ever;"
        f" it costs {server.monthly:.2f} {server.currency} a month no more."
    )
