"""Worker room: sees when a bot ends again and again, tells its owner once, and sees it calm again.

The engine starts a bot that ended at once, and later and later (up to a minute) when it keeps
ending; that needs no control plane. What is counted here are the ends that it reported.
"""

import logging
from collections import Counter
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, Max, OuterRef, Q
from django.utils import timezone

from fleet.gateways import bot
from fleet.models import Instance, InstanceEvent, Operation
from tenants import alarms, correspondence
from tenants.models import Message

logger = logging.getLogger(__name__)
RESTART_ME = 75  # the bot asks for a restart: that is no crash
ONE_LETTER_IN = timedelta(days=1)
Kind = InstanceEvent.Kind


def watch() -> None:
    """One look at the ends of all bots: new crash loops, and old ones that are over."""
    now = timezone.now()
    lately = now - timedelta(minutes=settings.WOPR_CRASH_MINUTES)
    for instance_id, ends in _ends(since=lately).items():
        if ends >= settings.WOPR_CRASH_ENDS:
            _begin(instance_id, ends, now)
    for instance in Instance.objects.filter(crashing_since__isnull=False).select_related("node"):
        if _is_calm(instance, now):
            _calm(instance, now)


def _ends(*, since: datetime) -> Counter[UUID]:
    """How often each bot ended by itself; what an operation did to it does not count."""
    causes = Operation.objects.filter(
        Q(finished_at__isnull=True) | Q(finished_at__gte=OuterRef("happened_at")),
        subject_kind="instance",
        subject_id=OuterRef("instance_id"),
        started_at__lte=OuterRef("happened_at"),
    )
    ended = InstanceEvent.objects.filter(kind=Kind.ENDED, happened_at__gte=since)
    by_itself = ended.exclude(exit_code=RESTART_ME).exclude(Exists(causes))
    return Counter(by_itself.values_list("instance_id", flat=True))


def _begin(instance_id: UUID, ends: int, now: datetime) -> None:
    """Only for a bot that is to run, and once for each loop."""
    with transaction.atomic():
        begun = Instance.objects.filter(
            pk=instance_id, crashing_since=None, status=Instance.Status.RUNNING
        ).update(crashing_since=now)
        if not begun:
            return
        instance = Instance.objects.select_related("tenant").get(pk=instance_id)
        message = f"{ends} ends within {settings.WOPR_CRASH_MINUTES} minutes"
        InstanceEvent.objects.create(
            instance=instance,
            kind=Kind.CRASH_LOOP,
            happened_at=now,
            exit_code=instance.exit_code,
            message=message,
        )
        is_news = _tell(instance, now)
    logger.error("%s is in a crash loop: %s, exit code %s", instance, message, instance.exit_code)
    if is_news:
        _tell_staff(instance, message)


def _tell_staff(instance: Instance, message: str) -> None:
    page = f"{settings.WOPR_DASHBOARD_URL}/admin/fleet/instance/{instance.pk}/change/"
    alarms.staff_told(subject=f"{instance} ends again and again", text=f"{message}\n\n{page}")


def _tell(instance: Instance, now: datetime) -> bool:
    """A loop that pauses and goes on the same day is no news."""
    about = f"{instance.reference}:crash"
    told = Message.objects.filter(kind=Message.Kind.CRASHING, cause__startswith=about)
    if told.filter(created_at__gt=now - ONE_LETTER_IN).exists():
        return False
    correspondence.message_queue(
        tenant=instance.tenant,
        kind=Message.Kind.CRASHING,
        cause=f"{about}:{now:%Y%m%d%H%M%S}",
        context={
            "instance": instance,
            "minutes": settings.WOPR_CRASH_MINUTES,
            "action": {
                "url": f"{settings.WOPR_DASHBOARD_URL}/instances/{instance.pk}",
                "label": "Look at the bot",
            },
        },
    )
    return True


def _is_calm(instance: Instance, now: datetime) -> bool:
    """It answers, and has not ended for a while; or it is not to run any more."""
    if instance.status != Instance.Status.RUNNING:
        return True
    quiet = now - timedelta(minutes=settings.WOPR_CRASH_CALM_MINUTES)
    ends = instance.events.filter(kind=Kind.ENDED).exclude(exit_code=RESTART_ME)
    last = ends.aggregate(last=Max("happened_at"))["last"]
    return (last is None or last < quiet) and bot.is_healthy(instance.upstream)


def _calm(instance: Instance, now: datetime) -> None:
    with transaction.atomic():
        if Instance.objects.filter(pk=instance.pk, crashing_since=instance.crashing_since).update(
            crashing_since=None
        ):
            InstanceEvent.objects.create(instance=instance, kind=Kind.CALM, happened_at=now)
            logger.info("%s is calm again", instance)
