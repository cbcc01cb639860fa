"""A server's life as a test drives it: workers, time, and the machine itself."""

import time
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from fleet.models import Operation, Server
from fleet.operations import runner
from tests.providers.booting import Machine
from tests.providers.vendors import Vendor

PATIENCE = 60.0


class Life:
    """Plays everything that is not the product."""

    def __init__(self, vendor: Vendor, server: Server, folder: Path) -> None:
        self.vendor, self.server, self.folder = vendor, server, folder
        self._engines = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._engines.close()

    @property
    def operation(self) -> Operation:
        """The newest of this server's."""
        found = Operation.objects.filter(subject_id=self.server.pk).order_by("-created_at").first()
        assert found is not None
        return found

    def work(self) -> Operation:
        """A worker takes the operation as far as it goes now, waiting or not."""
        Operation.objects.filter(pk=self.operation.pk).update(
            next_attempt_at=self.operation.created_at
        )
        runner.run(self.operation.pk)
        self.server.refresh_from_db()
        return self.operation

    def finish(self) -> Operation:
        """Works until the operation has ended; the machine enrols when it is its turn."""
        end = time.monotonic() + PATIENCE
        while self.work().is_live:
            self.boot()
            said = list(self.operation.steps.values_list("name", "state", "message"))
            assert time.monotonic() < end, said
        return self.operation

    def boot(self) -> None:
        """The machine does what its cloud-init says, once the platform waits for it."""
        self.server.refresh_from_db()
        waits = self.server.status == Server.Status.ENROLLING and not self.server.enrolled_at
        if waits:
            answer = self.machine().enrol()
            assert answer.status_code == 200, answer.content
            self._open_engine(answer.json())

    def _open_engine(self, given: dict[str, str]) -> None:
        self._engines.enter_context(self.machine().engine(given, self.folder))

    def machine(self) -> Any:
        [row] = [row for row in self.vendor.machines() if row["name"] == self.server.name]
        if not hasattr(self, "_machine"):
            self._machine = Machine(row)
        return self._machine

    def history(self) -> list[str]:
        moves = self.server.moves.order_by("pk")
        return [move.after for move in moves]
