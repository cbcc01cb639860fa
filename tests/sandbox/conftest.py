"""A running sandbox, reset before each test, and a shop that hears its webhooks."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest

from sandbox.control import SandboxControl
from sandbox.process import running
from sandbox.serve import STRIPE_KEY

WEBHOOK_SECRET = "whsec_sandbox"
RETRIES = ("--webhook-retry", "0.05", "0.1", "0.2")


@pytest.fixture(scope="session")
def urls() -> Iterator[dict[str, str]]:
    with running("--zone", "bots.localhost", "--webhook-secret", WEBHOOK_SECRET, *RETRIES) as urls:
        yield urls


@pytest.fixture
def control(urls: dict[str, str]) -> Iterator[SandboxControl]:
    with SandboxControl.of(urls) as control:
        control.reset()
        yield control


class Api:
    """Stripe's API in as few words as a test wants to read."""

    def __init__(self, base: str) -> None:
        self.http = httpx.Client(
            base_url=base, auth=(STRIPE_KEY, ""), timeout=10, trust_env=False, verify=False
        )

    def get(self, path: str, **query: Any) -> Any:
        return self.http.get(f"/v1/{path}", params=query).raise_for_status().json()

    def post(self, path: str, form: dict[str, Any] | None = None, **headers: str) -> httpx.Response:
        return self.http.post(f"/v1/{path}", data=form or {}, headers=headers)

    def made(self, path: str, form: dict[str, Any] | None = None) -> Any:
        return self.post(path, form).raise_for_status().json()

    def delete(self, path: str) -> httpx.Response:
        return self.http.delete(f"/v1/{path}")

    def event_types(self) -> list[str]:
        events = self.get("events", limit=100)["data"]
        return [event["type"] for event in reversed(events)]


@pytest.fixture
def api(urls: dict[str, str], control: SandboxControl) -> Iterator[Api]:
    api = Api(urls["stripe"])
    yield api
    api.http.close()


@pytest.fixture
def price(api: Api) -> Any:
    product = api.made("products", {"name": "Small bot"})
    form = {"product": product["id"], "currency": "usd", "unit_amount": 900}
    return api.made("prices", {**form, "recurring[interval]": "month"})


@pytest.fixture
def checkout(api: Api, price: Any) -> Callable[..., Any]:
    """Open a checkout session for the small bot."""

    def open_session(**more: Any) -> Any:
        form = {
            "mode": "subscription",
            "success_url": "https://shop.example.com/done?session={CHECKOUT_SESSION_ID}",
            "cancel_url": "https://shop.example.com/plans",
            "line_items[0][price]": price["id"],
            "line_items[0][quantity]": 1,
        }
        return api.made("checkout/sessions", {**form, **more})

    return open_session


@pytest.fixture
def subscribe(
    api: Api, control: SandboxControl, checkout: Callable[..., Any]
) -> Callable[..., Any]:
    """Buy the small bot on the checkout page and return the subscription."""

    def buy(card: str = "4242424242424242", **more: Any) -> Any:
        session = checkout(**more)
        control.pay_checkout(session["url"], card=card)
        paid = api.get(f"checkout/sessions/{session['id']}")
        return api.get(f"subscriptions/{paid['subscription']}")

    return buy


class Shop(ThreadingHTTPServer):
    """Hears webhooks and answers with the statuses that a test wants, then with 200."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Hearing)
        self.heard: list[tuple[dict[str, str], str]] = []
        self.answers: list[int] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/api/webhook/stripe"


class _Hearing(BaseHTTPRequestHandler):
    server: Shop

    def do_POST(self) -> None:
        payload = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.server.heard.append((dict(self.headers), payload))
        self.send_response(self.server.answers.pop(0) if self.server.answers else 200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Keep the test's output clean."""


@pytest.fixture
def shop(control: SandboxControl) -> Iterator[Shop]:
    with Shop() as shop:
        thread = threading.Thread(target=shop.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        control.set_webhook(shop.url, WEBHOOK_SECRET)
        yield shop
        # The process outlives this shop: later events must not wait for it.
        control.reset()
        control.drop_deliveries()
        shop.shutdown()
        thread.join()
