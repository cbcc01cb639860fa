"""How a worker proves itself to an engine on another machine, and knows that it is the right one.

Both ways hand docker-py an adapter of our own through the one door it leaves open, a TLSConfig.
Nothing is read from this machine: no CA bundle, no proxy, no ~/.ssh. Nothing stays on its disk.
"""

import io
import ssl
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import docker
import paramiko
from docker.tls import TLSConfig
from docker.transport import SSHHTTPAdapter
from requests.adapters import HTTPAdapter

from fleet.engines.docker.gate import guard
from fleet.models import Node
from wopr.common.errors import ProviderError

CONNECT_TIMEOUT = 5.0
KEEPALIVE = 30  # seconds; a machine that went away without a word is noticed by this
_KEY_TYPES = (paramiko.Ed25519Key, paramiko.ECDSAKey, paramiko.RSAKey)


@dataclass(frozen=True)
class Access:
    """Where an engine listens, and what it takes to be let in."""

    url: str
    tls_ca: str = ""
    tls_certificate: str = ""
    tls_key: str = field(default="", repr=False)
    ssh_host_key: str = ""
    ssh_key: str = field(default="", repr=False)

    @classmethod
    def to(cls, node: Node) -> "Access":
        return cls(
            url=node.engine_url,
            tls_ca=node.tls_ca,
            tls_certificate=node.tls_certificate,
            tls_key=node.tls_key,
            ssh_host_key=node.ssh_host_key,
            ssh_key=node.ssh_key,
        )

    def connect(self, timeout: float) -> docker.APIClient:
        """Raises ProviderError for credentials that cannot be used, else docker-py's errors."""
        url, way = self._way(timeout)
        client = docker.APIClient(base_url=url, tls=way, version="auto", timeout=timeout)  # type: ignore[arg-type]
        # Looking for proxies, before each call, takes longer than some of the calls.
        client.trust_env = False
        # What requests calls authentication is the one place that sees every request whole.
        client.auth = guard
        return client

    def _way(self, timeout: float) -> "tuple[str, TLSConfig | bool]":
        parts = urlsplit(self.url)
        if parts.scheme == "ssh":
            # The name is never resolved: what is sent to it goes through the SSH connection.
            return "http://engine.invalid:2375", _SSH(self, timeout)
        if parts.scheme in {"tcp", "https"} and self.tls_key:
            return f"https://{parts.netloc}", _TLS(self)
        if parts.scheme in {"unix", "http"} or parts.hostname in {"127.0.0.1", "localhost", "::1"}:
            return self.url, False
        raise ProviderError(
            f"The engine at {self.url} is not asked without certificates: "
            "whoever can reach such a port owns the machine.",
            permanent=True,
        )


class _TLS(TLSConfig):
    def __init__(self, access: Access) -> None:
        super().__init__()
        self._context = _context(access)

    def configure_client(self, client: Any) -> None:
        client.trust_env = False  # the constructor asks for the engine's version already
        client.mount("https://", _TLSAdapter(self._context))


def _context(access: Access) -> ssl.SSLContext:
    """Trusts the node's CA and no other. OpenSSL takes a key from a file only: for a moment."""
    try:
        context = ssl.create_default_context(cadata=access.tls_ca)
        with tempfile.TemporaryDirectory(prefix="wopr-tls-") as folder:  # mode 0700
            pair = Path(folder) / "pair.pem"
            pair.touch(mode=0o600)
            pair.write_text(f"{access.tls_certificate}\n{access.tls_key}\n")
            context.load_cert_chain(pair)
    except (ssl.SSLError, ValueError) as error:
        raise ProviderError(
            f"The certificates for {access.url} cannot be used: {error}", permanent=True
        ) from error
    return context


class _TLSAdapter(HTTPAdapter):
    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context
        super().__init__()

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, **options, ssl_context=self._context)

    def cert_verify(self, *_: Any) -> None:
        """The context decides. What requests does here would have it trust every public CA too."""

    def send(self, request: Any, **options: Any) -> Any:  # type: ignore[override]
        """A machine that is gone is told from one that is slow."""
        options["timeout"] = (CONNECT_TIMEOUT, options.get("timeout"))
        return super().send(request, **options)


class _SSH(TLSConfig):
    def __init__(self, access: Access, timeout: float) -> None:
        super().__init__()
        self._access, self._timeout = access, timeout

    def configure_client(self, client: Any) -> None:
        client.trust_env = False
        client.mount("http://", _SSHAdapter(self._access, self._timeout))


_DockerPysAdapter: Any = SSHHTTPAdapter  # its stubs lack most of what it is made of


class _SSHAdapter(_DockerPysAdapter):  # type: ignore[misc]
    def __init__(self, access: Access, timeout: float) -> None:
        self._access = access
        super().__init__(access.url, timeout=timeout)

    def _create_paramiko_client(self, base_url: str) -> None:
        """Knows the one host key of the node's row, and refuses every other."""
        parts = urlsplit(base_url)
        host, port = parts.hostname or "", parts.port or 22
        host_key = _host_key(self._access)
        self.ssh_client = paramiko.SSHClient()
        name = host if port == 22 else f"[{host}]:{port}"
        self.ssh_client.get_host_keys().add(name, host_key.get_name(), host_key)
        self.ssh_client.set_missing_host_key_policy(paramiko.RejectPolicy())
        self.ssh_params = {
            "hostname": host,
            "port": port,
            "username": parts.username or "root",
            "pkey": _private_key(self._access),
            "allow_agent": False,
            "look_for_keys": False,
            "timeout": CONNECT_TIMEOUT,
            "banner_timeout": CONNECT_TIMEOUT * 2,
            "auth_timeout": CONNECT_TIMEOUT * 2,
        }

    def _connect(self) -> None:
        super()._connect()
        self.ssh_client.get_transport().set_keepalive(KEEPALIVE)

    def get_connection(self, url: Any, proxies: Any = None) -> Any:
        """docker-py would go on with a connection that broke, for ever."""
        with self.pools.lock:
            transport = self.ssh_client.get_transport()
            if transport is None or not transport.is_active():
                self.pools.clear()
                self._connect()
        return super().get_connection(url, proxies)


def _host_key(access: Access) -> paramiko.PKey:
    try:
        kind, encoded = access.ssh_host_key.split()[:2]
        return paramiko.hostkeys.HostKeyEntry.from_line(f"node {kind} {encoded}").key
    except (ValueError, AttributeError, paramiko.SSHException) as error:
        raise ProviderError(
            f"The host key of {access.url} is missing or cannot be read; without it "
            "nobody can tell the machine from another.",
            permanent=True,
        ) from error


def _private_key(access: Access) -> paramiko.PKey:
    for kind in _KEY_TYPES:
        try:
            return kind.from_private_key(io.StringIO(access.ssh_key))
        except (paramiko.SSHException, ValueError):
            continue
    raise ProviderError(
        f"The key for {access.url} is none that SSH knows, or has a passphrase.", permanent=True
    )
