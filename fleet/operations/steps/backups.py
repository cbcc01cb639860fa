"""Steps that copy a bot's data away, and prove that the copy can be restored."""

from django.utils import timezone

from fleet import archives
from fleet.engines.docker import engine
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
        snapshot = repository(instance).find(str(backup.pk)) if backup.manifest else None
        return {"backup": str(backup.pk), "snapshot": snapshot} if snapshot else None

    @staticmethod
    def _nothing_to_copy(instance: Instance) -> Facts:
        """Data without a container to read it through must not be lost in silence."""
        if engine(instance.node).find_volume(instance.volume_name) is not None:
            raise ProviderError(
                f"{instance.volume_name} has no container to copy it through; repair the bot first",
                permanent=True,
            )
        return {"backup": None, "why": "there is neither a container nor a volume"}

    def act(self, instance: Instance) -> None:
        backup = self._row(instance)
        container = engine(instance.node)
        repository(instance).ensure()
        with archives.spooled(container.read_data(instance.container_name)) as spool:
            backup.manifest, backup.size = archives.manifest_of(spool), spool.tell()
            backup.save()
            repository(instance).store(archives.chunks_of(spool), tag=str(backup.pk))

    def record(self, instance: Instance, facts: Facts) -> None:
        if facts["backup"]:
            Backup.objects.filter(pk=facts["backup"]).update(
                snapshot=facts["snapshot"], taken_at=timezone.now()
            )

    def _row(self, instance: Instance) -> Backup:
        backup, _ = Backup.objects.get_or_create(
            operation=live_operation("instance", instance.pk),
            defaults={"instance": instance, "reason": self.reason},
        )
        return backup


class ProveBackup(Step[Instance]):
    """A backup counts once a copy restored from it, read again, was equal in every file."""

    name = "prove_backup"
    title = "Restore the backup and compare"
    deadline = 6 * 3600.0

    def observe(self, instance: Instance) -> Facts | None:
        backup = _backup(instance)
        if backup is None:
            return {"backup": None}
        if backup.proven_at is None:
            return None
        return {"backup": str(backup.pk), "files": len(backup.manifest)}

    def act(self, instance: Instance) -> None:
        backup = _backup(instance)
        if backup is None:
            raise NotYet("there is no backup to prove")
        node, scratch = engine(instance.node), f"wopr-scratch-{backup.pk.hex}"
        try:
            self._restore(instance, backup, scratch)
            with archives.spooled(node.read_data(scratch)) as restored:
                differing = _differences(backup.manifest, archives.manifest_of(restored))
        finally:
            node.remove_container(scratch)
            node.remove_volume(scratch)
        if differing:
            raise ProviderError(f"the restored copy differs in {', '.join(differing[:5])}")
        Backup.objects.filter(pk=backup.pk).update(proven_at=timezone.now())

    @staticmethod
    def _restore(instance: Instance, backup: Backup, scratch: str) -> None:
        node = engine(instance.node)
        if instance.release is None:
            raise ProviderError("no image digest is recorded for this instance")
        node.remove_container(scratch)
        node.remove_volume(scratch)
        node.scratch_container(
            scratch, instance.release.digest, {**labels(instance), "wopr.scratch": str(backup.pk)}
        )
        node.write_data(scratch, repository(instance).fetch(backup.snapshot))


def repository(instance: Instance) -> Repository:
    """The tenant's repository, with its own password."""
    row, _ = BackupRepository.objects.get_or_create(tenant_id=instance.tenant_id)
    return Repository(name=row.tenant_id.hex, password=row.password)


def _backup(instance: Instance) -> Backup | None:
    return Backup.objects.filter(
        operation=live_operation("instance", instance.pk), taken_at__isnull=False
    ).first()


def _differences(wanted: archives.Manifest, seen: archives.Manifest) -> list[str]:
    """Paths that are missing, added or different."""
    return sorted(p for p in wanted.keys() | seen.keys() if wanted.get(p) != seen.get(p))
