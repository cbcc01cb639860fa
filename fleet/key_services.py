"""Every write about SSH keys at providers. There are no rows of them: the provider's list is."""

import base64
import binascii

from django.conf import settings

from fleet.providers import registry
from fleet.providers.base import Key
from wopr.common.errors import Refused


def key_add(*, provider: str, name: str, public_key: str) -> Key:
    """Refused for what is no public key, and for a key or a name that is there already."""
    opened, written = registry.provider(provider), public_key.strip()
    if not name.strip():
        raise Refused("key_nameless", "Give the key a name.", field="name")
    if not _is_public_key(written):
        raise Refused(
            "key_malformed", "Write a public key as ssh-keygen prints it.", field="public_key"
        )
    for key in keys_of(provider=provider):
        if key.is_of(written) or key.name == name.strip():
            raise Refused("key_exists", f"{provider} has this already: {key.name}.", status=409)
    return opened.key_add(name.strip(), written)


def key_remove(*, provider: str, key_id: str) -> Key:
    """Takes a key away from the account; machines that have it keep it. Refused for our own."""
    opened = registry.provider(provider)
    key = key_get(provider=provider, key_id=key_id)
    ours = settings.WOPR_NODE_SSH_KEY
    if ours and key.is_of(ours):
        raise Refused(
            "key_in_use", f"{key.name} is WOPR_NODE_SSH_KEY: servers are ordered with it.",
            status=409,
        )  # fmt: skip
    opened.key_remove(key.id)
    return key


def keys_of(*, provider: str) -> list[Key]:
    """All public keys in the account, whoever added them."""
    found = registry.provider(provider)
    return found.keys()


def key_get(*, provider: str, key_id: str) -> Key:
    """Raises Refused when the account has no such key."""
    for key in keys_of(provider=provider):
        if key.id == key_id:
            return key
    raise Refused("unknown_key", f"{provider} has no key {key_id}.", field="key_id", status=404)


def _is_public_key(text: str) -> bool:
    """Whether it is one line of a known kind, whose body names the same kind."""
    kind, _, rest = text.partition(" ")
    if "\n" in text or not kind.startswith(("ssh-", "ecdsa-", "sk-")):
        return False
    try:
        body = base64.b64decode(rest.split(" ")[0], validate=True)
    except binascii.Error:
        return False
    return body[4 : 4 + len(kind)] == kind.encode()
