"""Worker room: tells staff by e-mail what must not wait until somebody looks at the admin.

Written down first: a mail server that is away delays an alarm and loses none.
"""

import logging
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.utils import timezone

from tenants.gateways import hook, mail
from tenants.models import User
from wopr.common import breaker
from wopr.common.errors import ProviderError
from wopr.common.models import Alarm

logger = logging.getLogger(__name__)
# As long as one try may take; who tries marks the row first, so that no two send the same.
AGAIN = timedelta(minutes=2)


def staff_told(*, subject: str, text: str) -> int:
    """Writes to everybody who may use the admin, now or as soon as the mail server takes it.

    Returns to how many it was tried.
    """
    return _send(Alarm.objects.create(subject=subject[:200], text=text))


def alarms_send() -> None:
    """Tries again what no mail server took."""
    for alarm in Alarm.objects.filter(sent_at=None, next_attempt_at__lte=timezone.now()):
        _send(alarm)


def breakers_told() -> None:
    """Tells of each action that was stopped, once a day and again after a person's word."""
    for row in breaker.stopped():
        subject = f"Too many tenants at once: “{row.action}” was stopped"
        since = timezone.now() - timedelta(days=1)
        since = max(since, row.approved_until or since)
        if not Alarm.objects.filter(subject=subject, created_at__gte=since).exists():
            page = f"{settings.WOPR_DASHBOARD_URL}/admin/common/breaker/"
            staff_told(subject=subject, text=f"{row.message}\n\n{page}\n")


def _send(alarm: Alarm) -> int:
    now, row = timezone.now(), Alarm.objects.filter(pk=alarm.pk)
    if not row.filter(sent_at=None, next_attempt_at__lte=now).update(next_attempt_at=now + AGAIN):
        return 0
    staff = User.objects.filter(is_staff=True, is_active=True)
    addresses = sorted(staff.values_list("email", flat=True))
    try:
        if addresses:
            mail.send_plain(addresses, subject=alarm.subject, text=alarm.text)
    except ProviderError as error:
        logger.error("staff is told later of “%s”: %s", alarm.subject, error)
        row.update(error=str(error))
    else:
        row.update(sent_at=now, error="")
    return len(addresses)


def hook_told(*, event: str, facts: dict[str, Any]) -> bool:
    """Posts to WOPR_ALERT_WEBHOOK_URL; False when there is none. Raises ProviderError."""
    if not settings.WOPR_ALERT_WEBHOOK_URL:
        return False
    hook.post({"event": event, **facts})
    return True
