"""Three of each process side by side, killed at random: nothing is lost, and nothing is double."""

import os
import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import connection
from django.utils import timezone
from redis import Redis

from billing.models import Entitlement, Plan
from fleet import services
from fleet.models import Instance, Node, Operation
from tenants import services as tenant_services
from tenants.models import Tenant, User
from tests.conftest import free_ports
from tests.fleet.world import ONE_OF_EACH, SUBTREE, World
from tests.flows.herd import DOORS, ROLES, Herd
from tests.stack.processes import eventually
from wopr.common.models import Heartbeat

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(300)]
OF_EACH = 3
# Everybody at least once, the busiest more often.
DEATHS = [*ROLES, "worker", "worker", "worker"]


@pytest.fixture
def herd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Herd]:
    server = os.environ["DATABASE_URL"].rpartition("/")[0]
    monkeypatch.setenv("DATABASE_URL", f"{server}/{connection.settings_dict['NAME']}")
    monkeypatch.setenv("WOPR_OPERATION_LEASE_SECONDS", "1")
    queue = Redis.from_url(os.environ["REDIS_URL"])
    queue.flushdb()
    places = [(role, place) for role in DOORS for place in range(OF_EACH)]
    herd = Herd(tmp_path, dict(zip(places, free_ports(), strict=False)))
    try:
        for role in ROLES:
            for place in range(OF_EACH):
                herd.start(role, place)
        yield herd
    finally:
        herd.end()
        queue.flushdb()


def paying(name: str, plan: Plan) -> Tenant:
    """A customer whose payment has arrived a moment ago."""
    owner = User.objects.create_user(f"{name}@example.com")
    tenant = tenant_services.tenant_create(owner=owner, slug=name, name=name.title())
    Entitlement.objects.create(
        tenant=tenant, plan=plan, status="active", bots=1, refreshed_at=timezone.now(),
        memory_mb=plan.memory_mb, cpu_millis=plan.cpu_millis, pids=plan.pids, disk_gb=plan.disk_gb,
    )  # fmt: skip
    return tenant


def test_everybody_gets_one_bot_whoever_is_killed(
    herd: Herd, plan: Plan, node: Node, world: World
) -> None:
    seed = random.randrange(10**6)
    chosen = random.Random(seed)
    for role in DOORS:
        eventually(lambda r=role: herd.is_served(r, by_all=True), f"all of {role} to answer", 60)
    eventually(lambda: at_work(herd) is not None, "a scheduler to be at work", 60)
    for name in ("ada", "grace", "hedy"):
        services.tenant_converge(tenant_id=paying(name, plan).pk)

    for role in chosen.sample(DEATHS, len(DEATHS)):
        # Of the schedulers the one that the others wait for.
        place = at_work(herd) if role == "beat" else None
        herd.kill(role, chosen.randrange(OF_EACH) if place is None else place)
        assert all(herd.is_served(each) for each in DOORS), f"seed {seed}"
        time.sleep(chosen.uniform(0.1, 1.0))

    eventually(lambda: built() == OF_EACH, f"all bots to be built (seed {seed})", 90)
    bots = list(Instance.objects.all())
    for bot in bots:
        # The letter goes out when the bot is there.
        eventually(lambda b=bot: world.counted(b) == ONE_OF_EACH, f"all of {bot} (seed {seed})", 60)
    eventually(lambda: at_work(herd) is not None, "another scheduler to take over", 30)
    world.caddy.delete(f"/id/{SUBTREE}")
    eventually(
        lambda: all(world.routes(bot.hostname) for bot in bots), "the emptied edge to be filled", 30
    )
    assert [world.counted(bot) for bot in bots] == [ONE_OF_EACH] * OF_EACH, f"seed {seed}"


def at_work(herd: Herd) -> int | None:
    """The place of the living scheduler that has the lease."""
    lease = Heartbeat.objects.filter(name="beat").first()
    return herd.place_of("beat", int(lease.holder.rpartition(":")[2])) if lease else None


def built() -> int:
    ended = Operation.objects.filter(kind="provision", state=Operation.State.SUCCEEDED)
    return ended.count()
