"""How a bot is asked how it is: directly at its published port, and through its public name.

Paths and answers as measured on the bot: /health 200 {"status":"ok"}, /ready 503 without an
inference provider, any other path 401 without the bot's own token.
"""

import ssl
from functools import lru_cache

import httpx
from django.conf import settings

from wopr.common import http
from wopr.common.answers import object_of
from wopr.common.errors import ProviderError

PORT = 7437
# Below /data; honoured by the bot if it is there at the first boot.
TOKEN_FILE = "daemon-token"  # noqa: S105  (a file name)  # nosec B105
# What the edge says in the place of a bot that is suspended, stopped or full.
_PAGES = {
    httpx.codes.PAYMENT_REQUIRED,
    httpx.codes.SERVICE_UNAVAILABLE,
    httpx.codes.INSUFFICIENT_STORAGE,
}
_PATIENCE = httpx.Timeout(10.0, connect=3.0)
# Any path but the open ones: who answers it with other than 401 knows the token.
_GUARDED_PATH = "/sessions"


def is_healthy(upstream: str) -> bool:
    """Whether the bot answers at its published port."""
    return _says_ok(_ask(_direct(), f"http://{upstream}/health"))


def is_ready(upstream: str) -> bool:
    """Whether the bot has what it needs to think; false until it has a provider."""
    response = _ask(_direct(), f"http://{upstream}/ready")
    return response is not None and response.status_code == httpx.codes.OK


def is_served(hostname: str) -> bool:
    """Whether the bot answers through its public name, with a certificate that verifies."""
    return _says_ok(_ask_public(hostname, "/health"))


def is_answered_for(hostname: str) -> bool:
    """Whether the edge has a customer's name, with a certificate that verifies: bot, or page.

    Asked is the edge, wherever the name leads by now: that is for its owner to change.
    """
    response = _ask_public(hostname, "/health", at=settings.WOPR_EDGE_IPV4)
    return _says_ok(response) or (response is not None and response.status_code in _PAGES)


def is_told_suspended(hostname: str) -> bool:
    """Whether the public name serves the page that says so, with its status 402."""
    response = _ask_public(hostname, "/health")
    return response is not None and response.status_code == httpx.codes.PAYMENT_REQUIRED


def is_told_stopped(hostname: str) -> bool:
    """Whether the public name serves the page that says so, with its status 503."""
    response = _ask_public(hostname, "/health")
    return response is not None and response.status_code == httpx.codes.SERVICE_UNAVAILABLE


def is_told_full(hostname: str) -> bool:
    """Whether the public name serves the page that says so, with its status 507."""
    response = _ask_public(hostname, "/health")
    return response is not None and response.status_code == httpx.codes.INSUFFICIENT_STORAGE


def knows_token(hostname: str, token: str) -> bool:
    """Whether what answers under the public name is this very bot, not some other one."""
    response = _ask_public(hostname, _GUARDED_PATH, token=token)
    return response is not None and response.status_code not in {401, 403, 502, 503}


def _ask_public(
    hostname: str, path: str, *, token: str = "", at: str = ""
) -> httpx.Response | None:
    """Asks the edge at WOPR_EDGE_PROBE_ADDRESS; when that is empty at `at`, or where it leads."""
    address = settings.WOPR_EDGE_PROBE_ADDRESS or f"{at or hostname}:{settings.WOPR_EDGE_PORT}"
    headers = {"Host": _host_header(hostname)}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    return _ask(
        _public(settings.WOPR_EDGE_CA_FILE),
        f"https://{address}{path}",
        headers=headers,
        extensions={"sni_hostname": hostname},
    )


def _host_header(hostname: str) -> str:
    port = settings.WOPR_EDGE_PORT
    return hostname if port == 443 else f"{hostname}:{port}"


def _ask(
    session: httpx.Client,
    url: str,
    *,
    headers: dict[str, str] | None = None,
    extensions: dict[str, str] | None = None,
) -> httpx.Response | None:
    """The answer, or None from a bot or an edge that is not there yet."""
    try:
        return session.get(url, headers=headers, extensions=extensions)
    except httpx.TransportError:
        return None


def _says_ok(response: httpx.Response | None) -> bool:
    if response is None or response.status_code != httpx.codes.OK:
        return False
    try:
        return object_of(response.content).get("status") == "ok"
    except ValueError:
        return False


@lru_cache(maxsize=1)
def _direct() -> httpx.Client:
    return http.client("", timeout=_PATIENCE)


@lru_cache(maxsize=2)
def _public(ca_file: str) -> httpx.Client:
    # A new connection each time: a kept one could outlive the route it was made for.
    limits = httpx.Limits(max_keepalive_connections=0)
    try:
        context = ssl.create_default_context(cafile=ca_file or None)
    except OSError as error:
        raise ProviderError(f"WOPR_EDGE_CA_FILE cannot be read: {error}", permanent=True) from error
    return http.client("", timeout=_PATIENCE, verify=context, limits=limits)
