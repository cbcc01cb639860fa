"""A customer's own name: claimed, proven, served, watched, and gone without a trace."""

import io
import ssl
import time
from typing import Any

import pytest
from django.test import Client
from pypdf import PdfReader

from dns.models import CustomDomain
from fleet import domain_services, domains, edge
from fleet.gateways import certificates
from fleet.models import Instance, Route
from sandbox.nameserver.server import Zones, serving
from tenants.models import Document
from tests.fleet.owned import EDGE_IPV4, Owned
from wopr.common.errors import Refused

pytestmark = pytest.mark.django_db(transaction=True)
State = CustomDomain.State
NAME = "chat.acme.example"


@pytest.fixture
def bot(served_bot: Instance) -> Instance:
    return served_bot


def test_a_domain_whose_records_are_set_is_served_with_a_certificate_of_its_own(
    bot: Instance, owned: Owned
) -> None:
    domain = owned.add(bot, NAME)
    assert domain.state == State.PENDING
    owned.prove(domain)
    owned.lead(domain)

    assert owned.look(domain).state == State.VERIFYING
    assert owned.look(domain).state == State.ACTIVE

    assert owned.get(NAME) == (200, "alice")
    assert certificates.is_kept(NAME)


def test_a_domain_may_lead_here_by_an_address_instead(bot: Instance, owned: Owned) -> None:
    domain = owned.add(bot, "acme.example")
    owned.prove(domain)
    owned.zones.put("acme.example", "A", EDGE_IPV4)

    assert owned.look(domain, times=2).state == State.ACTIVE


def test_what_is_missing_is_said_record_by_record(bot: Instance, owned: Owned) -> None:
    domain = owned.add(bot, NAME)
    challenge = domain.challenge_name

    assert owned.problems(domain) == [
        f"There is no TXT record at {challenge}.",
        f"{NAME} leads nowhere yet.",
    ]

    owned.zones.put(challenge, "TXT", "v=something-else")
    owned.zones.put(NAME, "A", "198.51.100.7")
    assert owned.problems(domain) == [
        f"The TXT record at {challenge} says “v=something-else”.",
        f"{NAME} leads to 198.51.100.7 instead of here.",
    ]

    owned.prove(domain)
    owned.zones.put(NAME, "A", EDGE_IPV4, "198.51.100.7")
    owned.zones.put(NAME, "AAAA", "2001:db8::7")
    assert owned.problems(domain) == [
        f"{NAME} also leads to 198.51.100.7, and some visitors would not get here.",
        f"{NAME} also leads to 2001:db8::7, and some visitors would not get here.",
    ]

    owned.zones.put(NAME, "A", EDGE_IPV4)
    owned.zones.drop(NAME, "AAAA")
    owned.zones.put("acme.example", "CAA", '0 issue "other-ca.example"')
    [finding] = owned.look(domain).findings
    assert finding["problem"] == (
        "The CAA records of acme.example let only other-ca.example issue certificates."
    )
    assert finding["expected"] == '0 issue "letsencrypt.org"'

    both = ('0 issue "other-ca.example"', '0 issue "letsencrypt.org"')
    owned.zones.put("acme.example", "CAA", *both)
    assert owned.look(domain).state == State.VERIFYING


def test_a_finding_names_the_resolvers_that_saw_it(
    bot: Instance, owned: Owned, settings: Any
) -> None:
    domain = owned.add(bot, NAME)
    owned.prove(domain)
    owned.lead(domain)
    with serving(Zones()) as behind:
        settings.WOPR_RESOLVERS = [*settings.WOPR_RESOLVERS, behind]
        looked = owned.look(domain)

    assert looked.state == State.PENDING
    assert {tuple(finding["resolvers"]) for finding in looked.findings} == {(behind,)}


def test_a_resolver_that_is_away_is_not_asked_in_vain_for_the_others(
    bot: Instance, owned: Owned, settings: Any
) -> None:
    failing = Zones()
    failing.failing = True
    domain = owned.add(bot, NAME)
    owned.prove(domain)
    owned.lead(domain)
    with serving(failing) as away:
        settings.WOPR_RESOLVERS = [away, *settings.WOPR_RESOLVERS]
        assert owned.look(domain).state == State.VERIFYING


def test_no_answer_at_all_says_nothing_about_a_domain(bot: Instance, owned: Owned) -> None:
    domain = owned.activate(bot, NAME)
    owned.zones.failing = True

    looked = owned.look(domain, times=5)

    assert (looked.state, looked.findings) == (State.ACTIVE, [])
    assert owned.get(NAME) == (200, "alice")


def test_a_name_that_is_not_proven_gets_neither_route_nor_certificate(
    bot: Instance, owned: Owned
) -> None:
    domain = owned.add(bot, NAME)
    owned.lead(domain)
    owned.look(domain, times=3)

    assert not edge.mentions(NAME)
    with pytest.raises(ssl.SSLError):
        owned.get(NAME)
    assert not certificates.is_kept(NAME)


def test_nobody_takes_over_a_name_that_is_served(
    bot: Instance, charlies: Instance, owned: Owned
) -> None:
    owned.activate(bot, NAME)
    claim = owned.add(charlies, NAME)
    owned.look(claim, times=3)
    assert claim.token != CustomDomain.objects.get(tenant=bot.tenant).token

    # Even one who can write beside the owner's record is not let in while that one is there.
    alices = CustomDomain.objects.get(tenant=bot.tenant)
    owned.zones.put(claim.challenge_name, "TXT", alices.challenge_value, claim.challenge_value)
    looked = owned.look(claim, times=3)

    assert looked.state == State.PENDING
    assert "in use by another account" in looked.findings[0]["problem"]
    assert owned.get(NAME) == (200, "alice")


def test_a_name_left_pointing_here_cannot_be_picked_up_by_a_stranger(
    bot: Instance, charlies: Instance, owned: Owned
) -> None:
    alices = owned.activate(bot, NAME)
    domain_services.domain_remove(domain=alices)
    owned.look(alices)

    claim = owned.look(owned.add(charlies, NAME), times=3)

    assert claim.state == State.PENDING
    assert not edge.mentions(NAME)


def test_a_name_whose_owner_has_changed_goes_to_the_one_who_shows_it(
    bot: Instance, charlies: Instance, owned: Owned
) -> None:
    alices = owned.activate(bot, NAME)
    claim = owned.add(charlies, NAME)
    owned.prove(claim)  # the TXT record is Charlie's now, and only his
    assert owned.look(alices, times=domains.MISSES).state == State.FAILING

    assert owned.look(claim, times=2).state == State.ACTIVE

    alices.refresh_from_db()
    assert alices.state == State.PAUSED
    assert owned.get(NAME) == (200, "charlie")
    assert owned.look(alices, times=2).state == State.PAUSED
    assert owned.get(NAME) == (200, "charlie")


def test_two_who_prove_a_name_at_the_same_time_are_not_both_served(
    bot: Instance, charlies: Instance, owned: Owned
) -> None:
    one, other = owned.add(bot, NAME), owned.add(charlies, NAME)
    owned.zones.put(one.challenge_name, "TXT", one.challenge_value, other.challenge_value)
    owned.lead(one)

    assert owned.look(one, times=2).state == State.ACTIVE
    assert owned.look(other, times=2).state == State.PENDING
    assert Route.objects.filter(hostname=NAME).count() == 1


def test_caddys_question_is_answered_from_one_query_and_only_inside(
    bot: Instance, owned: Owned, django_assert_num_queries: Any
) -> None:
    owned.activate(bot, NAME)
    client = Client()

    with django_assert_num_queries(1):
        assert client.get("/internal/edge/ask", {"domain": NAME}).status_code == 200
    assert client.get("/internal/edge/ask", {"domain": "other.example"}).status_code == 404
    assert client.get("/internal/edge/ask").status_code == 404
    outside = {"X-Forwarded-Host": "wopr.bot"}
    asked = client.get("/internal/edge/ask", {"domain": NAME}, headers=outside)
    assert asked.status_code == 404


def test_caddys_question_is_answered_fast(bot: Instance, owned: Owned) -> None:
    owned.activate(bot, NAME)
    CustomDomain.objects.bulk_create(
        CustomDomain(
            tenant=bot.tenant, owner="instance:x", hostname=f"n{n}.example", target="x",
            state=State.ACTIVE,
        )
        for n in range(2000)
    )  # fmt: skip
    client, began = Client(), time.monotonic()
    for _ in range(50):
        assert client.get("/internal/edge/ask", {"domain": NAME}).status_code == 200
    assert (time.monotonic() - began) / 50 < 0.05


def test_the_guide_is_a_pdf_with_the_exact_records(bot: Instance, owned: Owned) -> None:
    domain = owned.look(owned.add(bot, NAME))

    [guide] = Document.objects.filter(kind="domain_guide")
    pages = PdfReader(io.BytesIO(bytes(guide.content))).pages
    text = "".join("".join(page.extract_text() for page in pages).split())
    for word in (domain.challenge_name, domain.challenge_value, domain.target, EDGE_IPV4, "CNAME"):
        assert word in text


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("", "domain_malformed"),
        ("localhost", "domain_malformed"),
        ("*.acme.example", "domain_malformed"),
        ("203.0.113.5", "domain_malformed"),
        ("a b.example", "domain_malformed"),
        ("x" * 64 + ".example", "domain_malformed"),
        ("-a.example", "domain_malformed"),
        ("someone-else.bots.localhost", "domain_reserved"),
        ("bots.localhost", "domain_reserved"),
        ("wopr.localhost", "domain_reserved"),
        ("api.wopr.localhost", "domain_reserved"),
    ],
)
def test_what_is_no_domain_of_the_customers_is_refused(
    instance: Instance, typed: str, code: str
) -> None:
    with pytest.raises(Refused) as refusal:
        domain_services.domain_add(instance=instance, hostname=typed)
    assert refusal.value.code == code


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        (" Chat.Acme.Example. ", "chat.acme.example"),
        ("https://chat.acme.example/path", "chat.acme.example"),
        ("bücher.example", "xn--bcher-kva.example"),
    ],
)
def test_what_people_type_is_understood(instance: Instance, typed: str, meant: str) -> None:
    assert domain_services.domain_add(instance=instance, hostname=typed).hostname == meant


def test_the_same_domain_is_not_added_twice(instance: Instance) -> None:
    domain_services.domain_add(instance=instance, hostname=NAME)
    with pytest.raises(Refused, match="already"):
        domain_services.domain_add(instance=instance, hostname=NAME)


def test_a_bot_has_a_bounded_number_of_domains(instance: Instance) -> None:
    for number in range(domain_services.MOST_PER_BOT):
        domain_services.domain_add(instance=instance, hostname=f"n{number}.example")
    with pytest.raises(Refused, match="at most"):
        domain_services.domain_add(instance=instance, hostname=NAME)
