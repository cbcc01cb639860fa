"""Our Docker adapter against real engines: what it reports, and how it blames.

Podman is asked by the same calls at its compatible socket, and has to give the same answers.
"""

import io
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from typing import Any

import docker
import pytest
from django.conf import settings
from django.utils import timezone

from fleet.archives import manifest_of
from fleet.engines.base import ContainerSpec, Limits, NotInPlace
from fleet.engines.docker import DockerEngine
from sandbox.stack.bot_image import digest
from sandbox.stack.engines import other_machine
from tests.conftest import free_port
from tests.fleet.world import World
from tests.stack.processes import eventually
from wopr.common.errors import ProviderError

NAME = "wopr-bot-contract"
NEIGHBOUR = "wopr-bot-neighbour"
IMAGE = os.environ.get("WOPR_BOT_IMAGE", "")


@pytest.fixture(scope="module", params=["docker", "podman"])
def engine_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """This stack's engine, and a Podman that pulls from this stack's registry, too."""
    if request.param == "docker":
        yield os.environ["WOPR_STACK_ENGINE"]
        return
    registry = int(os.environ["WOPR_STACK_REGISTRY"].rpartition(":")[2])
    with other_machine(reaching=(registry,), podman=True) as machine:
        yield machine.engine.url


@pytest.fixture
def adapter(engine_url: str, world: World) -> Iterator[DockerEngine]:
    """Left without a container or volume of ours."""
    adapter = DockerEngine(engine_url)
    yield adapter
    for name in (NAME, NEIGHBOUR):
        adapter.remove_container(name)
        adapter.remove_volume(volume_of(name))


@pytest.fixture
def spec(adapter: DockerEngine) -> ContainerSpec:
    adapter.ensure_network(settings.WOPR_ENGINE_NETWORK, settings.WOPR_ENGINE_SUBNET)
    return ContainerSpec(
        name=NAME,
        image=adapter.pull(IMAGE),
        labels={"wopr.deployment": settings.WOPR_DEPLOYMENT, "wopr.instance": "contract"},
        environment={"HOME": "/data"},
        volume=volume_of(NAME),
        network=settings.WOPR_ENGINE_NETWORK,
        publish=("127.0.0.1", free_port()),
        container_port=7437,
        memory_mb=256,
        cpu_millis=500,
        pids=64,
    )


def volume_of(name: str) -> str:
    return f"{name}-data"


def test_a_pull_gives_the_digest_behind_the_tag(adapter: DockerEngine) -> None:
    registry = os.environ["WOPR_STACK_REGISTRY"]

    assert adapter.pull(IMAGE) == f"{registry}/wopr@{digest(registry)}"


@pytest.mark.parametrize("missing", ["nobody:latest", "wopr:no-such-tag"])
def test_an_image_that_is_not_there_is_permanent(adapter: DockerEngine, missing: str) -> None:
    image = f"{os.environ['WOPR_STACK_REGISTRY']}/{missing}"

    with pytest.raises(ProviderError, match=f"The image {image} could not be pulled") as refusal:
        adapter.pull(image)

    assert refusal.value.permanent


def test_a_registry_that_is_away_is_worth_another_try(adapter: DockerEngine, settings: Any) -> None:
    settings.WOPR_MORE_REGISTRIES = ["127.0.0.1:1"]
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
    assert created.labels == {**spec.labels, "wopr.image": spec.image}
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
        adapter.remove_volume(volume_of(NAME))


def test_a_name_that_is_taken_is_worth_another_look(
    adapter: DockerEngine, spec: ContainerSpec
) -> None:
    adapter.create_container(spec)

    with pytest.raises(ProviderError, match="already in use") as refusal:
        adapter.create_container(spec)

    assert not refusal.value.permanent


def test_a_container_that_is_not_there_cannot_be_started(adapter: DockerEngine) -> None:
    with pytest.raises(ProviderError, match=r"(?i)no such container") as refusal:
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
    assert adapter.find_volume(volume_of(NAME)) is None

    adapter.create_volume(volume_of(NAME), labels)

    assert adapter.find_volume(volume_of(NAME)) == labels


def test_a_container_is_listed_with_its_digest_though_its_image_has_a_tag(
    adapter: DockerEngine, spec: ContainerSpec
) -> None:
    adapter.create_container(spec)
    adapter.start_container(NAME)

    [listed] = [found for found in adapter.list_containers() if found.name == NAME]

    assert (listed.image, listed.running, listed.published) == (spec.image, True, spec.publish)
    adapter.stop_container(NAME)
    [listed] = [found for found in adapter.list_containers() if found.name == NAME]
    assert (listed.image, listed.running, listed.published) == (spec.image, False, None)


def test_one_that_is_to_rest_is_not_started_by_the_engine(
    adapter: DockerEngine, spec: ContainerSpec
) -> None:
    adapter.create_container(spec)
    adapter.start_container(NAME)
    assert (found := adapter.find_container(NAME))
    assert found.restarts

    adapter.set_restarting(NAME, restarts=False)
    adapter.stop_container(NAME)

    assert (found := adapter.find_container(NAME))
    assert not found.restarts


def test_limits_are_changed_in_place_or_the_engine_says_that_it_cannot(
    adapter: DockerEngine, spec: ContainerSpec
) -> None:
    adapter.create_container(spec)
    wanted, before = Limits(300, 700, 80), Limits(256, 500, 64)
    try:
        adapter.set_limits(NAME, wanted)
    except NotInPlace:
        wanted = before

    assert (found := adapter.find_container(NAME))
    assert found.limits == wanted


def test_only_one_that_runs_uses_something(adapter: DockerEngine, spec: ContainerSpec) -> None:
    adapter.create_container(spec)
    assert adapter.container_uses([NAME, "nobody"]) == {}

    adapter.start_container(NAME)

    eventually(lambda: bool(adapter.container_uses([NAME, "nobody"])), "a reading of the bot's use")
    uses = adapter.container_uses([NAME, "nobody"])
    assert list(uses) == [NAME]
    assert uses[NAME].memory > 0


def test_starts_and_ends_are_told_with_their_codes_and_no_others(
    adapter: DockerEngine, spec: ContainerSpec
) -> None:
    adapter.create_container(spec)
    _, before = adapter.container_events("wopr.instance=contract", timezone.now())
    adapter.start_container(NAME)
    eventually(lambda: bool(adapter.read_log(NAME, lines=1)), "the bot to write something")
    adapter.stop_container(NAME)

    told, _ = adapter.container_events("wopr.instance=contract", before)

    assert [event.what for event in told] == ["started", "ended"]
    assert told[1].exit_code in {0, 143}
    assert told[0].labels["wopr.instance"] == "contract"
    assert adapter.container_events("wopr.instance=another", before)[0] == []


def test_data_is_read_and_written_with_its_owners(
    adapter: DockerEngine, spec: ContainerSpec
) -> None:
    adapter.create_container(spec)
    adapter.seed_files(NAME, {"daemon-token": b"0" * 64})
    adapter.start_container(NAME)
    adapter.scratch_container(NEIGHBOUR, spec.image, {})

    adapter.write_data(NEIGHBOUR, adapter.read_data(NAME))

    manifest = manifest_of(io.BytesIO(b"".join(adapter.read_data(NEIGHBOUR))))
    assert manifest["./daemon-token"][:4] == ["file", "0o600", "1000:1000", 64]
    assert (found := adapter.find_container(NAME))
    assert found.running
    adapter.remove_container(NEIGHBOUR)
    adapter.remove_volume(NEIGHBOUR)


def test_neighbours_do_not_reach_one_another(
    engine_url: str, adapter: DockerEngine, spec: ContainerSpec
) -> None:
    second = replace(spec, name=NEIGHBOUR, volume=volume_of(NEIGHBOUR))
    for each in (spec, replace(second, publish=("127.0.0.1", spec.publish[1] + 1))):
        adapter.create_container(each)
        adapter.start_container(each.name)
    with closing(docker.DockerClient(base_url=engine_url)) as client:
        own, other = (address_in(client, name) for name in (NAME, NEIGHBOUR))
        bot = client.containers.get(NAME)
        eventually(lambda: bot.exec_run(knock(own)).exit_code == 0, "the bot to listen")

        assert bot.exec_run(knock(other)).exit_code != 0


def address_in(client: docker.DockerClient, name: str) -> str:
    [network] = client.api.inspect_container(name)["NetworkSettings"]["Networks"].values()
    return str(network["IPAddress"])


def knock(address: str) -> list[str]:
    """Ends well if something listens there."""
    program = f"import socket; socket.create_connection(('{address}', 7437), timeout=2)"
    return ["python3", "-c", program]


def test_workers_that_want_the_network_at_once_make_one(world: World) -> None:
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
