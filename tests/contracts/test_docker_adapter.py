"""Our Docker adapter against a real engine: what it reports, and how it blames."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.conf import settings

from fleet.engines.base import ContainerSpec
from fleet.engines.docker import DockerEngine
from sandbox.stack.bot_image import digest
from tests.conftest import free_port
from tests.fleet.world import World
from wopr.common.errors import ProviderError

NAME = "wopr-bot-contract"
VOLUME = "wopr-data-contract"
IMAGE = os.environ.get("WOPR_BOT_IMAGE", "")


@pytest.fixture
def adapter(world: World) -> DockerEngine:
    return DockerEngine(os.environ["WOPR_STACK_ENGINE"])


@pytest.fixture
def spec(adapter: DockerEngine) -> ContainerSpec:
    adapter.ensure_network(settings.WOPR_ENGINE_NETWORK, settings.WOPR_ENGINE_SUBNET)
    return ContainerSpec(
        name=NAME,
        image=adapter.pull(IMAGE),
        labels={"wopr.deployment": settings.WOPR_DEPLOYMENT, "wopr.instance": "contract"},
        environment={"HOME": "/data"},
        volume=VOLUME,
        network=settings.WOPR_ENGINE_NETWORK,
        publish=("127.0.0.1", free_port()),
        container_port=7437,
        memory_mb=256,
        cpu_millis=500,
        pids=64,
    )


@pytest.fixture(autouse=True)
def no_volume_left(world: World) -> Iterator[None]:
    yield
    world.clean()
    DockerEngine(os.environ["WOPR_STACK_ENGINE"]).remove_volume(VOLUME)


def test_a_pull_gives_the_digest_behind_the_tag(adapter: DockerEngine) -> None:
    registry = os.environ["WOPR_STACK_REGISTRY"]

    assert adapter.pull(IMAGE) == f"{registry}/wopr@{digest(registry)}"


@pytest.mark.parametrize("missing", ["nobody:latest", "wopr:no-such-tag"])
def test_an_image_that_is_not_there_is_permanent(adapter: DockerEngine, missing: str) -> None:
    image = f"{os.environ['WOPR_STACK_REGISTRY']}/{missing}"

    with pytest.raises(ProviderError, match=f"The image {image} could not be pulled") as refusal:
        adapter.pull(image)

    assert refusal.value.permanent


def test_a_registry_that_is_away_is_worth_another_try(adapter: DockerEngine) -> None:
    with pytest.raises(ProviderError, match="could not be pulled") as failure:
        adapter.pull("127.0.0.1:1/wopr:latest")

    assert not failure.value.permanent


def test_a_container_is_reported_from_creation_to_removal(
    adapter: DockerEngine, spec: ContainerSpec
) -> None:
    assert adapter.find_container(NAME) is None

    created_id = adapter.create_container(spec)
    created = adapter.find_container(NAME)
    assert created
    assert (created.id, created.running, created.published) == (created_id, False, None)
    assert created.labels == spec.labels
    assert created.image_digest == spec.image

    adapter.start_container(NAME)
    started = adapter.find_container(NAME)
    assert started
    assert (started.running, started.published) == (True, spec.publish)

    adapter.stop_container(NAME)
    stopped = adapter.find_container(NAME)
    assert stopped
    assert (stopped.running, stopped.published) == (False, None)

    adapter.remove_container(NAME)
    assert adapter.find_container(NAME) is None


def test_what_is_done_already_is_no_error(adapter: DockerEngine, spec: ContainerSpec) -> None:
    adapter.create_container(spec)
    for _ in range(2):
        adapter.start_container(NAME)
    for _ in range(2):
        adapter.stop_container(NAME)
    for _ in range(2):
        adapter.remove_container(NAME)
    for _ in range(2):
        adapter.remove_volume(VOLUME)


def test_a_name_that_is_taken_is_worth_another_look(
    adapter: DockerEngine, spec: ContainerSpec
) -> None:
    adapter.create_container(spec)

    with pytest.raises(ProviderError, match="already in use") as refusal:
        adapter.create_container(spec)

    assert not refusal.value.permanent


def test_a_container_that_is_not_there_cannot_be_started(adapter: DockerEngine) -> None:
    with pytest.raises(ProviderError, match="No such container") as refusal:
        adapter.start_container(NAME)

    assert refusal.value.permanent


def test_files_can_be_seeded_and_seen_before_the_first_start(
    adapter: DockerEngine, spec: ContainerSpec
) -> None:
    adapter.create_container(spec)
    assert not adapter.has_file(NAME, "daemon-token")

    adapter.seed_files(NAME, {"daemon-token": b"0" * 64})

    assert adapter.has_file(NAME, "daemon-token")


def test_a_volume_is_found_with_its_labels(adapter: DockerEngine, world: World) -> None:
    labels = {"wopr.deployment": settings.WOPR_DEPLOYMENT, "wopr.instance": "contract"}
    assert adapter.find_volume(VOLUME) is None

    adapter.create_volume(VOLUME, labels)

    assert adapter.find_volume(VOLUME) == labels


def test_workers_that_want_the_network_at_once_make_one(
    adapter: DockerEngine, world: World
) -> None:
    name = settings.WOPR_ENGINE_NETWORK
    for network in world.engine.api.networks(names=[name]):
        world.engine.api.remove_network(network["Id"])

    def try_once(_: int) -> bool:
        """Whether nothing failed for good: a creation under way may be waited for."""
        try:
            DockerEngine(os.environ["WOPR_STACK_ENGINE"]).ensure_network(
                name, settings.WOPR_ENGINE_SUBNET
            )
        except ProviderError as error:
            return not error.permanent
        return True

    with ThreadPoolExecutor(max_workers=8) as workers:
        assert all(workers.map(try_once, range(8)))
    assert [network["Name"] for network in world.engine.api.networks(names=[name])] == [name]


def test_an_engine_that_is_away_is_named_and_worth_another_try() -> None:
    away = DockerEngine("unix:///nonexistent/docker.sock")

    with pytest.raises(ProviderError, match=r"unix:///nonexistent/docker\.sock") as failure:
        away.find_container(NAME)

    assert not failure.value.permanent
