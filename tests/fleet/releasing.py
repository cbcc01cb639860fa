"""A registry into which tests push releases of the reference bot, and bots that are asked."""

import os
import time
from collections.abc import Iterator
from datetime import timedelta

import httpx
import pytest
from django.utils import timezone

from fleet import updates
from fleet.models import Instance, Operation, Release
from sandbox.stack import bot_image
from sandbox.stack.engine import Engine
from tests.fleet.toys import ran


class Registry:
    """The stack's registry, with releases pushed behind the moving tag."""

    def __init__(self) -> None:
        self.image = os.environ["WOPR_BOT_IMAGE"]
        self.address = os.environ["WOPR_STACK_REGISTRY"]
        self._engine = Engine(os.environ["WOPR_STACK_ENGINE"], is_local=True)

    def push_only(self, version: str, *, healthy: bool = True, fault: str = "") -> str:
        """Pushes a release that nobody has looked for yet; returns repository@digest."""
        release = bot_image.Release(version, healthy, fault)
        digest = bot_image.push_release(self._engine, self.address, release)
        return f"{self.address}/{bot_image.REPOSITORY_NAME}@{digest}"

    def push(self, version: str, *, healthy: bool = True, fault: str = "") -> Release:
        """Pushes a release, and writes down that it was seen."""
        digest = self.push_only(version, healthy=healthy, fault=fault)
        release, _ = Release.objects.update_or_create(image=self.image, digest=digest)
        return release


@pytest.fixture
def registry() -> Iterator[Registry]:
    """Afterwards the first release is behind the tag again."""
    registry = Registry()
    yield registry
    registry.push_only("1.0.0")


def ended(operation: Operation) -> Operation:
    """The operation after workers took it up whenever it was due, until it ended."""
    deadline = time.monotonic() + 120
    ran(operation)
    while operation.is_live:
        assert time.monotonic() < deadline, f"still {operation.state}: {told(operation)}"
        ran(operation)
    return operation


def told(operation: Operation) -> list[tuple[str, str, str]]:
    return list(operation.steps.values_list("name", "state", "message"))


def updated(bot: Instance, release: Release) -> Operation:
    """The ended operation that was to bring the bot to that release."""
    return ended(updates.open_update(instance=bot, release=release, cause="test"))


def ask(bot: Instance, method: str, path: str, **body: str) -> httpx.Response:
    """Asks the bot itself, at its published port, with its own token."""
    return httpx.request(
        method,
        f"http://{bot.upstream}{path}",
        headers={"Authorization": f"Bearer {bot.daemon_token}"},
        json=body or None,
        timeout=10,
    )


def add_provider(bot: Instance, name: str) -> None:
    """Makes the bot ready."""
    ask(bot, "POST", "/providers", name=name).raise_for_status()


def answering_version(bot: Instance) -> str:
    return str(ask(bot, "GET", "/").json()["version"])


def long_ago(**wait: float) -> None:
    """Lets time pass for every operation that has ended."""
    for operation in Operation.objects.exclude(finished_at=None):
        Operation.objects.filter(pk=operation.pk).update(
            finished_at=timezone.now() - timedelta(**wait)
        )
