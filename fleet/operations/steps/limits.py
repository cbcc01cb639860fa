"""The step that makes a container's limits follow its instance's."""

from fleet.engines.base import Limits
from fleet.engines.docker import engine
from fleet.models import Instance
from fleet.operations.base import Facts, NotYet, Step
from fleet.operations.steps.containers import find_container


class SetLimits(Step[Instance]):
    """In place: the bot goes on while its limits change."""

    name = "set_limits"
    title = "Change the bot's limits"

    def observe(self, instance: Instance) -> Facts | None:
        container = find_container(instance)
        if container is None:
            raise NotYet("the container is not there")
        if container.limits != wanted_limits(instance):
            return None
        return {
            "memory_mb": instance.memory_mb,
            "cpu_millis": instance.cpu_millis,
            "pids": instance.pids,
        }

    def act(self, instance: Instance) -> None:
        engine(instance.node).set_limits(instance.container_name, wanted_limits(instance))


def wanted_limits(instance: Instance) -> Limits:
    return Limits(memory_mb=instance.memory_mb, cpu_millis=instance.cpu_millis, pids=instance.pids)
