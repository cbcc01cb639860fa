"""The running stack that `make test` (with-infrastructure) described in the environment."""

import os

import docker
import pytest

from sandbox.stack.engine import Engine


@pytest.fixture(scope="session")
def stack() -> dict[str, str]:
    """Return the variables of the stack that these tests run in."""
    assert "WOPR_STACK_ENGINE" in os.environ, "run the tests by: make test ONLY=tests/stack"
    return dict(os.environ)


@pytest.fixture(scope="session")
def engine(stack: dict[str, str]) -> Engine:
    """Return the stack's container engine."""
    return Engine(stack["WOPR_STACK_ENGINE"], is_local=True)


@pytest.fixture(scope="session")
def containers(engine: Engine) -> docker.DockerClient:
    """Return a client of the engine."""
    return engine.client()
