"""Letters to a tenant, and documents made for one. Both are rows before they are anything else."""

from django.db import models
from django.db.models import Q

from tenants.models.tenant import Tenant
from wopr.common.models import Identified


class DocumentQuerySet(models.QuerySet["Document"]):
    def of(
        self, tenants: models.QuerySet[Tenant], *, money_of: models.QuerySet[Tenant]
    ) -> "DocumentQuerySet":
        """All that these tenants have; what is about money, only of those in `money_of`."""
        about_bots = Q(tenant__in=tenants) & ~Q(kind__in=Document.ABOUT_MONEY)
        return self.filter(about_bots | Q(tenant__in=money_of))


class Document(Identified):
    """A PDF, whole, with its digest. `cause` makes it unique: one document for one reason."""

    class Kind(models.TextChoices):
        WELCOME = "welcome"
        INVOICE = "invoice"
        RECEIPT = "receipt"
        CREDIT_NOTE = "credit_note"
        TERMINATION = "termination"
        DOMAIN_GUIDE = "domain_guide"

    ABOUT_MONEY = (Kind.INVOICE, Kind.RECEIPT, Kind.CREDIT_NOTE)

    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="documents")
    kind = models.CharField(max_length=32, choices=Kind)
    cause = models.CharField(max_length=128, help_text="What it is about, e.g. instance:<id>.")
    title = models.CharField(max_length=200)
    filename = models.CharField(max_length=128)
    content = models.BinaryField()
    size = models.PositiveIntegerField(help_text="Bytes.")
    sha256 = models.CharField(max_length=64)

    objects = DocumentQuerySet.as_manager()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("kind", "cause"), name="one_document_per_cause"),
        )
        ordering = ("-created_at",)

    def __str__(self) -> str:
        return self.title


class Message(Identified):
    """An e-mail. Queued with its cause, sent by a worker under a fixed Message-ID."""

    class Kind(models.TextChoices):
        WELCOME = "welcome"
        RECEIPT = "receipt"
        PAYMENT_FAILED = "payment_failed"
        SUSPENSION_COMING = "suspension_coming"
        SUSPENDED = "suspended"
        RESTORED = "restored"
        TRIAL_ENDING = "trial_ending"
        CANCELLED = "cancelled"
        TERMINATED = "terminated"
        PLAN_CHANGED = "plan_changed"
        CRASHING = "crashing"
        DISK_NEARLY_FULL = "disk_nearly_full"
        DISK_FULL = "disk_full"
        INVITATION = "invitation"
        OWNERSHIP = "ownership"
        DOMAIN_FAILING = "domain_failing"
        DOMAIN_PAUSED = "domain_paused"
        RECOVERED = "recovered"
        CREDIT_NOTE = "credit_note"
        DELETION_ASKED = "deletion_asked"
        DELETION_WITHDRAWN = "deletion_withdrawn"
        DELETED = "deleted"

    class State(models.TextChoices):
        QUEUED = "queued"
        SENDING = "sending"
        SENT = "sent"

    class Delivery(models.TextChoices):
        """What a mail provider says became of it, in the words of django-anymail."""

        QUEUED = "queued", "taken by the provider"
        SENT = "sent", "on its way"
        DEFERRED = "deferred"
        DELIVERED = "delivered"
        BOUNCED = "bounced"
        REJECTED = "rejected"
        FAILED = "failed"
        INVALID = "invalid", "invalid address"
        COMPLAINED = "complained", "taken for spam"
        UNKNOWN = "unknown", "taken, and not understood"

    CAME_BACK = (
        Delivery.BOUNCED,
        Delivery.REJECTED,
        Delivery.FAILED,
        Delivery.INVALID,
        Delivery.COMPLAINED,
    )

    tenant = models.ForeignKey(
        Tenant,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="messages",
        help_text="Empty where it is about a person's account.",
    )
    kind = models.CharField(max_length=32, choices=Kind)
    cause = models.CharField(max_length=128, help_text="What it is about, e.g. instance:<id>.")
    recipient = models.EmailField()
    subject = models.CharField(max_length=200)
    text = models.TextField()
    html = models.TextField()
    attachments = models.ManyToManyField(Document, blank=True, related_name="messages")
    correlation_id = models.CharField(max_length=64, blank=True)
    state = models.CharField(max_length=16, choices=State, default=State.QUEUED)
    attempts = models.PositiveIntegerField(default=0)
    next_attempt_at = models.DateTimeField(auto_now_add=True)
    error = models.TextField(blank=True)
    sent_at = models.DateTimeField(null=True, blank=True)
    provider_id = models.CharField(
        max_length=255, blank=True, db_index=True, help_text="The mail provider's own id of it."
    )
    delivery = models.CharField(
        max_length=16, choices=Delivery, blank=True, help_text="Empty: nobody reports it."
    )
    delivery_detail = models.TextField(blank=True)
    delivery_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("kind", "cause"), name="one_message_per_cause"),
            models.CheckConstraint(
                condition=(Q(state="sent") & Q(sent_at__isnull=False))
                | (~Q(state="sent") & Q(sent_at__isnull=True)),
                name="sent_has_a_time",
            ),
        )
        ordering = ("-created_at",)

    def __str__(self) -> str:
        return f"{self.kind} to {self.recipient}"

    @property
    def message_id(self) -> str:
        """The same at every try, so that a mailbox recognises a second delivery."""
        return f"<{self.kind}.{self.pk.hex}@wopr>"

    @property
    def outcome(self) -> str:
        """How far it came: what a provider reported last, or else our own state of it."""
        return self.delivery if self.state == self.State.SENT and self.delivery else self.state
