"""An image registry on loopback, from which the engine really pulls."""

import shutil
import sys
import urllib.error
import urllib.request
from collections.abc import Callable

from docker.errors import ImageNotFound

from sandbox.stack.engine import Engine
from sandbox.stack.places import Folder
from sandbox.stack.slots import port_answers
from sandbox.stack.supervisor import Part, Supervisor

IMAGE = "registry:2"
CONFIGURATION = """\
version: 0.1
log: {{level: warn, accesslog: {{disabled: true}}}}
storage:
  filesystem: {{rootdirectory: {data}}}
  delete: {{enabled: true}}
http: {{addr: "127.0.0.1:{port}"}}
"""


def start_registry(supervisor: Supervisor, folder: Folder, engine: Engine, port: int) -> str:
    """Start a registry and return its `host:port`."""
    address = f"127.0.0.1:{port}"
    program = shutil.which("docker-registry")
    if program is not None and engine.is_local:
        settings = folder.path / "registry.yml"
        data = folder.path / "registry"
        settings.write_text(CONFIGURATION.format(data=data, port=port))
        command = [program, "serve", str(settings)]
    else:
        command = in_container(engine, folder.deployment, port)
    supervisor.start(Part(name="registry", command=command, ready=answers(address, port)))
    return address


def in_container(engine: Engine, deployment: str, port: int) -> list[str]:
    """Return a command that runs the registry by the engine, in the foreground."""
    client = engine.client(timeout=300)
    try:
        client.images.get(IMAGE)
    except ImageNotFound:
        client.images.pull(IMAGE)
    return [
        *(sys.executable, "-m", "sandbox.stack.container_process", engine.url, IMAGE),
        *(f"{deployment}-registry", "5000", str(port)),
    ]


def answers(address: str, port: int) -> Callable[[], bool]:
    """Return a check that the registry speaks its protocol."""

    def ready() -> bool:
        if not port_answers(port):
            return False
        try:
            with urllib.request.urlopen(f"http://{address}/v2/", timeout=2) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, ConnectionError):
            return False

    return ready
