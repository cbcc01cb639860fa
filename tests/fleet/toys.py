"""A toy kind of operation: its world is a dictionary, and what goes wrong there is scripted."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from uuid import UUID

from django.utils import timezone

from fleet.models import Operation
from fleet.models import Step as Row
from fleet.operations import ledger, runner
from fleet.operations.base import KINDS, Facts, Kind, Step, register
from tenants.models import Tenant
from wopr.common.errors import ProviderError

AWAY = ProviderError("the vendor is away")
FOR_GOOD = ProviderError("the vendor refuses", permanent=True)


Happening = Callable[[], None]


@dataclass
class World:
    """What the steps have made, and everything that they did, in order."""

    things: set[str] = field(default_factory=set)
    journal: list[str] = field(default_factory=list)
    failed: list[Tenant] = field(default_factory=list)


class ToyStep(Step[Tenant]):
    """Makes one thing. `on_act`, `on_look` and `on_undo` happen first and may raise."""

    patience = 0.0

    def __init__(self, name: str, world: World) -> None:
        self.name = self.title = name  # type: ignore[misc]
        self.world = world
        self.on_act: Happening = nothing
        self.on_look: Happening = nothing
        self.on_undo: Happening = nothing
        self.on_record: Happening = nothing

    def observe(self, tenant: Tenant) -> Facts | None:
        self.on_look()
        return {"made": self.name} if self.name in self.world.things else None

    def act(self, tenant: Tenant) -> None:
        self.world.journal.append(f"act {self.name}")
        self.on_act()
        self.world.things.add(self.name)

    def record(self, tenant: Tenant, facts: Facts) -> None:
        self.on_record()
        self.world.journal.append(f"record {self.name}")

    def undo(self, tenant: Tenant) -> None:
        self.world.journal.append(f"undo {self.name}")
        self.on_undo()
        self.world.things.discard(self.name)


def nothing() -> None:
    """What happens unless a test says otherwise."""


def raising(*errors: BaseException | None) -> Happening:
    """Raises these in turn (None: nothing), then the last of them for ever."""
    left = list(errors)

    def happen() -> None:
        error = left.pop(0) if len(left) > 1 else left[0]
        if error is not None:
            raise error

    return happen


@dataclass
class Toy:
    """The registered kind with its three steps, and its operation of one tenant."""

    world: World
    first: ToyStep
    second: ToyStep
    third: ToyStep
    tenant: Tenant

    def open(self, cause: str = "test") -> Operation:
        return ledger.operation_open(
            kind="toy", subject=self.tenant, tenant=self.tenant, cause=cause
        )

    def kind_that_is_not_undone(self) -> None:
        register(replace(KINDS["toy"], undoes=False))


@contextmanager
def toy_kind(tenant: Tenant) -> Iterator[Toy]:
    """Registers the toy for the duration of a test."""
    world = World()
    steps = tuple(ToyStep(name, world) for name in ("first", "second", "third"))
    register(Kind("toy", "Toy", "toy", _load, steps, failed=world.failed.append))
    try:
        yield Toy(world, *steps, tenant)
    finally:
        del KINDS["toy"]


def _load(tenant_id: UUID) -> Tenant:
    return Tenant.objects.get(pk=tenant_id)


def make_due(operation: Operation) -> None:
    """Lets the time of the next try come, and any lease run out."""
    now = timezone.now()
    Operation.objects.filter(pk=operation.pk).update(next_attempt_at=now)
    Operation.objects.filter(pk=operation.pk, lease_until__isnull=False).update(lease_until=now)


def ran(operation: Operation, times: int = 1) -> Operation:
    """The operation after a worker took it up so often, each time when it was due."""
    for _ in range(times):
        make_due(operation)
        runner.run(operation.pk)
    operation.refresh_from_db()
    return operation


def row(operation: Operation, name: str) -> Row:
    return operation.steps.get(name=name)
