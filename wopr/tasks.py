"""Tasks of the platform itself."""

from celery import shared_task
from django.utils import timezone

from wopr.common.models import Heartbeat


@shared_task(name="wopr.canary")
def canary() -> None:
    """Proves, once a minute, that beat, broker, worker and database work together."""
    Heartbeat.objects.update_or_create(name="canary", defaults={"seen_at": timezone.now()})
