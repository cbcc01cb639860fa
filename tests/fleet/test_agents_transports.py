"""`manage.py mcp` as a process: over standard input and output, and over HTTP with a token."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import httpx
import httpx2
import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from mcp import Client, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client
from mcp.types import CallToolResult

from tenants.models import User
from tests.fleet.agents import staff, text_of
from tests.wopr.processes import ROOT, closed_port

pytestmark = pytest.mark.django_db(transaction=True)
TOKEN = "a-token-of-a-test-" * 2
MANAGE = str(ROOT / "manage.py")


@pytest.fixture
def olga(db: None) -> User:
    return staff("olga@example.com", "fleet.view_server")


def environment() -> dict[str, str]:
    """This one, at the test's own database."""
    server = os.environ["DATABASE_URL"].rpartition("/")[0]
    return {**os.environ, "DATABASE_URL": f"{server}/{connection.settings_dict['NAME']}"}


def both(client: Client) -> list[CallToolResult]:
    async def calls() -> list[CallToolResult]:
        async with client as session:
            return [await session.call_tool(name) for name in ("list_servers", "list_dns_records")]

    return anyio.run(calls)


def test_over_standard_input_a_person_may_what_they_may(olga: User) -> None:
    arguments = [MANAGE, "mcp", "--as", olga.email]
    process = StdioServerParameters(command=sys.executable, args=arguments, env=environment())
    listed, refused = both(Client(process))
    assert not listed.is_error, text_of(listed)
    assert "You need the right dns.view_record" in text_of(refused)


@pytest.fixture
def address(olga: User, tmp_path: Path) -> Iterator[str]:
    """Where a process serves HTTP."""
    (tmp_path / "token").write_text(TOKEN)
    port = closed_port()
    at = f"127.0.0.1:{port}"
    command = [sys.executable, MANAGE, "mcp", "--as", olga.email, "--http", at]
    command += ["--token-file", str(tmp_path / "token")]
    with subprocess.Popen(command, env=environment(), stderr=subprocess.PIPE, text=True) as process:
        _wait_until_open(at, process)
        yield f"http://{at}/mcp"
        process.terminate()


def _wait_until_open(at: str, process: Any) -> None:
    end = time.monotonic() + 60
    while True:
        try:
            httpx.get(f"http://{at}/mcp")
            return
        except httpx.ConnectError:
            assert process.poll() is None, process.stderr.read()
            assert time.monotonic() < end
            time.sleep(0.1)


def test_over_http_only_the_token_opens(address: str) -> None:
    for wrong in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": f"Basic {TOKEN}"}):
        assert httpx.post(address, json={}, headers=wrong).status_code == 401

    holder = httpx2.AsyncClient(headers={"Authorization": f"Bearer {TOKEN}"})
    listed, refused = both(Client(streamable_http_client(address, http_client=holder)))
    assert not listed.is_error, text_of(listed)
    assert "You need the right dns.view_record" in text_of(refused)


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (["--as", "nobody@example.com"], "not the address of active staff"),
        (["--as", "alice@example.com"], "not the address of active staff"),
        (["--as", "olga@example.com", "--http", "127.0.0.1:1"], "wants --token-file"),
        (["--as", "olga@example.com", "--http", "8765"], "wants HOST:PORT"),
        (
            ["--as", "olga@example.com", "--http", "127.0.0.1:1", "--token-file", "/dev/null"],
            "32 characters",
        ),
    ],
)
def test_it_does_not_start_for_just_anybody(
    olga: User, alice: User, given: list[str], reason: str
) -> None:
    with pytest.raises(CommandError, match=reason):
        call_command("mcp", *given)
