"""The tests among several sets of parts at once: each worker process of pytest has its own."""

import json
import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack

from sandbox.stack.infrastructure import Infrastructure, temporary_infrastructure

EVERYTHING = ["tests"]
# A browser drops its requests when a neighbour's container interfaces come and go.
ALONE = "tests/browser"
MOST_LANES = 4


def run_tests(paths: Sequence[str]) -> int:
    """Run these tests, or all of them in as many lanes as there are processors."""
    everything = list(paths) == EVERYTHING
    lanes = min(os.cpu_count() or 1, MOST_LANES) if everything else 1
    with ExitStack() as stack:
        parts = [stack.enter_context(temporary_infrastructure()) for _ in range(lanes)]
        if not everything:
            return _pytest(parts[0], paths)
        # What fails side by side is told at the end, after the rest was tried as well.
        codes = [_side_by_side(parts), _pytest(parts[0], [ALONE])]
        return next((code for code in codes if code), 0)


def _side_by_side(parts: Sequence[Infrastructure]) -> int:
    for number, part in enumerate(parts):
        parts[0].folder.write_private(f"gw{number}.json", json.dumps(part.environment()))
    spread = ["-p", "tests.lane", "--numprocesses", str(len(parts)), "--dist", "loadfile"]
    lanes = {"WOPR_STACK_LANES": str(parts[0].folder.path)}
    return _pytest(parts[0], [*spread, *EVERYTHING, f"--ignore={ALONE}"], lanes)


def _pytest(
    part: Infrastructure, arguments: Sequence[str], more: Mapping[str, str] | None = None
) -> int:
    part.supervisor.say(f"running pytest {' '.join(arguments)}")
    command = [sys.executable, "-m", "pytest", *arguments]
    return part.supervisor.run(command, {**part.environment(), **(more or {})})
