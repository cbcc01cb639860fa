"""A member of staff's AI agent, as a session of the SDK's own client sees the product."""

from typing import Any

import anyio
from django.contrib.auth.models import Permission
from mcp import Client
from mcp.types import CallToolResult, TextContent

from fleet.agents.server import build
from tenants.models import User


def staff(email: str, *rights: str, **more: Any) -> User:
    """Somebody of staff with these rights, written as app.codename, and no others."""
    user = User.objects.create_user(email, is_staff=True, **more)
    for right in rights:
        app, _, codename = right.partition(".")
        user.user_permissions.add(
            Permission.objects.get(content_type__app_label=app, codename=codename)
        )
    return user


def text_of(answer: CallToolResult) -> str:
    return "\n".join(part.text for part in answer.content if isinstance(part, TextContent))


class Agent:
    """Calls tools, each in a session of its own."""

    def __init__(self, user: User) -> None:
        self.user, self._server = user, build(user.pk)

    def ask(self, tool: str, **arguments: Any) -> CallToolResult:
        async def session() -> CallToolResult:
            async with Client(self._server) as client:
                return await client.call_tool(tool, arguments)

        return anyio.run(session)

    def call(self, tool: str, **arguments: Any) -> Any:
        """What a tool that does as it is told returns."""
        answer = self.ask(tool, **arguments)
        assert not answer.is_error, text_of(answer)
        assert answer.structured_content is not None
        return answer.structured_content.get("result", answer.structured_content)

    def refusal(self, tool: str, **arguments: Any) -> str:
        """What a tool says that refuses."""
        answer = self.ask(tool, **arguments)
        assert answer.is_error, text_of(answer)
        return text_of(answer)

    def tools(self) -> dict[str, Any]:
        """The tools by name, with their input schemas."""

        async def session() -> dict[str, Any]:
            async with Client(self._server) as client:
                return {tool.name: tool for tool in (await client.list_tools()).tools}

        return anyio.run(session)
