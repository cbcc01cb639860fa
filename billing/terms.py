"""Worker room: what a subscription's items amount to here: a plan, add-ons, and their limits.

An item is known by its product, not by its price: whoever pays a price that is sold no more keeps
what was bought with it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from billing.models import AddOn, Plan

MOST_BOTS = 50


@dataclass(frozen=True)
class Item:
    """One line of a subscription."""

    product_id: str
    price_id: str
    quantity: int
    amount: int = 0
    currency: str = ""
    interval: str = ""


@dataclass(frozen=True)
class Terms:
    """What all items together allow. Limits are those of each bot."""

    quantity: int = 0
    add_ons: dict[str, int] = field(default_factory=dict)
    bots: int = 0
    memory_mb: int = 0
    cpu_millis: int = 0
    pids: int = 0
    disk_gb: int = 0
    backups_kept: int = 0
    amount: int = 0
    currency: str = ""
    interval: str = ""

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def items_of(subscription: Any) -> tuple[Item, ...]:
    return tuple(_item(data) for data in subscription["items"]["data"])


def plan_of(items: Sequence[Item]) -> tuple[Plan | None, Item | None]:
    """The plan among the items, and its item."""
    products = {item.product_id: item for item in items}
    plan = Plan.objects.filter(stripe_product_id__in=products).exclude(stripe_product_id="").first()
    return (plan, products[plan.stripe_product_id]) if plan else (None, None)


def terms_of(items: Sequence[Item]) -> tuple[Plan | None, Terms]:
    """The plan, and its limits with those of the add-ons added."""
    plan, item = plan_of(items)
    if plan is None or item is None:
        return None, Terms(**_cost(items))
    add_ons = add_ons_of(items)
    more = _added(add_ons)
    return plan, Terms(
        quantity=item.quantity,
        add_ons={add_on.code: count for add_on, count in add_ons.items()},
        bots=plan.bots * item.quantity + more["bots"],
        memory_mb=plan.memory_mb + more["memory_mb"],
        cpu_millis=plan.cpu_millis,
        pids=plan.pids,
        disk_gb=plan.disk_gb + more["disk_gb"],
        backups_kept=plan.backups_kept,
        **_cost(items),
    )


def add_ons_of(items: Sequence[Item]) -> dict[AddOn, int]:
    """The add-ons among the items, and how many of each."""
    quantities = {item.product_id: item.quantity for item in items}
    added = AddOn.objects.filter(stripe_product_id__in=quantities).exclude(stripe_product_id="")
    return {
        add_on: quantities[add_on.stripe_product_id] for add_on in added.prefetch_related("prices")
    }


def _added(add_ons: Mapping[AddOn, int]) -> dict[str, int]:
    more = {"bots": 0, "memory_mb": 0, "disk_gb": 0}
    for add_on, count in add_ons.items():
        for name in more:
            more[name] += getattr(add_on, name) * count
    return more


def _cost(items: Sequence[Item]) -> dict[str, Any]:
    """What all of it costs each interval; Stripe wants one currency and interval of all items."""
    first = items[0] if items else Item("", "", 0)
    total = sum(item.amount * item.quantity for item in items)
    return {"amount": total, "currency": first.currency, "interval": first.interval}


def _item(data: Any) -> Item:
    price = data["price"]
    return Item(
        product_id=price["product"],
        price_id=price["id"],
        quantity=0 if _is_metered(price) else data["quantity"] or 1,
        amount=price["unit_amount"] or 0,
        currency=price["currency"],
        interval=price["recurring"]["interval"],
    )


def _is_metered(price: Any) -> bool:
    return bool(price["recurring"]["usage_type"] == "metered")
