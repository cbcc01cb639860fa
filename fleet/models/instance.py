"""One bot of one tenant: what it should be, what it was seen to be, and how it is reached."""

import hashlib
import secrets
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q

from fleet.models.node import Node, Release
from tenants.models import Tenant
from wopr.common.crypto import EncryptedTextField
from wopr.common.models import Identified

# Shown in the place of a status that nobody can vouch for; it is in no row.
UNKNOWN = "unknown"
# Kinds of drift with which a bot that should run does not.
NOT_THERE = ("missing", "stopped", "volume_missing", "silent")


def new_secret() -> str:
    """64 hexadecimal digits, the form in which the bot takes its keys and tokens."""
    return secrets.token_hex(32)


def digest_of(token: str) -> str:
    """How a token is looked up: its SHA-256 in hexadecimal."""
    return hashlib.sha256(token.encode()).hexdigest()


class Instance(Identified):
    class Status(models.TextChoices):
        STARTING = "starting"
        RUNNING = "running"
        STOPPED = "stopped"
        SUSPENDED = "suspended"
        FAILED = "failed"
        TERMINATED = "terminated"

    class Desired(models.TextChoices):
        RUNNING = "running"
        STOPPED = "stopped"
        DELETED = "deleted"

    class Updates(models.TextChoices):
        AUTOMATIC = "automatic"
        NIGHTLY = "nightly"
        MANUAL = "manual"

    class Disk(models.TextChoices):
        FINE = "fine"
        NEARLY_FULL = "nearly_full"
        FULL = "full"

    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="instances")
    slug = models.CharField(max_length=63, help_text="First label of its hostname.")
    node = models.ForeignKey(Node, on_delete=models.PROTECT, related_name="instances")
    status = models.CharField(max_length=16, choices=Status, default=Status.STARTING)
    desired = models.CharField(
        max_length=16, choices=Desired, default=Desired.RUNNING, help_text="What its owner asked."
    )
    image = models.CharField(max_length=255, help_text="Repository and moving tag.")
    release = models.ForeignKey(Release, null=True, blank=True, on_delete=models.PROTECT)
    previous_release = models.ForeignKey(
        Release,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="What it ran before, and returns to when an update fails.",
    )
    updates = models.CharField(max_length=16, choices=Updates, default=Updates.AUTOMATIC)
    update_hour = models.PositiveSmallIntegerField(
        default=3, help_text="Local hour at which a nightly update may begin."
    )
    time_zone = models.CharField(max_length=64, default="UTC")
    pinned_because = models.CharField(
        max_length=200, blank=True, help_text="While this is set, no rollout touches the bot."
    )
    memory_mb = models.PositiveIntegerField()
    cpu_millis = models.PositiveIntegerField()
    pids = models.PositiveIntegerField()
    disk_gb = models.PositiveIntegerField()
    host_port = models.PositiveIntegerField(help_text="Where the node publishes the bot.")
    container_id = models.CharField(max_length=64, blank=True)
    provider_ready = models.BooleanField(
        null=True, blank=True, help_text="What /ready said: false until it has a provider."
    )
    moving_to = models.ForeignKey(
        Node,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="arriving_instances",
        help_text="The other node of a move under way; room is kept there until it ends.",
    )
    moving_port = models.PositiveIntegerField(null=True, blank=True)
    disk_state = models.CharField(max_length=16, choices=Disk, default=Disk.FINE)
    disk_used = models.PositiveBigIntegerField(null=True, blank=True, help_text="Bytes in /data.")
    disk_seen_at = models.DateTimeField(null=True, blank=True)
    disk_grace_until = models.DateTimeField(
        null=True, blank=True, help_text="Until then it may run on a full disk, to clean up."
    )
    inspected_at = models.DateTimeField(
        null=True, blank=True, help_text="When what no listing tells was last compared."
    )
    exit_code = models.IntegerField(null=True, blank=True, help_text="Of its last end.")
    crashing_since = models.DateTimeField(
        null=True, blank=True, help_text="Set while it ends again and again."
    )
    terminated_at = models.DateTimeField(null=True, blank=True)
    healthy_at = models.DateTimeField(null=True, blank=True)
    platform_token = EncryptedTextField(default=new_secret, editable=False)
    platform_token_digest = models.CharField(
        max_length=64, blank=True, db_index=True, editable=False, help_text="SHA-256 of the token."
    )
    credential_key = EncryptedTextField(default=new_secret, editable=False)
    daemon_token = EncryptedTextField(default=new_secret, editable=False)

    class Meta:
        constraints = (
            # Two bots behind one port would show one tenant's data under the other's name.
            models.UniqueConstraint(
                fields=("node", "host_port"),
                condition=~Q(status="terminated"),
                name="one_instance_per_port",
            ),
            models.UniqueConstraint(
                fields=("slug",), condition=~Q(status="terminated"), name="one_instance_per_slug"
            ),
        )
        ordering = ("slug",)

    def __str__(self) -> str:
        return self.slug

    def save(self, *args: Any, **kwargs: Any) -> None:
        """The token is ciphertext that cannot be looked up; its digest is how a caller is found."""
        if self._state.adding:
            self.platform_token_digest = digest_of(self.platform_token)
        super().save(*args, **kwargs)

    @property
    def shown_status(self) -> str:
        """What may be said of it now: of a bot that should run and is not seen to, nothing."""
        if self.status != self.Status.RUNNING:
            return self.status
        return UNKNOWN if self.node.unreachable_since or self._is_missed() else self.status

    def _is_missed(self) -> bool:
        """Lists ask for all their bots at once, by annotating them with `missed_now`."""
        known: bool | None = getattr(self, "missed_now", None)
        missed = self.drifts.filter(resolved_at=None, kind__in=NOT_THERE)
        return missed.exists() if known is None else known

    @property
    def hostname(self) -> str:
        return f"{self.slug}.{settings.WOPR_TENANT_DOMAIN}"

    @property
    def url(self) -> str:
        port = "" if settings.WOPR_EDGE_PORT == 443 else f":{settings.WOPR_EDGE_PORT}"
        return f"https://{self.hostname}{port}/"

    @property
    def upstream(self) -> str:
        return f"{self.node.address}:{self.host_port}"

    @property
    def memory_bytes(self) -> int:
        return self.memory_mb * 1024 * 1024

    @property
    def disk_bytes(self) -> int:
        """What its data may take; a plan's GB is counted as people count disks."""
        return self.disk_gb * 1_000_000_000

    @property
    def container_name(self) -> str:
        return f"wopr-bot-{self.pk.hex}"

    @property
    def volume_name(self) -> str:
        """Made from the id alone: nothing that a customer types reaches the engine as a name."""
        return f"wopr-data-{self.pk.hex}"

    @property
    def reference(self) -> str:
        """How rows of other apps (records, documents, messages) name this instance."""
        return f"instance:{self.pk}"


class Route(Identified):
    """What the edge serves under one hostname. Caddy's table is made from these rows alone."""

    class Serves(models.TextChoices):
        BOT = "bot"
        SUSPENDED_PAGE = "suspended"
        STOPPED_PAGE = "stopped"
        FULL_PAGE = "full"

    hostname = models.CharField(max_length=253, unique=True)
    instance = models.ForeignKey(Instance, on_delete=models.PROTECT, related_name="routes")
    serves = models.CharField(max_length=16, choices=Serves, default=Serves.BOT)
    upstream = models.CharField(max_length=255, help_text="address:port of the bot.")

    class Meta:
        ordering = ("hostname",)

    def __str__(self) -> str:
        return (
            f"{self.hostname} → {self.upstream if self.serves == self.Serves.BOT else self.serves}"
        )
