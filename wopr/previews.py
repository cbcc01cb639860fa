"""Staff's pages that show how each letter and document looks, before any customer gets one."""

from types import SimpleNamespace
from typing import Any

from django.contrib.admin import site
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.text import capfirst

from tenants import correspondence
from tenants.models import Document, Message
from wopr.common.staff.links import entries_of
from wopr.samples import sample_context


def page(request: HttpRequest) -> HttpResponse:
    """Every kind there is, each with a sample and with the newest real one."""
    _insist(request, "message")
    _insist(request, "document")
    letters = Message.objects.defer("text", "html")
    papers = Document.objects.defer("content")
    context = {
        **site.each_context(request),
        "title": "Samples",
        "groups": [
            ("Letters", [_entry("letter", kind, letters) for kind in Message.Kind]),
            ("Documents", [_entry("document", kind, papers) for kind in Document.Kind]),
        ],
    }
    return TemplateResponse(request, "admin/samples.html", context)


def letter(request: HttpRequest, kind: str) -> HttpResponse:
    """A letter as HTML and as text."""
    _insist(request, "message")
    _known(kind, Message.Kind.values)
    shown = correspondence.letter_of(kind, sample_context())
    context = {
        **site.each_context(request),
        "title": f"Sample: {_title(kind)}",
        "subject": shown["subject"],
        "text": shown["text"],
        "message": SimpleNamespace(html=shown["html"]),
    }
    return TemplateResponse(request, "admin/sample_letter.html", context)


def document(request: HttpRequest, kind: str) -> HttpResponse:
    """A document, in the browser."""
    from wopr.sample_paper import SamplePaper

    _insist(request, "document")
    _known(kind, Document.Kind.values)
    answer: HttpResponse = SamplePaper(
        request,
        f"documents/{kind}.html",
        {**sample_context(), "title": f"{_title(kind)} (sample)"},
        filename=f"sample-{kind}.pdf",
        attachment=False,
        options={"pdf_tags": True},
    )
    return answer


def _entry(what: str, kind: Any, rows: "QuerySet[Any]") -> dict[str, Any]:
    return {
        "title": _title(kind),
        "url": reverse(f"admin-sample-{what}", args=[kind.value]),
        "latest": entries_of(rows.filter(kind=kind).order_by("-created_at")[:1]),
    }


def _title(kind: str) -> str:
    return capfirst(str(kind).replace("_", " "))


def _known(kind: str, kinds: list[str]) -> None:
    if kind not in kinds:
        raise Http404


def _insist(request: HttpRequest, model: str) -> None:
    """Who may not see the rows sees no samples of them."""
    if not request.user.has_perm(f"tenants.view_{model}"):
        raise PermissionDenied
