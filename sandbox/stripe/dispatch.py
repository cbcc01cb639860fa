"""From an HTTP request to an answer in Stripe's manner: keys, idempotency, errors, expansion."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.stripe import expand
from sandbox.stripe.api import (
    account,
    catalog,
    checkout,
    credit_notes,
    customers,
    discounts,
    items,
    meters,
    money,
    previews,
    prices,
    subscriptions,
    taxes,
)
from sandbox.stripe.api.call import Call, Handler, Table
from sandbox.stripe.errors import StripeError
from sandbox.stripe.objects import new_id
from sandbox.stripe.params import Params, decode
from sandbox.stripe.version import API_VERSION, RELEASE
from sandbox.stripe.world import World
from sandbox.types import Json

ROUTES: Table = [
    *account.ROUTES,
    *catalog.ROUTES,
    *checkout.ROUTES,
    *credit_notes.ROUTES,
    *customers.ROUTES,
    *discounts.ROUTES,
    *items.ROUTES,
    *meters.ROUTES,
    *prices.ROUTES,
    *previews.ROUTES,
    *money.ROUTES,
    *subscriptions.ROUTES,
    *taxes.ROUTES,
]
KEY_SECONDS = 86_400


@dataclass(frozen=True)
class ApiRequest:
    """An HTTP request, read completely."""

    method: str
    path: str
    headers: Mapping[str, str]
    encoded: str
    """The query string of a GET, the form body of anything else."""

    @property
    def key(self) -> str | None:
        """Return the idempotency key; Stripe ignores it on anything but POST."""
        return self.headers.get("idempotency-key") if self.method == "POST" else None

    @property
    def version(self) -> str:
        """Return the API version that the caller wants."""
        return self.headers.get("stripe-version", API_VERSION)

    @property
    def fingerprint(self) -> str:
        """Return what must be equal for a key to be used again."""
        text = f"{self.method} {self.path} {self.encoded}"
        return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True)
class ApiAnswer:
    """Status, document and headers of an answer."""

    status: int
    body: Json
    headers: dict[str, str]


def _pattern(template: str) -> re.Pattern[str]:
    return re.compile("^" + re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", template) + "$")


_TABLE = [(method, _pattern(template), handler) for method, template, handler in ROUTES]


def dispatch(world: World, request: ApiRequest) -> ApiAnswer:
    """Answer one API request. No awaiting happens in here, so it is atomic."""
    request_id = new_id("req", 14)
    headers = {"Request-Id": request_id, "Stripe-Version": request.version}
    if request.key:
        headers["Idempotency-Key"] = request.key
    try:
        _authenticate(world, request)
        _require_release(request)
        answered = _replay(world, request)
        if answered is not None:
            headers["Idempotent-Replayed"] = "true"
            return ApiAnswer(answered["status"], answered["body"], headers)
        world.cause = {"id": request_id, "idempotency_key": request.key}
        status, body = _perform(world, request, request_id)
        remember(world, request, status, body)
    except StripeError as error:
        status, body = error.status, error.body(request_id)
    finally:
        world.cause = {"id": None, "idempotency_key": None}
    return ApiAnswer(status, body, headers)


def _perform(world: World, request: ApiRequest, request_id: str) -> tuple[int, Json]:
    try:
        handler, path = _route(request)
        params = decode(request.encoded)
        paths = [str(item) for item in params.pop("expand", [])]
        answer = handler(Call(world, Params(params), path))
        return 200, expand.expanded(world, answer, paths)
    except StripeError as error:
        return error.status, error.body(request_id)


def _route(request: ApiRequest) -> tuple[Handler, dict[str, str]]:
    for method, pattern, handler in _TABLE:
        match = pattern.match(request.path)
        if match and method == request.method:
            return handler, match.groupdict()
    message = (
        f"Unrecognized request URL ({request.method}: {request.path}). "
        "If you are trying to list objects, remove the trailing slash."
    )
    raise StripeError(404, message)


def _require_release(request: ApiRequest) -> None:
    """Refuse versions whose objects look different; dates within one release do not matter."""
    if request.version.rpartition(".")[2] != RELEASE:
        raise StripeError(400, f"Invalid Stripe API version: {request.version}")


def _authenticate(world: World, request: ApiRequest) -> None:
    given = _given_key(request.headers.get("authorization", ""))
    if not given:
        message = (
            "You did not provide an API key. You need to provide it in the Authorization header."
        )
        raise StripeError(401, message)
    if given != world.config.secret_key:
        raise StripeError(401, f"Invalid API Key provided: {given[:8]}{'*' * 8}")


def _given_key(authorization: str) -> str:
    scheme, _, value = authorization.partition(" ")
    if scheme.lower() == "basic":
        value = base64.b64decode(value).decode("latin-1").partition(":")[0]
    return value.strip()


def _replay(world: World, request: ApiRequest) -> Json | None:
    """Return the first answer to this key; refuse the key for another request."""
    known = world.answers.get(request.key) if request.key else None
    if known is None or known["at"] < world.now() - KEY_SECONDS:
        return None
    if known["fingerprint"] not in (None, request.fingerprint):
        message = (
            "Keys for idempotent requests can only be used with the same parameters they were "
            f"first used with. Try using a key other than '{request.key}' if you meant to execute "
            "a different request."
        )
        raise StripeError(400, message, kind="idempotency_error")
    return known


def remember(world: World, request: ApiRequest, status: int, body: Json) -> None:
    """Keep the answer for the key: also a 402 or a 500, but not a request that was malformed."""
    if not request.key or status in (400, 401, 404, 409, 429):
        return
    kept: dict[str, Any] = {
        "at": world.now(),
        "fingerprint": request.fingerprint,
        "status": status,
        "body": json.loads(json.dumps(body)),
    }
    oldest = world.now() - KEY_SECONDS
    world.answers = {key: row for key, row in world.answers.items() if row["at"] >= oldest}
    world.answers[request.key] = kept
    world.touch()


def remember_failure(world: World, key: str, status: int, body: Json) -> None:
    """Keep a 500 for the key, whatever the request was: Stripe gives it again to every retry."""
    world.answers[key] = {"at": world.now(), "fingerprint": None, "status": status, "body": body}
    world.touch()
