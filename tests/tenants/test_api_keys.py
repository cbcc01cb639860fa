"""API keys: shown once, kept as a digest, for one tenant, never more than their maker may."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient
from time_machine import travel

from tenants.keys import MOST_KEYS, key_make
from tenants.models import ApiKey, Membership, Tenant, User
from tenants.services import tenant_create
from tests.admin.pages import change_page, press, text_of
from tests.conftest import signed_in, with_key

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def fresh_throttles() -> None:
    cache.clear()


def keys_of(tenant: Tenant) -> str:
    return f"/api/v1/tenants/{tenant.pk}/keys"


def make(api: APIClient, tenant: Tenant, **wishes: Any) -> Any:
    answer = api.post(keys_of(tenant), {"name": "Nightly job", "scopes": ["read"], **wishes})
    assert answer.status_code == 201, answer.json()
    return answer.json()


def can_read(text: str, tenant: Tenant) -> bool:
    return with_key(text).get(f"/api/v1/tenants/{tenant.pk}").status_code == 200


def test_a_key_is_shown_once_and_opens_its_tenant(api: APIClient, tenant: Tenant) -> None:
    made = make(api, tenant)
    text = made["key"]
    assert text.startswith("wopr_")
    assert can_read(text, tenant)
    listed = api.get(keys_of(tenant))
    assert text not in listed.content.decode()
    (shown,) = listed.json()
    assert text.startswith(shown["hint"])
    assert (shown["name"], shown["scopes"], shown["made_by"]) == (
        "Nightly job", ["read"], "alice@example.com",
    )  # fmt: skip


def test_the_database_and_the_admin_do_not_know_the_key(
    api: APIClient, tenant: Tenant, staff_client: Client
) -> None:
    text = make(api, tenant)["key"]
    row = ApiKey.objects.get()
    assert text not in str(ApiKey.objects.values_list())
    assert len(row.digest) == 64
    page = text_of(staff_client, change_page(row))
    assert "Nightly job" in page
    assert text not in page
    assert row.digest not in page


def test_a_key_is_for_one_tenant_alone(api: APIClient, tenant: Tenant, alice: User) -> None:
    other = tenant_create(owner=alice, slug="alice-two", name="Alice two")
    program = with_key(make(api, tenant)["key"])
    assert program.get(f"/api/v1/tenants/{other.pk}").status_code == 404
    assert [row["slug"] for row in program.get("/api/v1/tenants").json()] == [tenant.slug]


def test_a_key_without_the_scope_is_told_which_it_lacks(api: APIClient, tenant: Tenant) -> None:
    program = with_key(make(api, tenant, scopes=["read"])["key"])
    answer = program.put(f"/api/v1/tenants/{tenant.pk}/usage/caps", {"caps": {}})
    assert (answer.status_code, answer.json()["code"]) == (403, "scope_missing")
    assert "billing" in answer.json()["message"]


def test_a_key_reads_no_documents_about_money_without_the_scope_for_it(
    api: APIClient, tenant: Tenant
) -> None:
    for kind in ("welcome", "invoice"):
        tenant.documents.create(kind=kind, cause=kind, content=b"x", size=1, filename="x.pdf")
    path = f"/api/v1/tenants/{tenant.pk}/documents"
    reader = with_key(make(api, tenant, scopes=["read"])["key"])
    payer = with_key(make(api, tenant, scopes=["read", "billing"])["key"])
    assert [row["kind"] for row in reader.get(path).json()] == ["welcome"]
    assert {row["kind"] for row in payer.get(path).json()} == {"welcome", "invoice"}


def test_no_key_makes_or_sees_keys(api: APIClient, tenant: Tenant) -> None:
    program = with_key(make(api, tenant, scopes=["read", "operate", "billing", "admin"])["key"])
    assert program.get(keys_of(tenant)).status_code == 403
    assert program.post(keys_of(tenant), {"name": "x", "scopes": ["read"]}).status_code == 403
    assert ApiKey.objects.count() == 1


def test_a_revoked_key_opens_nothing_and_stays_in_the_list(api: APIClient, tenant: Tenant) -> None:
    made = make(api, tenant)
    assert api.delete(f"{keys_of(tenant)}/{made['record']['id']}").status_code == 204
    assert not can_read(made["key"], tenant)
    assert api.get(keys_of(tenant)).json()[0]["revoked_at"]


def test_a_key_expires(api: APIClient, tenant: Tenant) -> None:
    text = make(api, tenant, days=2)["key"]
    with travel(timezone.now() + timedelta(days=1, hours=23)):
        assert can_read(text, tenant)
    with travel(timezone.now() + timedelta(days=2, minutes=1)):
        answer = with_key(text).get("/api/v1/tenants")
    assert (answer.status_code, answer.json()["code"]) == (401, "key_refused")


@pytest.mark.parametrize("days", [0, 366, None])
def test_no_key_is_for_ever(days: Any, api: APIClient, tenant: Tenant) -> None:
    answer = api.post(keys_of(tenant), {"name": "x", "scopes": ["read"], "days": days})
    assert (answer.status_code, list(answer.json()["fields"])) == (400, ["days"])


@pytest.mark.parametrize("scopes", [[], ["everything"], "read"])
def test_a_key_needs_scopes_that_exist(scopes: Any, api: APIClient, tenant: Tenant) -> None:
    answer = api.post(keys_of(tenant), {"name": "x", "scopes": scopes})
    assert (answer.status_code, list(answer.json()["fields"])) == (400, ["scopes"])


def test_its_last_use_is_noted_once_a_minute(api: APIClient, tenant: Tenant) -> None:
    text, now = make(api, tenant)["key"], timezone.now()
    uses = []
    for seconds in (1, 20, 90):
        with travel(now + timedelta(seconds=seconds), tick=False):
            assert can_read(text, tenant)
            uses.append(ApiKey.objects.get().last_used_at)
    assert uses[0] == uses[1] < uses[2]


def test_a_key_is_never_more_than_its_maker(tenant: Tenant, bob: User) -> None:
    mine = Membership.objects.get(user=bob)
    Membership.objects.filter(pk=mine.pk).update(role=Membership.Role.ADMIN)
    text = make(signed_in(bob), tenant, scopes=["read", "admin"])["key"]
    exports = f"/api/v1/tenants/{tenant.pk}/exports"
    assert with_key(text).get(exports).status_code == 200
    Membership.objects.filter(pk=mine.pk).update(role=Membership.Role.MEMBER)
    assert with_key(text).get(exports).status_code == 403
    mine.delete()
    assert not can_read(text, tenant)


def test_the_key_of_an_account_that_was_closed_opens_nothing(
    api: APIClient, tenant: Tenant
) -> None:
    text = make(api, tenant)["key"]
    User.objects.update(is_active=False)
    assert not can_read(text, tenant)


@pytest.mark.parametrize("text", ["", "wopr_", "wopr_" + "x" * 43, "Bearer"])
def test_a_key_that_is_none_is_refused_even_with_a_session(
    text: str, api: APIClient, tenant: Tenant
) -> None:
    answer = api.get("/api/v1/tenants", headers={"Authorization": f"Bearer {text}"})
    assert answer.status_code == 401


def test_one_key_is_slowed_down_and_others_are_not(
    api: APIClient, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tenants.api.authentication import KeyThrottle

    monkeypatch.setattr(KeyThrottle, "THROTTLE_RATES", {"key": "3/min"})
    busy, calm = (make(api, tenant)["key"] for _ in range(2))
    answers = [with_key(busy).get("/api/v1/tenants").status_code for _ in range(4)]
    assert answers == [200, 200, 200, 429]
    assert can_read(calm, tenant)
    assert api.get("/api/v1/tenants").status_code == 200


def test_there_is_an_end_to_keys(api: APIClient, tenant: Tenant, alice: User) -> None:
    mine = Membership.objects.get(user=alice)
    for _ in range(MOST_KEYS):
        key_make(membership=mine, name="x", scopes=["read"], days=1)
    answer = api.post(keys_of(tenant), {"name": "x", "scopes": ["read"]})
    assert (answer.status_code, answer.json()["code"]) == (409, "too_many_keys")
    ApiKey.objects.update(revoked_at=timezone.now())
    make(api, tenant)


def test_staff_revoke_a_key(api: APIClient, tenant: Tenant, staff_client: Client) -> None:
    text = make(api, tenant)["key"]
    press(staff_client, ApiKey.objects.get(), "revoke")
    assert not can_read(text, tenant)


def test_a_key_of_staff_is_the_key_of_a_member_and_no_more(tenant: Tenant, alice: User) -> None:
    User.objects.update(is_staff=True, is_superuser=True)
    scopes = ["read", "operate", "billing", "admin"]
    text = key_make(membership=alice.memberships.get(), name="x", scopes=scopes, days=1)[1]
    alice.refresh_from_db()
    assert signed_in(alice).get("/api/v1/gpu/nodes").status_code == 200
    assert with_key(text).get("/api/v1/gpu/nodes").status_code == 403
