"""The GPU node of this machine: it has no GPU, and answers as if it had."""

import sys
from functools import partial

import httpx

from sandbox.stack.places import REPOSITORY
from sandbox.stack.supervisor import Part, Supervisor


def start_gpu_node(supervisor: Supervisor, port: int, token: str) -> None:
    """Start all its services behind one port; they ask for the token, as a node's proxy does."""
    supervisor.start(
        Part(
            name="gpu node",
            command=[sys.executable, "-m", "sandbox.inference", "--port", str(port)],
            environment={"SANDBOX_GPU_TOKEN": token},
            folder=REPOSITORY,
            ready=partial(answers, f"http://127.0.0.1:{port}/health"),
        )
    )


def models_of_nobody() -> str:
    """Return the setting of downloads: no machine here ever downloads them."""
    names = ("llama.gguf", "qwen.gguf", "chatterbox/ve.pt")
    return ",".join(f"{name} {'0' * 64} https://models.wopr.localhost/{name}" for name in names)


def answers(url: str) -> bool:
    """Say whether the services are there."""
    try:
        return httpx.get(url, timeout=2).status_code == httpx.codes.OK
    except httpx.TransportError:
        return False
