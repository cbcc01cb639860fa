"""Payments that were taken back suspend, whatever is paid later; staff and won disputes lift."""

from collections.abc import Callable
from typing import Any

import pytest
from djstripe.models import Customer, WebhookEventTrigger

from billing import holds
from billing.models import Checkout, Entitlement, Hold, Plan
from billing.signals import entitlement_changed
from billing.standing import Service, standing_for
from fleet.models import Instance, Operation
from sandbox.control import SandboxControl
from tenants.models import Tenant
from tests.billing.conftest import Account, deliver, work

pytestmark = pytest.mark.django_db(transaction=True)
Buy = Callable[[Tenant, Plan], Checkout]


class Shop:
    """Alice's paid subscription, and all deliveries that come because of it."""

    def __init__(self, tenant: Tenant, stripe: SandboxControl, account: Account) -> None:
        self.tenant, self.stripe, self.account = tenant, stripe, account
        self.told: set[str] = set()

    @property
    def customer(self) -> str:
        return str(Customer.objects.get(subscriber=self.tenant).id)

    @property
    def charge(self) -> Any:
        return self.account.all("charges", customer=self.customer)[0]

    def listen(self) -> None:
        """Every event since the last time is delivered and worked on."""
        for event in self.account.events():
            if event["id"] not in self.told:
                deliver(event)
                self.told.add(event["id"])
        work()
        failed = WebhookEventTrigger.objects.exclude(exception="")
        assert [row.traceback for row in failed] == []

    def service(self) -> tuple[str, str]:
        standing = standing_for(self.tenant.pk)
        return standing.service, standing.reason


@pytest.fixture
def shop(tenant: Tenant, starter: Plan, buy: Buy, stripe: SandboxControl, account: Account) -> Shop:
    buy(tenant, starter)
    shop = Shop(tenant, stripe, account)
    shop.listen()
    assert shop.service() == (Service.RUN, "")
    return shop


def test_a_disputed_charge_suspends_although_the_subscription_is_active(shop: Shop) -> None:
    dispute = shop.stripe.dispute(customer=shop.customer)
    shop.listen()
    assert Entitlement.objects.get().status == "active"
    assert shop.service() == (Service.SUSPEND, "chargeback")
    hold = Hold.objects.get()
    assert hold.placed_by == f"stripe: {dispute}"
    assert "fraudulent" in hold.note


def test_a_running_bot_is_stopped_by_an_operation_that_says_why(
    shop: Shop, instance: Instance
) -> None:
    Instance.objects.update(status=Instance.Status.RUNNING)
    shop.stripe.dispute(customer=shop.customer)
    shop.listen()
    operation = Operation.objects.get()
    assert (operation.kind, operation.subject_id) == ("suspend", instance.pk)
    assert operation.cause == "standing: chargeback"


def test_a_won_dispute_lifts_its_hold(shop: Shop) -> None:
    dispute = shop.stripe.dispute(customer=shop.customer)
    shop.listen()
    shop.stripe.close_dispute(dispute, "won")
    shop.listen()
    assert shop.service() == (Service.RUN, "")
    hold = Hold.objects.get()
    assert hold.lifted_by == f"stripe: {dispute}"
    assert "won" in hold.lift_note


def test_a_lost_dispute_stays_a_reason(shop: Shop) -> None:
    shop.stripe.close_dispute(shop.stripe.dispute(customer=shop.customer), "lost")
    shop.listen()
    assert shop.service() == (Service.SUSPEND, "chargeback")


def test_paying_lifts_no_hold(shop: Shop) -> None:
    shop.stripe.dispute(customer=shop.customer)
    shop.listen()
    for event in shop.account.events():
        if event["type"] in {"invoice.paid", "customer.subscription.updated"}:
            deliver(event)
    work()
    assert shop.service() == (Service.SUSPEND, "chargeback")


def test_a_hold_that_staff_lifted_does_not_come_back_with_a_late_delivery(shop: Shop) -> None:
    shop.stripe.dispute(customer=shop.customer)
    shop.listen()
    holds.hold_lift(hold=Hold.objects.get(), note="Alice called.", by="staff@example.com")
    shop.told.clear()
    shop.listen()
    assert shop.service() == (Service.RUN, "")
    assert Hold.objects.count() == 1


def test_a_dispute_that_ended_before_any_delivery_came_places_nothing(shop: Shop) -> None:
    shop.stripe.close_dispute(shop.stripe.dispute(customer=shop.customer), "won")
    shop.listen()
    assert not Hold.objects.exists()


def test_a_full_refund_suspends(shop: Shop) -> None:
    charge = shop.charge["id"]
    shop.account.post("refunds", charge=charge)
    shop.listen()
    assert shop.service() == (Service.SUSPEND, "refund")
    assert Hold.objects.get().placed_by == f"stripe: {charge}"


def test_a_refund_of_a_part_does_not(shop: Shop) -> None:
    shop.account.post("refunds", charge=shop.charge["id"], amount=100)
    shop.listen()
    assert shop.service() == (Service.RUN, "")


def test_two_parts_that_make_the_whole_do(shop: Shop) -> None:
    shop.account.post("refunds", charge=shop.charge["id"], amount=100)
    shop.account.post("refunds", charge=shop.charge["id"])
    shop.listen()
    assert shop.service() == (Service.SUSPEND, "refund")


def test_a_dispute_and_a_refund_are_two_reasons_and_each_lifts_alone(shop: Shop) -> None:
    dispute = shop.stripe.dispute(customer=shop.customer)
    shop.listen()
    holds.hold_place(tenant=shop.tenant, reason="ban", note="Sends spam.", by="staff@example.com")
    assert shop.service() == (Service.SUSPEND, "ban, chargeback")
    shop.stripe.close_dispute(dispute, "won")
    shop.listen()
    assert shop.service() == (Service.SUSPEND, "ban")


def test_whoever_suspends_is_told_after_the_hold_is_committed(shop: Shop) -> None:
    seen: list[bool] = []

    def hear(sender: object, **_: Any) -> None:
        seen.append(Hold.objects.filter(lifted_at=None).exists())

    shop.stripe.dispute(customer=shop.customer)
    entitlement_changed.connect(hear)
    try:
        shop.listen()
    finally:
        entitlement_changed.disconnect(hear)
    assert seen[-1]


def test_while_stripe_is_away_the_delivery_waits_with_its_error(shop: Shop) -> None:
    shop.stripe.dispute(customer=shop.customer)
    shop.stripe.add_fault("stripe", "status", status=500, path="/v1/disputes", times=None)
    created = shop.account.all("events", type="charge.dispute.created")[0]
    deliver(created)
    work()
    assert "disputes" in WebhookEventTrigger.objects.latest("id").exception
    assert not Hold.objects.exists()
    shop.stripe.clear()
    work()
    assert shop.service() == (Service.SUSPEND, "chargeback")
