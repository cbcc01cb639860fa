"""Steps that make a bot's container follow its rows again, and deal with what has no place."""

from django.conf import settings

from fleet.engines.registry import engine
from fleet.models import Drift, Instance, Operation
from fleet.operations.base import Facts, Step
from fleet.operations.steps import containers
from fleet.operations.steps.containers import ensure_container, find_container
from fleet.operations.steps.limits import SetLimits
from fleet.operations.steps.reach import PublishRoute
from fleet.operations.steps.recreating import Recreate
from wopr.common.errors import ProviderError


class HaveImage(Step[Instance]):
    """The very digest that the rows name; a node that has it asks no registry."""

    name = "have_image"
    title = "Have the bot's image at hand"

    def observe(self, instance: Instance) -> Facts | None:
        if instance.release is None:
            raise ProviderError("No image digest is recorded for this bot.", permanent=True)
        digest = instance.release.digest
        return {"digest": digest} if engine(instance.node).has_image(digest) else None

    def act(self, instance: Instance) -> None:
        if instance.release:
            engine(instance.node).pull_digest(instance.release.digest)


class InsistOnData(Step[Instance]):
    """A container made without its volume would get an empty one, and look well."""

    name = "insist_on_data"
    title = "See that the bot's data is there"

    def observe(self, instance: Instance) -> Facts | None:
        found = engine(instance.node).find_volume(instance.volume_name)
        if found is None or found.get("wopr.instance") != str(instance.pk):
            raise ProviderError(
                f"{instance.volume_name} is not on {instance.node}: restore a backup instead.",
                permanent=True,
            )
        return {"volume": instance.volume_name}

    def act(self, instance: Instance) -> None:
        """Nothing to do but to look."""


class AdjustLimits(SetLimits):
    """In place while that is possible; a container that is not there gets them when it is made."""

    def observe(self, instance: Instance) -> Facts | None:
        return (
            {"container": None} if find_container(instance) is None else super().observe(instance)
        )


class BringUp(Recreate):
    """Runs as the rows say; labels that somebody else gave are reason enough for a new one."""

    name = "bring_up"
    title = "Run the bot as it should be"

    def is_current(self, instance: Instance, labels: dict[str, str]) -> bool:
        return containers.labels(instance).items() <= labels.items()


class BringDown(Step[Instance]):
    """There, and stopped, and kept from starting by itself."""

    name = "bring_down"
    title = "Keep the bot stopped"
    patience = 15.0

    def observe(self, instance: Instance) -> Facts | None:
        container = find_container(instance)
        if container is None or container.running or container.restarts:
            return None
        return {"container": container.id, "exit_code": container.exit_code}

    def act(self, instance: Instance) -> None:
        ensure_container(instance)
        node = engine(instance.node)
        node.set_restarting(instance.container_name, restarts=False)
        node.stop_container(instance.container_name)


class KeepRoute(PublishRoute):
    title = "See that the route leads to the bot"


class StopStray(Step[Drift]):
    """A bot that lives elsewhere, or nowhere any more, must not run here too. Its data stays."""

    name = "stop_stray"
    title = "Stop what must not run here"
    patience = 15.0

    def observe(self, drift: Drift) -> Facts | None:
        container = engine(drift.node).find_container(drift.resource)
        if container is None:
            return {"container": None}
        if not _is_given_up(drift):
            _insist_ours(container.labels, drift)
        if container.running or container.restarts:
            return None
        return {"container": container.id, "exit_code": container.exit_code}

    def act(self, drift: Drift) -> None:
        node = engine(drift.node)
        node.set_restarting(drift.resource, restarts=False)
        node.stop_container(drift.resource)


class RemoveStray(Step[Drift]):
    """Gone, and seen to be gone: the container, or the volume with its data."""

    name = "remove_stray"
    title = "Remove what has no place here"
    patience = 15.0

    def observe(self, drift: Drift) -> Facts | None:
        found = _labels_found(drift)
        if found is None:
            return {"gone": drift.resource}
        _insist_ours(found, drift)
        return None

    def act(self, drift: Drift) -> None:
        node = engine(drift.node)
        if drift.kind == Drift.Kind.UNKNOWN_VOLUME:
            node.remove_volume(drift.resource)
        else:
            node.remove_container(drift.resource)


def _labels_found(drift: Drift) -> dict[str, str] | None:
    node = engine(drift.node)
    if drift.kind == Drift.Kind.UNKNOWN_VOLUME:
        return node.find_volume(drift.resource)
    container = node.find_container(drift.resource)
    return container.labels if container else None


def _is_given_up(drift: Drift) -> bool:
    """While its node is evacuated a bot has its row there, and must not run there all the same."""
    if drift.instance_id is None:
        return False
    evacuations = Operation.objects.live().filter(kind="evacuate", subject_id=drift.instance_id)
    return evacuations.filter(parameters__source=str(drift.node_id)).exists()


def _insist_ours(found: dict[str, str], drift: Drift) -> None:
    """Read again right before anything is done; an instance that came to live here is no stray."""
    row = drift.instance
    lives_here = (
        row is not None
        and row.status != Instance.Status.TERMINATED
        and drift.node_id in {row.node_id, row.moving_to_id}
        and drift.resource in {row.container_name, row.volume_name}
    )
    if found.get("wopr.deployment") != settings.WOPR_DEPLOYMENT or row is None or lives_here:
        raise ProviderError(f"{drift.resource} has a place here, or is not ours", permanent=True)
