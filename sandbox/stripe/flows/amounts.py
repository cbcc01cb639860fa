"""What a quantity of something costs, and how an invoice words it."""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Decimal

from sandbox.stripe.world import World
from sandbox.templating import money
from sandbox.types import Json


def rounded(amount: Decimal) -> int:
    """Return whole cents, halves away from zero."""
    return int(amount.quantize(Decimal(1), ROUND_HALF_UP))


def share(amount: int, part: float) -> int:
    """Return a part of an amount, in whole cents."""
    return rounded(amount * Decimal(part))


def metered(price: Json) -> bool:
    """Tell whether a price is for what was used, which is known only afterwards."""
    return bool(price["recurring"]["usage_type"] == "metered")


def amount_of(world: World, price: Json, quantity: Decimal | int | None) -> int:
    """Return what a quantity costs at this price; nothing is known of what is yet to be used."""
    if quantity is None:
        return 0
    count = Decimal(quantity)
    if price["billing_scheme"] == "tiered":
        return rounded(_tiered(world.hidden(price["id"])["tiers"], price["tiers_mode"], count))
    return rounded(Decimal(price["unit_amount_decimal"]) * _packs(price, count))


def _packs(price: Json, count: Decimal) -> Decimal:
    packing = price["transform_quantity"]
    if packing is None:
        return count
    rounding = ROUND_CEILING if packing["round"] == "up" else ROUND_FLOOR
    return (count / Decimal(packing["divide_by"])).quantize(Decimal(1), rounding)


def _tiered(tiers: list[Json], mode: str, count: Decimal) -> Decimal:
    cost, begin = Decimal(0), Decimal(0)
    for tier in tiers:
        end = count if tier["up_to"] is None else min(count, Decimal(tier["up_to"]))
        part = end - begin if mode == "graduated" else count
        whole = Decimal(tier["unit_amount_decimal"] or 0) * part
        reached = Decimal(tier["flat_amount_decimal"] or 0) + whole if part else Decimal(0)
        if end == count and mode == "volume":
            return reached
        cost += reached
        if end == count:
            break
        begin = end
    return cost


def described(world: World, price: Json, quantity: Decimal | int) -> str:
    """Return the words of an invoice's line."""
    product = world.objects.find(price["product"]) or {}
    name = product.get("name", price["product"])
    return f"{quantity} × {name} ({unit_text(price)})"


def unit_text(price: Json) -> str:
    """Return what one of it costs, and how often."""
    interval = price["recurring"]["interval"]
    if price["billing_scheme"] == "tiered":
        return f"tiered / {interval}"
    if price["unit_amount"] is not None:
        return f"at {money(price['unit_amount'], price['currency'])} / {interval}"
    cents = Decimal(price["unit_amount_decimal"]).normalize()
    return f"at {cents:f} hundredths of {price['currency'].upper()} / {interval}"
