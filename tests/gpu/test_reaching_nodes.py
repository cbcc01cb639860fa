"""Connections to nodes that come to nothing through no fault of the node."""

import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import httpx
import pytest

from gpu.inference import balancer
from gpu.models import GpuNode, Service
from tests.gpu.conftest import DEADLINE

CHAT = {"messages": [{"role": "user", "content": "Shall we play a game?"}], "max_tokens": 8}


class Forgetful(BaseHTTPRequestHandler):
    """Keeps each connection, and ends it as soon as a second request comes by it."""

    protocol_version = "HTTP/1.1"
    answered = False

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        if self.answered:
            self.close_connection = True
            return
        self.answered, body = True, b'{"usage": {"total_tokens": 9}}'
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Keeps the test's output clean."""


def test_a_kept_connection_that_ends_as_it_is_used_again_costs_nobody_an_answer(
    gateway: Callable[[], str], bot: dict[str, str]
) -> None:
    row = GpuNode.objects.create(name="gpu-1", address="127.0.0.1", stage=GpuNode.Stage.DONE)
    with ThreadingHTTPServer(("127.0.0.1", 0), Forgetful) as node:
        Thread(target=node.serve_forever, daemon=True).start()
        Service.objects.create(node=row, kind="llama", port=node.server_port, state="ready")
        url = f"{gateway()}/v1/chat/completions"
        said = [httpx.post(url, json=CHAT, headers=bot).status_code for _ in range(3)]
        node.shutdown()
    assert said == [200] * 3


class Silent(ThreadingHTTPServer):
    """Lets one caller wait at its door, and no other."""

    request_queue_size = 0


def test_the_only_node_is_waited_for_longer_than_one_of_several(
    gateway: Callable[[], str], bot: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(balancer, "REACHED_WITHIN", 0.1)
    row = GpuNode.objects.create(name="gpu-0", address="127.0.0.1", stage=GpuNode.Stage.DONE)
    with Silent(("127.0.0.1", 0), Forgetful) as node, ThreadPoolExecutor(1) as caller:
        Service.objects.create(node=row, kind="llama", port=node.server_port, state="ready")
        url = f"{gateway()}/v1/chat/completions"
        with socket.create_connection(node.server_address):
            asked = caller.submit(httpx.post, url, json=CHAT, headers=bot, timeout=DEADLINE)
            assert wait([asked], timeout=5 * balancer.REACHED_WITHIN).not_done
        Thread(target=node.serve_forever, daemon=True).start()
        assert asked.result().status_code == 200
        node.shutdown()
