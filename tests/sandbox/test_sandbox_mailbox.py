"""Mails as they arrive and as they are shown."""

from __future__ import annotations

import hashlib
import smtplib
from email.message import EmailMessage
from urllib.parse import urlsplit

import httpx
import pytest

from sandbox.control import SandboxControl

PDF = b"%PDF-1.7 welcome"


def _mail(
    to: str = "alice@example.com", message_id: str = "<welcome-1@wopr.example>"
) -> EmailMessage:
    mail = EmailMessage()
    mail["From"] = "WOPR <hello@wopr.example>"
    mail["To"] = to
    mail["Subject"] = "Your bot is ready"
    mail["Message-ID"] = message_id
    mail.set_content("Grüße from your bot")
    mail.add_alternative("<p>Hello</p><script>alert(1)</script>", subtype="html")
    mail.add_attachment(PDF, maintype="application", subtype="pdf", filename="welcome.pdf")
    return mail


def _send(urls: dict[str, str], mail: EmailMessage) -> None:
    address = urlsplit(urls["smtp"])
    with smtplib.SMTP(address.hostname or "", address.port or 0, timeout=5) as connection:
        connection.send_message(mail)


def test_a_mail_is_found_by_its_recipient_with_text_html_and_attachment(
    urls: dict[str, str], control: SandboxControl
) -> None:
    _send(urls, _mail())
    _send(urls, _mail("bob@example.com", "<welcome-2@wopr.example>"))
    (mail,) = control.messages(to="alice@example.com")
    assert mail["subject"] == "Your bot is ready"
    assert "Grüße" in mail["text"]
    assert "<p>Hello</p>" in mail["html"]
    (attachment,) = mail["attachments"]
    assert attachment["filename"] == "welcome.pdf"
    assert attachment["sha256"] == hashlib.sha256(PDF).hexdigest()
    assert control.attachment(attachment["url"]) == PDF


def test_a_repeated_message_id_is_kept_once_and_counted(
    urls: dict[str, str], control: SandboxControl
) -> None:
    for _ in range(3):
        _send(urls, _mail())
    (mail,) = control.messages()
    assert mail["deliveries"] == 3


def test_mails_can_be_thrown_away(urls: dict[str, str], control: SandboxControl) -> None:
    _send(urls, _mail())
    control.clear_messages()
    assert control.messages() == []


def test_the_page_shows_html_only_in_a_frame_that_runs_nothing(
    urls: dict[str, str], control: SandboxControl
) -> None:
    _send(urls, _mail())
    (mail,) = control.messages()
    page = httpx.get(f"{urls['mailbox']}/mail/{mail['id']}", trust_env=False).text
    assert "<iframe" in page
    assert "alert(1)" not in page
    frame = httpx.get(f"{urls['mailbox']}/messages/{mail['id']}/html", trust_env=False)
    assert "sandbox" in frame.headers["Content-Security-Policy"]
    assert "default-src 'none'" in frame.headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"method": "CONNECT", "kind": "status", "status": 421}, smtplib.SMTPConnectError),
        ({"method": "CONNECT", "kind": "drop"}, smtplib.SMTPServerDisconnected),
        ({"method": "RCPT", "kind": "status", "status": 550}, smtplib.SMTPRecipientsRefused),
        ({"method": "MAIL", "kind": "status", "status": 451}, smtplib.SMTPSenderRefused),
        ({"method": "DATA", "kind": "status", "status": 451}, smtplib.SMTPDataError),
        ({"method": "DATA", "kind": "drop"}, smtplib.SMTPServerDisconnected),
    ],
)
def test_a_refused_mail_is_not_kept_and_the_next_try_works(
    urls: dict[str, str], control: SandboxControl, fault: dict[str, str], error: type[Exception]
) -> None:
    control.add_fault("mailbox", **fault)
    with pytest.raises(error):
        _send(urls, _mail())
    assert control.messages() == []
    _send(urls, _mail())
    assert len(control.messages()) == 1


def test_a_connection_lost_after_data_leaves_a_mail_that_the_sender_does_not_know_of(
    urls: dict[str, str], control: SandboxControl
) -> None:
    control.add_fault("mailbox", "drop", method="DATA", when="after")
    with pytest.raises(smtplib.SMTPServerDisconnected):
        _send(urls, _mail())
    _send(urls, _mail())
    (mail,) = control.messages()
    assert mail["deliveries"] == 2
