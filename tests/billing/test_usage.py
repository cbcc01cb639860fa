"""Usage is counted once however often it is told, added up by day, and told to Stripe once."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta

import pytest
import time_machine
from django.db import connection
from django.utils import timezone
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from billing import usage
from billing.models import Entitlement, IncludedUsage, Meter, Plan, UsageCap, UsageDay, UsageEvent
from billing.usage import Use, month_of, usage_record
from sandbox.control import SandboxControl
from tenants.models import Tenant, User
from tests.billing.conftest import Account
from tests.conftest import signed_in

pytestmark = pytest.mark.django_db(transaction=True)
NOON = datetime(2026, 5, 14, 12, tzinfo=UTC)


@pytest.fixture
def use(tenant: Tenant) -> Callable[..., Use]:
    def make(event_id: str, quantity: int = 10, *, at: datetime = NOON) -> Use:
        return Use(event_id, tenant.pk, Meter.INFERENCE_TOKENS, quantity, at)

    return make


def total() -> int:
    return sum(UsageDay.objects.values_list("quantity", flat=True))


def test_an_event_told_again_counts_once(use: Callable[..., Use]) -> None:
    assert usage_record([use("a"), use("b")]) == 2
    assert usage_record([use("a"), use("b"), use("c"), use("c")]) == 1
    assert total() == 30


def test_an_event_told_by_many_workers_at_once_counts_once(use: Callable[..., Use]) -> None:
    def tell(_: int) -> int:
        try:
            return usage_record([use(f"event-{number}") for number in range(20)])
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as workers:
        assert sum(workers.map(tell, range(8))) == 20
    assert total() == 200


@hypothesis_settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(told=st.lists(st.tuples(st.integers(0, 8), st.integers(0, 3)), max_size=30))
def test_the_days_are_always_the_sum_of_the_events(
    use: Callable[..., Use], told: list[tuple[int, int]]
) -> None:
    UsageEvent.objects.all().delete()
    UsageDay.objects.all().delete()
    for number, day in told:
        usage_record([use(f"event-{number}", number, at=NOON + timedelta(days=day))])
    assert total() == sum(UsageEvent.objects.values_list("quantity", flat=True))
    assert UsageEvent.objects.count() == len({number for number, _ in told})


def test_the_month_shows_what_is_included_and_what_the_customer_capped(
    tenant: Tenant, plan: Plan, use: Callable[..., Use]
) -> None:
    Entitlement.objects.create(tenant=tenant, plan=plan, status="active")
    IncludedUsage.objects.create(plan=plan, meter=Meter.INFERENCE_TOKENS, quantity=1000)
    UsageCap.objects.create(tenant=tenant, meter=Meter.INFERENCE_TOKENS, limit=50)
    usage_record([use("a", 30), use("last month", 99, at=NOON - timedelta(days=30))])
    tokens = month_of(tenant.pk, today=date(2026, 5, 31))[0]
    assert (tokens.used, tokens.included, tokens.cap, tokens.left) == (30, 1000, 50, 20)


def test_a_customer_sets_and_removes_a_cap(tenant: Tenant, alice: User) -> None:
    url = f"/api/v1/tenants/{tenant.pk}/usage"
    answer = signed_in(alice).put(f"{url}/caps", {"caps": {"inference_tokens": 500}})
    assert answer.status_code == 200, answer.content
    assert signed_in(alice).get(url).json()["meters"][0]["cap"] == 500
    signed_in(alice).put(f"{url}/caps", {"caps": {"inference_tokens": None}})
    assert signed_in(alice).get(url).json()["meters"][0]["cap"] is None


def test_an_unknown_meter_is_named_and_no_cap_of_the_request_is_set(
    tenant: Tenant, alice: User
) -> None:
    answer = signed_in(alice).put(
        f"/api/v1/tenants/{tenant.pk}/usage/caps", {"caps": {"inference_tokens": 5, "smoke": 1}}
    )
    assert answer.status_code == 400
    assert answer.json()["fields"] == {"smoke": ["There is no meter “smoke”."]}
    assert not UsageCap.objects.exists()


def test_what_is_stored_has_no_cap_that_nothing_would_keep(tenant: Tenant, alice: User) -> None:
    url = f"/api/v1/tenants/{tenant.pk}/usage"
    answer = signed_in(alice).put(f"{url}/caps", {"caps": {"storage_mb_hours": 5}})
    assert (answer.status_code, answer.json()["code"]) == (400, "not_cappable")
    assert "its plan's disk" in answer.json()["fields"]["storage_mb_hours"][0]
    shown = {m["meter"]: m["cappable"] for m in signed_in(alice).get(url).json()["meters"]}
    assert shown == {"inference_tokens": True, "audio_seconds": True, "storage_mb_hours": False}


def test_a_member_without_a_say_in_money_sets_no_cap(tenant: Tenant, bob: User) -> None:
    url = f"/api/v1/tenants/{tenant.pk}/usage"
    assert signed_in(bob).get(url).status_code == 200
    assert signed_in(bob).put(f"{url}/caps", {"caps": {}}).status_code == 403


def test_usage_of_today_is_shown_by_day(
    tenant: Tenant, alice: User, use: Callable[..., Use]
) -> None:
    with time_machine.travel(NOON):
        usage_record([use("a", 7)])
        days = signed_in(alice).get(f"/api/v1/tenants/{tenant.pk}/usage").json()["days"]
    assert days == [{"meter": "inference_tokens", "day": "2026-05-14", "quantity": 7}]


def test_stripe_is_told_each_event_once_and_gets_its_meters_by_itself(
    tenant: Tenant,
    starter: Plan,
    buy: Callable[[Tenant, Plan], object],
    account: Account,
    use: Callable[..., Use],
) -> None:
    usage.meters_ensure.cache_clear()
    buy(tenant, starter)
    usage_record([use("a", at=timezone.now()), use("b", at=timezone.now())])
    assert usage.usage_report() == 2
    assert usage.usage_report() == 0
    assert {m["event_name"] for m in account.all("billing/meters")} == set(Meter.values)
    UsageEvent.objects.update(reported_at=None)
    assert usage.usage_report() == 2, "what Stripe has already is known as told"
    meter = next(m for m in account.all("billing/meters") if m["event_name"] == "inference_tokens")
    now = int(timezone.now().timestamp())
    summaries = account.all(
        f"billing/meters/{meter['id']}/event_summaries",
        customer=account.all("customers")[0]["id"],
        start_time=now - now % 60 - 3600,
        end_time=now - now % 60 + 3600,
    )
    assert sum(summary["aggregated_value"] for summary in summaries) == 20


def test_what_stripe_could_not_take_is_kept_with_its_reason_and_told_later(
    tenant: Tenant,
    starter: Plan,
    buy: Callable[[Tenant, Plan], object],
    stripe: SandboxControl,
    use: Callable[..., Use],
) -> None:
    usage.meters_ensure.cache_clear()
    buy(tenant, starter)
    usage_record([use("a", at=timezone.now())])
    stripe.add_fault("stripe", "status", path="/v1/billing/meter_events", status=503, times=4)
    assert usage.usage_report() == 0
    event = UsageEvent.objects.get()
    assert event.error
    assert event.next_attempt_at > timezone.now()
    stripe.clear()
    UsageEvent.objects.update(next_attempt_at=timezone.now())
    assert usage.usage_report() == 1
