"""DNS messages as far as a small server needs them (RFC 1035, 3596, 8659)."""

from __future__ import annotations

import ipaddress
import struct
from dataclasses import dataclass

TYPES = {"A": 1, "NS": 2, "CNAME": 5, "SOA": 6, "TXT": 16, "AAAA": 28, "CAA": 257}
NAMES = {number: name for name, number in TYPES.items()}
OK, SERVFAIL, NXDOMAIN, NOTIMP, REFUSED = 0, 2, 3, 4, 5
TTL = 1
_AUTHORITATIVE, _RECURSION_AVAILABLE, _ANSWER, _TRUNCATED = 0x0400, 0x0080, 0x8000, 0x0200


@dataclass(frozen=True)
class Question:
    """What is asked; `end` is where the question ends in the message."""

    number: int
    flags: int
    name: str
    type: str
    end: int


@dataclass(frozen=True)
class Answer:
    """One resource record of an answer."""

    name: str
    type: str
    content: str


def read_question(message: bytes) -> Question:
    """Return the first question of a message; ValueError for what is none."""
    if len(message) < 17:
        raise ValueError("too short for a question")
    number, flags = struct.unpack_from("!HH", message)
    labels, at = [], 12
    while length := message[at]:
        if length > 63:
            raise ValueError("a question's name is never compressed")
        labels.append(message[at + 1 : at + 1 + length].decode("ascii"))
        at += length + 1
    (kind,) = struct.unpack_from("!H", message, at + 1)
    name = ".".join(labels).lower()
    return Question(number, flags, name, NAMES.get(kind, str(kind)), at + 5)


def write_answer(message: bytes, question: Question, code: int, answers: list[Answer]) -> bytes:
    """Return the answer to a question."""
    flags = _ANSWER | _AUTHORITATIVE | _RECURSION_AVAILABLE | (question.flags & 0x7900) | code
    header = struct.pack("!HHHHHH", question.number, flags, 1, len(answers), 0, 0)
    body = b"".join(_record(answer) for answer in answers)
    return header + message[12 : question.end] + body


def truncated(answer: bytes) -> bytes:
    """Return the head of an answer that is too long for a datagram; the client comes by TCP."""
    question = read_question(answer)
    head = struct.pack("!HHHHHH", question.number, question.flags | _TRUNCATED, 1, 0, 0, 0)
    return head + answer[12 : question.end]


def _record(answer: Answer) -> bytes:
    data = _data(answer)
    head = struct.pack("!HHIH", TYPES[answer.type], 1, TTL, len(data))
    return _name(answer.name) + head + data


def _name(name: str) -> bytes:
    labels = [label.encode("ascii") for label in name.split(".") if label]
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"


def _data(answer: Answer) -> bytes:
    if answer.type in ("A", "AAAA"):
        return ipaddress.ip_address(answer.content).packed
    if answer.type in ("CNAME", "NS"):
        return _name(answer.content)
    if answer.type == "CAA":
        flags, tag, value = answer.content.split(" ", 2)
        return bytes([int(flags), len(tag)]) + tag.encode() + value.strip('"').encode()
    raw = answer.content.encode()
    parts = [raw[at : at + 255] for at in range(0, len(raw), 255)] or [b""]
    return b"".join(bytes([len(part)]) + part for part in parts)
