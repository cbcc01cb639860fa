"""The operator's own address for alerts: JSON by POST, signed so that it can tell they are ours."""

import hashlib
import hmac
import json
import time
from typing import Any

from django.conf import settings

from wopr.common.errors import ProviderError
from wopr.common.http import client, request

SIGNATURE = "Wopr-Signature"


def post(facts: dict[str, Any]) -> None:
    """Raises ProviderError unless it was taken (2xx)."""
    body, now = json.dumps(facts), int(time.time())
    headers = {
        "Content-Type": "application/json",
        SIGNATURE: f"t={now},v1={signature(body, now)}",
    }
    with client("") as session:
        url = settings.WOPR_ALERT_WEBHOOK_URL
        answer = request(session, "the alert webhook", "POST", url, content=body, headers=headers)
    if not answer.is_success:
        raise ProviderError(f"the alert webhook answered {answer.status_code}")


def signature(body: str, at: int) -> str:
    """HMAC-SHA256 of the time and the body, in hexadecimal."""
    said = f"{at}.{body}".encode()
    return hmac.new(settings.WOPR_ALERT_WEBHOOK_SECRET.encode(), said, hashlib.sha256).hexdigest()
