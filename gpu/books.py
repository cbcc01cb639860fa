"""Reserve, then settle: the worst case is held before a request goes out, the truth booked after.

A hold is one conditional update of the tenant's month, so however many requests come at once, what
is spent and held together never exceeds the limits. A gateway that dies stops renewing its holds,
and they are released.
"""

import logging
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from uuid import UUID, uuid4

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F
from django.db.models.functions import Greatest
from django.utils import timezone

from billing.models import Meter
from billing.usage import Use, usage_record
from gpu.callers import Caller
from gpu.catalogue import cost
from gpu.models import Allowance, Hold
from wopr.common.errors import Refused

logger = logging.getLogger(__name__)
LEASE = timedelta(seconds=90)
GATEWAY = uuid4()  # this process


@dataclass(frozen=True)
class Amount:
    """Tokens, and seconds of audio: the most that a request may use, or what it did use."""

    tokens: int = 0
    seconds: int = 0

    @property
    def micros(self) -> int:
        return cost(tokens=self.tokens, seconds=self.seconds)


def reserve(caller: Caller, most: Amount) -> UUID:
    """Holds the worst case. Raises Refused when budget, cap or rate has no room for it."""
    month = timezone.now().astimezone(UTC).date().replace(day=1)
    hold = _hold(caller, most, month)
    if hold is None:
        made = Allowance.objects.get_or_create(tenant_id=caller.tenant_id, month=month)[1]
        hold = _hold(caller, most, month) if made else None
    if hold is None:
        raise _refusal(caller, most, month)
    return hold


def settle(hold_id: UUID, used: Amount) -> None:
    """Books what was used, at most what was held, and gives the rest back."""
    with transaction.atomic():
        hold = _release(hold_id)
        if hold is None:
            logger.error("hold %s was gone before its use (%s) could be booked", hold_id, used)
            return
        booked = Amount(min(used.tokens, hold.tokens), min(used.seconds, hold.seconds))
        if booked != used:
            logger.error("hold %s: %s was used, more than was held", hold_id, used)
        Allowance.objects.filter(pk=hold.allowance_id).update(
            spent=F("spent") + booked.micros,
            tokens=F("tokens") + booked.tokens,
            seconds=F("seconds") + booked.seconds,
        )
        usage_record(_uses(hold, booked))


def renew() -> int:
    """Prolongs the holds of this process; returns how many there are."""
    return Hold.objects.filter(gateway=GATEWAY).update(expires_at=timezone.now() + LEASE)


def release_expired() -> int:
    """Gives back what dead gateways held. Returns how many holds that were."""
    dead = Hold.objects.filter(expires_at__lte=timezone.now()).values_list("pk", flat=True)
    released = 0
    for hold_id in dead:
        with transaction.atomic():
            released += _release(hold_id) is not None
    return released


def _hold(caller: Caller, most: Amount, month: date) -> UUID | None:
    hold_id = uuid4()
    with connection.cursor() as cursor:
        cursor.execute(
            _HOLD,
            {
                "hold": hold_id,
                "tenant": caller.tenant_id,
                "instance": caller.instance_id,
                "gateway": GATEWAY,
                "month": month,
                "micros": most.micros,
                "tokens": most.tokens,
                "seconds": most.seconds,
                "budget": caller.budget,
                "token_cap": caller.token_cap,
                "second_cap": caller.second_cap,
                "rate": settings.WOPR_INFERENCE_RATE,
                "lease": LEASE.total_seconds(),
            },
        )
        return hold_id if cursor.rowcount else None


_HOLD = """
    WITH minute AS (SELECT date_trunc('minute', now()) AS now), admitted AS (
        UPDATE gpu_allowance AS a
        SET held = held + %(micros)s,
            tokens_held = tokens_held + %(tokens)s,
            seconds_held = seconds_held + %(seconds)s,
            requests = CASE WHEN a.minute = minute.now THEN requests + 1 ELSE 1 END,
            minute = minute.now
        FROM minute
        WHERE tenant_id = %(tenant)s AND month = %(month)s
          AND spent + held + %(micros)s <= %(budget)s
          AND (%(token_cap)s::bigint IS NULL
               OR tokens + tokens_held + %(tokens)s <= %(token_cap)s::bigint)
          AND (%(second_cap)s::bigint IS NULL
               OR seconds + seconds_held + %(seconds)s <= %(second_cap)s::bigint)
          AND (a.minute IS DISTINCT FROM minute.now OR requests < %(rate)s)
        RETURNING a.id
    )
    INSERT INTO gpu_hold (id, allowance_id, instance_id, gateway, micros, tokens, seconds,
                          created_at, updated_at, expires_at)
    SELECT %(hold)s, id, %(instance)s, %(gateway)s, %(micros)s, %(tokens)s, %(seconds)s,
           now(), now(), now() + make_interval(secs => %(lease)s)
    FROM admitted
"""


def _release(hold_id: UUID) -> Hold | None:
    """Deletes the hold, in the caller's transaction; None when somebody else was faster."""
    hold = Hold.objects.select_for_update().filter(pk=hold_id).first()
    if hold is None:
        return None
    Hold.objects.filter(pk=hold_id).delete()
    Allowance.objects.filter(pk=hold.allowance_id).update(
        held=Greatest(F("held") - hold.micros, 0),
        tokens_held=Greatest(F("tokens_held") - hold.tokens, 0),
        seconds_held=Greatest(F("seconds_held") - hold.seconds, 0),
    )
    return hold


def _uses(hold: Hold, booked: Amount) -> list[Use]:
    tenant_id, now = hold.allowance.tenant_id, timezone.now()
    by_meter = {Meter.INFERENCE_TOKENS: booked.tokens, Meter.AUDIO_SECONDS: booked.seconds}
    return [
        Use(f"inference:{hold.pk}:{meter.value}", tenant_id, meter, quantity, now)
        for meter, quantity in by_meter.items()
        if quantity
    ]


def _refusal(caller: Caller, most: Amount, month: date) -> Refused:
    """Why there was no room, in the caller's words."""
    row = Allowance.objects.get(tenant_id=caller.tenant_id, month=month)
    this_minute = timezone.now().replace(second=0, microsecond=0)
    if row.minute == this_minute and row.requests >= settings.WOPR_INFERENCE_RATE:
        return Refused(
            "rate_limited",
            f"More than {settings.WOPR_INFERENCE_RATE} requests in a minute; wait for the next.",
            status=429,
        )
    if _exceeds(row.tokens + row.tokens_held + most.tokens, caller.token_cap) or _exceeds(
        row.seconds + row.seconds_held + most.seconds, caller.second_cap
    ):
        return Refused(
            "cap_reached",
            "This request could exceed the usage cap that is set for this month. "
            "Raise or remove the cap in the dashboard.",
            status=402,
        )
    return Refused(
        "budget_exhausted",
        "This request could cost more than what is left of this month's inference budget. "
        "Ask for fewer tokens, or raise the budget in the dashboard.",
        status=402,
    )


def _exceeds(wanted: int, cap: int | None) -> bool:
    return cap is not None and wanted > cap


def seconds_to_next_minute(now: datetime) -> int:
    """What Retry-After says to somebody who was too fast."""
    return 60 - now.second
