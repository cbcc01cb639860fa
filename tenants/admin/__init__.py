"""Staff's pages of people, tenants, and what is sent and given to them."""

from tenants.admin import correspondence, people

__all__ = ["correspondence", "people"]
