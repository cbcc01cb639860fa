"""Traces to an OpenTelemetry collector and errors to Sentry, each only where its address is set."""

from collections.abc import Mapping, Sequence
from typing import Any

import sentry_sdk
from django.conf import settings
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.celery import CeleryInstrumentor
from opentelemetry.instrumentation.django import DjangoInstrumentor
from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExportResult
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased

from wopr.common.logs import cleaned


def start() -> None:
    """Called once as the process starts."""
    if settings.WOPR_TRACES_URL:
        _start_traces()
    if settings.SENTRY_DSN:
        _start_sentry()


def _start_traces() -> None:
    about = {"service.name": settings.WOPR_DEPLOYMENT, "service.version": settings.WOPR_VERSION}
    share = ParentBased(TraceIdRatioBased(settings.WOPR_TRACES_SHARE))
    provider = TracerProvider(resource=Resource.create(about), sampler=share)
    provider.add_span_processor(BatchSpanProcessor(Redacting(endpoint=settings.WOPR_TRACES_URL)))
    trace.set_tracer_provider(provider)
    DjangoInstrumentor().instrument()
    CeleryInstrumentor().instrument()  # type: ignore[no-untyped-call]
    HTTPXClientInstrumentor().instrument()


def _start_sentry() -> None:
    sentry_sdk.init(
        dsn=settings.SENTRY_DSN,
        environment=settings.WOPR_DEPLOYMENT,
        release=settings.WOPR_VERSION,
        send_default_pii=False,
        include_local_variables=False,
        max_request_body_size="never",
        before_send=lambda event, _: cleaned(event),
        before_breadcrumb=lambda crumb, _: cleaned(crumb),
    )


class Redacting(OTLPSpanExporter):
    """Sends spans without what looks like a secret, and addresses without their queries."""

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        return super().export([_redacted(span) for span in spans])


def _redacted(span: ReadableSpan) -> ReadableSpan:
    return ReadableSpan(
        name=span.name.partition("?")[0],
        context=span.context,
        parent=span.parent,
        resource=span.resource,
        attributes=_attributes(span.attributes),
        events=[],
        links=span.links,
        kind=span.kind,
        status=span.status,
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )


def _attributes(found: Mapping[str, Any] | None) -> dict[str, Any]:
    return {
        name: _without_query(cleaned(value, name))
        for name, value in (found or {}).items()
        if not name.endswith(".query")
    }


def _without_query(value: Any) -> Any:
    return value.partition("?")[0] if isinstance(value, str) else value
