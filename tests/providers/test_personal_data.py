"""Whoever sells us machines learns nothing of whom we serve on them."""

import json
from pathlib import Path

import pytest

from fleet.models import Server
from fleet.orders import order
from tenants.models import Tenant
from tests.providers.life import Life
from tests.providers.vendors import Vendor

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_machine_of_a_customers_own_names_nobody(
    vendor: Vendor, catalogue: None, tenant: Tenant, tmp_path: Path
) -> None:
    vendor.behave(create_seconds=0, action_seconds=0)
    server, _ = order(
        provider=vendor.name,
        region=vendor.region,
        size=vendor.size,
        cause="an order by alice@example.com",
        tenant=tenant,
    )
    with Life(vendor, server, tmp_path) as life:
        while life.work().is_live and life.server.status != Server.Status.ENROLLING:
            continue
    assert life.server.tenant == tenant

    [machine] = vendor.machines()
    assert machine["name"] == server.name
    known = json.dumps([machine, vendor.requests()]).lower()
    assert vendor.path in known
    for word in ("alice", "example.com", tenant.pk.hex, str(tenant.pk)):
        assert word not in known, machine
