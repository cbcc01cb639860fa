"""What differs between a node's listing and the rows. Pure comparison: no engine, no query.

A container or volume is ours by its deployment label. What carries another deployment's is none
of our business; what carries none is reported, and nothing more.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from uuid import UUID

from django.conf import settings

from fleet.engines.base import ListedContainer, ListedVolume
from fleet.models import Drift, Instance, Node
from fleet.prices import disk_cost, memory_cost

Kind, Status = Drift.Kind, Instance.Status
DEPLOYMENT, INSTANCE, TENANT = "wopr.deployment", "wopr.instance", "wopr.tenant"
# What a bot's container should be is known only once it was set up, and until it is gone.
JUDGED = (Status.RUNNING, Status.STOPPED, Status.SUSPENDED)
NOTHING = Decimal(0)
_AN_ID = "sha256:"  # all that a listing tells of an image whose name was taken away


@dataclass(frozen=True)
class Finding:
    """One difference; `cost` is what it costs a day, as far as that is known."""

    kind: str
    resource: str
    wanted: str = ""
    seen: str = ""
    instance: Instance | None = None
    cost: Decimal = NOTHING

    @property
    def key(self) -> tuple[str, str]:
        return (self.kind, self.resource)


@dataclass(frozen=True)
class Picture:
    """A node as it was listed, and the rows that are about it."""

    node: Node
    containers: dict[str, ListedContainer]
    volumes: dict[str, ListedVolume]
    bots: list[Instance]  # that live here, whatever they do now
    busy: Collection[UUID]  # in an operation's hand during the listing
    fenced: Collection[UUID]  # being restored on another node, since this one was given up
    others: dict[UUID, Instance] = field(default_factory=dict)  # named by labels, not living here

    @property
    def here(self) -> list[Instance]:
        """Bots that may have something on this node."""
        return [bot for bot in self.bots if bot.pk not in self.fenced]

    @property
    def judged(self) -> list[Instance]:
        return [bot for bot in self.here if bot.pk not in self.busy and bot.status in JUDGED]

    def own_container(self, bot: Instance) -> ListedContainer | None:
        """The bot's container; one of its name that was made for somebody else is not."""
        found = self.containers.get(bot.container_name)
        return found if found and found.labels.get(INSTANCE) == str(bot.pk) else None

    def strange_containers(self) -> list[ListedContainer]:
        known = {bot.container_name for bot in self.here}
        return [c for c in self.containers.values() if c.name not in known and _concerns(c.labels)]

    def strange_volumes(self) -> list[ListedVolume]:
        known = {bot.volume_name for bot in self.here}
        return [v for v in self.volumes.values() if v.name not in known and _concerns(v.labels)]

    def is_busy(self, instance_id: UUID | None) -> bool:
        return instance_id in self.busy and instance_id not in self.fenced


def findings(picture: Picture) -> Iterator[Finding]:
    for bot in picture.judged:
        if bot.volume_name not in picture.volumes:
            yield Finding(Kind.VOLUME_MISSING, bot.volume_name, "its data", "no such volume", bot)
        container = picture.own_container(bot)
        if container is None and (taken := picture.containers.get(bot.container_name)):
            seen = f"somebody's container: {taken.image}"
            yield Finding(Kind.UNKNOWN_CONTAINER, taken.name, f"the bot {bot}", seen)
        if container is None:
            yield Finding(Kind.MISSING, bot.container_name, bot.status, "no such container", bot)
        else:
            yield from _of_container(bot, container)
    for container in picture.strange_containers():
        yield from _of_strange_container(picture, container)
    for volume in picture.strange_volumes():
        yield from _of_strange_volume(picture, volume)


def instance_named(labels: dict[str, str]) -> UUID | None:
    """The instance that something of ours was made for."""
    if labels.get(DEPLOYMENT) != settings.WOPR_DEPLOYMENT:
        return None
    try:
        return UUID(labels.get(INSTANCE, ""))
    except ValueError:
        return None


def _of_container(bot: Instance, container: ListedContainer) -> Iterator[Finding]:
    yield from _of_running(bot, container)
    if bot.status == Status.RUNNING:  # one that rests is made anew when it starts
        yield from _of_making(bot, container)


def _of_making(bot: Instance, container: ListedContainer) -> Iterator[Finding]:
    name, wanted = container.name, _labels_of(bot)
    seen = {label: container.labels.get(label, "") for label in wanted}
    if seen != wanted:
        yield Finding(Kind.WRONG_LABELS, name, _said(wanted), _said(seen), bot)
    digest = bot.release.digest if bot.release else ""
    if digest not in {"", container.image} and not container.image.startswith(_AN_ID):
        yield Finding(Kind.WRONG_DIGEST, name, digest, container.image, bot)
    if container.published and "{}:{}".format(*container.published) != bot.upstream:
        seen_at = "{}:{}".format(*container.published)
        yield Finding(Kind.WRONG_PORT, name, bot.upstream, seen_at, bot)


def _of_running(bot: Instance, container: ListedContainer) -> Iterator[Finding]:
    name, seen = container.name, state_of(container)
    if bot.status == Status.RUNNING and not container.running:
        if not bot.crashing_since:  # then its ends are looked after elsewhere
            yield Finding(Kind.STOPPED, name, bot.status, seen, bot)
    elif bot.status == Status.SUSPENDED and container.running:
        cost = memory_cost(bot)
        yield Finding(Kind.RUNNING_THOUGH_SUSPENDED, name, bot.status, seen, bot, cost)
    elif bot.status == Status.STOPPED and container.running:
        yield Finding(Kind.RUNNING_THOUGH_STOPPED, name, bot.status, seen, bot, memory_cost(bot))


def _of_strange_container(picture: Picture, container: ListedContainer) -> Iterator[Finding]:
    name, seen = container.name, f"{container.image}, {state_of(container)}"
    instance_id = instance_named(container.labels)
    if picture.is_busy(instance_id):
        return
    owner = picture.others.get(instance_id) if instance_id else None
    if owner is None:
        yield Finding(Kind.UNKNOWN_CONTAINER, name, "", seen)
    elif container.running:
        kind, cost = Kind.RUNNING_THOUGH_ELSEWHERE, memory_cost(owner)
        yield Finding(kind, name, _belongs(owner), seen, owner, cost)
    else:
        yield Finding(Kind.UNKNOWN_CONTAINER, name, _belongs(owner), seen, owner)


def _of_strange_volume(picture: Picture, volume: ListedVolume) -> Iterator[Finding]:
    instance_id = instance_named(volume.labels)
    if picture.is_busy(instance_id):
        return
    owner = picture.others.get(instance_id) if instance_id else None
    if owner is None:
        yield Finding(Kind.UNKNOWN_VOLUME, volume.name, "", "a volume")
    else:
        cost = disk_cost(owner)
        yield Finding(Kind.UNKNOWN_VOLUME, volume.name, _belongs(owner), "a volume", owner, cost)


def state_of(container: ListedContainer) -> str:
    """`running`, or the engine's words without the time, which would be new in every listing."""
    if container.running:
        return "running"
    code, closing, _ = container.said.partition(")")
    return code + closing if closing else container.said or "not running"


def _belongs(owner: Instance) -> str:
    if owner.status == Status.TERMINATED:
        return f"nothing: {owner} was deleted"
    return f"nothing: {owner} is on {owner.node}"


def _labels_of(bot: Instance) -> dict[str, str]:
    return {
        DEPLOYMENT: settings.WOPR_DEPLOYMENT,
        TENANT: str(bot.tenant_id),
        INSTANCE: str(bot.pk),
    }


def _concerns(labels: dict[str, str]) -> bool:
    return labels.get(DEPLOYMENT) in {None, settings.WOPR_DEPLOYMENT}


def _said(labels: dict[str, str]) -> str:
    return ", ".join(f"{label}={value}" for label, value in labels.items())
