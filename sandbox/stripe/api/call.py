"""What a handler is given."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from sandbox.stripe.objects import page
from sandbox.stripe.params import Params
from sandbox.stripe.world import World
from sandbox.types import Json

LIST_PARAMS = ("limit", "starting_after", "ending_before", "created")


@dataclass(frozen=True)
class Call:
    """One API call: its parameters and the parts of its path."""

    world: World
    params: Params
    path: dict[str, str]

    @property
    def id(self) -> str:
        """Return the object's id from the path."""
        return self.path["id"]

    def listed(
        self,
        kind: str,
        url: str,
        *filters: str,
        where: Callable[[Json], bool] | None = None,
    ) -> Json:
        """Answer a list call; `filters` are fields that must equal the parameter if it is sent."""
        self.params.allow((*LIST_PARAMS, *filters))
        found = filter(where, self.world.objects.of(kind))
        return page(self._equal(found, filters), self.params, url)

    def _equal(self, found: Iterable[Json], filters: tuple[str, ...]) -> list[Json]:
        wanted = {name: self.params.text(name) for name in filters if name in self.params}
        return [
            obj
            for obj in found
            if not obj.get("deleted")
            and all(_as_text(obj.get(name)) == value for name, value in wanted.items())
        ]


def _as_text(value: object) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    return None if value is None else str(value)


Handler = Callable[[Call], Json]
Table = list[tuple[str, str, Handler]]
