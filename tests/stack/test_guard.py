"""The guard ends its command and everything below it, whatever happens to its starter."""

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.stack.supervisor import GUARD
from tests.stack.processes import eventually, is_alive

GUARDED = [sys.executable, "-I", "-S", str(GUARD)]

# Starts a guard the way the supervisor does, then waits to be killed.
STARTER = """
import os, subprocess, sys, time
watched, alive = os.pipe()
guard = [*{guarded!r}, "--watch-fd", str(watched), "--grace", "1", "--", *sys.argv[1:]]
subprocess.Popen(guard, pass_fds=[watched], start_new_session=True)
time.sleep(600)
"""

# Ignores polite requests and leaves a daemon of its own behind, in another session.
STUBBORN = """
import os, signal, sys, time
from pathlib import Path
signal.signal(signal.SIGTERM, signal.SIG_IGN)
def note(name):
    unfinished = Path(sys.argv[1], name + ".new")
    unfinished.write_text(str(os.getpid()))
    unfinished.rename(Path(sys.argv[1], name))
if os.fork() == 0:
    os.setsid()
    if os.fork() != 0:
        os._exit(0)
    note("daemon")
else:
    note("command")
time.sleep(600)
"""


@pytest.fixture
def stubborn(tmp_path: Path) -> list[str]:
    program = tmp_path / "stubborn.py"
    program.write_text(STUBBORN)
    return [sys.executable, str(program), str(tmp_path)]


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    watched, alive = os.pipe()
    yield watched, alive
    os.close(watched)


def start_guard(watched: int, *options: str, command: list[str]) -> "subprocess.Popen[bytes]":
    arguments = [*GUARDED, "--watch-fd", str(watched), *options, "--", *command]
    return subprocess.Popen(arguments, pass_fds=[watched])


def written_pid(file: Path) -> int:
    eventually(file.exists, f"{file.name} to be written")
    return int(file.read_text())


def test_nothing_survives_when_the_starter_is_killed(tmp_path: Path, stubborn: list[str]) -> None:
    starter_file = tmp_path / "starter.py"
    starter_file.write_text(textwrap.dedent(STARTER).format(guarded=GUARDED))
    starter = subprocess.Popen([sys.executable, str(starter_file), *stubborn])
    pids = [written_pid(tmp_path / "command"), written_pid(tmp_path / "daemon")]
    assert all(is_alive(pid) for pid in pids)

    starter.kill()
    starter.wait()

    eventually(lambda: not any(is_alive(pid) for pid in pids), "both processes to be gone")


def test_a_command_that_will_not_end_is_killed_with_its_daemons(
    tmp_path: Path, stubborn: list[str], pipe: tuple[int, int]
) -> None:
    guard = start_guard(pipe[0], "--grace", "0.2", command=stubborn)
    pids = [written_pid(tmp_path / "command"), written_pid(tmp_path / "daemon")]

    guard.terminate()

    assert guard.wait(timeout=10) != 0
    assert not any(is_alive(pid) for pid in pids)
    os.close(pipe[1])


def test_a_command_is_asked_to_end_with_the_signal_it_understands(
    tmp_path: Path, pipe: tuple[int, int]
) -> None:
    said = tmp_path / "said"
    program = (
        f"trap 'echo interrupted > {said}; exit 3' INT; echo > {tmp_path}/up; sleep 600 & wait"
    )
    guard = start_guard(pipe[0], "--stop-signal", "SIGINT", command=["bash", "-c", program])
    eventually((tmp_path / "up").exists, "the command to start")

    guard.terminate()

    assert guard.wait(timeout=10) == 3
    assert said.read_text() == "interrupted\n"
    os.close(pipe[1])


def test_the_exit_code_of_the_command_is_passed_on(pipe: tuple[int, int]) -> None:
    guard = start_guard(pipe[0], command=["bash", "-c", "exit 42"])

    assert guard.wait(timeout=10) == 42
    os.close(pipe[1])


def test_a_guard_that_watches_a_lock_ends_when_the_last_user_is_gone(tmp_path: Path) -> None:
    lock = tmp_path / "users.lock"
    hold = f"import fcntl, time; f = open({str(lock)!r}, 'a'); fcntl.flock(f, fcntl.LOCK_SH)"
    hold += f"; open({str(tmp_path)!r} + '/held', 'a').write('x'); time.sleep(600)"
    users = [subprocess.Popen([sys.executable, "-c", hold]) for _ in range(2)]
    held = tmp_path / "held"
    eventually(lambda: held.exists() and held.read_text() == "xx", "both users to hold the lock")
    guard = subprocess.Popen([*GUARDED, "--watch-lock", str(lock), "--", "sleep", "600"])

    users[0].kill()
    users[0].wait()
    with pytest.raises(subprocess.TimeoutExpired):
        guard.wait(timeout=0.5)

    users[1].send_signal(signal.SIGKILL)
    users[1].wait()
    guard.wait(timeout=10)
