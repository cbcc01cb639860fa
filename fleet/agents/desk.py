"""Where an agent works: as one person, with that person's rights as they are at each call."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

from django.conf import settings
from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.db.models import Model
from mcp.server.mcpserver.exceptions import ToolError
from mcp.types import ToolAnnotations

from fleet.agents.plans import plan_make, plan_use
from tenants.models import User
from wopr.common.audit.context import acting
from wopr.common.correlation import correlation, new_id
from wopr.common.errors import ProviderError, Refused

Given = ParamSpec("Given")
Answer = TypeVar("Answer")
Chair = TypeVar("Chair", bound="Desk")
Facts = dict[str, Any]

READS = ToolAnnotations(read_only_hint=True)
CHANGES = ToolAnnotations(read_only_hint=False, destructive_hint=False)
# What costs money is announced like what cannot be undone.
SPENDS = ToolAnnotations(read_only_hint=False, destructive_hint=True)
DESTROYS = ToolAnnotations(read_only_hint=False, destructive_hint=True)


def tool(
    permission: str, hints: ToolAnnotations
) -> Callable[
    [Callable[Concatenate[Chair, Given], Answer]], Callable[Concatenate[Chair, Given], Answer]
]:
    """A method that agents may call whose person has the permission, as in the admin."""

    def decorate(
        method: Callable[Concatenate[Chair, Given], Answer],
    ) -> Callable[Concatenate[Chair, Given], Answer]:
        @wraps(method)
        def called(self: Chair, /, *args: Given.args, **kwargs: Given.kwargs) -> Answer:
            with self.permitted(permission):
                return method(self, *args, **kwargs)

        called.hints = hints  # type: ignore[attr-defined]
        return called

    return decorate


class Desk:
    """Tools of one subject; each is a method marked with `tool`."""

    def __init__(self, user_id: int) -> None:
        self.user_id = user_id

    @property
    def cause(self) -> str:
        return f"mcp: {self.user_id}"

    @property
    def _actor(self) -> str:
        return f"{settings.AUTH_USER_MODEL} {self.user_id} by MCP"

    @contextmanager
    def permitted(self, permission: str) -> Iterator[None]:
        """Refuses without the permission, and tells errors by blame in words for the agent."""
        try:
            with correlation(new_id()), acting(actor=self._actor, via="MCP"):
                self._check(permission)
                yield
        except Refused as refusal:
            raise ToolError(f"{refusal.message} ({refusal.code})") from refusal
        except ProviderError as error:
            raise ToolError(f"{error} (provider_error)") from error
        finally:
            # The thread is not ours and may end at any time; its connection would stay open.
            connection.close()

    def _check(self, permission: str) -> None:
        if not self.user().has_perm(permission):
            raise Refused("forbidden", f"You need the right {permission}.", status=403)

    def user(self) -> User:
        """The person, read anew: whoever left the staff meanwhile can do nothing more."""
        user = User.objects.filter(pk=self.user_id, is_active=True, is_staff=True).first()
        if user is None:
            raise Refused("not_staff", "This account is not of active staff.", status=403)
        return user

    def plan(self, action: str, target: str, there: Facts, effects: str) -> Facts:
        """The answer to a dry run."""
        made = plan_make(
            user=self.user(), action=action, target=target, there=there, effects=effects
        )
        return {"plan_id": str(made.pk), "effects": effects, "good_until": made.expires_at}

    def use(self, plan_id: str, action: str, target: str, there: Facts) -> None:
        plan_use(plan_id=plan_id, user=self.user(), action=action, target=target, there=there)

    def note(self, row: Model, flag: int, message: str) -> None:
        """Into the same history as what is done in the admin."""
        LogEntry.objects.create(
            user_id=self.user_id,
            content_type=ContentType.objects.get_for_model(row),
            object_id=str(row.pk),
            object_repr=str(row)[:200],
            action_flag=flag,
            change_message=f"{message} (by MCP)",
        )
