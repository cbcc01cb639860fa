"""Owners see who of the staff looked at their tenant, as whom and when."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient
from time_machine import travel

from tenants.impersonating import impersonation_begin, impersonation_end
from tenants.models import Impersonation, Membership, Tenant, User
from tests.conftest import signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def staff(db: None) -> User:
    return User.objects.create_superuser("staff@example.com")


def look(staff: User, person: User) -> Impersonation:
    return impersonation_begin(staff=staff, person=person, reason="ticket 12")


def looks(client: APIClient, tenant: Tenant) -> Any:
    return client.get(f"/api/v1/tenants/{tenant.pk}/impersonations")


def told(client: APIClient, tenant: Tenant) -> list[tuple[str, str, bool]]:
    """By whom, as whom, and whether it is over; without the reason, which staff wrote for staff."""
    answer = looks(client, tenant)
    assert answer.status_code == 200
    assert "ticket 12" not in answer.content.decode()
    return [(row["staff"], row["person"], bool(row["ended_at"])) for row in answer.json()]


def test_the_owner_sees_who_looks_as_whom_and_when_it_ended(
    api: APIClient, tenant: Tenant, alice: User, bob: User, staff: User
) -> None:
    assert told(api, tenant) == []
    first = look(staff, alice)
    assert told(api, tenant) == [("staff@example.com", "alice@example.com", False)]
    impersonation_end(impersonation_id=first.pk, staff=staff)
    look(staff, bob)
    assert told(api, tenant) == [
        ("staff@example.com", "bob@example.com", False),
        ("staff@example.com", "alice@example.com", True),
    ]
    with travel(timezone.now() + timedelta(minutes=31)):
        [lapsed, ended] = looks(signed_in(alice), tenant).json()
    began, over = (datetime.fromisoformat(lapsed[key]) for key in ("began_at", "ended_at"))
    assert timedelta(minutes=29) < over - began <= timedelta(minutes=30), (
        "what ended by itself ended in time"
    )
    assert ended["began_at"] < ended["ended_at"]


def test_nobody_but_the_owner_is_told(
    tenant: Tenant, alice: User, bob: User, charlie: User, staff: User
) -> None:
    look(staff, alice)
    assert looks(signed_in(alice), tenant).status_code == 200
    assert looks(signed_in(bob), tenant).status_code == 403
    assert looks(signed_in(charlie), tenant).status_code == 404
    assert told(signed_in(charlie), charlie.tenants.get()) == []


def test_a_look_at_somebody_who_joined_later_was_none_at_the_tenant(
    api: APIClient, tenant: Tenant, charlie: User, staff: User
) -> None:
    before = look(staff, charlie)
    impersonation_end(impersonation_id=before.pk, staff=staff)
    Membership.objects.create(tenant=tenant, user=charlie, role=Membership.Role.MEMBER)
    assert told(api, tenant) == []
    look(staff, charlie)
    assert told(api, tenant) == [("staff@example.com", "charlie@example.com", False)]
