"""Machines that serve inference, and each of the services on them."""

from datetime import datetime

from django.conf import settings
from django.db import models
from django.utils import timezone

from fleet.models import Server
from fleet.models.instance import new_secret
from wopr.common.crypto import EncryptedTextField
from wopr.common.models import Identified


class GpuNode(Identified):
    """One machine with a GPU. Its services are judged each for itself; see Service."""

    class Stage(models.TextChoices):
        """The boot's stages, in their order, as cloud-init reports them."""

        WAITING = "waiting"
        INSTALLING_DRIVERS = "installing_drivers"
        INSTALLING_DOCKER = "installing_docker"
        DOWNLOADING_MODELS = "downloading_models"
        STARTING_SERVICES = "starting_services"
        REGISTERING = "registering"
        DONE = "done"
        FAILED = "failed"
        GONE = "gone"

    name = models.SlugField(max_length=63, unique=True)
    address = models.CharField(
        max_length=253, blank=True, help_text="As its provider reports it; empty until it does."
    )
    server = models.OneToOneField(
        Server,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="gpu_node",
        help_text="The machine that was bought for it; none for a node made by hand.",
    )
    wanted_image = models.CharField(
        "image",
        max_length=200,
        blank=True,
        help_text="The operating system that was asked for; empty: what WOPR_GPU_IMAGE says.",
    )
    stage = models.CharField(max_length=24, choices=Stage, default=Stage.WAITING)
    stage_since = models.DateTimeField(auto_now_add=True)
    reported = models.PositiveSmallIntegerField(
        default=0, help_text="How many of the boot's reports were taken, of gpu.booting.REPORTS."
    )
    failure = models.TextField(blank=True, help_text="Why a boot failed, with the log's end.")
    inference_token = EncryptedTextField(default=new_secret, editable=False)
    certificate = models.TextField(
        blank=True, help_text="PEM of the proxy on the node; empty means plain HTTP, by hand only."
    )
    accepts_requests = models.BooleanField(default=True)

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name

    def retire(self, stage: str) -> None:
        """No request goes to it any more, and nobody looks at it."""
        self.stage, self.stage_since = stage, timezone.now()
        self.accepts_requests, self.address = False, ""
        self.save(
            update_fields=["stage", "stage_since", "accepts_requests", "address", "updated_at"]
        )
        self.services.update(state=Service.State.DOWN)

    @property
    def image(self) -> str:
        """What it is booted with, by its provider's name for it."""
        return self.wanted_image or settings.WOPR_GPU_IMAGE

    @property
    def scheme(self) -> str:
        return "https" if self.certificate else "http"


class BootReport(models.Model):
    """One report of a boot: a stage began, ended or failed."""

    class Event(models.TextChoices):
        BEGIN = "begin"
        END = "end"
        FAIL = "fail"

    node = models.ForeignKey(GpuNode, on_delete=models.CASCADE, related_name="reports")
    stage = models.CharField(max_length=24, choices=GpuNode.Stage)
    event = models.CharField(max_length=8, choices=Event)
    log = models.TextField(blank=True, help_text="The end of the node's log, when it failed.")
    received_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("node", "stage", "event"), name="one_report_of_each_event"
            ),
        )
        ordering = ("received_at", "pk")

    def __str__(self) -> str:
        return f"{self.node}: {self.stage} {self.event}"


class Service(models.Model):
    """One kind of inference on one node, and what its last probes showed."""

    class Kind(models.TextChoices):
        LLAMA = "llama", "llama.cpp"
        CHATTERBOX = "chatterbox", "chatterbox"
        WHISPER = "whisper", "whisper"
        QWEN = "qwen", "qwen"

    class State(models.TextChoices):
        STARTING = "starting"
        LOADING = "loading"
        READY = "ready"
        DEGRADED = "degraded"
        DOWN = "down"

    SERVING = (State.READY, State.DEGRADED)

    node = models.ForeignKey(GpuNode, on_delete=models.CASCADE, related_name="services")
    kind = models.CharField(max_length=16, choices=Kind)
    port = models.PositiveIntegerField()
    state = models.CharField(max_length=16, choices=State, default=State.STARTING)
    since = models.DateTimeField(default=timezone.now, help_text="When it came into this state.")
    misses = models.PositiveSmallIntegerField(default=0, help_text="Failed probes in a row.")
    hits = models.PositiveSmallIntegerField(default=0, help_text="Good probes in a row.")
    probed_at = models.DateTimeField(null=True, blank=True)
    proven_at = models.DateTimeField(
        null=True, blank=True, help_text="When a whole round trip last gave an answer."
    )
    latency_ms = models.PositiveIntegerField(null=True, blank=True)
    error = models.CharField(max_length=300, blank=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("node", "kind"), name="one_service_of_a_kind"),
        )
        ordering = ("node", "port")

    def __str__(self) -> str:
        return f"{self.kind} on {self.node}"

    @property
    def url(self) -> str:
        return f"{self.node.scheme}://{self.node.address}:{self.port}"


class ServiceChange(models.Model):
    """One change of a service's state: its history."""

    service = models.ForeignKey(Service, on_delete=models.CASCADE, related_name="changes")
    before = models.CharField(max_length=16, choices=Service.State)
    after = models.CharField(max_length=16, choices=Service.State)
    reason = models.CharField(max_length=300, blank=True)
    happened_at: "models.DateTimeField[datetime, datetime]" = models.DateTimeField()

    class Meta:
        ordering = ("-happened_at",)

    def __str__(self) -> str:
        return f"{self.service}: {self.before} → {self.after}"


class ServiceSample(models.Model):
    """What one probe of a service saw, kept for days: what charts are drawn from."""

    service = models.ForeignKey(Service, on_delete=models.CASCADE, related_name="samples")
    taken_at = models.DateTimeField()
    state = models.CharField(max_length=16, choices=Service.State)
    latency_ms = models.PositiveIntegerField(null=True, blank=True)

    class Meta:
        indexes = (models.Index(fields=("service", "taken_at"), name="sample_of_a_service"),)

    def __str__(self) -> str:
        return f"{self.service} at {self.taken_at}: {self.state}"
