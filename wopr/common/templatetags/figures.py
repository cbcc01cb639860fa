"""Template filters that write amounts, sizes and spans of time as a person reads them."""

from datetime import timedelta
from decimal import Decimal

from django import template

register = template.Library()
SYMBOLS = {"eur": "€", "usd": "$", "gbp": "£"}
# Currencies that have no minor unit at Stripe.
WHOLE = frozenset(
    "bif clp djf gnf jpy kmf krw mga pyg rwf ugx vnd vuv xaf xof xpf".split()  # noqa: SIM905
)


@register.filter
def money(amount: int, currency: str) -> str:
    """An amount in minor units: (900, "eur") is €9, (950, "chf") is 9.50 CHF."""
    code = currency.lower()
    value = Decimal(abs(amount)) / (1 if code in WHOLE else 100)
    text = f"{value:,.0f}" if value == value.to_integral_value() else f"{value:,.2f}"
    sign = "−" if amount < 0 else ""
    return sign + (f"{SYMBOLS[code]}{text}" if code in SYMBOLS else f"{text} {currency.upper()}")


@register.filter
def memory(megabytes: int) -> str:
    """256 is 256 MB, 1536 is 1.5 GB."""
    return f"{megabytes} MB" if megabytes < 1024 else f"{round(megabytes / 1024, 2):g} GB"


@register.filter
def cpus(thousandths: int) -> str:
    """500 is 0.5, 2000 is 2."""
    return f"{thousandths / 1000:g}"


@register.filter
def span(value: timedelta) -> str:
    """How long something took: 0.4 s, 12 s, 1m 05s, 2h 10m."""
    seconds = value.total_seconds()
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if not minutes:
        return f"{rest} s"
    hours, left = divmod(minutes, 60)
    return f"{hours}h {left:02d}m" if hours else f"{minutes}m {rest:02d}s"
