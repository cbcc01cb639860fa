"""Providers with a catalogue that was read, and orders of servers."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core.cache import cache

from billing.models import Entitlement, Plan
from fleet import provider_watch, server_services
from fleet.models import Server
from tenants.models import Tenant
from tests.providers.booting import Machine
from tests.providers.life import Life
from tests.providers.vendors import ADAPTERS, Vendor, empty_providers, sandboxes

ORDERED = ["hetzner", "digitalocean"]


@pytest.fixture
def hetzner() -> Iterator[Vendor]:
    yield from _vendor("hetzner")


@pytest.fixture(params=ORDERED)
def vendor(request: pytest.FixtureRequest) -> Iterator[Vendor]:
    yield from _vendor(request.param)


def _vendor(name: str) -> Iterator[Vendor]:
    empty_providers()
    with sandboxes() as control:
        yield Vendor(control, ADAPTERS[name][1])
    empty_providers()


@pytest.fixture
def catalogue(db: None) -> None:
    """What the periodic look would have brought."""
    for name in ORDERED:
        provider_watch.read_catalogue(name)


@pytest.fixture
def order(catalogue: None) -> Callable[[Vendor], Server]:
    def ordered(vendor: Vendor) -> Server:
        return server_services.server_request(
            provider=vendor.name, region=vendor.region, size=vendor.size, cause="test"
        )

    return ordered


@pytest.fixture
def life(vendor: Vendor, order: Callable[[Vendor], Server], tmp_path: Any) -> Iterator[Life]:
    """A server that was just ordered, at a provider who is quick."""
    vendor.behave(create_seconds=0, action_seconds=0)
    with Life(vendor, order(vendor), tmp_path) as life:
        yield life


@pytest.fixture
def machine(life: Life) -> Machine:
    """One that has booted and is waited for."""
    cache.clear()
    while life.work().is_live and life.server.status != Server.Status.ENROLLING:
        continue
    assert life.server.status == Server.Status.ENROLLING, life.operation.error
    found: Machine = life.machine()
    return found


@pytest.fixture
def payer(tenant: Tenant, plan: Plan, catalogue: None, hetzner: Vendor) -> Entitlement:
    """A tenant that pays for a machine of its own."""
    plan.placement = Plan.Placement.DEDICATED
    plan.save()
    limits = plan.limits
    return Entitlement.objects.create(tenant=tenant, plan=plan, status="active", bots=1, **limits)
