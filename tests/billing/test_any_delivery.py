"""Whatever becomes of the deliveries of a story, what the tenant may run in the end is the same.

Hypothesis tells the stories: after each chapter some of the events so far are delivered, in any
order and any number of times, and others never. Then Stripe's list is read.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from djstripe.models import Customer, Event, WebhookEventTrigger
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from billing.models import Checkout, Entitlement, EventCursor, Plan, Price
from billing.services import checkout_open
from billing.tasks import events_recover
from sandbox.control import FAILING_CARD, GOOD_CARD, SandboxControl
from tenants.models import Tenant
from tests.billing.conftest import Account, deliver, plan_at_stripe, work

pytestmark = pytest.mark.django_db(transaction=True)
MONTH = timedelta(days=31)
CHAPTERS = 4
# For each chapter: which of the events so far arrive, as shares of the list; none, twice, shuffled.
Fate = list[list[float]]
fates: st.SearchStrategy[Fate] = st.lists(
    st.lists(st.floats(0, 1, exclude_max=True), max_size=5), min_size=CHAPTERS, max_size=CHAPTERS
)


class Story:
    """Alice pays, fails to pay, pays again, and cancels."""

    def __init__(self, stripe: SandboxControl, account: Account, tenant: Tenant) -> None:
        self.stripe, self.account, self.tenant = stripe, account, tenant

    def chapters(self) -> list[Callable[[], object]]:
        return [self.buys, self.cannot_pay, self.pays_again, self.cancels]

    def buys(self) -> None:
        checkout = checkout_open(tenant=self.tenant, plan_code="starter")
        self.stripe.pay_checkout(checkout.stripe_session_id)

    def cannot_pay(self) -> None:
        self.stripe.set_card(self.customer, FAILING_CARD)
        self.stripe.advance_clock(MONTH)

    def pays_again(self) -> None:
        self.stripe.set_card(self.customer, GOOD_CARD)
        self.stripe.advance_clock(timedelta(days=6))

    def cancels(self) -> None:
        subscription = self.account.all("subscriptions", customer=self.customer)[0]["id"]
        self.account.post(f"subscriptions/{subscription}", cancel_at_period_end="true")

    @property
    def customer(self) -> str:
        return str(Customer.objects.get(subscriber=self.tenant).id)


@pytest.fixture
def begin(stripe: SandboxControl, account: Account, tenant: Tenant) -> Callable[[], Story]:
    def fresh() -> Story:
        """A world in which nothing has happened yet."""
        stripe.reset()
        stripe.drop_deliveries()
        for model in (Checkout, Entitlement, EventCursor, WebhookEventTrigger, Event, Customer):
            model.objects.all().delete()
        Plan.objects.update(stripe_product_id="")
        Price.objects.update(stripe_price_id="")
        plan_at_stripe("starter")
        return Story(stripe, account, tenant)

    return fresh


def outcome(tenant: Tenant) -> dict[str, Any]:
    """What the tenant may run in the end, without ids and times, which differ in each world."""
    return Entitlement.objects.values(
        "status", "plan__code", "bots", "cancel_at_period_end", "lapsed_at"
    ).get(tenant=tenant)


@pytest.fixture
def perfect(begin: Callable[[], Story]) -> dict[str, Any]:
    """The outcome where every event is delivered once, at once and in order."""
    story = begin()
    told = 0
    for chapter in story.chapters():
        chapter()
        events = story.account.events()
        for event in events[told:]:
            deliver(event)
        told = len(events)
        work()
    return outcome(story.tenant)


@settings(
    max_examples=4,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(fate=fates)
@example(fate=[[]] * CHAPTERS)  # no delivery ever comes
@example(fate=[[0.9, 0.5, 0.1, 0.1]] * CHAPTERS)  # backwards, and one of them twice
def test_any_fate_of_the_deliveries_ends_as_perfect_delivery_does(
    fate: Fate, begin: Callable[[], Story], perfect: dict[str, Any]
) -> None:
    story = begin()
    for chapter, arriving in zip(story.chapters(), fate, strict=True):
        chapter()
        so_far = story.account.events()
        for share in arriving:
            deliver(so_far[int(share * len(so_far))])
        work()
    events_recover()
    assert perfect["status"] == "active"
    assert perfect["cancel_at_period_end"]
    assert outcome(story.tenant) == perfect
    stored = set(Event.objects.values_list("id", flat=True))
    assert {event["id"] for event in story.account.events()} <= stored
