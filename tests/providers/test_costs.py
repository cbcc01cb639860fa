"""What the fleet costs, and whose share of it that is."""

import json
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command

from fleet.models import Instance, Node, Server
from tenants.models import Tenant

pytestmark = pytest.mark.django_db


def bought(node: Node | None = None, **changes: Any) -> Server:
    facts = {
        "provider": "hetzner", "region": "fsn1", "size": "cx22", "memory_mb": 1024, "cpus": 1,
        "disk_gb": 40, "hourly": "0.01", "monthly": "4.0000", "currency": "eur",
        "status": Server.Status.READY, "node": node,
    }  # fmt: skip
    return Server.objects.create(**{**facts, **changes})


def told() -> dict[str, Any]:
    said = StringIO()
    call_command("fleet_costs", "--json", stdout=said)
    return dict(json.loads(said.getvalue()))


def test_a_tenants_share_is_that_of_the_memory_it_reserves(instance: Instance) -> None:
    Instance.objects.update(memory_mb=256)
    bought(instance.node)
    bought(status=Server.Status.GONE)  # costs nothing any more
    [row] = told()["servers"]
    assert (row["tenants"], row["idle"]) == ({"alice-co": "1.0000"}, "3.0000")


def test_a_machine_of_ones_own_is_ones_own_altogether(tenant: Tenant) -> None:
    bought(tenant=tenant)
    bought(currency="usd", monthly="5.0000")
    said = told()
    assert said["monthly"] == {"eur": "4.0000", "usd": "5.0000"}
    assert {r["currency"]: Decimal(r["idle"]) for r in said["servers"]} == {"eur": 0, "usd": 5}


def test_people_read_a_line_for_each(instance: Instance) -> None:
    Instance.objects.update(memory_mb=512)
    bought(instance.node)
    said = StringIO()
    call_command("fleet_costs", stdout=said)
    assert "alice-co has a share of 2.00 eur a month" in said.getvalue()
    assert "The fleet costs 4.00 eur a month before tax" in said.getvalue()
