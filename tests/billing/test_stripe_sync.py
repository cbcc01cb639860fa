"""`stripe_sync`: Stripe becomes as the rows say, nothing is deleted, and a dry run only tells."""

from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from djstripe.models import WebhookEndpoint

from billing.checks import prices_are_those_of_stripe, webhooks_are_verified
from billing.checks import webhook_endpoints_are_verified as endpoints_are_verified
from billing.first_plans import first_plans_ensure
from billing.models import AddOn, Plan, Price
from sandbox.control import SandboxControl
from tests.billing.conftest import Account

pytestmark = pytest.mark.django_db


@pytest.fixture
def plans(stripe: SandboxControl, db: None) -> None:
    """Three plans, of which Stripe knows nothing yet."""
    first_plans_ensure()


def sync(*arguments: str) -> list[str]:
    said = StringIO()
    call_command("stripe_sync", *arguments, stdout=said)
    return said.getvalue().splitlines()


def monthly(code: str = "starter") -> Price:
    return Price.objects.get(plan__code=code, interval="month")


def active(account: Account, product: str = "starter") -> set[int]:
    """What new customers may pay for the plan."""
    own = Plan.objects.get(code=product).stripe_product_id
    return {p["unit_amount"] for p in account.all("prices", product=own) if p["active"]}


def test_a_dry_run_tells_everything_and_does_nothing(plans: None, account: Account) -> None:
    said = sync("--dry-run")
    assert len([line for line in said if line.startswith("would create product")]) == 3
    assert len([line for line in said if line.startswith("would create price")]) == 6
    assert "nothing was changed" in said[-1]
    assert account.all("products") == account.all("prices") == []
    assert not Price.objects.exclude(stripe_price_id="").exists()


def test_what_the_dry_run_told_is_what_is_done(plans: None, account: Account) -> None:
    told = [line.removeprefix("would ") for line in sync("--dry-run")[:-1]]
    done = [line for line in sync()[:-1] if not line.startswith("remember price")]
    assert done == told
    assert (len(account.all("products")), len(account.all("prices"))) == (3, 6)


def test_a_second_run_finds_nothing_to_do(plans: None, account: Account) -> None:
    sync()
    assert sync() == ["Stripe is as the plans say."]


def test_another_amount_is_another_price_and_the_old_one_is_archived(
    plans: None, account: Account
) -> None:
    sync()
    old = monthly().stripe_price_id
    Price.objects.filter(pk=monthly().pk).update(amount=1100)
    assert sync("--dry-run")[:-1] == [
        "would create price wopr-starter-month-1100-eur".replace("wopr", deployment()),
        "would archive price wopr-starter-month-900-eur".replace("wopr", deployment()),
    ]
    sync()
    assert active(account) == {1100, 9000}
    assert account.get(f"prices/{old}")["active"] is False, "archived, and not deleted"
    assert monthly().stripe_price_id != old


def test_an_amount_that_comes_back_is_the_old_price_again(plans: None, account: Account) -> None:
    sync()
    old = monthly().stripe_price_id
    for amount in (1100, 900):
        Price.objects.filter(pk=monthly().pk).update(amount=amount)
        sync()
    assert monthly().stripe_price_id == old
    assert active(account) == {900, 9000}
    assert len(account.all("prices")) == 7


def test_a_price_that_somebody_made_by_hand_is_left_alone(plans: None, account: Account) -> None:
    sync()
    form = {"currency": "eur", "unit_amount": 5, "recurring[interval]": "month"}
    account.post("prices", product=Plan.objects.get(code="team").stripe_product_id, **form)
    assert sync() == ["Stripe is as the plans say."]
    assert active(account, "team") == {5, 2900, 29000}


def test_another_name_is_told_to_stripe(plans: None, account: Account) -> None:
    sync()
    Plan.objects.filter(code="starter").update(name="First steps")
    assert sync()[0].startswith("update product")
    product = account.get(f"products/{Plan.objects.get(code='starter').stripe_product_id}")
    assert product["name"] == "First steps"


def test_ids_that_were_lost_here_are_found_again(plans: None, account: Account) -> None:
    sync()
    before = dict(Price.objects.values_list("pk", "stripe_price_id"))
    Price.objects.update(stripe_price_id="")
    Plan.objects.update(stripe_product_id="")
    sync()
    assert dict(Price.objects.values_list("pk", "stripe_price_id")) == before
    assert len(account.all("prices")) == 6


def test_add_ons_are_products_too(plans: None, account: Account) -> None:
    add_on = AddOn.objects.create(code="memory", name="512 MB more", memory_mb=512)
    Price.objects.create(add_on=add_on, amount=300)
    sync()
    add_on.refresh_from_db()
    (price,) = account.all("prices", product=add_on.stripe_product_id)
    assert (price["unit_amount"], price["currency"]) == (300, "eur")


def test_without_stripe_the_command_names_what_it_could_not_do(
    plans: None, stripe: SandboxControl
) -> None:
    stripe.add_fault("stripe", "drop", times=None)
    with pytest.raises(CommandError, match="starter: Stripe could not be asked"):
        sync()


class TestTheChecks:
    def messages(self) -> list[tuple[str, str]]:
        return [(m.id or "", m.msg) for m in prices_are_those_of_stripe(databases=["default"])]

    def test_nothing_is_said_where_all_is_well(self, plans: None) -> None:
        sync()
        assert self.messages() == []

    def test_a_price_that_differs_is_an_error_with_both_amounts(self, plans: None) -> None:
        sync()
        Price.objects.filter(pk=monthly().pk).update(amount=1)
        ((code, text),) = self.messages()
        assert code == "wopr.E022"
        assert "Starter costs 1 eur a month here, and 900 eur a month at Stripe" in text

    def test_a_price_that_was_archived_at_stripe_is_an_error(
        self, plans: None, account: Account
    ) -> None:
        sync()
        account.post(f"prices/{monthly().stripe_price_id}", active="false")
        assert "archived" in self.messages()[0][1]

    def test_a_price_that_is_not_there_is_an_error(self, plans: None) -> None:
        sync()
        Price.objects.filter(pk=monthly().pk).update(stripe_price_id="price_gone")
        assert "no such price" in self.messages()[0][1]

    def test_an_unreachable_stripe_is_a_warning(self, plans: None, stripe: SandboxControl) -> None:
        sync()
        stripe.add_fault("stripe", "drop", times=None)
        ((code, _),) = self.messages()
        assert code == "wopr.W022"

    def test_the_command_for_deployments_runs_it(self, plans: None) -> None:
        sync()
        Price.objects.filter(pk=monthly().pk).update(amount=1)
        with pytest.raises(CommandError, match=r"wopr\.E022"):
            call_command("check", deploy=True, tags=["stripe"], databases=["default"])

    @pytest.mark.parametrize("method", [None, "none"])
    def test_webhooks_that_are_not_verified_are_an_error(self, settings: Any, method: Any) -> None:
        assert webhooks_are_verified() == []
        settings.DJSTRIPE_WEBHOOK_VALIDATION = method
        assert [message.id for message in webhooks_are_verified()] == ["wopr.E020"]

    def test_an_endpoint_that_takes_anything_is_an_error(self) -> None:
        fields = {"url": "https://wopr.example.com/", "enabled_events": ["*"], "secret": "x"}
        endpoint = WebhookEndpoint.objects.create(id="we_1", api_version="1", **fields)
        assert endpoints_are_verified(databases=["default"]) == []
        WebhookEndpoint.objects.update(djstripe_validation_method="none")
        assert [message.id for message in endpoints_are_verified(databases=["default"])] == [
            "wopr.E021"
        ]
        assert endpoint.id in endpoints_are_verified(databases=["default"])[0].msg


def deployment() -> str:
    from django.conf import settings

    return str(settings.WOPR_DEPLOYMENT)
