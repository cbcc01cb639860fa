"""Certificates that Caddy keeps in its storage folder, where the worker can reach that folder.

Caddy has no call to forget one. Without the folder the certificate just ends: it is not renewed,
and a restarted Caddy asks before it takes one from its storage.
"""

import shutil
from pathlib import Path

from django.conf import settings


def forget(hostname: str) -> None:
    """Deletes key and certificate of a name, of whichever authority issued them."""
    for folder in _folders(hostname):
        shutil.rmtree(folder)


def is_kept(hostname: str) -> bool:
    return bool(_folders(hostname))


def _folders(hostname: str) -> list[Path]:
    if not settings.CADDY_STORAGE:
        return []
    issuers = (Path(settings.CADDY_STORAGE) / "certificates").glob("*")
    return [issuer / hostname for issuer in issuers if (issuer / hostname).is_dir()]
