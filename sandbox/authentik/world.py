"""Everything that one Authentik knows: people, groups, applications, and who is logged in."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from sandbox.types import Json

# What an Authentik has when it was just installed, and what its own scopes are called.
FLOWS = (
    "default-authentication-flow",
    "default-provider-authorization-implicit-consent",
    "default-provider-authorization-explicit-consent",
    "default-provider-invalidation-flow",
    "default-recovery-flow",
)
SCOPES = ("openid", "email", "profile")
DEFAULT_CERTIFICATE = "authentik Self-signed Certificate"


@dataclass(frozen=True)
class Platform:
    """The application by which the platform's own people log in."""

    slug: str
    client_id: str
    client_secret: str
    redirect_uri: str
    staff_group: str


@dataclass(frozen=True)
class AuthentikConfig:
    """What the sandbox is told when it starts; a reset keeps it."""

    token: str
    public_url: str
    platform: Platform | None = None


def uuid_of(name: str) -> str:
    """Return an id that is the same at every start."""
    return str(uuid5(NAMESPACE_URL, f"authentik:{name}"))


class AuthentikWorld:
    """Plain functions on one event loop, so each call is atomic."""

    def __init__(self, config: AuthentikConfig) -> None:
        self.config = config
        self.revision = 0
        self.signing_key = ""
        self._forget()

    def _forget(self) -> None:
        self.numbers = 0
        self.users: dict[str, Json] = {}
        self.groups: dict[str, Json] = {}
        self.applications: dict[str, Json] = {}
        self.providers: dict[str, Json] = {}
        self.bindings: dict[str, Json] = {}
        # Who holds which key: recovery links, authorization codes, access tokens, browsers.
        self.recoveries: dict[str, Json] = {}
        self.codes: dict[str, Json] = {}
        self.tokens: dict[str, Json] = {}
        self.sessions: dict[str, Json] = {}
        self.add_platform()

    def add_platform(self) -> None:
        """Have the platform's own application, and its group of staff, from the start."""
        platform = self.config.platform
        if platform is None or platform.slug in self.applications:
            return
        number = self.next_number()
        self.providers[str(number)] = {
            "pk": number,
            "name": platform.slug,
            "authorization_flow": uuid_of(FLOWS[1]),
            "invalidation_flow": uuid_of(FLOWS[3]),
            "client_id": platform.client_id,
            "client_secret": platform.client_secret,
            "redirect_uris": [{"matching_mode": "strict", "url": platform.redirect_uri}],
            "property_mappings": [uuid_of(f"scope-{scope}") for scope in SCOPES],
            "signing_key": uuid_of(DEFAULT_CERTIFICATE),
        }
        self.applications[platform.slug] = {
            "pk": uuid_of(f"application:{platform.slug}"),
            "name": platform.slug,
            "slug": platform.slug,
            "provider": number,
        }
        group = uuid_of(f"group:{platform.staff_group}")
        self.groups[group] = {"pk": group, "num_pk": self.next_number()}
        self.groups[group].update({"name": platform.staff_group, "users": []})

    def next_number(self) -> int:
        """Return a primary key that was never given before."""
        self.numbers += 1
        return self.numbers

    def changed(self) -> None:
        """Note that something has to be kept."""
        self.revision += 1

    def private_key(self) -> rsa.RSAPrivateKey:
        """Return the key that signs tokens; made when it is first wanted, then kept."""
        if not self.signing_key:
            self.signing_key = _new_key()
            self.changed()
        key = serialization.load_pem_private_key(self.signing_key.encode(), password=None)
        assert isinstance(key, rsa.RSAPrivateKey)
        return key

    def groups_of(self, user: Json) -> list[Json]:
        """Return the groups that a person is in."""
        return [group for group in self.groups.values() if user["pk"] in group["users"]]

    def application_of(self, provider: Json) -> Json | None:
        """Return the application that uses a provider."""
        found = (a for a in self.applications.values() if a["provider"] == provider["pk"])
        return next(found, None)

    def unbind(self, side: str, row: Json) -> None:
        """Forget every binding that has this row as its target, group or user."""
        self.bindings = {k: b for k, b in self.bindings.items() if b[side] != row["pk"]}

    def may_use(self, user: Json, application: Json) -> bool:
        """Say whether a person may open an application: nothing bound to it, or one that fits."""
        bound = [b for b in self.bindings.values() if b["target"] == application["pk"]]
        groups = {group["pk"] for group in self.groups_of(user)}
        return not bound or any(b["user"] == user["pk"] or b["group"] in groups for b in bound)

    def take(self, kept: dict[str, Json], key: str) -> Json | None:
        """Return what a key of one use stands for, if it is still good."""
        found = kept.pop(key, None)
        self.changed()
        return found if found and found["until"] > time.time() else None

    def dump(self) -> Json:
        """Return everything as JSON."""
        return {name: value for name, value in vars(self).items() if name in _KEPT}

    def load(self, state: Mapping[str, Any]) -> None:
        """Take up a state; the configured application is added."""
        vars(self).update({name: state[name] for name in _KEPT})
        self.add_platform()

    def reset(self) -> None:
        """Start again with an empty directory."""
        self._forget()
        self.revision += 1


_KEPT = (
    "numbers",
    "users",
    "groups",
    "applications",
    "providers",
    "bindings",
    "recoveries",
    "codes",
    "tokens",
    "sessions",
    "signing_key",
)


def _new_key() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()
