"""The one way to make an HTTP client for an outside API: time-outs, TLS and errors decided once."""

import logging
from typing import Any

import httpx

from wopr.common.correlation import HEADER, current_id
from wopr.common.errors import ProviderError

logger = logging.getLogger(__name__)
TIMEOUT = httpx.Timeout(20.0, connect=5.0)
_WORTH_RETRYING = {408, 409, 423, 425, 429}


def client(base_url: str, **options: Any) -> httpx.Client:
    """A client that verifies TLS, follows no redirect and waits at most TIMEOUT."""
    options.setdefault("timeout", TIMEOUT)
    return httpx.Client(base_url=base_url, follow_redirects=False, **options)


def request(
    session: httpx.Client, vendor: str, method: str, path: str, **options: Any
) -> httpx.Response:
    """One call. Answers below 500 other than 408, 409, 423, 425 and 429 are the caller's to read.

    Raises ProviderError, worth retrying, when the vendor cannot be reached, is failing or asks
    for patience; and one for good when the address is another's than the session's.
    """
    _insist_own(session.base_url, session.base_url.join(path), vendor)
    headers = {HEADER: current_id(), **options.pop("headers", {})}
    said = path.partition("?")[0]  # queries may carry what logs must not
    try:
        response = session.request(method, path, headers=headers, **options)
    except httpx.HTTPError as error:
        raise ProviderError(f"{vendor} did not answer: {error or type(error).__name__}") from error
    logger.info("%s %s %s -> %s", vendor, method, said, response.status_code)
    if response.status_code >= 500 or response.status_code in _WORTH_RETRYING:
        raise ProviderError(
            f"{vendor} answered {response.status_code} to {method} {said}: {_reason(response)}",
            retry_after=_retry_after(response),
        )
    return response


def _insist_own(base: httpx.URL, url: httpx.URL, vendor: str) -> None:
    """What an answer names as the next page may be anywhere: our token stays with its vendor."""
    if base.host and _origin(base) != _origin(url):
        raise ProviderError(f"{vendor} sent us on to {url.host}, which is not its.", permanent=True)


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port


def _reason(response: httpx.Response) -> str:
    """The beginning of what the vendor said, in one line."""
    return " ".join(response.text.split())[:200] or "no reason given"


def _retry_after(response: httpx.Response) -> float | None:
    value = response.headers.get("Retry-After", "")
    return float(value) if value.isdigit() else None
