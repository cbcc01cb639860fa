"""What a checkout session comes to: its lines, less discounts, plus taxes."""

from __future__ import annotations

from sandbox.stripe.errors import invalid
from sandbox.stripe.flows import taxes
from sandbox.stripe.flows.amounts import amount_of
from sandbox.stripe.flows.discounts import Buyer, Offer, offer_of_code, offer_reduction
from sandbox.stripe.flows.totals import Terms, settle
from sandbox.stripe.shapes import discounts as shapes
from sandbox.stripe.world import World
from sandbox.types import Json


def session_offers(world: World, session: Json) -> list[Offer]:
    """Return the discounts that a session gives."""
    objects = world.objects
    return [
        Offer(
            objects.get("coupon", row["coupon"]),
            objects.get("promotion_code", row["promotion"]) if row["promotion"] else None,
        )
        for row in world.hidden(session["id"]).get("offers", [])
    ]


def session_offer(world: World, session: Json, offers: list[Offer]) -> None:
    """Let these discounts count for a session."""
    promotions = [(offer.coupon["id"], offer.promotion) for offer in offers]
    world.hidden(session["id"])["offers"] = [
        {"coupon": coupon, "promotion": promotion["id"] if promotion else None}
        for coupon, promotion in promotions
    ]
    session["discounts"] = [
        {
            "coupon": None if promotion else coupon,
            "promotion_code": promotion["id"] if promotion else None,
        }
        for coupon, promotion in promotions
    ]


def session_code(world: World, session: Json, code: str) -> None:
    """Take the promotion code that somebody typed on the page."""
    if not session["allow_promotion_codes"]:
        raise invalid("This checkout takes no promotion codes.", "promotion_code")
    session_offer(world, session, [offer_of_code(world, code, session_buyer(world, session))])
    world.touch()


def session_buyer(world: World, session: Json) -> Buyer:
    """Return who buys, and for what amount."""
    lines = world.hidden(session["id"])["line_items"]
    amount = sum(amount_of(world, line["price"], line["quantity"]) for line in lines)
    return Buyer(session["customer"], amount, session["currency"])


def session_country(world: World, session: Json, typed: str | None) -> str | None:
    """Return where the buyer lives; automatic tax cannot do without."""
    customer = session["customer"] and world.objects.alive("customer", session["customer"])
    country = (typed or "").strip().upper() or (taxes.country_of(customer) if customer else None)
    if session_asks_country(session) and not country:
        raise invalid("Please say in which country you live.", "country")
    if country and (len(country) != 2 or not country.isalpha()):
        raise invalid("A country is given by two letters, for example DE.", "country")
    return country


def session_asks_country(session: Json) -> bool:
    """Tell whether the page asks for a country."""
    required = session["billing_address_collection"] == "required"
    return bool(required or session["automatic_tax"]["enabled"])


def session_price(world: World, session: Json, country: str | None) -> None:
    """Work out what a session comes to, as far as the buyer's country is known."""
    hidden = world.hidden(session["id"])
    customer = session["customer"] and world.objects.find(session["customer"])
    tax = None
    if session["automatic_tax"]["enabled"]:
        tax = taxes.tax_on(world, country, (customer or {}).get("tax_exempt") or "none")
        status = "complete" if country else "requires_location_inputs"
        session["automatic_tax"] = {**session["automatic_tax"], "status": status}
    offers = session_offers(world, session)
    lines = [_line(world, item) for item in hidden["line_items"]]
    sums = settle(lines, Terms([offer_reduction(world, offer) for offer in offers], tax))
    for item, line in zip(hidden["line_items"], lines, strict=True):
        item.update(_item_sums(line))
    free = (
        hidden["subscription_data"]["trial_period_days"] or hidden["subscription_data"]["trial_end"]
    )
    due = {} if free else sums
    hidden["breakdown"] = {
        "discounts": due.get("total_discount_amounts", []),
        "taxes": due.get("total_taxes", []),
    }
    world.update(session, **_session_sums(due))


def session_breakdown(world: World, session: Json) -> Json:
    """Return the single discounts and taxes of a session."""
    sums = world.hidden(session["id"])["breakdown"]
    return {
        "discounts": [
            {"amount": row["amount"], "discount": _discount(world, session, row["discount"])}
            for row in sums["discounts"]
        ],
        "taxes": [
            {
                "amount": row["amount"],
                "rate": world.objects.get("tax_rate", row["tax_rate_details"]["tax_rate"]),
                "taxability_reason": row["taxability_reason"],
                "taxable_amount": row["taxable_amount"],
            }
            for row in sums["taxes"]
        ],
    }


def _discount(world: World, session: Json, coupon: str) -> Json:
    """Return the discount that a coupon became, or will become once the session is paid."""
    for discount in world.objects.of("discount"):
        bought = discount["subscription"] == session["subscription"]
        if bought and discount["source"]["coupon"] == coupon:
            return discount
    buyer = {"customer": session["customer"], "id": None}
    promotion = next(
        (row["promotion_code"] for row in session["discounts"] if row["promotion_code"]), None
    )
    return shapes.discount(
        world.now(),
        coupon=coupon,
        subscription=buyer,
        promotion_code=promotion,
        checkout_session=session["id"],
    )


def _line(world: World, item: Json) -> Json:
    price = item["price"]
    return {
        "amount": amount_of(world, price, item["quantity"]),
        "discountable": True,
        "pricing": {"price_details": {"price": price["id"], "product": price["product"]}},
    }


def _item_sums(line: Json) -> Json:
    off = sum(row["amount"] for row in line["discount_amounts"])
    tax = sum(row["amount"] for row in line["taxes"])
    added = sum(row["amount"] for row in line["taxes"] if row["tax_behavior"] == "exclusive")
    return {
        "amount_discount": off,
        "amount_subtotal": line["amount"],
        "amount_tax": tax,
        "amount_total": line["amount"] - off + added,
    }


def _session_sums(sums: Json) -> Json:
    off = sum(row["amount"] for row in sums.get("total_discount_amounts", []))
    tax = sum(row["amount"] for row in sums.get("total_taxes", []))
    return {
        "amount_subtotal": sums.get("subtotal", 0),
        "amount_total": sums.get("total", 0),
        "total_details": {"amount_discount": off, "amount_shipping": 0, "amount_tax": tax},
    }
