"""A customer's own name as time goes by: warned of, paused, given up, taken back, removed."""

import ssl
import threading
from typing import Any

import pytest

from dns.models import CustomDomain
from fleet import domain_services, domains, edge
from fleet.gateways import certificates
from fleet.models import Instance, Route
from tenants.models import Message
from tests.fleet.owned import Owned

pytestmark = pytest.mark.django_db(transaction=True)
State = CustomDomain.State
NAME = "chat.acme.example"


@pytest.fixture
def bot(served_bot: Instance) -> Instance:
    return served_bot


def test_a_domain_that_leads_astray_is_warned_of_then_paused_then_given_up(
    bot: Instance, owned: Owned
) -> None:
    domain = owned.activate(bot, NAME)
    owned.zones.put(NAME, "A", "198.51.100.7")

    assert owned.look(domain, times=domains.MISSES - 1).state == State.ACTIVE
    assert owned.look(domain).state == State.FAILING
    assert owned.get(NAME) == (200, "alice"), "it is served until the pause"
    [warning] = Message.objects.filter(kind="domain_failing")
    assert NAME in warning.subject
    assert "leads to 198.51.100.7 instead of here" in warning.text

    owned.let_pass(domain, days=4)
    assert owned.look(domain).state == State.PAUSED
    assert not edge.mentions(NAME)
    status, body = owned.get(NAME)
    assert (status, "No bot here" in body) == (404, True)
    assert Message.objects.filter(kind="domain_paused").count() == 1

    owned.let_pass(domain, days=31)
    assert owned.look(domain).state == State.EXPIRED
    assert not certificates.is_kept(NAME)
    assert domain.pk not in domains.due_ids()


def test_a_paused_domain_comes_back_by_itself(bot: Instance, owned: Owned) -> None:
    domain = owned.activate(bot, NAME)
    owned.zones.drop(domain.challenge_name)
    owned.look(domain, times=domains.MISSES)
    owned.let_pass(domain, days=4)
    assert owned.look(domain).state == State.PAUSED

    owned.prove(domain)

    assert owned.look(domain, times=2).state == State.ACTIVE
    assert owned.get(NAME) == (200, "alice")


def test_one_wrong_look_is_no_failure(bot: Instance, owned: Owned) -> None:
    domain = owned.activate(bot, NAME)
    owned.zones.drop(domain.challenge_name)
    owned.look(domain)
    owned.prove(domain)

    looked = owned.look(domain)

    assert (looked.state, looked.misses, looked.findings) == (State.ACTIVE, 0, [])
    assert Message.objects.count() == 0


def test_a_domain_that_nobody_sets_up_expires_and_can_begin_anew(
    bot: Instance, owned: Owned
) -> None:
    domain = owned.add(bot, NAME)
    owned.let_pass(domain, days=15)
    domain = owned.look(domain)
    assert domain.state == State.EXPIRED

    domain = domain_services.domain_check(domain=domain)

    assert domain.state == State.PENDING
    owned.prove(domain)
    owned.lead(domain)
    assert owned.look(domain, times=2).state == State.ACTIVE


def test_a_removed_domain_leaves_no_route_no_certificate_and_no_row(
    bot: Instance, owned: Owned
) -> None:
    domain = owned.activate(bot, NAME)
    assert certificates.is_kept(NAME)

    domain_services.domain_remove(domain=domain)
    owned.look(domain)

    assert not CustomDomain.objects.exists()
    assert not edge.mentions(NAME)
    assert not certificates.is_kept(NAME)
    assert edge.is_published(bot.hostname, Route.objects.get(instance=bot).upstream)
    owned.edge.restart()
    with pytest.raises(ssl.SSLError):
        owned.get(NAME)


def test_a_suspended_bot_is_told_so_under_its_own_domain_too(bot: Instance, owned: Owned) -> None:
    owned.activate(bot, NAME)
    Route.objects.filter(hostname=bot.hostname).update(serves=Route.Serves.SUSPENDED_PAGE)
    edge.publish()

    status, body = owned.get(NAME)

    assert status == 402
    assert "This bot is suspended" in body


def test_the_domains_of_a_bot_that_ends_end_with_it(bot: Instance, owned: Owned) -> None:
    domain = owned.activate(bot, NAME)
    Instance.objects.filter(pk=bot.pk).update(status=Instance.Status.TERMINATED)

    owned.look(domain)

    assert not CustomDomain.objects.exists()
    assert not edge.mentions(NAME)


def test_a_bot_that_was_set_up_anew_gets_its_domain_back(bot: Instance, owned: Owned) -> None:
    domain = owned.activate(bot, NAME)
    Route.objects.filter(hostname=NAME).delete()
    edge.publish()

    owned.look(domain)

    assert owned.get(NAME) == (200, "alice")


@pytest.mark.parametrize(
    "serves", [Route.Serves.SUSPENDED_PAGE, Route.Serves.STOPPED_PAGE, Route.Serves.FULL_PAGE]
)
def test_a_domain_is_admitted_although_its_bot_does_not_run(
    bot: Instance, owned: Owned, serves: Route.Serves
) -> None:
    Route.objects.filter(hostname=bot.hostname).update(serves=serves)
    domain = owned.add(bot, NAME)
    owned.prove(domain)
    owned.lead(domain)

    assert owned.look(domain, times=2).state == State.ACTIVE


def test_a_certificate_that_cannot_be_had_is_told_and_the_domain_is_given_up_in_the_end(
    bot: Instance, owned: Owned, settings: Any
) -> None:
    domain = owned.add(bot, NAME)
    owned.prove(domain)
    owned.lead(domain)
    assert owned.look(domain).state == State.VERIFYING
    settings.WOPR_EDGE_PROBE_ADDRESS = "127.0.0.1:9"

    assert owned.look(domain).findings == [], "it takes a moment"
    owned.let_pass(domain, days=1)
    [finding] = owned.look(domain).findings
    assert "no certificate for it could be had" in finding["problem"]

    owned.let_pass(domain, days=15)
    assert owned.look(domain).state == State.EXPIRED
    assert not edge.mentions(NAME)


def test_a_zone_that_gives_no_valid_answer_is_told(bot: Instance, owned: Owned) -> None:
    domain = owned.add(bot, NAME)
    owned.zones.failing = True

    assert owned.problems(domain) == [
        f"The name servers of {NAME} give no valid answer (SERVFAIL)."
    ]


def test_a_domain_that_is_removed_during_a_look_stays_removed(
    bot: Instance, owned: Owned, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The look has seen everything right, and writes what it saw after the domain is gone."""
    domain = owned.activate(bot, NAME)
    keep = domains._keep

    def removed_meanwhile(*seen: Any, **more: Any) -> None:
        keep(*seen, **more)
        removal = threading.Thread(target=domains.remove, args=[domain])
        removal.start()
        removal.join()

    monkeypatch.setattr(domains, "_keep", removed_meanwhile)
    owned.look(domain)

    assert not CustomDomain.objects.exists()
    assert not Route.objects.filter(hostname=NAME).exists()
    assert not edge.mentions(NAME)
