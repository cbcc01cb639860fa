"""Steps that really stop a bot's service, and really bring it back."""

from typing import ClassVar

from fleet import edge
from fleet.engines.registry import engine
from fleet.gateways import bot
from fleet.models import Instance, Route
from fleet.operations.base import Facts, NotYet, Step
from fleet.operations.steps.containers import find_container


class ShowSuspendedPage(Step[Instance]):
    """First the page, then the stop: nobody sees a broken bot in between."""

    name = "show_suspended_page"
    title = "Show the suspended page"
    page: ClassVar[Route.Serves] = Route.Serves.SUSPENDED_PAGE

    def observe(self, instance: Instance) -> Facts | None:
        declared = Route.objects.filter(hostname=instance.hostname, serves=self.page).exists()
        if declared and edge.tells(instance.hostname, self.page):
            return {"hostname": instance.hostname}
        return None

    def act(self, instance: Instance) -> None:
        Route.objects.update_or_create(
            hostname=instance.hostname,
            defaults={
                "instance": instance,
                "serves": self.page,
                "upstream": instance.upstream,
            },
        )
        edge.publish()


class StopContainer(Step[Instance]):
    """Stopped, and kept from starting by itself at the machine's next boot."""

    name = "stop_container"
    title = "Stop the bot"
    patience = 15.0

    def observe(self, instance: Instance) -> Facts | None:
        container = find_container(instance)
        if container is None:
            return {"container": None}
        if container.running or container.restarts:
            return None
        return {"container": container.id, "exit_code": container.exit_code}

    def act(self, instance: Instance) -> None:
        node = engine(instance.node)
        node.set_restarting(instance.container_name, restarts=False)
        node.stop_container(instance.container_name)


class VerifySuspended(Step[Instance]):
    """The status says suspended only after the stop and the page were both seen again."""

    name = "verify_suspended"
    title = "See that the bot is stopped"
    patience = 15.0

    def observe(self, instance: Instance) -> Facts | None:
        container = find_container(instance)
        if container is not None and (container.running or container.restarts):
            raise NotYet("the container still runs, or would start by itself")
        if not bot.is_told_suspended(instance.hostname):
            raise NotYet(f"{instance.url} does not show the suspended page yet")
        return {"running": False, "page": 402}

    def act(self, instance: Instance) -> None:
        """Nothing to do but to look again."""

    def record(self, instance: Instance, facts: Facts) -> None:
        Instance.objects.filter(pk=instance.pk).update(status=Instance.Status.SUSPENDED)


class AllowRestarting(Step[Instance]):
    name = "allow_restarting"
    title = "Let the bot start again"

    def observe(self, instance: Instance) -> Facts | None:
        container = find_container(instance)
        return {"restarts": True} if container is not None and container.restarts else None

    def act(self, instance: Instance) -> None:
        engine(instance.node).set_restarting(instance.container_name, restarts=True)
