"""Docker Engine, and whatever speaks its API (Podman), through docker-py's low-level client."""

from functools import lru_cache

from fleet.engines.base import Engine
from fleet.engines.docker.containers import Containers
from fleet.engines.docker.credentials import Access
from fleet.engines.docker.images import Images
from fleet.engines.docker.listing import Listing
from fleet.engines.docker.storage import Volumes
from fleet.engines.docker.watching import Watching
from fleet.models import Node


class DockerEngine(Images, Volumes, Containers, Watching, Listing):
    """One node's engine; each base class is one part of its API."""


def engine(node: Node) -> Engine:
    """The engine of that node; its connections are kept between calls."""
    return _engine(Access.to(node))


@lru_cache(maxsize=256)
def _engine(access: Access) -> Engine:
    return DockerEngine(access)
