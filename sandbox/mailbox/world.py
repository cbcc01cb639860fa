"""The mails that arrived, each Message-ID once, with a count of its deliveries."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from functools import cached_property
from typing import Any, cast

from sandbox.types import Json


@dataclass
class Mail:
    """One mail as it came over the wire."""

    id: str
    message_id: str
    sender: str
    recipients: list[str]
    raw: str
    """The bytes, each as one character (Latin-1), so that they fit into JSON."""
    received_at: float
    deliveries: int = 1

    @cached_property
    def message(self) -> EmailMessage:
        """Return the parsed mail."""
        return message_from_bytes(self.raw.encode("latin-1"), policy=policy.default)

    def body(self, kind: str) -> str | None:
        """Return the text of the first body of a kind, `plain` or `html`."""
        part = self.message.get_body((kind,))
        return None if part is None else str(part.get_content())

    @cached_property
    def attachments(self) -> list[Attachment]:
        """Return the attached files."""
        return [
            Attachment(number, part.get_filename() or f"attachment-{number}",
                       part.get_content_type(), cast(bytes, part.get_payload(decode=True) or b""))
            for number, part in enumerate(self.message.iter_attachments())
        ]  # fmt: skip


@dataclass(frozen=True)
class Attachment:
    """A file in a mail."""

    number: int
    name: str
    content_type: str
    content: bytes

    @property
    def sha256(self) -> str:
        """Return the checksum of the content."""
        return hashlib.sha256(self.content).hexdigest()


class Mailbox:
    """All mails, oldest first."""

    def __init__(self) -> None:
        self.mails: dict[str, Mail] = {}
        self.revision = 0

    def receive(self, sender: str, recipients: list[str], content: bytes) -> Mail:
        """Keep a mail; a Message-ID that is there already is only counted once more."""
        parsed = message_from_bytes(content, policy=policy.default)
        message_id = str(parsed.get("Message-ID", "")).strip()
        key = hashlib.sha256(message_id.encode() or content).hexdigest()[:24]
        self.revision += 1
        if key in self.mails:
            self.mails[key].deliveries += 1
            return self.mails[key]
        raw = content.decode("latin-1")
        self.mails[key] = Mail(key, message_id, sender, recipients, raw, time.time())
        return self.mails[key]

    def found(self, to: str | None = None, subject: str | None = None) -> list[Mail]:
        """Return the mails to an address, or with a text in their subject."""
        return [
            mail
            for mail in self.mails.values()
            if (to is None or to.lower() in (one.lower() for one in mail.recipients))
            and (subject is None or subject in str(mail.message.get("Subject", "")))
        ]

    def clear(self) -> None:
        """Throw all mails away."""
        self.mails.clear()
        self.revision += 1

    def dump(self) -> Json:
        """Return everything as JSON."""
        fields = ("id", "message_id", "sender", "recipients", "raw", "received_at", "deliveries")
        return {
            "mails": [
                {name: getattr(mail, name) for name in fields} for mail in self.mails.values()
            ]
        }

    def load(self, state: Mapping[str, Any]) -> None:
        """Take up the mails of an earlier run."""
        self.mails = {row["id"]: Mail(**row) for row in state["mails"]}

    def reset(self) -> None:
        """Throw all mails away."""
        self.clear()
