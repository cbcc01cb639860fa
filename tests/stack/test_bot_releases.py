"""New releases of the reference bot come out behind the same moving tag, good and broken."""

from collections.abc import Iterator

import docker
import httpx
import pytest

from sandbox.stack.bot_image import Release, digest, push_release
from sandbox.stack.engine import Engine
from tests.stack.processes import eventually


@pytest.fixture
def registry(stack: dict[str, str], engine: Engine) -> Iterator[str]:
    """Return the registry's address; the first release is back behind the tag afterwards."""
    yield stack["WOPR_STACK_REGISTRY"]
    push_release(engine, stack["WOPR_STACK_REGISTRY"], Release())


def test_a_newer_release_gets_another_digest_and_the_old_one_stays(
    registry: str, engine: Engine, containers: docker.DockerClient
) -> None:
    first = digest(registry)

    second = push_release(engine, registry, Release("1.1.0"))

    assert second != first
    assert digest(registry) == second
    assert containers.images.pull(f"{registry}/wopr@{first}")


def test_a_broken_release_starts_and_never_gets_healthy(
    registry: str, engine: Engine, containers: docker.DockerClient, stack: dict[str, str]
) -> None:
    broken = push_release(engine, registry, Release("1.2.0", healthy=False))
    container = containers.containers.run(
        f"{registry}/wopr@{broken}",
        detach=True,
        ports={"7437/tcp": ("127.0.0.1", None)},
        labels={"wopr.deployment": stack["WOPR_DEPLOYMENT"]},
    )
    try:
        container.reload()
        address = f"http://127.0.0.1:{container.ports['7437/tcp'][0]['HostPort']}"
        eventually(lambda: answers(address), "the broken bot to answer")

        assert httpx.get(f"{address}/").json()["version"] == "1.2.0"
        assert httpx.get(f"{address}/health").status_code == 500
    finally:
        container.remove(force=True, v=True)


def answers(address: str) -> bool:
    try:
        return httpx.get(f"{address}/").status_code == 200
    except httpx.TransportError:
        return False
