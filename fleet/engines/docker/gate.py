"""What stands between a worker and an engine: it looks into every request, and lets few through.

The rest of this package asks for hardened containers by itself. A mistake there, or a value from a
row that somebody could write, must not be enough to get a container that owns its machine.
"""

import json
import re
from collections.abc import Callable
from typing import Any

from requests import PreparedRequest

from wopr.common.errors import ProviderError

Body = dict[str, Any]
_POSTED = re.compile(r"(?:/v[\d.]+)?(/(?:containers|volumes|networks|images)/[^?]*)")
# Everything that a worker asks an engine to do, beside looking, removing, and files in /data.
_HARMLESS = re.compile(r"/containers/[^/]+/(start|stop|pause|unpause)|/images/create")
_UPDATE = re.compile(r"/containers/[^/]+/update")
_LIMITS = {"Memory", "MemorySwap", "NanoCpus", "PidsLimit", "RestartPolicy"}
_BRIDGE_OPTIONS = {"com.docker.network.bridge.enable_icc", "isolate"}
# What a container's host configuration may say beside nothing; each with what it may say.
_SAYS: dict[str, Callable[[Any], bool]] = {
    **dict.fromkeys((*_LIMITS, "PortBindings", "LogConfig", "Ulimits", "Tmpfs"), lambda _: True),
    **dict.fromkeys(("ReadonlyRootfs", "Init"), lambda value: value is True),
    "CapDrop": lambda value: value == ["ALL"],
    "CgroupnsMode": lambda value: value == "private",
    "SecurityOpt": lambda value: value == ["no-new-privileges:true"],
    "NetworkMode": lambda value: value != "host" and ":" not in str(value),
    "Mounts": lambda value: all(_is_volume(mount) for mount in value),
    "Binds": lambda value: all(_is_name(bind.split(":")[0]) for bind in value),
}


def guard(request: PreparedRequest) -> PreparedRequest:
    """Called by requests before anything is sent. Raises ProviderError, for good."""
    if request.method == "POST":
        path = _POSTED.fullmatch(request.path_url.partition("?")[0])
        if path is None or not _is_let(path[1], request.body):
            raise ProviderError(f"An engine is not asked this: {request.path_url}", permanent=True)
    return request


def _is_let(path: str, body: Any) -> bool:
    if _HARMLESS.fullmatch(path):
        return not body
    said: Body = json.loads(body or "{}")
    if path == "/containers/create":
        return _keeps_to_itself(said)
    if path == "/volumes/create":
        # Options of the local driver could make a volume out of any folder.
        return said.get("Driver") in {None, "", "local"} and not said.get("DriverOpts")
    if path == "/networks/create":
        return said.get("Driver") == "bridge" and set(said.get("Options") or ()) <= _BRIDGE_OPTIONS
    return bool(_UPDATE.fullmatch(path)) and set(said) <= _LIMITS


def _keeps_to_itself(container: Body) -> bool:
    """Whether it gets nothing of its machine: no power, namespace, folder or device."""
    host: Body = container.get("HostConfig") or {}
    said = {name: value for name, value in host.items() if value}
    return "CapDrop" in said and all(
        name in _SAYS and _SAYS[name](value) for name, value in said.items()
    )


def _is_volume(mount: Body) -> bool:
    return mount.get("Type") == "volume" and not mount.get("VolumeOptions")


def _is_name(source: str) -> bool:
    """A folder has a slash or begins with a dot; a volume's name has and does neither."""
    return re.fullmatch(r"[a-zA-Z0-9][\w.-]*", source, re.ASCII) is not None
