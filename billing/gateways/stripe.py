"""The only door to Stripe's API, apart from dj-stripe's own synchronisation.

Answers are Stripe's objects; errors are ProviderError, a declined card is Refused. What can be
looked up is looked up before it is created; a checkout session, which cannot, carries an
idempotency key made from its row. Stripe gives a 500 again to the same key for a day, so a key is
used only where nothing else helps.
"""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import stripe
from django.conf import settings
from djstripe.settings import djstripe_settings

from wopr.common.errors import ProviderError, Refused

logger = logging.getLogger(__name__)
# Where dj-stripe looks for the tenant in a customer's metadata.
SUBSCRIBER_KEY = djstripe_settings.SUBSCRIBER_CUSTOMER_KEY
# Under which name a customer's metadata say which owner's address Stripe was told.
OWNER_KEY = "wopr_owner"
_PERMANENT = (
    stripe.AuthenticationError,
    stripe.PermissionError,
    stripe.InvalidRequestError,
    stripe.IdempotencyError,
)


@lru_cache(maxsize=2)
def _client(key: str, url: str) -> stripe.StripeClient:
    return stripe.StripeClient(
        key,
        base_addresses={"api": url},
        stripe_version=settings.STRIPE_API_VERSION,
        max_network_retries=1,
        http_client=stripe.HTTPXClient(timeout=20, allow_sync_methods=True),
    )


def client() -> stripe.StripeClient:
    return _client(settings.STRIPE_SECRET_KEY, settings.STRIPE_API_URL)


@contextmanager
def translated(what: str) -> Iterator[None]:
    """Stripe's errors become ProviderError; `what` begins the sentence."""
    try:
        yield
    except stripe.CardError as error:
        text = error.user_message or "The card was declined."
        raise Refused("card_declined", f"{what}: {text}", status=402) from error
    except stripe.StripeError as error:
        permanent = isinstance(error, _PERMANENT)
        # 409: the same key is at work in another request. 429: nothing was looked at.
        answered = error.http_status not in (None, 409, 429)
        text = error.user_message or str(error) or type(error).__name__
        logger.warning("stripe: %s: %s", what, text)
        raise ProviderError(f"{what}: {text}", permanent=permanent, answered=answered) from error


def customer_find(*, email: str, tenant_id: str) -> Any | None:
    """The customer made for this tenant by an earlier try, looked up by what it was given."""
    with translated("Stripe could not list customers"):
        page = client().v1.customers.list({"email": email, "limit": 100})
        return next(
            (c for c in page.auto_paging_iter() if _metadata(c).get(SUBSCRIBER_KEY) == tenant_id),
            None,
        )


def _metadata(stripe_object: Any) -> dict[str, str]:
    return dict(stripe_object["metadata"] or {})


def customer_create(*, email: str, name: str, tenant_id: str) -> Any:
    with translated("Stripe could not create the customer"):
        return client().v1.customers.create(
            {
                "email": email,
                "name": name,
                "metadata": {SUBSCRIBER_KEY: tenant_id, OWNER_KEY: email},
            }
        )


def customer_tell(customer_id: str, *, email: str, name: str) -> Any:
    """Whose it is now; without an address, nobody's any more."""
    wanted: Any = {"email": email, "metadata": {OWNER_KEY: email}}
    if not email:
        wanted |= {"name": name, "phone": ""}
    with translated("Stripe could not be told whose the customer is"):
        return client().v1.customers.update(customer_id, wanted)


def session_create(
    *,
    checkout_id: str,
    customer_id: str,
    lines: Sequence[tuple[str, int]],
    trial_days: int,
    metadata: dict[str, str],
) -> Any:
    """A hosted payment page for one subscription; the same one for the same checkout.

    `lines` are ids of prices, each with its quantity.

    So is an error that Stripe answered with: after it the checkout is of no use any more.
    """
    back = f"{settings.WOPR_DASHBOARD_URL}/checkout/{checkout_id}"
    subscription: Any = {"metadata": metadata}
    if trial_days:
        subscription["trial_period_days"] = trial_days
    wanted: Any = {
        "mode": "subscription",
        "customer": customer_id,
        "line_items": [{"price": price, "quantity": quantity} for price, quantity in lines],
        "client_reference_id": checkout_id,
        "success_url": back + "?session_id={CHECKOUT_SESSION_ID}",
        "cancel_url": back + "?cancelled=1",
        "metadata": metadata,
        "subscription_data": subscription,
        **_session_options(),
    }
    key = f"{settings.WOPR_DEPLOYMENT}-checkout-{checkout_id}"
    with translated("Stripe could not open the checkout"):
        return client().v1.checkout.sessions.create(wanted, {"idempotency_key": key})


def _session_options() -> Any:
    """What the settings switch on. Taxes need the customer's address, tax ids the name."""
    options: dict[str, Any] = {}
    if settings.WOPR_STRIPE_PROMOTION_CODES:
        options["allow_promotion_codes"] = True
    if settings.WOPR_STRIPE_TAX:
        options["automatic_tax"] = {"enabled": True}
        options["tax_id_collection"] = {"enabled": True}
        options["customer_update"] = {"address": "auto", "name": "auto"}
    return options


def session_retrieve(session_id: str) -> Any:
    with translated("Stripe could not be asked about the checkout"):
        return client().v1.checkout.sessions.retrieve(session_id)


def session_expire(session_id: str) -> Any:
    with translated("Stripe could not close the checkout"):
        return client().v1.checkout.sessions.expire(session_id)


def subscriptions(customer_id: str) -> list[Any]:
    """All subscriptions of a customer, ended ones too, newest first."""
    with translated("Stripe could not list subscriptions"):
        page = client().v1.subscriptions.list(
            {"customer": customer_id, "status": "all", "limit": 100}
        )
        return list(page.auto_paging_iter())
