"""Who has a machine of their own and changes to a larger plan gets a larger machine."""

from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from billing.models import Entitlement, Hold
from fleet import dedicated
from fleet.models import CatalogueOffer, Instance, Operation, Server
from fleet.tasks import dedicated_reconcile, instances_reconcile
from tests.admin.pages import change_page, text_of
from tests.fleet.lives import done
from tests.fleet.world import World, opened_world, world
from tests.providers.life import Life
from tests.providers.own import arrived, is_up
from tests.providers.vendors import Vendor

__all__ = ["opened_world", "world"]
pytestmark = pytest.mark.django_db(transaction=True)


def change_plan(**limits: int) -> None:
    """Billing has stored what Stripe says now."""
    Entitlement.objects.update(**limits)


@pytest.fixture
def lives(hetzner: Vendor, tmp_path: Path) -> Iterator[Callable[[], Life]]:
    """Gives the newest server its life; what makes it real is stopped in the end."""
    hetzner.behave(create_seconds=0, action_seconds=0)
    begun: list[Life] = []

    def live() -> Life:
        folder = tmp_path / str(len(begun))
        folder.mkdir()
        begun.append(Life(hetzner, Server.objects.latest("created_at"), folder))
        return begun[-1]

    yield live
    for life in begun:
        life.__exit__(None, None, None)


@pytest.fixture
def home(payer: Entitlement, lives: Callable[[], Life]) -> Life:
    """The tenant's machine, as it was bought, booted and enrolled."""
    dedicated_reconcile()
    life = lives()
    life.finish()
    assert (life.server.size, life.server.status) == ("cx22", "ready")
    return life


@pytest.fixture
def bot(home: Life, world: World) -> Instance:
    """The tenant's bot, which runs there."""
    instances_reconcile()
    done(Operation.objects.get(kind="provision"))
    return Instance.objects.get()


def test_the_machine_grows_where_it_is_and_the_bot_after_it(
    home: Life, bot: Instance, world: World
) -> None:
    [before] = home.vendor.machines()
    change_plan(memory_mb=6000, cpu_millis=2000)
    instances_reconcile()
    assert world.inspected(bot)["HostConfig"]["Memory"] == 256 * 1024**2, "there is no room yet"

    dedicated_reconcile()
    assert home.operation.kind == "server_resize"
    assert home.finish().state == "succeeded", home.operation.error
    instances_reconcile()
    done(Operation.objects.get(kind="resize"))

    [machine] = home.vendor.machines()
    assert (machine["id"], machine["size"], machine["status"]) == (before["id"], "cx32", "running")
    limits = world.inspected(bot)["HostConfig"]
    assert (limits["Memory"], limits["NanoCpus"]) == (6000 * 1024**2, 2_000_000_000)
    assert (home.server.memory_mb, home.server.disk_gb) == (8192, 40), "the disk stays as it was"
    assert dedicated.reconcile() == []


def test_where_a_disk_cannot_grow_a_larger_machine_takes_the_bot_and_the_old_one_goes(
    home: Life, lives: Callable[[], Life]
) -> None:
    instances_reconcile()
    arrived()
    Instance.objects.update(status="running")
    change_plan(disk_gb=100)

    dedicated_reconcile()
    dedicated_reconcile()
    larger = lives()
    assert larger.finish().state == "succeeded", larger.operation.error
    assert len(home.vendor.machines()) == 2
    dedicated_reconcile()
    bot = Instance.objects.get()
    assert bot.moving_to == larger.server.node
    dedicated_reconcile()
    assert home.operation.kind == "server_create", "nothing is given back below a bot that moves"
    arrived()
    dedicated_reconcile()
    assert home.finish().state == "succeeded", home.operation.error

    [machine] = home.vendor.machines()
    assert (machine["name"], machine["size"]) == (larger.server.name, "cpx31")
    assert dedicated.reconcile() == []


def test_a_machine_that_cannot_grow_after_all_runs_on_and_is_replaced(
    home: Life, lives: Callable[[], Life]
) -> None:
    home.vendor.behave(out_of_stock=["cx32@fsn1"])
    change_plan(memory_mb=6000)
    dedicated_reconcile()
    assert home.finish().state == "failed"
    [machine] = home.vendor.machines()
    assert (machine["size"], machine["status"]) == ("cx22", "running")

    dedicated_reconcile()
    assert home.operation.kind == "server_resize", "it is not stopped once more"
    larger = lives()
    assert larger.finish().state == "succeeded", larger.operation.error
    assert larger.server.memory_mb >= 6000 + 512
    dedicated_reconcile()
    assert home.finish().state == "succeeded", home.operation.error
    assert [each["name"] for each in home.vendor.machines()] == [larger.server.name]


@pytest.fixture
def own(payer: Entitlement) -> Server:
    """The tenant's machine; how it came is told above."""
    dedicated_reconcile()
    is_up(Server.objects.get())
    return Server.objects.get()


def remarked(server: Server, staff: Client) -> str:
    """What staff read of the machine, on its page as in the list of costs."""
    said = StringIO()
    call_command("fleet_costs", stdout=said)
    remark = said.getvalue().splitlines()[3].strip()
    assert remark in text_of(staff, change_page(server))
    return remark


def test_staff_see_who_waits_for_a_machine_that_nobody_sells(
    own: Server, staff_client: Client
) -> None:
    CatalogueOffer.objects.filter(memory_mb__gt=own.memory_mb).update(available=False)
    change_plan(memory_mb=6000)
    assert dedicated.reconcile() == []

    figures = staff_client.get(reverse("admin:index"), secure=True).context["figures"]
    [waiting] = [figure for figure in figures if figure.label == "Paid, not delivered"]
    assert (waiting.value, "alice-co" in waiting.note) == (1, True)
    assert remarked(own, staff_client) == (
        "too small for small, which asks for 6512 MB, 1 CPU and 1 GB of disk"
    )


STAYS = {40: ": resize it", 80: ", but its disk of 80 GB does not fit into 40 GB"}


@pytest.mark.parametrize("disk_gb", STAYS)
def test_after_a_change_to_a_smaller_plan_it_is_kept_and_staff_see_what_would_do(
    own: Server, staff_client: Client, disk_gb: int
) -> None:
    large = CatalogueOffer.objects.get(size="cx32", region=own.region)
    Server.objects.update(
        size="cx32", memory_mb=8192, cpus=4, disk_gb=disk_gb, monthly=large.monthly
    )
    assert dedicated.reconcile() == []
    assert remarked(own, staff_client) == f"cx22 for 3.79 eur would do for small{STAYS[disk_gb]}"


def test_of_two_machines_the_one_that_holds_what_is_paid_for_stays(own: Server) -> None:
    Server.objects.update(memory_mb=16384, cpus=8)
    change_plan(disk_gb=100)
    [operation] = dedicated.reconcile()
    assert operation.kind == "server_create"
    smaller = Server.objects.exclude(pk=own.pk).get()
    is_up(smaller, name="smaller")
    assert smaller.memory_mb < 16384

    instances_reconcile()
    assert Instance.objects.get().node.server == smaller
    arrived()
    assert [(o.kind, o.subject_id) for o in dedicated.reconcile()] == [("server_destroy", own.pk)]


def test_no_machine_is_stopped_while_something_is_under_way_on_it(own: Server) -> None:
    instances_reconcile()
    change_plan(memory_mb=6000)
    assert dedicated.reconcile() == []
    arrived()
    assert [operation.kind for operation in dedicated.reconcile()] == ["server_resize"]


def test_a_bot_gets_no_more_cpus_than_its_machine_has_before_that_has_grown(own: Server) -> None:
    instances_reconcile()
    arrived()
    Instance.objects.update(status="running")
    change_plan(cpu_millis=3000)
    instances_reconcile()
    assert not Operation.objects.live().exists()
    assert [operation.kind for operation in dedicated.reconcile()] == ["server_resize"]

    arrived()
    Server.objects.update(cpus=4)
    instances_reconcile()
    assert Operation.objects.live().get().kind == "resize"


def test_a_held_tenants_machine_does_not_grow(own: Server, payer: Entitlement) -> None:
    change_plan(memory_mb=6000)
    Hold.objects.create(tenant=payer.tenant, reason="staff")
    assert dedicated.reconcile() == []
