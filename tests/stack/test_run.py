"""`make run`: killed or stopped, the next start finds everything as it was."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from sandbox.stack.front_door import front_door
from sandbox.stack.places import REPOSITORY, Folder
from tests.stack.processes import eventually, mentioning

ACCOUNT = {"email": "ada@example.com", "password": "an-unlikely-passphrase-42"}
Start = Callable[[], tuple["subprocess.Popen[bytes]", dict[str, Any]]]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Return a function that starts the whole stack and waits until it is ready."""
    folder, ready = tmp_path / "stack", tmp_path / "ready.json"
    command = [sys.executable, "-m", "sandbox.stack", "run", "--folder", str(folder)]
    started: list[subprocess.Popen[bytes]] = []

    def start() -> tuple["subprocess.Popen[bytes]", dict[str, Any]]:
        ready.unlink(missing_ok=True)
        options = ["--free-ports", "--ready-file", str(ready)]
        process = subprocess.Popen([*command, *options], cwd=REPOSITORY, start_new_session=True)
        started.append(process)
        eventually(lambda: ready.exists() or process.poll() is not None, "the stack", 600)
        assert process.poll() is None, "the stack ended instead of getting ready"
        return process, json.loads(ready.read_text())

    yield start
    for process in started:
        if process.poll() is None:
            process.terminate()
            process.wait(timeout=60)
    Folder(folder).remove()


def call(about: dict[str, Any], action: str) -> int:
    """Sign up or log in through the front door; return the status."""
    front = about["dashboard"]
    with front_door(about["authority"]) as browser:
        browser.get(f"{front}/_allauth/browser/v1/config")
        token = next(c.value for c in browser.cookies.jar if c.name.endswith("csrftoken"))
        headers = {"X-CSRFToken": str(token), "Referer": f"{front}/"}
        url = f"{front}/_allauth/browser/v1/auth/{action}"
        return browser.post(url, json=ACCOUNT, headers=headers).status_code


# An account that is not known is told 400.
WAITS_FOR_ITS_CODE = httpx.codes.UNAUTHORIZED


@pytest.mark.timeout(1200)
def test_a_stack_that_was_killed_starts_again_with_everything_it_had(start: Start) -> None:
    process, first = start()
    assert call(first, "signup") == WAITS_FOR_ITS_CODE

    process.send_signal(signal.SIGKILL)
    process.wait()
    process, second = start()

    assert call(second, "login") == WAITS_FOR_ITS_CODE
    assert second["staff_password"] == first["staff_password"]
    assert second["dashboard"] == first["dashboard"]

    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=90) == 0
    assert mentioning(second["folder"]) == []
