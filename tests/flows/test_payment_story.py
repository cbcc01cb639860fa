"""From the first payment to the last backup: service follows money, as seen from outside."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import time_machine
from django.utils import timezone

from billing.models import Checkout, Entitlement, Hold, Plan
from fleet.engines.registry import engine
from fleet.models import Backup, Instance, Node
from sandbox.control import FAILING_CARD, GOOD_CARD, SandboxControl
from tenants.models import Tenant
from tests.billing.conftest import Account
from tests.conftest import signed_in
from tests.flows.story import (
    Story,
    grace,
    is_open_to_the_public,
    leftovers,
    retention,
    shows_suspended_page,
    sweep_away,
)

pytestmark = pytest.mark.django_db(transaction=True)
Buy = Callable[[Tenant, Plan], Checkout]
DAY = timedelta(days=1)


@pytest.fixture
def shop(
    tenant: Tenant, stripe: SandboxControl, account: Account, settings: object, tmp_path: Path
) -> Story:
    settings.WOPR_BACKUP_REPOSITORY = str(tmp_path / "backups")  # type: ignore[attr-defined]
    return Story(tenant, stripe, account)


@pytest.fixture
def story(
    tenant: Tenant,
    node: Node,
    starter: Plan,
    buy: Buy,
    shop: Story,
) -> Iterator[Story]:
    """Alice has paid, and her bot runs."""
    buy(tenant, starter)
    shop.go_on()
    assert shop.instance.status == Instance.Status.RUNNING
    yield shop
    sweep_away(node)


def test_who_does_not_pay_is_suspended_after_the_grace_and_restored_by_paying(story: Story) -> None:
    story.stripe.set_card(story.customer["id"], FAILING_CARD)
    with story.later(timedelta(days=32)):
        assert Entitlement.objects.get().status == "past_due"
        assert story.instance.status == Instance.Status.RUNNING, "the days of grace are given"
        assert is_open_to_the_public(story.instance)
    with story.later(grace()):
        assert story.instance.status == Instance.Status.SUSPENDED
        assert not story.container_runs()
        assert shows_suspended_page(story.instance)
        assert not is_open_to_the_public(story.instance)
    story.stripe.set_card(story.customer["id"], GOOD_CARD)
    story.pay_open_invoices()
    with story.later(timedelta(minutes=1)):
        assert story.instance.status == Instance.Status.RUNNING
        assert is_open_to_the_public(story.instance)


def test_who_buys_again_after_stripe_gave_up_has_the_same_bot_back(
    story: Story, starter: Plan, buy: Buy
) -> None:
    kept = story.instance
    story.stripe.change_settings(retry_after_seconds=[3600])
    story.stripe.set_card(story.customer["id"], FAILING_CARD)
    with story.later(timedelta(days=32)):
        assert Entitlement.objects.get().status == "canceled"
        assert story.instance.status == Instance.Status.RUNNING, "the letters named a later day"
    with story.later(grace()):
        assert story.instance.status == Instance.Status.SUSPENDED
        buy(story.tenant, starter)
    with story.later(timedelta(minutes=1)):
        assert Entitlement.objects.get().status == "active"
        assert (story.instance.pk, story.instance.status) == (kept.pk, Instance.Status.RUNNING)
        assert story.instance.volume_name == kept.volume_name
        assert is_open_to_the_public(story.instance)


def test_an_upgrade_changes_the_limits_of_the_running_bot(story: Story, team: Plan) -> None:
    before = engine(story.instance.node).find_container(story.instance.container_name)
    owner = signed_in(story.tenant.owner.user)  # type: ignore[union-attr]
    url = f"/api/v1/tenants/{story.tenant.pk}/subscription"
    answer = owner.post(f"{url}/change", {"plan": "team"})
    assert answer.status_code == 200, answer.content
    story.go_on()
    after = engine(story.instance.node).find_container(story.instance.container_name)
    assert before is not None
    assert after is not None
    assert after.id == before.id, "the container is not made anew"
    assert after.running
    assert after.limits is not None
    assert (after.limits.memory_mb, after.limits.pids) == (team.memory_mb, team.pids)
    assert len(story.account.all("subscriptions", status="all")) == 1


def test_a_cancelled_subscription_ends_with_a_proven_backup_and_nothing_left(story: Story) -> None:
    owner = signed_in(story.tenant.owner.user)  # type: ignore[union-attr]
    url = f"/api/v1/tenants/{story.tenant.pk}/subscription/cancel"
    assert owner.post(url, {"when": "now"}).status_code == 200
    story.go_on()
    assert story.instance.status == Instance.Status.SUSPENDED
    assert leftovers(story.instance), "the data is kept during the retention"
    with story.later(retention() + DAY):
        story.go_on()
        assert story.instance.status == Instance.Status.TERMINATED
    assert leftovers(story.instance) == []
    backup = Backup.objects.get(instance=story.instance)
    assert backup.proven_at is not None
    assert "./daemon-token" in backup.manifest
    assert not is_open_to_the_public(story.instance)


def test_cancelling_at_the_end_of_the_period_can_be_taken_back(story: Story) -> None:
    owner = signed_in(story.tenant.owner.user)  # type: ignore[union-attr]
    url = f"/api/v1/tenants/{story.tenant.pk}/subscription"
    assert owner.post(f"{url}/cancel", {"when": "period_end"}).json()["cancel_at_period_end"]
    assert not owner.post(f"{url}/resume").json()["cancel_at_period_end"]
    assert owner.post(f"{url}/resume").json()["code"] == "not_cancelled"
    with story.later(timedelta(days=40)):
        assert story.instance.status == Instance.Status.RUNNING


def test_paying_does_not_lift_a_hold_of_staff(story: Story) -> None:
    hold = Hold.objects.create(
        tenant=story.tenant, reason=Hold.Reason.STAFF, note="abuse report", placed_by="staff"
    )
    story.go_on()
    assert story.instance.status == Instance.Status.SUSPENDED
    with story.later(timedelta(days=32)):
        assert Entitlement.objects.get().status == "active", "the renewal was paid"
        assert story.instance.status == Instance.Status.SUSPENDED
    Hold.objects.filter(pk=hold.pk).update(lifted_at=hold.created_at)
    story.go_on()
    assert story.instance.status == Instance.Status.RUNNING


def test_a_clock_that_jumps_ten_years_suspends_nobody_who_pays(story: Story) -> None:
    with time_machine.travel(timezone.now() + timedelta(days=3650), tick=True):
        story.go_on()
        assert story.instance.status == Instance.Status.RUNNING
