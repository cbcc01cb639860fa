"""Worker room: what a preview named is what its change costs.

A difference is prorated to the second, so that a change some minutes after its preview costs
something else, unless it counts from the same moment. The customer hands that moment back; it is
signed and lasts an hour, since who chooses it chooses the price.
"""

from datetime import timedelta
from typing import Any

from django.core import signing

from wopr.common.errors import Refused

LASTS = timedelta(hours=1)
_SALT = "billing.quotes"


def quote(subscription_id: str, prorated_at: int | None) -> str:
    """To be handed back with the change; empty where nothing is prorated."""
    if prorated_at is None:
        return ""
    return signing.dumps({"subscription": subscription_id, "at": prorated_at}, salt=_SALT)


def agreed(given: str, subscription: Any) -> int:
    """The moment from which the difference counts. Refused when another price holds now."""
    try:
        told = signing.loads(given, salt=_SALT, max_age=LASTS)
    except signing.BadSignature as error:
        raise _refusal() from error
    begun = min(item["current_period_start"] for item in subscription["items"]["data"])
    if told["subscription"] != subscription["id"] or told["at"] < begun:
        raise _refusal()
    return int(told["at"])


def _refusal() -> Refused:
    message = "The price was shown too long ago. Look at what is due now once more."
    return Refused("quote_expired", message, field="quote", status=409)
