"""GPU nodes by the API: for staff with the right, from the order to the end."""

from collections.abc import Callable, Iterator
from uuid import uuid4

import pytest
from django.contrib.auth.models import Permission
from rest_framework.test import APIClient

from fleet import provider_watch
from fleet.models import Operation, Server
from gpu.models import GpuNode
from tenants.models import User
from tests.conftest import signed_in
from tests.providers.vendors import Vendor, empty_providers, sandboxes

pytestmark = pytest.mark.django_db(transaction=True)
NODES = "/api/v1/gpu/nodes"
WISHES = {"region": "tor1", "size": "gpu-4000adax1-20gb"}


@pytest.fixture
def staff(db: None) -> Callable[..., APIClient]:
    def member(*rights: str) -> APIClient:
        person = User.objects.create_user(f"{uuid4()}@example.com", None, is_staff=True)
        person.user_permissions.set(Permission.objects.filter(codename__in=rights))
        return signed_in(person)

    return member


@pytest.fixture
def vendor() -> Iterator[Vendor]:
    empty_providers()
    with sandboxes() as control:
        provider_watch.read_catalogue("digitalocean")
        yield Vendor(control, "digitalocean")
    empty_providers()


@pytest.mark.usefixtures("vendor")
def test_a_node_is_ordered_shown_and_given_back(staff: Callable[..., APIClient]) -> None:
    client = staff("add_gpunode", "view_gpunode", "delete_gpunode", "change_gpunode")
    ordered = client.post(NODES, WISHES)
    assert ordered.status_code == 202, ordered.content
    [listed] = client.get(NODES).json()
    assert listed == ordered.json() == client.get(f"{NODES}/{listed['id']}").json()
    assert (listed["provider"], listed["region"], listed["image"], listed["stage"]) == (
        "digitalocean", "tor1", "ubuntu-24-04-x64", "waiting",
    )  # fmt: skip
    assert float(listed["hourly"]) > 0
    assert "token" not in ordered.content.decode()
    [operation] = Operation.objects.all()
    assert (operation.kind, operation.cause[:6]) == ("gpu_create", "staff:")

    assert client.post(f"{NODES}/{listed['id']}/reboot").json()["code"] == "server_not_ready"
    Operation.objects.update(state="succeeded", finished_at=operation.created_at)
    Server.objects.update(status=Server.Status.READY)
    GpuNode.objects.update(stage=GpuNode.Stage.DONE)
    assert client.post(f"{NODES}/{listed['id']}/reboot").json()["kind"] == "gpu_reboot"
    assert client.delete(f"{NODES}/{listed['id']}").json()["code"] == "operation_live"
    Operation.objects.update(state="succeeded", finished_at=operation.created_at)
    given_back = client.delete(f"{NODES}/{listed['id']}")
    assert (given_back.status_code, given_back.json()["kind"]) == (202, "gpu_destroy")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"region": "atlantis"}, "region"),
        ({"size": "s-1vcpu-1gb"}, "size"),
        ({"image": "ubuntu-9-04"}, "image"),
    ],
)
@pytest.mark.usefixtures("vendor")
def test_what_cannot_be_ordered_is_named(
    staff: Callable[..., APIClient], changes: dict[str, str], field: str
) -> None:
    refused = staff("add_gpunode").post(NODES, {**WISHES, **changes})
    assert (refused.status_code, list(refused.json()["fields"])) == (400, [field])
    assert not Server.objects.exists()


def test_being_of_the_staff_is_not_enough(staff: Callable[..., APIClient]) -> None:
    node = GpuNode.objects.create(name="gpu-1")
    client = staff("view_gpunode")
    assert client.get(NODES).status_code == 200
    assert client.post(NODES, WISHES).status_code == 403
    assert client.post(f"{NODES}/{node.pk}/reboot").status_code == 403
    assert client.delete(f"{NODES}/{node.pk}").status_code == 403


def test_rights_without_being_of_the_staff_are_not_enough(alice: User) -> None:
    alice.user_permissions.set(Permission.objects.filter(codename="view_gpunode"))
    assert signed_in(alice).get(NODES).status_code == 403


def test_a_node_that_is_none_is_not_found(staff: Callable[..., APIClient]) -> None:
    assert staff("view_gpunode").get(f"{NODES}/{uuid4()}").status_code == 404
