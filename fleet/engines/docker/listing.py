"""Everything that is on a node, in two calls however many bots it hosts."""

from typing import Any

from fleet.engines.base import ListedContainer, ListedVolume
from fleet.engines.docker.connection import Connection, translated

# One that the engine is starting again, or holds still for a backup, has not ended.
_RUNNING = {"running", "restarting", "paused"}


class Listing(Connection):
    def list_containers(self) -> list[ListedContainer]:
        with translated("The containers could not be listed"):
            return [_container(found) for found in self._quick_api.containers(all=True)]

    def list_volumes(self) -> list[ListedVolume]:
        with translated("The volumes could not be listed"):
            found = self._quick_api.volumes()["Volumes"] or []
        return [ListedVolume(volume["Name"], volume.get("Labels") or {}) for volume in found]


def _container(found: dict[str, Any]) -> ListedContainer:
    bound = next((port for port in found.get("Ports") or () if "PublicPort" in port), None)
    return ListedContainer(
        name=found["Names"][0].lstrip("/"),
        image=found["Image"],
        running=found["State"] in _RUNNING,
        labels=found.get("Labels") or {},
        published=(bound["IP"], bound["PublicPort"]) if bound else None,
        said=found.get("Status", ""),
    )
