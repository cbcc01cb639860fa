"""From lines to what is to be paid: discounts come off, then taxes come on."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from decimal import Decimal

from sandbox.stripe.flows.amounts import rounded
from sandbox.types import Json


@dataclass(frozen=True)
class Reduction:
    """A coupon that counts, and the discount that it counts as."""

    discount: str
    coupon: Json
    products: list[str]
    """The only products that it is for; all if empty."""


TaxOn = Callable[[Json, int], Json | None]
"""Returns the tax on a line, given what it costs after discounts."""


@dataclass(frozen=True)
class Terms:
    """What turns the sum of the lines into what is to be paid."""

    reductions: list[Reduction] = field(default_factory=list)
    tax_on: TaxOn | None = None


def settle(lines: list[Json], terms: Terms) -> Json:
    """Put discounts and taxes on the lines and return the sums of an invoice."""
    for line in lines:
        line["discount_amounts"] = []
    for reduction in terms.reductions:
        _reduce(lines, reduction)
    for line in lines:
        tax = terms.tax_on(line, net(line)) if terms.tax_on else None
        line["taxes"] = [tax] if tax else []
    return _sums(lines)


def net(line: Json) -> int:
    """Return what a line costs after discounts."""
    return int(line["amount"] - sum(row["amount"] for row in line["discount_amounts"]))


def _reduce(lines: list[Json], reduction: Reduction) -> None:
    meant = [line for line in lines if _is_for(reduction, line)]
    whole = sum(net(line) for line in meant)
    if reduction.coupon["percent_off"] is not None:
        off = rounded(whole * Decimal(str(reduction.coupon["percent_off"])) / 100)
    else:
        off = min(reduction.coupon["amount_off"], whole)
    for line in meant:
        cost = net(line)
        # Each line takes its share of what is left, so that no cent is lost by rounding.
        part = rounded(Decimal(off) * cost / whole) if whole else 0
        line["discount_amounts"].append({"amount": part, "discount": reduction.discount})
        off, whole = off - part, whole - cost


def _is_for(reduction: Reduction, line: Json) -> bool:
    product = line["pricing"]["price_details"]["product"]
    wanted = not reduction.products or product in reduction.products
    return bool(line["discountable"] and net(line) > 0 and wanted)


def _sums(lines: list[Json]) -> Json:
    discounts = _grouped((row for line in lines for row in line["discount_amounts"]), _discount)
    taxes = _grouped((row for line in lines for row in line["taxes"]), _rate)
    subtotal = sum(line["amount"] for line in lines)
    off = sum(row["amount"] for row in discounts)
    tax = sum(row["amount"] for row in taxes)
    included = sum(row["amount"] for row in taxes if row["tax_behavior"] == "inclusive")
    total = subtotal - off + tax - included
    return {
        "amount_due": max(total, 0),
        "amount_remaining": max(total, 0),
        "subtotal": subtotal,
        "subtotal_excluding_tax": subtotal - included,
        "total": total,
        "total_discount_amounts": discounts,
        "total_excluding_tax": total - tax,
        "total_taxes": taxes,
    }


def _discount(row: Json) -> str:
    return str(row["discount"])


def _rate(row: Json) -> str:
    return str(row["tax_rate_details"]["tax_rate"])


def _grouped(rows: Iterable[Json], key: Callable[[Json], str]) -> list[Json]:
    """Return one row per discount or rate, with the sums of its amounts."""
    sums: dict[str, Json] = {}
    for row in rows:
        known = sums.setdefault(
            key(row), {**row, **{name: 0 for name in row if name.endswith("amount")}}
        )
        for name in row:
            if name.endswith("amount"):
                known[name] += row[name]
    return list(sums.values())
