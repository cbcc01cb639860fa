"""Coupons at work: who may use them, how long they count, what counts now."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from dataclasses import dataclass

from sandbox.stripe.errors import invalid
from sandbox.stripe.flows.calendar import boundary
from sandbox.stripe.flows.totals import Reduction
from sandbox.stripe.shapes import discounts as shapes
from sandbox.stripe.world import World
from sandbox.types import Json

MONTHLY = {"interval": "month", "interval_count": 1}


@dataclass(frozen=True)
class Offer:
    """A coupon, and the code that somebody typed for it."""

    coupon: Json
    promotion: Json | None = None


@dataclass(frozen=True)
class Buyer:
    """Who wants a discount, and for what amount."""

    customer: str | None
    amount: int
    currency: str


def coupon_refresh(world: World, coupon: Json) -> Json:
    """Say of a coupon whether it can be redeemed now."""
    over = coupon["redeem_by"] is not None and coupon["redeem_by"] <= world.now()
    coupon["valid"] = not over and not _used_up(coupon)
    return coupon


def promotion_refresh(world: World, promotion: Json) -> Json:
    """Switch a code off that can be redeemed no more."""
    coupon = world.objects.find(promotion["promotion"]["coupon"])
    over = promotion["expires_at"] is not None and promotion["expires_at"] <= world.now()
    gone = coupon is None or coupon.get("deleted") or not coupon_refresh(world, coupon)["valid"]
    if over or gone or _used_up(promotion):
        promotion["active"] = False
    return promotion


def _used_up(redeemable: Json) -> bool:
    most = redeemable["max_redemptions"]
    return most is not None and redeemable["times_redeemed"] >= most


def offer_of_coupon(world: World, coupon: Json, buyer: Buyer, param: str) -> Offer:
    """Return the offer of a coupon, or say why it is none."""
    if not coupon_refresh(world, coupon)["valid"]:
        raise invalid(f"Coupon {coupon['id']} is used up or expired.", param, "coupon_expired")
    if coupon["currency"] not in (None, buyer.currency):
        raise invalid("The coupon is in another currency.", param)
    return Offer(coupon)


def offer_of_promotion(world: World, promotion: Json, buyer: Buyer, param: str) -> Offer:
    """Return the offer of a promotion code, or say why it is none."""
    if not promotion_refresh(world, promotion)["active"]:
        message = "This promotion code is expired, used up or switched off."
        raise invalid(message, param, "promotion_code_expired")
    _require_meant(world, promotion, buyer, param)
    coupon = world.objects.get("coupon", promotion["promotion"]["coupon"])
    return Offer(offer_of_coupon(world, coupon, buyer, param).coupon, promotion)


def _require_meant(world: World, promotion: Json, buyer: Buyer, param: str) -> None:
    rules = promotion["restrictions"]
    if promotion["customer"] not in (None, buyer.customer):
        raise invalid("This promotion code is for another customer.", param)
    if rules["first_time_transaction"] and _has_paid(world, buyer.customer):
        raise invalid("This promotion code is for first orders only.", param)
    if rules["minimum_amount"] and buyer.amount < rules["minimum_amount"]:
        raise invalid("The order is too small for this promotion code.", param)


def _has_paid(world: World, customer: str | None) -> bool:
    charges = world.objects.of("charge")
    return any(row["customer"] == customer and row["paid"] for row in charges if customer)


def offer_of_code(world: World, code: str, buyer: Buyer) -> Offer:
    """Return the offer behind what somebody typed; capitals do not matter."""
    for promotion in world.objects.of("promotion_code"):
        meant = promotion["code"].lower() == code.strip().lower()
        if meant and promotion_refresh(world, promotion)["active"]:
            return offer_of_promotion(world, promotion, buyer, "promotion_code")
    raise invalid("This code is invalid.", "promotion_code", "resource_missing")


def discount_attach(world: World, subscription: Json, offer: Offer) -> Json:
    """Let an offer count for a subscription from now on."""
    coupon, promotion = offer.coupon, offer.promotion
    discount = shapes.discount(
        world.now(),
        coupon=coupon["id"],
        subscription=subscription,
        promotion_code=promotion["id"] if promotion else None,
        end=_end(world, coupon),
    )
    for redeemed in (coupon, promotion):
        if redeemed:
            world.update(redeemed, times_redeemed=redeemed["times_redeemed"] + 1)
    products = world.hidden(coupon["id"]).get("products", [])
    # What happens to the coupon later does not matter to those who have it.
    world.hidden(discount["id"]).update(coupon=copy.deepcopy(coupon), products=products)
    subscription["discounts"] = [*subscription["discounts"], discount["id"]]
    return world.create(discount, "customer.discount.created")


def _end(world: World, coupon: Json) -> int | None:
    if coupon["duration"] != "repeating":
        return None
    return boundary(world.now(), MONTHLY, coupon["duration_in_months"])


def reductions(world: World, subscription: Json, at: int) -> list[Reduction]:
    """Return what comes off a subscription's invoice at a moment."""
    found = [world.objects.get("discount", name) for name in subscription["discounts"]]
    return [
        reduction_of(world, discount)
        for discount in found
        if discount["end"] is None or discount["end"] > at
    ]


def reduction_of(world: World, discount: Json) -> Reduction:
    """Return what a discount takes off."""
    hidden = world.hidden(discount["id"])
    return Reduction(discount["id"], hidden["coupon"], hidden["products"])


def offer_reduction(world: World, offer: Offer) -> Reduction:
    """Return what an offer would take off."""
    products = world.hidden(offer.coupon["id"]).get("products", [])
    return Reduction(offer.coupon["id"], offer.coupon, products)


def discounts_remove(world: World, subscription: Json, names: Iterable[str]) -> None:
    """Let discounts count no more."""
    gone = set(names)
    subscription["discounts"] = [row for row in subscription["discounts"] if row not in gone]
    for name in gone:
        discount = world.objects.get("discount", name)
        discount["end"] = min(discount["end"] or world.now(), world.now())
        world.emit("customer.discount.deleted", discount)
    world.touch()


def discounts_spend(world: World, subscription: Json, invoice: Json) -> None:
    """Take away what counted once, or long enough."""
    used = {row["discount"] for row in invoice["total_discount_amounts"] if row["amount"]}
    spent = []
    for name in subscription["discounts"]:
        coupon = world.hidden(name)["coupon"]
        end = world.objects.get("discount", name)["end"]
        if (coupon["duration"] == "once" and name in used) or (end and end <= world.now()):
            spent.append(name)
    discounts_remove(world, subscription, spent)
