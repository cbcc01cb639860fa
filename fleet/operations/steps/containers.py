"""Steps that make an instance's container exist on its node, and answer."""

import hashlib
import json

from django.conf import settings
from django.utils import timezone

from fleet import ports
from fleet.engines.base import ContainerSpec, ContainerState
from fleet.engines.registry import engine
from fleet.gateways import bot
from fleet.models import Instance, Release
from fleet.operations.base import Facts, NotYet, Price, Step
from fleet.operations.ledger import live_operation
from fleet.prices import disk_cost, memory_cost
from wopr.common.errors import ProviderError

OURS = "wopr.instance"
CONFIG = "wopr.config"


def labels(instance: Instance) -> dict[str, str]:
    """What tells whose an outside object is."""
    return {
        "wopr.deployment": settings.WOPR_DEPLOYMENT,
        "wopr.tenant": str(instance.tenant_id),
        OURS: str(instance.pk),
    }


class PullImage(Step[Instance]):
    """The moving tag is pulled each time; the digest that this gives is what runs.

    Unless that one is known to be bad: then it is the newest good one.
    """

    name = "pull_image"
    title = "Fetch the bot's image"

    def observe(self, instance: Instance) -> Facts | None:
        return {"digest": instance.release.digest} if instance.release else None

    def act(self, instance: Instance) -> None:
        node = engine(instance.node)
        digest = node.pull(instance.image)
        pulled, _ = Release.objects.update_or_create(image=instance.image, digest=digest)
        release = _sound(pulled)
        if release != pulled:
            node.pull_digest(release.digest)
        # Committed at once: the pull is the only place where the digest can be learned.
        Instance.objects.filter(pk=instance.pk).update(release=release)
        instance.release = release

    def undo(self, instance: Instance) -> None:
        """The next try pulls again: a corrected image must not be missed."""
        Instance.objects.filter(pk=instance.pk).update(release=None)


class CreateVolume(Step[Instance]):
    name = "create_volume"
    title = "Create the data volume"

    def observe(self, instance: Instance) -> Facts | None:
        present = engine(instance.node).find_volume(instance.volume_name)
        if present is None:
            return None
        _insist_ours(present, instance, f"volume {instance.volume_name}")
        return {"volume": instance.volume_name}

    def act(self, instance: Instance) -> None:
        engine(instance.node).create_volume(instance.volume_name, labels(instance))

    def undo(self, instance: Instance) -> None:
        if self.absent(instance):
            return
        engine(instance.node).remove_volume(instance.volume_name)
        if not self.absent(instance):
            raise NotYet(f"the volume {instance.volume_name} is still there")

    def absent(self, instance: Instance) -> bool:
        """One of this name that was not made for this instance is somebody's data: not ours."""
        present = engine(instance.node).find_volume(instance.volume_name)
        return present is None or not _is_ours(present, instance)

    def price_per_day(self, instance: Instance) -> Price:
        return Price(disk_cost(instance))

    def resource(self, instance: Instance) -> str:
        return f"volume {instance.volume_name} on {instance.node}"


class CreateContainer(Step[Instance]):
    name = "create_container"
    title = "Create the container"

    def observe(self, instance: Instance) -> Facts | None:
        container = find_container(instance)
        if container is None or not self._is_seeded(instance):
            return None
        return {"container": container.id}

    @staticmethod
    def _is_seeded(instance: Instance) -> bool:
        """A worker may have died between the creation and the token that the bot must find."""
        return engine(instance.node).has_file(instance.container_name, bot.TOKEN_FILE)

    def act(self, instance: Instance) -> None:
        node = engine(instance.node)
        ensure_container(instance)
        token = {bot.TOKEN_FILE: instance.daemon_token.encode()}
        node.seed_files(instance.container_name, token)

    def record(self, instance: Instance, facts: Facts) -> None:
        Instance.objects.filter(pk=instance.pk).update(container_id=facts["container"])

    def undo(self, instance: Instance) -> None:
        node = engine(instance.node)
        if not self.absent(instance):
            node.stop_container(instance.container_name)
            node.remove_container(instance.container_name)
        if not self.absent(instance):
            raise NotYet(f"the container {instance.container_name} is still there")
        Instance.objects.filter(pk=instance.pk).update(container_id="")

    def absent(self, instance: Instance) -> bool:
        container = engine(instance.node).find_container(instance.container_name)
        return container is None or not _is_ours(container.labels, instance)

    def price_per_day(self, instance: Instance) -> Price:
        return Price(memory_cost(instance))

    def resource(self, instance: Instance) -> str:
        return f"container {instance.container_name} on {instance.node}"


class StartContainer(Step[Instance]):
    name = "start_container"
    title = "Start the bot"

    def observe(self, instance: Instance) -> Facts | None:
        container = find_container(instance)
        if container is None or not container.running or container.published is None:
            return None
        return {"published": "{}:{}".format(*container.published)}

    def act(self, instance: Instance) -> None:
        ensure_container(instance)
        start(instance)


class WaitHealthy(Step[Instance]):
    """First boots may install plugins for minutes; `/ready` informs and does not gate."""

    name = "wait_healthy"
    title = "Wait for the bot to answer"
    patience = 20.0

    def observe(self, instance: Instance) -> Facts | None:
        if not bot.is_healthy(instance.upstream):
            raise NotYet("the bot does not answer yet")
        return {"healthy": True, "ready": bot.is_ready(instance.upstream)}

    def act(self, instance: Instance) -> None:
        """Nothing to do but to look again."""

    def record(self, instance: Instance, facts: Facts) -> None:
        Instance.objects.filter(pk=instance.pk).update(
            healthy_at=timezone.now(), provider_ready=facts["ready"]
        )


def _sound(pulled: Release) -> Release:
    """What was pulled, or the newest release that bots run well if it is known to be bad."""
    if pulled.state != Release.State.BAD:
        return pulled
    good = Release.objects.filter(image=pulled.image, state=Release.State.GOOD)
    return good.order_by("-created_at").first() or pulled


def find_container(instance: Instance) -> ContainerState | None:
    """The instance's container; one of its name that is not ours stops everything."""
    container = engine(instance.node).find_container(instance.container_name)
    if container is not None:
        _insist_ours(container.labels, instance, f"container {instance.container_name}")
    return container


def ensure_container(instance: Instance) -> None:
    """Creates the container, and the network that it needs, unless it is there."""
    if find_container(instance) is None:
        node = engine(instance.node)
        node.ensure_network(settings.WOPR_ENGINE_NETWORK, settings.WOPR_ENGINE_SUBNET)
        node.create_container(_spec(instance))


def start(instance: Instance) -> None:
    """Starts the container; one whose port is somebody else's by now gets another port."""
    node = engine(instance.node)
    try:
        node.start_container(instance.container_name)
    except ProviderError as error:
        if not ports.is_conflict(error):
            raise
        # A port is fixed when a container is created: the next try makes it with the new one.
        node.remove_container(instance.container_name)
        ports.reassign(instance)
        raise NotYet("the port was taken by another program; trying the next one") from error


def is_as_wanted(container: ContainerState, instance: Instance) -> bool:
    """Whether the container was made from what the instance's rows say now."""
    if instance.release is None or container.image_digest != instance.release.digest:
        return False
    return container.labels.get(CONFIG) == config_of(instance)


def config_of(instance: Instance) -> str:
    """A digest of what is fixed when a container is made; limits can be changed afterwards."""
    fixed = (_environment(instance), instance.upstream, settings.WOPR_ENGINE_NETWORK)
    return hashlib.sha256(json.dumps(fixed, sort_keys=True).encode()).hexdigest()


def _is_ours(present: dict[str, str], instance: Instance) -> bool:
    return present.get(OURS) == str(instance.pk)


def _insist_ours(present: dict[str, str], instance: Instance, what: str) -> None:
    if not _is_ours(present, instance):
        raise ProviderError(
            f"The {what} on {instance.node} was not made for this instance; it was left alone.",
            permanent=True,
        )


def _spec(instance: Instance) -> ContainerSpec:
    if instance.release is None:
        raise ProviderError("No image digest is recorded for this instance.")
    return ContainerSpec(
        name=instance.container_name,
        image=instance.release.digest,
        labels={
            **labels(instance),
            CONFIG: config_of(instance),
            "wopr.operation": str(live_operation("instance", instance.pk).pk),
        },
        environment=_environment(instance),
        volume=instance.volume_name,
        network=settings.WOPR_ENGINE_NETWORK,
        publish=(instance.node.address, instance.host_port),
        container_port=bot.PORT,
        memory_mb=instance.memory_mb,
        cpu_millis=instance.cpu_millis,
        pids=instance.pids,
    )


def _environment(instance: Instance) -> dict[str, str]:
    """The customer's variables and, over them, what the bot's contract asks for.

    No secret of the platform is among it.
    """
    return {
        **{v.name: v.value for v in instance.variables.all() if v.value},
        "HOME": "/data",
        "WOPR_HOME": "/data",
        "WOPR_DAEMON_HOST": "0.0.0.0",  # noqa: S104 (inside its own network namespace)  # nosec B104
        "WOPR_DAEMON_PORT": str(bot.PORT),
        "WOPR_API_BASE_URL": settings.WOPR_INFERENCE_URL,
        "WOPR_PLATFORM_TOKEN": instance.platform_token,
        "WOPR_CREDENTIAL_KEY": instance.credential_key,
        "LOG_LEVEL": "info",
    }
