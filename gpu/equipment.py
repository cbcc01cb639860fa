"""What a new GPU node runs and downloads, by the settings: looked at before it costs money."""

import re

from django.conf import settings

from gpu.user_data import COMPOSE
from wopr.common.errors import Refused

# A name, which may have folders in it; a SHA-256; an address.
DOWNLOAD = re.compile(r"(?P<name>[\w-][\w.-]*(/[\w-][\w.-]*)*) [0-9a-f]{64} https?://\S+")
# ${NAME:-default} in the Compose file.
_VARIABLE = re.compile(r"\$\{(WOPR_\w+):-([^}]*)\}")
_FROM_DISK = ("WOPR_LLAMA_MODEL", "WOPR_QWEN_MODEL")
_CHATTERBOX = "chatterbox/"  # the folder of its files, whose names are its image's own business


def require() -> None:
    """Raises Refused, naming the setting, for what no node could boot with."""
    if not settings.GPU_NODE_SECRET:
        raise _refused("Set GPU_NODE_SECRET to order GPU nodes.")
    defaults = dict(_VARIABLE.findall(COMPOSE.read_text()))
    if unknown := settings.WOPR_GPU_SERVICES.keys() - defaults.keys():
        raise _refused(f"WOPR_GPU_SERVICES names what is not set there: {', '.join(unknown)}.")
    models, there = defaults | settings.WOPR_GPU_SERVICES, _downloads()
    for needed in (models[name] for name in _FROM_DISK):
        if needed not in there:
            raise _refused(f"WOPR_GPU_MODELS must say where {needed} comes from.")
    if not any(name.startswith(_CHATTERBOX) for name in there):
        raise _refused(f"WOPR_GPU_MODELS must say where chatterbox's {_CHATTERBOX}… come from.")


def _downloads() -> set[str]:
    found = set()
    for line in settings.WOPR_GPU_MODELS:
        download = DOWNLOAD.fullmatch(line.strip())
        if download is None:
            raise _refused(f'WOPR_GPU_MODELS: "{line}" is not a file, a SHA-256 and an address.')
        found.add(download["name"])
    return found


def _refused(message: str) -> Refused:
    return Refused("not_configured", message, status=409)
