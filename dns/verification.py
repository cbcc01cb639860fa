"""Worker room: the records that a customer has to set, and which the world does not see yet."""

import ipaddress
import logging
from collections.abc import Iterator
from dataclasses import asdict, dataclass

from django.conf import settings

from dns.gateways.resolver import BrokenZone, Resolver, resolvers
from dns.models import CustomDomain
from wopr.common.errors import ProviderError

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Setting:
    """A record to set. One of those with `instead` may stand for the one before them."""

    type: str
    name: str
    value: str
    purpose: str
    instead: bool = False


@dataclass(frozen=True)
class Finding:
    """What is missing or wrong, what it has to be, and by whom it was seen so."""

    type: str
    name: str
    problem: str
    expected: str
    resolvers: tuple[str, ...] = ()


def settings_of(domain: CustomDomain) -> list[Setting]:
    """The exact records for this domain."""
    at_the_top = "instead of the CNAME record, where your provider allows none (the top of a zone)"
    name, leads = domain.hostname, "leads visitors here"
    wanted = [
        Setting("TXT", domain.challenge_name, domain.challenge_value, "shows that it is yours"),
        Setting("CNAME", name, domain.target, leads),
        Setting("A", name, settings.WOPR_EDGE_IPV4, at_the_top, instead=True),
    ]
    if settings.WOPR_EDGE_IPV6:
        beside = "beside the A record"
        wanted.append(Setting("AAAA", name, settings.WOPR_EDGE_IPV6, beside, instead=True))
    return wanted


def look(domain: CustomDomain) -> list[dict[str, object]]:
    """What is missing as public resolvers see it; empty when every one of them sees all of it.

    Raises ProviderError when none of them can be asked, which says nothing about the domain, and
    BrokenZone when they could and the zone's own servers gave them nothing valid.
    """
    seen: dict[Finding, list[str]] = {}
    answered, broken = 0, False
    with resolvers() as asked:
        for resolver in asked:
            try:
                findings = list(_findings(domain, resolver))
            except BrokenZone:
                broken = True
                continue
            except ProviderError as error:
                logger.warning("%s", error)
                continue
            answered += 1
            for finding in findings:
                seen.setdefault(finding, []).append(resolver.address)
    if not answered and broken:
        raise BrokenZone(f"No public resolver gets a valid answer about {domain.hostname}")
    if not answered:
        raise ProviderError(f"No public resolver answered about {domain.hostname}")
    return [{**asdict(finding), "resolvers": addresses} for finding, addresses in seen.items()]


def taken(domain: CustomDomain) -> dict[str, object]:
    """The finding about a name that another tenant is served under."""
    return asdict(
        Finding(
            "TXT",
            domain.challenge_name,
            f"{domain.hostname} is in use by another account, whose TXT record is still there.",
            "Remove that TXT record, or remove the domain from the other account.",
        )
    )


def unsecured(domain: CustomDomain) -> dict[str, object]:
    """The finding about a name whose records are right and that has no certificate all the same."""
    return asdict(
        Finding(
            "HTTPS",
            domain.hostname,
            f"The records of {domain.hostname} are right, but no certificate for it could be had.",
            "Nothing to set: it is tried again. If it lasts, see whether a CAA or DNSSEC record of "
            "the zone is wrong, and whether a firewall answers in the place of our address.",
        )
    )


def broken(domain: CustomDomain) -> dict[str, object]:
    """The finding about a zone that no resolver can read."""
    return asdict(
        Finding(
            "NS",
            domain.hostname,
            f"The name servers of {domain.hostname} give no valid answer (SERVFAIL).",
            "Ask whoever hosts the zone: its delegation or its DNSSEC records are broken.",
            tuple(settings.WOPR_RESOLVERS),
        )
    )


def _findings(domain: CustomDomain, resolver: Resolver) -> Iterator[Finding]:
    yield from _challenge(domain, resolver)
    yield from _addresses(domain, resolver)
    yield from _authorities(domain, resolver)


def _challenge(domain: CustomDomain, resolver: Resolver) -> Iterator[Finding]:
    name, value = domain.challenge_name, domain.challenge_value
    found = [text.strip() for text in resolver.ask(name, "TXT")]
    if value in found:
        return
    if found:
        told = ", ".join(f"“{text[:80]}”" for text in sorted(found)[:3])
        yield Finding("TXT", name, f"The TXT record at {name} says {told}.", value)
    else:
        yield Finding("TXT", name, f"There is no TXT record at {name}.", value)


def _addresses(domain: CustomDomain, resolver: Resolver) -> Iterator[Finding]:
    name, ours = domain.hostname, _our_addresses()
    by_type = {kind: _addresses_at(name, kind, resolver) for kind in ("A", "AAAA")}
    expected = f"CNAME {domain.target}, or A {settings.WOPR_EDGE_IPV4}"
    if not any(by_type.values()):
        yield Finding("CNAME", name, f"{name} leads nowhere yet.", expected)
        return
    for kind, found in by_type.items():
        strange = sorted(found - ours)
        if strange:
            yield _astray(name, kind, strange, found & ours, expected)
    if not by_type["A"]:
        yield Finding("A", name, f"{name} has no IPv4 address.", expected)


def _astray(name: str, kind: str, strange: list[str], right: set[str], expected: str) -> Finding:
    where = ", ".join(strange[:4])
    if right or kind == "AAAA":
        problem = f"{name} also leads to {where}, and some visitors would not get here."
        return Finding(kind, name, problem, f"Remove the {kind} record with {where}.")
    return Finding(kind, name, f"{name} leads to {where} instead of here.", expected)


def _addresses_at(name: str, kind: str, resolver: Resolver) -> set[str]:
    return {str(ipaddress.ip_address(address)) for address in resolver.ask(name, kind)}


def _our_addresses() -> set[str]:
    configured = (settings.WOPR_EDGE_IPV4, settings.WOPR_EDGE_IPV6)
    return {str(ipaddress.ip_address(address)) for address in configured if address}


def _authorities(domain: CustomDomain, resolver: Resolver) -> Iterator[Finding]:
    """CAA records, the nearest ones upwards, may forbid the certificate (RFC 8659)."""
    name = domain.hostname
    while "." in name:
        found = resolver.ask(name, "CAA")
        if found:
            yield from _forbidding(name, found)
            return
        name = name.partition(".")[2]


def _forbidding(name: str, found: list[str]) -> Iterator[Finding]:
    pairs = [text.split(" ", 1) for text in found]
    issuers = {value.split(";")[0].strip() for tag, value in pairs if tag == "issue"}
    if not issuers or issuers & set(settings.WOPR_CERTIFICATE_ISSUERS):
        return
    told = ", ".join(sorted(issuers - {""})) or "nobody"
    wanted = settings.WOPR_CERTIFICATE_ISSUERS[0]
    problem = f"The CAA records of {name} let only {told} issue certificates."
    yield Finding("CAA", name, problem, f'0 issue "{wanted}"')
