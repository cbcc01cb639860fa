"""Machines that host bots, and the image digests they run."""

from django.db import models

from wopr.common.models import Identified


class Node(Identified):
    name = models.SlugField(max_length=63, unique=True)
    engine_url = models.CharField(
        max_length=255, help_text="unix:///… or tcp://…; only workers open it."
    )
    address = models.CharField(
        max_length=253, help_text="Where the edge and the prober reach published ports."
    )
    memory_mb = models.PositiveIntegerField(help_text="What instances may reserve in all.")
    accepts_instances = models.BooleanField(default=True)

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name


class Release(Identified):
    """An image digest that was seen behind the moving tag."""

    image = models.CharField(max_length=255, help_text="Repository and moving tag.")
    digest = models.CharField(max_length=255, help_text="repository@sha256:…, what is run.")
    seen_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("image", "digest"), name="one_release_per_digest"),
        )
        ordering = ("-created_at",)

    def __str__(self) -> str:
        return self.digest
