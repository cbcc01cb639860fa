"""The address at which a provider tells a machine its secrets is out of a bot's reach.

A node's own firewall, as cloud-init writes it, between a bot and a provider: three network
namespaces of this machine.
"""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from fleet import cloud_init
from fleet.models import Server
from tests.providers.booting import files_of

METADATA, ELSEWHERE = "169.254.169.254", "198.18.0.1"
# A bot's network, the node between, and the provider's, which has both addresses.
PLAN = f"""
link add to-bot netns {{node}} type veth peer name out netns {{bot}}
link add to-world netns {{node}} type veth peer name out netns {{world}}
-n {{bot}} address add 10.77.0.2/24 dev out
-n {{node}} address add 10.77.0.1/24 dev to-bot
-n {{node}} address add 10.78.0.1/24 dev to-world
-n {{world}} address add 10.78.0.2/24 dev out
-n {{bot}} link set out up
-n {{node}} link set to-bot up
-n {{node}} link set to-world up
-n {{world}} link set out up
-n {{world}} link set lo up
-n {{world}} address add {METADATA}/32 dev lo
-n {{world}} address add {ELSEWHERE}/32 dev lo
-n {{bot}} route add default via 10.77.0.1
-n {{world}} route add default via 10.78.0.1
-n {{node}} route add {METADATA} via 10.78.0.2
-n {{node}} route add {ELSEWHERE} via 10.78.0.2
"""
LISTEN = """
import socket
door = socket.create_server(("0.0.0.0", 80))
print("listening", flush=True)
while True:
    door.accept()[0].close()
"""
REACHES = """
import socket, sys
try:
    socket.create_connection((sys.argv[1], 80), timeout=2).close()
except OSError:
    sys.exit(1)
"""


class Ground:
    """Three networks in a row."""

    def __init__(self) -> None:
        mark = uuid4().hex[:8]
        self.names = {name: f"{name}-{mark}" for name in ("bot", "node", "world")}

    def inside(self, name: str, *command: str) -> list[str]:
        return ["ip", "netns", "exec", self.names[name], *command]

    def bot_reaches(self, address: str) -> bool:
        asked = self.inside("bot", sys.executable, "-c", REACHES, address)
        return subprocess.run(asked).returncode == 0


@pytest.fixture
def ground() -> Iterator[Ground]:
    ground = Ground()
    for name in ground.names.values():
        subprocess.run(["ip", "netns", "add", name], check=True)
    listening = None
    try:
        for line in PLAN.format(**ground.names).strip().splitlines():
            subprocess.run(["ip", *line.split()], check=True)
        forward = ground.inside("node", "sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward")
        subprocess.run(forward, check=True)
        door = ground.inside("world", sys.executable, "-c", LISTEN)
        listening = subprocess.Popen(door, stdout=subprocess.PIPE)
        assert listening.stdout
        assert listening.stdout.readline() == b"listening\n"
        yield ground
    finally:
        if listening is not None:
            listening.kill()
            listening.communicate()
        for name in ground.names.values():
            subprocess.run(["ip", "netns", "delete", name], check=True)


def test_a_bot_does_not_reach_the_metadata_of_its_machine(
    ground: Ground, tmp_path: Path, settings: Any
) -> None:
    settings.WOPR_NODE_SOURCES = ["203.0.113.9/32"]
    assert ground.bot_reaches(METADATA), "without a firewall it does"
    rules = tmp_path / "nftables.conf"
    told = cloud_init.user_data(Server(provider="hetzner"), token="0123.token-of-a-test")
    rules.write_text(files_of(told)["/etc/nftables.conf"])
    subprocess.run(ground.inside("node", "nft", "--file", str(rules)), check=True)
    assert not ground.bot_reaches(METADATA)
    assert ground.bot_reaches(ELSEWHERE)
