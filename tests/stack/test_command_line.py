"""`python -m sandbox.stack`: what it hands on, and that it leaves nothing behind."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from sandbox.stack.places import MACHINE, REPOSITORY, Folder
from sandbox.stack.slots import claim_slot
from tests.stack.processes import eventually, mentioning

STACK = [sys.executable, "-m", "sandbox.stack"]
# Starts a process of its own session and waits, as a test that hangs would.
HANGS = 'env > "$0.tmp"; mv "$0.tmp" "$0"; setsid sleep 600 & sleep 600'


@pytest.fixture
def noted(tmp_path: Path) -> Path:
    """Return the file into which the command inside the stack writes its environment."""
    return tmp_path / "environment"


@pytest.fixture
def hanging(noted: Path) -> Iterator["subprocess.Popen[str]"]:
    """Start a stack around a command that does not end by itself."""
    command = [*STACK, "with-infrastructure", "--", "bash", "-c", HANGS, str(noted)]
    process = subprocess.Popen(command, cwd=REPOSITORY, start_new_session=True, text=True)
    eventually(noted.exists, "the command inside the stack to start", timeout=120)
    yield process
    if process.poll() is None:
        process.terminate()
        process.wait(timeout=60)


def variables(noted: Path) -> dict[str, str]:
    pairs = (line.partition("=") for line in noted.read_text().splitlines())
    return {name: value for name, _, value in pairs}


def test_the_exit_code_and_the_folder_of_a_command_are_its_own(tmp_path: Path) -> None:
    noted = tmp_path / "folder"
    inside = 'echo "$WOPR_STACK_FOLDER" > "$0"; exit 42'
    done = subprocess.run(
        [*STACK, "with-infrastructure", "--", "bash", "-c", inside, str(noted)],
        cwd=REPOSITORY,
        timeout=180,
    )
    folder = Path(noted.read_text().strip())

    assert done.returncode == 42
    assert folder.parent == MACHINE
    assert not folder.exists()
    assert mentioning(str(folder)) == []


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_nothing_is_left_however_the_stack_ends(
    hanging: "subprocess.Popen[str]",
    noted: Path,
    how: signal.Signals,
    containers: docker.DockerClient,
) -> None:
    found = variables(noted)
    bot = containers.containers.run(
        found["WOPR_BOT_IMAGE"],
        detach=True,
        labels={"wopr.deployment": found["WOPR_DEPLOYMENT"]},
    )
    assert len(mentioning(found["WOPR_STACK_FOLDER"])) > 8

    os.kill(hanging.pid, how)
    hanging.wait(timeout=60)

    eventually(lambda: mentioning(found["WOPR_STACK_FOLDER"]) == [], "all processes to be gone", 60)
    with pytest.raises(docker.errors.NotFound):
        bot.reload()


def test_a_stack_that_is_started_twice_refuses_the_second_time(tmp_path: Path) -> None:

    running = claim_slot(Folder(tmp_path / "stack"), keep=False)
    second = subprocess.run(
        [*STACK, "run", "--folder", str(tmp_path / "stack"), "--free-ports"],
        cwd=REPOSITORY,
        timeout=60,
        capture_output=True,
        text=True,
    )
    running.release()

    assert second.returncode == 1
    assert "already running" in second.stderr
