"""Leaving for good: an account or a tenant is deleted after a time in which that is taken back."""

from datetime import timedelta
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.conf import settings
from django.core.cache import cache
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient
from time_machine import travel

from tenants import correspondence
from tenants.keys import key_make
from tenants.models import Deletion, Document, Invitation, Membership, Message, Tenant, User
from tests.conftest import PASSWORD, signed_in, with_key
from wopr.tasks import leavers_erase

pytestmark = pytest.mark.django_db
ACCOUNT = "/api/v1/me/deletion"


@pytest.fixture(autouse=True)
def fresh_throttles() -> None:
    cache.clear()


def of(tenant: Tenant) -> str:
    return f"/api/v1/tenants/{tenant.pk}/deletion"


def organised(tenant: Tenant) -> Tenant:
    tenant.kind = Tenant.Kind.ORGANISATION
    tenant.save()
    return tenant


def later(**more: float) -> Any:
    return travel(timezone.now() + timedelta(days=settings.WOPR_DELETION_DAYS, **more))


def letters(kind: str) -> set[str]:
    return set(Message.objects.filter(kind=kind).values_list("recipient", flat=True))


def test_the_owner_has_a_tenant_deleted_and_takes_it_back(
    api: APIClient, tenant: Tenant, bob: User
) -> None:
    assert api.get(of(tenant)).json() == {"asked_at": None, "due_at": None}
    asked = api.post(of(tenant))
    assert asked.status_code == 201
    due = timezone.now() + timedelta(days=settings.WOPR_DELETION_DAYS)
    assert asked.json()["due_at"][:10] == str(due.date())
    assert signed_in(bob).get(of(tenant)).json() == asked.json(), "members know what comes"
    assert letters("deletion_asked") == {"alice@example.com"}

    assert api.post(of(tenant)).json()["code"] == "deletion_asked"
    assert api.delete(of(tenant)).status_code == 204
    assert letters("deletion_withdrawn") == {"alice@example.com"}
    assert api.get(of(tenant)).json()["due_at"] is None
    assert api.delete(of(tenant)).json()["code"] == "no_deletion"
    with later(minutes=1):
        leavers_erase()
    tenant.refresh_from_db()
    assert tenant.slug == "alice-co"


def test_a_stolen_session_deletes_nothing(alice: User, tenant: Tenant) -> None:
    thief = APIClient()
    thief.force_login(alice, backend=settings.AUTHENTICATION_BACKENDS[0])
    for path in (ACCOUNT, of(tenant)):
        assert thief.post(path).json()["code"] == "proof_required"
    assert not Deletion.objects.exists()


@pytest.mark.parametrize("path", ["export", "deletion"])
def test_only_who_proves_to_be_it_takes_all_along(path: str, alice: User, tenant: Tenant) -> None:
    thief = APIClient()
    thief.force_login(alice, backend=settings.AUTHENTICATION_BACKENDS[0])
    call = thief.get if path == "export" else thief.post
    assert call(f"/api/v1/tenants/{tenant.pk}/{path}").json()["code"] == "proof_required"


def test_what_is_kept_can_be_taken_along_before(api: APIClient, tenant: Tenant) -> None:
    api.post(of(tenant))
    answer = api.get(f"/api/v1/tenants/{tenant.pk}/export")
    assert (answer.status_code, answer["Content-Type"]) == (200, "application/x-tar")
    assert b"alice@example.com" in answer.content


def test_after_its_time_nobody_takes_it_back(api: APIClient, tenant: Tenant) -> None:
    api.post(of(tenant))
    deletion = Deletion.objects.get()
    Deletion.objects.update(due_at=timezone.now())
    assert api.delete(of(tenant)).json()["code"] == "deletion_begun"
    deletion.refresh_from_db()
    assert deletion.withdrawn_at is None


def test_a_tenant_is_erased_but_for_its_books(api: APIClient, tenant: Tenant, bob: User) -> None:
    for kind in ("welcome", "invoice", "credit_note"):
        Document.objects.create(
            tenant=tenant, kind=kind, cause=kind, content=b"%PDF", size=4, filename="x.pdf"
        )
    _, key = key_make(membership=bob.memberships.get(), name="x", scopes=["read"], days=9)
    api.post(of(tenant))
    with later(minutes=1):
        leavers_erase()
    tenant.refresh_from_db()
    assert (tenant.slug[:8], tenant.name) == ("deleted-", "deleted")
    kept = Document.objects.values_list("kind", flat=True)
    assert sorted(kept) == ["credit_note", "invoice"]
    assert not Membership.objects.filter(tenant=tenant).exists()
    assert with_key(key).get("/api/v1/tenants").status_code == 401
    assert api.get(f"/api/v1/tenants/{tenant.pk}").status_code == 404
    assert letters("deleted") == {"alice@example.com"}, "the last letter, and no other"
    assert Message.objects.count() == 1


def test_the_copy_of_the_last_letter_goes_once_it_is_sent(
    api: APIClient, tenant: Tenant, mailoutbox: list[Any]
) -> None:
    api.post(of(tenant))
    with later(minutes=1):
        leavers_erase()
        correspondence.message_send(message_id=Message.objects.get().pk)
        leavers_erase()
    assert mailoutbox[-1].to == ["alice@example.com"]
    assert "Alice & Co" in mailoutbox[-1].subject
    assert not Message.objects.exists()


def test_an_account_goes_with_its_personal_tenants_and_every_way_in(
    api: APIClient, alice: User, tenant: Tenant, charlie: User
) -> None:
    organisation = organised(charlie.tenants.get())
    Membership.objects.create(tenant=organisation, user=alice, role="member")
    other = Client()
    other.force_login(alice, backend=settings.AUTHENTICATION_BACKENDS[0])
    assert api.post(ACCOUNT).status_code == 201
    assert letters("deletion_asked") == {"alice@example.com"}
    with later(minutes=1):
        leavers_erase()
    alice.refresh_from_db()
    tenant.refresh_from_db()
    assert (alice.email, alice.is_active) == (f"deleted-{alice.pk}@deleted.invalid", False)
    assert tenant.name == "deleted"
    assert not EmailAddress.objects.filter(email="alice@example.com").exists()
    assert list(organisation.memberships.values_list("user__email", flat=True)) == [charlie.email]
    assert other.get("/api/v1/me").status_code in {401, 403}
    assert not Client().login(username="alice@example.com", password=PASSWORD)
    assert "alice@example.com" not in str(User.objects.values_list())


def test_who_takes_an_account_back_keeps_the_tenants(
    api: APIClient, alice: User, tenant: Tenant
) -> None:
    api.post(ACCOUNT)
    assert api.delete(of(tenant)).json()["code"] == "account_leaving"
    assert api.delete(ACCOUNT).status_code == 204
    assert not Deletion.objects.open().exists()


def test_an_organisation_is_given_away_or_deleted_first(
    api: APIClient, alice: User, tenant: Tenant, erin: User
) -> None:
    organised(tenant)
    refused = api.post(ACCOUNT)
    assert (refused.status_code, refused.json()["code"]) == (409, "owns_organisation")
    assert "Alice & Co" in refused.json()["message"]
    member = erin.memberships.get().pk
    assert (
        api.post(f"/api/v1/tenants/{tenant.pk}/transfer", {"member": str(member)}).status_code
        == 204
    )
    assert api.post(ACCOUNT).status_code == 201
    with later(minutes=1):
        leavers_erase()
    assert list(tenant.memberships.values_list("user__email", "role")) == [(erin.email, "owner")]


def test_nothing_begins_for_who_is_leaving(
    api: APIClient, alice: User, erin: User, tenant: Tenant
) -> None:
    organised(tenant)
    signed_in(erin).post(ACCOUNT)
    member = {"member": str(erin.memberships.get().pk)}
    answer = api.post(f"/api/v1/tenants/{tenant.pk}/transfer", member)
    assert answer.json()["code"] == "account_leaving"
    made = signed_in(erin).post("/api/v1/tenants", {"slug": "erins-own", "name": "E"})
    assert made.json()["code"] == "account_leaving"


def test_an_invitation_to_somebody_who_left_is_gone(
    api: APIClient, tenant: Tenant, charlie: User
) -> None:
    theirs = organised(charlie.tenants.get())
    Invitation.objects.create(
        tenant=theirs, email="Alice@example.com", role="member", expires_at=timezone.now()
    )
    api.post(ACCOUNT)
    with later(minutes=1):
        leavers_erase()
    assert not Invitation.objects.exists()


def test_what_breaks_for_one_leaver_is_told_and_keeps_no_other_waiting(
    api: APIClient, tenant: Tenant, charlie: User, caplog: pytest.LogCaptureFixture
) -> None:
    api.post(of(tenant))
    theirs = charlie.tenants.get()
    signed_in(charlie).post(of(theirs))
    first, second = Deletion.objects.order_by("due_at")
    # Somebody else has the name that the erased tenant is to get.
    Tenant.objects.create(slug=f"deleted-{tenant.pk.hex[:12]}", name="x", kind="personal")

    with later(minutes=1):
        leavers_erase()

    for each in (first, second, theirs):
        each.refresh_from_db()
    assert (first.done_at, theirs.name) == (None, "deleted")
    assert second.done_at is not None
    assert f"deletion {first.pk} could not be carried out" in caplog.text
    assert "IntegrityError" in caplog.text


def test_staff_are_not_deleted(staff_client: Client) -> None:
    assert staff_client.post(ACCOUNT).json()["code"] == "staff_stays"
