"""The step that makes a container's limits follow its instance's."""

from fleet.engines.base import Limits, NotInPlace
from fleet.engines.registry import engine
from fleet.models import Instance
from fleet.operations.base import Facts, NotYet, Step
from fleet.operations.steps.containers import ensure_container, find_container, start


class SetLimits(Step[Instance]):
    """In place, the bot goes on meanwhile; where the engine cannot, it is made anew."""

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
        node, name = engine(instance.node), instance.container_name
        try:
            node.set_limits(name, wanted_limits(instance))
        except NotInPlace:
            node.stop_container(name)
            node.remove_container(name)
            ensure_container(instance)
            if instance.status == Instance.Status.RUNNING:
                start(instance)


def wanted_limits(instance: Instance) -> Limits:
    return Limits(memory_mb=instance.memory_mb, cpu_millis=instance.cpu_millis, pids=instance.pids)
