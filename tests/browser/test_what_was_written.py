"""No secret is in anything that a run of the whole stack wrote, with failures on its way.

Played over HTTP, by what the pages ask: a browser would drop requests as containers come and go.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from redis import Redis

from sandbox.control import DECLINED_CARD, CheckoutRefused, SandboxControl
from sandbox.stack import journey
from sandbox.stack.front_door import front_door
from sandbox.stack.second_factor import code_now
from sandbox.stack.supervisor import wait_until
from tests.browser import traces
from tests.browser.customer import a_name

OTHER_PASSWORD = "an unlucky guess of nobody's"
# What a bot is known by, locks its credentials with, and was given by its owner.
OURS = {"WOPR_PLATFORM_TOKEN", "WOPR_CREDENTIAL_KEY"}
THEIR_OWN = OURS | {"THEIR_KEY"}
VARIABLE = "canary-of-a-customers-own-key-4711"
AUTH = "/_allauth/browser/v1/auth"
TOTP = "/_allauth/browser/v1/account/authenticators/totp"
Shown = list[tuple[str, str]]


class Visitor(journey.Customer):
    """Somebody at the front door who also does what is refused."""

    def asks(self, method: str, path: str, body: Any = None) -> httpx.Response:
        manners = self._manners() if method != "GET" else {}
        return self.browser.request(method, f"{self.front}{path}", json=body, headers=manners)

    def has(self, method: str, path: str, body: Any = None) -> Any:
        answer = self.asks(method, path, body)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None


@dataclass
class Played:
    """A run that is over: what was secret in it, and what people were shown."""

    stack: dict[str, Any]
    secrets: dict[str, str] = field(default_factory=dict)
    # What opens the account for a while; the database has to know it.
    passing: dict[str, str] = field(default_factory=dict)
    shown: Shown = field(default_factory=list)


@contextmanager
def visitor(stack: dict[str, Any], shown: Shown) -> Iterator[Visitor]:
    """Keeps every answer that tells of a failure."""

    def keep_failure(answer: httpx.Response) -> None:
        # For an app that is not there yet, 404 brings the key: that one is meant to be read.
        if answer.is_error and answer.url.path != TOTP:
            shown.append((f"the answer to {answer.url}", answer.read().decode()))

    with front_door(stack["authority"]) as browser:
        browser.event_hooks["response"].append(keep_failure)
        name = a_name()
        yield Visitor(stack["environment"], browser, email=f"{name}@example.org", slug=name)


@pytest.fixture(scope="module")
def played(live_stack: dict[str, Any]) -> Iterator[Played]:
    """A customer's way on which passwords are mistyped, cards declined, and vendors fail."""
    run = Played(live_stack, traces.of_the_platform(live_stack))
    with SandboxControl.of(live_stack) as vendors, visitor(live_stack, run.shown) as customer:
        try:
            buys_a_bot_among_failures(customer, vendors)
            run.secrets |= makes_secrets(customer) | the_bots_own(live_stack)
            run.passing = {each.name: str(each.value) for each in customer.browser.cookies.jar}
            things_go_wrong(customer, vendors)
            run.passing |= loses_password(customer, vendors)
            run.shown += admin_pages(live_stack, customer.slug)
            yield run
        finally:
            vendors.clear()


def buys_a_bot_among_failures(customer: Visitor, vendors: SandboxControl) -> None:
    for stage in (journey.sign_up, journey.name_tenant, journey.choose_plan):
        stage(customer)
    with pytest.raises(CheckoutRefused):
        vendors.pay_checkout(customer.known["checkout"]["url"], card=DECLINED_CARD)
    vendors.add_fault("cloudflare", "status", status=500)
    vendors.add_fault("mailbox", "drop")
    for stage in (journey.pay, journey.be_entitled, journey.watch_provisioning, journey.open_bot):
        stage(customer)


def makes_secrets(customer: Visitor) -> dict[str, str]:
    """What a customer has that opens something."""
    customer.has("POST", f"{AUTH}/reauthenticate", {"password": journey.PASSWORD})
    app = customer.asks("GET", TOTP).json()["meta"]["secret"]
    customer.has("POST", TOTP, {"code": code_now(app)})
    tenant = customer.known["tenant"]["id"]
    wish = {"name": "A program", "scopes": ["read"]}
    made = customer.has("POST", f"/api/v1/tenants/{tenant}/keys", wish)
    uses(made["key"], customer)
    variables = f"/api/v1/instances/{customer.known['instance']['id']}/variables"
    customer.has("PATCH", variables, {"values": {"THEIR_KEY": VARIABLE}})
    wait_until(
        lambda: all(row["applied"] for row in customer.get(variables)),
        timeout=journey.PATIENCE,
        what="a bot that has its variable",
    )
    return {
        "the customer's password": journey.PASSWORD,
        "a mistyped password": OTHER_PASSWORD,
        "the customer's authenticator": app,
        "an API key": made["key"],
        "a variable of the customer's": VARIABLE,
    }


def uses(key: str, owner: Visitor) -> None:
    """As a program, for what the key opens."""
    path = f"{owner.front}/api/v1/tenants/{owner.known['tenant']['id']}/instances"
    with front_door(owner.environment["WOPR_EDGE_CA_FILE"]) as program:
        program.get(path, headers={"Authorization": f"Bearer {key}"}).raise_for_status()


def the_bots_own(stack: dict[str, Any]) -> dict[str, str]:
    """What each bot is given of its own, by its container."""
    return {
        f"{name} of {container}": value
        for container, given in traces.environments(stack).items()
        for name, value in given.items()
        if name in OURS
    }


def things_go_wrong(customer: Visitor, vendors: SandboxControl) -> None:
    """Stripe fails, a password is wrong, addresses lead nowhere."""
    vendors.add_fault("stripe", "status", status=500, path="*billing_portal*", times=None)
    customer.asks("POST", f"/api/v1/tenants/{customer.known['tenant']['id']}/portal")
    vendors.clear()
    for path in ("/api/v1/none", "/admin/none", "/static/none.js"):
        assert not customer.asks("GET", path).is_success
    customer.asks("DELETE", f"{AUTH}/session")
    wrong = {"email": customer.email, "password": OTHER_PASSWORD}
    assert customer.asks("POST", f"{AUTH}/login", wrong).status_code == 400


def loses_password(customer: Visitor, vendors: SandboxControl) -> dict[str, str]:
    """Follows the link in the letter; who reads the logs must not be able to do so too."""
    customer.asks("POST", f"{AUTH}/password/request", {"email": customer.email})
    letter = vendors.messages(to=customer.email)[-1]["text"]
    found = re.search(r"/account/reset/(\S+)", letter)
    assert found, letter
    assert customer.asks("GET", found[0]).is_success
    look = {"X-Password-Reset-Key": found[1]}
    answer = customer.browser.get(f"{customer.front}{AUTH}/password/reset", headers=look)
    assert answer.is_success, answer.text
    return {"the key to a new password": found[1]}


def admin_pages(stack: dict[str, Any], slug: str) -> Shown:
    """What staff see of the customer, the bot and what was done to it."""
    shown: Shown = []
    with visitor(stack, shown) as member:
        staff_signs_in(member, stack)
        for address in pages_about(stack, slug):
            answer = member.asks("GET", address)
            assert answer.status_code == 200, f"{address}: {answer.status_code}"
            shown.append((address, answer.text))
    return shown


def staff_signs_in(member: Visitor, stack: dict[str, Any]) -> None:
    """By password and app, with a code that nobody has used before."""
    member.get("/_allauth/browser/v1/config")
    login = {"email": stack["staff_email"], "password": stack["staff_password"]}
    assert member.asks("POST", f"{AUTH}/login", login).status_code == 401
    key = stack["staff_authenticator"]
    code = code_now(key)
    answer = member.asks("POST", f"{AUTH}/2fa/authenticate", {"code": code})
    if not answer.is_success:
        wait_until(lambda: code_now(key) != code, timeout=31, what="the next code")
        member.has("POST", f"{AUTH}/2fa/authenticate", {"code": code_now(key)})


def pages_about(stack: dict[str, Any], slug: str) -> list[str]:
    with psycopg.connect(stack["environment"]["DATABASE_URL"]) as database:
        bot, tenant = database.execute(
            "SELECT id, tenant_id FROM fleet_instance WHERE slug = %s", [slug]
        ).fetchone() or ("", "")
        operations = database.execute("SELECT id FROM fleet_operation WHERE subject_id = %s", [bot])
        keys = database.execute(
            "SELECT key.id FROM tenants_apikey key JOIN tenants_membership m"
            " ON m.id = key.membership_id WHERE m.tenant_id = %s",
            [tenant],
        )
        pages = [
            "",
            f"fleet/instance/{bot}/change/",
            f"tenants/tenant/{tenant}/change/",
            *(f"fleet/operation/{key}/change/" for (key,) in operations),
            *(f"tenants/apikey/{key}/change/" for (key,) in keys),
        ]
        return [f"/admin/{page}" for page in pages]


def test_no_secret_is_in_anything_that_was_written(played: Played) -> None:
    texts = list(traces.everything(played.stack))
    assert len(texts) > 50
    assert traces.told(played.secrets, texts) == []


def test_no_log_opens_an_account(played: Played) -> None:
    assert len(played.passing) == 3
    assert traces.told(played.passing, traces.logs(played.stack)) == []


def test_no_secret_is_on_a_page_about_a_failure_or_in_the_admin(played: Played) -> None:
    places = " ".join(place for place, _ in played.shown)
    assert "portal" in places
    assert "/admin/fleet/operation/" in places
    assert traces.told(played.secrets, played.shown) == []


def test_no_bot_is_given_what_is_not_its_own(played: Played) -> None:
    given = traces.environments(played.stack)
    assert given
    for container, variables in given.items():
        own = {variables.get(name) for name in THEIR_OWN}
        others = {name: secret for name, secret in played.secrets.items() if secret not in own}
        assert traces.told(others, [(container, str(variables))]) == []


def test_a_secret_that_is_planted_is_found_wherever_it_is(played: Played) -> None:
    """What finds nothing is worth nothing unless it finds what is there."""
    planted = {"a canary": "sk-canary/of+this=run"}
    stack = played.stack
    log = Path(stack["logs"]) / "planted.log"
    with Redis.from_url(stack["environment"]["REDIS_URL"]) as broker:
        try:
            log.write_text(f"GET /?key={planted['a canary']}")
            broker.lpush("planted", f'{{"args": ["{planted["a canary"]}"]}}')
            assert traces.told(planted, traces.logs(stack)) == ["a canary in the log planted.log"]
            assert traces.told(planted, traces.queues(stack)) == ["a canary in Redis, b'planted'"]
        finally:
            log.unlink()
            broker.delete("planted")
    with psycopg.connect(stack["environment"]["DATABASE_URL"]) as database:
        database.execute("UPDATE tenants_tenant SET name = %s", [planted["a canary"]])
        found = traces.told(planted, traces.rows_of(database))
        database.rollback()
    assert "a canary in the table tenants_tenant" in found
