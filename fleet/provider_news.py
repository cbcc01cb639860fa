"""Worker room: what staff and the alert webhook are told of providers, each thing once."""

import logging

from django.utils import timezone

from fleet.models import ProviderChange, ProviderHealth
from tenants import alarms
from wopr.common.errors import ProviderError

logger = logging.getLogger(__name__)
State = ProviderHealth.State


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
    if change.is_of_prices:
        subject, text = f"The provider {name} has changed prices", f"Since {since}:\n\n"
    else:
        subject = f"The provider {name} is {change.after}"
        text = f"{name} was {change.before} and is {change.after} since {since}.\n\n"
    alarms.staff_told(subject=subject, text=text + f"{change.reason or 'All is well again.'}\n")
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
        event = "provider_prices" if change.is_of_prices else "provider_changed"
        alarms.hook_told(event=event, facts=facts)
    except ProviderError as error:
        logger.error("the alert webhook was not told of %s: %s", change, error)
        return False
    return True
