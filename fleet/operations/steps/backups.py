"""Steps that copy a bot's data away, and prove that the copy can be restored."""

from django.utils import timezone

from fleet import archives
from fleet.engines.registry import engine
from fleet.gateways.restic import Repository
from fleet.models import Backup, BackupRepository, Instance
from fleet.operations.base import Facts, NotYet, Step
from fleet.operations.ledger import live_operation
from fleet.operations.steps.containers import find_container, labels
from wopr.common.errors import ProviderError


class TakeBackup(Step[Instance]):
    """The whole of /data from one moment, database, log and all; tagged with the backup's id."""

    name = "take_backup"
    title = "Back up the bot's data"
    deadline = 6 * 3600.0

    def __init__(self, reason: str) -> None:
        self.reason = reason

    def observe(self, instance: Instance) -> Facts | None:
        if find_container(instance) is None:
            return self._nothing_to_copy(instance)
        backup = self._row(instance)
        # An id is known only of what was stored whole: a worker that dies leaves half a copy.
        snapshot = repository(instance).find(backup.snapshot) if backup.snapshot else None
        return {"backup": str(backup.pk), "snapshot": snapshot} if snapshot else None

    def _nothing_to_copy(self, instance: Instance) -> Facts:
        """Data without a container to read it through must not be lost in silence."""
        if instance.status == Instance.Status.FAILED:
            return {"backup": None, "why": "it was never set up, so it has no data of its own"}
        if self.reason == Backup.Reason.FINAL and _has_last_backup(instance):
            return {"backup": None, "why": "an ending that got further has backed it up"}
        if engine(instance.node).find_volume(instance.volume_name) is not None:
            raise ProviderError(
                f"{instance.volume_name} has no container to copy it through; repair the bot first",
                permanent=True,
            )
        return {"backup": None, "why": "there is neither a container nor a volume"}

    def act(self, instance: Instance) -> None:
        backup, store = self._row(instance), repository(instance)
        store.ensure()
        if backup.manifest:  # an earlier try got so far, and may have stored half of it
            store.forget({str(backup.pk)})
        data = engine(instance.node).read_data(instance.container_name)
        with archives.spooled(data) as spool:
            backup.manifest, backup.size = archives.manifest_of(spool), spool.tell()
            backup.credential_key = instance.credential_key
            backup.save()
            backup.snapshot = store.store(archives.chunks_of(spool), tag=str(backup.pk))
        backup.save()

    def record(self, instance: Instance, facts: Facts) -> None:
        if facts["backup"]:
            Backup.objects.filter(pk=facts["backup"]).update(
                taken_at=timezone.now(), snapshot=facts["snapshot"]
            )

    def _row(self, instance: Instance) -> Backup:
        operation = live_operation("instance", instance.pk)
        reason = operation.parameters.get("reason", self.reason)
        backup, _ = Backup.objects.get_or_create(
            operation=operation, defaults={"instance": instance, "reason": reason}
        )
        return backup


def _has_last_backup(instance: Instance) -> bool:
    """Endings remove the container only after this, and nothing writes without a container."""
    proven = instance.backups.filter(proven_at__isnull=False, forgotten_at__isnull=True)
    return proven.filter(reason=Backup.Reason.FINAL).exists()


class ProveBackup(Step[Instance]):
    """A backup counts once a copy restored from it, read again, was equal in every file."""

    name = "prove_backup"
    title = "Restore the backup and compare"
    deadline = 6 * 3600.0

    def observe(self, instance: Instance) -> Facts | None:
        backup = self.backup(instance)
        if backup is None:
            return {"backup": None}
        if not self.is_proven(backup):
            return None
        return {"backup": str(backup.pk), "files": len(backup.manifest)}

    def act(self, instance: Instance) -> None:
        backup = self.backup(instance)
        if backup is None:
            raise NotYet("there is no backup to prove")
        differing = differences(backup.manifest, _restored_manifest(instance, backup))
        proven_at = None if differing else timezone.now()
        Backup.objects.filter(pk=backup.pk).update(proven_at=proven_at)
        if differing:
            raise ProviderError(f"the restored copy differs in {', '.join(differing[:5])}")

    def backup(self, instance: Instance) -> Backup | None:
        """The one that this very operation took."""
        return Backup.objects.filter(
            operation=live_operation("instance", instance.pk), taken_at__isnull=False
        ).first()

    def is_proven(self, backup: Backup) -> bool:
        return backup.proven_at is not None


class ProveAgain(ProveBackup):
    """An old backup is restored once more: what is kept for long can rot."""

    name = "prove_again"
    title = "Restore an old backup and compare"

    def backup(self, instance: Instance) -> Backup | None:
        named = live_operation("instance", instance.pk).parameters["backup"]
        return Backup.objects.filter(pk=named, forgotten_at__isnull=True).first()

    def is_proven(self, backup: Backup) -> bool:
        opened_at = live_operation("instance", backup.instance_id).created_at
        return backup.proven_at is not None and backup.proven_at >= opened_at


def _restored_manifest(instance: Instance, backup: Backup) -> archives.Manifest:
    """What a copy holds that was restored into a volume which is gone afterwards."""
    node, scratch = engine(instance.node), f"wopr-scratch-{backup.pk.hex}"
    if instance.release is None:
        raise ProviderError("no image digest is recorded for this instance")
    marks = {**labels(instance), "wopr.scratch": str(backup.pk)}
    try:
        node.remove_container(scratch)
        node.remove_volume(scratch)
        node.scratch_container(scratch, instance.release.digest, marks)
        node.write_data(scratch, repository(instance).fetch(backup.snapshot))
        with archives.spooled(node.read_data(scratch)) as restored:
            return archives.manifest_of(restored)
    finally:
        node.remove_container(scratch)
        node.remove_volume(scratch)


def repository(instance: Instance) -> Repository:
    """The tenant's repository, with its own password."""
    row, _ = BackupRepository.objects.get_or_create(tenant_id=instance.tenant_id)
    return Repository(name=row.tenant_id.hex, password=row.password)


def differences(wanted: archives.Manifest, seen: archives.Manifest) -> list[str]:
    """Paths that are missing, added or different."""
    paths = wanted.keys() | seen.keys()
    if not (archives.TOP in wanted and archives.TOP in seen):
        paths -= {archives.TOP}
    return sorted(path for path in paths if wanted.get(path) != seen.get(path))
