"""Stopping a bot whose disk is full, so that it loses nothing of what it would write."""

from fleet.gateways import bot
from fleet.models import Instance, Route
from fleet.operations.base import Facts, Kind, NotYet, register
from fleet.operations.provision import load_instance
from fleet.operations.steps import lifecycle, standing
from fleet.operations.steps.containers import find_container


class ShowFullPage(standing.ShowSuspendedPage):
    name = "show_full_page"
    title = "Show the page that says why"
    page = Route.Serves.FULL_PAGE


class VerifyFull(lifecycle.VerifyStopped):
    title = "See that the bot is stopped"

    def observe(self, instance: Instance) -> Facts | None:
        container = find_container(instance)
        if container is not None and (container.running or container.restarts):
            raise NotYet("the container still runs, or would start by itself")
        if not bot.is_told_full(instance.hostname):
            raise NotYet(f"{instance.url} does not show the page for a full disk yet")
        return {"running": False, "page": 507}


STOP_FULL = register(
    Kind(
        name="stop_full",
        title="Stop the bot: its disk is full",
        subject_kind="instance",
        load=load_instance,
        steps=(ShowFullPage(), lifecycle.StopBot(), VerifyFull()),
        undoes=False,
    )
)
