"""The customers' own names of a bot, as something that ends with it."""

from fleet import domains
from fleet.models import Instance
from fleet.operations.base import Step


class LeadDomains(Step[Instance]):
    """Customers' names come and go by looks of their own (fleet/domains.py); here they only go."""

    name = "lead_domains"
    title = "Lead the custom domains to the bot"

    def undo(self, instance: Instance) -> None:
        domains.remove_all(instance)

    def absent(self, instance: Instance) -> bool:
        return not domains.of_instance(instance)

    def resource(self, instance: Instance) -> str:
        names = ", ".join(domain.hostname for domain in domains.of_instance(instance))
        return f"custom domains {names}".strip()
