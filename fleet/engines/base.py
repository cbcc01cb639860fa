"""What WOPR needs of a container engine. An engine object speaks for one node."""

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from wopr.common.errors import ProviderError


@dataclass(frozen=True)
class ContainerSpec:
    """A container as it should be. Everything else (hardening) is the same for all of them."""

    name: str
    image: str  # repository@sha256:…, never a tag
    labels: dict[str, str]
    environment: dict[str, str]
    volume: str  # mounted at /data, the only writable place but /tmp
    network: str
    publish: tuple[str, int]  # address and port on the host
    container_port: int
    memory_mb: int
    cpu_millis: int
    pids: int

    def __post_init__(self) -> None:
        if "@sha256:" not in self.image:
            raise ValueError(f"{self.image} is not a digest: what runs would change by itself")
        if min(self.memory_mb, self.cpu_millis, self.pids) < 1:
            raise ValueError("memory, CPU and pids must be limited: an engine reads 0 as no limit")


@dataclass(frozen=True)
class Limits:
    """What a container may use: MB of memory, thousandths of a CPU, number of tasks."""

    memory_mb: int
    cpu_millis: int
    pids: int


@dataclass(frozen=True)
class ContainerState:
    """A container as the engine reports it. `published` is None while it is not running."""

    id: str
    name: str
    image_digest: str
    running: bool
    exit_code: int
    labels: dict[str, str] = field(default_factory=dict)
    published: tuple[str, int] | None = None
    restarts: bool = True  # whether the engine starts it again by itself
    limits: "Limits | None" = None


@dataclass(frozen=True)
class ContainerUse:
    """What a running container uses; CPU and network are counted from its start."""

    cpu_ns: int
    memory: int
    received: int
    sent: int


@dataclass(frozen=True)
class ContainerEvent:
    """`what` is started, ended or out_of_memory; the time is the engine's."""

    what: str
    labels: dict[str, str]
    at: datetime
    exit_code: int | None = None


@dataclass(frozen=True)
class LogLine:
    """One line that a container wrote, with the engine's time of it to the nanosecond."""

    at: str
    text: str


class LogFollowing(Iterator[LogLine]):
    """Lines as they are written, for as long as the container runs."""

    def close(self) -> None:
        """Ends the waiting for a next line; any thread may call it."""
        raise NotImplementedError


@dataclass(frozen=True)
class ListedContainer:
    """A container as it appears among all others. An engine lists neither limits nor policies."""

    name: str
    image: str  # as it was asked for; an id once that name is gone
    running: bool  # or between two tries of the engine's
    labels: dict[str, str] = field(default_factory=dict)
    published: tuple[str, int] | None = None
    said: str = ""  # in the engine's words: Exited (137) 2 hours ago


@dataclass(frozen=True)
class ListedVolume:
    name: str
    labels: dict[str, str] = field(default_factory=dict)


class NotInPlace(ProviderError):
    """This engine cannot change that of a container that exists; it has to be made anew."""


class Engine(Protocol):
    """Raises ProviderError. Removing what is not there is no error."""

    def pull(self, image: str) -> str:
        """Pulls a moving tag; returns repository@digest, the thing to run."""
        ...

    def pull_digest(self, digest: str) -> None:
        """Pulls repository@digest, whatever the moving tag stands for now."""
        ...

    def registry_digest(self, image: str) -> str:
        """What the registry has behind a moving tag, as repository@digest.

        Nothing is pulled for it, unless the engine has no other way to learn it.
        """
        ...

    def has_image(self, digest: str) -> bool: ...

    def image_digests(self) -> set[str]:
        """Every image here that was pulled, as repository@digest."""
        ...

    def digests_in_use(self) -> set[str]:
        """Those of which there is a container, running or not."""
        ...

    def remove_image(self, digest: str) -> None:
        """Lets go of one repository@digest; the image goes with the last of its names."""
        ...

    def ensure_network(self, name: str, subnet: str) -> None:
        """A bridge on which containers do not reach one another."""
        ...

    def find_volume(self, name: str) -> dict[str, str] | None:
        """The volume's labels, or None."""
        ...

    def create_volume(self, name: str, labels: dict[str, str]) -> None: ...

    def remove_volume(self, name: str) -> None: ...

    def volume_sizes(self) -> dict[str, int]:
        """Every volume's size in bytes, in one call."""
        ...

    def list_containers(self) -> list[ListedContainer]:
        """Every container, whosever it is, in one call."""
        ...

    def list_volumes(self) -> list[ListedVolume]:
        """Every volume, whosever it is, in one call."""
        ...

    def find_container(self, name: str) -> ContainerState | None: ...

    def create_container(self, spec: ContainerSpec) -> str:
        """Creates without starting; returns the container's id."""
        ...

    def has_file(self, name: str, path: str) -> bool:
        """Whether the container, which need not run, has this file below /data."""
        ...

    def seed_files(self, name: str, files: dict[str, bytes]) -> None:
        """Puts files (mode 0600, uid 1000) below /data of a container that need not run."""
        ...

    def start_container(self, name: str) -> None: ...

    def set_restarting(self, name: str, *, restarts: bool) -> None:
        """Whether the engine starts the container again when it ends or the machine boots."""
        ...

    def set_limits(self, name: str, limits: Limits) -> None:
        """Changes the limits of a container, running or not. Raises NotInPlace if it cannot."""
        ...

    def read_data(self, name: str) -> Iterator[bytes]:
        """A tar of /data with its owners, all from one moment: writers are frozen meanwhile."""
        ...

    def scratch_container(self, name: str, image: str, labels: dict[str, str]) -> None:
        """A container that is never started, with an empty volume of the same name at /data."""
        ...

    def write_data(self, name: str, tar: Iterable[bytes]) -> None:
        """Unpacks a tar, with its owners, into /data."""
        ...

    def stop_container(self, name: str) -> None: ...

    def remove_container(self, name: str) -> None: ...

    def container_uses(self, names: Iterable[str]) -> dict[str, ContainerUse]:
        """What those of the containers use that run now."""
        ...

    def container_events(
        self, label: str, since: datetime
    ) -> tuple[list[ContainerEvent], datetime]:
        """What happened to containers with a label (name=value), and until when it was asked."""
        ...

    def read_log(self, name: str, *, lines: int) -> list[LogLine]:
        """The last lines that the container wrote."""
        ...

    def following_log(
        self, name: str, *, since: datetime
    ) -> AbstractContextManager[LogFollowing]: ...
