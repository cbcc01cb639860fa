"""What a quantity of something costs, and how an invoice words it."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

from sandbox.stripe.world import World
from sandbox.templating import money
from sandbox.types import Json


def rounded(amount: Decimal) -> int:
    """Return whole cents, halves away from zero."""
    return int(amount.quantize(Decimal(1), ROUND_HALF_UP))


def share(amount: int, part: float) -> int:
    """Return a part of an amount, in whole cents."""
    return rounded(amount * Decimal(part))


def amount_of(world: World, price: Json, quantity: int) -> int:
    """Return what a quantity costs at this price."""
    return rounded(Decimal(price["unit_amount_decimal"]) * quantity)


def described(world: World, price: Json, quantity: int) -> str:
    """Return the words of an invoice's line."""
    product = world.objects.find(price["product"]) or {}
    name = product.get("name", price["product"])
    return f"{quantity} × {name} ({unit_text(price)})"


def unit_text(price: Json) -> str:
    """Return what one of it costs, and how often."""
    amount = money(price["unit_amount"], price["currency"])
    return f"at {amount} / {price['recurring']['interval']}"
