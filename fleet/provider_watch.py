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
from django.db.models import QuerySet
from django.utils import timezone

from billing.models import Plan
from fleet import declared, images
from fleet.models import CatalogueOffer, ProviderChange, ProviderHealth, Server
from fleet.offers import Need, enough, need_of
from fleet.providers import registry
from fleet.providers.base import Account, Machine, ServerProvider, Size
from wopr.common.errors import ProviderError

logger = logging.getLogger(__name__)
State = ProviderHealth.State
LOOKS_TO_CHANGE = 2
CATALOGUE_EVERY = timedelta(hours=6)
FEW_REQUESTS, FEW_MACHINES, SLOW_MS = 50, 2, 5000
MOST_PRICES = 20  # that one letter lists


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
            _read_prices(look)
        _judge_offers(look)
        if name in registry.sellers():
            _judge_tiers(look)
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
    machines = vendor.ours(settings.WOPR_DEPLOYMENT)
    for finding in differences(look.provider, machines):
        look.lament(finding)
    allowed = look.machines_allowed
    if allowed is not None and (left := max(allowed - len(machines), 0)) < FEW_MACHINES:
        look.lament(f"the account may have {allowed} machines: {left} more can be ordered")


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


def _read_prices(look: Look) -> None:
    """Other prices are worth a word; nobody is less well for them."""
    if changed := read_catalogue(look.provider):
        look.findings.append(f"{changed} prices have changed")


def _judge_tiers(look: Look) -> None:
    """What is bought by itself, as long as it was ever sold here, should still be."""
    for image in images.missing(look.provider):
        look.lament(f"the image {image} is not offered any more: no machine can be ordered with it")
    sold = CatalogueOffer.objects.filter(provider=look.provider)
    for region in settings.WOPR_POOL_REGIONS:
        _judge_sold(look, sold.filter(region=region), f"nothing is sold in {region} now")
    own = Plan.objects.filter(placement=Plan.Placement.DEDICATED, on_sale=True, bots__gt=0)
    needs = {f"the plan {plan.code}": need_of(plan) for plan in own}
    if settings.WOPR_POOL_HEADROOM_MB:
        needs["the pool"] = Need(settings.WOPR_POOL_SERVER_MB)
    for whose, need in needs.items():
        _judge_sold(
            look, enough(need).filter(provider=look.provider), f"nothing sold now fits {whose}"
        )


def _judge_sold(look: Look, offers: QuerySet[CatalogueOffer], finding: str) -> None:
    if offers.exists() and not offers.filter(available=True).exists():
        look.lament(finding)


def _catalogue_is_old(name: str) -> bool:
    health = ProviderHealth.objects.filter(name=name).first()
    at = health.catalogue_at if health and health.images else None
    return at is None or timezone.now() - at >= CATALOGUE_EVERY


def read_catalogue(name: str) -> int:
    """Brings the stored offers up to date; returns how many prices have changed, which is told."""
    vendor = registry.provider(name)
    sizes, bootable = vendor.sizes(), vendor.images()
    now = timezone.now()
    offers = [offer for size in sizes for offer in _rows(name, size)]
    with transaction.atomic():
        stored = CatalogueOffer.objects.select_for_update().filter(provider=name)
        before = {(offer.size, offer.region): offer for offer in stored}
        followed = [_followed(offer, before.get((offer.size, offer.region))) for offer in offers]
        changed = [said for said in followed if said]
        CatalogueOffer.objects.bulk_create(
            offers,
            update_conflicts=True,
            unique_fields=["provider", "size", "region"],
            update_fields=_UPDATED,
        )
        stored.filter(seen_at__lt=now).update(available=False)
        health, _ = ProviderHealth.objects.update_or_create(
            name=name, defaults={"catalogue_at": now, "images": bootable}
        )
        if changed:
            _note_prices(health, changed)
    return len(changed)


def _note_prices(health: ProviderHealth, changed: list[str]) -> None:
    more = [f"and {len(changed) - MOST_PRICES} more"] if len(changed) > MOST_PRICES else []
    reason = "\n".join([*changed[:MOST_PRICES], *more])
    ProviderChange.objects.create(
        provider=health, before=health.state, after=health.state, reason=reason
    )


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


def _followed(offer: CatalogueOffer, before: CatalogueOffer | None) -> str:
    """Keeps what an offer cost before. Says so if its price has changed."""
    if before is None:
        return ""
    offer.previous_hourly, offer.price_changed_at = before.previous_hourly, before.price_changed_at
    if offer.hourly == before.hourly:
        return ""
    offer.previous_hourly, offer.price_changed_at = before.hourly, offer.seen_at
    return f"{offer} costs {offer.hourly} {offer.currency} an hour, not {before.hourly}"


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
