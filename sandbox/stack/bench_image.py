"""The product's image: how large it is, and how long a container of it takes to answer."""

import time

import docker
import httpx

from sandbox.stack.infrastructure import Infrastructure
from sandbox.stack.local_images import Builder
from sandbox.stack.product import answers
from sandbox.stack.supervisor import StackError, wait_until

LARGEST_MB, SLOWEST_SECONDS = 600, 15.0


def measure_image(parts: Infrastructure) -> int:
    """Print size and cold start; 1 when either is more than it should be."""
    if parts.engine is None:
        raise StackError("the stack is not started")
    client = parts.engine.client(timeout=900)
    builder = Builder(parts.supervisor, client)
    name, base = builder.platform(), builder.base()
    size, below = (client.images.get(each).attrs["Size"] >> 20 for each in (name, base))
    seconds = cold_start(client, parts, name)
    print(f"\nimage {size} MB, of which {below} are its base; first answer after {seconds:.1f} s")
    return int(size > LARGEST_MB or seconds > SLOWEST_SECONDS)


def cold_start(client: docker.DockerClient, parts: Infrastructure, name: str) -> float:
    """Return the seconds from `docker run` to the first answer of a web process."""
    port = parts.edge.web_port
    began = time.monotonic()
    container = client.containers.run(
        name, ["platform-api", "--port", str(port)], detach=True, network_mode="host",
        environment=parts.environment(), read_only=True, tmpfs={"/tmp": "mode=1777"},
        cap_drop=["ALL"], mem_limit="500m",
    )  # fmt: skip
    try:
        with httpx.Client() as asking:
            address = f"http://127.0.0.1:{port}/api/live"
            wait_until(lambda: answers(asking, address), timeout=60, what=f"{name} to answer")
        return time.monotonic() - began
    finally:
        container.remove(force=True)
