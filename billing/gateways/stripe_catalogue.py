"""Products and prices at Stripe. Nothing here deletes: prices are switched off instead.

Source: docs.stripe.com/api/products, docs.stripe.com/api/prices (lookup_key, active).
"""

from typing import Any

import stripe

from billing.gateways.stripe import client, translated


def product_find(product_id: str) -> Any | None:
    with translated("Stripe could not be asked about the product"):
        try:
            return client().v1.products.retrieve(product_id)
        except stripe.InvalidRequestError as error:
            if error.code == "resource_missing":
                return None
            raise


def product_create(*, product_id: str, name: str, description: str) -> Any:
    with translated("Stripe could not create the product"):
        return client().v1.products.create(
            {"id": product_id, "name": name, "description": description}
        )


def product_update(*, product_id: str, name: str, description: str) -> Any:
    with translated("Stripe could not change the product"):
        return client().v1.products.update(
            product_id, {"name": name, "description": description, "active": True}
        )


def prices_of(product_id: str) -> list[Any]:
    """All prices of a product, archived ones too."""
    with translated("Stripe could not list prices"):
        page = client().v1.prices.list({"product": product_id, "limit": 100})
        return list(page.auto_paging_iter())


def price_retrieve(price_id: str) -> Any | None:
    with translated("Stripe could not be asked about the price"):
        try:
            return client().v1.prices.retrieve(price_id)
        except stripe.InvalidRequestError as error:
            if error.code == "resource_missing":
                return None
            raise


def price_create(
    *, product_id: str, lookup_key: str, amount: int, currency: str, interval: Any
) -> Any:
    with translated("Stripe could not create the price"):
        return client().v1.prices.create(
            {
                "product": product_id,
                "unit_amount": amount,
                "currency": currency,
                "recurring": {"interval": interval},
                "lookup_key": lookup_key,
            }
        )


def price_activate(price_id: str, *, active: bool) -> Any:
    """Offers a price again, or archives it."""
    with translated("Stripe could not change the price"):
        return client().v1.prices.update(price_id, {"active": active})
