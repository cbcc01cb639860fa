"""Entitled tenants get exactly their bots, whatever was lost, raced or full."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import UUID

import pytest
import time_machine
from django.db import connection
from django.utils import timezone
from rest_framework.test import APIClient

from billing.models import Entitlement, Hold, Plan
from fleet import convergence, placement
from fleet.models import Instance, Node, Operation
from fleet.operations import ledger
from fleet.operations.provision import PROVISION
from fleet.tasks import instances_reconcile
from tenants.models import Tenant, User
from tenants.services import tenant_create

pytestmark = pytest.mark.django_db


def entitle(tenant: Tenant, plan: Plan, *, status: str = "active", bots: int = 1) -> Entitlement:
    return Entitlement.objects.create(
        tenant=tenant,
        plan=plan,
        status=status,
        bots=bots,
        correlation_id="evt-0123456789",
        **plan.limits,
    )


def at_once(act: Callable[[UUID], list[Operation]], tenants: list[UUID]) -> list[list[Operation]]:
    """What each of these does that all happen in threads of their own."""

    def alone(tenant_id: UUID) -> list[Operation]:
        try:
            return act(tenant_id)
        finally:
            connection.close()

    with ThreadPoolExecutor(max_workers=len(tenants)) as threads:
        return list(threads.map(alone, tenants))


def converge(tenant_id: UUID) -> list[Operation]:
    return convergence.tenant_converge(tenant_id=tenant_id)


def test_a_paying_tenant_gets_a_bot_with_the_limits_of_its_plan(
    tenant: Tenant, plan: Plan, node: Node
) -> None:
    entitle(tenant, plan)

    [operation] = converge(tenant.pk)

    instance = Instance.objects.get()
    assert (operation.kind, operation.subject_id) == ("provision", instance.pk)
    assert operation.cause == "entitlement: active, small"
    assert operation.correlation_id == "evt-0123456789"
    assert (instance.tenant, instance.slug, instance.node) == (tenant, "alice-co", node)
    limits = (instance.memory_mb, instance.cpu_millis, instance.pids, instance.disk_gb)
    assert limits == (plan.memory_mb, plan.cpu_millis, plan.pids, plan.disk_gb)


@pytest.mark.parametrize("status", ["trialing", "active", "past_due"])
def test_who_may_run_a_bot_gets_one(tenant: Tenant, plan: Plan, node: Node, status: str) -> None:
    entitle(tenant, plan, status=status)

    assert len(converge(tenant.pk)) == 1


@pytest.mark.parametrize(
    "status", ["none", "incomplete", "incomplete_expired", "unpaid", "paused", "canceled"]
)
def test_who_may_not_gets_none(tenant: Tenant, plan: Plan, node: Node, status: str) -> None:
    entitle(tenant, plan, status=status)

    assert converge(tenant.pk) == []
    assert convergence.lacking_tenant_ids() == []


def test_a_tenant_without_any_entitlement_gets_none(tenant: Tenant, node: Node) -> None:
    assert converge(tenant.pk) == []


def test_a_tenant_on_hold_gets_none_until_the_hold_is_lifted(
    tenant: Tenant, plan: Plan, node: Node
) -> None:
    entitle(tenant, plan)
    hold = Hold.objects.create(tenant=tenant, reason="ban", note="spam", placed_by="staff")
    assert converge(tenant.pk) == []
    hold.lifted_at = timezone.now()
    hold.save()
    assert len(converge(tenant.pk)) == 1


def test_a_tenant_gets_as_many_bots_as_it_bought_each_under_its_own_name(
    tenant: Tenant, plan: Plan, node: Node
) -> None:
    entitle(tenant, plan, bots=3)

    converge(tenant.pk)

    assert set(Instance.objects.values_list("slug", flat=True)) == {
        "alice-co",
        "alice-co--2",
        "alice-co--3",
    }
    assert len(set(Instance.objects.values_list("host_port", flat=True))) == 3


def test_a_tenant_that_has_its_bots_gets_no_more(tenant: Tenant, plan: Plan, node: Node) -> None:
    entitle(tenant, plan)
    converge(tenant.pk)

    assert converge(tenant.pk) == []
    assert convergence.lacking_tenant_ids() == []


@pytest.mark.django_db(transaction=True)
def test_ten_announcements_at_once_make_one_bot(tenant: Tenant, plan: Plan, node: Node) -> None:
    entitle(tenant, plan)

    at_once(converge, [tenant.pk] * 10)

    assert Instance.objects.count() == Operation.objects.count() == 1


def test_what_has_room_is_made_and_for_the_rest_it_is_said(
    tenant: Tenant, plan: Plan, node: Node, caplog: pytest.LogCaptureFixture
) -> None:
    Node.objects.update(memory_mb=plan.memory_mb)
    entitle(tenant, plan, bots=2)

    assert len(converge(tenant.pk)) == 1

    assert "No node has 256 MB of memory to spare: add a node" in caplog.text
    assert Instance.objects.count() == Operation.objects.count() == 1
    assert convergence.undelivered() == [tenant]


def test_what_found_no_room_is_made_once_there_is_some(
    tenant: Tenant, plan: Plan, node: Node
) -> None:
    Node.objects.update(memory_mb=1)
    entitle(tenant, plan)
    instances_reconcile()
    assert not Instance.objects.exists()

    Node.objects.update(memory_mb=8192)
    instances_reconcile()

    assert Instance.objects.count() == Operation.objects.count() == 1


def test_one_tenant_that_finds_no_room_keeps_nobody_from_theirs(
    tenant: Tenant, charlie: User, plan: Plan, node: Node
) -> None:
    huge = Plan.objects.create(
        code="huge", name="Huge", memory_mb=99_999, cpu_millis=500, pids=64, disk_gb=1
    )
    entitle(tenant, huge)
    entitle(Tenant.objects.get(slug="charlie"), plan)

    instances_reconcile()

    assert [instance.slug for instance in Instance.objects.all()] == ["charlie"]


def test_a_bot_goes_to_the_node_with_the_most_room_and_to_none_that_is_closed(
    tenant: Tenant, plan: Plan, node: Node
) -> None:
    roomy = Node.objects.create(name="roomy", engine_url="x", address="x", memory_mb=16384)
    Node.objects.create(
        name="closed", engine_url="x", address="x", memory_mb=99999, accepts_instances=False
    )
    entitle(tenant, plan)

    converge(tenant.pk)

    assert Instance.objects.get().node == roomy


@pytest.mark.django_db(transaction=True)
def test_of_twenty_placements_that_race_for_one_slot_one_is_made(plan: Plan, node: Node) -> None:
    Node.objects.update(memory_mb=plan.memory_mb)
    Node.objects.create(name="full", engine_url="x", address="x", memory_mb=1)
    for number in range(20):
        owner = User.objects.create_user(f"owner{number}@example.com")
        entitle(tenant_create(owner=owner, slug=f"tenant{number}", name=f"T{number}"), plan)

    outcomes = at_once(converge, list(Tenant.objects.values_list("pk", flat=True)))

    assert sorted(len(opened) for opened in outcomes) == [0] * 19 + [1]
    assert len(convergence.undelivered()) == 19
    assert Instance.objects.count() == Operation.objects.count() == 1


def test_an_announcement_that_was_lost_is_found(tenant: Tenant, plan: Plan, node: Node) -> None:
    entitle(tenant, plan)

    assert convergence.lacking_tenant_ids() == [tenant.pk]
    instances_reconcile()

    assert Instance.objects.get().tenant == tenant


@pytest.fixture
def failed(tenant: Tenant, plan: Plan, node: Node) -> Instance:
    """A bot that is paid for and whose provision failed half an hour after it was asked for."""
    entitle(tenant, plan)
    with time_machine.travel(timezone.now() - timedelta(minutes=30)):
        [operation] = converge(tenant.pk)
    instance = Instance.objects.get()
    held = ledger.claim(operation.pk)
    assert held
    ledger.finish(held, failed=True, then=lambda: PROVISION.failed(instance))
    return instance


@pytest.mark.parametrize(("minutes", "tries"), [(59, 1), (61, 2)])
def test_a_bot_that_failed_is_set_up_again_after_an_hour_and_not_before(
    failed: Instance, minutes: int, tries: int
) -> None:
    with time_machine.travel(timezone.now() + timedelta(minutes=minutes)):
        instances_reconcile()

    assert Operation.objects.count() == tries
    failed.refresh_from_db()
    assert failed.status == ("starting" if tries == 2 else "failed")


def test_a_bot_that_is_being_set_up_again_is_not_set_up_a_third_time(failed: Instance) -> None:
    with time_machine.travel(timezone.now() + timedelta(hours=3)):
        instances_reconcile()
        instances_reconcile()

    assert Operation.objects.count() == 2


def test_a_bot_that_failed_on_a_machine_that_is_gone_is_set_up_again_on_another(
    failed: Instance, node: Node
) -> None:
    Node.objects.update(unreachable_since=timezone.now())
    other = Node.objects.create(name="other", engine_url="x", address="x", memory_mb=256)
    with time_machine.travel(timezone.now() + timedelta(minutes=61)):
        instances_reconcile()

    failed.refresh_from_db()
    assert (failed.node, failed.status) == (other, "starting")
    assert Operation.objects.live().get().kind == "provision"
    assert placement.spare_mb(node) == node.memory_mb


def test_a_bot_that_failed_waits_while_no_machine_has_room_but_the_dead_one(
    failed: Instance,
) -> None:
    Node.objects.update(unreachable_since=timezone.now())
    with time_machine.travel(timezone.now() + timedelta(minutes=61)):
        instances_reconcile()

    failed.refresh_from_db()
    assert failed.status == "failed"
    assert not Operation.objects.live().exists()


def test_a_bot_that_failed_needs_no_second_room_where_it_is(failed: Instance) -> None:
    Node.objects.update(memory_mb=failed.memory_mb)
    port = failed.host_port
    with time_machine.travel(timezone.now() + timedelta(minutes=61)):
        instances_reconcile()

    failed.refresh_from_db()
    assert (failed.status, failed.host_port) == ("starting", port)


def test_who_asks_for_another_try_without_room_is_told_so(api: APIClient, failed: Instance) -> None:
    Node.objects.update(unreachable_since=timezone.now())

    answer = api.post(f"/api/v1/instances/{failed.pk}/retry")

    assert (answer.status_code, answer.json()["code"]) == (409, "no_room")
    assert "No node has 256 MB of memory to spare" in answer.json()["message"]
