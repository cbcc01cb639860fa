"""Who may say under which names a bot is reached: owners and admins; strangers know of none."""

import pytest

from dns.models import CustomDomain
from fleet.models import Instance
from tenants.models import Membership, User
from tests.conftest import signed_in

pytestmark = pytest.mark.django_db
NAME = {"hostname": "chat.acme.example"}


@pytest.fixture
def path(instance: Instance) -> str:
    return f"/api/v1/instances/{instance.pk}/domains"


def test_the_owner_adds_and_removes_a_domain(alice: User, path: str) -> None:
    added = signed_in(alice).post(path, NAME)
    removed = signed_in(alice).delete(f"/api/v1/domains/{added.json()['id']}")

    assert (added.status_code, removed.status_code) == (201, 202)
    assert removed.json()["state"] == "removing"


@pytest.mark.parametrize("role", [Membership.Role.MEMBER, Membership.Role.BILLING])
def test_who_does_not_answer_for_the_bot_only_looks(
    alice: User, bob: User, path: str, role: str
) -> None:
    Membership.objects.filter(user=bob).update(role=role)
    domain = signed_in(alice).post(path, NAME).json()

    assert signed_in(bob).post(path, {"hostname": "other.acme.example"}).status_code == 403
    assert signed_in(bob).delete(f"/api/v1/domains/{domain['id']}").status_code == 403
    assert [found["id"] for found in signed_in(bob).get(path).json()] == [domain["id"]]
    assert CustomDomain.objects.get().state == "pending"


def test_an_admin_may_do_what_the_owner_may(bob: User, path: str) -> None:
    Membership.objects.filter(user=bob).update(role=Membership.Role.ADMIN)

    assert signed_in(bob).post(path, NAME).status_code == 201


def test_to_a_stranger_there_is_no_such_bot(alice: User, charlie: User, path: str) -> None:
    domain = signed_in(alice).post(path, NAME).json()

    assert signed_in(charlie).post(path, NAME).status_code == 404
    assert signed_in(charlie).delete(f"/api/v1/domains/{domain['id']}").status_code == 404
