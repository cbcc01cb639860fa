"""Worker room: the customers at Stripe follow the owners of their tenants.

Stripe writes to the address that it knows. What WOPR told it is noted there, in the customer's
metadata, so that an address which somebody has changed at Stripe for invoices stays as long as the
tenant's owner and their address stay.
"""

import logging
from typing import Any

from django.conf import settings
from django.db.models import F, OuterRef, Q, Subquery, TextField, Value
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Coalesce
from djstripe.models import Customer

from billing.gateways import stripe
from tenants.models import Membership
from wopr.common.errors import ProviderError

logger = logging.getLogger(__name__)


def owners_follow() -> None:
    """Tells Stripe of every tenant that has another owner, or none, or one with another address."""
    for customer in _behind():
        email, name = customer.owner_email, customer.subscriber.name
        try:
            data: Any = stripe.customer_tell(str(customer.id), email=email, name=name)
        except ProviderError as error:
            logger.error("customer %s is told its owner later: %s", customer.id, error)
            continue
        with stripe.translated("The Stripe customer could not be stored"):
            Customer.sync_from_stripe_data(data, api_key=settings.STRIPE_SECRET_KEY)


def _behind() -> Any:
    owner = Membership.objects.filter(tenant=OuterRef("subscriber"), role=Membership.Role.OWNER)
    known = Customer.objects.filter(subscriber__isnull=False, date_purged__isnull=True)
    return (
        known.annotate(
            owner_email=_text(Subquery(owner.values("user__email")[:1])),
            told=_text(KeyTextTransform(stripe.OWNER_KEY, "metadata")),
        )
        .filter(~Q(told=F("owner_email")))
        .select_related("subscriber")
    )


def _text(found: Any) -> Coalesce:
    return Coalesce(found, Value(""), output_field=TextField())
