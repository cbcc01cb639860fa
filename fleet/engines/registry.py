"""The kinds of engines that there are.

Adding one is a module that gives an engine for a node, a line here, and a choice of the node's.
"""

from collections.abc import Callable

from fleet.engines import docker
from fleet.engines.base import Engine
from fleet.models import Node

ENGINES: dict[str, Callable[[Node], Engine]] = {Node.EngineKind.DOCKER: docker.engine}


def engine(node: Node) -> Engine:
    """The engine of that node, by the kind that its row says."""
    return ENGINES[node.engine_kind](node)
