"""Worker room: tells staff by e-mail what must not wait until somebody looks at the admin."""

from typing import Any

from django.conf import settings

from tenants.gateways import hook, mail
from tenants.models import User


def staff_told(*, subject: str, text: str) -> int:
    """Writes to everybody who may use the admin. Returns to how many.

    Raises ProviderError when the mail server does not take it.
    """
    staff = User.objects.filter(is_staff=True, is_active=True)
    addresses = sorted(staff.values_list("email", flat=True))
    if addresses:
        mail.send_plain(addresses, subject=subject, text=text)
    return len(addresses)


def hook_told(*, event: str, facts: dict[str, Any]) -> bool:
    """Posts to WOPR_ALERT_WEBHOOK_URL; False when there is none. Raises ProviderError."""
    if not settings.WOPR_ALERT_WEBHOOK_URL:
        return False
    hook.post({"event": event, **facts})
    return True
