"""Looking at the providers: are they well, what do they ask, and is everything where it should be.

A state changes only when two looks in a row saw the same, so that one lost answer alarms nobody.
"""

import logging
import time
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from fleet import declared
from fleet.models import CatalogueOffer, ProviderChange, ProviderHealth, Server
from fleet.providers import registry
from fleet.providers.base import Account, Machine, ServerProvider, Size
from tenants import alarms
from wopr.common.errors import ProviderError

logger = logging.getLogger(__name__)
State = ProviderHealth.State
LOOKS_TO_CHANGE = 2
CATALOGUE_EVERY = timedelta(hours=6)
FEW_REQUESTS, SLOW_MS = 50, 5000


@dataclass
class Look:
    """What one look at a provider saw."""

    provider: str
    state: str = State.HEALTHY
    findings: list[str] = field(default_factory=list)
    latency_ms: int | None = None
    requests_left: int | None = None
    machines_allowed: int | None = None

    def lament(self, finding: str, *, state: str = State.DEGRADED) -> None:
        self.findings.append(finding)
        self.state = state if self.state != State.DOWN else self.state

    def described(self) -> dict[str, Any]:
        return asdict(self)


def look_at(name: str) -> Look:
    """One look, noted in the rows. Never raises: a provider that fails is what it looks for."""
    look = Look(name)
    begun = time.monotonic()
    try:
        vendor = registry.provider(name)
        _judge_account(look, vendor.account())
        look.latency_ms = int((time.monotonic() - begun) * 1000)
        if look.latency_ms > SLOW_MS:
            look.lament(f"it takes {look.latency_ms} ms to answer")
        if not vendor.may_write():
            look.lament("the token may only read: nothing can be ordered or given back")
        _judge_declared(look, vendor)
        _judge_machines(look, vendor)
        if _catalogue_is_old(name):
            read_catalogue(name)
        _judge_offers(look)
    except ProviderError as error:
        look.lament(str(error), state=State.DOWN)
    note(look)
    return look


def _judge_account(look: Look, account: Account) -> None:
    look.requests_left = account.requests_left
    look.machines_allowed = account.machines_allowed
    if not account.is_usable:
        look.lament(f"the account is locked: {account.reason}", state=State.DOWN)
    if account.requests_left is not None and account.requests_left < FEW_REQUESTS:
        look.lament(f"only {account.requests_left} requests are left for now")


def _judge_declared(look: Look, vendor: ServerProvider) -> None:
    """Both are put there by the first order; before that nothing is missing."""
    if not Server.objects.filter(provider=look.provider, status__in=Server.UP).exists():
        return
    if not declared.key_is_there(vendor):
        look.lament("our SSH key is missing there")
    if not declared.wall_is_there(vendor):
        look.lament("the firewall is not as declared")


def _judge_machines(look: Look, vendor: ServerProvider) -> None:
    for finding in differences(look.provider, vendor.ours(settings.WOPR_DEPLOYMENT)):
        look.lament(finding)


def differences(name: str, machines: list[Machine]) -> list[str]:
    """Machines that no row owns, and rows whose machine is not there."""
    rows = Server.objects.filter(provider=name, status__in=Server.PAID)
    known = {server.name: server for server in rows}
    listed = {machine.name for machine in machines}
    ids = {machine.id for machine in machines}
    found = [
        f"orphan: {machine.name} ({machine.id}) costs money and no server of ours is it"
        for machine in machines
        if not _is_of(machine, known.get(machine.name))
    ]
    found += [
        f"lost: {server} is {server.status} here, and {name} has no machine {server.provider_id}"
        for server in known.values()
        if server.status in Server.UP and server.provider_id not in ids
    ]
    found += [
        f"leak: {server} was not given back and costs {server.per_day:.2f} {server.currency} a day"
        for server in known.values()
        if server.status == Server.Status.LEAKED and server.name in listed
    ]
    return found


def _is_of(machine: Machine, server: Server | None) -> bool:
    """By its name; once the server's machine is known, by its id too: names may be twice."""
    return server is not None and server.provider_id in ("", machine.id)


def _judge_offers(look: Look) -> None:
    """Sizes that our servers are of should still be sold where they are."""
    rows = Server.objects.filter(provider=look.provider, status__in=Server.UP)
    offers = CatalogueOffer.objects.filter(provider=look.provider)
    known = {(offer.size, offer.region) for offer in offers if offer.available}
    for size, region in sorted(set(rows.values_list("size", "region")) - known):
        look.lament(f"{size} is not sold in {region} any more")


def _catalogue_is_old(name: str) -> bool:
    health = ProviderHealth.objects.filter(name=name).first()
    at = health.catalogue_at if health else None
    return at is None or timezone.now() - at >= CATALOGUE_EVERY


def read_catalogue(name: str) -> int:
    """Brings the stored offers up to date; returns how many prices have changed."""
    sizes = registry.provider(name).sizes()
    now = timezone.now()
    offers = [offer for size in sizes for offer in _rows(name, size)]
    with transaction.atomic():
        stored = CatalogueOffer.objects.select_for_update().filter(provider=name)
        before = {(offer.size, offer.region): offer for offer in stored}
        changed = [_follow(offer, before.get((offer.size, offer.region))) for offer in offers]
        CatalogueOffer.objects.bulk_create(
            offers,
            update_conflicts=True,
            unique_fields=["provider", "size", "region"],
            update_fields=_UPDATED,
        )
        stored.filter(seen_at__lt=now).update(available=False)
        ProviderHealth.objects.update_or_create(name=name, defaults={"catalogue_at": now})
    return sum(changed)


_UPDATED = (
    "memory_mb", "cpus", "disk_gb", "architecture", "gpu", "hourly", "monthly", "currency",
    "available", "previous_hourly", "price_changed_at", "seen_at",
)  # fmt: skip


def _rows(name: str, size: Size) -> list[CatalogueOffer]:
    return [
        CatalogueOffer(
            provider=name,
            size=size.code,
            region=offer.region,
            memory_mb=size.memory_mb,
            cpus=size.cpus,
            disk_gb=size.disk_gb,
            architecture=size.architecture,
            gpu=size.gpu,
            hourly=round(offer.hourly, 6),
            monthly=round(offer.monthly, 4),
            currency=offer.currency,
            available=offer.available,
            seen_at=timezone.now(),
        )
        for offer in size.offers
    ]


def _follow(offer: CatalogueOffer, before: CatalogueOffer | None) -> bool:
    """Keeps what an offer cost before. Tells whether its price has changed."""
    if before is None:
        return False
    offer.previous_hourly, offer.price_changed_at = before.previous_hourly, before.price_changed_at
    if offer.hourly == before.hourly:
        return False
    offer.previous_hourly, offer.price_changed_at = before.hourly, offer.seen_at
    logger.warning("%s costs %s an hour now, not %s", offer, offer.hourly, before.hourly)
    return True


def note(look: Look) -> None:
    """Writes the look down; the state follows it once it was seen twice in a row."""
    now = timezone.now()
    with transaction.atomic():
        ProviderHealth.objects.get_or_create(name=look.provider)
        health = ProviderHealth.objects.select_for_update().get(name=look.provider)
        health.streak = health.streak + 1 if health.seen == look.state else 1
        health.seen, health.checked_at = look.state, now
        health.latency_ms, health.requests_left = look.latency_ms, look.requests_left
        health.machines_allowed = look.machines_allowed
        if _has_changed(health):
            _change(health, look)
        elif health.state == look.state:
            health.reason = "; ".join(look.findings)
        health.save()


def _has_changed(health: ProviderHealth) -> bool:
    """The first look counts at once: there is nothing yet that it could alarm about wrongly."""
    if health.seen == health.state:
        return False
    return health.state == State.UNKNOWN or health.streak >= LOOKS_TO_CHANGE


def _change(health: ProviderHealth, look: Look) -> None:
    reason = "; ".join(look.findings)
    ProviderChange.objects.create(
        provider=health, before=health.state, after=look.state, reason=reason
    )
    log = logger.info if look.state == State.HEALTHY else logger.error
    log("provider %s is %s now: %s", health, look.state, reason or "all is well")
    health.state, health.reason, health.since = look.state, reason, health.checked_at


def audit(name: str) -> list[str]:
    """What differs between the provider's list and the rows, a machine being made apart."""
    return differences(name, registry.provider(name).ours(settings.WOPR_DEPLOYMENT))


def tell_changes() -> None:
    """Tells each change once by each way: who marks the row sends it."""
    for mark, say in (("told_at", _staff_heard), ("posted_at", _hook_heard)):
        for change in ProviderChange.objects.filter(**{mark: None}).order_by("at"):
            row = ProviderChange.objects.filter(pk=change.pk)
            won = row.filter(**{mark: None}).update(**{mark: timezone.now()})
            if won and not _is_beginning(change) and not say(change):
                row.update(**{mark: None})


def _is_beginning(change: ProviderChange) -> bool:
    """The first look of all, when it was good, is no news."""
    return change.before == State.UNKNOWN and change.after == State.HEALTHY


def _staff_heard(change: ProviderChange) -> bool:
    """It is kept until a mail server takes it."""
    name, since = change.provider_id, f"{change.at:%Y-%m-%d %H:%M} UTC"
    text = f"{name} was {change.before} and is {change.after} since {since}.\n\n"
    text += f"{change.reason or 'All is well again.'}\n"
    alarms.staff_told(subject=f"The provider {name} is {change.after}", text=text)
    return True


def _hook_heard(change: ProviderChange) -> bool:
    facts = {
        "provider": change.provider_id,
        "before": change.before,
        "after": change.after,
        "reason": change.reason,
        "at": change.at.isoformat(),
    }
    try:
        alarms.hook_told(event="provider_changed", facts=facts)
    except ProviderError as error:
        logger.error("the alert webhook was not told of %s: %s", change, error)
        return False
    return True
