"""The letters that a subscription's state asks for: each once, in time, and never to everybody."""

import io
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
import time_machine
from django.utils import timezone
from pypdf import PdfReader

from billing import notices
from billing.models import Checkout, Entitlement, Hold, Plan
from tenants import services as tenant_services
from tenants.models import Document, Message, Tenant, User
from tests.billing.conftest import Account, deliver, work
from wopr.common.models import Breaker

pytestmark = pytest.mark.django_db(transaction=True)
Status = Entitlement.Status


@pytest.fixture
def subscribed(tenant: Tenant, plan: Plan) -> Entitlement:
    return Entitlement.objects.create(
        tenant=tenant,
        plan=plan,
        told_plan=plan,
        status=Status.ACTIVE,
        bots=1,
        amount=900,
        currency="eur",
        interval="month",
        stripe_subscription_id="sub_alice",
        current_period_end=timezone.now() + timedelta(days=20),
        refreshed_at=timezone.now(),
    )


def lapse(entitlement: Entitlement, status: str, *, since: timedelta) -> datetime:
    entitlement.status, entitlement.lapsed_at = status, timezone.now() - since
    if status == Status.CANCELED:
        entitlement.ended_at = entitlement.lapsed_at
    entitlement.save()
    return entitlement.lapsed_at


def kinds() -> list[str]:
    notices.notices_queue()
    return sorted(Message.objects.values_list("kind", flat=True))


def test_who_pays_gets_no_letter(subscribed: Entitlement) -> None:
    assert kinds() == []


def test_a_failed_payment_is_told_once_with_the_day_of_the_suspension(
    subscribed: Entitlement,
) -> None:
    since = lapse(subscribed, Status.PAST_DUE, since=timedelta(hours=1))
    assert kinds() == ["payment_failed"]
    assert kinds() == ["payment_failed"], "a second look sends nothing"
    letter = Message.objects.get()
    day = (since + timedelta(days=7)).strftime("%B %Y")
    assert day in letter.text
    assert day in letter.html
    assert "€9" in letter.subject


def test_reminders_come_on_their_days_and_each_once(subscribed: Entitlement) -> None:
    lapse(subscribed, Status.PAST_DUE, since=timedelta(days=4, hours=1))
    assert kinds() == ["payment_failed", "suspension_coming"]
    with time_machine.travel(timezone.now() + timedelta(days=1)):
        assert kinds() == ["payment_failed", "suspension_coming"]
    with time_machine.travel(timezone.now() + timedelta(days=2)):
        assert kinds() == ["payment_failed", "suspension_coming", "suspension_coming"]


def test_a_worker_that_was_away_sends_the_latest_reminder_only(subscribed: Entitlement) -> None:
    lapse(subscribed, Status.PAST_DUE, since=timedelta(days=6, hours=12))
    assert kinds() == ["payment_failed", "suspension_coming"]


def test_a_trial_that_ends_soon_is_told_with_what_it_will_cost(subscribed: Entitlement) -> None:
    subscribed.status = Status.TRIALING
    subscribed.current_period_end = timezone.now() + timedelta(days=5)
    subscribed.save()
    assert kinds() == []
    with time_machine.travel(timezone.now() + timedelta(days=3)):
        assert kinds() == ["trial_ending"]
    assert "€9" in Message.objects.get().text


def test_an_ended_subscription_is_told_with_the_day_of_the_deletion(
    subscribed: Entitlement,
) -> None:
    ended = lapse(subscribed, Status.CANCELED, since=timedelta(hours=2))
    assert kinds() == ["cancelled"]
    assert str((ended + timedelta(days=30)).year) in Message.objects.get().text


@pytest.mark.parametrize("reason", ["refund", "ban"])
def test_who_is_held_as_well_is_told_no_empty_day_and_not_to_buy_again(
    subscribed: Entitlement, reason: str
) -> None:
    Hold.objects.create(tenant=subscribed.tenant, reason=reason, note="?", placed_by="staff")
    ended = lapse(subscribed, Status.CANCELED, since=timedelta(hours=2))
    assert kinds() == ["cancelled"]
    told = Message.objects.get().text
    day = ended + timedelta(days=30)
    assert (f"kept until {day.day} {day:%B %Y};" in told) == (reason == "refund")
    assert ("kept. It" in told) == (reason == "ban")
    assert "answer this e-mail before you choose a plan" in told


def test_what_ended_long_ago_is_not_told_any_more(subscribed: Entitlement) -> None:
    lapse(subscribed, Status.CANCELED, since=timedelta(days=20))
    assert kinds() == []


def test_a_change_of_plan_is_told_and_a_change_back_again_too(
    subscribed: Entitlement, plan: Plan
) -> None:
    bigger = Plan.objects.create(
        code="big", name="Big", memory_mb=512, cpu_millis=1000, pids=128, disk_gb=9
    )
    for wanted in (bigger, plan):
        Entitlement.objects.update(plan=wanted)
        notices.notices_queue()
        notices.notices_queue()
    subjects = list(Message.objects.order_by("created_at").values_list("subject", flat=True))
    assert subjects == ["Your plan is now Big", "Your plan is now Small"]


def test_a_letter_to_too_many_at_once_waits_for_a_person(alice: User, plan: Plan) -> None:
    for number in range(10):
        tenant = tenant_services.tenant_create(owner=alice, slug=f"tenant-{number}", name="T")
        Entitlement.objects.create(
            tenant=tenant,
            plan=plan,
            told_plan=plan,
            status=Status.PAST_DUE,
            lapsed_at=timezone.now() - timedelta(hours=1),
            stripe_subscription_id=f"sub_{number}",
        )
    assert kinds() == []
    assert "10 of 10 tenants" in Breaker.objects.get(action="e-mail").message


def test_a_payment_brings_a_receipt_with_its_document_and_an_invoice(
    tenant: Tenant,
    starter: Plan,
    buy: Callable[[Tenant, Plan], Checkout],
    account: Account,
) -> None:
    buy(tenant, starter)
    for event in account.events():
        deliver(event)
    work()
    assert kinds() == ["receipt"]
    assert kinds() == ["receipt"]
    letter = Message.objects.get()
    receipt = letter.attachments.get()
    words = " ".join(page.extract_text() for page in PdfReader(io.BytesIO(receipt.content)).pages)
    assert "€9" in words
    assert tenant.name in words
    assert set(Document.objects.values_list("kind", flat=True)) == {"invoice", "receipt"}


def test_the_same_rows_give_the_same_document_byte_for_byte(
    tenant: Tenant,
    starter: Plan,
    buy: Callable[[Tenant, Plan], Checkout],
    account: Account,
) -> None:
    buy(tenant, starter)
    for event in account.events():
        deliver(event)
    work()
    notices.notices_queue()
    first = dict(Document.objects.values_list("kind", "sha256"))
    Message.objects.all().delete()
    Document.objects.all().delete()
    with time_machine.travel(timezone.now() + timedelta(days=2)):
        notices.notices_queue()
    assert dict(Document.objects.values_list("kind", "sha256")) == first
