"""Letters by a provider's API: what it is handed, and what it reports of them later.

The provider is Postmark, in the documented form of its API and webhooks.
"""

import base64
import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.test import Client
from django.utils import timezone

from tenants import correspondence
from tenants.models import Message, Tenant
from tests.admin.pages import change_page, press, text_of
from wopr.common.errors import ProviderError

pytestmark = pytest.mark.django_db
ADDRESS, SECRET = "/api/webhook/email", "reporter:of-bounces"
PROVIDER_ID = "0a129aee-e1cd-480d-b08d-4f48548ff48d"
NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)


@pytest.fixture
def postmark(settings: Any) -> None:
    settings.WOPR_EMAIL_PROVIDER = "postmark"
    settings.EMAIL_BACKEND = "anymail.backends.postmark.EmailBackend"
    settings.ANYMAIL = {
        "POSTMARK_SERVER_TOKEN": "not-a-token",
        "WEBHOOK_SECRET": SECRET,
        "IGNORE_RECIPIENT_STATUS": True,
    }


@pytest.fixture
def letter(tenant: Tenant) -> Message:
    return Message.objects.create(
        tenant=tenant,
        kind="welcome",
        cause="instance:1",
        recipient="alice@example.com",
        subject="Your bot is running",
        text="It answers.",
        html="<p>It answers.</p>",
    )


@pytest.fixture
def sent(letter: Message) -> Message:
    letter.state, letter.sent_at, letter.provider_id = "sent", timezone.now(), PROVIDER_ID
    letter.save()
    return letter


class Api:
    """Postmark's sending API on loopback: keeps what comes, answers as it is told."""

    def __init__(self) -> None:
        self.requests: list[Any] = []
        self.status, self.answer = 200, {
            "To": "alice@example.com",
            "SubmittedAt": "2026-05-04T12:00:00.0000000Z",
            "MessageID": PROVIDER_ID,
            "ErrorCode": 0,
            "Message": "OK",
        }  # fmt: skip

    def handler(self) -> type[BaseHTTPRequestHandler]:
        api = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                api.requests.append((self.path, json.loads(body)))
                answer = json.dumps(api.answer).encode()
                self.send_response(api.status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: Any) -> None:
                """Quiet."""

        return Handler


@pytest.fixture
def api(postmark: None, settings: Any) -> Iterator[Api]:
    api = Api()
    server = HTTPServer(("127.0.0.1", 0), api.handler())
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}/"
    settings.ANYMAIL = {**settings.ANYMAIL, "POSTMARK_API_URL": address}
    yield api
    server.shutdown()
    server.server_close()


def post(body: dict[str, Any], *, secret: str = SECRET) -> Any:
    basic = base64.b64encode(secret.encode()).decode()
    return Client().post(
        ADDRESS, json.dumps(body), "application/json", headers={"Authorization": f"Basic {basic}"}
    )


def delivery(at: datetime = NOON, **more: Any) -> dict[str, Any]:
    return {
        "RecordType": "Delivery",
        "MessageID": PROVIDER_ID,
        "Recipient": "alice@example.com",
        "DeliveredAt": at.strftime("%Y-%m-%dT%H:%M:%S.0000000Z"),
        "Details": "250 2.0.0 OK",
        "Tag": "",
        "ServerID": 23,
        "Metadata": {},
        "MessageStream": "outbound",
        **more,
    }


def bounce(at: datetime = NOON, kind: str = "HardBounce", **more: Any) -> dict[str, Any]:
    return {
        "RecordType": "SpamComplaint" if kind == "SpamComplaint" else "Bounce",
        "ID": 42,
        "Type": kind,
        "MessageID": PROVIDER_ID,
        "Metadata": {},
        "Description": "The server was unable to deliver your message.",
        "Details": "smtp;550 5.1.1 There is no such mailbox.",
        "Email": "alice@example.com",
        "BouncedAt": at.strftime("%Y-%m-%dT%H:%M:%S.0000000Z"),
        **more,
    }


def test_the_provider_is_handed_the_letter_under_our_message_id(letter: Message, api: Api) -> None:
    assert correspondence.message_send(message_id=letter.pk)
    [(path, mail)] = api.requests
    assert path == "/email"
    headers = {header["Name"]: header["Value"] for header in mail["Headers"]}
    assert headers["Message-ID"] == letter.message_id
    assert headers["X-PM-KeepID"] == "true"
    assert (mail["To"], mail["TextBody"]) == ("alice@example.com", "It answers.")


def test_the_providers_id_and_its_word_are_kept(letter: Message, api: Api) -> None:
    correspondence.message_send(message_id=letter.pk)
    letter.refresh_from_db()
    assert (letter.state, letter.provider_id, letter.delivery) == ("sent", PROVIDER_ID, "sent")


def test_an_address_that_the_provider_refuses_is_an_outcome_and_not_tried_for_ever(
    letter: Message, api: Api
) -> None:
    api.status = 422
    api.answer = {
        "ErrorCode": 406,
        "Message": "You tried to send to recipient(s) that have been marked as inactive. Found "
        "inactive addresses: alice@example.com. Inactive recipients are ones that have generated a "
        "hard bounce, a spam complaint, or a manual suppression.",
    }
    correspondence.message_send(message_id=letter.pk)
    letter.refresh_from_db()
    assert (letter.state, letter.delivery) == ("sent", "rejected")
    assert letter.pk not in correspondence.messages_due()


def test_a_provider_that_fails_is_asked_again_later(letter: Message, api: Api) -> None:
    api.status = 500
    with pytest.raises(ProviderError):
        correspondence.message_send(message_id=letter.pk)
    letter.refresh_from_db()
    assert letter.state == "queued"
    assert "500" in letter.error
    assert letter.next_attempt_at > timezone.now()


def test_a_delivery_is_seen_on_the_letters_page(
    sent: Message, postmark: None, staff_client: Client
) -> None:
    assert post(delivery()).status_code == 200
    assert 'data-state="delivered"' in text_of(staff_client, change_page(sent))


def test_a_bounce_shows_to_staff_with_the_words_of_the_mail_server(
    sent: Message, postmark: None, staff_client: Client
) -> None:
    assert post(bounce()).status_code == 200
    page = text_of(staff_client, change_page(sent))
    assert 'data-state="bounced"' in page
    assert "There is no such mailbox." in page
    assert 'data-state="bounced"' in text_of(staff_client, change_page(sent.tenant))
    overview = " ".join(text_of(staff_client, "/admin/").split())
    assert "these customers hear nothing by e-mail" in overview


def test_a_complaint_comes_after_the_delivery_and_stays_whatever_comes_late(
    sent: Message, postmark: None
) -> None:
    post(bounce(NOON + timedelta(hours=1), kind="SpamComplaint"))
    post(delivery(NOON))
    sent.refresh_from_db()
    assert sent.delivery == "complained"


def test_a_report_that_is_faster_than_the_answer_finds_the_letter_by_our_own_mark(
    letter: Message, api: Api
) -> None:
    post(delivery(Metadata={"wopr_message": letter.pk.hex}))
    correspondence.message_send(message_id=letter.pk)
    letter.refresh_from_db()
    assert api.requests[0][1]["Metadata"] == {"wopr_message": letter.pk.hex}
    assert (letter.outcome, letter.provider_id) == ("delivered", PROVIDER_ID)


def test_opened_letters_are_none_of_our_business(sent: Message, postmark: None) -> None:
    assert post({"RecordType": "Open", "MessageID": PROVIDER_ID}).status_code == 200
    sent.refresh_from_db()
    assert sent.delivery == ""


def test_a_letter_of_nobody_changes_nothing(sent: Message, postmark: None) -> None:
    assert post(bounce(MessageID="another")).status_code == 200
    sent.refresh_from_db()
    assert sent.delivery == ""


def test_whoever_does_not_know_the_secret_changes_nothing(sent: Message, postmark: None) -> None:
    assert post(bounce(), secret="somebody:else").status_code == 400
    assert Client().post(ADDRESS, json.dumps(bounce()), "application/json").status_code == 400
    sent.refresh_from_db()
    assert sent.delivery == ""


def test_without_a_secret_there_is_no_address(sent: Message, postmark: None, settings: Any) -> None:
    settings.ANYMAIL = {**settings.ANYMAIL, "WEBHOOK_SECRET": ""}
    assert post(bounce(), secret="").status_code == 404


def test_sending_again_begins_a_new_story(
    sent: Message, postmark: None, staff_client: Client
) -> None:
    post(bounce())
    press(staff_client, sent, "send_again")
    sent.refresh_from_db()
    assert (sent.state, sent.outcome, sent.delivery) == ("queued", "queued", "")


def test_a_provider_that_nobody_knows_is_refused_at_check(settings: Any) -> None:
    settings.WOPR_EMAIL_PROVIDER = "pigeon"
    with pytest.raises(SystemCheckError, match=r"wopr\.E015"):
        call_command("check")


def test_a_provider_without_its_key_is_refused_at_check_with_the_keys_name(
    postmark: None, settings: Any
) -> None:
    settings.ANYMAIL = {"WEBHOOK_SECRET": SECRET}
    with pytest.raises(SystemCheckError, match="POSTMARK_SERVER_TOKEN"):
        call_command("check")
