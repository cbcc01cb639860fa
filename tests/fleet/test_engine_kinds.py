"""A node says what kind of engine it has; another kind is one more module and a line."""

import pytest

from fleet.engines import registry
from fleet.engines.docker import DockerEngine
from fleet.models import Node
from fleet.tasks import node_compare
from wopr.common.errors import ProviderError


def test_a_node_has_docker_unless_it_says_otherwise(node: Node) -> None:
    assert isinstance(registry.engine(node), DockerEngine)


@pytest.mark.django_db(transaction=True)
def test_workers_ask_the_engine_that_the_node_names(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def swarm(node: Node) -> DockerEngine:
        asked.append(node)
        raise ProviderError("the swarm is away")

    monkeypatch.setitem(registry.ENGINES, "swarm", swarm)
    Node.objects.update(engine_kind="swarm")

    node_compare(str(node.pk))

    node.refresh_from_db()
    assert asked == [node]
    assert node.unreachable_since is not None
