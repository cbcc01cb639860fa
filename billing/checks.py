"""System checks of billing: no webhook is taken unverified, and Stripe's prices are the rows'.

    manage.py check --deploy --tag stripe --database default

asks Stripe. It is a check for deployments, so that no other command does: `migrate` runs the
database's checks before there is a table to look at.
"""

from typing import Any

from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error, Tags, register
from django.db import connection
from djstripe.models import WebhookEndpoint

from billing.gateways import stripe_catalogue
from billing.models import Price
from wopr.common.errors import ProviderError

VERIFIED = "verify_signature"
_HINT = "Use verify_signature: anybody can post to the webhook's address."


@register()
def webhooks_are_verified(**_: Any) -> list[CheckMessage]:
    method = settings.DJSTRIPE_WEBHOOK_VALIDATION
    if method in (None, "none"):
        return [Error(f"DJSTRIPE_WEBHOOK_VALIDATION is {method!r}.", hint=_HINT, id="wopr.E020")]
    return []


@register(Tags.database)
def webhook_endpoints_are_verified(*, databases: Any = None, **_: Any) -> list[CheckMessage]:
    """Only when a database is named, as `migrate` does: a plain `check` needs none."""
    table = WebhookEndpoint._meta.db_table
    if not databases or table not in connection.introspection.table_names():
        return []
    careless = WebhookEndpoint.objects.filter(djstripe_validation_method="none")
    return [
        Error(f"Webhook endpoint {endpoint.id} takes anything.", hint=_HINT, id="wopr.E021")
        for endpoint in careless
    ]


@register("stripe", Tags.database, deploy=True)
def prices_are_those_of_stripe(*, databases: Any = None, **_: Any) -> list[CheckMessage]:
    """Only when a database is named: a plain `check --deploy` may come before there is any."""
    if not databases:
        return []
    prices = Price.objects.select_related("plan", "add_on").exclude(stripe_price_id="")
    try:
        return [message for price in prices for message in _price_messages(price)]
    except ProviderError as error:
        return [checks.Warning(f"Prices were not compared: {error}", id="wopr.W022")]


def _price_messages(price: Price) -> list[CheckMessage]:
    there = stripe_catalogue.price_retrieve(price.stripe_price_id)
    said = _description(there)
    if said == f"{price.amount} {price.currency} a {price.interval}":
        return []
    hint = "Run manage.py stripe_sync; --dry-run shows what it would do."
    text = f"{price.plan or price.add_on} costs {price} here, and {said} at Stripe."
    return [Error(text, hint=hint, obj=price, id="wopr.E022")]


def _description(there: Any | None) -> str:
    if there is None:
        return "nothing (there is no such price)"
    recurring = there["recurring"]
    said = f"{there['unit_amount']} {there['currency']} a {recurring['interval']}"
    return said if there["active"] else f"{said} (archived)"
