"""The door for Stripe's deliveries: what is refused, what is stored, and that nobody is called."""

import json
import time
import uuid
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.test import Client
from django.utils import timezone
from djstripe.models import Event, WebhookEndpoint, WebhookEventTrigger

from sandbox.control import SandboxControl
from sandbox.stripe.courier import signature
from tests.billing.conftest import WEBHOOK, Broker, deliver

pytestmark = pytest.mark.django_db(transaction=True)

EVENT = {
    "id": "evt_1",
    "object": "event",
    "type": "customer.subscription.updated",
    "api_version": django_settings.STRIPE_API_VERSION,
    "livemode": False,
    "created": 1_700_000_000,
    "data": {"object": {"id": "sub_1", "object": "subscription", "customer": "cus_1"}},
}


def refused(answer: Any, broker: Broker) -> WebhookEventTrigger:
    """Asserts that nothing came of a delivery; returns the row that tells of it."""
    assert answer.status_code == 400
    assert answer.json()["code"] == "bad_signature"
    assert broker.woken() == []
    assert not Event.objects.exists()
    trigger = WebhookEventTrigger.objects.get()
    assert (trigger.valid, trigger.processed) == (False, False)
    assert trigger.exception.startswith("refused")
    return trigger


def test_a_delivery_without_a_signature_is_refused(broker: Broker) -> None:
    refused(Client().post(WEBHOOK, json.dumps(EVENT), content_type="application/json"), broker)


def test_a_delivery_signed_with_another_secret_is_refused(broker: Broker) -> None:
    refused(deliver(EVENT, secret="whsec_of_somebody_else"), broker)


def test_a_delivery_that_was_changed_on_the_way_is_refused(broker: Broker) -> None:
    signed = signature(django_settings.STRIPE_WEBHOOK_SECRET, json.dumps(EVENT), int(time.time()))
    changed = json.dumps({**EVENT, "id": "evt_2"})
    answer = Client().post(
        WEBHOOK, changed, content_type="application/json", headers={"Stripe-Signature": signed}
    )
    refused(answer, broker)


def test_a_delivery_older_than_the_tolerance_is_refused(broker: Broker) -> None:
    refused(deliver(EVENT, age=django_settings.STRIPE_WEBHOOK_TOLERANCE + 5), broker)


def test_a_delivery_just_inside_the_tolerance_is_taken(broker: Broker) -> None:
    assert deliver(EVENT, age=django_settings.STRIPE_WEBHOOK_TOLERANCE - 60).status_code == 200


@pytest.mark.parametrize("debug", [False, True])
def test_no_header_can_replace_the_secret(debug: bool, broker: Broker, settings: Any) -> None:
    """dj-stripe's own view would take the secret from this header when DEBUG is on."""
    settings.DEBUG = debug
    own = "whsec_of_the_attacker"
    trigger = refused(deliver(EVENT, secret=own, **{"x-djstripe-webhook-secret": own}), broker)
    assert own not in json.dumps(trigger.headers)


@pytest.mark.parametrize(
    "body",
    [
        "",
        "not json",
        "[]",
        "null",
        '"text"',
        "{}",
        '{"id": 1, "data": {"object": {}}}',
        '{"id": "evt_1", "data": []}',
        '{"id": "evt_1", "data": {"object": "sub_1"}}',
    ],
    ids=lambda body: body[:30] or "empty",
)
def test_a_signed_body_that_is_no_event_is_refused(body: str, broker: Broker) -> None:
    refused(deliver(body), broker)


@pytest.mark.parametrize("body", [b"\x00", b'{"id": "\x00"}', b"\xff\xfe", b"[" * 100_000])
def test_garbage_from_a_stranger_is_refused_and_stored(body: bytes, broker: Broker) -> None:
    refused(Client().post(WEBHOOK, body, content_type="application/json"), broker)


def test_a_refused_delivery_takes_little_room(broker: Broker) -> None:
    answer = Client().post(WEBHOOK, b"x" * 900_000, content_type="application/json")
    assert len(refused(answer, broker).body) <= 10_000


def test_a_body_beyond_the_limit_is_not_read(broker: Broker) -> None:
    too_much = b"x" * (django_settings.DATA_UPLOAD_MAX_MEMORY_SIZE + 1)
    assert Client().post(WEBHOOK, too_much, content_type="application/json").status_code == 400
    assert broker.woken() == []
    assert not WebhookEventTrigger.objects.exists()


def test_cookies_and_authorisation_of_a_caller_are_not_kept() -> None:
    client = Client()
    client.cookies["session"] = "cookie-of-a-stranger"
    client.post(
        WEBHOOK, "{}", content_type="application/json", headers={"Authorization": "Bearer b"}
    )
    assert set(WebhookEventTrigger.objects.get().headers) <= {"Content-Type", "User-Agent"}


def test_a_good_delivery_is_stored_and_answered_without_a_call_to_stripe(
    stripe: SandboxControl, broker: Broker
) -> None:
    before = len(stripe.requests("stripe"))
    answer = deliver(EVENT)
    assert (answer.status_code, answer.json()) == (200, {"received": True})
    assert len(stripe.requests("stripe")) == before
    trigger = WebhookEventTrigger.objects.get()
    assert (trigger.valid, trigger.processed, trigger.exception) == (True, False, "")
    assert trigger.json_body == EVENT
    assert broker.woken() == ["billing.trigger_process"]


@pytest.mark.parametrize(
    ("kind", "waits"),
    [
        ("customer.subscription.updated", False),
        ("checkout.session.completed", False),
        ("invoice.paid", False),
        ("invoice.payment_failed", False),
        ("charge.dispute.created", False),
        ("something.new", False),
        ("payment_method.attached", True),
        ("invoice.finalized", True),
        ("charge.succeeded", True),
    ],
)
def test_what_only_comes_along_with_a_payment_waits_for_what_decides(
    kind: str, waits: bool, broker: Broker
) -> None:
    assert deliver({**EVENT, "type": kind}).status_code == 200
    [due] = broker.due()
    assert (due is not None) is waits
    if due is not None:
        assert 1 < (due - timezone.now()).total_seconds() < 10


def test_only_post_is_allowed() -> None:
    assert Client().get(WEBHOOK).status_code == 405


class TestTheAddressOfOneEndpoint:
    """dj-stripe can create endpoints at Stripe, each with an address and a secret of its own."""

    @pytest.fixture
    def endpoint(self) -> WebhookEndpoint:
        return WebhookEndpoint.objects.create(
            id="we_1",
            secret="whsec_sandbox_of_the_endpoint",
            url="https://wopr.example.com/",
            api_version=django_settings.STRIPE_API_VERSION,
            enabled_events=["*"],
            djstripe_uuid=uuid.uuid4(),
        )

    def post(self, endpoint_uuid: object, secret: str) -> Any:
        payload = json.dumps(EVENT)
        signed = signature(secret, payload, int(time.time()))
        return Client().post(
            f"{WEBHOOK}/{endpoint_uuid}",
            payload,
            content_type="application/json",
            headers={"Stripe-Signature": signed},
        )

    def test_takes_what_is_signed_with_the_secret_of_the_endpoint(
        self, endpoint: WebhookEndpoint
    ) -> None:
        assert self.post(endpoint.djstripe_uuid, endpoint.secret).status_code == 200

    def test_refuses_what_is_signed_with_another(self, endpoint: WebhookEndpoint) -> None:
        answer = self.post(endpoint.djstripe_uuid, django_settings.STRIPE_WEBHOOK_SECRET)
        assert answer.status_code == 400

    def test_is_nowhere_for_an_endpoint_that_does_not_exist(self) -> None:
        answer = self.post(uuid.uuid4(), django_settings.STRIPE_WEBHOOK_SECRET)
        assert answer.status_code == 404
        assert not WebhookEventTrigger.objects.exists()
