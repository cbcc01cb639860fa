"""Worker room: who is staff because a group at Authentik says so, and who is so no more.

It is about people who have connected their account with Authentik, and about nobody else: the
accounts that `manage.py staff_ensure` makes open the admin while Authentik is away.
"""

import logging
from collections.abc import Collection

from allauth.socialaccount.models import SocialAccount
from django.conf import settings
from django.utils import timezone

from tenants.gateways import authentik
from tenants.models import User
from wopr.common.audit.context import because
from wopr.common.models import Heartbeat

logger = logging.getLogger(__name__)
HEARTBEAT = "staff at Authentik"
PROVIDER = "authentik"


def rights_follow(*, user: User, groups: Collection[str]) -> None:
    """Staff are those in the group, as somebody logs in."""
    if not settings.AUTHENTIK_STAFF_GROUP:
        return
    if settings.AUTHENTIK_STAFF_GROUP not in groups:
        rights_take(user=user)
    elif not user.is_staff:
        because(f"in the group {settings.AUTHENTIK_STAFF_GROUP} at Authentik")
        user.is_staff = True
        user.save(update_fields=["is_staff"])


def rights_take(*, user: User) -> None:
    """From the next request on, for rights are read at each."""
    if not user.is_staff and not user.is_superuser:
        return
    because(f"not in the group {settings.AUTHENTIK_STAFF_GROUP} at Authentik")
    user.is_staff = user.is_superuser = False
    user.save(update_fields=["is_staff", "is_superuser"])
    logger.warning("%s is staff no more: not in the group at Authentik", user.pk)


def staff_recheck() -> None:
    """Takes the rights from whoever left the group, or is inactive at Authentik.

    While Authentik cannot be asked nobody loses anything: its outage must not lock everybody out
    at the moment when staff are needed. The heartbeat shows since when nobody was asked.
    """
    if not (authentik.is_configured() and settings.AUTHENTIK_STAFF_GROUP):
        return
    members = authentik.account().people_in(settings.AUTHENTIK_STAFF_GROUP)
    known = {person.uid for person in members}
    connected = SocialAccount.objects.filter(provider=PROVIDER, user__is_staff=True)
    for account in connected.select_related("user"):
        if account.uid not in known:
            rights_take(user=account.user)
    Heartbeat.objects.update_or_create(name=HEARTBEAT, defaults={"seen_at": timezone.now()})
