"""Staff order servers, give them another size, and see what is refused and why."""

from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.utils import timezone

from fleet.models import CatalogueOffer, Instance, Node, Operation, Server
from tenants.models import User
from tests.admin.pages import press
from tests.conftest import let_in

pytestmark = pytest.mark.django_db


def offer(size: str, memory_mb: int, provider: str = "hetzner") -> CatalogueOffer:
    facts = {"region": "fsn1", "cpus": 2, "disk_gb": 40, "hourly": "0.0066", "monthly": "4.49"}
    return CatalogueOffer.objects.create(
        provider=provider,
        size=size,
        memory_mb=memory_mb,
        currency="eur",
        seen_at=timezone.now(),
        **facts,
    )


@pytest.fixture
def server(node: Node) -> Server:
    """One that is ready, and hosts what the node does."""
    facts = {"region": "fsn1", "cpus": 2, "disk_gb": 40, "hourly": "0.0066", "monthly": "4.49"}
    return Server.objects.create(
        provider="hetzner",
        size="cx22",
        memory_mb=4096,
        currency="eur",
        node=node,
        status=Server.Status.READY,
        provider_id="17",
        **facts,
    )


def operation(kind: str) -> Operation:
    return Operation.objects.get(kind=kind)


def test_an_offer_is_ordered_from_its_page(staff_client: Client) -> None:
    said = press(staff_client, offer("cx22", 4096), "order").content.decode()
    assert "hetzner cx22 in fsn1 is ordered" in said
    server = Server.objects.get()
    assert (server.provider, server.region, server.size) == ("hetzner", "fsn1", "cx22")
    assert operation("server_create").subject_id == server.pk
    assert operation("server_create").cause.startswith("staff: ")


def test_an_offer_of_a_seller_who_takes_no_orders_is_refused(
    staff_client: Client, settings: Any
) -> None:
    settings.UPCLOUD_USERNAME = "somebody"
    said = press(staff_client, offer("1xCPU-2GB", 2048, "upcloud"), "order").content.decode()
    assert "WOPR cannot order from upcloud" in said
    assert not Server.objects.exists()


def test_a_server_is_given_another_size(staff_client: Client, server: Server) -> None:
    offer("cx32", 8192)
    said = press(staff_client, server, "resize", size="cx32").content.decode()
    assert "becomes a cx32" in said
    server.refresh_from_db()
    assert server.wanted_size == "cx32"
    assert operation("server_resize").subject_id == server.pk


def test_a_size_that_its_bots_do_not_fit_into_is_refused(
    staff_client: Client, server: Server, instance: Instance
) -> None:
    offer("tiny", instance.memory_mb - 1)
    said = press(staff_client, server, "resize", size="tiny").content.decode()
    assert f"Its bots reserve {instance.memory_mb} MB: tiny has less." in said
    assert not Operation.objects.exists()


def test_a_size_that_is_not_on_offer_is_refused(staff_client: Client, server: Server) -> None:
    offer("cx32", 8192)
    said = press(staff_client, server, "resize", size="huge").content.decode()
    assert "hetzner has no huge in fsn1" in said
    assert not Operation.objects.exists()


def status_of(server: Server) -> str:
    return Server.objects.get(pk=server.pk).status


def test_a_server_whose_node_is_drained_is_draining_until_the_node_opens_again(
    staff_client: Client, server: Server, node: Node
) -> None:
    press(staff_client, node, "close", note="new disks")
    assert status_of(server) == "ready", "its bots stay"
    press(staff_client, node, "drain", note="new disks")
    assert status_of(server) == "draining"
    press(staff_client, node, "open_again")
    assert status_of(server) == "ready"
    moves = server.moves.order_by("pk")
    assert [(move.before, move.after) for move in moves] == [
        ("ready", "draining"),
        ("draining", "ready"),
    ]
    assert all(move.cause.startswith("staff: ") for move in moves)


def test_a_drained_server_is_given_back(staff_client: Client, server: Server, node: Node) -> None:
    press(staff_client, node, "drain", note="too dear")
    press(staff_client, server, "give_back")
    moves = server.moves.order_by("pk")
    assert [move.after for move in moves] == ["draining", "destroying"]
    assert operation("server_destroy").subject_id == server.pk


def test_who_may_not_add_servers_orders_none(client: Client) -> None:
    reader = User.objects.create_user("reader@example.com", None, is_staff=True)
    reader.user_permissions.set(Permission.objects.filter(codename__endswith="catalogueoffer"))
    let_in(client, reader)
    assert press(client, offer("cx22", 4096), "order").status_code == 403
    assert not Server.objects.exists()
