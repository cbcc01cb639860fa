"""Steps that put a new container in the place of one that was made from older rows."""

from fleet.engines.base import ContainerState
from fleet.engines.registry import engine
from fleet.models import Instance
from fleet.operations.base import Facts, Step
from fleet.operations.steps.containers import (
    WaitHealthy,
    ensure_container,
    find_container,
    is_as_wanted,
    start,
)
from fleet.operations.steps.limits import wanted_limits


class Recreate(Step[Instance]):
    """Runs the instance's release with its variables and limits as the rows say now.

    A container that is like that already is only started; /data stays where it is.
    """

    name = "recreate"
    title = "Start the bot as it should be now"
    patience = 10.0
    # One that ends again and again is given up, and what was before returns.
    deadline = 120.0

    def observe(self, instance: Instance) -> Facts | None:
        container = find_container(instance)
        if container is None or not container.running or container.published is None:
            return None
        if not container.restarts or not self._is_current(container, instance):
            return None
        return {"container": container.id, "digest": container.image_digest}

    def act(self, instance: Instance) -> None:
        node, name = engine(instance.node), instance.container_name
        container = find_container(instance)
        if container is not None and not self._is_current(container, instance):
            node.stop_container(name)
            node.remove_container(name)
        ensure_container(instance)
        node.set_restarting(name, restarts=True)
        start(instance)

    def record(self, instance: Instance, facts: Facts) -> None:
        Instance.objects.filter(pk=instance.pk).update(container_id=facts["container"])

    def is_current(self, instance: Instance, labels: dict[str, str]) -> bool:
        """What else a container must be, by its labels, so that it need not be made anew."""
        return True

    def _is_current(self, container: ContainerState, instance: Instance) -> bool:
        made_so = is_as_wanted(container, instance) and self.is_current(instance, container.labels)
        return made_so and container.limits == wanted_limits(instance)


class WaitHealthyAgain(WaitHealthy):
    """A bot that ran before has its plugins: one that stays silent for minutes is broken."""

    deadline = 180.0
