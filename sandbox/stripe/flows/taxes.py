"""Automatic tax: the country of the customer decides, by the sandbox's own table of rates."""

from __future__ import annotations

from decimal import Decimal

from sandbox.stripe.errors import invalid
from sandbox.stripe.flows.amounts import rounded
from sandbox.stripe.flows.totals import TaxOn
from sandbox.stripe.shapes import taxes as shapes
from sandbox.stripe.world import World
from sandbox.types import Json

EXEMPT = {"exempt": "customer_exempt", "reverse": "reverse_charge"}
EUROPEAN = frozenset(
    (
        "AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "EL", "ES", "FI", "FR", "HR", "HU", "IE",
        "IT", "LT", "LU", "LV", "MT", "NL", "PL", "PT", "RO", "SE", "SI", "SK",
    )
)  # fmt: skip


def country_of(customer: Json) -> str | None:
    """Return where a customer lives, if that is known."""
    address = customer["address"] or {}
    return address.get("country") or None


def require_located(customer: Json) -> None:
    """Refuse to tax somebody who lives nowhere."""
    if country_of(customer) is None:
        message = (
            "The customer's location isn't recognized. Set a valid customer address in order to "
            "automatically calculate tax."
        )
        raise invalid(message, "automatic_tax", "customer_tax_location_invalid")


def tax_on(world: World, country: str | None, exempt: str = "none") -> TaxOn | None:
    """Return how lines are taxed in a country; None where no tax is known."""
    percent = world.settings.tax_percents.get(country or "", world.settings.tax_percent)
    if not percent or country is None:
        return None
    reason = EXEMPT.get(exempt, "standard_rated")
    charged = 0 if exempt in EXEMPT else percent

    def tax(line: Json, cost: int) -> Json:
        price = world.objects.get("price", line["pricing"]["price_details"]["price"])
        inclusive = price["tax_behavior"] == "inclusive"
        rate = _rate(world, country, charged, inclusive)
        part = Decimal(str(charged)) / 100
        amount = rounded(cost - cost / (1 + part)) if inclusive else rounded(cost * part)
        taxable = cost - amount if inclusive else cost
        return shapes.tax(rate, amount=amount, taxable=taxable, reason=reason)

    return tax


def _rate(world: World, country: str, percent: float, inclusive: bool) -> Json:
    rate_id = f"txr_{country}{percent}{'inclusive' if inclusive else ''}".replace(".", "_")
    rate = shapes.tax_rate(
        world.now(), rate_id=rate_id, country=country, percentage=percent, inclusive=inclusive
    )
    return world.objects.find(rate_id) or world.objects.add(rate)


def tax_id_new(world: World, customer: Json, value: str, kind: str | None = None) -> Json:
    """Keep a customer's tax number; its kind follows from its first letters."""
    value = value.replace(" ", "").upper()
    guessed = "eu_vat" if value[:2] in EUROPEAN else "us_ein"
    tax_id = shapes.tax_id(world.now(), customer=customer["id"], kind=kind or guessed, value=value)
    return world.create(tax_id, "customer.tax_id.created")


def tax_ids_of(world: World, customer: str) -> list[Json]:
    """Return a customer's tax numbers as invoices and sessions show them."""
    return [
        {"type": row["type"], "value": row["value"]}
        for row in world.objects.of("tax_id")
        if not row.get("deleted") and row["customer"] == customer
    ]
