"""Run a container as if it were an ordinary process: logs to stdout, gone on SIGTERM."""

import signal
import sys
from contextlib import suppress

import docker
from docker.errors import NotFound


def main(engine: str, image: str, name: str, inside: str, outside: str) -> int:
    """Run the image with one loopback port published until asked to end."""
    client = docker.DockerClient(base_url=engine, version="auto")
    with suppress(NotFound):
        client.containers.get(name).remove(force=True)
    container = client.containers.run(
        image, name=name, detach=True, ports={f"{inside}/tcp": ("127.0.0.1", int(outside))}
    )
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        for line in container.logs(stream=True, follow=True):
            sys.stdout.buffer.write(line)
            sys.stdout.flush()
        return 1
    finally:
        container.remove(force=True, v=True)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:6]))
