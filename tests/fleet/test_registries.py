"""Bots run from the registries that the operator named, whatever a row says."""

import os
from collections.abc import Iterator
from typing import Any

import pytest
from docker import DockerClient

from fleet.engines.docker import DockerEngine
from sandbox.stack.engine import Engine
from tests.fleet.test_container_config import spec_with
from wopr.common.errors import ProviderError

URL = os.environ.get("WOPR_STACK_ENGINE", "")
STRANGERS = [
    "evil.example/wopr",
    "docker.io/library/busybox",
    "busybox",
    "ghcr.io/wopr-network/wopr",  # as long as this platform's image is another registry's
]


@pytest.fixture
def machine() -> Iterator[DockerClient]:
    client = Engine(URL, is_local=True).client()
    yield client
    client.close()


@pytest.mark.parametrize("repository", STRANGERS)
def test_an_image_of_another_registry_is_neither_fetched_nor_run(repository: str) -> None:
    engine, digest = DockerEngine(URL), f"{repository}@sha256:{'0' * 64}"
    for asked in (
        lambda: engine.pull(f"{repository}:latest"),
        lambda: engine.pull_digest(digest),
        lambda: engine.create_container(spec_with(image=digest)),
    ):
        with pytest.raises(ProviderError, match="WOPR_MORE_REGISTRIES") as refused:
            asked()
        assert refused.value.permanent


def test_a_name_that_only_looks_like_our_registry_is_another(settings: Any) -> None:
    settings.WOPR_BOT_IMAGE = "ghcr.io/wopr-network/wopr:latest"
    for stranger in ("ghcr.io.evil.example/wopr", "evil.example/ghcr.io/wopr", "ghcr.io:81/wopr"):
        with pytest.raises(ProviderError, match="WOPR_MORE_REGISTRIES"):
            DockerEngine(URL).pull(f"{stranger}:latest")


def test_an_image_that_somebody_put_on_the_machine_is_not_run(machine: DockerClient) -> None:
    """It is there, so that nothing has to be fetched; the name that it was given opens nothing."""
    ours = DockerEngine(URL).pull(os.environ["WOPR_BOT_IMAGE"])
    machine.images.get(ours).tag("evil.example/wopr", "planted")
    try:
        digest = f"evil.example/wopr@{ours.partition('@')[2]}"
        with pytest.raises(ProviderError, match=r"evil\.example is neither"):
            DockerEngine(URL).create_container(spec_with(image=digest))
    finally:
        machine.images.remove("evil.example/wopr:planted")


def test_a_registry_beside_it_is_one_that_the_operator_names(settings: Any) -> None:
    settings.WOPR_MORE_REGISTRIES = ["127.0.0.1:1"]
    with pytest.raises(ProviderError, match="could not be pulled") as failed:
        DockerEngine(URL).pull("127.0.0.1:1/wopr:latest")
    assert "WOPR_MORE_REGISTRIES" not in str(failed.value)
