"""Who may do what: every route and method of the API, tried by people and by keys.

Alice owns the tenant, Erin is an admin of it, Bob a member, Dora pays for it, Charlie has another,
and a visitor has not signed in. Alice has a key for each scope, Charlie one with all of them. A new
route fails here until it is listed, with who may use it.
"""

import re
from collections.abc import Iterable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.core.cache import cache
from django.utils import timezone
from djstripe.models import WebhookEndpoint
from rest_framework.test import APIClient, APIRequestFactory
from rest_framework.views import APIView

from billing.models import Checkout, Plan
from dns.models import CustomDomain
from fleet.models import Backup, Instance, Operation
from gpu.models import GpuNode
from tenants.keys import key_make
from tenants.models import ApiKey, Document, Membership, Tenant, User
from tests.architecture.routes import METHODS, Route, api_routes
from tests.architecture.rules import (
    FORBIDDEN,
    LET_IN,
    NOTHING_HERE,
    RULES,
    SCOPES,
    SIGN_IN,
    STRANGE_KEY,
)
from tests.conftest import signed_in, with_key

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def fresh_throttles() -> None:
    cache.clear()


@pytest.fixture
def things(tenant: Tenant, instance: Instance, plan: Plan) -> dict[str, Any]:
    """One of each of Alice's things, by the name that routes give its id."""
    now = timezone.now()
    finished = {"state": "succeeded", "finished_at": now}
    operation = Operation.objects.create(
        kind="provision", subject_kind="instance", subject_id=instance.pk, tenant=tenant, **finished
    )
    checkout = Checkout.objects.create(tenant=tenant, plan=plan, status="expired")
    export = Backup.objects.create(
        instance=instance, operation=operation, snapshot="x", taken_at=now, proven_at=now
    )
    document = Document.objects.create(
        tenant=tenant, kind="welcome", cause="x", content=b"x", size=1, filename="x.pdf"
    )
    domain = CustomDomain.objects.create(
        tenant=tenant, owner=instance.reference, hostname="chat.example.com", target="x"
    )
    endpoint = WebhookEndpoint.objects.create(
        id="we_1", secret="whsec_sandbox", url="https://wopr.example.com/", api_version="",
        enabled_events=["*"], djstripe_uuid=uuid4(),
    )  # fmt: skip
    return {
        "tenant_id": tenant.pk,
        "instance_id": instance.pk,
        "operation_id": operation.pk,
        "checkout_id": checkout.pk,
        "export_id": export.pk,
        "document_id": document.pk,
        "domain_id": domain.pk,
        "member_id": tenant.memberships.get(role="owner").pk,
        "invitation_id": tenant.invitations.create(
            email="frank@example.com", role="member", expires_at=now + timedelta(days=1)
        ).pk,
        "key_id": key_of(tenant.memberships.get(role="owner"), ["read"])[0].pk,
        "uuid": endpoint.djstripe_uuid,
        "node_id": GpuNode.objects.create(name="gpu-1").pk,
    }


@pytest.fixture
def people(alice: User, bob: User, dora: User, erin: User, charlie: User) -> dict[str, APIClient]:
    everybody = {"alice": alice, "bob": bob, "dora": dora, "erin": erin, "charlie": charlie}
    owner = alice.memberships.get()
    return {
        "visitor": APIClient(),
        **{name: signed_in(user) for name, user in everybody.items()},
        **{f"key to {scope}": with_key(key_of(owner, [scope])[1]) for scope in SCOPES},
        STRANGE_KEY: with_key(key_of(charlie.memberships.get(), SCOPES)[1]),
    }


def key_of(membership: Membership, scopes: Iterable[str]) -> tuple[ApiKey, str]:
    return key_make(membership=membership, name="a test's", scopes=scopes, days=1)


def address(path: str, things: dict[str, Any]) -> str:
    return "/" + re.sub(r"<\w+:(\w+)>", lambda match: str(things[match[1]]), path)


def verdict(answer: Any) -> str:
    if answer.status_code == 404:
        return NOTHING_HERE
    if answer.status_code in {401, 403}:
        return SIGN_IN if answer.json()["code"] == "not_authenticated" else FORBIDDEN
    return LET_IN


def test_every_route_and_method_is_listed_with_who_may_use_it(things: dict[str, Any]) -> None:
    found = {
        f"{method} {route.path}"
        for route in api_routes()
        for method in route.methods(address(route.path, things))
    }
    assert sorted(found) == sorted(RULES)


@pytest.mark.parametrize("rule", RULES)
def test_a_route_lets_in_whom_it_should(
    rule: str, things: dict[str, Any], people: dict[str, APIClient]
) -> None:
    method, _, path = rule.partition(" ")
    verdicts = {}
    for name, client in people.items():
        answer = client.generic(method, address(path, things), "{}", "application/json")
        verdicts[name] = verdict(answer)
    assert verdicts == RULES[rule]


def test_no_route_answers_to_other_methods(
    things: dict[str, Any], people: dict[str, APIClient]
) -> None:
    for route in api_routes():
        others = [method for method in METHODS if f"{method} {route.path}" not in RULES]
        for method in others:
            cache.clear()
            answer = people["alice"].generic(method, address(route.path, things))
            assert answer.status_code == 405, f"{method} {route.path}"


def test_the_objects_of_others_and_those_that_do_not_exist_look_alike(
    things: dict[str, Any], people: dict[str, APIClient]
) -> None:
    missing = {name: uuid4() for name in things}
    for rule in (rule for rule, verdicts in RULES.items() if verdicts["charlie"] == NOTHING_HERE):
        method, _, path = rule.partition(" ")
        answers = [
            people["charlie"].generic(method, address(path, which), "{}", "application/json")
            for which in (things, missing)
        ]
        told = [{**answer.json(), "reference": ""} for answer in answers]
        assert told[0] == told[1], rule


def test_who_left_a_tenant_sees_nothing_of_it_any_more(
    things: dict[str, Any], people: dict[str, APIClient], bob: User
) -> None:
    seen = address("api/v1/tenants/<uuid:tenant_id>", things)
    assert people["bob"].get(seen).status_code == 200
    Membership.objects.filter(user=bob).delete()
    assert people["bob"].get(seen).status_code == 404
    assert people["bob"].get("/api/v1/tenants").json() == []


def test_staff_see_no_tenants_by_the_api_of_customers(things: dict[str, Any]) -> None:
    staff = signed_in(User.objects.create_superuser("root@example.com"))
    assert staff.get(address("api/v1/tenants/<uuid:tenant_id>", things)).status_code == 404


OURS = [route for route in api_routes() if route.path.startswith("api/v1/")]


@pytest.mark.parametrize("route", OURS, ids=lambda route: route.path)
def test_a_view_is_public_or_names_a_right_for_each_of_its_methods(route: Route) -> None:
    unruled = [method for method in METHODS if route.answers(method) and not route.rules(method)]
    assert unruled == [], f"{route.path} is closed by default: name the right that it needs"


def test_a_view_without_a_rule_is_closed_even_to_staff() -> None:
    class Forgotten(APIView):
        def get(self, request: Any) -> Any:
            raise AssertionError("nobody may come here")

    request = APIRequestFactory().get("/")
    request.user = User.objects.create_superuser("root@example.com")
    answer = Forgotten.as_view()(request)
    assert answer.status_code == 403
    assert answer.data["code"] in {"permission_denied", "not_authenticated"}


def test_links_of_documents_lead_to_routes_that_exist(
    things: dict[str, Any], people: dict[str, APIClient]
) -> None:
    listed = people["alice"].get(address("api/v1/tenants/<uuid:tenant_id>/documents", things))
    assert Document.objects.count() == len(listed.json()) == 1
    assert people["alice"].get(listed.json()[0]["url"]).status_code == 200
