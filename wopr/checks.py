"""System checks: a wrong setting fails at `manage.py check`, with what to do about it."""

import ipaddress
import re
from typing import Any
from urllib.parse import urlsplit

from cryptography.fernet import Fernet
from django.conf import settings
from django.core.checks import CheckMessage, Error, register
from django.core.exceptions import ImproperlyConfigured

VENDOR_HOSTS = {
    "STRIPE_API_URL": "api.stripe.com",
    "CLOUDFLARE_API_URL": "api.cloudflare.com",
    "HETZNER_API_URL": "api.hetzner.cloud",
    "DIGITALOCEAN_API_URL": "api.digitalocean.com",
}
REQUIRED = (
    "SECRET_KEY",
    "STRIPE_SECRET_KEY",
    "STRIPE_WEBHOOK_SECRET",
    "CLOUDFLARE_API_TOKEN",
    "WOPR_EDGE_IPV4",
)
SHORTEST_KEY = 50


@register()
def environment_is_complete(**_: Any) -> list[CheckMessage]:
    return [
        Error(f"{name} is not set.", hint="See .env.example.", id="wopr.E001")
        for name in REQUIRED
        if not _value(name)
    ]


def _value(name: str) -> Any:
    """The setting; Django raises for an empty SECRET_KEY before a check could explain it."""
    try:
        return getattr(settings, name)
    except ImproperlyConfigured:
        return ""


@register()
def field_keys_are_usable(**_: Any) -> list[CheckMessage]:
    if not settings.WOPR_FIELD_KEYS:
        return [Error("WOPR_FIELD_KEYS is not set.", hint=_KEY_HINT, id="wopr.E002")]
    return [
        Error("WOPR_FIELD_KEYS holds a key that is not one.", hint=_KEY_HINT, id="wopr.E003")
        for key in settings.WOPR_FIELD_KEYS
        if not _is_fernet_key(key)
    ]


_KEY_HINT = "Make one with cryptography's Fernet.generate_key(); the first of the list encrypts."


def _is_fernet_key(key: str) -> bool:
    try:
        Fernet(key)
    except ValueError:
        return False
    return True


@register()
def formats_are_right(**_: Any) -> list[CheckMessage]:
    found: list[CheckMessage] = []
    if settings.WOPR_ENV not in {"production", "development"}:
        hint = "Use production or development."
        found.append(Error(f"WOPR_ENV is {settings.WOPR_ENV!r}.", hint=hint, id="wopr.E004"))
    if not re.fullmatch(r"[a-z][a-z0-9-]{0,20}", settings.WOPR_DEPLOYMENT):
        hint = "Lower-case letters, digits and hyphens, at most 21."
        found.append(Error("WOPR_DEPLOYMENT is malformed.", hint=hint, id="wopr.E005"))
    if not _is_port_range(settings.WOPR_PORT_RANGE):
        hint = "Write it as 20000-29999, below the range the system gives to outgoing connections."
        found.append(Error("WOPR_PORT_RANGE is malformed.", hint=hint, id="wopr.E006"))
    if settings.WOPR_EDGE_IPV4 and not _is_ipv4(settings.WOPR_EDGE_IPV4):
        hint = "The address that A records of bots point to."
        found.append(Error("WOPR_EDGE_IPV4 is no IPv4 address.", hint=hint, id="wopr.E007"))
    if ":" in settings.WOPR_BOT_IMAGE.rpartition("/")[2] and "@" in settings.WOPR_BOT_IMAGE:
        hint = "Name the moving tag, such as :latest; the digest is recorded when it is pulled."
        found.append(Error("WOPR_BOT_IMAGE names a digest.", hint=hint, id="wopr.E008"))
    if settings.WOPR_DISK_POLICY not in {"stop", "warn"}:
        hint = "What happens to a bot whose disk is full: stop or warn."
        found.append(Error("WOPR_DISK_POLICY is unknown.", hint=hint, id="wopr.E009"))
    return found


def _is_port_range(text: str) -> bool:
    match = re.fullmatch(r"(\d{4,5})-(\d{4,5})", text)
    return bool(match) and 1024 <= int(match[1]) <= int(match[2]) <= 65535  # type: ignore[index]


def _is_ipv4(text: str) -> bool:
    try:
        ipaddress.IPv4Address(text)
    except ValueError:
        return False
    return True


@register()
def production_is_production(**_: Any) -> list[CheckMessage]:
    """No sandbox, no debugging, no guessable key, no open host list in production."""
    if not settings.PRODUCTION:
        return []
    found: list[CheckMessage] = [
        Error(
            f"{name} points at {urlsplit(getattr(settings, name)).hostname}, not at {host}.",
            hint=f"Unset {name}, or set WOPR_ENV=development to work against a sandbox.",
            id="wopr.E010",
        )
        for name, host in VENDOR_HOSTS.items()
        if (urlsplit(getattr(settings, name)).scheme, urlsplit(getattr(settings, name)).hostname)
        != ("https", host)
    ]
    if settings.DEBUG:
        found.append(Error("DEBUG is on.", hint="Unset DEBUG in production.", id="wopr.E011"))
    if len(_value("SECRET_KEY")) < SHORTEST_KEY:
        hint = f"Set SECRET_KEY to at least {SHORTEST_KEY} random characters."
        found.append(Error("SECRET_KEY is too short.", hint=hint, id="wopr.E012"))
    if "*" in settings.ALLOWED_HOSTS:
        hint = "List the dashboard's and the API's names in ALLOWED_HOSTS."
        found.append(Error("ALLOWED_HOSTS admits every host.", hint=hint, id="wopr.E013"))
    if not settings.WOPR_DASHBOARD_URL.startswith("https://"):
        hint = "Use the https:// address."
        found.append(Error("WOPR_DASHBOARD_URL is not HTTPS.", hint=hint, id="wopr.E014"))
    if settings.AUTHENTIK_URL and not settings.AUTHENTIK_URL.startswith("https://"):
        hint = "Use the https:// address; a sandbox needs WOPR_ENV=development."
        found.append(Error("AUTHENTIK_URL is not HTTPS.", hint=hint, id="wopr.E015"))
    return found
