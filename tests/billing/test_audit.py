"""The nightly comparison: every difference from Stripe is found, priced, kept and closed."""

import json
from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core import mail
from django.core.management import CommandError, call_command
from django.test import Client
from djstripe.models import Customer

from billing import audit
from billing.entitlements import entitlement_refresh
from billing.models import Checkout, Entitlement, Finding, Plan
from billing.tasks import stripe_audit
from sandbox.control import FAILING_CARD, GOOD_CARD, SandboxControl
from tenants.models import Tenant, User
from tests.admin.pages import change_page, press, text_of
from tests.billing.conftest import Account, Broker
from wopr.common.errors import ProviderError

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def settled(tenant: Tenant, bought: Checkout) -> Entitlement:
    """Alice has paid for Starter, and may run it."""
    entitlement = entitlement_refresh(tenant_id=tenant.pk)
    assert entitlement is not None
    return entitlement


@pytest.fixture
def subscribe(stripe: SandboxControl, account: Account) -> Callable[[str, Any], None]:
    """Somebody starts a subscription at Stripe, past our checkout."""

    def start(customer: str, plan: Any) -> None:
        stripe.set_card(customer, GOOD_CARD)
        price = {"items[0][price]": plan.price("month").stripe_price_id}
        account.post("subscriptions", customer=customer, **price)

    return start


def the_finding() -> Finding:
    (finding,) = audit.audit()
    return finding


def test_nothing_is_found_where_all_agree(settled: Entitlement) -> None:
    assert audit.audit() == []


def test_who_paid_and_has_nothing_is_found_with_the_money_at_stake(
    tenant: Tenant, bought: Checkout
) -> None:
    finding = the_finding()
    assert finding.kind == Finding.Kind.PAID_NOT_ENTITLED
    assert finding.subject == f"tenant:{tenant.pk}"
    assert (finding.amount, finding.currency) == (900, "eur")
    assert "Starter, 1 bots of 256 MB and 2 GB, active" in finding.detail


def test_who_runs_and_does_not_pay_is_found(
    tenant: Tenant, settled: Entitlement, account: Account
) -> None:
    account.delete(f"subscriptions/{settled.stripe_subscription_id}")
    finding = the_finding()
    assert finding.kind == Finding.Kind.ENTITLED_NOT_PAID
    assert (finding.amount, finding.currency) == (900, "eur")


def test_who_runs_and_is_unknown_to_stripe_is_found(tenant: Tenant, starter: Plan) -> None:
    Entitlement.objects.create(tenant=tenant, plan=starter, status="active", bots=1)
    assert the_finding().kind == Finding.Kind.ENTITLED_NOT_PAID


@pytest.mark.parametrize("change", [{"bots": 7}, {"status": "trialing"}])
def test_other_terms_than_at_stripe_are_found(settled: Entitlement, change: dict[str, Any]) -> None:
    Entitlement.objects.update(**change)
    assert the_finding().kind == Finding.Kind.OTHER_TERMS


def test_another_plan_than_at_stripe_is_found(settled: Entitlement, team: Plan) -> None:
    Entitlement.objects.update(plan=team)
    finding = the_finding()
    assert finding.kind == Finding.Kind.OTHER_TERMS
    assert "Stripe: Starter" in finding.detail
    assert "here Team" in finding.detail


def test_a_failed_payment_that_nobody_told_of_is_found(
    settled: Entitlement, stripe: SandboxControl
) -> None:
    stripe.set_card(str(Customer.objects.get().id), FAILING_CARD)
    stripe.advance_clock(timedelta(days=32))
    assert "past_due" in the_finding().detail


def test_a_second_subscription_is_found_with_what_is_paid_for_nothing(
    settled: Entitlement,
    team: Plan,
    subscribe: Callable[[str, Any], None],
    stripe: SandboxControl,
) -> None:
    stripe.advance_clock(timedelta(hours=1))
    subscribe(str(Customer.objects.get().id), team)
    entitlement_refresh(tenant_id=settled.tenant_id)
    finding = the_finding()
    assert finding.kind == Finding.Kind.TWO_SUBSCRIPTIONS
    assert finding.amount == 900
    assert f"beside it {settled.stripe_subscription_id}" in finding.detail


def test_a_subscription_of_nobody_is_found(
    starter: Plan, account: Account, subscribe: Callable[[str, Any], None]
) -> None:
    stranger = account.post("customers", email="stranger@example.com")["id"]
    subscribe(stranger, starter)
    finding = the_finding()
    assert (finding.kind, finding.subject) == (Finding.Kind.UNKNOWN_CUSTOMER, stranger)
    assert (finding.amount, finding.currency) == (900, "eur")


def test_a_finding_stays_one_row_while_it_lasts_and_is_closed_when_it_is_gone(
    tenant: Tenant, bought: Checkout
) -> None:
    first = the_finding()
    again = the_finding()
    assert (again.pk, again.first_seen) == (first.pk, first.first_seen)
    assert again.last_seen > first.last_seen
    entitlement_refresh(tenant_id=tenant.pk)
    assert audit.audit() == []
    assert Finding.objects.get().resolved_at is not None


def test_what_comes_back_is_a_new_finding(settled: Entitlement) -> None:
    for _ in range(2):
        Entitlement.objects.update(bots=7)
        assert len(audit.audit()) == 1
        entitlement_refresh(tenant_id=settled.tenant_id)
        assert audit.audit() == []
    assert Finding.objects.count() == 2


def test_an_audit_that_could_not_read_everything_records_nothing(
    bought: Checkout, stripe: SandboxControl
) -> None:
    opened = the_finding()
    stripe.add_fault("stripe", "status", status=500, path="/v1/subscriptions", times=None)
    with pytest.raises(ProviderError):
        audit.audit()
    opened.refresh_from_db()
    assert opened.resolved_at is None


def test_the_nightly_task_has_stripes_word_decide_for_who_was_found(
    tenant: Tenant, bought: Checkout
) -> None:
    stripe_audit()
    assert Finding.objects.filter(resolved_at=None).count() == 1, "it was found, and is kept"
    assert Entitlement.objects.get(tenant=tenant).status == "active"


def test_staff_see_a_finding_with_its_tenant_and_what_is_at_stake(
    staff_client: Client, tenant: Tenant, bought: Checkout
) -> None:
    page = text_of(staff_client, change_page(the_finding()))
    assert f'href="{change_page(tenant)}"' in page
    assert "paid at Stripe, nothing to run here" in page
    assert "€9" in page


def test_staff_have_a_worker_look_again(
    staff_client: Client, bought: Checkout, broker: Broker
) -> None:
    page = press(staff_client, the_finding(), "look_again").content.decode()
    assert "A worker compares with Stripe" in page
    assert broker.woken() == ["billing.stripe_audit"]


class TestTheCommand:
    def run(self, *arguments: str) -> tuple[str, int]:
        said = StringIO()
        try:
            call_command("billing_audit", *arguments, stdout=said)
        except CommandError as error:
            return said.getvalue(), error.returncode
        return said.getvalue(), 0

    def test_says_so_when_all_agree(self, settled: Entitlement) -> None:
        said, code = self.run()
        assert "No differences" in said
        assert code == 0

    def test_prints_a_table_and_fails_on_a_difference(
        self, tenant: Tenant, bought: Checkout
    ) -> None:
        said, code = self.run()
        assert code == 1
        assert f"paid_not_entitled  tenant:{tenant.pk}  €9" in said

    def test_prints_json_for_programs(self, tenant: Tenant, bought: Checkout) -> None:
        said, code = self.run("--json")
        (finding,) = json.loads(said)
        assert code == 1
        assert (finding["kind"], finding["amount"]) == ("paid_not_entitled", 900)
        assert finding["subject"] == f"tenant:{tenant.pk}"

    def test_changes_nothing_but_the_findings(self, bought: Checkout) -> None:
        self.run()
        assert not Entitlement.objects.exists()

    def test_tells_an_unreachable_stripe_from_a_difference(
        self, bought: Checkout, stripe: SandboxControl
    ) -> None:
        stripe.add_fault("stripe", "drop", times=None)
        assert self.run() == ("", 2)


def test_staff_is_told_by_e_mail_what_differs_and_what_it_is_worth(
    tenant: Tenant, settled: Entitlement, account: Account
) -> None:
    User.objects.create_superuser("staff@example.com", "x")
    stripe_audit()
    assert mail.outbox == []
    account.delete(f"subscriptions/{settled.stripe_subscription_id}")
    stripe_audit()
    (letter,) = mail.outbox
    assert letter.to == ["staff@example.com"]
    assert letter.subject == "[WOPR] Differences from Stripe: 1"
    assert f"tenant:{tenant.pk}: runs here, not paid at Stripe" in letter.body
    assert "€9" in letter.body
    stripe_audit()
    assert len(mail.outbox) == 1, "Stripe's word has decided meanwhile"
