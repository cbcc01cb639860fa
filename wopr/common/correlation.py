"""One id from the first cause (a request, a Stripe event) to the last effect (an e-mail)."""

import re
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from celery import signals
from django.http import HttpRequest, HttpResponse

HEADER = "X-Correlation-ID"
_WELL_FORMED = re.compile(r"[A-Za-z0-9_.:-]{8,64}\Z")
_current: ContextVar[str] = ContextVar("correlation_id", default="")


def new_id() -> str:
    return uuid.uuid4().hex


def current_id() -> str:
    """The id of what is being done now; empty outside of any request, task or operation."""
    return _current.get()


@contextmanager
def correlation(value: str) -> Iterator[str]:
    """Everything inside is logged, and called outside, under this id."""
    token = _current.set(value)
    try:
        yield value
    finally:
        _current.reset(token)


class CorrelationMiddleware:
    """Gives each request an id, and answers with it."""

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        self.get_response = get_response
        if iscoroutinefunction(get_response):
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> Any:
        if iscoroutinefunction(self):
            return self._acall(request)
        with correlation(self._id_of(request)) as value:
            request.correlation_id = value  # type: ignore[attr-defined]
            return self._mark(self.get_response(request), value)

    async def _acall(self, request: HttpRequest) -> HttpResponse:
        with correlation(self._id_of(request)) as value:
            request.correlation_id = value  # type: ignore[attr-defined]
            return self._mark(await self.get_response(request), value)

    @staticmethod
    def _id_of(request: HttpRequest) -> str:
        offered = request.headers.get(HEADER, "")
        return offered if _WELL_FORMED.match(offered) else new_id()

    @staticmethod
    def _mark(response: HttpResponse, value: str) -> HttpResponse:
        response[HEADER] = value
        return response


def connect_celery() -> None:
    """Carries the id with every Celery message, in its headers."""
    signals.before_task_publish.connect(_attach, dispatch_uid="correlation_attach")
    signals.task_prerun.connect(_adopt, dispatch_uid="correlation_adopt")


def _attach(headers: dict[str, Any], **_: Any) -> None:
    headers.setdefault("correlation_id_wopr", current_id())


def _adopt(task: Any, **_: Any) -> None:
    _current.set(getattr(task.request, "correlation_id_wopr", None) or new_id())
