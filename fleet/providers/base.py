"""What WOPR needs of somebody who sells machines. Adding a provider means copying a neighbour."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Protocol

from wopr.common.errors import ProviderError

NOBODYS = 0  # an id that no vendor gives: destroying it tells the token's rights, and nothing else


class SoldOut(ProviderError):
    """Not to be had there now, or the account's quota is used up: another offer may do."""

    def __init__(self, message: str) -> None:
        super().__init__(message, permanent=True)


class State(StrEnum):
    CREATING = "creating"
    RUNNING = "running"
    OFF = "off"
    ENDING = "ending"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Region:
    code: str
    name: str


@dataclass(frozen=True)
class Offer:
    """A size in a region, before tax. `available` is what the provider says now."""

    region: str
    hourly: Decimal
    monthly: Decimal
    currency: str
    available: bool


@dataclass(frozen=True)
class Size:
    code: str
    memory_mb: int
    cpus: int
    disk_gb: int
    offers: tuple[Offer, ...]
    architecture: str = "x86"
    gpu: str = ""


@dataclass(frozen=True)
class Order:
    """What to create. The name is ours for ever and names nothing of a customer's."""

    name: str
    deployment: str
    region: str
    size: str
    image: str
    user_data: str
    keys: tuple[str, ...] = ()


@dataclass(frozen=True)
class Machine:
    """A machine as the provider reports it. Addresses are empty until it has some."""

    id: str
    name: str
    state: State
    size: str
    region: str
    address: str = ""
    private_address: str = ""


class Progress(StrEnum):
    UNDER_WAY = "under way"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True)
class Action:
    """Something that the provider accepted and does meanwhile. Empty id: nothing to ask about."""

    id: str
    progress: Progress
    message: str = ""


@dataclass(frozen=True)
class Key:
    id: str
    name: str
    public_key: str

    def is_of(self, public_key: str) -> bool:
        """Whether it is this key; the comment does not count."""
        return self.public_key.split()[:2] == public_key.split()[:2]


@dataclass(frozen=True)
class Rule:
    """Admits traffic to a port (or a range, as 8080-8083) from these networks."""

    protocol: str
    ports: str
    sources: tuple[str, ...]


@dataclass(frozen=True)
class Wall:
    """A firewall around every machine of a deployment; what no rule admits is refused."""

    name: str
    deployment: str
    rules: tuple[Rule, ...]
    id: str = ""


@dataclass(frozen=True)
class Account:
    """What the provider says about us. None: it does not say."""

    is_usable: bool = True
    reason: str = ""
    requests_left: int | None = None
    machines_allowed: int | None = None


class ServerProvider(Protocol):
    """Raises ProviderError. Never touches a machine that it was not given the id of."""

    name: str
    image: str  # what a node's operating system is called there

    def account(self) -> Account:
        """Fails permanently when the token is not valid."""
        ...

    def may_write(self) -> bool:
        """Whether the token may change anything; True where that cannot be asked."""
        ...

    def regions(self) -> list[Region]: ...

    def sizes(self) -> list[Size]: ...

    def images(self) -> list[str]:
        """What a machine can be booted with there, by the names that an order takes."""
        ...

    def create(self, order: Order) -> Machine:
        """Raises SoldOut when only this offer cannot be had."""
        ...

    def get(self, machine_id: str) -> Machine | None: ...

    def find(self, order_name: str, deployment: str) -> list[Machine]:
        """What earlier tries of one order have made, oldest first; ours by its tag or label."""
        ...

    def ours(self, deployment: str) -> list[Machine]:
        """Every machine of this deployment, all pages, in bulk."""
        ...

    def power_on(self, machine_id: str) -> Action: ...

    def power_off(self, machine_id: str) -> Action: ...

    def reboot(self, machine_id: str) -> Action: ...

    def rebuild(self, machine_id: str, image: str) -> Action: ...

    def resize(self, machine_id: str, size: str) -> Action:
        """Only while it is off; the disk keeps its size, so that the way back stays open."""
        ...

    def destroy(self, machine_id: str) -> Action:
        """A machine that is gone already is no error."""
        ...

    def action(self, action_id: str) -> Action: ...

    def keys(self) -> list[Key]: ...

    def key_add(self, name: str, public_key: str) -> Key: ...

    def key_remove(self, key_id: str) -> None: ...

    def walls(self) -> list[Wall]: ...

    def wall_put(self, wall: Wall) -> None:
        """Makes the firewall of this name be so, and around all machines of the deployment."""
        ...


DONE = Action(id="", progress=Progress.DONE)
# The machine is its owner's: it is not ours any more, and goes on being there.
LET_GO = Action(id="", progress=Progress.DONE, message="let go")


@dataclass(frozen=True)
class Refusals:
    """How a vendor's words sort: what may pass, and what is only sold out."""

    passing: Sequence[str]
    sold_out: Sequence[str] = field(default_factory=tuple)

    def error(self, message: str, said: str) -> ProviderError:
        """The error for what was said."""
        if any(word in said for word in self.sold_out):
            return SoldOut(message)
        return ProviderError(message, permanent=not any(word in said for word in self.passing))
