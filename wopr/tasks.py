"""Tasks of the platform itself."""

from celery import shared_task
from django.utils import timezone

from wopr import erasing, guarding
from wopr.common.models import Heartbeat


@shared_task(name="wopr.canary")
def canary() -> None:
    """Proves, once a minute, that beat, broker, worker and database work together."""
    Heartbeat.objects.update_or_create(name="canary", defaults={"seen_at": timezone.now()})


@shared_task(name="wopr.leavers_erase")
def leavers_erase() -> None:
    """Carries out the deletions that are due, as far as they can be now."""
    erasing.leavers_erase()


@shared_task(name="wopr.audit_verify")
def audit_verify() -> None:
    """Tells staff when somebody has tampered with the audit trail."""
    guarding.trail_verify()
