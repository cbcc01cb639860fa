"""The connection to one engine, and what its errors mean."""

from collections.abc import Iterator
from contextlib import contextmanager

import docker
import requests
from docker.errors import APIError, DockerException, ImageNotFound, NotFound

from wopr.common.errors import ProviderError

TIMEOUT = 120  # seconds; a start can wait long behind others on a loaded engine


@contextmanager
def translated(what: str) -> Iterator[None]:
    """docker-py's errors as ProviderError, begun by what was tried."""
    try:
        yield
    except (ImageNotFound, NotFound) as error:
        raise ProviderError(f"{what}: {error.explanation}", permanent=True) from error
    except APIError as error:
        permanent = error.is_client_error() and error.status_code not in {409, 429}
        raise ProviderError(f"{what}: {error.explanation}", permanent=permanent) from error
    except (DockerException, requests.RequestException, OSError) as error:
        raise ProviderError(f"{what}: the container engine did not answer ({error})") from error


class Connection:
    def __init__(self, url: str) -> None:
        self._url = url
        self._connected: docker.APIClient | None = None

    @property
    def _api(self) -> docker.APIClient:
        if self._connected is None:
            with translated(f"The engine at {self._url} cannot be reached"):
                self._connected = docker.APIClient(
                    base_url=self._url, version="auto", timeout=TIMEOUT
                )
        return self._connected
