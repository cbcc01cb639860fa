"""Staff's pages of people, tenants, and what is sent and given to them."""

from tenants.admin import correspondence, keys, people

__all__ = ["correspondence", "keys", "people"]
