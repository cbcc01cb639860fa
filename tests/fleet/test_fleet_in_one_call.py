"""`/fleet`: all bots of all tenants that somebody belongs to, in one call."""

import pytest
from rest_framework.test import APIClient

from fleet.models import Instance, Node
from tenants.models import Membership, User
from tests.conftest import free_port, signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def second(charlie: User, bob: User, node: Node) -> Instance:
    """A bot of Charlie's tenant, to which Bob belongs as well."""
    tenant = charlie.memberships.get().tenant
    Membership.objects.create(tenant=tenant, user=bob, role=Membership.Role.MEMBER)
    return Instance.objects.create(
        tenant=tenant, slug="charlie", node=node, image="x", host_port=free_port() + 1,
        memory_mb=256, cpu_millis=500, pids=128, disk_gb=1,
    )  # fmt: skip


def slugs(user: User) -> set[str]:
    answer = signed_in(user).get("/fleet")
    assert answer.status_code == 200
    return {bot["slug"] for bot in answer.json()}


def test_everybody_sees_the_bots_of_their_tenants_and_no_others(
    alice: User, bob: User, charlie: User, instance: Instance, second: Instance
) -> None:
    assert slugs(alice) == {instance.slug}
    assert slugs(charlie) == {second.slug}
    assert slugs(bob) == {instance.slug, second.slug}


def test_a_bot_that_has_ended_is_not_among_them(alice: User, instance: Instance) -> None:
    Instance.objects.update(status=Instance.Status.TERMINATED)

    assert slugs(alice) == set()


def test_a_visitor_is_told_to_sign_in(db: None) -> None:
    assert APIClient().get("/fleet").status_code == 401
