"""Tenants with machines of their own, once what is told elsewhere has happened."""

from django.utils import timezone

from fleet.models import Instance, Node, Operation, Server


def is_up(server: Server, name: str = "own") -> Node:
    """The machine has enrolled."""
    node = Node.objects.create(
        name=name, engine_url="unix:///x", address="127.0.0.1", memory_mb=server.memory_mb,
        accepts_instances=False,
    )  # fmt: skip
    Server.objects.filter(pk=server.pk).update(status=Server.Status.READY, node=node)
    Operation.objects.update(state=Operation.State.SUCCEEDED, finished_at=timezone.now())
    return node


def arrived() -> None:
    """The moves have ended."""
    for bot in Instance.objects.filter(moving_to__isnull=False):
        Instance.objects.filter(pk=bot.pk).update(node=bot.moving_to, moving_to=None)
    Operation.objects.update(state=Operation.State.SUCCEEDED, finished_at=timezone.now())
