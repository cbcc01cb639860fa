"""Whatever somebody outside says, it is read or refused by name; no reader fails on it.

Vendors answer by HTTP, from a server that says what hypothesis thinks of; what machines, customers
and bots send is given to its reader as bytes.
"""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, ClassVar

import pytest
from django.test import RequestFactory
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from dns.gateways.base import WantedRecord
from dns.gateways.cloudflare import Cloudflare
from fleet.gateways import bot
from fleet.gateways.caddy import Caddy
from fleet.gateways.restic import Repository
from fleet.providers.base import Order
from fleet.providers.digitalocean import DigitalOcean
from fleet.providers.hetzner import Hetzner
from gpu.api import register
from gpu.books import Amount
from gpu.catalogue import MODELS
from gpu.inference import asks, counting
from tenants.gateways.authentik import Authentik
from wopr.common.errors import ProviderError, Refused

EXAMPLES = max(10, int(os.environ.get("EXAMPLES", "0")))
quick = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
# The names that readers look for, so that they get far into what is wrong.
names = st.sampled_from(
    ["id", "pk", "name", "status", "networks", "type", "content", "labels", "groups", "slug"]
)
documents = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=6),
    max_leaves=12,
)


class Vendor(BaseHTTPRequestHandler):
    """Says the same to everything."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # or each answer takes 40 ms
    said: ClassVar[bytes] = b""

    def answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(self.said)))
        self.end_headers()
        self.wfile.write(self.said)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer  # noqa: N815

    def log_message(self, *_: Any) -> None:
        """Nobody reads it."""


@pytest.fixture(scope="module")
def vendor() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Vendor)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


RECORD = WantedRecord(name="a.example", type="A", content="192.0.2.1", ttl=60, comment="")
ORDER = Order(
    name="wopr-1", region="fsn1", size="cx22", image="debian-13", user_data="", deployment="d"
)


def of_cloudflare(url: str) -> list[Callable[[], Any]]:
    adapter = Cloudflare(url=f"{url}/", token="x")
    return [
        lambda: adapter.listing("example"),
        lambda: adapter.find("example", name="a.example", type="A"),
        lambda: adapter.create("example", RECORD),
        lambda: adapter.update("example", "1", RECORD),
        lambda: adapter.delete("example", "1"),
    ]


def of_a_provider(adapter: DigitalOcean | Hetzner) -> list[Callable[[], Any]]:
    return [
        adapter.account,
        adapter.may_write,
        adapter.regions,
        adapter.sizes,
        adapter.keys,
        adapter.walls,
        lambda: adapter.create(ORDER),
        lambda: adapter.get("1"),
        lambda: adapter.find("wopr-1", "d"),
        lambda: adapter.ours("d"),
        lambda: adapter.power_off("1"),
        lambda: adapter.action("1"),
        lambda: adapter.destroy("1"),
    ]


def of_authentik(url: str) -> list[Callable[[], Any]]:
    adapter = Authentik(url=f"{url}/api/v3/", token="x")
    return [
        lambda: adapter.person("x"),
        lambda: adapter.people_in("x"),
        lambda: adapter.recovery_link(1),
        lambda: adapter.group("x"),
        lambda: adapter.provider("x"),
        lambda: adapter.application("x"),
        lambda: adapter.bound_groups("x"),
        lambda: adapter.provider_create(name="x", redirect="https://x.example/"),
    ]


# How each vendor wraps what it says; that there is no further page is not up to chance.
WRAPPED: dict[str, Callable[[Any], Any]] = {
    "cloudflare": lambda said: {"success": True, "result": said, "errors": []},
    "digitalocean": lambda said: dict.fromkeys(
        ["account", "regions", "sizes", "droplets", "droplet", "action", "ssh_keys", "firewalls"],
        said,
    ),
    "hetzner": lambda said: dict.fromkeys(
        ["servers", "server", "action", "actions", "locations", "server_types", "ssh_keys",
         "firewalls", "pricing"],
        said,
    ),
    "authentik": lambda said: {"results": said, "pagination": {"next": 0}, "link": said},
}  # fmt: skip
CALLS: dict[str, Callable[[str], list[Callable[[], Any]]]] = {
    "cloudflare": of_cloudflare,
    "digitalocean": lambda url: of_a_provider(DigitalOcean(url=f"{url}/v2/", token="x")),
    "hetzner": lambda url: of_a_provider(Hetzner(url=f"{url}/v1", token="x")),
    "authentik": of_authentik,
}


@pytest.mark.parametrize("name", CALLS)
def test_no_answer_of_a_vendor_is_more_than_an_error_of_its_adapter(name: str, vendor: str) -> None:
    calls = CALLS[name](vendor)

    @quick
    @given(said=documents, wraps=st.booleans())
    @example(said=[{}], wraps=True)
    @example(said={}, wraps=True)
    def answered(said: Any, wraps: bool) -> None:
        wrapped = WRAPPED[name](said) if wraps else said
        if isinstance(wrapped, dict) and not wraps:
            wrapped.pop("pagination", None)
        Vendor.said = json.dumps(wrapped).encode()
        for call in calls:
            with suppress(ProviderError):
                call()

    answered()


def test_what_makes_no_sense_is_told_with_the_name_of_who_said_it(vendor: str) -> None:
    Vendor.said = b'{"success": true, "result": [{"id": 7}]}'
    with pytest.raises(ProviderError, match="Cloudflare's answer makes no sense"):
        Cloudflare(url=f"{vendor}/", token="x").listing("example")


@quick
@given(said=st.binary(max_size=40) | documents.map(lambda said: json.dumps(said).encode()))
@example(said=b"[]")
def test_no_answer_of_a_bot_or_of_the_edge_breaks_who_asks(vendor: str, said: bytes) -> None:
    Vendor.said = said
    assert bot.is_healthy(vendor.removeprefix("http://")) in {True, False}
    with suppress(ProviderError):
        Caddy(url=vendor, server="x").read()


def test_nonsense_of_restic_is_its_error(tmp_path: Path, monkeypatch: Any, settings: Any) -> None:
    """A program by its name that says something else."""
    settings.WOPR_BACKUP_REPOSITORY = str(tmp_path)
    program = tmp_path / "restic"
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    repository = Repository(name="x", password="x")
    for said in ("", "nonsense", "[]", "[7]", '{"id": 1}', '[{"tags": []}]', '{"message_type": 1}'):
        program.write_text(f"#!/bin/sh\ncat > /dev/null\nprintf '%s' '{said}'\n")
        program.chmod(0o755)
        with suppress(ProviderError):
            repository.snapshots()
        with suppress(ProviderError):
            repository.store([b"x"], tag="t")
    with pytest.raises(ProviderError, match="restic's answer makes no sense"):
        repository.store([b"x"], tag="t")


ENDPOINTS = (
    "chat/completions",
    "completions",
    "embeddings",
    "audio/speech",
    "audio/transcriptions",
)
FIELDS = ("model", "messages", "prompt", "input", "stream", "stream_options", "n", "max_tokens")
bodies = st.dictionaries(st.sampled_from(FIELDS), documents, max_size=5)
TYPES = st.sampled_from(["application/json", "multipart/form-data; boundary=x", "multipart/", ""])


@settings(quick, max_examples=5 * EXAMPLES)
@given(
    endpoint=st.sampled_from(ENDPOINTS),
    body=st.binary(max_size=80) | bodies.map(lambda said: json.dumps(said).encode()),
    kind=TYPES | st.text(max_size=20),
)
@example("chat/completions", b'{"messages": [1], "stream_options": [1]}', "application/json")
@example("chat/completions", b'{"messages": ["\\ud800"]}', "application/json")
@example("embeddings", b'{"input": ' + b"[" * 100_000, "application/json")
@example("audio/transcriptions", b"--x\r\n\r\nRIFF", "multipart/form-data; boundary=x")
def test_no_request_for_inference_breaks_its_reader(endpoint: str, body: bytes, kind: str) -> None:
    with suppress(Refused):
        assert asks.read(endpoint, body, kind).content


@settings(quick, max_examples=5 * EXAMPLES)
@given(st.binary(max_size=80) | documents.map(lambda said: json.dumps({"usage": said}).encode()))
@example(b'{"usage": [7]}')
@example(b'{"duration": Infinity}')
def test_no_answer_of_a_gpu_node_breaks_the_books(said: bytes) -> None:
    for most in (Amount(tokens=5), Amount(seconds=5)):
        ask = asks.Ask(MODELS[0], b"", "application/json", most)
        assert counting.used_by(ask, said, "application/json").tokens >= 0
        count = counting.StreamCount(ask)
        assert b"".join(count.lines(b"data: " + said + b"\n")) is not None
        assert count.used.tokens >= 0
    assert counting.used_by(ask, said, "audio/wav").seconds >= 0


@settings(quick, max_examples=5 * EXAMPLES)
@given(body=st.binary(max_size=80) | documents.map(lambda said: json.dumps(said).encode()))
@example(body=b'{"stage": "done", "log": "\\ud800"}')
@example(body=b"[" * 50_000)
def test_no_report_of_a_machine_breaks_its_reader(body: bytes) -> None:
    request = RequestFactory().post(
        "/internal/gpu/register", body, "application/json", headers={"Authorization": "Bearer x"}
    )
    with suppress(Refused):
        assert register._report(request).stage
