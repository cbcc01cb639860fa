"""Keeps Stripe's keys in the environment: dj-stripe would copy them into its APIKey table.

dj-stripe looks up the account that owns an object by way of a stored key. The account is found
here by asking Stripe once per process instead, and nothing is stored but the account.
"""

from functools import lru_cache

import stripe
from django.conf import settings
from djstripe.models import Account


@lru_cache(maxsize=4)
def _account_id(api_key: str) -> str:
    account = stripe.Account.retrieve(api_key=api_key, stripe_version=settings.STRIPE_API_VERSION)
    return str(account.id)


def account_of_key(api_key: str) -> Account:
    """The Stripe account that the key belongs to, without a trace of the key."""
    account, _ = Account.objects.get_or_create(id=_account_id(api_key))
    return account


def install() -> None:
    """Puts `account_of_key` in the place of dj-stripe's own look-up."""
    Account.get_or_retrieve_for_api_key = staticmethod(account_of_key)
