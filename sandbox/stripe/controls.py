"""The control paths of the Stripe sandbox: clock, deliveries, cards, disputes, settings."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.stripe.errors import StripeError
from sandbox.stripe.flows import cards, checkout, disputes, timeline
from sandbox.stripe.world import Settings, World
from sandbox.types import Json

Action = Callable[[World, Json, dict[str, Any]], Json]


def clock_read(world: World, _: Json, __: dict[str, Any]) -> Json:
    """GET /_sandbox/clock."""
    return {"now": world.now(), "offset_seconds": round(world.clock.offset)}


def clock_advance(world: World, body: Json, _: dict[str, Any]) -> Json:
    """POST /_sandbox/clock {"advance_seconds": n}."""
    happened = timeline.advance(world, world.now() + int(body["advance_seconds"]))
    return {"now": world.now(), "happened": happened}


def webhook_set(world: World, body: Json, _: dict[str, Any]) -> Json:
    """POST /_sandbox/webhook {"url", "secret"}."""
    world.config.webhook_url = body["url"]
    world.config.webhook_secret = body.get("secret", world.config.webhook_secret)
    endpoint = world.set_webhook(body["url"], world.config.webhook_secret)
    return {"id": endpoint["id"], "url": endpoint["url"]}


def settings_change(world: World, body: Json, _: dict[str, Any]) -> Json:
    """POST /_sandbox/settings: any field of `Settings`."""
    world.settings = Settings(**{**vars(world.settings), **body})
    world.touch()
    return dict(vars(world.settings))


def deliveries_list(world: World, _: Json, __: dict[str, Any]) -> Json:
    """GET /_sandbox/deliveries."""
    return {"mode": world.deliveries.mode, "deliveries": world.deliveries.described()}


def deliveries_mode(world: World, body: Json, _: dict[str, Any]) -> Json:
    """POST /_sandbox/deliveries/mode {"mode": normal|hold|drop|duplicate, "types": [...]}."""
    if body["mode"] not in ("normal", "hold", "drop", "duplicate"):
        raise ValueError(f"unknown mode {body['mode']}")
    world.deliveries.behave(body["mode"], body.get("types", []))
    return {"mode": world.deliveries.mode}


def deliveries_release(world: World, body: Json, _: dict[str, Any]) -> Json:
    """POST /_sandbox/deliveries/release {"order": fifo|reverse|shuffle}; normal from then on."""
    released = world.deliveries.release(body.get("order", "fifo"))
    world.deliveries.behave("normal", [])
    return {"released": released}


def event_resend(world: World, _: Json, path: dict[str, Any]) -> Json:
    """POST /_sandbox/events/{id}/resend."""
    return {"resent": world.deliveries.resend(path["id"])}


def customer_card(world: World, body: Json, path: dict[str, Any]) -> Json:
    """POST /_sandbox/customers/{id}/card {"number"}: what the customer pays with from now on."""
    customer = world.objects.alive("customer", path["id"])
    return {"payment_method": cards.card_change(world, customer, body["number"])["id"]}


def session_pay(world: World, body: Json, path: dict[str, Any]) -> Json:
    """POST /_sandbox/checkout/{id}/pay {"number", ...}: pay without the page; see `Payer`."""
    session = world.objects.get("checkout.session", path["id"])
    return checkout.session_pay(world, session, checkout.Payer(**body))


def dispute_open(world: World, body: Json, _: dict[str, Any]) -> Json:
    """POST /_sandbox/disputes {"charge" | "customer", "reason"}: the bank takes the money back."""
    if "charge" in body:
        charge = world.objects.get("charge", body["charge"])
    else:
        charge = disputes.charge_latest(world, body["customer"])
    return disputes.dispute_open(world, charge, body.get("reason", "fraudulent"))


def dispute_close(world: World, body: Json, path: dict[str, Any]) -> Json:
    """POST /_sandbox/disputes/{id} {"status": won|lost}: the bank decides."""
    dispute = world.objects.get("dispute", path["id"])
    return disputes.dispute_close(world, dispute, body["status"])


def _endpoint(world: World, action: Action) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        body = await request.json() if await request.body() else {}
        try:
            return JSONResponse(action(world, body, request.path_params))
        except StripeError as error:
            return JSONResponse(error.body(), status_code=error.status)
        except (KeyError, TypeError, ValueError) as refused:
            return JSONResponse({"error": repr(refused)}, status_code=400)

    return endpoint


ACTIONS: list[tuple[str, str, Action]] = [
    ("GET", "/clock", clock_read),
    ("POST", "/clock", clock_advance),
    ("POST", "/webhook", webhook_set),
    ("POST", "/settings", settings_change),
    ("GET", "/deliveries", deliveries_list),
    ("POST", "/deliveries/mode", deliveries_mode),
    ("POST", "/deliveries/release", deliveries_release),
    ("POST", "/events/{id}/resend", event_resend),
    ("POST", "/customers/{id}/card", customer_card),
    ("POST", "/checkout/{id}/pay", session_pay),
    ("POST", "/disputes", dispute_open),
    ("POST", "/disputes/{id}", dispute_close),
]


def stripe_control_routes(world: World) -> list[Route]:
    """Return the control routes of this account."""
    return [
        Route(f"/_sandbox{path}", _endpoint(world, action), methods=[method])
        for method, path, action in ACTIONS
    ]
