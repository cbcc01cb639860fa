"""Caddy, configured by the product's Caddyfile, is a front door that cannot be talked around."""

import json
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from sandbox.stack.caddy import CADDYFILE, find_caddy
from sandbox.stack.front_door import front_door
from sandbox.stack.slots import port_is_free

PRODUCTION = {
    "WOPR_DASHBOARD_HOST": "wopr.bot",
    "WOPR_API_HOST": "api.wopr.bot",
    "WOPR_TENANT_DOMAIN": "wopr.bot",
    "WOPR_CERTIFICATE": "certificate-internal",
}


class Echo(BaseHTTPRequestHandler):
    """Stands where the web process would, and answers with the headers that it was given."""

    def do_POST(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        body = json.dumps({name.lower(): value for name, value in self.headers.items()})
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_: object) -> None:
        """Keep the test's output clean."""


@pytest.fixture
def web(stack: dict[str, str]) -> Iterator[None]:
    port = int(stack["WOPR_STACK_WEB_PORT"])
    assert port_is_free(port)
    server = ThreadingHTTPServer(("127.0.0.1", port), Echo)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield
    server.shutdown()
    server.server_close()


@pytest.fixture
def browser(stack: dict[str, str]) -> Iterator[httpx.Client]:
    with front_door(stack["WOPR_EDGE_CA_FILE"]) as client:
        yield client


def test_a_client_cannot_choose_its_own_address(
    web: None, browser: httpx.Client, stack: dict[str, str]
) -> None:
    lies = {
        "X-Forwarded-For": "198.51.100.7",
        "X-Forwarded-Host": "evil.example",
        "X-Forwarded-Proto": "http",
        "X-Real-IP": "198.51.100.7",
        "Forwarded": "for=198.51.100.7",
        "X-Correlation-ID": "chosen-by-the-client",
    }

    seen = browser.get(stack["WOPR_DASHBOARD_URL"], headers=lies).json()

    assert seen["x-forwarded-for"] == "127.0.0.1"
    assert seen["x-forwarded-proto"] == "https"
    assert seen["x-forwarded-host"] == urlsplit(stack["WOPR_DASHBOARD_URL"]).netloc
    assert not {"x-real-ip", "forwarded", "x-correlation-id"} & set(seen)


def test_the_dashboard_gets_security_headers_where_the_product_sets_none(
    web: None, browser: httpx.Client, stack: dict[str, str]
) -> None:
    headers = browser.get(stack["WOPR_DASHBOARD_URL"]).headers

    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert headers["strict-transport-security"].startswith("max-age=31536000")


@pytest.mark.parametrize(
    "path", ["/internal", "/internal/gpu/register", "/INTERNAL/x", "//internal/"]
)
def test_internal_paths_are_refused_from_outside(
    web: None, browser: httpx.Client, stack: dict[str, str], path: str
) -> None:
    answer = browser.get(f"{stack['WOPR_DASHBOARD_URL']}{path}")

    assert (answer.status_code, answer.text) == (404, "")


def api(stack: dict[str, str], path: str) -> str:
    return f"https://{stack['WOPR_API_HOST']}:{stack['WOPR_EDGE_PORT']}{path}"


@pytest.mark.parametrize("path", ["/api/health", "/fleet", "/fleet/x", "/trpc/fleet.list"])
def test_the_apis_name_leads_to_the_api(
    web: None, browser: httpx.Client, stack: dict[str, str], path: str
) -> None:
    assert browser.get(api(stack, path)).json()["host"].startswith("api.wopr.localhost")


@pytest.mark.parametrize("path", ["/", "/admin/", "/login", "/apis", "/static/x", "/internal/x"])
def test_the_apis_name_leads_nowhere_else(
    web: None, browser: httpx.Client, stack: dict[str, str], path: str
) -> None:
    answer = browser.get(api(stack, path))

    assert (answer.status_code, answer.text) == (404, "")


@pytest.mark.parametrize("path", ["/internal/gpu/register", "/internal/nodes/register"])
def test_machines_register_at_the_apis_name_by_post_only(
    web: None, browser: httpx.Client, stack: dict[str, str], path: str
) -> None:
    assert browser.post(api(stack, path)).status_code == 200
    assert browser.get(api(stack, path)).status_code == 404


@pytest.mark.parametrize(
    "path",
    [
        "/internal/edge/ask",
        "/internal/gpu/register/more",
        "/internal/gpu/register/../../edge/ask",
        "/internal/gpu/register/%2e%2e/%2e%2e/edge/ask",
        "/api/../internal/edge/ask",
        "/internal%2fedge%2fask",
        "//internal/edge/ask",
    ],
)
def test_nothing_else_of_internal_is_reached_by_any_spelling(
    web: None, stack: dict[str, str], path: str
) -> None:
    """Written to the socket as it is: clients tidy paths up."""
    for host in (stack["WOPR_API_HOST"], "wopr.localhost"):
        assert status_of("POST", host, path, stack) == 404


def status_of(method: str, host: str, path: str, stack: dict[str, str]) -> int:
    port = int(stack["WOPR_EDGE_PORT"])
    context = ssl.create_default_context(cafile=stack["WOPR_EDGE_CA_FILE"])
    with (
        socket.create_connection(("127.0.0.1", port), timeout=10) as raw,
        context.wrap_socket(raw, server_hostname=host) as line,
    ):
        line.sendall(f"{method} {path} HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode())
        return int(line.recv(64).split()[1])


def test_a_tenants_name_asks_for_patience_until_the_routes_are_there(
    browser: httpx.Client, stack: dict[str, str]
) -> None:
    answer = browser.get(f"https://nobody.bots.localhost:{stack['WOPR_EDGE_PORT']}/any/path")

    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "5"
    assert "One moment" in answer.text
    assert "default-src 'none'" in answer.headers["content-security-policy"]


def test_a_name_that_nobody_knows_gets_no_certificate(stack: dict[str, str]) -> None:
    with pytest.raises(ssl.SSLError):
        status_of("GET", "stranger.example", "/", stack)


def test_a_route_that_is_put_first_wins_over_the_fallback(
    browser: httpx.Client, stack: dict[str, str]
) -> None:
    routes = f"{stack['CADDY_ADMIN_URL']}/config/apps/http/servers/{stack['CADDY_SERVER']}/routes"
    route = {
        "@id": "test-tenant",
        "match": [{"host": ["alice.bots.localhost"]}],
        "handle": [{"handler": "static_response", "body": "hello from alice"}],
    }
    httpx.put(f"{routes}/0", json=route).raise_for_status()
    try:
        answer = browser.get(f"https://alice.bots.localhost:{stack['WOPR_EDGE_PORT']}/")
        assert answer.text == "hello from alice"
    finally:
        httpx.delete(f"{stack['CADDY_ADMIN_URL']}/id/test-tenant").raise_for_status()


def test_plain_http_is_sent_to_the_public_https_port(stack: dict[str, str]) -> None:
    address = f"http://127.0.0.1:{stack['WOPR_STACK_HTTP_PORT']}/x?y=1"
    answer = httpx.get(address, headers={"Host": "alice.bots.localhost"})

    assert answer.status_code == 308
    assert answer.headers["location"] == (
        f"https://alice.bots.localhost:{stack['WOPR_EDGE_PORT']}/x?y=1"
    )


def adapted(tmp_path: Path, **environment: str) -> dict[str, object]:
    command = [str(find_caddy()), "adapt", "--config", str(CADDYFILE), "--adapter", "caddyfile"]
    settings = {"HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path), **environment}
    done = subprocess.run(command, env=settings, capture_output=True, text=True, check=True)
    result: dict[str, object] = json.loads(done.stdout)
    return result


def test_production_listens_on_the_standard_ports_and_names_its_server(tmp_path: Path) -> None:
    config = adapted(tmp_path, **PRODUCTION)
    text = json.dumps(config)

    assert '"wopr": {"listen": [":443"]' in text, "on IPv4 and IPv6"
    assert '"listen": [":80"]' in text
    assert '"admin": {"listen": "127.0.0.1:2019"}' in text
    assert '"https://{http.request.host}{http.request.uri}"' in text


def test_production_gets_the_wildcard_by_dns_and_customers_names_on_demand() -> None:
    """This Caddy lacks the DNS module, so the file is read, not adapted."""
    text = CADDYFILE.read_text()

    assert "dns cloudflare {env.CLOUDFLARE_API_TOKEN}" in text
    assert "import {$WOPR_CERTIFICATE:certificate-cloudflare}\n" in text
    assert "import {$WOPR_CERTIFICATE:certificate-cloudflare}-on-demand\n" in text


def test_certificates_on_demand_are_only_given_to_names_that_the_product_knows(
    tmp_path: Path,
) -> None:
    config = adapted(tmp_path, **PRODUCTION, WOPR_ASK_ADDRESS="10.0.0.1:8000")
    automation = config["apps"]["tls"]["automation"]  # type: ignore[index]

    assert automation["on_demand"]["permission"] == {
        "module": "http",
        "endpoint": "http://10.0.0.1:8000/internal/edge/ask",
    }
    on_demand = [p.get("subjects") for p in automation["policies"] if p.get("on_demand")]
    assert on_demand == [None], "only names that no other site has"
