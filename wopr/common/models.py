"""Model bases, and the platform's own heartbeat."""

import uuid

from django.db import models
from django.utils import timezone


class Identified(models.Model):
    """A row that the outside world may name: random id, so that it tells nothing."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        abstract = True


class Heartbeat(models.Model):
    """When a part of the platform was last seen working (the canary: broker, worker, database)."""

    name = models.CharField(max_length=64, primary_key=True)
    seen_at = models.DateTimeField()
    # Who it is, of several that could do the same (see wopr.common.lease).
    holder = models.CharField(max_length=128, blank=True, default="", db_default="")

    def __str__(self) -> str:
        return f"{self.name} at {self.seen_at:%Y-%m-%d %H:%M:%S}"


class Breaker(models.Model):
    """An action that was stopped because it would have hit too many tenants at once."""

    action = models.CharField(max_length=64, primary_key=True)
    tripped_at = models.DateTimeField()
    message = models.TextField()
    approved_until = models.DateTimeField(null=True, blank=True)
    approved_by = models.CharField(max_length=200, blank=True)

    def __str__(self) -> str:
        return f"{self.action}, stopped {self.tripped_at:%Y-%m-%d %H:%M:%S}"


class Alarm(models.Model):
    """What staff must be told, kept until a mail server took it."""

    subject = models.CharField(max_length=200)
    text = models.TextField()
    created_at = models.DateTimeField(auto_now_add=True)
    sent_at = models.DateTimeField(null=True, blank=True)
    next_attempt_at = models.DateTimeField(default=timezone.now)
    error = models.TextField(blank=True, help_text="Why it was not taken the last time.")

    class Meta:
        ordering = ("-created_at",)

    def __str__(self) -> str:
        return self.subject
