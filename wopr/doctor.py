"""Every outside dependency tried for real, with what to do about each that fails."""

import hashlib
import hmac
import json
import secrets
import shutil
import ssl
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.mail import get_connection
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from djstripe.models import Event, WebhookEventTrigger
from redis import Redis
from redis.exceptions import RedisError

from billing.gateways import stripe
from dns.gateways import cloudflare
from fleet.engines.registry import engine
from fleet.gateways.caddy import caddy
from fleet.models import Node
from fleet.providers import registry
from tenants.gateways import authentik
from wopr.common import http
from wopr.common.errors import ProviderError, WoprError
from wopr.common.queue import waiting

DISK_PERCENT, CLOCK_SECONDS, WORKER_SECONDS = 90, 5, 20
# dj-stripe keeps what it processed under this id; ours is removed again.
EVENT = "evt_wopr_doctor_"


class Ill(WoprError):
    """What is wrong, in a line."""


@dataclass(frozen=True)
class Finding:
    """One dependency: what was seen, and if that is bad, what to do."""

    name: str
    good: bool
    seen: str
    fix: str = ""


@dataclass(frozen=True)
class Check:
    """How one dependency is tried. It returns what it saw, or raises."""

    name: str
    attempt: Callable[[], str]
    fix: str


def findings() -> Iterator[Finding]:
    """Tries everything, one after the other."""
    for check in [*CHECKS, *_machines(), *_providers()]:
        yield examine(check)


def examine(check: Check) -> Finding:
    """Tries one; whatever it fails of becomes a line."""
    try:
        return Finding(check.name, True, check.attempt())
    except (WoprError, DatabaseError, RedisError, OSError) as error:
        said = " ".join(str(error).split()) or type(error).__name__
        return Finding(check.name, False, said[:300], check.fix)


def _database() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SHOW server_version")
        version = cursor.fetchone()[0]
    executor = MigrationExecutor(connection)
    missing = len(executor.migration_plan(executor.loader.graph.leaf_nodes()))
    if missing:
        raise Ill(f"{missing} migrations are not applied")
    return f"PostgreSQL {version}, all migrations applied"


def _broker() -> str:
    with Redis.from_url(settings.REDIS_URL, socket_timeout=3, socket_connect_timeout=3) as broker:
        broker.ping()
        policy = dict(broker.config_get("maxmemory-policy")).get("maxmemory-policy")
        length = waiting(broker)
    if policy != "noeviction":
        raise Ill(f"it may throw wake-ups away (maxmemory-policy {policy})")
    return f"answers; {length} wake-ups wait"


def _clock() -> str:
    """The database's clock is another machine's as a rule; Stripe's is the one that signs."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        away = abs((datetime.now(UTC) - cursor.fetchone()[0]).total_seconds())
    told = _time_at_stripe()
    if told:
        theirs = parsedate_to_datetime(told)
        away = max(away, abs((datetime.now(UTC) - theirs).total_seconds()))
    if away > CLOCK_SECONDS:
        raise Ill(f"the clock is {away:.0f} s away from the database's or Stripe's")
    return f"within {away:.1f} s of the database's" + (" and Stripe's" if told else "")


def _time_at_stripe() -> str | None:
    session = http.client(settings.STRIPE_API_URL)
    try:
        answer = http.request(session, "Stripe", "GET", "/v1/charges")
    except ProviderError:
        # That it is away is said in a line of its own.
        return None
    told: str | None = answer.headers.get("Date")
    return told


def _disk() -> str:
    folder = Path(settings.WOPR_BACKUP_REPOSITORY)
    place = folder if folder.exists() else Path("/")
    usage = shutil.disk_usage(place)
    percent = round(100 * usage.used / usage.total)
    if percent >= DISK_PERCENT:
        raise Ill(f"{place} is full to {percent}%")
    return f"{place} is full to {percent}%, {usage.free >> 30} GB are free"


def _edge() -> str:
    tree = caddy().read()
    return "answers; " + ("has the tenants' routes" if tree else "has no routes of tenants yet")


def _zones() -> str:
    zones = [settings.CLOUDFLARE_ZONE, *settings.CLOUDFLARE_MORE_ZONES]
    counted = [f"{zone}: {len(cloudflare.provider().listing(zone))} records" for zone in zones]
    return ", ".join(counted)


def _stripe_key() -> str:
    with stripe.translated("Stripe refused the key"):
        stripe.client().v1.events.list({"limit": 1})
    return f"the key is good, {'live' if settings.STRIPE_LIVE_MODE else 'test'} mode"


def _sign_on() -> str:
    if not authentik.is_configured():
        return "not configured; bots are opened without single sign-on"
    name = settings.AUTHENTIK_STAFF_GROUP
    group = authentik.account().group(name or "staff")
    if name and group is None:
        raise Ill(f"there is no group {name}, whose people would be staff (AUTHENTIK_STAFF_GROUP)")
    return "the token is good" + (f"; {len(group.members)} people in {name}" if group else "")


def _mail() -> str:
    if settings.WOPR_EMAIL_PROVIDER != "smtp":
        return f"by the API of {settings.WOPR_EMAIL_PROVIDER}; only a letter would show its key"
    post = get_connection()
    post.open()
    post.close()
    return f"{settings.EMAIL_HOST}:{settings.EMAIL_PORT} lets us in"


def _webhook() -> str:
    """A delivery as Stripe's, through the front door: stored, signed, taken up by a worker."""
    name = f"{EVENT}{secrets.token_hex(8)}"
    body = json.dumps(_event(name))
    began = time.monotonic()
    status = _deliver(body)
    if status != 200:
        raise Ill(f"the front door answered {status} to a delivery that we signed")
    try:
        _await_processed(name)
    finally:
        WebhookEventTrigger.objects.filter(body__contains=name).delete()
        Event.objects.filter(id=name).delete()
    return f"a signed delivery was taken up after {time.monotonic() - began:.1f} s"


def _event(name: str) -> dict[str, Any]:
    return {
        "id": name,
        "object": "event",
        "type": "wopr.doctor",
        "livemode": settings.STRIPE_LIVE_MODE,
        "created": int(time.time()),
        "api_version": settings.STRIPE_API_VERSION,
        "data": {"object": {"id": name, "object": "wopr.doctor"}},
        "request": {"id": None, "idempotency_key": None},
    }


def _deliver(body: str) -> int:
    at = int(time.time())
    key = settings.STRIPE_WEBHOOK_SECRET.encode()
    signature = hmac.new(key, f"{at}.{body}".encode(), hashlib.sha256).hexdigest()
    headers = {"Stripe-Signature": f"t={at},v1={signature}", "Content-Type": "application/json"}
    url, extensions = settings.WOPR_DASHBOARD_URL, {}
    if settings.WOPR_EDGE_PROBE_ADDRESS:
        headers["Host"] = url.removeprefix("https://")
        extensions["sni_hostname"] = settings.WOPR_DASHBOARD_HOST
        url = f"https://{settings.WOPR_EDGE_PROBE_ADDRESS}"
    trusted = ssl.create_default_context(cafile=settings.WOPR_EDGE_CA_FILE or None)
    answer = http.request(
        http.client(url, verify=trusted), "the dashboard", "POST", "/api/webhook/stripe",
        content=body, headers=headers, extensions=extensions,
    )  # fmt: skip
    return answer.status_code


def _await_processed(name: str) -> None:
    deadline = time.monotonic() + WORKER_SECONDS
    while time.monotonic() < deadline:
        found = WebhookEventTrigger.objects.filter(body__contains=name).first()
        if found is not None and found.processed:
            return
        if found is not None and found.exception:
            raise Ill(f"the worker could not process it: {found.exception}")
        time.sleep(0.2)
    raise Ill(f"no worker took the delivery up within {WORKER_SECONDS} s")


def _machines() -> list[Check]:
    """One for each node, and what its engine sees of the registry."""
    try:
        nodes = list(Node.objects.order_by("name"))
    except DatabaseError:
        return []
    return [check for node in nodes for check in _of_machine(node)]


def _of_machine(node: Node) -> tuple[Check, Check]:
    def containers() -> str:
        return f"answers; {len(engine(node).list_containers())} containers"

    def image() -> str:
        return f"{node.name} sees {engine(node).registry_digest(settings.WOPR_BOT_IMAGE)}"

    return (
        Check(
            f"engine {node.name}", containers,
            "Is the engine up, and may this process use its socket or certificates? Run the doctor"
            " where workers run.",
        ),
        Check(
            f"registry ({node.name})", image,
            "Check WOPR_BOT_IMAGE, and that the machine reaches its registry.",
        ),
    )  # fmt: skip


def _providers() -> list[Check]:
    return [_of_provider(name) for name in registry.configured()]


def _of_provider(name: str) -> Check:
    def account() -> str:
        told = registry.provider(name).account()
        if not told.is_usable:
            raise ProviderError(f"the account is locked: {told.reason}")
        return "lets us in"

    fix = f"Make a new token at {name} with rights to read and write, and set it in .env."
    return Check(f"provider {name}", account, fix)


CHECKS = (
    Check("database", _database, "Check DATABASE_URL; run `manage.py migrate`."),
    Check("broker", _broker, "Check REDIS_URL; Redis wants appendonly yes, noeviction."),
    Check("clock", _clock, "Have the machine's clock set by NTP (timedatectl set-ntp true)."),
    Check("disk", _disk, "Make room, or move the backups (WOPR_BACKUP_REPOSITORY)."),
    Check("edge", _edge, "Is Caddy up, and CADDY_ADMIN_URL its admin address?"),
    Check(
        "dns", _zones,
        "Give CLOUDFLARE_API_TOKEN the right to edit CLOUDFLARE_ZONE (Zone, DNS, Edit).",
    ),
    Check("stripe", _stripe_key, "Check STRIPE_SECRET_KEY in Stripe's dashboard, Developers."),
    Check(
        "webhook", _webhook,
        "Is the front door reached, is STRIPE_WEBHOOK_SECRET the same in every process, and does"
        " a worker run?",
    ),
    Check(
        "authentik", _sign_on,
        "Check AUTHENTIK_URL, and that AUTHENTIK_API_TOKEN belongs to somebody who may manage"
        " users, groups and applications.",
    ),
    Check("e-mail", _mail, "Check EMAIL_URL: host, port, TLS and password."),
)  # fmt: skip
