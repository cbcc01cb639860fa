"""What tests of the stack need to know about the machine's processes."""

import os
import time
from collections.abc import Callable
from pathlib import Path


def is_alive(pid: int) -> bool:
    """Say whether a process exists and is not a mere entry waiting to be collected."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def mentioning(text: str) -> list[int]:
    """Return the processes whose command line or working folder mentions a text."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command = (folder / "cmdline").read_bytes().decode(errors="replace")
            environment = (folder / "environ").read_bytes().decode(errors="replace")
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
        pid = int(folder.name)
        if text in command + environment and pid != os.getpid() and is_alive(pid):
            found.append(pid)
    return found


def eventually(condition: Callable[[], bool], what: str, timeout: float = 20) -> None:
    """Wait for a condition; fail with its name when the time is up."""
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, f"waited {timeout:.0f} s in vain: {what}"
        time.sleep(0.05)
