"""The connection to one engine, and what its errors mean."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property

import docker
import paramiko
import requests
from docker.errors import APIError, DockerException, ImageNotFound, NotFound

from fleet.engines.docker.credentials import Access
from wopr.common.errors import ProviderError

TIMEOUT = 120  # seconds; a start can wait long behind others on a loaded engine
QUICK = 15


_SILENCE = (DockerException, requests.RequestException, paramiko.SSHException, OSError, EOFError)


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
    except _SILENCE as error:
        raise ProviderError(f"{what}: the container engine did not answer ({error})") from error


class Connection:
    def __init__(self, access: Access | str) -> None:
        self._access = Access(access) if isinstance(access, str) else access
        self._connected: dict[float, docker.APIClient] = {}

    @cached_property
    def _is_podman(self) -> bool:
        """Whether Podman answers: it leaves out parts of the API, and reads others otherwise."""
        with translated(f"The engine at {self._access.url} cannot be reached"):
            parts = self._quick_api.version().get("Components") or ()
        return any(part["Name"] == "Podman Engine" for part in parts)

    @property
    def _api(self) -> docker.APIClient:
        return self._client(TIMEOUT)

    @property
    def _quick_api(self) -> docker.APIClient:
        """For questions that an engine answers at once, or is not there."""
        return self._client(QUICK)

    def _client(self, timeout: float) -> docker.APIClient:
        if timeout not in self._connected:
            with translated(f"The engine at {self._access.url} cannot be reached"):
                self._connected[timeout] = self._access.connect(timeout)
        return self._connected[timeout]
