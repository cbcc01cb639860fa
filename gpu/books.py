"""Reserve, then settle: the worst case is held before a request goes out, the truth booked after.

A hold is one conditional update of the tenant's month, so however many requests come at once, what
is spent and held together never exceeds the limits. A gateway that dies stops renewing its holds,
and they are released.
"""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import astuple, dataclass
from datetime import UTC, date, datetime, timedelta
from operator import add
from typing import NamedTuple
from uuid import UUID, uuid4

import psycopg
from django.conf import settings
from django.db import connection, transaction
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


def reserve(caller: Caller, most: Amount, *, requests: int = 1) -> list[UUID]:
    """Holds the worst case of each request: all of them, which cost hardly more than one, or none.

    Raises Refused when budget, cap or rate has no room for them.
    """
    month = timezone.now().astimezone(UTC).date().replace(day=1)
    holds = [uuid4() for _ in range(requests)]
    if _hold(caller, most, month, holds):
        return holds
    # The month's first request; another one may have made the row in this moment.
    Allowance.objects.get_or_create(tenant_id=caller.tenant_id, month=month)
    if _hold(caller, most, month, holds):
        return holds
    raise _refusal(caller, most, month)


def settle(used: Mapping[UUID, Amount | None]) -> None:
    """Books what was used of each hold, at most what was held, and gives the rest back.

    None is for a request that was never made: it does not count as one. In one transaction: many
    cost hardly more than one.
    """
    with transaction.atomic():
        ended = _end_holds(used)
        for gone in used.keys() - {hold.pk for hold in ended}:
            logger.error("hold %s was gone before its use (%s) could be booked", gone, used[gone])
        booked = [(hold, _bounded(hold, used[hold.pk])) for hold in ended]
        _book(booked)
        usage_record([use for hold, amount in booked if amount for use in _uses(hold, amount)])


class _Ended(NamedTuple):
    """A hold that is no more, and what it was."""

    pk: UUID
    allowance: int
    tenant: UUID
    micros: int
    tokens: int
    seconds: int
    is_of_now: bool  # counted as a request in the minute that the allowance counts


def _end_holds(hold_ids: Iterable[UUID]) -> list[_Ended]:
    """Deletes them, in the caller's transaction; those that somebody else had are left out."""
    with connection.cursor() as cursor:
        cursor.execute(_END, [list(hold_ids)])
        return [_Ended(*row) for row in cursor.fetchall()]


# Locked in one order, so that nobody blocks anybody for ever.
_END = """
    WITH mine AS (SELECT id FROM gpu_hold WHERE id = ANY(%s) ORDER BY id FOR UPDATE)
    DELETE FROM gpu_hold AS hold USING mine, gpu_allowance AS allowance
    WHERE hold.id = mine.id AND allowance.id = hold.allowance_id
    RETURNING hold.id, allowance.id, allowance.tenant_id, hold.micros, hold.tokens, hold.seconds,
              date_trunc('minute', hold.created_at) = allowance.minute
"""


def _bounded(hold: _Ended, used: Amount | None) -> Amount | None:
    if used is None:
        return None
    booked = Amount(min(used.tokens, hold.tokens), min(used.seconds, hold.seconds))
    if booked != used:
        logger.error("hold %s: %s was used, more than was held", hold.pk, used)
    return booked


def _book(ended: Iterable[tuple[_Ended, Amount | None]]) -> None:
    """Gives back what was held and adds what was used, to each allowance once and in one order."""
    sums: dict[int, list[int]] = {}
    for hold, used in ended:
        spent = used or Amount()
        held, booked = (hold.micros, hold.tokens, hold.seconds), astuple(spent)
        row = (*held, spent.micros, *booked, int(used is None and hold.is_of_now))
        sums[hold.allowance] = [*map(add, sums.get(hold.allowance, [0] * len(row)), row)]
    if not sums:
        return
    # One statement, not one for each by executemany, with which the audit's context does not go.
    rows = [[pk, *row] for pk, row in sums.items()]
    with connection.cursor() as cursor:
        cursor.execute(_BOOK, [list(column) for column in zip(*rows, strict=True)])


_BOOK = """
    WITH told AS (
        SELECT * FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[],
                             %s::bigint[], %s::bigint[], %s::bigint[])
        AS told (id, held, tokens_held, seconds_held, spent, tokens, seconds, requests)
    ), mine AS (
        SELECT id FROM gpu_allowance WHERE id IN (SELECT id FROM told) ORDER BY id FOR UPDATE
    )
    UPDATE gpu_allowance AS month
    SET held = greatest(month.held - told.held, 0),
        tokens_held = greatest(month.tokens_held - told.tokens_held, 0),
        seconds_held = greatest(month.seconds_held - told.seconds_held, 0),
        spent = month.spent + told.spent, tokens = month.tokens + told.tokens,
        seconds = month.seconds + told.seconds,
        requests = greatest(month.requests - told.requests, 0)
    FROM told JOIN mine USING (id) WHERE month.id = told.id
"""


def renew() -> int:
    """Prolongs the holds of this process; returns how many there are."""
    return Hold.objects.filter(gateway=GATEWAY).update(expires_at=timezone.now() + LEASE)


def release_expired() -> int:
    """Gives back what dead gateways held. Returns how many holds that were."""
    dead = Hold.objects.filter(expires_at__lte=timezone.now()).values_list("pk", flat=True)
    with transaction.atomic():
        ended = _end_holds(dead)
        _book((hold, Amount()) for hold in ended)
    return len(ended)


def _hold(caller: Caller, most: Amount, month: date, holds: list[UUID]) -> bool:
    wanted = {
        "holds": holds,
        "number": len(holds),
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
    }
    return _execute_prepared(_HOLD, wanted) > 0


def _execute_prepared(statement: str, parameters: Mapping[str, object]) -> int:
    """Lets the server keep the plan, which takes it longer to make than to carry out.

    Django's own cursors cannot. Returns the number of rows.
    """
    connection.ensure_connection()
    driver = connection.connection
    driver.prepare_threshold = 0
    with connection.wrap_database_errors, psycopg.Cursor(driver) as cursor:
        return cursor.execute(statement, parameters).rowcount


_HOLD = """
    WITH wanted AS (
        SELECT date_trunc('minute', now()) AS now, %(number)s::int AS number,
               %(number)s::bigint * %(micros)s AS micros,
               %(number)s::bigint * %(tokens)s AS tokens,
               %(number)s::bigint * %(seconds)s AS seconds
    ), admitted AS (
        UPDATE gpu_allowance AS a
        SET held = held + wanted.micros,
            tokens_held = tokens_held + wanted.tokens,
            seconds_held = seconds_held + wanted.seconds,
            requests = wanted.number + CASE WHEN a.minute = wanted.now THEN requests ELSE 0 END,
            minute = wanted.now
        FROM wanted
        WHERE tenant_id = %(tenant)s AND month = %(month)s
          AND spent + held + wanted.micros <= %(budget)s
          AND (%(token_cap)s::bigint IS NULL
               OR a.tokens + tokens_held + wanted.tokens <= %(token_cap)s::bigint)
          AND (%(second_cap)s::bigint IS NULL
               OR a.seconds + seconds_held + wanted.seconds <= %(second_cap)s::bigint)
          AND wanted.number + CASE WHEN a.minute = wanted.now THEN requests ELSE 0 END <= %(rate)s
        RETURNING a.id
    )
    INSERT INTO gpu_hold (id, allowance_id, instance_id, gateway, micros, tokens, seconds,
                          created_at, updated_at, expires_at)
    SELECT hold, admitted.id, %(instance)s, %(gateway)s, %(micros)s, %(tokens)s, %(seconds)s,
           now(), now(), now() + make_interval(secs => %(lease)s)
    FROM admitted, unnest(%(holds)s::uuid[]) AS hold
"""


def _uses(hold: _Ended, booked: Amount) -> list[Use]:
    now = timezone.now()
    by_meter = {Meter.INFERENCE_TOKENS: booked.tokens, Meter.AUDIO_SECONDS: booked.seconds}
    return [
        Use(f"inference:{hold.pk}:{meter.value}", hold.tenant, meter, quantity, now)
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
