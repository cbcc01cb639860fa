"""What people decide about a tenant's service: always with a reason and a name, never twice."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from billing import holds
from billing.models import Entitlement, Hold, Reprieve
from billing.standing import Service, standing_for
from tenants.models import Tenant
from tests.admin.pages import press
from wopr.common.errors import Refused

BY = "staff@example.com"


@pytest.fixture
def paid(tenant: Tenant) -> Entitlement:
    return Entitlement.objects.create(tenant=tenant, status="active", bots=1)


@pytest.fixture
def unpaid(tenant: Tenant) -> Entitlement:
    """Alice's subscription has ended, so that her bots are suspended now."""
    now = timezone.now()
    return Entitlement.objects.create(tenant=tenant, status="canceled", bots=1, lapsed_at=now)


def place(tenant: Tenant, **changes: Any) -> Hold:
    return holds.hold_place(
        **{"tenant": tenant, "reason": "ban", "note": "Spam.", "by": BY} | changes
    )


def test_a_hold_suspends_and_lifting_it_brings_back(paid: Entitlement, tenant: Tenant) -> None:
    hold = place(tenant)
    assert standing_for(tenant.pk).service == Service.SUSPEND
    holds.hold_lift(hold=hold, note="It was a mistake.", by=BY)
    assert standing_for(tenant.pk).service == Service.RUN
    assert (hold.lifted_by, hold.lift_note) == (BY, "It was a mistake.")
    assert hold.lifted_at is not None


@pytest.mark.parametrize("note", ["", "  \n"])
def test_nothing_is_decided_without_a_reason(paid: Entitlement, tenant: Tenant, note: str) -> None:
    hold = place(tenant)
    reprieve = holds.reprieve_grant(tenant=tenant, until=None, note="Holidays.", by=BY)
    for decide in (
        lambda: place(tenant, reason="staff", note=note),
        lambda: holds.hold_lift(hold=hold, note=note, by=BY),
        lambda: holds.reprieve_grant(tenant=tenant, until=None, note=note, by=BY),
        lambda: holds.reprieve_revoke(reprieve=reprieve, note=note, by=BY),
    ):
        with pytest.raises(Refused) as refused:
            decide()
        assert (refused.value.code, refused.value.field) == ("note_missing", "note")
    hold.refresh_from_db()
    assert hold.lifted_at is None
    assert Hold.objects.count() == Reprieve.objects.count() == 1


def test_the_same_person_cannot_hold_twice_for_the_same(paid: Entitlement, tenant: Tenant) -> None:
    place(tenant)
    with pytest.raises(Refused, match="on hold for this already"):
        place(tenant)


def test_a_reason_that_does_not_exist_is_refused(tenant: Tenant) -> None:
    with pytest.raises(Refused, match="no reason"):
        place(tenant, reason="whim")


def test_a_lifted_hold_is_not_lifted_again(tenant: Tenant) -> None:
    hold = place(tenant)
    holds.hold_lift(hold=hold, note="First.", by=BY)
    with pytest.raises(Refused, match="lifted before"):
        holds.hold_lift(hold=hold, note="Second.", by="other@example.com")
    hold.refresh_from_db()
    assert hold.lift_note == "First."


def test_a_reprieve_keeps_an_unpaid_service_running_until_it_ends_or_is_revoked(
    unpaid: Entitlement, tenant: Tenant
) -> None:
    assert standing_for(tenant.pk).service == Service.SUSPEND
    week = timezone.now() + timedelta(days=7)
    reprieve = holds.reprieve_grant(tenant=tenant, until=week, note="Bank error.", by=BY)
    assert standing_for(tenant.pk).service == Service.RUN
    holds.reprieve_revoke(reprieve=reprieve, note="No answer.", by=BY)
    assert standing_for(tenant.pk).service == Service.SUSPEND
    assert (reprieve.revoked_by, reprieve.revoke_note) == (BY, "No answer.")


def test_a_reprieve_does_not_lift_a_hold(unpaid: Entitlement, tenant: Tenant) -> None:
    place(tenant)
    holds.reprieve_grant(tenant=tenant, until=None, note="Holidays.", by=BY)
    assert standing_for(tenant.pk).service == Service.SUSPEND


def test_a_reprieve_for_the_past_is_refused(tenant: Tenant) -> None:
    yesterday = timezone.now() - timedelta(days=1)
    with pytest.raises(Refused, match="still to come"):
        holds.reprieve_grant(tenant=tenant, until=yesterday, note="Late.", by=BY)


class TestTheAdmin:
    def act(self, client: Client, action: str, **fields: str) -> str:
        """Fills in the dialog of a list's action; returns the page that follows."""
        fields = {"_form_submitted": "on", **fields}
        answer = client.post(reverse(f"admin:billing_{action}"), fields, secure=True, follow=True)
        assert answer.status_code == 200
        return answer.content.decode()

    def test_places_a_hold_on_a_tenant_by_its_name(
        self, staff_client: Client, paid: Entitlement, tenant: Tenant
    ) -> None:
        page = self.act(
            staff_client, "hold_place", tenant=tenant.slug, reason="ban", note="Sends spam."
        )
        assert "is on hold" in page
        hold = Hold.objects.get()
        assert (hold.tenant, hold.reason, hold.placed_by) == (tenant, "ban", BY)

    def test_asks_for_the_reason_before_anything_is_done(
        self, staff_client: Client, paid: Entitlement, tenant: Tenant
    ) -> None:
        page = self.act(staff_client, "hold_place", tenant=tenant.slug, reason="ban", note="")
        assert "This field is required" in page
        assert not Hold.objects.exists()

    def test_lifts_a_hold_with_a_reason(
        self, staff_client: Client, paid: Entitlement, tenant: Tenant
    ) -> None:
        hold = place(tenant)
        page = press(staff_client, hold, "lift", note="Talked to Alice.").content.decode()
        assert "The hold is lifted" in page
        hold.refresh_from_db()
        assert (hold.lifted_by, hold.lift_note) == (BY, "Talked to Alice.")

    def test_grants_and_revokes_a_reprieve(
        self, staff_client: Client, unpaid: Entitlement, tenant: Tenant
    ) -> None:
        fields = {"until_0": "2099-01-31", "until_1": "12:00:00", "note": "A bank holiday."}
        page = self.act(staff_client, "reprieve_grant", tenant=tenant.slug, **fields)
        assert "has more time" in page
        reprieve = Reprieve.objects.get()
        assert reprieve.until is not None
        assert (reprieve.until.year, reprieve.granted_by) == (2099, BY)
        press(staff_client, reprieve, "revoke", note="Enough.")
        reprieve.refresh_from_db()
        assert (reprieve.revoked_by, reprieve.revoke_note) == (BY, "Enough.")

    def test_says_what_a_service_refuses(
        self, staff_client: Client, paid: Entitlement, tenant: Tenant
    ) -> None:
        place(tenant)
        page = self.act(staff_client, "hold_place", tenant=tenant.slug, reason="ban", note="Again.")
        assert "on hold for this already" in page
        assert Hold.objects.count() == 1
