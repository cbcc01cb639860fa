"""Everything that one Stripe account knows, and how a change to it becomes an event."""

from __future__ import annotations

import copy
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox.clock import Clock
from sandbox.stripe.deliveries import Deliveries
from sandbox.stripe.objects import Objects
from sandbox.stripe.shapes import account as shapes
from sandbox.types import Json


@dataclass
class StripeConfig:
    """What the sandbox is told when it starts; a reset keeps it."""

    secret_key: str
    webhook_secret: str
    webhook_url: str | None
    public_url: str = ""
    webhook_retry_seconds: tuple[float, ...] = (1, 2, 5, 10, 30, 60, 300)


@dataclass
class Settings:
    """How the account treats unpaid invoices, drafts, taxes and webhooks (see the control call).

    Waits between deliveries count in real seconds, or in the account's own time when
    `delivery_time` is "sandbox": then moving the clock brings the next attempt.
    """

    retry_after_seconds: list[int] = field(default_factory=lambda: [259_200, 432_000, 604_800])
    unpaid_end: str = "canceled"
    draft_seconds: int = 0
    upcoming_days: int = 7
    delivery_time: str = "real"
    delivery_waits: list[float] = field(default_factory=list)
    tax_percent: float = 0
    tax_percents: dict[str, float] = field(default_factory=dict)
    """Rates of single countries, by their two letters; `tax_percent` is for all others."""


class World:
    """The account's objects, clock, idempotency keys and webhook deliveries.

    All work on it happens in plain functions on one event loop, so each call is atomic: the
    loop is the lock.
    """

    def __init__(self, config: StripeConfig) -> None:
        self.config = config
        self.clock = Clock()
        self.revision = 0
        self.objects = Objects()
        self.deliveries = Deliveries()
        self._forget()

    def _forget(self) -> None:
        self.settings = Settings(delivery_waits=list(self.config.webhook_retry_seconds))
        self.cause: Json = {"id": None, "idempotency_key": None}
        self.answers: dict[str, Json] = {}
        self._hidden: dict[str, Json] = {}
        self.account = shapes.account(self.now())
        self.objects.add(self.account)
        self.objects.add(shapes.portal_configuration(self.now()))
        if self.config.webhook_url:
            self.set_webhook(self.config.webhook_url, self.config.webhook_secret)

    def set_webhook(self, url: str, secret: str) -> Json:
        """Point the account's first webhook endpoint somewhere, with this signing secret."""
        endpoint = self.objects.find("we_sandbox") or self.objects.add(
            shapes.webhook_endpoint("we_sandbox", url, ["*"], self.now())
        )
        endpoint["url"] = url
        self.hidden("we_sandbox")["secret"] = secret
        self.touch()
        return endpoint

    def now(self) -> int:
        """Return the account's time."""
        return self.clock.now()

    def delivery_now(self) -> float:
        """Return the time by which deliveries are due."""
        return time.time() if self.settings.delivery_time == "real" else self.now()

    def touch(self) -> None:
        """Note that something changed."""
        self.revision += 1

    def hidden(self, object_id: str) -> Json:
        """Return what the sandbox knows of an object and Stripe would never show."""
        return self._hidden.setdefault(object_id, {})

    def create(self, obj: Json, event: str | None = None) -> Json:
        """Keep a new object and, when it is named, send the event that announces it."""
        self.objects.add(obj)
        if event:
            self.emit(event, obj)
        self.touch()
        return obj

    def update(self, obj: Json, event: str | None = None, **changes: Any) -> Json:
        """Change an object in place; the event carries the values that it had before."""
        before = {key: obj.get(key) for key, new in changes.items() if obj.get(key) != new}
        obj.update(changes)
        if event and (before or not event.endswith(".updated")):
            self.emit(event, obj, before if event.endswith(".updated") else None)
        self.touch()
        return obj

    def emit(self, kind: str, obj: Json, before: Json | None = None) -> Json:
        """Record an event with a snapshot of the object and queue its deliveries."""
        event = shapes.event(kind, copy.deepcopy(obj), before, dict(self.cause), self.now())
        self.objects.add(event)
        for endpoint in self.objects.of("webhook_endpoint"):
            if _listens(endpoint, kind):
                self.deliveries.queue(event["id"], endpoint["id"], kind)
        self.touch()
        return event

    def dump(self) -> Json:
        """Return the whole account as JSON."""
        return {
            "offset": self.clock.offset,
            "objects": self.objects.kinds,
            "hidden": self._hidden,
            "answers": self.answers,
            "settings": vars(self.settings),
            "deliveries": self.deliveries.dump(),
        }

    def load(self, state: Mapping[str, Any]) -> None:
        """Take up an account; the webhook's address comes from this run's configuration."""
        self.clock.offset = state["offset"]
        self.objects.load(state["objects"])
        self.account = self.objects.of("account")[0]
        self._hidden = state["hidden"]
        self.answers = state["answers"]
        self.settings = Settings(**state["settings"])
        self.deliveries.load(state["deliveries"])
        if self.config.webhook_url:
            self.set_webhook(self.config.webhook_url, self.config.webhook_secret)

    def reset(self) -> None:
        """Start again with an empty account."""
        self.clock.offset = 0.0
        self.objects.load({})
        self.deliveries.reset()
        self._forget()
        self.touch()


def _listens(endpoint: Json, kind: str) -> bool:
    if endpoint.get("deleted") or endpoint["status"] != "enabled":
        return False
    return "*" in endpoint["enabled_events"] or kind in endpoint["enabled_events"]
