"""Who calls: an instance, by its platform token. Read from the database, kept for seconds."""

import time
from dataclasses import dataclass
from uuid import UUID

from billing.models import Meter, UsageCap
from fleet.models import Instance
from fleet.models.instance import digest_of
from gpu.models import Budget

KEPT = 5.0  # seconds for which an answer of the database is believed
_UNKNOWN_KEPT = 1.0
_MOST_KEPT = 20_000
_SERVED = (Instance.Status.STARTING, Instance.Status.RUNNING, Instance.Status.STOPPED)


@dataclass(frozen=True)
class Caller:
    """An instance that may ask, and the limits of its tenant; None is no limit."""

    instance_id: UUID
    tenant_id: UUID
    budget: int  # micros a month
    token_cap: int | None
    second_cap: int | None


_known: dict[str, tuple[float, Caller | None]] = {}


def caller_remembered(token: str) -> Caller | None:
    """The caller if the database told of it seconds ago; None means that it must be asked."""
    until, caller = _known.get(digest_of(token), (0.0, None))
    return caller if time.monotonic() < until else None


def caller_of(token: str) -> Caller | None:
    """The caller behind a bearer token, or None for a token that opens nothing."""
    digest = digest_of(token)
    until, caller = _known.get(digest, (0.0, None))
    now = time.monotonic()
    if now < until:
        return caller
    caller = _look_up(digest)
    if len(_known) >= _MOST_KEPT:
        _known.clear()
    _known[digest] = (now + (KEPT if caller else _UNKNOWN_KEPT), caller)
    return caller


def _look_up(digest: str) -> Caller | None:
    instance = (
        Instance.objects.filter(platform_token_digest=digest, status__in=_SERVED)
        .only("pk", "tenant_id")
        .first()
    )
    if instance is None:
        return None
    caps = dict(UsageCap.objects.filter(tenant=instance.tenant_id).values_list("meter", "limit"))
    return Caller(
        instance_id=instance.pk,
        tenant_id=instance.tenant_id,
        budget=Budget.of(instance.tenant_id).most,
        token_cap=caps.get(Meter.INFERENCE_TOKENS),
        second_cap=caps.get(Meter.AUDIO_SECONDS),
    )
