"""Start the vendors as a child process and wait until they answer."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
STOP_SECONDS = 10


@contextmanager
def running(*arguments: str) -> Iterator[dict[str, str]]:
    """Run `sandbox.serve` with these arguments; give the addresses that it prints."""
    command = [sys.executable, "-m", "sandbox.serve", *arguments]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield _announced(process)
        finally:
            process.terminate()
            process.wait(STOP_SECONDS)


def _announced(process: subprocess.Popen[str]) -> dict[str, str]:
    line = process.stdout.readline() if process.stdout else ""
    if not line:
        raise RuntimeError(f"sandbox.serve ended with {process.wait(STOP_SECONDS)}")
    urls: dict[str, str] = json.loads(line)
    return urls
