"""The account, its events and webhook endpoints."""

from __future__ import annotations

import fnmatch
import secrets
from typing import Any

from sandbox.stripe.api.call import LIST_PARAMS, Call, Table
from sandbox.stripe.errors import invalid
from sandbox.stripe.objects import new_id, page
from sandbox.stripe.shapes import account as shapes
from sandbox.types import Json

EVENTS_SECONDS = 30 * 86_400


def account_retrieve(call: Call) -> Json:
    """GET /v1/account and /v1/accounts/{id}."""
    account_id = call.path.get("id")
    if account_id:
        return call.world.objects.get("account", account_id)
    return call.world.account


def event_retrieve(call: Call) -> Json:
    """GET /v1/events/{id}."""
    return _with_pending(call, call.world.objects.get("event", call.id))


def event_list(call: Call) -> Json:
    """GET /v1/events: those of the last 30 days, newest first."""
    params = call.params
    params.allow((*LIST_PARAMS, "type", "types", "delivery_success"))
    kinds = params.texts("types") or [params.text("type") or "*"]
    if "type" in params and "types" in params:
        raise invalid("You may only specify one of these parameters: type, types.", "types")
    oldest = call.world.now() - EVENTS_SECONDS
    found = [
        event
        for event in call.world.objects.of("event")
        if event["created"] >= oldest
        and any(fnmatch.fnmatchcase(event["type"], kind) for kind in kinds)
    ]
    answer = page(found, params, "/v1/events")
    answer["data"] = [_with_pending(call, event) for event in answer["data"]]
    return answer


def _with_pending(call: Call, event: Json) -> Json:
    return {**event, "pending_webhooks": call.world.deliveries.pending_for(event["id"])}


def endpoint_create(call: Call) -> Json:
    """POST /v1/webhook_endpoints: the only answer that shows the secret."""
    params, world = call.params, call.world
    params.allow(("url", "enabled_events", "description", "metadata", "api_version"))
    events = params.texts("enabled_events")
    if not events:
        raise invalid("enabled_events must not be empty", "enabled_events")
    endpoint = shapes.webhook_endpoint(new_id("we"), params.required("url"), events, world.now())
    endpoint["description"] = params.text("description")
    endpoint["metadata"] = params.merged_metadata()
    secret = f"whsec_{secrets.token_hex(16)}"
    world.hidden(endpoint["id"])["secret"] = secret
    return {**world.create(endpoint), "secret": secret}


def endpoint_update(call: Call) -> Json:
    """POST /v1/webhook_endpoints/{id}."""
    endpoint, params = (
        call.world.objects.alive("webhook_endpoint", call.id),
        call.params,
    )
    params.allow(("url", "enabled_events", "description", "metadata", "disabled"))
    changes: dict[str, Any] = {"metadata": params.merged_metadata(endpoint["metadata"])}
    for name in ("url", "description"):
        if name in params:
            changes[name] = params.text(name)
    if "enabled_events" in params:
        changes["enabled_events"] = params.texts("enabled_events")
    if "disabled" in params:
        changes["status"] = "disabled" if params.flag("disabled") else "enabled"
    return call.world.update(endpoint, **changes)


def endpoint_retrieve(call: Call) -> Json:
    """GET /v1/webhook_endpoints/{id}."""
    return call.world.objects.alive("webhook_endpoint", call.id)


def endpoint_list(call: Call) -> Json:
    """GET /v1/webhook_endpoints."""
    return call.listed("webhook_endpoint", "/v1/webhook_endpoints")


def endpoint_delete(call: Call) -> Json:
    """DELETE /v1/webhook_endpoints/{id}."""
    endpoint = endpoint_retrieve(call)
    call.world.touch()
    gone = {"id": endpoint["id"], "object": "webhook_endpoint", "deleted": True}
    return call.world.objects.replace(gone)


ROUTES: Table = [
    ("GET", "/v1/account", account_retrieve),
    ("GET", "/v1/accounts/{id}", account_retrieve),
    ("GET", "/v1/events", event_list),
    ("GET", "/v1/events/{id}", event_retrieve),
    ("POST", "/v1/webhook_endpoints", endpoint_create),
    ("GET", "/v1/webhook_endpoints", endpoint_list),
    ("GET", "/v1/webhook_endpoints/{id}", endpoint_retrieve),
    ("POST", "/v1/webhook_endpoints/{id}", endpoint_update),
    ("DELETE", "/v1/webhook_endpoints/{id}", endpoint_delete),
]
