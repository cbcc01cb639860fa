"""Tools for SSH keys in the accounts at providers."""

from dataclasses import asdict

from django.contrib.admin.models import ADDITION, DELETION

from fleet import key_services
from fleet.agents.desk import CHANGES, DESTROYS, READS, Desk, Facts, tool
from fleet.models import ProviderHealth


class KeyTools(Desk):
    @tool("fleet.view_providerhealth", READS)
    def list_ssh_keys(self, provider: str) -> list[Facts]:
        """The public keys in the account, which new machines can be given."""
        return [asdict(key) for key in key_services.keys_of(provider=provider)]

    @tool("fleet.change_providerhealth", CHANGES)
    def add_ssh_key(self, provider: str, name: str, public_key: str) -> Facts:
        """Adds a public key to the account. Machines that exist do not get it."""
        key = key_services.key_add(provider=provider, name=name, public_key=public_key)
        self.note(ProviderHealth(name=provider), ADDITION, f"SSH key {key.name} added")
        return asdict(key)

    @tool("fleet.change_providerhealth", DESTROYS)
    def remove_ssh_key(
        self, provider: str, key_id: str, dry_run: bool = False, plan_id: str = ""
    ) -> Facts:
        """Takes a key out of the account. Machines that have it keep it.

        Call with dry_run=true first: it returns the effects and the plan_id for the real call.
        """
        key = key_services.key_get(provider=provider, key_id=key_id)
        target, there = f"{provider} {key.id}", asdict(key)
        if dry_run:
            effects = f"The key {key.name} is taken out of the account at {provider}."
            return self.plan("remove_ssh_key", target, there, effects)
        self.use(plan_id, "remove_ssh_key", target, there)
        key_services.key_remove(provider=provider, key_id=key.id)
        self.note(ProviderHealth(name=provider), DELETION, f"SSH key {key.name} removed")
        return {"removed": key.id}
