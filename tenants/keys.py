"""Every write to API keys, and how one is recognised. A key is shown once, and kept as a digest."""

import hashlib
import secrets
from collections.abc import Iterable
from datetime import timedelta

from django.db.models import Q
from django.utils import timezone

from tenants.models import ApiKey, Membership
from wopr.common.errors import Refused

# It makes a key that was lost recognisable, for people as for scanners of secrets.
PREFIX = "wopr_"
MOST_KEYS = 50
LONGEST_DAYS = 365
_HINT_LENGTH = 12
# A key that is used all the time is not a write all the time.
_USE_IS_NOTED_EVERY = timedelta(minutes=1)


def key_make(
    *, membership: Membership, name: str, scopes: Iterable[str], days: int
) -> tuple[ApiKey, str]:
    """A new key, and its text, which is nowhere else. Refused when the tenant has too many."""
    now = timezone.now()
    in_use = ApiKey.objects.valid(now).filter(membership__tenant=membership.tenant_id)
    if in_use.count() >= MOST_KEYS:
        raise Refused(
            "too_many_keys",
            f"There are {MOST_KEYS} keys in use. Revoke one that nobody needs.",
            status=409,
        )
    text = PREFIX + secrets.token_urlsafe(32)
    key = ApiKey.objects.create(
        membership=membership,
        name=name.strip(),
        hint=text[:_HINT_LENGTH],
        digest=_digest(text),
        scopes=sorted(set(scopes)),
        expires_at=now + timedelta(days=days),
    )
    return key, text


def key_revoke(*, key: ApiKey) -> None:
    """From now on it opens nothing; doing it again changes nothing."""
    ApiKey.objects.filter(pk=key.pk, revoked_at__isnull=True).update(revoked_at=timezone.now())


def key_find(*, text: str) -> ApiKey | None:
    """The valid key of this text; its use is noted."""
    now = timezone.now()
    found = ApiKey.objects.valid(now).filter(digest=_digest(text))
    key = found.select_related("membership__user").first()
    if key:
        not_noted = Q(last_used_at__isnull=True) | Q(last_used_at__lt=now - _USE_IS_NOTED_EVERY)
        ApiKey.objects.filter(not_noted, pk=key.pk).update(last_used_at=now)
    return key


def _digest(text: str) -> str:
    """Plain SHA-256: nobody guesses 256 random bits, however fast the digest is."""
    return hashlib.sha256(text.encode()).hexdigest()
