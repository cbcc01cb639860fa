"""Entries that the database itself writes, the chain that seals them, and the logbook."""

from typing import Any

from django.conf import settings
from django.db import models
from django.utils import timezone


class AuditEntry(models.Model):
    """One change of one row. Written by a trigger, and never changed by anybody."""

    class Action(models.TextChoices):
        INSERT = "insert", "created"
        UPDATE = "update", "changed"
        DELETE = "delete", "deleted"
        TRUNCATE = "truncate", "emptied"

    at = models.DateTimeField()
    model = models.CharField(max_length=100, help_text="As app.Model.")
    object_id = models.CharField(max_length=200, blank=True)
    action = models.CharField(max_length=8, choices=Action)
    actor = models.CharField(max_length=300, blank=True, help_text="Who, as far as is known.")
    address = models.CharField(max_length=64, blank=True)
    via = models.CharField(max_length=300, blank=True, help_text="Page, task or command.")
    reason = models.TextField(blank=True)
    correlation_id = models.CharField(max_length=64, blank=True)
    database_user = models.CharField(max_length=64)
    before = models.JSONField(null=True)
    after = models.JSONField(null=True)

    class Meta:
        verbose_name_plural = "audit entries"
        ordering = ("-id",)
        indexes = (
            models.Index(fields=("model", "object_id", "-id"), name="audit_of_an_object"),
            models.Index(fields=("correlation_id",), name="audit_of_a_cause"),
        )

    def __str__(self) -> str:
        return f"{self.get_action_display()} {self.model} {self.object_id}"


class AuditLink(models.Model):
    """The place of an entry in the chain, and the digest of everything up to it.

    Made without a place by the entry itself, and given one as the last thing of its transaction.
    """

    entry_id = models.BigIntegerField(primary_key=True)
    position = models.BigIntegerField(null=True, unique=True)
    digest = models.CharField(max_length=64)

    def __str__(self) -> str:
        return f"{self.position}: {self.digest}"


class LogbookEntry(models.Model):
    """What staff note: deployments, incidents, decisions, migrations. Corrected by another one."""

    class Kind(models.TextChoices):
        DEPLOYMENT = "deployment"
        INCIDENT = "incident"
        DECISION = "decision"
        MIGRATION = "migration"
        NOTE = "note"

    kind = models.CharField(max_length=16, choices=Kind)
    title = models.CharField(max_length=200)
    text = models.TextField(blank=True)
    happened_at = models.DateTimeField(default=timezone.now)
    written_at = models.DateTimeField(auto_now_add=True)
    written_by = models.CharField(max_length=300)

    class Meta:
        verbose_name_plural = "logbook"
        ordering = ("-happened_at", "-id")

    def __str__(self) -> str:
        return self.title


def entries_about(row: models.Model) -> "models.QuerySet[AuditEntry]":
    """The entries about one row, the newest first."""
    return AuditEntry.objects.filter(model=row._meta.label, object_id=str(row.pk))


def person(user: Any) -> str:
    """How an entry names somebody who is signed in."""
    return f"{user} ({settings.AUTH_USER_MODEL} {user.pk})"
