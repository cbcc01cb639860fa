"""Carries events to webhook endpoints: signed, a few at a time, again when they fail."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import time

import httpx

from sandbox.stripe.deliveries import Delivery, Retry
from sandbox.stripe.world import World
from sandbox.types import Json

POLL_SECONDS = 0.02
AT_ONCE = 4
ANSWER_SECONDS = 20.0


def signature(secret: str, payload: str, timestamp: int) -> str:
    """Return the `Stripe-Signature` header for a payload."""
    signed = f"{timestamp}.{payload}".encode()
    digest = hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
    return f"t={timestamp},v1={digest}"


class Courier:
    """The background task that empties the queue of deliveries."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._running: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Deliver until cancelled."""
        # The endpoint is on loopback: a proxy from the environment must not see it.
        async with httpx.AsyncClient(timeout=ANSWER_SECONDS, trust_env=False) as client:
            while True:
                self._dispatch(client)
                await asyncio.sleep(POLL_SECONDS)

    def _dispatch(self, client: httpx.AsyncClient) -> None:
        room = AT_ONCE - len(self._running)
        for row in self.world.deliveries.due(self.world.delivery_now())[: max(room, 0)]:
            row.state = "sending"
            task = asyncio.create_task(self._deliver(client, row))
            self._running.add(task)
            task.add_done_callback(self._running.discard)

    async def _deliver(self, client: httpx.AsyncClient, row: Delivery) -> None:
        endpoint = self.world.objects.find(row.endpoint)
        if endpoint is None or endpoint.get("deleted"):
            row.state = "dropped"
            return
        status, error = None, None
        try:
            status = await self._post(client, endpoint, row)
        except httpx.HTTPError as failure:
            error = f"{type(failure).__name__}: {failure}"
        retry = Retry(self.world.delivery_now(), self.world.settings.delivery_waits)
        self.world.deliveries.record(row, status, error, retry)
        self.world.touch()

    async def _post(self, client: httpx.AsyncClient, endpoint: Json, row: Delivery) -> int:
        event = dict(self.world.objects.get("event", row.event))
        event["pending_webhooks"] = self.world.deliveries.pending_for(event["id"])
        payload = json.dumps(event, indent=2)
        secret = self.world.hidden(row.endpoint)["secret"]
        # Signed with the real time: the receiver's clock does not move with the sandbox's.
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
            "Stripe-Signature": signature(secret, payload, int(time.time())),
        }
        answer = await client.post(endpoint["url"], content=payload, headers=headers)
        return answer.status_code
