"""The DNS server that stands for everybody's, so that custom domains work on this machine."""

import sys

import httpx

from sandbox.stack.places import REPOSITORY
from sandbox.stack.supervisor import Part, Supervisor


def start_nameserver(
    supervisor: Supervisor, tenant_domain: str, port: int, control_port: int
) -> str:
    """Start it, and return the address at which it is asked. Bots' own names lead to loopback."""
    control = f"http://127.0.0.1:{control_port}"
    ports = ["--port", str(port), "--control-port", str(control_port)]
    supervisor.start(
        Part(
            name="nameserver",
            command=[
                sys.executable,
                "-m",
                "sandbox.nameserver",
                *ports,
                "--edge",
                f"*.{tenant_domain}=127.0.0.1",
            ],
            folder=REPOSITORY,
            ready=lambda: answers(control),
        )
    )
    return f"127.0.0.1:{port}"


def answers(control: str) -> bool:
    """Say whether its control is there; it answers questions by then."""
    try:
        return httpx.get(control, timeout=2).status_code == httpx.codes.OK
    except httpx.TransportError:
        return False
