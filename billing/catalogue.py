"""Worker room: brings the products and prices at Stripe in line with plans and add-ons.

The rows are the one source. What differs at Stripe is first listed as changes, each of which can
be shown or carried out; doing it twice does nothing twice. Nothing at Stripe is ever deleted: a
price that is sold no more is archived, so that those who pay it go on paying it.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from django.conf import settings

from billing.gateways import stripe_catalogue as stripe
from billing.models import AddOn, Plan, Price

Offer = Plan | AddOn


@dataclass(frozen=True)
class Change:
    """Something at Stripe that is not as our rows say, and what would make it so."""

    verb: str
    what: str
    carry_out: Callable[[], None]

    def __str__(self) -> str:
        return f"{self.verb} {self.what}"


def offers() -> list[Offer]:
    """Everything that is sold or was, in the order of display."""
    plans = Plan.objects.prefetch_related("prices")
    return [*plans, *AddOn.objects.prefetch_related("prices")]


def changes(offer: Offer) -> Iterator[Change]:
    """What differs at Stripe for one plan or add-on. Raises ProviderError.

    Carry each out before the next is asked for, or none of them at all.
    """
    product = stripe.product_find(product_id_of(offer))
    yield from _product_changes(offer, product)
    there = stripe.prices_of(product_id_of(offer)) if product is not None else []
    by_key = {price["lookup_key"]: price for price in there}
    wanted = {lookup_key_of(price): price for price in offer.prices.all()}
    for key, price in wanted.items():
        yield from _price_changes(offer, key, price, by_key.get(key))
    for price in there:
        if _is_ours(offer, price) and price["active"] and price["lookup_key"] not in wanted:
            yield Change("archive", f"price {price['lookup_key']}", _switch(price, active=False))


def plan_publish(*, plan: Offer) -> None:
    """Carries out what one plan or add-on lacks at Stripe. Raises ProviderError."""
    for change in changes(plan):
        change.carry_out()


def product_id_of(offer: Offer) -> str:
    """Made from the code, so that a retry finds what an earlier try made."""
    kind = "" if isinstance(offer, Plan) else "addon-"
    return f"{settings.WOPR_DEPLOYMENT}-{kind}{offer.code}"


def lookup_key_of(price: Price) -> str:
    """Says all that cannot be changed of a price at Stripe."""
    offer = price.plan or price.add_on
    if offer is None:
        raise ValueError(f"price {price.pk} is of nothing")
    return f"{product_id_of(offer)}-{price.interval}-{price.amount}-{price.currency}"


def _product_changes(offer: Offer, product: Any | None) -> Iterator[Change]:
    product_id = product_id_of(offer)
    about = {"name": offer.name, "description": offer.description or offer.name}

    def create() -> None:
        stripe.product_create(product_id=product_id, **about)

    def update() -> None:
        stripe.product_update(product_id=product_id, **about)

    def remember() -> None:
        offer.stripe_product_id = product_id
        offer.save(update_fields=["stripe_product_id"])

    if product is None:
        yield Change("create", f"product {product_id}: {offer.name}", create)
    elif {name: product[name] for name in about} != about or not product["active"]:
        yield Change("update", f"product {product_id}: {offer.name}", update)
    if offer.stripe_product_id != product_id:
        yield Change("remember", f"product {product_id}", remember)


def _price_changes(offer: Offer, key: str, price: Price, there: Any | None) -> Iterator[Change]:
    def remember(found: Any) -> None:
        price.stripe_price_id = found["id"]
        price.save(update_fields=["stripe_price_id"])

    def create() -> None:
        made = stripe.price_create(
            product_id=product_id_of(offer),
            lookup_key=key,
            amount=price.amount,
            currency=price.currency,
            interval=price.interval,
        )
        remember(made)

    if there is None:
        yield Change("create", f"price {key}", create)
        return
    if not there["active"]:
        yield Change("restore", f"price {key}", _switch(there, active=True))
    if there["id"] != price.stripe_price_id:
        yield Change("remember", f"price {key}", lambda: remember(there))


def _is_ours(offer: Offer, price: Any) -> bool:
    """Whether the price was made here; what somebody made by hand at Stripe is left alone."""
    return str(price["lookup_key"] or "").startswith(f"{product_id_of(offer)}-")


def _switch(price: Any, *, active: bool) -> Callable[[], None]:
    def switch() -> None:
        stripe.price_activate(price["id"], active=active)

    return switch
