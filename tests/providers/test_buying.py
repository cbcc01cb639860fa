"""What WOPR buys by itself: another offer for a sold-out one, room in the pool, own machines."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.core import mail
from django.core.management import CommandError, call_command
from django.utils import timezone

from billing.models import Entitlement, Hold, Plan
from fleet import dedicated, nodes, regions
from fleet.convergence import tenant_converge
from fleet.models import CatalogueOffer, Instance, Node, Operation, ProviderHealth, Server
from fleet.providers import registry
from fleet.providers.dialects import DIALECTS
from fleet.server_moves import server_move
from fleet.server_services import server_destroy
from fleet.tasks import dedicated_reconcile, headroom_alarm, headroom_keep, instances_reconcile
from tenants.models import User
from tenants.services import tenant_create
from tests.providers.life import Life
from tests.providers.own import arrived, is_up
from tests.providers.vendors import Vendor, sandboxes

pytestmark = pytest.mark.django_db(transaction=True)


def cheapest(memory_mb: int) -> CatalogueOffer:
    fitting = CatalogueOffer.objects.filter(
        available=True, memory_mb__gte=memory_mb, architecture="x86", gpu=""
    )
    rates = {"eur": Decimal("1.1"), "usd": 1}
    return min(
        fitting, key=lambda o: (o.monthly * rates[o.currency], o.memory_mb, o.provider, o.region)
    )


def everywhere() -> list[dict[str, Any]]:
    with sandboxes() as control:
        return [*control.machines("hetzner"), *control.machines("digitalocean")]


def test_an_order_that_is_sold_out_meanwhile_goes_to_the_next_best_offer(life: Life) -> None:
    first, before = life.vendor.size, life.server.monthly
    life.vendor.behave(out_of_stock=[first])
    operation = life.work()
    while operation.steps.get(name="create_machine").state != "done":
        assert operation.is_live, operation.error
        operation = life.work()
    server = life.server
    assert (server.provider, server.size) != (life.vendor.name, first)
    assert server.monthly <= before * 2
    offer = CatalogueOffer.objects.get(
        provider=server.provider, region=server.region, size=server.size
    )
    assert (server.monthly, server.memory_mb) == (offer.monthly, offer.memory_mb)
    assert [machine["name"] for machine in everywhere()] == [server.name]


@pytest.fixture
def pool(catalogue: None, settings: Any, hetzner: Vendor) -> Any:
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    settings.WOPR_POOL_HEADROOM_MB, settings.WOPR_POOL_BUYS = 8000, True
    User.objects.create_user("staff@example.com", None, is_staff=True)
    return settings


def test_a_pool_without_room_gets_the_cheapest_server_that_mends_it_and_only_one(pool: Any) -> None:
    headroom_keep()
    headroom_keep()
    server = Server.objects.get()
    offer = cheapest(8000)
    assert (server.provider, server.region, server.size) == (
        offer.provider, offer.region, offer.size,
    )  # fmt: skip
    assert Operation.objects.get().cause == "pool: too little head-room"
    headroom_alarm()
    assert mail.outbox == []  # what is on its way counts


def test_without_leave_to_buy_staff_are_told_what_would_mend_it(pool: Any) -> None:
    pool.WOPR_POOL_BUYS = False
    headroom_keep()
    headroom_alarm()
    assert not Server.objects.exists()
    [letter] = mail.outbox
    assert f"--size {cheapest(8000).size}" in letter.body


def test_a_lack_that_no_single_server_mends_is_mended_by_several_of_the_best(pool: Any) -> None:
    pool.WOPR_POOL_HEADROOM_MB, pool.WOPR_POOL_MOST_SERVERS = 10_000_000, 2
    for _ in range(3):
        headroom_keep()
    servers = list(Server.objects.all())
    assert len(servers) == 2
    rates = {"eur": Decimal("1.1"), "usd": 1}
    sold = CatalogueOffer.objects.filter(
        available=True, architecture="x86", gpu="", memory_mb__gte=pool.WOPR_POOL_SERVER_MB
    )
    least = min(offer.monthly * rates[offer.currency] / offer.memory_mb for offer in sold)
    assert {s.monthly * rates[s.currency] / s.memory_mb for s in servers} == {least}


def test_prices_of_two_currencies_are_compared_by_what_they_are_worth(pool: Any) -> None:
    pool.WOPR_EXCHANGE_RATES = {"eur": Decimal(2), "usd": Decimal(1)}
    euros, dollars = (
        CatalogueOffer.objects.filter(currency=currency, memory_mb__gte=8000, available=True)
        .filter(architecture="x86", gpu="")
        .first()
        for currency in ("eur", "usd")
    )
    CatalogueOffer.objects.filter(pk=euros.pk).update(monthly=Decimal("0.60"))
    CatalogueOffer.objects.filter(pk=dollars.pk).update(monthly=Decimal("1.10"))
    headroom_keep()
    bought = Server.objects.get()
    assert (bought.size, bought.monthly, bought.currency) == (
        dollars.size, Decimal("1.10"), "usd",
    )  # fmt: skip


def test_a_pool_with_room_is_left_alone(pool: Any) -> None:
    Node.objects.create(name="n", engine_url="unix:///x", address="127.0.0.1", memory_mb=9000)
    headroom_keep()
    headroom_alarm()
    assert not Server.objects.exists()
    assert mail.outbox == []


def test_nothing_is_bought_beyond_the_limit_nor_again_soon_after_a_failure(pool: Any) -> None:
    pool.WOPR_POOL_MOST_SERVERS = 0
    headroom_keep()
    assert not Server.objects.exists()
    pool.WOPR_POOL_MOST_SERVERS = 1
    headroom_keep()
    Server.objects.update(status=Server.Status.FAILED)
    headroom_keep()
    assert Server.objects.count() == 1
    with time_machine.travel(timezone.now() + timedelta(hours=2)):
        headroom_keep()
    assert Server.objects.count() == 2


def test_a_provider_that_is_down_is_not_bought_from(pool: Any) -> None:
    ProviderHealth.objects.update_or_create(
        name=cheapest(8000).provider, defaults={"state": ProviderHealth.State.DOWN}
    )
    headroom_keep()
    assert Server.objects.get().provider != cheapest(8000).provider


@pytest.fixture
def listed_only(pool: Any) -> CatalogueOffer:
    """The cheapest offer of all, of a seller who takes no orders from us."""
    pool.UPCLOUD_USERNAME = "somebody"
    offer = cheapest(8000)
    offer.pk, offer.provider, offer.monthly = None, "upcloud", Decimal(1)
    offer.save()
    return offer


@pytest.mark.usefixtures("listed_only")
def test_a_seller_who_takes_no_orders_from_us_is_not_bought_from() -> None:
    headroom_keep()
    assert Server.objects.get().provider != "upcloud"


def test_an_order_at_such_a_seller_is_refused_with_what_to_do_instead(
    listed_only: CatalogueOffer,
) -> None:
    where = {"region": listed_only.region, "size": listed_only.size}
    with pytest.raises(CommandError, match="cannot order from upcloud: order the machine there"):
        call_command("server_order", provider="upcloud", **where)
    assert not Server.objects.exists()


def test_such_sellers_are_those_who_cannot_be_handed_cloud_init() -> None:
    silent = {name for name, dialect in DIALECTS.items() if dialect.order_as is None}
    assert silent == registry.LISTED_ONLY


def test_a_dedicated_plan_gets_one_machine_and_its_bots_go_there(
    payer: Entitlement, node: Node
) -> None:
    dedicated_reconcile()
    dedicated_reconcile()
    server = Server.objects.get()
    assert server.tenant == payer.tenant
    offer = cheapest(payer.memory_mb + 512)
    assert (server.provider, server.size) == (offer.provider, offer.size)
    instances_reconcile()
    assert not Instance.objects.exists()  # never into the pool

    own = is_up(server)
    instances_reconcile()
    assert Instance.objects.get().node == own


def test_the_machine_is_bought_where_its_tenant_wants_it(payer: Entitlement, settings: Any) -> None:
    anywhere = cheapest(payer.memory_mb + 512)
    elsewhere = CatalogueOffer.objects.filter(
        available=True, architecture="x86", gpu="", memory_mb__gte=payer.memory_mb + 512
    ).exclude(region=anywhere.region)
    settings.WOPR_REGIONS = {"far": elsewhere[0].region}
    regions.choose(tenant=payer.tenant, code="far")

    dedicated_reconcile()

    assert Server.objects.get().region == elsewhere[0].region != anywhere.region


Ways = list[Server.Status]
LOST: dict[str, Ways] = {
    "failed": [Server.Status.FAILED],
    "leaked": [Server.Status.CREATING, Server.Status.LEAKED],
}


def goes(server: Server, ways: Ways) -> None:
    for status in ways:
        server_move(server.pk, status, cause="test")
    Operation.objects.update(state=Operation.State.FAILED, finished_at=timezone.now())


@pytest.mark.parametrize("how", LOST)
def test_a_tenants_machine_that_was_lost_is_bought_again_after_an_hour_and_no_sooner(
    payer: Entitlement, how: str
) -> None:
    dedicated_reconcile()
    goes(payer.tenant.servers.get(), LOST[how])
    dedicated_reconcile()
    assert payer.tenant.servers.count() == 1
    with time_machine.travel(timezone.now() + timedelta(minutes=61)):
        dedicated_reconcile()
        dedicated_reconcile()
    assert payer.tenant.servers.count() == 2


def test_who_still_pays_gets_another_machine_while_the_one_before_is_given_back(
    payer: Entitlement,
) -> None:
    dedicated_reconcile()
    is_up(payer.tenant.servers.get())
    server_destroy(server=payer.tenant.servers.get(), cause="test")
    dedicated_reconcile()
    assert set(payer.tenant.servers.values_list("status", flat=True)) == {
        Server.Status.DESTROYING,
        Server.Status.REQUESTED,
    }


def test_another_tenants_bots_never_go_there(payer: Entitlement, charlie: User) -> None:
    dedicated_reconcile()
    is_up(Server.objects.get())
    other = tenant_create(owner=charlie, slug="charlie-two", name="Charlie")
    shared = Plan.objects.create(
        code="shared", name="Shared", memory_mb=256, cpu_millis=500, pids=128, disk_gb=1
    )
    Entitlement.objects.create(tenant=other, plan=shared, status="active", bots=1, **shared.limits)
    assert tenant_converge(tenant_id=other.pk) == []
    assert not Instance.objects.exists()


def test_the_machine_is_given_back_once_its_last_bot_has_ended(payer: Entitlement) -> None:
    dedicated_reconcile()
    server = Server.objects.get()
    is_up(server)
    instances_reconcile()
    Operation.objects.update(state=Operation.State.SUCCEEDED, finished_at=timezone.now())
    Entitlement.objects.update(status="canceled", lapsed_at=timezone.now())
    assert dedicated.reconcile() == []  # its data are kept as long as the grace policy says
    Instance.objects.update(status=Instance.Status.TERMINATED)
    [operation] = dedicated.reconcile()
    assert (operation.kind, operation.subject_id) == ("server_destroy", server.pk)


def change_plan(payer: Entitlement, placement: str) -> None:
    Plan.objects.filter(pk=payer.plan_id).update(placement=placement)


def pooled(payer: Entitlement, node: Node) -> Instance:
    """The tenant's bot, as it runs in the pool."""
    change_plan(payer, Plan.Placement.SHARED)
    instances_reconcile()
    Instance.objects.update(status=Instance.Status.RUNNING)
    Operation.objects.update(state=Operation.State.SUCCEEDED, finished_at=timezone.now())
    assert Instance.objects.get().node == node
    return Instance.objects.get()


def test_a_bot_moves_to_the_own_machine_once_it_is_ready_and_back_when_it_is_not_paid_for(
    payer: Entitlement, node: Node
) -> None:
    bot = pooled(payer, node)
    change_plan(payer, Plan.Placement.DEDICATED)
    dedicated_reconcile()
    assert not Operation.objects.filter(kind="move").exists()  # the machine is not there yet
    own = is_up(Server.objects.get())

    dedicated_reconcile()
    bot.refresh_from_db()
    assert bot.moving_to == own
    arrived()
    dedicated_reconcile()
    assert not Operation.objects.live().exists()

    change_plan(payer, Plan.Placement.SHARED)
    dedicated_reconcile()
    bot.refresh_from_db()
    assert bot.moving_to == node
    assert not Operation.objects.filter(kind="server_destroy").exists()
    arrived()
    dedicated_reconcile()
    assert Operation.objects.live().get().kind == "server_destroy"


def test_a_held_tenants_bot_stays_where_it_is(payer: Entitlement, node: Node) -> None:
    pooled(payer, node)
    change_plan(payer, Plan.Placement.DEDICATED)
    dedicated_reconcile()
    is_up(Server.objects.get())
    Hold.objects.create(tenant=payer.tenant, reason="staff")

    assert dedicated.reconcile() == []


def test_a_bot_of_a_dedicated_plan_is_not_drained_into_the_pool(
    payer: Entitlement, node: Node
) -> None:
    dedicated_reconcile()
    own = is_up(Server.objects.get())
    instances_reconcile()
    arrived()
    Instance.objects.update(status=Instance.Status.RUNNING)

    [place] = nodes.drain(node=own, because="new disks", cause="test")

    assert place.operation is None
    assert "has no machine of its own that is ready" in place.reason


def test_a_machine_whose_tenant_still_pays_is_kept_without_a_bot(payer: Entitlement) -> None:
    dedicated_reconcile()
    is_up(Server.objects.get())
    assert dedicated.reconcile() == []
