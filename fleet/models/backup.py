"""Copies of a bot's data: taken, and counted only once they were restored and compared."""

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import models

from fleet.models.instance import Instance, new_secret
from fleet.models.operation import Operation
from tenants.models import Tenant
from wopr.common.crypto import EncryptedTextField
from wopr.common.models import Identified


class BackupRepository(Identified):
    """Where a tenant's backups are, under a password of that tenant's own."""

    tenant = models.OneToOneField(
        Tenant, on_delete=models.PROTECT, related_name="backup_repository"
    )
    password = EncryptedTextField(default=new_secret, editable=False)

    def __str__(self) -> str:
        return f"backups of {self.tenant}"


class Backup(Identified):
    class Reason(models.TextChoices):
        NIGHTLY = "nightly"
        DEMAND = "demand"
        UPDATE = "update"
        RESTORE = "restore"
        MOVE = "move"
        FINAL = "final"

    instance = models.ForeignKey(Instance, on_delete=models.PROTECT, related_name="backups")
    operation = models.OneToOneField(Operation, on_delete=models.PROTECT, related_name="backup")
    reason = models.CharField(max_length=16, choices=Reason)
    snapshot = models.CharField(max_length=64, blank=True, help_text="restic's id.")
    size = models.PositiveBigIntegerField(default=0, help_text="Bytes, before compression.")
    manifest: "models.JSONField[Any, Any]" = models.JSONField(
        default=dict, blank=True, help_text="Path to [mode, owner, size, sha256]."
    )
    credential_key = EncryptedTextField(
        blank=True, default="", editable=False, help_text="What the bot had sealed its data with."
    )
    taken_at = models.DateTimeField(null=True, blank=True)
    proven_at = models.DateTimeField(
        null=True, blank=True, help_text="When a restored copy matched the manifest."
    )
    forgotten_at = models.DateTimeField(
        null=True, blank=True, help_text="When retention removed it, and it was seen gone."
    )

    class Meta:
        ordering = ("-created_at",)

    def __str__(self) -> str:
        return f"{self.instance} {self.reason} {self.created_at:%Y-%m-%d %H:%M}"

    @property
    def offered_until(self) -> datetime | None:
        """Until when it can be downloaded; without an end as long as the bot has none."""
        ended = self.instance.terminated_at
        return ended + timedelta(days=settings.WOPR_EXPORT_DAYS) if ended else None
