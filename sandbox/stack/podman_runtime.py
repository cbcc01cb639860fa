"""runc with limits that this machine can give.

Podman asks for more processes and files than a machine may have to give that is a container
itself; there the kernel lets even root only lower them.
"""

import json
import os
import resource
import shutil
import sys
from pathlib import Path
from typing import Any


def told_file(arguments: list[str]) -> Path | None:
    """Return the file that says what process to start, if there is one."""
    if "--bundle" in arguments:
        return Path(arguments[arguments.index("--bundle") + 1]) / "config.json"
    if "--process" in arguments:
        return Path(arguments[arguments.index("--process") + 1])
    return None


def lower(limit: dict[str, Any]) -> None:
    """Cut one limit to what is ours to give."""
    hard = resource.getrlimit(getattr(resource, limit["type"]))[1]
    if hard != resource.RLIM_INFINITY:
        limit["hard"], limit["soft"] = min(limit["hard"], hard), min(limit["soft"], hard)


if __name__ == "__main__":
    if (told := told_file(sys.argv)) is not None:
        wish = json.loads(told.read_text())
        for each in wish.get("process", wish).get("rlimits") or []:
            lower(each)
        told.write_text(json.dumps(wish))
    runc = shutil.which("runc", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin") or "runc"
    os.execv(runc, ["runc", *sys.argv[1:]])
