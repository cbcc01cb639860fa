"""Traces and errors go where the settings say, without secrets; without the settings nowhere."""

import gzip
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import brotli
import pytest

from tests.wopr.processes import run

UNPACK = {"gzip": gzip.decompress, "br": brotli.decompress}
SECRET = "swordfish-of-nobody"
ACT = f"""
import django
django.setup()
from django.test import Client
client = Client(SERVER_NAME="wopr.bot", raise_request_exception=False)
print(client.get("/api/live?token={SECRET}", secure=True).status_code)
import logging
logging.getLogger("wopr").error("password={SECRET} was refused")
from opentelemetry import trace
provider = trace.get_tracer_provider()
getattr(provider, "force_flush", lambda: None)()
import sentry_sdk
sentry_sdk.flush(5)
"""


@pytest.fixture
def collector() -> Iterator[tuple[str, dict[str, bytes]]]:
    """Takes everything, and remembers it by its path."""
    taken: dict[str, bytes] = {}

    class Taker(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            coding = self.headers.get("Content-Encoding", "")
            plain = UNPACK.get(coding, bytes)(body)
            taken[self.path] = taken.get(self.path, b"") + plain
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Taker)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", taken
    server.shutdown()


def test_traces_and_errors_arrive_without_secrets(
    collector: tuple[str, dict[str, bytes]],
) -> None:
    url, taken = collector
    told = run(
        "-c", ACT,
        DJANGO_SETTINGS_MODULE="wopr.settings",
        ALLOWED_HOSTS="wopr.bot",
        WOPR_TRACES_URL=f"{url}/v1/traces",
        SENTRY_DSN=url.replace("http://", "http://key@") + "/1",
    )  # fmt: skip
    assert told.stdout == "200\n", told.stderr
    assert b"api/live" in taken["/v1/traces"]
    assert b"was refused" in taken["/api/1/envelope/"]
    assert SECRET.encode() not in b"".join(taken.values())


def test_nothing_is_sent_anywhere_by_itself(collector: tuple[str, dict[str, bytes]]) -> None:
    _, taken = collector
    told = run("-c", ACT, DJANGO_SETTINGS_MODULE="wopr.settings", ALLOWED_HOSTS="wopr.bot")
    assert told.stdout == "200\n", told.stderr
    assert taken == {}
