"""Worker room: the plans that a new installation sells, and their products and prices at Stripe."""

import logging
from typing import Any

from django.conf import settings

from billing.gateways import stripe
from billing.models import Plan

logger = logging.getLogger(__name__)

# What a fresh installation offers; staff change the rows, and this list touches none of them again.
FIRST_PLANS: tuple[dict[str, Any], ...] = (
    {
        "code": "starter",
        "name": "Starter",
        "description": "One bot to try things out with.",
        "amount": 900,
        "memory_mb": 256,
        "cpu_millis": 500,
        "pids": 128,
        "disk_gb": 2,
        "position": 1,
    },
    {
        "code": "team",
        "name": "Team",
        "description": "One bot that works all day, with room for plugins.",
        "amount": 2900,
        "memory_mb": 1024,
        "cpu_millis": 1000,
        "pids": 256,
        "disk_gb": 10,
        "position": 2,
    },
    {
        "code": "studio",
        "name": "Studio",
        "description": "For heavy conversations, many plugins and long memories.",
        "amount": 7900,
        "memory_mb": 4096,
        "cpu_millis": 2000,
        "pids": 512,
        "disk_gb": 40,
        "position": 3,
    },
)


def first_plans_ensure() -> list[Plan]:
    """All plans, after those of FIRST_PLANS that were missing have been added."""
    for fields in FIRST_PLANS:
        Plan.objects.get_or_create(code=fields["code"], defaults=fields)
    return list(Plan.objects.all())


def plan_publish(*, plan: Plan) -> Plan:
    """Makes sure that Stripe has the plan's product and price, and remembers their ids.

    Looks before it creates: the product's id and the price's look-up key are made from the plan.
    """
    product_id = f"{settings.WOPR_DEPLOYMENT}-{plan.code}"
    lookup_key = f"{product_id}-{plan.interval}-{plan.amount}-{plan.currency}"
    if stripe.product_find(product_id) is None:
        stripe.product_create(product_id=product_id, name=plan.name, description=plan.description)
    price = stripe.price_find(lookup_key) or stripe.price_create(
        product_id=product_id,
        lookup_key=lookup_key,
        amount=plan.amount,
        currency=plan.currency,
        interval=plan.interval,
    )
    plan.stripe_product_id, plan.stripe_price_id = product_id, price["id"]
    plan.save(update_fields=["stripe_product_id", "stripe_price_id"])
    return plan
