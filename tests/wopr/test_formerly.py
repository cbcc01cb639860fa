"""Callers of the API that came before are told once and clearly what to call now."""

import re

import pytest
from django.test import Client

from tests.architecture.routes import api_routes
from wopr.formerly import EVERYTHING, NOW


@pytest.mark.parametrize("method", ["get", "post", "put", "delete"])
@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("/trpc/fleet.listInstances", "/fleet"),
        ("/trpc/billing.portalSession?batch=1", "/api/v1/tenants/{tenant_id}/subscription"),
        ("/trpc/tenant.create,plan.list", "/api/v1/tenants"),
        ("/fleet/bots/7", "/api/v1/tenants/{tenant_id}/instances"),
        ("/fleet/", "/fleet"),
        ("/trpc", "/api/v1/docs"),
        ("/trpc/no.such.thing", "/api/v1/docs"),
    ],
)
def test_an_old_path_is_gone_and_names_the_one_to_use(method: str, old: str, new: str) -> None:
    answer = getattr(Client(enforce_csrf_checks=True), method)(old)

    assert answer.status_code == 410
    assert answer.json()["code"] == "gone"
    assert answer.json()["path"] == new
    assert new in answer.json()["message"]


def test_every_path_that_is_named_exists() -> None:
    there = {"/" + re.sub(r"<\w+:(\w+)>", r"{\1}", route.path) for route in api_routes()}
    named = {path for path in NOW.values() if not path.startswith("/_allauth/")} | {EVERYTHING}
    assert named <= there
