"""Lost webhooks do not matter: Stripe's list of events brings what no delivery brought."""

from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs

import pytest
from django.utils import timezone
from djstripe.models import Event, WebhookEventTrigger

from billing import backfill
from billing.models import Checkout, Entitlement, EventCursor
from billing.tasks import events_recover
from sandbox.control import SandboxControl
from tenants.models import Tenant
from tests.billing.conftest import Account, deliver, work
from wopr.common.errors import ProviderError

pytestmark = pytest.mark.django_db(transaction=True)


def stored() -> list[str]:
    """The ids in the inbox, in the order in which they came."""
    return [row.json_body["id"] for row in WebhookEventTrigger.objects.order_by("id")]


def cursor() -> EventCursor:
    return EventCursor.objects.get()


def asked_from(stripe: SandboxControl) -> list[int]:
    """From which moment on each call wanted the list of events."""
    calls = stripe.requests("stripe", "/v1/events")
    return [int(parse_qs(call["query"])["created[gte]"][0]) for call in calls]


def test_events_that_no_webhook_brought_are_found_and_processed(
    tenant: Tenant, bought: Checkout, account: Account
) -> None:
    events_recover()
    assert Entitlement.objects.get(tenant=tenant).status == "active"
    assert {e["id"] for e in account.events()} == set(Event.objects.values_list("id", flat=True))
    broken = WebhookEventTrigger.objects.exclude(processed=True, exception="")
    assert [row.traceback for row in broken] == []


def test_what_is_found_is_stored_oldest_first_and_says_where_it_is_from(
    bought: Checkout, account: Account
) -> None:
    backfill.events_recover()
    assert stored() == [event["id"] for event in account.events()]
    for row in WebhookEventTrigger.objects.all():
        assert row.valid
        assert row.headers == {"Source": "Stripe's list of events"}


def test_what_was_delivered_is_not_stored_again(bought: Checkout, account: Account) -> None:
    processed, waiting, lost = account.events()[:3]
    deliver(processed)
    work()
    deliver(waiting)
    backfill.events_recover()
    assert sorted(stored()) == sorted(event["id"] for event in account.events())
    row = WebhookEventTrigger.objects.get(body__contains=lost["id"], headers__has_key="Source")
    assert not row.processed


def test_an_event_that_only_a_stranger_claimed_to_bring_is_still_found(
    bought: Checkout, account: Account
) -> None:
    claimed = account.events()[0]
    deliver(claimed, secret="whsec_of_a_stranger")
    backfill.events_recover()
    assert WebhookEventTrigger.objects.filter(body__contains=claimed["id"], valid=True).exists()


def test_a_second_run_finds_nothing(bought: Checkout, account: Account) -> None:
    events_recover()
    assert backfill.events_recover() == []
    assert cursor().recovered == len(account.events())


def test_the_first_run_looks_back_as_far_as_stripe_keeps_events(
    bought: Checkout, stripe: SandboxControl
) -> None:
    backfill.events_recover()
    assert abs(min(asked_from(stripe)) - (timezone.now() - timedelta(days=30)).timestamp()) < 60


def test_later_runs_read_from_the_cursor_with_some_overlap(
    bought: Checkout, stripe: SandboxControl
) -> None:
    backfill.events_recover()
    until = cursor().read_until
    before = len(asked_from(stripe))
    backfill.events_recover()
    assert asked_from(stripe)[before:] == [int((until - backfill.OVERLAP).timestamp())]


def test_the_cursor_stays_when_the_list_could_not_be_read_to_its_end(
    bought: Checkout, stripe: SandboxControl, account: Account
) -> None:
    for _ in range(120):
        account.post("customers", email="many@example.com")
    stripe.add_fault("stripe", "status", status=500, path="/v1/events", times=None)
    with pytest.raises(ProviderError):
        backfill.events_recover()
    assert not EventCursor.objects.exists()
    assert stored() == []
    stripe.clear()
    stripe.drop_deliveries()
    assert len(backfill.events_recover()) > 120, "more than a page of the list"


def test_an_event_from_the_future_does_not_hide_those_of_today(
    bought: Checkout, stripe: SandboxControl, account: Account
) -> None:
    """Stripe's clock, or its sandbox's, may run ahead of ours by any length of time."""
    stripe.advance_clock(timedelta(days=90))
    backfill.events_recover()
    assert cursor().read_until <= timezone.now()


def test_after_a_long_absence_every_day_is_read(bought: Checkout, account: Account) -> None:
    now = timezone.now()
    EventCursor.objects.create(
        name=backfill.CURSOR, read_until=now - timedelta(days=9, hours=5), ran_at=now
    )
    events_recover()
    assert stored() == [event["id"] for event in account.events()]


def test_a_recovered_event_that_cannot_be_processed_waits_with_its_error(
    tenant: Tenant, bought: Checkout, stripe: SandboxControl
) -> None:
    stripe.add_fault("stripe", "status", status=500, path="/v1/subscriptions*", times=None)
    events_recover()
    failing: Any = WebhookEventTrigger.objects.filter(processed=False).first()
    assert "ProviderError" in failing.exception
    stripe.clear()
    work()
    assert Entitlement.objects.get(tenant=tenant).status == "active"
