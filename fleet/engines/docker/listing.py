"""Everything that is on a node, in two calls however many bots it hosts."""

from collections.abc import Collection
from typing import Any

from fleet.engines.base import ListedContainer, ListedVolume
from fleet.engines.docker.config import MADE_OF, digest_among
from fleet.engines.docker.connection import Connection, translated

# One that the engine is starting again, or holds still for a backup, has not ended.
_RUNNING = {"running", "restarting", "paused"}


class Listing(Connection):
    def list_containers(self) -> list[ListedContainer]:
        with translated("The containers could not be listed"):
            found = self._quick_api.containers(all=True)
            # One more call, and only where Podman lists one of ours by a tag.
            is_vague = self._is_podman and any(map(_is_vague, found))
            images = self._quick_api.images() if is_vague else []
        digests = {image["Id"]: image["RepoDigests"] or () for image in images}
        return [_container(one, digests) for one in found]

    def list_volumes(self) -> list[ListedVolume]:
        with translated("The volumes could not be listed"):
            found = self._quick_api.volumes()["Volumes"] or []
        return [ListedVolume(volume["Name"], volume.get("Labels") or {}) for volume in found]


def _is_vague(found: dict[str, Any]) -> bool:
    """Whether a container that was made of a digest is listed by a name that tells none."""
    return MADE_OF in (found.get("Labels") or {}) and "sha256:" not in found["Image"]


def _container(found: dict[str, Any], digests: dict[str, Collection[str]]) -> ListedContainer:
    is_running, labels = found["State"] in _RUNNING, found.get("Labels") or {}
    ports = (found.get("Ports") or ()) if is_running else ()
    bound = next((port for port in ports if "PublicPort" in port), None)
    return ListedContainer(
        name=found["Names"][0].lstrip("/"),
        image=digest_among(digests.get(found["ImageID"], ()), found["Image"], labels),
        running=is_running,
        labels=labels,
        published=(bound["IP"], bound["PublicPort"]) if bound else None,
        said=found.get("Status", ""),
    )
