"""The MCP server of one person: over stdio, or over HTTP for whoever has the token."""

import hmac
import inspect

import uvicorn
from django.conf import settings
from mcp.server.auth.provider import AccessToken
from mcp.server.auth.settings import AuthSettings
from mcp.server.mcpserver import MCPServer

from fleet.agents.desk import Desk
from fleet.agents.keys import KeyTools
from fleet.agents.records import RecordTools
from fleet.agents.servers import ServerTools

DESKS: tuple[type[Desk], ...] = (ServerTools, KeyTools, RecordTools)
INSTRUCTIONS = (
    "Servers, SSH keys and DNS records of a WOPR installation, with the rights of one member of"
    " staff. What costs money or cannot be undone is called twice: with dry_run=true, which changes"
    " nothing and returns the effects and a plan_id, then with that plan_id, within minutes."
)


class Bearer:
    """Lets in whoever has the one token."""

    def __init__(self, token: str, user_id: int) -> None:
        self._token, self._user_id = token.encode(), user_id

    async def verify_token(self, token: str) -> AccessToken | None:
        if not hmac.compare_digest(token.encode(), self._token):
            return None
        return AccessToken(token=token, client_id=str(self._user_id), scopes=[])


def build(user_id: int, token: str | None = None) -> MCPServer[None]:
    """A server with every tool. With a token, HTTP answers nobody who has it not."""
    server: MCPServer[None] = MCPServer(
        "wopr",
        instructions=INSTRUCTIONS,
        version=settings.WOPR_VERSION,
        token_verifier=Bearer(token, user_id) if token else None,
        auth=_auth() if token else None,
    )
    for desk in DESKS:
        _add_tools(server, desk(user_id))
    return server


def _add_tools(server: MCPServer[None], desk: Desk) -> None:
    for name, method in inspect.getmembers(desk, inspect.ismethod):
        if hasattr(method, "hints"):
            server.add_tool(method, name=name, annotations=method.hints)


def _auth() -> AuthSettings:
    """No OAuth server is behind it: the token is handed over by the operator."""
    told = {"issuer_url": settings.WOPR_DASHBOARD_URL, "resource_server_url": None}
    return AuthSettings.model_validate(told)


def serve_stdio(user_id: int) -> None:
    """Until standard input ends."""
    build(user_id).run("stdio")


def serve_http(user_id: int, *, host: str, port: int, token: str) -> None:
    """At /mcp, until a signal ends it."""
    application = build(user_id, token).streamable_http_app(host=host)
    # Our own logging: JSON on standard error.
    uvicorn.run(application, host=host, port=port, log_config=None)
