"""Who has a tenant deleted: the bot goes, Stripe charges nothing more, and nobody is known here."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from rest_framework.test import APIClient

from billing.models import Checkout, Entitlement, Plan
from billing.tasks import leavers_settle, notices_queue, owners_follow
from fleet.models import Backup, BackupRepository, Instance, Node, Step
from fleet.tasks import exports_expire
from sandbox.control import SandboxControl
from tenants.models import Deletion, Document, Membership, Message, Tenant, User
from tests.billing.conftest import Account
from tests.conftest import joined, signed_in
from tests.flows.story import (
    Story,
    finish_operations,
    is_open_to_the_public,
    leftovers,
    sweep_away,
)
from wopr.tasks import leavers_erase

pytestmark = pytest.mark.django_db(transaction=True)
Buy = Callable[[Tenant, Plan], Checkout]


@pytest.fixture
def shop(
    tenant: Tenant, stripe: SandboxControl, account: Account, settings: Any, tmp_path: Path
) -> Story:
    settings.WOPR_BACKUP_REPOSITORY = str(tmp_path / "backups")
    return Story(tenant, stripe, account)


@pytest.fixture
def story(node: Node, starter: Plan, buy: Buy, shop: Story) -> Iterator[Story]:
    """Alice has paid, and her bot runs."""
    buy(shop.tenant, starter)
    shop.go_on()
    yield shop
    sweep_away(node)


@pytest.fixture
def owner(story: Story) -> APIClient:
    return signed_in(story.tenant.owner.user)  # type: ignore[union-attr]


def subscription(story: Story) -> Any:
    [found] = story.account.all("subscriptions", status="all")
    return found


def deletion_of(story: Story) -> str:
    return f"/api/v1/tenants/{story.tenant.pk}/deletion"


def the_schedule_passes(story: Story) -> None:
    notices_queue()
    leavers_settle()
    story.go_on()  # suspended
    story.go_on()  # and ended
    exports_expire()
    finish_operations()
    leavers_erase()
    owners_follow()


def test_a_deletion_ends_the_bot_the_subscription_and_what_is_known(
    story: Story, owner: APIClient
) -> None:
    assert owner.post(deletion_of(story)).status_code == 201
    the_schedule_passes(story)
    assert subscription(story)["cancel_at_period_end"], "it renews no more"
    assert is_open_to_the_public(story.instance), "what is paid runs on"
    assert owner.post(f"{deletion_of(story)[:-9]}/subscription/resume").json()["code"] == (
        "tenant_leaving"
    )

    with story.later(timedelta(days=settings.WOPR_DELETION_DAYS, minutes=1)):
        the_schedule_passes(story)

    bot = story.instance
    assert bot.status == Instance.Status.TERMINATED
    assert leftovers(bot) == []
    assert not Backup.objects.filter(forgotten_at=None).exists(), "the last copy is gone too"
    assert not BackupRepository.objects.exists()
    assert subscription(story)["status"] == "canceled"
    story.tenant.refresh_from_db()
    assert story.tenant.name == "deleted"
    assert "alice" not in bot.slug
    assert "alice" not in str(Step.objects.values_list("facts", "message"))
    assert not story.customer["email"]
    assert set(Document.objects.values_list("kind", flat=True)) == {"invoice", "receipt"}

    with story.later(timedelta(days=60)):
        the_schedule_passes(story)
    assert len(story.account.all("invoices")) == 1, "nothing was charged any more"
    assert not Message.objects.exists(), "and nobody is written to"


def test_taken_back_it_renews_as_before(story: Story, owner: APIClient) -> None:
    owner.post(deletion_of(story))
    leavers_settle()
    assert owner.delete(deletion_of(story)).status_code == 204
    leavers_settle()
    assert not subscription(story)["cancel_at_period_end"]
    assert not Entitlement.objects.get().cancel_at_period_end
    assert not Deletion.objects.get().renewal_stopped


def test_an_end_that_the_customer_chose_stays_when_the_deletion_is_taken_back(
    story: Story, owner: APIClient
) -> None:
    url = f"/api/v1/tenants/{story.tenant.pk}/subscription/cancel"
    assert owner.post(url, {"when": "period_end"}).status_code == 200
    owner.post(deletion_of(story))
    leavers_settle()
    owner.delete(deletion_of(story))
    leavers_settle()
    assert subscription(story)["cancel_at_period_end"]


def test_stripe_writes_to_the_new_owner(story: Story, alice: User) -> None:
    owners_follow()
    assert story.customer["email"] == "alice@example.com"
    erin = joined(story.tenant, "erin", Membership.Role.ADMIN)
    member = str(erin.memberships.get().pk)
    url = f"/api/v1/tenants/{story.tenant.pk}/transfer"
    assert signed_in(alice).post(url, {"member": member}).status_code == 204
    owners_follow()
    assert story.customer["email"] == "erin@example.com"
    assert story.customer["name"] == "Alice & Co"
    before = len(story.account.events())
    owners_follow()
    assert len(story.account.events()) == before, "told once"
