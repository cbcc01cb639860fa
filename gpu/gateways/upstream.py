"""Services on GPU nodes, asked asynchronously: one pool of connections for each node."""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx

from wopr.common.errors import ProviderError

# A long prompt is silent until its first token; a stream is never silent for longer than this.
TIMEOUT = 300.0
_LIMITS = httpx.Limits(max_connections=None, max_keepalive_connections=200, keepalive_expiry=30)
# What another node may answer better: overloaded, loading, failing.
_ELSEWHERE = {429, 500, 502, 503, 504}
# How a kept connection ends that the node closed in the moment that it was used again.
_BROKEN = (httpx.ReadError, httpx.WriteError, httpx.RemoteProtocolError)


@dataclass(frozen=True)
class Upstream:
    """Where one service is, what proves us to it, and whom we trust to be it."""

    url: str
    token: str
    certificate: str = ""
    is_last_choice: bool = False


class Unanswered(ProviderError):
    """Nothing of an answer had come: the same request may go to another node."""


Answer = httpx.Response
_clients: dict[str, httpx.AsyncClient] = {}


@asynccontextmanager
async def asked(
    upstream: Upstream, path: str, *, content: bytes, content_type: str, reached_within: float
) -> AsyncIterator[httpx.Response]:
    """The answer with its body still unread. Raises Unanswered when there is none to pass on."""
    client = _client(upstream.certificate)
    request = client.build_request(
        "POST",
        f"{upstream.url}{path}",
        content=content,
        headers={"Content-Type": content_type, "Authorization": f"Bearer {upstream.token}"},
        timeout=httpx.Timeout(TIMEOUT, connect=reached_within),
    )
    try:
        response = await _sent(client, request)
    except httpx.HTTPError as error:
        raise Unanswered(f"{upstream.url}: {error or type(error).__name__}") from error
    try:
        if response.status_code in _ELSEWHERE:
            raise Unanswered(f"{upstream.url} answered {response.status_code}")
        yield response
    finally:
        await response.aclose()


async def _sent(client: httpx.AsyncClient, request: httpx.Request) -> httpx.Response:
    try:
        return await client.send(request, stream=True)
    except _BROKEN:
        return await client.send(request, stream=True)


async def pieces_of(response: httpx.Response) -> AsyncIterator[bytes]:
    """The body as it comes. Raises ProviderError when it breaks off."""
    try:
        async for piece in response.aiter_raw():
            yield piece
    except httpx.HTTPError as error:
        raise ProviderError(f"the answer broke off: {error or type(error).__name__}") from error


async def close() -> None:
    """Closes every connection, at the end of the process."""
    clients = list(_clients.values())
    _clients.clear()
    for client in clients:
        await client.aclose()


def _client(certificate: str) -> httpx.AsyncClient:
    if certificate not in _clients:
        # A node's proxy has a certificate of its own: it, and no authority, is what we trust.
        verify = ssl.create_default_context(cadata=certificate) if certificate else True
        _clients[certificate] = httpx.AsyncClient(
            limits=_LIMITS, verify=verify, follow_redirects=False, trust_env=False
        )
    return _clients[certificate]
