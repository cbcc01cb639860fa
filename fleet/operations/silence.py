"""A bot that should answer, and that a failed operation did not see answer in the end.

Its status says what it should be. That it is not seen to be so is a difference like any other: it
is shown, repaired, and ends when the bot is seen to answer.
"""

from django.conf import settings
from django.utils import timezone

from fleet.models import Drift, Instance
from fleet.operations.ledger import live_operation


def note(instance: Instance) -> None:
    """Written with the end of an operation that undoes nothing."""
    if instance.status != Instance.Status.RUNNING:
        return
    now = timezone.now()
    Drift.objects.get_or_create(
        node=instance.node,
        kind=Drift.Kind.SILENT,
        resource=instance.container_name,
        resolved_at=None,
        defaults={
            "instance": instance,
            "wanted": instance.status,
            "seen": live_operation("instance", instance.pk).error,
            "first_seen_at": now,
            "last_seen_at": now,
            "currency": settings.WOPR_CURRENCY,
        },
    )


def note_if_left(instance: Instance) -> None:
    """The same for one that is undone: only if something could not be taken back."""
    if live_operation("instance", instance.pk).leaks.exists():
        note(instance)
