"""Documents and messages."""

from typing import Any
from uuid import UUID

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.template.defaultfilters import filesizeformat
from django.urls import reverse
from django.utils.safestring import SafeString

from tenants import services
from tenants.models import Document, Message, Tenant
from wopr.common.staff.links import anchor, belongs_to, correlation_link, link, reference_link
from wopr.common.staff.looks import block, moment, mono, panel, pill
from wopr.common.staff.pages import MachineOwned, confirmed


@admin.register(Document)
class DocumentAdmin(MachineOwned):
    """Documents as they were made; the file itself is a download."""

    list_display = ("title", "tenant_link", "kind", "about", "file_size", "created", "download")
    list_filter = ("kind", "created_at")
    search_fields = ("title", "filename", "cause", "tenant__slug", "sha256")
    list_select_related = ("tenant",)
    fieldsets = (
        (None, {"fields": ("title", "tenant_link", "kind", "about", "download", "file_size")}),
        ("Record", {"fields": ("id", "digest", "created_at")}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Document]:
        return super().get_queryset(request).defer("content")  # type: ignore[no-any-return]

    def get_custom_urls(self) -> tuple[Any, ...]:
        return (("<uuid:document_id>/file/", "tenants_document_file", self.file),)

    def file(self, request: HttpRequest, document_id: UUID, **_: Any) -> HttpResponse:
        """The document, for whoever may see its row."""
        document = get_object_or_404(self.get_queryset(request), pk=document_id)
        answer = HttpResponse(bytes(document.content), content_type="application/pdf")
        answer["Content-Disposition"] = f'attachment; filename="{document.filename}"'
        return answer

    @admin.display(description="tenant", ordering="tenant__slug")
    def tenant_link(self, document: Document) -> SafeString | str:
        return link(document.tenant)

    @admin.display(description="about", ordering="cause")
    def about(self, document: Document) -> SafeString | str:
        return reference_link(document.cause)

    @admin.display(description="size", ordering="size")
    def file_size(self, document: Document) -> str:
        return filesizeformat(document.size)

    @admin.display(description="SHA-256")
    def digest(self, document: Document) -> SafeString | str:
        return mono(document.sha256)

    @admin.display(description="created", ordering="created_at")
    def created(self, document: Document) -> SafeString | str:
        return moment(document.created_at)

    @admin.display(description="file")
    def download(self, document: Document) -> SafeString:
        return anchor(reverse("admin:tenants_document_file", args=[document.pk]), document.filename)


@admin.register(Message)
class MessageAdmin(MachineOwned):
    """E-mails as they were, or will be, sent."""

    list_display = ("subject", "recipient", "tenant_link", "status", "tries", "about", "sent")
    list_filter = ("state", "delivery", "kind", "created_at")
    search_fields = (
        "provider_id",
        "recipient",
        "subject",
        "cause",
        "correlation_id",
        "tenant__slug",
    )
    list_select_related = ("tenant",)
    actions_detail = ("send_again",)
    fieldsets = (
        (None, {"fields": ("subject", "recipient", "tenant_link", "status", "about")}),
        ("Delivery", {"fields": ("tries", "sent", "next_try", "last_error", "trace", "header")}),
        ("The provider says", {"fields": ("delivery", "reported", "detail", "provider_mark")}),
        ("Content", {"fields": ("preview", "plain")}),
    )

    @confirmed(
        "Send again now",
        icon="send",
        ask="Send this message now?",
        effects="It goes to the mail server at once. If it was sent before, the recipient gets it "
        "a second time, under the same Message-ID.",
    )
    def send_again(self, request: HttpRequest, _form: Any, object_id: str) -> HttpResponse:
        message = get_object_or_404(Message, pk=object_id)
        return self.carry_out(
            request,
            message,
            lambda: services.message_send_again(message=message),
            f"Queued to {message.recipient}; a worker sends it now.",
        )

    @admin.display(description="tenant", ordering="tenant__slug")
    def tenant_link(self, message: Message) -> SafeString | str:
        return link(message.tenant)

    @admin.display(description="state", ordering="state")
    def status(self, message: Message) -> SafeString:
        return pill(message.outcome)

    @admin.display(description="last report", ordering="delivery_at")
    def reported(self, message: Message) -> SafeString | str:
        return moment(message.delivery_at)

    @admin.display(description="its words")
    def detail(self, message: Message) -> SafeString | str:
        return block(message.delivery_detail)

    @admin.display(description="its id")
    def provider_mark(self, message: Message) -> SafeString | str:
        return mono(message.provider_id)

    @admin.display(description="tries", ordering="attempts")
    def tries(self, message: Message) -> int:
        return message.attempts

    @admin.display(description="about", ordering="cause")
    def about(self, message: Message) -> SafeString | str:
        return reference_link(message.cause)

    @admin.display(description="sent", ordering="sent_at")
    def sent(self, message: Message) -> SafeString | str:
        return moment(message.sent_at)

    @admin.display(description="next try")
    def next_try(self, message: Message) -> SafeString | str:
        return moment(None if message.sent_at else message.next_attempt_at)

    @admin.display(description="last error")
    def last_error(self, message: Message) -> SafeString | str:
        return block(message.error)

    @admin.display(description="done together with")
    def trace(self, message: Message) -> SafeString | str:
        return correlation_link(message.correlation_id)

    @admin.display(description="Message-ID")
    def header(self, message: Message) -> SafeString | str:
        return mono(message.message_id)

    @admin.display(description="as HTML")
    def preview(self, message: Message) -> SafeString:
        return panel("admin/message_preview.html", message=message)

    @admin.display(description="as text")
    def plain(self, message: Message) -> SafeString | str:
        return block(message.text)


@belongs_to(Tenant, "Documents", more="tenant__id__exact={pk}")
def _documents_of(tenant: Tenant) -> QuerySet[Document]:
    return tenant.documents.defer("content")


@belongs_to(Tenant, "Messages", more="tenant__id__exact={pk}")
def _messages_of(tenant: Tenant) -> QuerySet[Message]:
    return tenant.messages.defer("text", "html")


@belongs_to(Message, "Attachments")
def _attachments_of(message: Message) -> QuerySet[Document]:
    return message.attachments.defer("content")


@belongs_to(Document, "Sent with")
def _messages_with(document: Document) -> QuerySet[Message]:
    return document.messages.defer("text", "html")
