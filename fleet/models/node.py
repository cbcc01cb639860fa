"""Machines that host bots, and the image digests they run."""

from django.db import models

from wopr.common.crypto import EncryptedTextField
from wopr.common.models import Identified


class Node(Identified):
    class EngineKind(models.TextChoices):
        DOCKER = "docker", "Docker Engine, or Podman through its compatible socket"

    name = models.SlugField(max_length=63, unique=True)
    engine_kind = models.CharField(
        max_length=16, choices=EngineKind, default=EngineKind.DOCKER, db_default=EngineKind.DOCKER
    )
    engine_url = models.CharField(
        max_length=255, help_text="unix:///…, tcp://… (by TLS) or ssh://…; only workers open it."
    )
    tls_ca = models.TextField(blank=True, help_text="PEM; whom we trust to be the engine.")
    tls_certificate = models.TextField(blank=True, help_text="PEM; who we are to the engine.")
    tls_key = EncryptedTextField(blank=True, default="", editable=False)
    ssh_host_key = models.TextField(blank=True, help_text="As in known_hosts: type and key.")
    ssh_key = EncryptedTextField(blank=True, default="", editable=False)
    address = models.CharField(
        max_length=253, help_text="Where the edge and the prober reach published ports."
    )
    region = models.CharField(
        max_length=64, blank=True, help_text="As its provider calls it; see WOPR_REGIONS."
    )
    memory_mb = models.PositiveIntegerField(help_text="What instances may reserve in all.")
    accepts_instances = models.BooleanField(default=True)
    maintenance_because = models.CharField(
        max_length=200, blank=True, help_text="While this is set, nothing is placed here."
    )
    seen_at = models.DateTimeField(null=True, blank=True, help_text="When its engine answered.")
    unreachable_since = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name


class Release(Identified):
    """An image digest that was seen behind the moving tag."""

    class State(models.TextChoices):
        CANDIDATE = "candidate"
        CANARY = "canary"
        GOOD = "good"
        BAD = "bad"

    image = models.CharField(max_length=255, help_text="Repository and moving tag.")
    digest = models.CharField(max_length=255, help_text="repository@sha256:…, what is run.")
    state = models.CharField(max_length=16, choices=State, default=State.CANDIDATE)
    reason = models.CharField(max_length=300, blank=True, help_text="Why it is good or bad.")
    seen_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("image", "digest"), name="one_release_per_digest"),
        )
        ordering = ("-created_at",)

    def __str__(self) -> str:
        return self.digest
