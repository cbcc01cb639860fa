"""The mass-action breaker: a run that would hit too many tenants stops and asks a person."""

import logging
import math
from datetime import timedelta

from django.conf import settings
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from wopr.common.models import Breaker

logger = logging.getLogger(__name__)
# Below this a share of the tenants says nothing: one of three is a third.
ALWAYS_ALLOWED = 3
APPROVAL_LASTS = timedelta(hours=1)


def allowance(*, tenants: int) -> int:
    """How many tenants an action may hit within an hour without a person's word."""
    share = math.ceil(tenants * settings.WOPR_BREAKER_PERCENT / 100)
    return int(max(ALWAYS_ALLOWED, min(settings.WOPR_BREAKER_COUNT, share)))


def admits(*, action: str, wanted: int, lately: int, tenants: int) -> bool:
    """Whether `wanted` more may be hit now, after `lately` in the past hour. Trips if not."""
    allowed = allowance(tenants=tenants)
    if lately + wanted <= allowed or _is_approved(action):
        return True
    message = (
        f"{wanted} of {tenants} tenants would be hit by “{action}” now, after {lately} in the past"
        f" hour; {allowed} are allowed. Nothing was done. Look at the cause, then approve or leave."
    )
    Breaker.objects.update_or_create(
        action=action, defaults={"tripped_at": timezone.now(), "message": message}
    )
    logger.error("breaker: %s", message)
    return False


def approve(*, action: str, by: str) -> None:
    """A person has looked: the action may go on for an hour."""
    Breaker.objects.filter(action=action).update(
        approved_by=by, approved_until=timezone.now() + APPROVAL_LASTS
    )


def stopped() -> QuerySet[Breaker]:
    """Actions that were stopped within a day and that nobody has approved since."""
    undecided = Q(approved_until=None) | Q(approved_until__lt=F("tripped_at"))
    return Breaker.objects.filter(undecided, tripped_at__gte=timezone.now() - timedelta(days=1))


def _is_approved(action: str) -> bool:
    return Breaker.objects.filter(action=action, approved_until__gt=timezone.now()).exists()
