"""A tenant's page tells staff what letters and dashboard tell customers: state, cause, dates."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from billing import holds
from billing.first_plans import first_plans_ensure
from billing.models import Entitlement, IncludedUsage, Meter, Plan, UsageCap, UsageDay
from tenants.models import Tenant, User
from tests.admin.pages import change_page, text_of
from tests.conftest import let_in

pytestmark = pytest.mark.django_db
FAILED_AT = datetime(2026, 5, 4, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def policy(settings: Any) -> None:
    settings.WOPR_GRACE_DAYS, settings.WOPR_RETENTION_DAYS = 7, 30


@pytest.fixture
def entitlement(tenant: Tenant, plan: Plan) -> Entitlement:
    return Entitlement.objects.create(tenant=tenant, plan=plan, status="active", bots=1)


def told(client: Client, row: Any, at: datetime) -> str:
    """The page's own words about the service, at a moment."""
    with time_machine.travel(at, tick=False):
        page = text_of(client, change_page(row))
    return " ".join(page.partition("<h3>Service</h3>")[2].partition("</ul>")[0].split())


@pytest.mark.parametrize(
    ("days", "state", "words"),
    [
        (1, "running", "not paid: to be suspended on 11 May 2026, ends on 10 June 2026"),
        (8, "suspended", "not paid: suspended since 11 May 2026, ends on 10 June 2026"),
        (40, "terminated", "not paid: suspended on 11 May 2026, ended on 10 June 2026"),
    ],
)
def test_arrears_are_told_with_their_dates(
    days: int, state: str, words: str, entitlement: Entitlement, tenant: Tenant
) -> None:
    entitlement.status, entitlement.lapsed_at = "past_due", FAILED_AT
    entitlement.save()
    at = FAILED_AT + timedelta(days=days)
    with time_machine.travel(at, tick=False):
        staff = signed_in_staff()
    for row in (tenant, entitlement):
        line = told(staff, row, at)
        assert words in line
        assert f'data-state="{state}"' in line


def signed_in_staff() -> Client:
    """Signed in at that moment: a session does not last for months."""
    client = Client()
    staff = User.objects.create_superuser("clerk@example.com")
    let_in(client, staff)
    return client


def test_who_pays_and_who_is_on_hold_is_told(
    entitlement: Entitlement, tenant: Tenant, staff_client: Client
) -> None:
    now = timezone.now()
    assert "paid" in told(staff_client, tenant, now)
    holds.hold_place(tenant=tenant, reason="chargeback", note="Disputed.", by="staff")
    line = told(staff_client, tenant, now)
    assert "on hold: chargeback" in line
    assert 'data-state="suspended"' in line


def test_a_reprieve_is_named_as_what_keeps_the_bot_running(
    entitlement: Entitlement, tenant: Tenant, staff_client: Client
) -> None:
    entitlement.status = "past_due"
    entitlement.lapsed_at = timezone.now() - timedelta(days=20)
    entitlement.save()
    holds.reprieve_grant(tenant=tenant, until=None, note="The bank is slow.", by="staff")
    line = told(staff_client, tenant, timezone.now())
    assert "runs by a reprieve" in line
    assert 'data-state="running"' in line


def test_who_never_bought_anything_has_no_service(tenant: Tenant, staff_client: Client) -> None:
    assert "none" in told(staff_client, tenant, timezone.now())


def test_usage_is_shown_against_what_is_included_and_the_customers_cap(
    entitlement: Entitlement, tenant: Tenant, plan: Plan, staff_client: Client
) -> None:
    IncludedUsage.objects.create(plan=plan, meter=Meter.INFERENCE_TOKENS, quantity=1_000_000)
    UsageCap.objects.create(tenant=tenant, meter=Meter.INFERENCE_TOKENS, limit=2_000_000)
    today = timezone.now().date()
    UsageDay.objects.create(tenant=tenant, meter=Meter.INFERENCE_TOKENS, day=today, quantity=12_345)
    page = text_of(staff_client, change_page(tenant))
    assert "Inference tokens: 12,345 of 1,000,000 included, at most 2,000,000" in page


def test_staff_set_what_a_plan_includes(plan: Plan, staff_client: Client) -> None:
    page = text_of(staff_client, change_page(plan))
    assert 'name="included_usage-TOTAL_FORMS"' in page


def test_the_first_plans_include_their_own_disk_all_month(db: None) -> None:
    first_plans_ensure()
    starter = Plan.objects.get(code="starter")
    included = dict(starter.included_usage.values_list("meter", "quantity"))
    assert set(included) == set(Meter.values)
    assert included["storage_mb_hours"] == starter.disk_gb * 1000 * 24 * 31
