"""Pages: one set of templates, escaped by default, money and times readable."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse

_ENVIRONMENT = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def money(cents: int, currency: str = "usd") -> str:
    """Return an amount as people write it."""
    sign = "-" if cents < 0 else ""
    symbol = "$" if currency == "usd" else ""
    suffix = "" if symbol else f" {currency.upper()}"
    return f"{sign}{symbol}{abs(cents) / 100:,.2f}{suffix}"


def moment(timestamp: float | None) -> str:
    """Return a Unix time as people write it."""
    if timestamp is None:
        return "never"
    return datetime.fromtimestamp(timestamp, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


_ENVIRONMENT.filters["money"] = money
_ENVIRONMENT.filters["moment"] = moment


def page(template: str, status_code: int = 200, **context: Any) -> HTMLResponse:
    """Render a template as an answer."""
    html = _ENVIRONMENT.get_template(template).render(**context)
    return HTMLResponse(html, status_code=status_code)
