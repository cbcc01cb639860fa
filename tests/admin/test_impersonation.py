"""Staff look at the dashboard as a customer: with a reason, for a while, and changing nothing."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.utils import timezone
from time_machine import travel

from tenants.models import Impersonation, Membership, Tenant, User
from tests.admin.pages import change_page, press, text_of
from tests.conftest import PASSWORD, let_in
from wopr.common.audit.models import AuditEntry

pytestmark = pytest.mark.django_db
ME = "/api/v1/me"


def look(client: Client, person: User, note: str = "ticket 12") -> str:
    """Presses the button; returns where that leads."""
    answer = press(client, person, "look_as", note=note)
    return str(answer.redirect_chain[-1][0])


def me(client: Client) -> tuple[str, str | None]:
    told = client.get(ME, secure=True).json()
    return told["email"], told["seen_by"]


def test_staff_see_what_the_customer_sees_until_they_end_it(
    staff_client: Client, alice: User, tenant: Tenant
) -> None:
    assert look(staff_client, alice) == "/"
    assert me(staff_client) == ("alice@example.com", "staff@example.com")
    [seen] = staff_client.get("/api/v1/tenants", secure=True).json()
    assert seen["slug"] == "alice-co"
    assert "ticket 12" in text_of(staff_client, change_page(Impersonation.objects.get()))

    assert staff_client.delete("/api/v1/impersonation", secure=True).status_code == 204
    assert me(staff_client) == ("staff@example.com", None)
    began, ended = AuditEntry.objects.filter(model="tenants.Impersonation").order_by("id")
    assert (began.action, began.reason) == ("insert", "ticket 12")
    assert ended.after["ended_at"]
    assert {began.actor.split()[0], ended.actor.split()[0]} == {"staff@example.com"}


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_nothing_is_changed_as_somebody_else(
    method: str, staff_client: Client, alice: User, tenant: Tenant
) -> None:
    look(staff_client, alice)
    path = f"/api/v1/tenants/{tenant.pk}/deletion"
    answer = getattr(staff_client, method)(path, secure=True)
    assert (answer.status_code, answer.json()["code"]) == (403, "impersonating")
    assert not tenant.deletions.exists()


def test_what_is_the_customers_alone_is_not_taken_along(
    staff_client: Client, alice: User, tenant: Tenant
) -> None:
    look(staff_client, alice)
    answer = staff_client.get(f"/api/v1/tenants/{tenant.pk}/export", secure=True)
    assert (answer.status_code, answer.json()["code"]) == (403, "impersonating")


def test_it_is_over_by_itself(staff_client: Client, alice: User) -> None:
    look(staff_client, alice)
    with travel(timezone.now() + timedelta(minutes=31)):
        assert me(staff_client) == ("staff@example.com", None)


def test_it_is_over_for_who_is_staff_no_more(staff_client: Client, alice: User) -> None:
    look(staff_client, alice)
    User.objects.filter(email="staff@example.com").update(is_staff=False)
    assert me(staff_client) == ("staff@example.com", None)


def test_nobody_looks_as_staff_or_without_a_reason(staff_client: Client, alice: User) -> None:
    colleague = User.objects.create_superuser("colleague@example.com")
    look(staff_client, colleague)
    press(staff_client, alice, "look_as")
    assert not Impersonation.objects.exists()
    assert me(staff_client) == ("staff@example.com", None)


def test_it_takes_a_right_of_its_own(alice: User, tenant: Tenant) -> None:
    clerk = User.objects.create_user("clerk@example.com", PASSWORD, is_staff=True)
    clerk.user_permissions.set(
        Permission.objects.filter(codename__in=("view_user", "change_user", "view_impersonation"))
    )
    client = Client()
    let_in(client, clerk)
    look(client, alice)
    assert not Impersonation.objects.exists()
    clerk.user_permissions.add(Permission.objects.get(codename="add_impersonation"))
    look(client, alice)
    assert me(client) == ("alice@example.com", "clerk@example.com")


def test_a_session_that_was_taken_over_looks_as_nobody(
    staff_client: Client, alice: User, bob: User
) -> None:
    """The row is for one of the staff; its id in the session of somebody else opens nothing."""
    look(staff_client, alice)
    client = Client()
    client.force_login(bob, backend="django.contrib.auth.backends.ModelBackend")
    session = client.session
    session["impersonation"] = str(Impersonation.objects.get().pk)
    session.save()
    assert me(client) == ("bob@example.com", None)
    assert Membership.objects.filter(user=bob).exists()
