"""An engine behind SSH: the machine is known by its pinned key, and we by the node's own."""

import os
import signal
import subprocess
from pathlib import Path

import pytest

from fleet.engines.registry import engine
from fleet.models import Node
from tests.fleet.machines import Door
from tests.fleet.world import World
from tests.stack.processes import eventually
from wopr.common.errors import ProviderError

pytestmark = pytest.mark.django_db


@pytest.fixture
def behind(door: Door) -> Node:
    return Node.objects.create(
        name="behind-ssh",
        engine_url=door.url,
        ssh_host_key=door.host_key,
        ssh_key=door.key,
        address="127.0.0.1",
        memory_mb=8192,
    )


def test_a_node_is_reached_by_ssh(behind: Node, world: World) -> None:
    mine = {"wopr.deployment": os.environ["WOPR_DEPLOYMENT"]}
    world.engine.api.create_volume("wopr-seen-by-ssh", labels=mine)

    assert "wopr-seen-by-ssh" in {volume.name for volume in engine(behind).list_volumes()}
    assert engine(behind).volume_sizes()["wopr-seen-by-ssh"] == 0


def test_a_machine_with_another_host_key_is_not_believed(behind: Node, door: Door) -> None:
    behind.ssh_host_key = (door.folder / "client.pub").read_text()

    with pytest.raises(ProviderError, match=r"[Hh]ost key"):
        engine(behind).list_containers()


def test_what_this_machine_knows_of_hosts_and_keys_is_not_asked(
    behind: Node, door: Door, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither ~/.ssh/known_hosts nor ~/.ssh/config nor a key there lets anybody in."""
    home = tmp_path / "home" / ".ssh"
    home.mkdir(parents=True)
    (home / "id_ed25519").write_text(door.key)
    (home / "known_hosts").write_text(f"* {door.host_key}")
    monkeypatch.setenv("HOME", str(home.parent))
    behind.ssh_host_key, behind.ssh_key = "", ""

    with pytest.raises(ProviderError, match="nobody can tell the machine from another"):
        engine(behind).list_containers()
    behind.ssh_host_key = door.host_key
    with pytest.raises(ProviderError, match="none that SSH knows"):
        engine(behind).list_containers()


def test_a_key_that_the_machine_does_not_know_is_turned_away(behind: Node, door: Door) -> None:
    behind.ssh_key = (door.folder / "host").read_text()

    with pytest.raises(ProviderError, match="Authentication failed"):
        engine(behind).list_containers()


def test_a_connection_that_broke_is_made_again(behind: Node, door: Door) -> None:
    engine(behind).list_volumes()
    parent = subprocess.run(
        ["pgrep", "--full", f"sshd.* -f {door.folder}/sshd_config"], capture_output=True, text=True
    )
    [server] = parent.stdout.split()
    sessions = subprocess.run(["pgrep", "--parent", server], capture_output=True, text=True)
    for session in sessions.stdout.split():
        os.kill(int(session), signal.SIGKILL)

    def answers() -> bool:
        try:
            return bool(engine(behind).list_volumes() is not None)
        except ProviderError:
            return False

    eventually(answers, "the engine to answer again")
