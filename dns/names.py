"""What a customer's own domain may be called, and what people write when they mean one."""

import ipaddress
import re
from urllib.parse import urlsplit

from django.conf import settings

from wopr.common.errors import Refused

_LABEL = re.compile(r"[a-z0-9_]([a-z0-9-]{0,61}[a-z0-9])?\Z")
LONGEST = 253


def hostname_of(text: str) -> str:
    """The host name that somebody typed, perhaps as an address, in lower case and ASCII.

    Raises Refused when it is none, or when it is one of the platform's own.
    """
    written = text.strip().rstrip(".").lower()
    if "//" in written:
        written = urlsplit(written).hostname or ""
    written = written.partition("/")[0]
    try:
        hostname = written.encode("idna").decode("ascii")
    except UnicodeError:
        hostname = ""
    if not _is_hostname(hostname):
        raise Refused(
            "domain_malformed",
            "Write a whole host name of a domain of yours, such as chat.example.com.",
            field="hostname",
        )
    if _is_ours(hostname):
        raise Refused(
            "domain_reserved",
            f"{hostname} belongs to this platform. Use a domain of your own.",
            field="hostname",
        )
    return hostname


def record_name_of(text: str) -> str:
    """A whole name that staff give a record, perhaps with a wildcard. Raises Refused for others."""
    name = text.strip().rstrip(".").lower()
    if not _is_hostname(name.removeprefix("*.")):
        raise Refused("name_malformed", f"{text!r} is no whole host name.", field="name")
    return name


def _is_hostname(name: str) -> bool:
    labels = name.split(".")
    if len(labels) < 2 or len(name) > LONGEST or _is_address(name):
        return False
    return all(_LABEL.match(label) for label in labels) and not labels[-1].isdigit()


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _is_ours(hostname: str) -> bool:
    """In a zone of the platform's, below its tenants' domain, or one of its names."""
    domains = {settings.WOPR_TENANT_DOMAIN, settings.CLOUDFLARE_ZONE}
    domains |= {*settings.CLOUDFLARE_MORE_ZONES, *settings.WOPR_BASE_NAMES}
    domains |= settings.WOPR_PLATFORM_HOSTS
    return any(hostname == domain or hostname.endswith(f".{domain}") for domain in domains)
