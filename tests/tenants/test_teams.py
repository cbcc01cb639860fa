"""Teams: invited by letter, in a role, until they leave; one owner, always."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.utils import timezone
from rest_framework.test import APIClient
from time_machine import travel

from tenants.keys import key_make
from tenants.models import Membership, Message, Tenant, User
from tests.conftest import person, signed_in, with_key

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def fresh_throttles() -> None:
    cache.clear()


@pytest.fixture
def tenant(tenant: Tenant) -> Tenant:
    Tenant.objects.filter(pk=tenant.pk).update(kind="organisation")
    tenant.refresh_from_db()
    return tenant


def at(tenant: Tenant, rest: str = "") -> str:
    return f"/api/v1/tenants/{tenant.pk}{rest}"


def invite(api: APIClient, tenant: Tenant, email: str = "grace@example.com", **more: Any) -> Any:
    return api.post(at(tenant, "/invitations"), {"email": email, "role": "member", **more})


def roles(tenant: Tenant) -> dict[str, str]:
    return dict(tenant.memberships.values_list("user__email", "role"))


def test_somebody_is_invited_by_letter_and_joins(api: APIClient, tenant: Tenant) -> None:
    answer = invite(api, tenant, role="billing")
    assert answer.status_code == 201, answer.json()
    letter = Message.objects.get(kind="invitation")
    assert letter.recipient == "grace@example.com"
    assert f"/invitations/{answer.json()['id']}" in letter.text
    assert "alice@example.com invites you to Alice & Co" in letter.subject
    grace = signed_in(person("grace@example.com"))
    assert [row["tenant"] for row in grace.get("/api/v1/invitations").json()] == ["Alice & Co"]
    accepted = grace.post(f"/api/v1/invitations/{answer.json()['id']}/accept")
    assert (accepted.status_code, accepted.json()["role"]) == (200, "billing")
    assert grace.get(at(tenant)).json()["role"] == "billing"
    assert api.get(at(tenant, "/invitations")).json() == []


@pytest.mark.parametrize("case", ["somebody else", "an address that was never confirmed"])
def test_the_letters_link_opens_nothing_to(case: str, api: APIClient, tenant: Tenant) -> None:
    invitation = invite(api, tenant).json()["id"]
    if case == "somebody else":
        thief = person("mallory@example.com")
    else:
        thief = User.objects.create_user("grace@example.com")
    answer = signed_in(thief).post(f"/api/v1/invitations/{invitation}/accept")
    assert answer.status_code == 404
    assert not tenant.memberships.filter(user=thief).exists()


@pytest.mark.parametrize("end", ["taken back", "declined", "too old", "used"])
def test_an_invitation_that_is_over_lets_nobody_in(
    end: str, api: APIClient, tenant: Tenant, settings: Any
) -> None:
    invitation = invite(api, tenant).json()["id"]
    grace = person("grace@example.com")
    path = f"/api/v1/invitations/{invitation}"
    later = timezone.now()
    if end == "taken back":
        assert api.delete(at(tenant, f"/invitations/{invitation}")).status_code == 204
    elif end == "declined":
        assert signed_in(grace).post(f"{path}/decline").status_code == 204
    elif end == "used":
        signed_in(grace).post(f"{path}/accept")
        signed_in(grace).post(at(tenant, "/leave"))
    else:
        later += timedelta(days=settings.WOPR_INVITATION_DAYS, minutes=1)
    with travel(later):
        assert signed_in(grace).post(f"{path}/accept").status_code == 404
    assert not tenant.memberships.filter(user=grace).exists()


def test_inviting_again_sends_another_letter_and_no_second_invitation(
    api: APIClient, tenant: Tenant
) -> None:
    first = invite(api, tenant).json()
    again = invite(api, tenant, email="GRACE@example.com", role="admin").json()
    assert again["id"] == first["id"]
    assert again["role"] == "admin"
    assert Message.objects.filter(kind="invitation").count() == 2


@pytest.mark.parametrize(
    ("wish", "refusal"),
    [
        ({"email": "bob@example.com"}, (409, "already_member")),
        ({"role": "owner"}, (400, "invalid_choice")),
        ({"email": "nobody"}, (400, "invalid")),
    ],
)
def test_an_invitation_is_refused(
    wish: dict[str, str], refusal: tuple[int, str], api: APIClient, tenant: Tenant, bob: User
) -> None:
    answer = invite(api, tenant, **{"email": "grace@example.com", **wish})
    assert (answer.status_code, answer.json()["code"]) == refusal
    assert not tenant.invitations.exists()


def test_a_personal_tenant_is_made_an_organisation_first(api: APIClient, tenant: Tenant) -> None:
    Tenant.objects.update(kind="personal")
    assert invite(api, tenant).json()["code"] == "tenant_personal"
    api.put(at(tenant), {"name": "Alice & Sons", "kind": "organisation"})
    assert invite(api, tenant).status_code == 201
    back = api.put(at(tenant), {"name": "Alice", "kind": "personal"})
    assert (back.status_code, back.json()["code"]) == (409, "tenant_has_members")
    assert api.get(at(tenant)).json()["name"] == "Alice & Sons"


def test_roles_are_given_and_members_removed(api: APIClient, tenant: Tenant, bob: User) -> None:
    member = at(tenant, f"/members/{bob.memberships.get().pk}")
    assert api.put(member, {"role": "billing"}).json()["role"] == "billing"
    assert roles(tenant)["bob@example.com"] == "billing"
    assert api.put(member, {"role": "owner"}).status_code == 400
    assert api.delete(member).status_code == 204
    assert roles(tenant) == {"alice@example.com": "owner"}


def test_nobody_touches_the_owner(tenant: Tenant, erin: User, alice: User) -> None:
    admin = signed_in(erin)
    owner = at(tenant, f"/members/{alice.memberships.get().pk}")
    assert admin.delete(owner).json()["code"] == "owner_stays"
    assert admin.put(owner, {"role": "member"}).json()["code"] == "owner_stays"
    assert signed_in(alice).post(at(tenant, "/leave")).json()["code"] == "owner_stays"
    assert roles(tenant)["alice@example.com"] == "owner"


def test_who_leaves_takes_their_keys_along(tenant: Tenant, erin: User) -> None:
    text = key_make(membership=erin.memberships.get(), name="x", scopes=["read"], days=1)[1]
    assert with_key(text).get(at(tenant)).status_code == 200
    assert signed_in(erin).post(at(tenant, "/leave")).status_code == 204
    assert with_key(text).get(at(tenant)).status_code == 401
    assert signed_in(erin).get(at(tenant)).status_code == 404


def test_a_tenant_changes_its_owner_and_both_are_told(
    api: APIClient, tenant: Tenant, bob: User
) -> None:
    wish = {"member": str(bob.memberships.get().pk)}
    assert api.post(at(tenant, "/transfer"), wish).status_code == 204
    assert roles(tenant) == {"alice@example.com": "admin", "bob@example.com": "owner"}
    told = Message.objects.filter(kind="ownership").values_list("recipient", flat=True)
    assert sorted(told) == ["alice@example.com", "bob@example.com"]
    assert api.post(at(tenant, "/transfer"), wish).status_code == 403
    tenant = Tenant.objects.get(pk=tenant.pk)
    assert tenant.email == "bob@example.com"


def test_a_tenant_is_given_to_a_member_who_can_be_reached(
    api: APIClient, tenant: Tenant, alice: User, charlie: User
) -> None:
    ghost = Membership.objects.create(
        tenant=tenant, user=User.objects.create_user("ghost@example.com"), role="member"
    )
    refusals = {
        ghost.pk: (409, "address_unproved"),
        alice.memberships.get().pk: (409, "not_a_member"),
        charlie.memberships.get().pk: (404, "not_found"),
    }
    for member, refusal in refusals.items():
        answer = api.post(at(tenant, "/transfer"), {"member": str(member)})
        assert (answer.status_code, answer.json()["code"]) == refusal
    assert roles(tenant)["alice@example.com"] == "owner"


def test_letters_cannot_be_sent_without_end(
    api: APIClient, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rest_framework.throttling import ScopedRateThrottle

    monkeypatch.setattr(ScopedRateThrottle, "THROTTLE_RATES", {"invite": "2/hour"})
    answers = [invite(api, tenant, email=f"p{n}@example.com").status_code for n in range(3)]
    assert answers == [201, 201, 429]
    assert api.get(at(tenant, "/invitations")).status_code == 200
