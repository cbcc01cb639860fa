"""Staff's pages of people, tenants, and what is sent and given to them."""

from tenants.admin import (
    correspondence,
    impersonation,
    keys,
    leaving,
    people,
    second_factors,
    sign_on,
)

__all__ = [
    "correspondence",
    "impersonation",
    "keys",
    "leaving",
    "people",
    "second_factors",
    "sign_on",
]
