"""The providers by name. Adding one is a module beside this one, and a line here."""

from collections.abc import Callable

from django.conf import settings
from django.utils.module_loading import import_string

from fleet.providers.base import ServerProvider
from wopr.common.errors import Refused

# Imported on first use: the SDKs take most of a second, and web processes need none of them.
PROVIDERS = {
    "hetzner": "fleet.providers.hetzner.provider",
    "digitalocean": "fleet.providers.digitalocean.provider",
    "linode": "fleet.providers.libcloud.linode",
    "vultr": "fleet.providers.libcloud.vultr",
    "upcloud": "fleet.providers.libcloud.upcloud",
    "ovh": "fleet.providers.libcloud.ovh",
    "manual": "fleet.providers.manual.provider",
}
# The setting without which a provider cannot be asked.
CREDENTIAL = {
    "hetzner": "HETZNER_API_TOKEN",
    "digitalocean": "DIGITALOCEAN_API_TOKEN",
    "linode": "LINODE_API_TOKEN",
    "vultr": "VULTR_API_TOKEN",
    "upcloud": "UPCLOUD_USERNAME",
    "ovh": "OVH_APPLICATION_KEY",
}
# Whose machines people order there themselves: libcloud cannot hand these sellers cloud-init.
LISTED_ONLY = frozenset({"upcloud", "ovh"})


def configured() -> list[str]:
    """The providers that can be asked: those with credentials."""
    return [name for name, setting in CREDENTIAL.items() if getattr(settings, setting)]


def sellers() -> list[str]:
    """The providers that machines are bought from here."""
    return [name for name in configured() if name not in LISTED_ONLY]


def provider(name: str) -> ServerProvider:
    """Raises Refused for a name that is none, or one without credentials."""
    if name not in PROVIDERS:
        raise Refused("unknown_provider", f"There is no provider {name}.", field="provider")
    if name in CREDENTIAL and name not in configured():
        raise Refused(
            "provider_not_configured", f"Set {CREDENTIAL[name]} to use {name}.", field="provider"
        )
    opened: Callable[[], ServerProvider] = import_string(PROVIDERS[name])
    return opened()
