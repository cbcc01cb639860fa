"""Staff's pages of people, tenants, and what is sent and given to them."""

from tenants.admin import correspondence, keys, people, second_factors, sign_on

__all__ = ["correspondence", "keys", "people", "second_factors", "sign_on"]
