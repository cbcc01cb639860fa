"""The admin's first page: what needs a person, and what it costs."""

from datetime import timedelta

from django.test import Client
from django.urls import reverse
from django.utils import timezone

from billing.models import Finding
from tests.admin.conftest import Business
from tests.admin.pages import text_of
from wopr.common.models import Heartbeat


def figures(client: Client) -> dict[str, tuple[object, str, str]]:
    answer = client.get(reverse("admin:index"), secure=True)
    return {f.label: (f.value, f.tone, str(f.note)) for f in answer.context["figures"]}


def test_an_empty_platform_says_that_all_is_well_but_the_canary(staff_client: Client) -> None:
    seen = figures(staff_client)
    assert seen["Leaks"] == (0, "good", "nothing is left behind")
    assert seen["Bots that failed"][:2] == (0, "good")
    assert seen["Canary"][1:] == ("danger", "never seen: are beat and a worker running?")


def test_what_needs_a_person_is_counted_and_priced(
    staff_client: Client, business: Business
) -> None:
    business.instance.status = "failed"
    business.instance.save()
    seen = figures(staff_client)
    assert seen["Bots that failed"][:2] == (1, "danger")
    assert seen["Leaks"] == (1, "danger", "0.25 EUR a day")
    assert seen["Webhooks to process"] == (1, "danger", "1 with an error")
    assert seen["Messages to send"] == (1, "danger", "1 with an error")
    assert seen["Canary"][1] == "good"


def test_a_difference_from_stripe_is_counted_with_the_money_at_stake(
    staff_client: Client,
) -> None:
    assert figures(staff_client)["Differences from Stripe"] == (0, "good", "all agrees")
    now = timezone.now()
    Finding.objects.create(
        kind="two_subscriptions",
        subject="tenant:x",
        amount=900,
        currency="eur",
        first_seen=now,
        last_seen=now,
    )
    seen = figures(staff_client)["Differences from Stripe"]
    assert seen[:2] == (1, "danger")
    assert seen[2] == "€9 a month"


def test_a_closed_leak_costs_nothing_more(staff_client: Client, business: Business) -> None:
    business.leak.resolved_at = timezone.now()
    business.leak.save()
    assert figures(staff_client)["Leaks"][0] == 0


def test_a_canary_that_has_not_sung_for_minutes_is_silent(
    staff_client: Client, business: Business
) -> None:
    Heartbeat.objects.update(seen_at=timezone.now() - timedelta(minutes=10))
    assert figures(staff_client)["Canary"][1] == "danger"


def test_every_figure_and_state_leads_to_a_list_that_opens(
    staff_client: Client, business: Business
) -> None:
    answer = staff_client.get(reverse("admin:index"), secure=True)
    links = [figure.url for figure in answer.context["figures"]]
    links += [tally.url for _, tallies in answer.context["tables"] for tally in tallies]
    assert len(links) > 6
    for link in links:
        text_of(staff_client, link)
