"""The server: answers by UDP and TCP from a table that a test or a person writes."""

from __future__ import annotations

import socketserver
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from sandbox.nameserver.wire import (
    NXDOMAIN,
    OK,
    SERVFAIL,
    TYPES,
    Answer,
    Question,
    read_question,
    truncated,
    write_answer,
)

DATAGRAM = 512
LONGEST_CHAIN = 8


class Zones:
    """All records, by name and type. `*.name` stands for every name below it that has none."""

    def __init__(self) -> None:
        self.records: dict[str, dict[str, list[str]]] = {}
        self.silent = False
        self.failing = False
        self.asked: list[tuple[str, str]] = []
        self._lock = threading.Lock()

    def put(self, name: str, type: str, *contents: str) -> None:
        """Let a name have these records of a type, and no others of it."""
        if type not in TYPES:
            raise ValueError(f"type must be one of {', '.join(TYPES)}")
        with self._lock:
            self.records.setdefault(name.lower().rstrip("."), {})[type] = list(contents)

    def drop(self, name: str, type: str | None = None) -> None:
        """Take a name's records of a type, or all of them, away."""
        with self._lock:
            found = self.records.get(name.lower(), {})
            for each in [type] if type else list(found):
                found.pop(each, None)
            if not found:
                self.records.pop(name.lower(), None)

    def answer(self, question: Question) -> tuple[int, list[Answer]]:
        """Return what the table says, following CNAMEs to the end."""
        with self._lock:
            self.asked.append((question.name, question.type))
            if self.failing:
                return SERVFAIL, []
            return self._chain(question.name, question.type)

    def _chain(self, name: str, type: str) -> tuple[int, list[Answer]]:
        answers: list[Answer] = []
        for _ in range(LONGEST_CHAIN):
            found = self._at(name)
            if found is None:
                return (OK if answers else NXDOMAIN), answers
            aliases = found.get("CNAME", [])
            if type in found or not aliases or type == "CNAME":
                return OK, answers + [Answer(name, type, c) for c in found.get(type, [])]
            answers.append(Answer(name, "CNAME", aliases[0]))
            name = aliases[0].lower().rstrip(".")
        return SERVFAIL, []

    def _at(self, name: str) -> dict[str, list[str]] | None:
        if name in self.records:
            return self.records[name]
        if any(other.endswith(f".{name}") for other in self.records):
            return {}
        parent = name
        while "." in parent:
            parent = parent.partition(".")[2]
            if f"*.{parent}" in self.records:
                return self.records[f"*.{parent}"]
        return None


def respond(zones: Zones, message: bytes) -> bytes | None:
    """Return the answer to a message, or None where a server would keep silent."""
    if zones.silent:
        return None
    try:
        question = read_question(message)
    except (ValueError, IndexError, struct.error):
        return None
    code, answers = zones.answer(question)
    return write_answer(message, question, code, answers)


class _Datagram(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        message, sock = self.request
        answer = respond(self.server.zones, message)  # type: ignore[attr-defined]
        if answer is not None:
            short = answer if len(answer) <= DATAGRAM else truncated(answer)
            sock.sendto(short, self.client_address)


class _Stream(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        with suppress(ConnectionError, struct.error):
            while head := self.rfile.read(2):
                (length,) = struct.unpack("!H", head)
                answer = respond(self.server.zones, self.rfile.read(length))  # type: ignore[attr-defined]
                if answer is None:
                    return
                self.wfile.write(struct.pack("!H", len(answer)) + answer)


class _Udp(socketserver.ThreadingUDPServer):
    daemon_threads = True
    zones: Zones


class _Tcp(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True
    zones: Zones


@contextmanager
def serving(zones: Zones, port: int = 0, host: str = "127.0.0.1") -> Iterator[str]:
    """Answer from the zones on one port, by UDP and TCP; yields address:port."""
    tcp = _Tcp((host, port), _Stream)
    bound = int(tcp.server_address[1])
    udp = _Udp((host, bound), _Datagram)
    servers: list[Any] = [tcp, udp]
    for server in servers:
        server.zones = zones
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield f"{host}:{bound}"
    finally:
        for server in servers:
            server.shutdown()
            server.server_close()
