"""Serve all vendors from one process.

When everything listens, one line of JSON with the addresses goes to standard output.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import signal
import socket
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvicorn
from starlette.types import ASGIApp

from sandbox.authentik.app import API as AUTHENTIK_API
from sandbox.authentik.app import authentik_app
from sandbox.authentik.world import AuthentikConfig, AuthentikWorld, Platform
from sandbox.cloudflare.app import API, cloudflare_app
from sandbox.cloudflare.world import CloudflareConfig, CloudflareWorld
from sandbox.digitalocean.app import digitalocean_app
from sandbox.faults import FaultBook
from sandbox.gate import AbortableProtocol
from sandbox.hetzner.app import API as HETZNER_API
from sandbox.hetzner.app import hetzner_app
from sandbox.machines.world import MachineConfig, MachineWorld
from sandbox.mailbox.app import mailbox_app
from sandbox.mailbox.smtp import FaultySMTP, MailHandler
from sandbox.mailbox.world import Mailbox
from sandbox.persistence import StateFile
from sandbox.stripe.app import background as stripe_background
from sandbox.stripe.app import stripe_app
from sandbox.stripe.world import StripeConfig, World
from sandbox.types import Persistent

PORTS = ("stripe", "cloudflare", "mailbox", "smtp", "hetzner", "digitalocean", "authentik")
# dj-stripe wants 24 letters or digits after the prefix.
STRIPE_KEY = "sk_test_" + "sandbox" * 4


class QuietServer(uvicorn.Server):
    """A server that leaves signals to the process, which runs several of them."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Install nothing."""
        yield


@dataclass(frozen=True)
class Listener:
    """An application and the socket on which it answers."""

    app: ASGIApp
    socket: socket.socket

    def server(self) -> QuietServer:
        """Return the HTTP server for it."""
        config = uvicorn.Config(
            self.app,
            http=AbortableProtocol,
            ws="none",
            lifespan="off",
            log_level="warning",
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=1,
        )
        return QuietServer(config)


def parse_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.serve", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--public-host", help="where people find it; default: the host")
    for name in PORTS:
        parser.add_argument(f"--{name}-port", type=int, default=0, help="0 chooses a free port")
    parser.add_argument("--stripe-key", default=STRIPE_KEY)
    parser.add_argument("--webhook-secret", default="whsec_sandbox")
    parser.add_argument("--webhook-url", help="where Stripe's events go; none: nowhere")
    parser.add_argument(
        "--webhook-retry",
        type=float,
        nargs="+",
        metavar="SECONDS",
        default=[1, 2, 5, 10, 30, 60, 300],
        help="waits between the attempts to deliver an event, in real seconds",
    )
    parser.add_argument("--cloudflare-token", default="cloudflare-sandbox")
    parser.add_argument("--hetzner-token", default="hetzner-sandbox")
    parser.add_argument("--digitalocean-token", default="digitalocean-sandbox")
    parser.add_argument("--authentik-token", default="authentik-sandbox")
    parser.add_argument(
        "--authentik-platform",
        nargs=5,
        metavar=("SLUG", "CLIENT_ID", "CLIENT_SECRET", "REDIRECT_URI", "STAFF_GROUP"),
        help="the application by which the platform's own people log in",
    )
    parser.add_argument("--zone", action="append", default=[], help="a DNS zone; may be repeated")
    parser.add_argument("--state", type=Path, help="keep all state in this file")
    return parser.parse_args(arguments)


def listen(host: str, port: int) -> socket.socket:
    """Return a listening socket.

    It names TCP as its protocol, for asyncio sends small answers at once only on such sockets.
    """
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.bind((host, port))
    bound.listen(512)
    bound.setblocking(False)
    return bound


def address(scheme: str, bound: socket.socket, path: str = "", host: str | None = None) -> str:
    """Return the URL of a listening socket, under another name if it has one."""
    bound_to, port = bound.getsockname()[:2]
    return f"{scheme}://{host or bound_to}:{port}{path}"


class Vendors:
    """All vendors of one process, on the sockets that they answer on."""

    def __init__(self, options: argparse.Namespace) -> None:
        host = options.host
        self.stripe_socket = listen(host, options.stripe_port)
        self.cloudflare_socket = listen(host, options.cloudflare_port)
        self.mailbox_socket = listen(host, options.mailbox_port)
        self.smtp_socket = listen(host, options.smtp_port)
        self.stripe = World(
            StripeConfig(
                secret_key=options.stripe_key,
                webhook_secret=options.webhook_secret,
                webhook_url=options.webhook_url,
                public_url=address("http", self.stripe_socket, host=options.public_host),
                webhook_retry_seconds=tuple(options.webhook_retry),
            )
        )
        self.cloudflare = CloudflareWorld(
            CloudflareConfig(token=options.cloudflare_token, zones=tuple(options.zone))
        )
        self.hetzner_socket = listen(host, options.hetzner_port)
        self.digitalocean_socket = listen(host, options.digitalocean_port)
        self.hetzner = MachineWorld(MachineConfig(options.hetzner_token, "127.49", 42_000_000))
        self.digitalocean = MachineWorld(
            MachineConfig(options.digitalocean_token, "127.65", 3_164_000)
        )
        self.authentik_socket = listen(host, options.authentik_port)
        platform = options.authentik_platform
        self.authentik = AuthentikWorld(
            AuthentikConfig(
                token=options.authentik_token,
                public_url=address("http", self.authentik_socket),
                platform=Platform(*platform) if platform else None,
            )
        )
        self.mailbox = Mailbox()
        self.mail_book = FaultBook()
        vendors: dict[str, Persistent] = {
            "stripe": self.stripe,
            "cloudflare": self.cloudflare,
            "hetzner": self.hetzner,
            "digitalocean": self.digitalocean,
            "authentik": self.authentik,
            "mailbox": self.mailbox,
        }
        self.state = StateFile(options.state, vendors)
        self.state.load()

    def listeners(self) -> list[Listener]:
        """Return the HTTP side of all vendors."""
        save = self.state.save_if_changed
        return [
            Listener(stripe_app(self.stripe, FaultBook(), save), self.stripe_socket),
            Listener(cloudflare_app(self.cloudflare, FaultBook(), save), self.cloudflare_socket),
            Listener(hetzner_app(self.hetzner, FaultBook(), save), self.hetzner_socket),
            Listener(
                digitalocean_app(self.digitalocean, FaultBook(), save), self.digitalocean_socket
            ),
            Listener(authentik_app(self.authentik, FaultBook(), save), self.authentik_socket),
            Listener(mailbox_app(self.mailbox, self.mail_book, save), self.mailbox_socket),
        ]

    async def serve_smtp(self) -> asyncio.Server:
        """Start to receive mails."""
        handler = MailHandler(self.mailbox, self.mail_book, self.state.save_if_changed)
        loop = asyncio.get_running_loop()
        return await loop.create_server(lambda: FaultySMTP(handler), sock=self.smtp_socket)

    def urls(self) -> dict[str, str]:
        """Return where everything is found."""
        return {
            "stripe": self.stripe.config.public_url,
            "cloudflare": address("http", self.cloudflare_socket, API),
            "hetzner": address("http", self.hetzner_socket, HETZNER_API),
            "digitalocean": address("http", self.digitalocean_socket),
            "authentik": address("http", self.authentik_socket, AUTHENTIK_API),
            "mailbox": address("http", self.mailbox_socket),
            "smtp": address("smtp", self.smtp_socket),
        }


async def serve(options: argparse.Namespace) -> None:
    """Run until a signal asks to stop."""
    vendors = Vendors(options)
    smtp = await vendors.serve_smtp()
    background = [*stripe_background(vendors.stripe), vendors.state.keep()]
    await run(vendors.listeners(), background, vendors.urls())
    smtp.close()
    vendors.state.save_if_changed()


async def run(
    listeners: list[Listener],
    background: list[Coroutine[Any, Any, None]],
    urls: dict[str, str],
) -> None:
    """Serve, announce, wait for the signal, stop."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    servers = [listener.server() for listener in listeners]
    serving = [
        asyncio.create_task(server.serve(sockets=[listener.socket]))
        for server, listener in zip(servers, listeners, strict=True)
    ]
    working = [asyncio.create_task(work) for work in background]
    while not all(server.started for server in servers):
        await asyncio.sleep(0.005)
    print(json.dumps(urls), flush=True)
    failing = asyncio.create_task(_first_failure(working))
    stop = asyncio.create_task(_stop(stopping))
    await asyncio.wait([stop, failing], return_when=asyncio.FIRST_COMPLETED)
    failed = failing.done()
    for server in servers:
        server.should_exit = True
    for task in (failing, *working, stop):
        task.cancel()
    await asyncio.gather(*serving)
    if failed:
        failing.result()


async def _stop(stopping: asyncio.Event) -> None:
    await stopping.wait()


async def _first_failure(working: list[asyncio.Task[None]]) -> None:
    """Wait for background work, which only ends by failing."""
    await asyncio.gather(*working)


def main() -> None:
    """Run the command."""
    asyncio.run(serve(parse_arguments()))


if __name__ == "__main__":
    main()
