"""Backups of the platform itself: the database with its documents, and the keys that open it.

They go to restic, as bots' backups do, into a repository of their own below WOPR_BACKUP_REPOSITORY.
restic encrypts them with a password that only the operator has.
"""

import json
import tarfile
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from django.conf import settings

from fleet.archives import chunks_of, spooled
from fleet.gateways.restic import Repository
from tenants.models import Tenant
from wopr.common import rotation, tables
from wopr.common.crypto import known_ids
from wopr.common.errors import Refused

NAME, KEYS = "platform", "keys.json"
KEPT_SETTINGS = ("WOPR_DEPLOYMENT", "SECRET_KEY", "WOPR_FIELD_KEYS", "GPU_NODE_SECRET")
SHORTEST_PASSWORD = 20


@dataclass(frozen=True)
class Kept:
    """One backup of the platform."""

    tag: str
    snapshot: str
    rows: int


@dataclass(frozen=True)
class Restored:
    """What came back, and the keys it needs that this installation does not have."""

    manifest: dict[str, Any]
    keys: dict[str, Any]
    missing_keys: list[str]


def password_from(file: str) -> str:
    """The password in the file's first line."""
    password = (Path(file).read_text().splitlines() or [""])[0].strip()
    if len(password) < SHORTEST_PASSWORD:
        raise Refused("short_password", f"Use a password of {SHORTEST_PASSWORD} letters or more.")
    return password


def back_up(*, password: str, keep: int) -> Kept:
    """Stores a backup, and lets go of all but the newest `keep`."""
    repository = Repository(name=NAME, password=password)
    repository.ensure()
    tag = f"platform-{datetime.now(UTC):%Y%m%dT%H%M%S}"
    with tempfile.TemporaryFile() as file:
        with tarfile.open(fileobj=file, mode="w:") as archive:
            manifest = tables.dump(archive, {"version": settings.WOPR_VERSION, "tag": tag})
            kept = {name: getattr(settings, name) for name in KEPT_SETTINGS}
            tables.add(archive, KEYS, json.dumps(kept).encode())
        snapshot = repository.store(chunks_of(file), tag=tag)
    older = sorted(each for each in repository.tags() if each.startswith("platform-"))[:-keep]
    repository.forget(set(older))
    return Kept(tag, snapshot, sum(table["rows"] for table in manifest["tables"].values()))


def listing(*, password: str) -> list[str]:
    """The tags of what is there, oldest first."""
    return sorted(Repository(name=NAME, password=password).tags())


def restore(*, password: str, tag: str) -> Restored:
    """Fills a fresh database from the backup with this tag, or from the newest."""
    if Tenant.objects.exists():
        raise Refused(
            "not_empty", "This database has tenants: restore into an empty one, freshly migrated."
        )
    repository = Repository(name=NAME, password=password)
    with spooled(repository.fetch(_snapshot(repository, tag))) as file:
        manifest = tables.load(file)
        file.seek(0)
        keys = _keys_of(file)
    missing = sorted(set(rotation.in_use()) - {"", *known_ids()})
    return Restored(manifest, keys, missing)


def _snapshot(repository: Repository, tag: str) -> str:
    there = {tag: snapshot for snapshot, tags in repository.snapshots().items() for tag in tags}
    wanted = tag or max(there, default="")
    if wanted not in there:
        raise Refused("no_such_backup", f"There is no backup {wanted or 'at all'}.")
    return there[wanted]


def _keys_of(file: IO[bytes]) -> dict[str, Any]:
    with tarfile.open(fileobj=file, mode="r:") as archive:
        content = archive.extractfile(KEYS)
        return dict(json.loads(content.read())) if content else {}
