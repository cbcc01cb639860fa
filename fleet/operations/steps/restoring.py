"""Steps that put a proven backup in the place of a bot's data."""

import hashlib

from fleet import archives
from fleet.engines.registry import engine
from fleet.gateways import bot
from fleet.models import Backup, Instance, Operation
from fleet.operations.base import Facts, NotYet, Price, Step
from fleet.operations.ledger import live_operation
from fleet.operations.steps.backups import differences, repository
from fleet.operations.steps.containers import (
    CreateContainer,
    CreateVolume,
    ensure_container,
    find_container,
    labels,
)
from wopr.common.errors import ProviderError

# On the volume: which backup it was made for.
FILLED = "wopr.backup"


class FindBackup(Step[Instance]):
    """The backup that was named, or the one that another operation is taking at the moment."""

    name = "find_backup"
    title = "Find the backup"
    deadline = 6 * 3600.0

    def observe(self, instance: Instance) -> Facts | None:
        backup = wanted_backup(instance)
        if backup.snapshot not in repository(instance).snapshots():
            raise ProviderError("the backup is not in its repository any more", permanent=True)
        return {"backup": str(backup.pk), "snapshot": backup.snapshot}

    def act(self, instance: Instance) -> None:
        """Nothing to do but to look again."""


class FillData(Step[Instance]):
    """A new volume gets what the backup holds, and counts once it was read back and is equal.

    What the volume held before is in the backup that this operation took: undoing restores that.
    """

    name = "fill_data"
    title = "Write the backup's data"
    deadline = 6 * 3600.0

    def observe(self, instance: Instance) -> Facts | None:
        backup = wanted_backup(instance)
        if not _is_filled(instance, backup):
            return None
        return {"backup": str(backup.pk), "files": len(backup.manifest)}

    def act(self, instance: Instance) -> None:
        _fill(instance, wanted_backup(instance))

    def undo(self, instance: Instance) -> None:
        before = Backup.objects.filter(operation=live_operation("instance", instance.pk)).first()
        if before is None:  # there was nothing that could have been copied
            return
        if not _is_filled(instance, before):
            _fill(instance, before)
        if not _is_filled(instance, before):
            raise NotYet("the data from before is not back yet")


class FillNew(FillData):
    """The same for a bot that has nothing yet: undoing leaves nothing behind."""

    def undo(self, instance: Instance) -> None:
        CreateContainer().undo(instance)
        CreateVolume().undo(instance)

    def absent(self, instance: Instance) -> bool:
        return CreateContainer().absent(instance) and CreateVolume().absent(instance)

    def price_per_day(self, instance: Instance) -> Price:
        return CreateVolume().price_per_day(instance)

    def resource(self, instance: Instance) -> str:
        return CreateVolume().resource(instance)


def wanted_backup(instance: Instance) -> Backup:
    """Raises NotYet while it is being taken, ProviderError when it will never be there."""
    parameters = live_operation("instance", instance.pk).parameters
    if "backup" in parameters:
        backup = Backup.objects.get(pk=parameters["backup"])
    else:
        backup = _backup_of(Operation.objects.get(pk=parameters["after"]))
    if backup.proven_at is None or backup.forgotten_at is not None:
        raise ProviderError("the backup is not there or was not proven", permanent=True)
    return backup


def _backup_of(operation: Operation) -> Backup:
    if operation.is_live:
        raise NotYet("the data is being backed up first")
    backup = Backup.objects.filter(operation=operation).first()
    if backup is None:
        raise ProviderError("the backup that was to be copied failed", permanent=True)
    return backup


def _fill(instance: Instance, backup: Backup) -> None:
    node, name = engine(instance.node), instance.container_name
    if instance.release is None:
        raise ProviderError("no image digest is recorded for this instance")
    if backup.credential_key:  # what the data's secrets are sealed with
        instance.credential_key = backup.credential_key
        Instance.objects.filter(pk=instance.pk).update(credential_key=backup.credential_key)
    node.pull_digest(instance.release.digest)
    CreateContainer().undo(instance)
    CreateVolume().undo(instance)
    node.create_volume(instance.volume_name, {**labels(instance), FILLED: str(backup.pk)})
    ensure_container(instance)
    node.write_data(name, repository(instance).fetch(backup.snapshot))
    node.seed_files(name, {bot.TOKEN_FILE: instance.daemon_token.encode()})


def _is_filled(instance: Instance, backup: Backup) -> bool:
    """Reads the volume back; one that a bot has run on since is not compared any more."""
    node = engine(instance.node)
    volume, container = node.find_volume(instance.volume_name), find_container(instance)
    if container is None or container.running or (volume or {}).get(FILLED) != str(backup.pk):
        return False
    with archives.spooled(node.read_data(instance.container_name)) as written:
        seen = archives.manifest_of(written)
    return not differences(_with_token(backup.manifest, instance), seen)


def _with_token(manifest: archives.Manifest, instance: Instance) -> archives.Manifest:
    """What the volume is to hold: the backup's files, and this bot's own token."""
    token = instance.daemon_token.encode()
    entry: list[str | int] = ["file", "0o600", "1000:1000", len(token)]
    entry.append(hashlib.sha256(token).hexdigest())
    return {**manifest, f"./{bot.TOKEN_FILE}": entry}
