"""Steps that stop a bot because its owner asked, and start it again."""

from fleet.engines.registry import engine
from fleet.gateways import bot
from fleet.models import Instance, Route
from fleet.operations.base import Facts, NotYet, Step
from fleet.operations.ledger import live_operation
from fleet.operations.steps import reach, standing
from fleet.operations.steps.containers import find_container
from fleet.operations.steps.recreating import Recreate


class ShowStoppedPage(standing.ShowSuspendedPage):
    name = "show_stopped_page"
    title = "Show the stopped page"
    page = Route.Serves.STOPPED_PAGE

    def undo(self, instance: Instance) -> None:
        if was_running(instance):
            publish_bot(instance)


class StopBot(standing.StopContainer):
    title = "Stop the bot"

    def record(self, instance: Instance, facts: Facts) -> None:
        Instance.objects.filter(pk=instance.pk).update(status=Instance.Status.STOPPED)

    def undo(self, instance: Instance) -> None:
        """A bot that ran before runs again, and is seen to."""
        if not was_running(instance):
            return
        run_again(instance)
        Instance.objects.filter(pk=instance.pk).update(status=Instance.Status.RUNNING)


class VerifyStopped(Step[Instance]):
    """The container and the public name are both looked at again."""

    name = "verify_stopped"
    title = "See that the bot is stopped"
    patience = 15.0

    def observe(self, instance: Instance) -> Facts | None:
        container = find_container(instance)
        if container is not None and (container.running or container.restarts):
            raise NotYet("the container still runs, or would start by itself")
        if not bot.is_told_stopped(instance.hostname):
            raise NotYet(f"{instance.url} does not show the stopped page yet")
        return {"running": False, "page": 503}

    def act(self, instance: Instance) -> None:
        """Nothing to do but to look again."""

    def record(self, instance: Instance, facts: Facts) -> None:
        Instance.objects.filter(pk=instance.pk).update(status=Instance.Status.STOPPED)


class StartStopped(Recreate):
    """A stopped bot that does not get healthy is stopped again."""

    name = "start_bot"
    title = "Start the bot"

    def undo(self, instance: Instance) -> None:
        node = engine(instance.node)
        if find_container(instance) is None:
            return
        node.set_restarting(instance.container_name, restarts=False)
        node.stop_container(instance.container_name)
        container = find_container(instance)
        if container is not None and container.running:
            raise NotYet("the container still runs")
        ShowStoppedPage().act(instance)


class Restart(Recreate):
    """A new container for this very operation, so that a repeated try restarts nothing twice."""

    name = "restart_bot"
    title = "Restart the bot"

    def is_current(self, instance: Instance, labels: dict[str, str]) -> bool:
        return labels.get("wopr.operation") == str(live_operation("instance", instance.pk).pk)


class PublishAgain(reach.PublishRoute):
    """The name leads to the bot again, whose port may have changed; undoing removes no name."""

    def undo(self, instance: Instance) -> None:
        """What the name leads to then is for the step to say that changed it first."""


def was_running(instance: Instance) -> bool:
    """Whether the bot ran when the operation was opened."""
    before = live_operation("instance", instance.pk).parameters.get("was")
    return bool(before == Instance.Status.RUNNING)


def run_again(instance: Instance) -> None:
    """Starts the bot as its rows say. Raises NotYet until it answers."""
    step = Recreate()
    if step.observe(instance) is None:
        step.act(instance)
    if not bot.is_healthy(instance.upstream):
        raise NotYet("the bot does not answer yet")


def publish_bot(instance: Instance) -> None:
    """Has the name lead to the bot. Raises NotYet until the edge does so."""
    step = reach.PublishRoute()
    step.act(instance)
    if step.observe(instance) is None:
        raise NotYet(f"{instance.hostname} does not lead to the bot yet")
