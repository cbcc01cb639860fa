"""Staff have a tenant or an account deleted with a reason, and take that back."""

import pytest
from django.test import Client

from tenants.models import Deletion, Membership, Tenant, User
from tests.admin.pages import change_page, press, text_of
from wopr.common.audit.models import AuditEntry

pytestmark = pytest.mark.django_db


def test_staff_delete_a_tenant_with_a_reason_and_take_it_back(
    staff_client: Client, tenant: Tenant
) -> None:
    press(staff_client, tenant, "delete_for_good")
    assert not Deletion.objects.exists(), "not without a reason"
    answer = press(staff_client, tenant, "delete_for_good", note="asked by telephone")
    assert "alice-co is to be deleted" in answer.content.decode()
    deletion = Deletion.objects.get()
    assert (deletion.tenant, deletion.reason) == (tenant, "asked by telephone")
    assert "waiting" in text_of(staff_client, change_page(tenant))

    press(staff_client, deletion, "take_back", note="a mistake")
    deletion.refresh_from_db()
    assert deletion.withdrawn_at is not None
    told = AuditEntry.objects.filter(model="tenants.Deletion").order_by("id")
    assert [entry.reason for entry in told] == ["asked by telephone", "a mistake"]
    assert {entry.actor.split()[0] for entry in told} == {"staff@example.com"}


def test_an_account_that_owns_an_organisation_stays(
    staff_client: Client, alice: User, tenant: Tenant, bob: User
) -> None:
    Tenant.objects.update(kind="organisation")
    answer = press(staff_client, alice, "delete_for_good", note="asked by letter")
    assert "Give it to another member" in answer.content.decode()
    assert not Deletion.objects.exists()
    press(staff_client, bob, "delete_for_good", note="asked by letter")
    assert Deletion.objects.get().user == bob
    assert Membership.objects.filter(user=bob).exists(), "until its day nothing is taken"
