"""What workers make of the stored deliveries: Stripe's word of now, whatever the payload says."""

import copy
import random
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from djstripe import models as djstripe
from djstripe.models import WebhookEventTrigger

from billing import inbox
from billing.models import Checkout, Entitlement, Plan
from billing.services import checkout_open
from billing.tasks import checkouts_sweep, inbox_sweep, trigger_process
from sandbox.control import SandboxControl
from tenants.models import Tenant
from tests.billing.conftest import Account, deliver, work

pytestmark = pytest.mark.django_db(transaction=True)
Buy = Callable[[Tenant, Plan], Checkout]


def test_a_paid_checkout_becomes_an_entitlement(
    tenant: Tenant, starter: Plan, bought: Checkout, account: Account
) -> None:
    for event in account.events():
        assert deliver(event).status_code == 200
    assert not Entitlement.objects.exists(), "only a worker may ask Stripe"
    work()
    entitlement = Entitlement.objects.get(tenant=tenant)
    assert (entitlement.status, entitlement.plan, entitlement.bots) == ("active", starter, 1)
    assert entitlement.entitled
    assert entitlement.current_period_end > timezone.now()
    bought.refresh_from_db()
    assert bought.status == Checkout.Status.COMPLETE


def test_the_whole_stream_of_a_purchase_is_stored_without_an_error(
    bought: Checkout, account: Account
) -> None:
    events = account.events()
    for event in events:
        deliver(event)
    work()
    broken = WebhookEventTrigger.objects.exclude(processed=True, exception="", traceback="")
    assert {t.json_body["type"]: t.traceback for t in broken} == {}
    assert djstripe.Event.objects.count() == len(events)
    stored = {
        model: model.objects.exists()
        for model in (
            djstripe.Customer,
            djstripe.Subscription,
            djstripe.Invoice,
            djstripe.Product,
            djstripe.Price,
            djstripe.PaymentIntent,
            djstripe.Session,
        )
    }
    assert all(stored.values()), stored


def test_the_entitlement_is_what_stripe_says_now_and_not_what_an_old_delivery_says(
    tenant: Tenant, bought: Checkout, account: Account
) -> None:
    old = next(e for e in account.events() if e["type"] == "customer.subscription.created")
    assert old["data"]["object"]["status"] != "canceled"
    account.delete(f"subscriptions/{old['data']['object']['id']}")
    deliver(old)
    work()
    entitlement = Entitlement.objects.get(tenant=tenant)
    assert (entitlement.status, entitlement.entitled) == ("canceled", False)


def test_a_payload_that_lies_changes_nothing(
    tenant: Tenant, bought: Checkout, account: Account
) -> None:
    event = next(e for e in account.events() if e["type"] == "customer.subscription.created")
    lie = copy.deepcopy(event)
    lie["data"]["object"]["status"] = "canceled"
    lie["data"]["object"]["items"]["data"][0]["quantity"] = 50
    deliver(lie)
    work()
    entitlement = Entitlement.objects.get(tenant=tenant)
    assert (entitlement.status, entitlement.bots) == ("active", 1)


@pytest.mark.parametrize("order", ["twice", "backwards", "shuffled", "subscription only"])
def test_any_order_and_number_of_deliveries_ends_in_the_same(
    order: str, tenant: Tenant, starter: Plan, bought: Checkout, account: Account
) -> None:
    for event in rearranged(account.events(), order):
        deliver(event)
        if order == "twice":
            work()
    work()
    entitlement = Entitlement.objects.get(tenant=tenant)
    assert (entitlement.status, entitlement.plan, entitlement.bots) == ("active", starter, 1)
    assert tenant.instances.count() <= 1


def rearranged(events: list[Any], order: str) -> list[Any]:
    if order == "twice":
        return [event for event in events for _ in range(2)]
    if order == "backwards":
        return events[::-1]
    if order == "shuffled":
        return random.sample(events, len(events))
    return [event for event in events if event["type"].startswith("customer.subscription")]


def test_a_purchase_whose_deliveries_are_all_lost_is_found_by_the_sweep(
    tenant: Tenant, starter: Plan, bought: Checkout
) -> None:
    long_ago(bought)
    checkouts_sweep()
    entitlement = Entitlement.objects.get(tenant=tenant)
    assert (entitlement.status, entitlement.plan) == ("active", starter)
    bought.refresh_from_db()
    assert bought.status == Checkout.Status.COMPLETE


def test_the_sweep_finds_a_purchase_although_stripe_failed_in_between(
    tenant: Tenant, bought: Checkout, stripe: SandboxControl
) -> None:
    """The row may say `complete` only once the entitlement is stored, or nobody looks again."""
    long_ago(bought)
    stripe.add_fault("stripe", "status", path="/v1/subscriptions", status=500, times=4)
    checkouts_sweep()
    assert not Entitlement.objects.exists()
    stripe.clear()
    checkouts_sweep()
    assert Entitlement.objects.get(tenant=tenant).status == "active"


def test_one_checkout_that_stripe_does_not_know_does_not_hide_the_others(
    tenant: Tenant, bought: Checkout, charlie: Any, starter: Plan
) -> None:
    lost = Checkout.objects.create(
        tenant=charlie.tenants.get(),
        plan=starter,
        status=Checkout.Status.OPEN,
        stripe_session_id="cs_test_gone",
    )
    long_ago(bought)
    long_ago(lost)  # newer, and so looked at first
    checkouts_sweep()
    assert Entitlement.objects.get(tenant=tenant).status == "active"


def long_ago(checkout: Checkout) -> None:
    an_hour = timezone.now() - timedelta(hours=1)
    Checkout.objects.filter(pk=checkout.pk).update(created_at=an_hour)


def test_the_sweep_marks_an_expired_checkout(
    tenant: Tenant, starter: Plan, stripe: SandboxControl
) -> None:
    checkout = checkout_open(tenant=tenant, plan_code=starter.code)
    stripe.advance_clock(timedelta(days=2))
    long_ago(checkout)
    checkouts_sweep()
    checkout.refresh_from_db()
    assert checkout.status == Checkout.Status.EXPIRED
    assert not Entitlement.objects.filter(status="active").exists()


class TestADeliveryThatCannotBeProcessed:
    """The row keeps what went wrong, and the sweep tries again with growing waits."""

    @pytest.fixture
    def trigger(
        self, bought: Checkout, account: Account, stripe: SandboxControl
    ) -> WebhookEventTrigger:
        """One delivery, taken up once while Stripe was down."""
        event = next(e for e in account.events() if e["type"] == "customer.subscription.created")
        deliver(event)
        stripe.add_fault("stripe", "status", path="/v1/subscriptions*", status=500, times=None)
        work()
        return WebhookEventTrigger.objects.get()

    def test_keeps_its_error_with_the_traceback(self, trigger: WebhookEventTrigger) -> None:
        assert not trigger.processed
        assert "ProviderError" in trigger.exception
        assert "Traceback" in trigger.traceback
        assert not Entitlement.objects.exists()

    def test_is_processed_by_the_sweep_once_stripe_is_back(
        self, trigger: WebhookEventTrigger, stripe: SandboxControl, tenant: Tenant
    ) -> None:
        stripe.clear()
        wind_back(trigger, failing_for=timedelta(0), last_try=timedelta(seconds=20))
        inbox_sweep()
        trigger.refresh_from_db()
        assert (trigger.processed, trigger.exception, trigger.traceback) == (True, "", "")
        assert Entitlement.objects.get(tenant=tenant).status == "active"

    @pytest.mark.parametrize(
        ("failing_for", "wait"),
        [
            (timedelta(0), timedelta(seconds=15)),
            (timedelta(minutes=4), timedelta(minutes=4)),
            (timedelta(hours=30), timedelta(hours=1)),
        ],
    )
    def test_waits_as_long_as_it_has_been_failing(
        self, trigger: WebhookEventTrigger, failing_for: timedelta, wait: timedelta
    ) -> None:
        moment = timedelta(seconds=5)
        wind_back(trigger, failing_for=failing_for, last_try=wait - moment)
        assert inbox.triggers_due() == []
        wind_back(trigger, failing_for=failing_for, last_try=wait + moment)
        assert inbox.triggers_due() == [trigger.pk]

    def test_does_not_stand_before_newer_ones_while_it_waits(
        self, trigger: WebhookEventTrigger
    ) -> None:
        """Also not when hundreds wait with it."""
        row = {"valid": True, "body": trigger.body, "remote_ip": "127.0.0.1", "headers": {}}
        more = [WebhookEventTrigger(**row) for _ in range(inbox.BATCH + 1)]
        *failing, fresh = WebhookEventTrigger.objects.bulk_create(more)
        for each in [trigger, *failing]:
            wind_back(each, failing_for=timedelta(hours=5), last_try=timedelta(minutes=30))
        wind_back(fresh, failing_for=timedelta(0), last_try=timedelta(seconds=20))
        assert inbox.triggers_due() == [fresh.pk]

    def test_is_given_up_when_stripe_would_give_up(self, trigger: WebhookEventTrigger) -> None:
        wind_back(trigger, failing_for=timedelta(days=3), last_try=timedelta(hours=2))
        assert inbox.triggers_due() == []


def wind_back(trigger: WebhookEventTrigger, *, failing_for: timedelta, last_try: timedelta) -> None:
    tried = timezone.now() - last_try
    WebhookEventTrigger.objects.filter(pk=trigger.pk).update(
        updated=tried, created=tried - failing_for
    )


def test_an_event_of_somebody_who_is_no_customer_is_stored_and_entitles_nobody(
    stripe: SandboxControl, account: Account
) -> None:
    account.post("customers", email="stranger@example.com")
    for event in account.events():
        deliver(event)
    work()
    assert WebhookEventTrigger.objects.get().processed
    assert not Entitlement.objects.exists()


def test_a_refused_delivery_is_never_processed(bought: Checkout, account: Account) -> None:
    deliver(account.events()[-1], secret="whsec_wrong")
    trigger = WebhookEventTrigger.objects.get()
    trigger_process(trigger.pk)
    trigger.refresh_from_db()
    assert not trigger.processed
    assert not djstripe.Event.objects.exists()


def test_the_cause_of_an_entitlement_is_the_event_that_told_of_it(
    tenant: Tenant, bought: Checkout, account: Account
) -> None:
    event = next(e for e in account.events() if e["type"] == "customer.subscription.created")
    deliver(event)
    work()
    assert Entitlement.objects.get(tenant=tenant).correlation_id == event["id"]


def test_no_table_of_dj_stripe_holds_a_key(
    bought: Checkout, account: Account, settings: Any
) -> None:
    for event in account.events():
        deliver(event)
    work()
    dump = everything_stored("djstripe_")
    assert account.events()[0]["id"] in dump, "the dump sees what is stored"
    assert settings.STRIPE_SECRET_KEY not in dump
    assert settings.STRIPE_WEBHOOK_SECRET not in dump


def everything_stored(prefix: str) -> str:
    with connection.cursor() as cursor:
        tables = [t for t in connection.introspection.table_names(cursor) if t.startswith(prefix)]
        rows = []
        for table in tables:
            cursor.execute(f'SELECT * FROM "{table}"')
            rows += [str(row) for row in cursor.fetchall()]
    return "\n".join(rows)
