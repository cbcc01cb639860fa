"""`make journey`: the main job, played by a customer who only has a browser and a mailbox.

Everything goes through the front door over TLS that is really verified. Each stage checks what
it saw; the first difference ends the journey with a non-zero code.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
from pypdf import PdfReader

from sandbox.control import SandboxControl
from sandbox.stack.completion import ask_from_the_bot
from sandbox.stack.containers import marked
from sandbox.stack.engine import Engine
from sandbox.stack.front_door import front_door
from sandbox.stack.infrastructure import Wishes, started_infrastructure
from sandbox.stack.places import MACHINE
from sandbox.stack.product import start_product
from sandbox.stack.supervisor import StackError, wait_until

EMAIL = "ada@example.com"
PASSWORD = "an-unlikely-passphrase-42"  # pragma: allowlist secret
SLUG = "ada"
PATIENCE = 120.0
# Not much more often than a page that somebody has open.
look_until = partial(wait_until, timeout=PATIENCE, pause=0.2)

Json = dict[str, Any]


class Difference(StackError):
    """Something on the way was not as it should be."""


def expect(condition: object, what: str, seen: object = "") -> None:
    """Check what the customer saw."""
    if not condition:
        raise Difference(f"expected {what}; saw: {seen!r}"[:2000])


@dataclass
class Customer:
    """A browser session, and what the customer has come to know."""

    environment: dict[str, str]
    browser: httpx.Client
    email: str = EMAIL
    slug: str = SLUG
    known: Json = field(default_factory=dict)

    @property
    def front(self) -> str:
        """Return the dashboard's address."""
        return self.environment["WOPR_DASHBOARD_URL"]

    def get(self, path: str) -> Any:
        """Read something from the API."""
        answer = self.browser.get(f"{self.front}{path}")
        expect(answer.status_code == httpx.codes.OK, f"200 from {path}", answer.text)
        return answer.json()

    def post(self, path: str, body: Json, status: int) -> Any:
        """Send something to the API as the dashboard does, with the CSRF token of the cookie."""
        answer = self.browser.post(f"{self.front}{path}", json=body, headers=self._manners())
        expect(answer.status_code == status, f"{status} from POST {path}", answer.text)
        return answer.json()

    def _manners(self) -> dict[str, str]:
        tokens = [c.value for c in self.browser.cookies.jar if c.name.endswith("csrftoken")]
        expect(tokens and tokens[0], "a CSRF cookie", list(self.browser.cookies))
        return {"X-CSRFToken": str(tokens[0]), "Referer": f"{self.front}/"}


Stage = Callable[[Customer], str]


def open_dashboard(customer: Customer) -> str:
    """Open the front page and see that the platform says it is well."""
    page = customer.browser.get(f"{customer.front}/")
    expect(page.status_code == httpx.codes.OK, "the dashboard", page.text)
    expect("text/html" in page.headers["content-type"], "a page", page.headers)
    health = customer.get("/api/health")
    expect(health["database_connected"] is True, "a connected database", health)
    return str(health["status"])


def sign_up(customer: Customer) -> str:
    """Make an account by e-mail and password, and type the code that was mailed."""
    customer.get("/_allauth/browser/v1/config")
    body = {"email": customer.email, "password": PASSWORD}
    customer.post("/_allauth/browser/v1/auth/signup", body, 401)
    with mailbox_of(customer) as vendors:
        code = vendors.code_for(customer.email)
    customer.post("/_allauth/browser/v1/auth/email/verify", {"key": code}, 200)
    me = customer.get("/api/v1/me")
    expect((me["email"], me["tenants"]) == (customer.email, []), "a new account", me)
    return customer.email


def name_tenant(customer: Customer) -> str:
    """Choose a name, after trying one that is malformed."""
    check = "/api/v1/tenants/name-check?slug="
    malformed = customer.get(f"{check}Not%20a%20name")
    expect(malformed["code"] == "slug_malformed", "a malformed name to be refused", malformed)
    free = customer.get(f"{check}{customer.slug}")
    expect(free["available"] is True, "the name to be free", free)
    body = {"slug": customer.slug, "name": "Ada's bot"}
    tenant = customer.known["tenant"] = customer.post("/api/v1/tenants", body, 201)
    return str(tenant["hostname"])


def choose_plan(customer: Customer) -> str:
    """Pick the first plan and go to the checkout."""
    plans = customer.get("/api/v1/plans")
    expect(plans, "at least one plan", plans)
    plan = customer.known["plan"] = plans[0]
    path = f"/api/v1/tenants/{customer.known['tenant']['id']}/checkout"
    customer.known["checkout"] = customer.post(path, {"plan": plan["code"]}, 201)
    return f"{plan['name']} at {plan['price']['amount'] / 100:.2f} {plan['price']['currency']}"


def pay(customer: Customer) -> str:
    """Pay on the vendor's page and come back."""
    checkout = customer.known["checkout"]
    page = httpx.get(checkout["url"], timeout=30, trust_env=False)
    expect(customer.known["plan"]["name"] in page.text, "the plan on the payment page", page.text)
    with SandboxControl(customer.environment["SANDBOX_STRIPE_URL"]) as stripe:
        back = stripe.pay_checkout(checkout["url"], email=customer.email)
    expect(back.startswith(f"{customer.front}/checkout/{checkout['id']}"), "to be sent back", back)
    page = customer.browser.get(back)
    expect(page.status_code == httpx.codes.OK, "the page that shows provisioning", page.text)
    return "paid"


def be_entitled(customer: Customer) -> str:
    """Wait until the platform has heard of the payment from the vendor itself."""
    path = f"/api/v1/tenants/{customer.known['tenant']['id']}/subscription"
    look_until(lambda: customer.get(path)["entitled"], what="the entitlement")
    subscription = customer.get(path)
    expect(subscription["plan"] == customer.known["plan"]["code"], "the plan paid", subscription)
    return str(subscription["status"])


def watch_provisioning(customer: Customer) -> str:
    """Follow the live events until the operation is over."""
    path = f"/api/v1/tenants/{customer.known['tenant']['id']}/operations"
    look_until(lambda: customer.get(path), what="an operation")
    operation = customer.get(path)[0]
    expect(operation["kind"] == "provision", "a provision operation", operation)
    snapshots = list(events(customer, f"/api/v1/operations/{operation['id']}/events"))
    expect(snapshots, "live events")
    last = snapshots[-1]
    expect((last["state"], last["progress"]) == ("succeeded", 100), "success", last)
    progress = [snapshot["progress"] for snapshot in snapshots]
    expect(progress == sorted(progress), "progress that never goes back", progress)
    states = {step["name"]: step["state"] for step in last["steps"]}
    expect(set(states.values()) == {"done"}, "every step done", states)
    customer.known["operation"] = last
    return f"{len(states)} steps, {len(snapshots)} events"


def events(customer: Customer, path: str) -> Iterator[Json]:
    """Yield the snapshots of an event stream, resuming where it broke off, until its end."""
    deadline, seen = time.monotonic() + PATIENCE, ""
    while True:
        expect(time.monotonic() < deadline, "the operation to end in time")
        headers = {"Last-Event-ID": seen} if seen else {}
        with customer.browser.stream("GET", f"{customer.front}{path}", headers=headers) as stream:
            expect(stream.status_code == httpx.codes.OK, f"a stream from {path}")
            for kind, number, data in parse_events(stream.iter_lines()):
                seen = number or seen
                if kind == "end":
                    return
                if kind == "operation":
                    yield json.loads(data)


def parse_events(lines: Iterator[str]) -> Iterator[tuple[str, str, str]]:
    """Yield the kind, number and data of each server-sent event."""
    event: dict[str, str] = {}
    for line in lines:
        if line:
            name, _, value = line.partition(":")
            event[name] = value.removeprefix(" ")
        elif event:
            yield event.get("event", ""), event.get("id", ""), event.get("data", "")
            event = {}


def open_bot(customer: Customer) -> str:
    """Open the bot under its own name, with a certificate that is valid for it."""
    path = f"/api/v1/tenants/{customer.known['tenant']['id']}/instances"
    (instance,) = customer.get(path)
    expect(instance["status"] == "running", "a running bot", instance)
    expect(instance["provider_ready"] is False, "a bot that needs a provider", instance)
    page = customer.browser.get(instance["url"])
    expect((page.status_code, page.json().get("name")) == (200, "wopr"), "the bot", page.text)
    expect("@sha256:" in instance["image_digest"], "a recorded digest", instance)
    customer.known["instance"] = instance
    return str(instance["url"])


def read_mail(customer: Customer) -> str:
    """Find the welcome e-mail and read the document that is attached to it."""
    with mailbox_of(customer) as vendors:
        mails = [mail for mail in vendors.messages(to=customer.email) if mail["attachments"]]
        expect(len(mails) == 1, "exactly one welcome e-mail", mails)
        mail = mails[0]
        expect(mail["deliveries"] == 1, "one delivery of it", mail)
        attached = mail["attachments"][0]
        content = vendors.attachment(attached["url"])
    expect(customer.known["instance"]["url"] in mail["text"], "the bot's address", mail["text"])
    pages = PdfReader(BytesIO(content)).pages
    text = " ".join(page.extract_text() for page in pages)
    expect(customer.known["tenant"]["hostname"] in text, "the bot's name in the PDF", text)
    path = f"/api/v1/tenants/{customer.known['tenant']['id']}/documents"
    (document,) = customer.get(path)
    digests = {document["sha256"], sha256(content).hexdigest()}
    expect(len(digests) == 1, "the same document as in the dashboard", digests)
    return f"{mail['subject']!r}, {attached['filename']}, {len(pages)} page(s)"


def mailbox_of(customer: Customer) -> SandboxControl:
    """Return a way into the customer's mailbox."""
    return SandboxControl(
        customer.environment["SANDBOX_STRIPE_URL"],
        mailbox_url=customer.environment["SANDBOX_MAILBOX_URL"],
    )


def look_behind(customer: Customer) -> str:
    """As an operator: one hardened container, one volume, one unproxied record."""
    environment = customer.environment
    api = Engine(environment["WOPR_STACK_ENGINE"], is_local=True).client().api
    mine = marked(environment["WOPR_DEPLOYMENT"])
    (container,) = api.containers(all=True, filters=mine)
    expect(len(api.volumes(filters=mine)["Volumes"]) == 1, "one volume")
    host = api.inspect_container(container["Id"])["HostConfig"]
    expect(host["ReadonlyRootfs"] and host["CapDrop"] == ["ALL"], "a hardened container", host)
    expect(host["Memory"] == customer.known["instance"]["memory_mb"] << 20, "its memory", host)
    headers = {"Authorization": f"Bearer {environment['CLOUDFLARE_API_TOKEN']}"}
    url = environment["CLOUDFLARE_API_URL"]
    with httpx.Client(headers=headers, timeout=30, trust_env=False) as cloudflare:
        zone = cloudflare.get(f"{url}/zones").json()["result"][0]["id"]
        records = cloudflare.get(f"{url}/zones/{zone}/dns_records").json()["result"]
    names = [(record["name"], record["proxied"]) for record in records]
    expect(names == [(customer.known["tenant"]["hostname"], False)], "one plain record", names)
    return f"{host['Memory'] >> 20} MB, uid 1000, {len(records)} record"


STAGES: tuple[Stage, ...] = (
    open_dashboard,
    sign_up,
    name_tenant,
    choose_plan,
    pay,
    be_entitled,
    watch_provisioning,
    open_bot,
    read_mail,
    look_behind,
    ask_from_the_bot,
)


@contextmanager
def customer_of(environment: dict[str, str]) -> Iterator[Customer]:
    """Give a customer a browser that trusts the stack's authority."""
    with front_door(environment["WOPR_EDGE_CA_FILE"]) as browser:
        yield Customer(environment, browser)


def play(customer: Customer, stages: Sequence[Stage]) -> dict[str, float]:
    """Go through the stages, print the time of each, and return the times."""
    times = {}
    for stage in stages:
        began = time.monotonic()
        said = stage(customer)
        times[stage.__name__] = time.monotonic() - began
        name = stage.__name__.replace("_", " ")
        print(f"  {name:<20} {times[stage.__name__]:6.2f} s   {said}", flush=True)
    return times


def journey(_: argparse.Namespace) -> int:
    """Play the main job on a fresh stack; a difference is an error."""
    with tempfile.TemporaryDirectory(prefix="wopr-journey-", dir=MACHINE) as folder:
        wishes = Wishes(folder=Path(folder), free_ports=True, keep=False)
        with started_infrastructure(wishes) as parts:
            start_product(parts)
            print("\nThe journey of a customer", flush=True)
            with customer_of(parts.environment()) as customer:
                times = play(customer, STAGES)
            from_payment = [times[name] for name in ("be_entitled", "watch_provisioning")]
            print(f"  from payment to a running bot: {sum(from_payment):.2f} s\n", flush=True)
    return 0
